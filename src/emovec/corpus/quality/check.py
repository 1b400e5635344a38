"""What a corpus holds, and what in it would mislead a study: counts, lengths, duplicates, named emotions, scripts."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from emovec.corpus.load import Corpus, find_gaps
from emovec.corpus.read import Problem
from emovec.corpus.story import Story
from emovec.labels import NEUTRAL
from emovec.languages.language import MIN_SHARE
from emovec.languages.lexicon import emotion_words, named_words
from emovec.languages.script import script_share, writing_of

_BALANCE = (
    *("language", "n_stories", "n_topics", "n_neutral"),
    *("emotion_min", "emotion_max", "cell_min", "cell_max", "empty_cells"),
)


@dataclass(frozen=True)
class CheckReport:
    """What `check_corpus` found; every table has one row a finding, and none where all is well.

    Attributes:
        counts: texts by `language, emotion, topic` (topic empty where a text has none): `n`. Neutral texts included.
        balance: by `language`: `n_stories, n_topics, n_neutral`, least and most stories an emotion (`emotion_min,
            emotion_max`) and a cell, that is a pair of emotion and topic (`cell_min, cell_max`), and `empty_cells`.
        tokens: by `language, kind` (stories, neutral): `n_texts, n_too_short`, and `min, median, max` of the tokens
            beyond the offset. Empty where tokens were not counted, as `too_short` is.
        too_short: `kind, language, emotion, id, n_tokens` of texts without a token beyond the offset.
        duplicates: `group, scope, language, emotion, id` of texts that are equal but for white space; scope
            `within` where all of a group have one emotion, `across` where they have several.
        named: `language, emotion, id, words` of stories that use a word for their own emotion.
        script: `kind, language, id, share` of texts with too small a share of letters in their language's scripts.
        problems: records that can't be used.
        gaps: why a run would fail, one sentence each, beside `problems`.
        unjudged: what could not be judged, one sentence each.
    """

    counts: pd.DataFrame
    balance: pd.DataFrame
    tokens: pd.DataFrame
    too_short: pd.DataFrame
    duplicates: pd.DataFrame
    named: pd.DataFrame
    script: pd.DataFrame
    problems: list[Problem]
    gaps: list[str]
    unjudged: list[str]

    @property
    def fails(self) -> bool:
        """Whether a run on this corpus would stop with an error."""
        return bool(self.problems or self.gaps)

    @property
    def n_findings(self) -> int:
        """How many texts or cells deserve a look, beside what makes a run fail."""
        tables = (self.too_short, self.duplicates, self.named, self.script)
        return sum(map(len, tables)) + int(self.balance["empty_cells"].sum())


def check_corpus(
    corpus: Corpus,
    languages: Sequence[str],
    emotions: Sequence[str],
    *,
    neutral: bool = True,
    offset: float = 50,
    count_tokens: Callable[[str], int] | None = None,
    progress: Callable[[int], None] | None = None,
) -> CheckReport:
    """Check the texts of a study before it runs.

    Args:
        corpus: the texts, as `collect_corpus` or `corpus_of` gives them.
        languages: the languages of the study.
        emotions: its emotions.
        neutral: whether it asks for neutral texts.
        offset: the tokens at a text's start that are left out, or below 1 the fraction of them.
        count_tokens: the number of a text's own tokens under the study's tokenizer; None to leave tokens out.
        progress: called with 1 for every text whose tokens are counted.
    """
    counts = _counts(corpus)
    tokens, too_short = _tokens(corpus, offset, count_tokens, progress)
    unjudged = [
        f"'{language}': its scripts are not known here, so they were not checked."
        for language in languages
        if writing_of(language) is None
    ]
    for language in languages:
        unlisted = [emotion for emotion in emotions if not emotion_words(language, emotion)]
        if unlisted:
            which = "any emotion" if len(unlisted) == len(emotions) else ", ".join(unlisted)
            unjudged.append(f"'{language}': no words are listed for {which}, so named emotions were not looked for.")
    return CheckReport(
        counts=counts,
        balance=_balance(counts, languages, emotions),
        tokens=tokens,
        too_short=too_short,
        duplicates=_duplicates([*corpus.stories, *corpus.neutral]),
        named=_named(corpus.stories),
        script=_script(corpus),
        problems=list(corpus.problems),
        gaps=[*find_gaps(corpus, languages, emotions, neutral=neutral), *_too_short_gaps(corpus, too_short)],
        unjudged=unjudged,
    )


def _texts(corpus: Corpus) -> Iterator[tuple[str, Story]]:
    for kind, stories in (("stories", corpus.stories), ("neutral", corpus.neutral)):
        for story in stories:
            yield kind, story


def _counts(corpus: Corpus) -> pd.DataFrame:
    counts = Counter((story.language, story.emotion, story.topic or "") for _, story in _texts(corpus))
    return pd.DataFrame(
        [(*cell, n) for cell, n in counts.items()], columns=pd.Index(["language", "emotion", "topic", "n"])
    )


def _balance(counts: pd.DataFrame, languages: Sequence[str], emotions: Sequence[str]) -> pd.DataFrame:
    """Topics are crossed with languages: one that a language lacks altogether gives it empty cells too."""
    stories = counts[counts["emotion"] != NEUTRAL]
    topics = list(dict.fromkeys(stories["topic"])) or [""]
    rows: list[dict[str, str | int]] = []
    for language in languages:
        here = stories[stories["language"] == language]
        cells = here.set_index(["emotion", "topic"])["n"].reindex(
            pd.MultiIndex.from_product([emotions, topics], names=["emotion", "topic"]), fill_value=0
        )
        by_emotion = cells.groupby(level="emotion").sum()
        is_neutral = (counts["language"] == language) & (counts["emotion"] == NEUTRAL)
        rows.append(
            {
                "language": language,
                "n_stories": int(here["n"].sum()),
                "n_topics": here.loc[here["topic"] != "", "topic"].nunique(),
                "n_neutral": int(counts.loc[is_neutral, "n"].sum()),
                "emotion_min": int(by_emotion.min()) if len(by_emotion) else 0,
                "emotion_max": int(by_emotion.max()) if len(by_emotion) else 0,
                "cell_min": int(cells.min()) if len(cells) else 0,
                "cell_max": int(cells.max()) if len(cells) else 0,
                "empty_cells": int((cells == 0).sum()),
            }
        )
    return pd.DataFrame(rows, columns=pd.Index(_BALANCE))


def _tokens(
    corpus: Corpus,
    offset: float,
    count_tokens: Callable[[str], int] | None,
    progress: Callable[[int], None] | None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    rows: list[tuple[str, str, str, str, int, int]] = []
    for kind, story in _texts(corpus) if count_tokens else ():
        assert count_tokens
        n = count_tokens(story.text)
        beyond = n - int(offset * n if offset < 1 else offset)
        rows.append((kind, story.language, story.emotion, story.id, n, max(beyond, 0)))
        if progress:
            progress(1)
    columns = pd.Index(["kind", "language", "emotion", "id", "n_tokens", "beyond"])
    texts = pd.DataFrame(rows, columns=columns)
    short = texts["beyond"] == 0
    groups = texts.assign(short=short).groupby(["language", "kind"], sort=False)
    tokens = groups.agg(
        n_texts=("beyond", "size"),
        n_too_short=("short", "sum"),
        min=("beyond", "min"),
        median=("beyond", "median"),
        max=("beyond", "max"),
    ).reset_index()
    return tokens, texts[short].drop(columns="beyond").reset_index(drop=True)


def _too_short_gaps(corpus: Corpus, too_short: pd.DataFrame) -> list[str]:
    """Cells in which no text is long enough, which leaves an emotion without a vector."""
    have = Counter((story.language, story.emotion) for _, story in _texts(corpus))
    short = Counter(zip(too_short["language"], too_short["emotion"], strict=True))
    return [
        f"extraction.offset: no text of '{emotion}' in '{language}' reaches past it ({n} read); lower it or give "
        "longer texts."
        for (language, emotion), n in short.items()
        if n == have[language, emotion]
    ]


def _duplicates(stories: Sequence[Story]) -> pd.DataFrame:
    groups: defaultdict[str, list[Story]] = defaultdict(list)
    for story in stories:
        groups[" ".join(story.text.split())].append(story)
    rows = [
        (group, "within" if len({s.emotion for s in equal}) == 1 else "across", s.language, s.emotion, s.id)
        for group, equal in enumerate((equal for equal in groups.values() if len(equal) > 1), 1)
        for s in equal
    ]
    return pd.DataFrame(rows, columns=pd.Index(["group", "scope", "language", "emotion", "id"]))


def _named(stories: Sequence[Story]) -> pd.DataFrame:
    rows = [
        (story.language, story.emotion, story.id, ", ".join(words))
        for story in stories
        if (words := named_words(story.text, story.language, story.emotion))
    ]
    return pd.DataFrame(rows, columns=pd.Index(["language", "emotion", "id", "words"]))


def _script(corpus: Corpus) -> pd.DataFrame:
    rows = [
        (kind, story.language, story.id, share)
        for kind, story in _texts(corpus)
        if (share := script_share(story.text, story.language)) is not None and share < MIN_SHARE
    ]
    return pd.DataFrame(rows, columns=pd.Index(["kind", "language", "id", "share"]))
