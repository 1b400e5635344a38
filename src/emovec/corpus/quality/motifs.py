"""What recurs too often in a corpus: phrases of one emotion, openings, and names."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emovec.corpus.quality.ngrams import Tokens, distinct, ngrams, tokenise
from emovec.corpus.story import Story
from emovec.languages.language import base_language
from emovec.languages.lexicon import unspaced

MOTIF_COLUMNS = ("language", "emotion", "term", "z", "n_stories", "share", "share_elsewhere", "n_topics")
OPENING_COLUMNS = ("language", "opening", "n_stories", "share", "n_emotions", "emotion", "n_emotion")
NAME_COLUMNS = ("language", "name", "n_stories", "share", "n_emotions", "emotion", "n_emotion")

LEAST_Z = 3.0
"""Motifs have at least this z; terms are many, so a few reach it by chance: with the emotions of the bundled plain
stories shuffled within topics about 9 in English and 20 in Japanese, where 382 and 724 do."""

PRIOR = 1 / 12
"""The Dirichlet prior's size, as a share of all terms counted: it holds back terms that few stories have."""

_WORD_LENGTHS, _CHARACTER_LENGTHS = (1, 2, 3), (2, 3, 4, 5)
_OPENING_WORDS, _OPENING_CHARACTERS = 4, 7
_BEGINNING = 200  # characters, more than an opening takes
_CAPITALISED = re.compile(r"(?<=[\w,;]\s)([A-ZÀ-ÖØ-ÞĀĆČĐĒĘĞĪŁŃŌŚŠŪŹŻŽΑ-ΩА-Я][\w’']+)")
_ADDRESSED = re.compile(
    r"([\u4e00-\u9fff々]{1,4}|[\u30a1-\u30faー]{2,8}|(?<![^のはがをにともへや、。「『（\s…！？])[\u3041-\u3096]{2,4}?)"
    r"(?:さん(?!ざん)|くん|君|ちゃん|先生|様(?![子々式相]))"
)
# Whoever is spoken of without a name, and what 様 and さん end besides: 模様, 赤ちゃん, たくさん.
_KIN = frozenset(
    """
    父 母 兄 姉 弟 妹 祖父 祖母 叔父 叔母 伯父 伯母 娘 息子 嫁 婿 孫 奥 旦那 皆 みな みんな お客 客 おばあ おじい
    ばあ じい おば おじ おかあ おとう かあ とう おにい おねえ にい ねえ 医者 坊 赤 神 王 嬢 貴 模 多 同 異 有 何 仕
    一 各 諸 暴 主 運転手 大家 隣 担任 校長 教頭 たく
    """.split()  # noqa: SIM905 — easier to read
)
_CALLING = re.compile(r"[師員者官係長科]$|..屋$")
_NO_NAMES = frozenset(
    """
    Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April May June July August September
    October November December Christmas Easter Mr Mrs Ms Dr Mum Mom Mama Dad Papa Grandma Grandpa Gran Nan God English
    """.split()  # noqa: SIM905 — easier to read
)
_MOST_CAPITALISED = 0.12
_LONGER = 0.8  # a longer phrase with this share of a term's stories says more than the term


class _Found(NamedTuple):
    term: str
    z: float
    inside: int
    total: int
    n_topics: int


def log_odds(counts: NDArray[np.float64], prior: float) -> NDArray[np.float64]:
    """z of each term's log-odds in a group against all other groups, with an informative Dirichlet prior.

    The prior of a term is in proportion to its count in all groups together (Monroe, Colaresi & Quinn 2008, equations
    16, 20 and 22).

    Args:
        counts: [term, group] how often each group uses each term.
        prior: the size of the prior, in terms.

    Returns:
        [term, group] z: above 0 where the group uses the term more than the others do.
    """
    every = counts.sum(axis=1, keepdims=True)
    alpha = prior * every / every.sum()
    here, elsewhere = counts + alpha, every - counts + alpha
    total, total_elsewhere = here.sum(axis=0), elsewhere.sum(axis=0)
    delta = np.log(here / (total - here)) - np.log(elsewhere / (total_elsewhere - elsewhere))
    return delta / np.sqrt(1 / here + 1 / elsewhere)


