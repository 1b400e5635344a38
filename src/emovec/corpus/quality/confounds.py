"""How far the length and the punctuation of stories go with their emotion."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emovec.corpus.story import Story
from emovec.languages.lexicon import unspaced
from emovec.stats.permutation import familywise_p_values

COLUMNS = (
    "language", "feature", "eta2", "eta2_chance", "p", "n_stories", "mean", "lowest", "lowest_mean", "highest",
    "highest_mean",
)  # fmt: skip

MARKS: dict[str, str] = {
    "commas": ",，、،",
    "full stops": ".。．",
    "exclamation marks": "!！",
    "question marks": "?？¿؟",
    "ellipses": "…",
    "dashes": "—–―─",
    "colons and semicolons": ":;：；",
    "quotation marks": '"“”„«»「」『』',
    "brackets": "()[]（）【】",
    "digits": "0123456789０１２３４５６７８９",
}
"""Punctuation by kind; a story's marks are counted by 100 of its characters."""

LENGTHS = ("characters", "words", "sentences", "characters a sentence", "paragraphs")

_ENDS = str.maketrans(dict.fromkeys("!?。．！？…", "."))


def surface_features(texts: Sequence[str], language: str) -> pd.DataFrame:
    """Lengths and rates of punctuation of texts: a row a text, columns of `LENGTHS` and `MARKS`.

    A language without spaces has no column of words. A sentence ends with one or several of . ! ? … 。
    """
    rows: list[list[float]] = []
    for text in (text.strip().replace("...", "…") for text in texts):
        n = max(len(text), 1)
        sentences = max(sum(bool(part.strip(" \n\"'”’」』)）")) for part in text.translate(_ENDS).split(".")), 1)
        paragraphs = sum(bool(part.strip()) for part in text.split("\n"))
        marks = [100 * sum(map(text.count, kind)) / n for kind in MARKS.values()]
        rows.append([n, len(text.split()), sentences, n / sentences, paragraphs, *marks])
    table = pd.DataFrame(rows, columns=pd.Index([*LENGTHS, *MARKS]), dtype=float)
    return table.drop(columns="words") if unspaced(language) else table


def confounds(stories: Sequence[Story], language: str, *, permutations: int = 199, seed: int = 0) -> pd.DataFrame:
    """The share of each surface feature's variance that lies between emotions (eta²), against shuffled labels.

    Labels are shuffled among the stories of a topic, so that topics of different length don't count against emotions.
    Where every topic has one emotion alone, they are shuffled among all: topics and emotions can't be told apart then.

    Args:
        stories: stories of one language.
        language: its code.
        permutations: how many shuffles; p is at least 1/(permutations + 1).
        seed: of the shuffles.

    Returns:
        Columns `COLUMNS`, largest eta² first; features without variance are left out. eta2_chance: the mean under
        shuffled labels. p: against the largest eta² of all features under shuffled labels (Westfall & Young 1993).
        lowest, highest: the emotions of least and largest mean.
    """
    emotions, of = np.unique([story.emotion for story in stories], return_inverse=True)
    table = surface_features([story.text for story in stories], language)
    table = table.loc[:, table.std(ddof=0) > 1e-9] if len(table) else table
    if len(emotions) < 2 or table.empty or len(stories) <= len(emotions):
        return pd.DataFrame(columns=pd.Index(COLUMNS))
    values = table.to_numpy()
    values = (values - values.mean(axis=0)) / values.std(axis=0)
    observed = eta_squared(values, of)
    topics = pd.factorize(np.array([story.topic or "" for story in stories], dtype=object))[0]
    if (pd.Series(of).groupby(topics).nunique() == 1).all():  # shuffles within topics would change nothing
        topics = np.zeros_like(topics)
    null = np.array([eta_squared(values, labels) for labels in _shuffled(of, topics, permutations, seed)])
    p = familywise_p_values(observed, null)
    means = table.groupby(of).mean()
    rows: list[tuple[object, ...]] = []
    for k, feature in enumerate(table.columns):
        low, high = int(means[feature].to_numpy().argmin()), int(means[feature].to_numpy().argmax())
        rows.append(
            (
                language, feature, observed[k], null[:, k].mean(), p[k], len(stories), table[feature].mean(),
                str(emotions[low]), means[feature][low], str(emotions[high]), means[feature][high],
            )
        )  # fmt: skip
    return pd.DataFrame(rows, columns=pd.Index(COLUMNS)).sort_values("eta2", ascending=False, ignore_index=True)


def eta_squared(values: NDArray[np.float64], labels: NDArray[np.intp]) -> NDArray[np.float64]:
    """Variance between groups over all variance, by column.

    Args:
        values: [story, feature], each column of mean 0 and variance 1.
        labels: [story] group numbers.
    """
    sizes = np.bincount(labels)
    sums = np.stack([np.bincount(labels, column) for column in values.T], axis=1)
    return (sums**2 / np.maximum(sizes, 1)[:, None]).sum(axis=0) / len(values)


def _shuffled(labels: NDArray[np.intp], topics: NDArray[np.intp], times: int, seed: int) -> Iterator[NDArray[np.intp]]:
    rng = np.random.default_rng(seed)
    places = np.argsort(topics, kind="stable")
    for _ in range(times):
        shuffled = np.empty_like(labels)
        # Ordered by topic and then at random: each topic's labels stay in its own places.
        shuffled[places] = labels[np.lexsort((rng.random(len(labels)), topics))]
        yield shuffled
