"""The card of a dataset of texts: what it holds, how it came about, what checks found, what is weak."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from importlib.metadata import version
from statistics import median
from typing import Any

import pandas as pd

from emovec.corpus.load import Corpus
from emovec.corpus.quality.check import CheckReport, check_corpus
from emovec.corpus.story import Story, fingerprint
from emovec.emotions import CONCEPTS_30
from emovec.labels import NEUTRAL
from emovec.languages.language import base_language
from emovec.languages.language_names import language_name
from emovec.languages.lexicon import emotion_words
from emovec.languages.script import writing_of

_SIZES = (("n<1K", 1_000), ("1K<n<10K", 10_000), ("10K<n<100K", 100_000), ("100K<n<1M", 1_000_000))
_TAGS = ["emotion", "emotion-vectors", "interpretability", "representation-engineering"]
_FEW_NEUTRAL = 1_000


@dataclass(frozen=True)
class Provenance:
    """Where texts come from.

    Attributes:
        facts: rows of the card's table.
        about: Markdown sections that the card takes as they are.
        prompts: what a model was asked, by a title.
        limits: what is known to be weak, one sentence each.
    """

    facts: Mapping[str, str] = field(default_factory=dict[str, str])
    about: str = ""
    prompts: Mapping[str, str] = field(default_factory=dict[str, str])
    limits: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class DatasetFile:
    """One file of a dataset: the texts of a kind in a language.

    Attributes:
        kind: the config it belongs to: `stories`, `neutral`, …
        language: of its texts.
        split: what the Hub calls it within the config.
        name: its path within the dataset, with forward slashes.
        stories: the texts.
    """

    kind: str
    language: str
    split: str
    name: str
    stories: Sequence[Story]


def dataset_card(
    files: Sequence[DatasetFile],
    *,
    license: str | None,
    name: str,
    provenance: Provenance,
    audit: bool = False,
    progress: Callable[[int], None] | None = None,
) -> str:
    """The card: YAML front matter as the Hub reads it, then what, how to use, provenance, checks, limits.

    Args:
        files: all files of the dataset.
        license: as the Hub names it; None where none is stated.
        name: of the dataset.
        provenance: how the texts came about.
        audit: whether the card has a table of scores too: half a minute for ten thousand texts, with `progress`.
    """
    import yaml
    from jinja2 import Environment, StrictUndefined

    kinds = {
        kind: [s for f in files if f.kind == kind for s in f.stories] for kind in dict.fromkeys(f.kind for f in files)
    }
    texts = [story for stories in kinds.values() for story in stories]
    emotions = list(dict.fromkeys(story.emotion for story in texts if story.emotion != NEUTRAL))
    languages = list(dict.fromkeys(file.language for file in files))
    corpus = Corpus(list(kinds.get("stories", ())), [s for k, t in kinds.items() if k != "stories" for s in t], [], {})
    report = check_corpus(corpus, languages, list(dict.fromkeys(s.emotion for s in corpus.stories)), neutral=False)
    front_matter = {
        "pretty_name": name,
        "license": license or "other",
        "language": list(dict.fromkeys(base_language(language) for language in languages)),
        "task_categories": ["text-classification", "text-generation"],
        "size_categories": [next((size for size, top in _SIZES if len(texts) < top), "1M<n<10M")],
        "tags": _TAGS,
        "configs": [_config(kind, [file for file in files if file.kind == kind]) for kind in kinds],
    }
    template = (resources.files("emovec.corpus.exchange") / "dataset_card.md.j2").read_text(encoding="utf-8")
    environment = Environment(trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined, autoescape=False)
    return environment.from_string(template).render(
        front_matter=yaml.safe_dump(front_matter, sort_keys=False, allow_unicode=True).strip(),
        name=name,
        license=license,
        n={kind: f"{len(stories):,}" for kind, stories in kinds.items()},
        emotions=emotions,
        languages=languages,
        label="concept" if emotions and set(emotions) <= set(CONCEPTS_30) else "emotion",
        language_names=[language_name(language) for language in languages],
        paired=[kind for kind, stories in kinds.items() if any(story.other for story in stories)],
        n_topics=len({story.topic for story in texts if story.topic}),
        rows=[_row(file) for file in files],
        suffix=files[0].name.rpartition(".")[2],
        about=provenance.about.strip(),
        provenance={**provenance.facts, **_facts(kinds)},
        prompts=provenance.prompts,
        checks=_checks(report),
        scores=_scores(corpus, report, progress) if audit else [],
        limits=[*provenance.limits, *_limits(kinds, languages)],
    )


def _config(kind: str, files: Sequence[DatasetFile]) -> dict[str, Any]:
    default = {"default": True} if kind == "stories" else {}
    return {"config_name": kind, **default, "data_files": [{"split": f.split, "path": f.name} for f in files]}


def _row(file: DatasetFile) -> dict[str, Any]:
    lengths = [len(story.text) for story in file.stories]
    return {
        "kind": file.kind,
        "language": file.language,
        "split": file.split,
        "n": len(file.stories),
        "n_emotions": len({story.emotion for story in file.stories if story.emotion != NEUTRAL}),
        "n_topics": len({story.topic for story in file.stories if story.topic}),
        "shortest": min(lengths),
        "longest": max(lengths),
        "median": f"{median(lengths):g}",
        "file": file.name,
    }


def _facts(kinds: Mapping[str, Sequence[Story]]) -> dict[str, str]:
    prints = {f"fingerprint of `{kind}`": f"`{fingerprint(stories)}`" for kind, stories in kinds.items()}
    return {**prints, "written by": f"emovec {version('emovec')}"}


def _scores(corpus: Corpus, report: CheckReport, progress: Callable[[int], None] | None) -> list[dict[str, str]]:
    """Rows of the table that `emovec corpus check` prints."""
    from emovec.corpus.quality.audit import audit_corpus
    from emovec.corpus.quality.scores import NOT_JUDGED, scores

    table = scores(corpus, report, audit_corpus(corpus, progress=progress))
    return [
        {
            "language": language_name(str(row["language"])),
            "check": f"{row['mark']} {row['check']}",
            "score": "–" if row["mark"] == NOT_JUDGED else f"{row['score']:.0f}",
            "finding": str(row["finding"]).replace("|", "\\|"),
        }
        for row in table.to_dict("records")
    ]


def _checks(report: CheckReport) -> list[str]:
    """What `check_corpus` found, in sentences."""
    n_texts = f"{report.counts['n'].sum():,}"
    named, written = _n_judged(report)
    return [
        *(_balance(row) for row in report.balance.to_dict("records") if row["n_stories"]),
        _found(
            report.duplicates, "No text occurs twice.", f"of {n_texts} texts are equal to another but for white space."
        ),
        *_judged(
            named,
            report.named,
            "No story names its own emotion, as far as the word lists tell.",
            f"of {named:,} stories name their own emotion by the word lists"
            + (f" ({', '.join(f'{n} {k}' for k, n in Counter(report.named['language']).items())})."),
        ),
        *_judged(
            written,
            report.script,
            "Every text is in a script of its language.",
            f"of {written:,} texts are in another script.",
        ),
        *(f"Not judged: {sentence}" for sentence in report.unjudged),
    ]


def _balance(row: Mapping[Any, Any]) -> str:
    least, most, unit = row["cell_min"], row["cell_max"], "pair of emotion and topic"
    if not row["n_topics"]:
        least, most, unit = row["emotion_min"], row["emotion_max"], "emotion"
    range_ = f"{least}" if least == most else f"{least} to {most}"
    return f"{language_name(row['language'])}: {range_} stor{'y' if range_ == '1' else 'ies'} for each {unit}."


def _n_judged(report: CheckReport) -> tuple[int, int]:
    """How many stories could be looked through for words of their emotion, and texts for their script."""
    counts = [
        (str(language), str(emotion), int(n))
        for language, emotion, n in zip(*(report.counts[c] for c in ("language", "emotion", "n")), strict=True)
    ]
    named = sum(n for language, emotion, n in counts if emotion != NEUTRAL and emotion_words(language, emotion))
    return named, sum(n for language, _, n in counts if writing_of(language) is not None)


def _judged(n: int, findings: pd.DataFrame, none: str, some: str) -> list[str]:
    """What was found among n texts; nothing where there was nothing to judge."""
    return [_found(findings, none, some)] if n else []


def _found(findings: pd.DataFrame, none: str, some: str) -> str:
    return f"{len(findings):,} {some}" if len(findings) else none


def _limits(kinds: Mapping[str, Sequence[Story]], languages: Sequence[str]) -> list[str]:
    found: list[str] = []
    neutral = Counter(story.language for story in kinds.get("neutral", ()))
    few = [
        f"{neutral[language]} in {language_name(language)}"
        for language in languages
        if neutral[language] < _FEW_NEUTRAL
    ]
    if few:
        found.append(f"Neutral texts: {', '.join(few)}; about {_FEW_NEUTRAL:,} make the components they give stable.")
    cells = Counter((s.language, s.emotion, s.topic) for s in kinds.get("stories", ()))
    if cells and max(cells.values()) == 1:
        found.append("One story for each emotion and topic: what a vector shows may be this story's own.")
    found.append("How well people agree on the emotion of each text is not known, unless it is stated above.")
    return found
