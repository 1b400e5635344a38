"""Which texts are held out together, so that a topic is never learnt and tested at once."""

import warnings

import numpy as np
import pandas as pd

from emovec.labels import NEUTRAL

FEW_TOPICS = 12

FOLDS = 10

_LISTED = 3


def assign_folds(stories: pd.DataFrame, seed: int = 0) -> tuple[np.ndarray, str]:
    """Which fold each story is held out in, the same for all languages.

    Whole topics are held out: each alone when there are at most twelve, else in ten groups. A story without a topic is
    held out as if it were a topic of its own. Where fewer than two topics are named the folds are stratified by emotion
    within each language, ten of them or as many as its commonest emotion has stories; a rarer emotion is tested only
    in the folds that leave some of its stories to learn from.

    Args:
        stories: columns id, language, emotion, topic ("" or None for none).
        seed: of the stratified folds.

    Returns:
        [story] fold numbers, and a sentence that says how they were made.
    """
    from sklearn.model_selection import GroupKFold, StratifiedKFold

    topics = stories["topic"].fillna("").astype(str)
    alone = topics == ""
    n_topics, n_alone = topics[~alone].nunique(), int(alone.sum())
    if n_topics > 1:
        own = "\0" + stories["language"].astype(str) + "\0" + stories["id"].astype(str)
        groups = topics.where(~alone, own).to_numpy(dtype=str)
        without = f" ({n_alone} stories without a topic as if each were one)" if n_alone else ""
        if n_topics + n_alone <= FEW_TOPICS:
            return np.unique(groups, return_inverse=True)[1], f"{n_topics} topics, each held out once{without}"
        order = np.lexsort((stories["id"], stories["language"]))
        folds = np.empty(len(stories), dtype=np.intp)
        splits = GroupKFold(FOLDS).split(order, groups=groups[order])
        for number, (_, test) in enumerate(splits):
            folds[order[test]] = number
        return folds, f"{n_topics} topics, held out in {FOLDS} groups of whole topics{without}"
    folds = np.zeros(len(stories), dtype=np.intp)
    for _, own in stories.reset_index(drop=True).sort_values("id").groupby("language"):
        largest = own["emotion"].value_counts().max()
        if largest > 1:
            splitter = StratifiedKFold(min(FOLDS, int(largest)), shuffle=True, random_state=seed)
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "The least populated class", UserWarning)
                splits = list(splitter.split(own, own["emotion"].astype(str)))
            for number, (_, test) in enumerate(splits):
                folds[own.index.to_numpy()[test]] = number
    why = "the corpus has one topic" if n_topics == 1 else "no story has a topic"
    return folds, f"{folds.max(initial=0) + 1} folds stratified by emotion: {why}, so topics are not held out"


def unshared_topics(stories: pd.DataFrame) -> str:
    """A sentence that names the topics that not all languages have and says what to do; empty where all have them.

    The same topic under another name is held out in one language only: what was learnt from its stories in the other
    language then names the held-out ones, and topics no longer are a unit that the languages share.

    Args:
        stories: columns language, emotion, topic ("" or None for none).
    """
    named = stories.assign(topic=stories["topic"].fillna("").astype(str))
    own = {
        str(language): set(rows["topic"]) - {""}
        for language, rows in named[named["emotion"] != NEUTRAL].groupby("language")
    }
    own = {language: topics for language, topics in own.items() if topics}
    if len(own) < 2:
        return ""
    shared = set.intersection(*own.values())
    apart = {language: sorted(topics - shared) for language, topics in own.items() if topics - shared}
    if not apart:
        return ""
    listed = "; ".join(
        f"{language}: {', '.join(topics[:_LISTED])}{f' and {more} more' if (more := len(topics) - _LISTED) > 0 else ''}"
        for language, topics in apart.items()
    )
    return (
        f"Not all languages have the same topics ({listed}). If these are the same topics under other names, numbers "
        "across languages are not of held-out topics: give a topic the same name in every language."
    )