def motifs(stories: Sequence[Story], language: str, *, least_z: float = LEAST_Z, most: int = 10) -> pd.DataFrame:
    """Runs of one to three words (of two to five characters) in more stories of an emotion than is usual.

    A story counts once for a term. Terms need three stories (or one in a hundred of the emotion's) and, where topics
    are named, two topics. Of terms that contain each other one is given: that of higher z, or a longer one that
    most of its stories have.

    Args:
        stories: stories of one language.
        language: its code.
        least_z: the least z to be given.
        most: terms given for each emotion.

    Returns:
        Columns `MOTIF_COLUMNS`, by emotion and falling z. share and share_elsewhere: of the emotion's stories, and of
        all others, that have the term.
    """
    emotions, of = np.unique([story.emotion for story in stories], return_inverse=True)
    if len(emotions) < 2:
        return pd.DataFrame(columns=pd.Index(MOTIF_COLUMNS))
    topics = pd.factorize(np.array([story.topic or "" for story in stories], dtype=object))[0]
    tokens = tokenise([story.text for story in stories], language)
    found: defaultdict[int, list[_Found]] = defaultdict(list)
    for n in _CHARACTER_LENGTHS if unspaced(language) else _WORD_LENGTHS:
        for emotion, term in _typical(tokens, n, of, topics, least_z):
            found[emotion].append(term)
    sizes = np.bincount(of)
    rows: list[tuple[str, str, str, float, int, float, float, int]] = []
    for emotion, name in enumerate(emotions.tolist()):
        for term, z, inside, total, n_topics in _foremost(found[emotion], language, most):
            elsewhere = (total - inside) / (len(stories) - sizes[emotion])
            rows.append((language, name, term, z, inside, inside / sizes[emotion], elsewhere, n_topics))
    return pd.DataFrame(rows, columns=pd.Index(MOTIF_COLUMNS))


def _typical(
    tokens: Tokens, n: int, of: NDArray[np.int64], topic_of: NDArray[np.int64], least_z: float
) -> Iterator[tuple[int, _Found]]:
    """Terms of `n` tokens that an emotion uses more than is usual, each with the number of that emotion.

    Args:
        tokens: of all stories.
        n: tokens of a term.
        of: [story] the number of its emotion.
        topic_of: [story] the number of its topic.
        least_z: as in `motifs`.
    """
    grams = distinct(ngrams(tokens, n))
    if not len(grams.keys):
        return
    sizes = np.bincount(of)
    _, first, term_of, total = np.unique(grams.keys, return_index=True, return_inverse=True, return_counts=True)
    common = total >= 3
    row = np.cumsum(common) - 1
    kept = common[term_of]
    terms, texts, place = row[term_of[kept]], grams.texts[kept], grams.positions[first[common]]
    if len(place) < 2:  # odds need another term
        return
    counts = np.bincount(terms * len(sizes) + of[texts], minlength=len(place) * len(sizes))
    counts = counts.reshape(len(place), len(sizes)).astype(float)
    z = log_odds(counts, PRIOR * counts.sum())
    ats = np.argwhere((z >= least_z) & (counts >= np.maximum(3, sizes / 100)))
    # A term that one topic alone brings is no motif.
    one_topic = topic_of.max() == 0
    codes = np.isin(terms, ats[:, 0])
    topics = pd.Series(topic_of[texts[codes]]).groupby([terms[codes], of[texts[codes]]]).nunique().to_dict()
    for term, emotion in ats.tolist():
        n_topics = int(topics[term, emotion])
        spelt = tokens.spelt(int(place[term]), n)
        if (one_topic or n_topics > 1) and _whole(spelt):
            inside, total = int(counts[term, emotion]), int(counts[term].sum())
            yield emotion, _Found(spelt, float(z[term, emotion]), inside, total, n_topics)


def _foremost(found: Sequence[_Found], language: str, most: int) -> list[_Found]:
    """An emotion's terms of highest z, without those that contain each other."""
    chosen: list[_Found] = []
    for first in sorted(found, key=lambda row: (-row.z, -len(row.term), row.term)):
        if len(chosen) == most:
            break
        longer = (row for row in found if first.term in row.term and row.inside >= _LONGER * first.inside)
        best = max(longer, key=lambda row: (len(row.term), row.z))
        if not any(_overlap(best.term, other.term, language) for other in chosen):
            chosen.append(best)
    return chosen


