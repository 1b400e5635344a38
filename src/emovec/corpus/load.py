"""The texts of a study: found, filtered, put in order, and complete."""

import difflib
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from emovec.commands import command
from emovec.config import BUNDLED, StudyConfig
from emovec.config_values import Source
from emovec.corpus.read import Problem, read_sources, require_no_problems
from emovec.corpus.story import Story
from emovec.errors import EmovecError
from emovec.labels import NEUTRAL

NEUTRAL_FOR_EACH = 12
"""Neutral texts of a language for each story of an emotion, in a quick look.

Measured on the bundled corpus with two stories of each emotion: vectors that are denoised by 24 neutral texts have a
cosine of 0.95 to 0.97 with those denoised by all 72. With the vectors of all stories the cosine is 0.70 to 0.80 for
all 72 neutral texts, and 0.01 to 0.04 lower for 24.
"""
_SHOWN = 5


@dataclass(frozen=True)
class Corpus:
    """The texts of a study.

    Attributes:
        stories: stories of the study's languages and emotions, by language in the study's order, then as in the source.
        neutral: neutral texts of the study's languages, in the same order; empty where the study has none.
        problems: records that can't be used.
        left_out: how many stories of the source have other languages or emotions, by (language, emotion).
    """

    stories: list[Story]
    neutral: list[Story]
    problems: list[Problem]
    left_out: Mapping[tuple[str, str], int]


def load_corpus(config: StudyConfig, base: Path, study: str | Path | None = None) -> Corpus:
    """The texts that a study runs on.

    Args:
        config: the study.
        base: the folder that its relative paths start from: that of the study file.
        study: what to name in a command that shows more; by default nothing is named.

    Raises:
        EmovecError: if texts can't be read or are broken, or a language or an emotion has none.
    """
    corpus = collect_corpus(config, base)
    more = "" if study is None else f" ({command('corpus', 'check', study, '--all')} lists all)"
    require_no_problems(corpus.problems, f"fix or remove them{more}")
    for gap in find_gaps(corpus, config.languages, config.emotion_words, neutral=config.corpus.neutral is not None):
        shown = f" {command('corpus', 'check', study)} shows what was read." if study and not corpus.stories else ""
        raise EmovecError(gap + shown)
    return corpus if config.extraction.limit is None else limit_corpus(corpus, config.extraction.limit)


def collect_corpus(config: StudyConfig, base: Path) -> Corpus:
    """The texts of a study as they are, complete or not, without `extraction.limit`; arguments as in `load_corpus`.

    Raises:
        EmovecError: if a source names no file, or a file that can't be read or lacks a column.
    """
    _require_generated(config, base)
    read = read_sources(_sources(config.corpus.stories), base=base)
    stories, left_out = _select(read.stories, config.languages, config.emotion_words)
    if config.corpus.neutral is None:
        return Corpus(stories, [], read.problems, left_out)
    read_neutral = read_sources(_sources(config.corpus.neutral), base=base, neutral=True)
    neutral, _ = _select(read_neutral.stories, config.languages, [NEUTRAL])
    problems = list(dict.fromkeys(read.problems + read_neutral.problems))
    return Corpus(stories, neutral, problems, left_out)


def corpus_of(path: str | Path) -> tuple[Corpus, list[str], list[str]]:
    """All texts of one source, without a study.

    Args:
        path: a file, folder or glob, or a bundled corpus; texts of the emotion `neutral` are its neutral texts.

    Returns:
        The corpus, its languages and its emotions, in the order of their appearance.

    Raises:
        EmovecError: if it can't be read.
    """
    read = read_sources([path])
    neutral = read_sources([path], neutral=True).stories if str(path) in BUNDLED else read.stories
    languages = list(dict.fromkeys(story.language for story in read.stories))
    emotions = list(dict.fromkeys(story.emotion for story in read.stories if story.emotion != NEUTRAL))
    stories, _ = _select(read.stories, languages, emotions)
    neutral, _ = _select(neutral, languages, [NEUTRAL])
    return Corpus(stories, neutral, read.problems, {}), languages, emotions


