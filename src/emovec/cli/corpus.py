"""`emovec corpus`: look at the texts of a study, and check them."""

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.text import Text

from emovec.cli.options import Emotion, Language, Overwrite, Page, Texts
from emovec.cli.progress import track
from emovec.cli.show import console, count, show_frame, show_table
from emovec.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from emovec.config import StudyConfig
    from emovec.corpus.load import Corpus
    from emovec.corpus.quality.check import CheckReport
    from emovec.corpus.read import Problem

_ROWS = 10


def check(
    source: Texts,
    tokens: Annotated[bool, typer.Option(help="Count tokens with the study's tokenizer.")] = True,
    everything: Annotated[bool, typer.Option("--all", help="List every finding, and the counts by topic.")] = False,
    audit: Annotated[bool, typer.Option(help="Look for repeats, motifs and confounds, and score each check.")] = True,
    page: Page = None,
    fix: Annotated[
        bool,
        typer.Option("--fix", help="Drop texts that break a rule: from a study's generated ones, else into --out."),
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Where --fix writes the texts it keeps: .jsonl or a folder.")] = None,
    rule: Annotated[
        list[str] | None,
        typer.Option(
            help="What --fix drops: short, duplicate, named, script, leftover (these by default), synonym or opening; "
            "repeat for more."
        ),
    ] = None,
    overwrite: Overwrite = False,
    synonyms: Annotated[
        Path | None, typer.Option(help="A CSV of language,emotion,word to use instead of the built-in list.")
    ] = None,
    similar: Annotated[
        float, typer.Option(min=0.2, max=1, help="Smallest Jaccard similarity of near duplicates.")
    ] = 0.5,
) -> None:
    """Count texts, and list what is wrong with them.

    Lists what would make a run fail or its results misleading, and scores the corpus. Exits with 2 if a run would
    fail, else with 0.
    """
    from emovec.cli import corpus_audit
    from emovec.errors import EmovecError

    asked = corpus_audit.Asked(source, page, fix, out, rule, overwrite, synonyms, similar)
    asked.check()
    if (page or fix) and not audit:
        raise EmovecError("--page and --fix need what --no-audit leaves out.")
    texts = _read(source)
    corpus = texts.corpus
    most = None if everything else _ROWS
    _require_some(source, corpus, most)
    report = _checked(texts, tokens)
    _print_counts(report, corpus, everything)
    _print_tokens(report, texts.config)
    _print_findings(report, most)
    found = corpus_audit.audit(corpus, asked) if audit and corpus.stories else None
    if found:
        corpus_audit.print_audit(corpus, report, found, most)
    _print_verdict(report, found.n_findings if found else 0)
    if found:
        corpus_audit.write_page(corpus, report, found, asked)
        corpus_audit.fix(corpus, report, found, asked)
    if report.fails:
        raise typer.Exit(2)


def show(
    source: Texts,
    language: Language = None,
    emotion: Emotion = None,
    topic: Annotated[list[str] | None, typer.Option(help="Which topic; repeat for more.")] = None,
    kind: Annotated[Literal["stories", "neutral"], typer.Option(help="Which kind of texts.")] = "stories",
    number: Annotated[int, typer.Option("-n", min=1, help="How many texts.")] = 3,
) -> None:
    """Print some of the texts."""
    from emovec.commands import command
    from emovec.errors import EmovecError

    corpus = _read(source).corpus
    chosen = corpus.stories if kind == "stories" else corpus.neutral
    if not chosen:
        raise EmovecError(
            f"{source}: contains no {kind} to show; {command('corpus', 'check', source)} says what was read."
        )
    for field, wanted in (("language", language), ("emotion", emotion), ("topic", topic)):
        if not wanted:
            continue
        there = list(dict.fromkeys(getattr(story, field) for story in chosen))
        if unknown := [label for label in wanted if label not in there]:
            known = ", ".join(str(label) for label in there if label) or "none"
            raise EmovecError(f"--{field}: no {kind} of '{unknown[0]}' here; there are {known}.")
        chosen = [story for story in chosen if getattr(story, field) in wanted]
        if not chosen:
            raise EmovecError(f"--{field}: no {kind} of {', '.join(wanted)} among those asked for besides.")
    for story in chosen[:number]:
        title = Text(printable(story.id), style="bold")
        labels = " · ".join(filter(None, (story.language, story.emotion, story.topic)))
        console.print(title, Text(printable(labels), style="dim"), sep="\n", overflow="fold")
        console.print(Text(printable(story.text)), overflow="fold")
        console.print()
    console.print(Text(f"{min(number, len(chosen))} of {len(chosen)}", style="dim"))
    if corpus.problems:
        n_out = count(len(corpus.problems), "record")
        console.print(Text(f"{n_out} left out: see {command('corpus', 'check', source)}", style="yellow"))


@dataclass(frozen=True)
class _Read:
    """The study (for bare texts the default one), its texts, languages, emotions, and if it wants neutral texts."""

    config: "StudyConfig"
    corpus: "Corpus"
    languages: list[str]
    emotions: list[str]
    neutral: bool


def _read(source: str) -> _Read:
    from emovec.config import StudyConfig, read_config
    from emovec.corpus.load import collect_corpus, corpus_of
    from emovec.study_files import is_study, model_path, study_file

    if is_study(source):
        path = study_file(source)
        config = read_config(path)
        config = config.model_copy(update={"model": model_path(config.model, path.parent)})
        corpus = collect_corpus(config, path.parent)
        return _Read(config, corpus, config.languages, list(config.emotion_words), config.corpus.neutral is not None)
    corpus, languages, emotions = corpus_of(source)
    return _Read(StudyConfig(), corpus, languages, emotions, neutral=False)


def _require_some(source: str, corpus: "Corpus", most: int | None) -> None:
    from emovec.errors import EmovecError
    from emovec.study_files import is_study

    study = is_study(source)
    if not corpus.left_out and not corpus.stories and (study or not corpus.neutral):
        _print_problems(corpus.problems, most)
        what = "corpus.stories contains" if study else "contains"
        raise EmovecError(f"{source}: {what} no texts; a record needs a text, a language and an emotion.")


def _checked(texts: _Read, tokens: bool) -> "CheckReport":
    from emovec.corpus.quality.check import check_corpus

    n_texts = len(texts.corpus.stories) + len(texts.corpus.neutral)
    count_tokens = _token_counter(texts.config) if tokens and n_texts else None
    with track("Counting tokens", n_texts) if count_tokens else nullcontext() as progress:
        return check_corpus(
            texts.corpus,
            texts.languages,
            texts.emotions,
            neutral=texts.neutral,
            offset=texts.config.extraction.offset,
            count_tokens=count_tokens,
            progress=progress,
        )


def _token_counter(config: "StudyConfig") -> "Callable[[str], int]":
    from emovec.errors import EmovecError
    from emovec.models.load import load_tokenizer

    try:
        tokenizer = load_tokenizer(config.model, revision=config.revision, trust_remote_code=config.trust_remote_code)
    except EmovecError as error:
        raise EmovecError(f"{error} (--no-tokens checks the texts without a tokenizer.)") from error
    return lambda text: len(tokenizer.text_token_ids(text))


def _print_counts(report: "CheckReport", corpus: "Corpus", everything: bool) -> None:
    b = report.balance
    rows = [
        (
            row.language,
            row.n_stories,
            row.n_topics,
            _range(row.emotion_min, row.emotion_max),
            _range(row.cell_min, row.cell_max),
            row.empty_cells,
            row.n_neutral,
        )
        for row in b.itertuples()
    ]
    columns = ("language", "stories", "topics", "an emotion", "a cell*", "empty cells", "neutral")
    show_table(columns, rows, "Texts")
    console.print(Text("* a cell is a pair of emotion and topic", style="dim"))
    if corpus.left_out:
        names = list(dict.fromkeys(f"{language} {emotion}" for language, emotion in corpus.left_out))
        n = sum(corpus.left_out.values())
        some = ", ".join(names[:4]) + (", …" if len(names) > 4 else "")
        console.print(Text(f"{count(n, 'story')} of other languages or emotions left out: {some}"))
    if everything:
        table = report.counts.pivot_table(
            index=["emotion", "topic"], columns="language", values="n", fill_value=0, aggfunc="sum", sort=False
        )
        rows = [(*index, *map(int, counts)) for index, counts in zip(table.index, table.to_numpy(), strict=True)]
        show_table(("emotion", "topic", *map(str, table.columns)), rows, "Counts")
    elif (b["emotion_min"] < b["emotion_max"]).any():
        stories = report.counts[report.counts["emotion"].isin({story.emotion for story in corpus.stories})]
        table = stories.pivot_table(
            index="emotion", columns="language", values="n", fill_value=0, aggfunc="sum", sort=False
        )
        rows = [(emotion, *map(int, counts)) for emotion, counts in zip(table.index, table.to_numpy(), strict=True)]
        show_table(("emotion", *map(str, table.columns)), rows, "Stories by emotion")


def _print_tokens(report: "CheckReport", config: "StudyConfig") -> None:
    if report.tokens.empty:
        return
    offset = config.extraction.offset
    past = f"first {offset:.0%}" if offset < 1 else f"first {int(offset)} tokens"
    rows = [
        (row.language, row.kind, row.n_texts, row.min, f"{row.median:g}", row.max, row.n_too_short)
        for row in report.tokens.itertuples()
    ]
    columns = ("language", "kind", "texts", "min", "median", "max", "texts with none")
    show_table(columns, rows, f"Tokens after the {past} ({config.model})")


def _print_findings(report: "CheckReport", limit: int | None) -> None:
    show_frame(report.too_short, "Texts that end before the offset", most=limit)
    show_frame(report.duplicates, "Equal texts", most=limit)
    show_frame(report.named, "Stories that name their emotion", most=limit)
    show_frame(report.script, "Texts in another script than their language's", most=limit)
    for sentence in report.unjudged:
        console.print(Text(f"Not judged: {sentence}", style="dim"))
    _print_problems(report.problems, limit)


def _print_problems(problems: "Sequence[Problem]", limit: int | None) -> None:
    rows = [(p.file, str(p.line), p.message) for p in problems]
    show_table(("file", "line", "what is wrong"), rows, "Records that can't be used", most=limit)


def _print_verdict(report: "CheckReport", n_further: int = 0) -> None:
    n_findings = report.n_findings + n_further
    texts = count(int(report.counts["n"].sum()), "text")
    if report.fails:
        reasons = [f"{count(len(report.problems), 'record')} can't be used"] * bool(report.problems) + report.gaps
        for reason in report.gaps:
            console.print(Text(f"✗ {reason}", style="red"))
        verdict = f"✗ A run would fail: {count(len(reasons), 'reason')}, {texts} read."
        console.print(Text(verdict, style="bold red"))
    elif n_findings:
        console.print(Text(f"✓ A run can start: {texts}, {count(n_findings, 'finding')} above.", style="bold yellow"))
    else:
        console.print(Text(f"✓ A run can start: {texts}, nothing found that would stop it.", style="bold green"))


def _range(low: object, high: object) -> str:
    return str(low) if low == high else f"{low}–{high}"