def openings(stories: Sequence[Story], language: str, *, least: int = 3, share: float = 0.01) -> pd.DataFrame:
    """The first four words (seven characters) that several stories have in common.

    Args:
        stories: stories of one language.
        language: its code.
        least: stories that make an opening a repeated one…
        share: …and the share of all stories (0–1); both are needed.

    Returns:
        Columns `OPENING_COLUMNS`, the commonest first. emotion: the one that uses it most, in n_emotion stories.
    """
    users: defaultdict[str, list[str]] = defaultdict(list)
    for story, opening in zip(stories, _openings([story.text for story in stories], language), strict=True):
        if opening:
            users[opening].append(story.emotion)
    return _recurring(users, language, len(stories), least, share, OPENING_COLUMNS)


def opening_of(story: Story) -> str:
    """A story's opening as `openings` counts it."""
    return _openings([story.text], story.language)[0]


def names(
    stories: Sequence[Story], language: str, *, least: int = 3, share: float = 0.01
) -> tuple[pd.DataFrame, str | None]:
    """Names that recur: words with a capital within a sentence; in Japanese what stands before さん, くん, 先生, …

    A word that occurs as often without its capital is no name. Where nouns have capitals (German), or the script has
    none, names can't be told.

    Returns:
        Columns `NAME_COLUMNS`, the commonest first, and why names were not looked for, or None.
    """
    users: defaultdict[str, list[str]] = defaultdict(list)
    if unspaced(language):
        if base_language(language) != "ja":
            return pd.DataFrame(columns=pd.Index(NAME_COLUMNS)), f"'{language}': names can't be told by their form."
        for story in stories:
            for name in {match[1] for match in _ADDRESSED.finditer(story.text)} - _KIN:
                if not _CALLING.search(name):
                    users[name].append(story.emotion)
        return _recurring(users, language, len(stories), least, share, NAME_COLUMNS), None
    n_words = n_capitalised = 0
    uncapitalised: Counter[str] = Counter()
    for story in stories:
        words = story.text.split()
        n_words += len(words)
        uncapitalised.update({word.strip(".,;:!?…\"'“”’()") for word in words if word.islower()})
        found = [match[1] for match in _CAPITALISED.finditer(story.text)]
        n_capitalised += len(found)
        bare = {re.sub(r"['’]s?$", "", word) for word in found}
        for name in {word for word in bare if not re.match(r"I['’]", word)}:
            users[name].append(story.emotion)
    if n_capitalised > _MOST_CAPITALISED * max(n_words, 1):
        reason = f"'{language}': so many words have capitals that names can't be told by them."
        return pd.DataFrame(columns=pd.Index(NAME_COLUMNS)), reason
    users = defaultdict(
        list, {n: e for n, e in users.items() if n not in _NO_NAMES and uncapitalised[n.lower()] < len(e)}
    )
    return _recurring(users, language, len(stories), least, share, NAME_COLUMNS), None


def _openings(texts: Sequence[str], language: str) -> list[str]:
    """The first words of each text, or nothing where it has fewer."""
    n = _OPENING_CHARACTERS if unspaced(language) else _OPENING_WORDS
    tokens = tokenise([text.lstrip()[:_BEGINNING] for text in texts], language)
    places = pairwise(tokens.starts.tolist())
    return [tokens.spelt(start, n) if end - start >= n else "" for start, end in places]


def _recurring(
    users: dict[str, list[str]], language: str, n_stories: int, least: int, share: float, columns: Sequence[str]
) -> pd.DataFrame:
    rows: list[tuple[str, str, int, float, int, str, int]] = []
    for what, emotions in users.items():
        if len(emotions) >= max(least, share * n_stories):
            by_emotion = Counter(emotions)
            commonest, n = min(by_emotion.items(), key=lambda item: (-item[1], item[0]))
            rows.append((language, what, len(emotions), len(emotions) / n_stories, len(by_emotion), commonest, n))
    rows.sort(key=lambda row: (-row[2], row[1]))
    return pd.DataFrame(rows, columns=pd.Index(columns))


def _whole(term: str) -> bool:
    """Whether a term is all letters and figures: characters that straddle punctuation are no phrase."""
    return all(c.isalnum() or c in " '’ー々_" for c in term)


def _overlap(term: str, other: str, language: str) -> bool:
    """Whether two terms are pieces of one phrase: one within the other, or one's end the other's beginning."""
    if unspaced(language):
        shorter, longer = sorted((len(term), len(other)))
        joints = range(1 if longer == 2 else max(2, shorter // 2), shorter)
        meet = any(term[-k:] == other[:k] or other[-k:] == term[:k] for k in joints)
        return term in other or other in term or meet
    return f" {term} " in f" {other} " or f" {other} " in f" {term} "