def find_gaps(corpus: Corpus, languages: Sequence[str], emotions: Sequence[str], *, neutral: bool) -> list[str]:
    """What a study would miss in a corpus, one sentence a gap; empty where it is complete.

    Args:
        corpus: its texts.
        languages: the languages asked for.
        emotions: the emotions asked for.
        neutral: whether neutral texts are asked for.
    """
    found = Counter({key: n for key, n in corpus.left_out.items() if key[1] != NEUTRAL or NEUTRAL in emotions})
    found.update((story.language, story.emotion) for story in corpus.stories)
    found_languages = sorted({language for language, _ in found})
    found_emotions = sorted({emotion for _, emotion in found})
    if not found:
        return ["corpus.stories: contains no stories; a record needs a text, a language and an emotion."]
    empty = [language for language in languages if language not in found_languages]
    gaps = [
        f"languages: '{language}' has no stories; the corpus has {', '.join(found_languages)}; "
        "add stories or take the language out."
        for language in empty
    ]
    for language in languages:
        missing = [emotion for emotion in emotions if not found[language, emotion]]
        if missing and language not in empty:
            gaps.append(_missing_emotions(language, missing, found_emotions, len(emotions)))
    if neutral:
        have = {story.language for story in corpus.neutral}
        gaps.extend(
            f"corpus.neutral: '{language}' has no neutral texts (those whose emotion is 'neutral' or not given); add "
            "some (corpus.neutral takes a list of sources), or set corpus.neutral: null to go without denoising."
            for language in languages
            if language not in have
        )
    return gaps


def limit_corpus(corpus: Corpus, limit: int) -> Corpus:
    """So many stories of each language and emotion, and `NEUTRAL_FOR_EACH` times as many neutral texts."""
    return replace(
        corpus,
        stories=limit_stories(corpus.stories, limit),
        neutral=limit_stories(corpus.neutral, limit * NEUTRAL_FOR_EACH),
    )


def limit_stories(stories: Iterable[Story], limit: int) -> list[Story]:
    """The first stories of each language and emotion, spread over topics.

    The first story of every topic comes before the second of any; otherwise the source's order decides.

    Args:
        stories: stories in the source's order, which is kept.
        limit: how many for each language and emotion.
    """
    stories = list(stories)
    cells: dict[tuple[str, str], dict[str | None, list[int]]] = {}
    for i, story in enumerate(stories):
        cells.setdefault((story.language, story.emotion), {}).setdefault(story.topic, []).append(i)
    kept: list[int] = []
    for topics in cells.values():
        turns = sorted((turn, i) for places in topics.values() for turn, i in enumerate(places))
        kept.extend(i for _, i in turns[:limit])
    return [stories[i] for i in sorted(kept)]


def _require_generated(config: StudyConfig, base: Path) -> None:
    """Tell of texts that are still to be written by the command that has them written, not by their pattern."""
    for kind, setting in (("stories", config.corpus.stories), ("neutral", config.corpus.neutral)):
        for source in setting if isinstance(setting, list) else [setting]:
            if not isinstance(source, str):
                continue
            found = re.fullmatch(rf"(.*)-texts/{kind}\.\*\.jsonl", source)
            if not found or any((base / source).parent.glob(f"{kind}.*.jsonl")):
                continue
            written_for = [file for suffix in (".yaml", ".yml") if (file := base / (found[1] + suffix)).is_file()]
            if written_for:
                study = Path(os.path.relpath(written_for[0]))
                raise EmovecError(
                    f"corpus.{kind}: the texts of this study are not there yet. "
                    f"{command('corpus', 'generate', study)} has a model write them, and "
                    f"{command('plan', study)} says what that takes."
                )


def _sources(setting: str | Source | list[str | Source]) -> list[str | Source]:
    sources = setting if isinstance(setting, list) else [setting]
    if not sources:
        raise EmovecError("corpus: a list of sources is empty; name a file, folder, glob or 'bundled'.")
    return sources


def _select(
    stories: Iterable[Story], languages: Sequence[str], emotions: Iterable[str]
) -> tuple[list[Story], dict[tuple[str, str], int]]:
    """The stories of some languages and emotions, by language, and the number of the others by language and emotion."""
    wanted = set(emotions)
    by_language: dict[str, list[Story]] = {language: [] for language in languages}
    left_out: Counter[tuple[str, str]] = Counter()
    for story in stories:
        if story.language in by_language and story.emotion in wanted:
            by_language[story.language].append(story)
        else:
            left_out[story.language, story.emotion] += 1
    return [story for kept in by_language.values() for story in kept], dict(left_out)


def _missing_emotions(language: str, missing: Sequence[str], found: Sequence[str], asked: int) -> str:
    named = ", ".join(f"'{emotion}'" for emotion in missing[:_SHOWN])
    if len(missing) > _SHOWN:
        named += f" and {len(missing) - _SHOWN} more of {asked}"
    verb = "has" if len(missing) == 1 else "have"
    spelt = {emotion.casefold(): emotion for emotion in found}
    near = [
        f"{emotion} → {spelt[match]}"
        for emotion in missing[:_SHOWN]
        for match in difflib.get_close_matches(emotion.casefold(), spelt, n=1)
        if spelt[match] != emotion
    ]
    known = (
        f"the nearest known name{'s are' if len(near) > 1 else ' is'} {', '.join(near)}"
        if near
        else f"the corpus has {', '.join(found)}"
    )
    return f"emotions: {named} {verb} no story in '{language}'; {known}; add stories or take the emotion out."
