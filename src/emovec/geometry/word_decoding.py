"""How well words alone, without a model, name the emotion of a story on an unseen topic."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from emovec.corpus.story import Story
from emovec.geometry.analysis import Activations, Analysis, Outcome, Table, plain, stories_read
from emovec.labels import NEUTRAL
from emovec.languages.lexicon import unspaced
from emovec.stats.folds import assign_folds
from emovec.stats.word_baseline import FEATURES, counter, decode_counts
from emovec.vectors.emotion_vectors import EmotionVectors

TABLES = {"lexical": Table("features:str train_language:str test_language:str accuracy n_stories:int chance")}


def decode_words(stories: Sequence[Story], seed: int = 0) -> pd.DataFrame:
    """Nearest-centroid decoding (cosine) from TF-IDF of words and of runs of one to three characters.

    Folds, centring and centroids are those of `decode`, and term counts enter by 1 + log, as the baseline should be as
    strong as it can; inverse document frequencies come from the training stories alone. A language written without
    spaces has no word features. A story whose emotion has no training story is left out.

    Args:
        stories: all languages together; neutral ones are passed over.
        seed: of the folds where topics can't be held out.

    Returns:
        Columns features (word, character), train_language, test_language (equal), accuracy, n_stories, chance.
    """
    hits = word_hits(stories, seed)
    columns = TABLES["lexical"].columns
    rows = [
        (features, language, language, own["right"].mean(), len(own), own["chance"].iloc[0])
        for (language, features), own in (hits.groupby(["language", "features"], sort=False) if len(hits) else ())  # pyright: ignore[reportGeneralTypeIssues]
    ]
    return pd.DataFrame(rows, columns=columns)


def word_hits(stories: Sequence[Story], seed: int = 0) -> pd.DataFrame:
    """Which held-out stories are given their emotion from words alone, decoded as `decode_words` says.

    Args:
        stories: all languages together; neutral ones are passed over.
        seed: of the folds where topics can't be held out.

    Returns:
        Columns id, language, features (word, character), right, chance.
    """
    stories = [story for story in stories if story.emotion != NEUTRAL]
    if not stories:
        return pd.DataFrame()
    index = pd.DataFrame([(s.id, s.language, s.emotion, s.topic or "") for s in stories])
    index.columns = ["id", "language", "emotion", "topic"]
    folds, _ = assign_folds(index, seed)
    frames: list[pd.DataFrame] = []
    for language in dict.fromkeys(index["language"]):
        own = np.flatnonzero(index["language"] == language)
        texts = [stories[at].text for at in own]
        emotions, truth = np.unique(index["emotion"].to_numpy(dtype=str)[own], return_inverse=True)
        for features in FEATURES:
            if features == "word" and unspaced(language):
                continue
            right, asked = decode_counts(counter(features).fit_transform(texts), truth, folds[own], len(emotions))
            found = index.iloc[own][["id", "language"]].assign(features=features, right=right, chance=1 / len(emotions))
            frames.append(found[asked])
    return pd.concat(frames, ignore_index=True)


def _lexical(vectors: EmotionVectors, activations: Activations, stories: Sequence[Story], seed: int) -> Outcome:
    table = decode_words(stories_read(stories, activations, vectors), seed)
    parameters = {"word": "TF-IDF of words, 1 + log counts", "character": "TF-IDF of 1–3 characters, 1 + log counts"}
    return Outcome({"lexical": [table]}, {"accuracies": plain(table)}, parameters)


ANALYSIS = Analysis("lexical", _lexical, TABLES)
