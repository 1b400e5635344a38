"""`emovec corpus label`: blind labels by a model or by people, and how well they agree."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emovec.cli.options import AskedModel, Language, MaxTokens, Retries, Seed, Texts
from emovec.cli.progress import track
from emovec.cli.show import console, count, say, show_frame

if TYPE_CHECKING:
    from emovec.corpus.annotation.results import LabelResults
    from emovec.corpus.story import Story

ENOUGH = 0.5
"""The share of usable answers under which a judge is no judge."""
_SHOWN = 8
_WHOLE = {"language", "texts", "accuracy", "none", "first", "share", "kappa", "Cohen's kappa"}
"""Columns whose cells are kept on one line."""


def label(
    source: Texts,
    model: AskedModel = None,
    human: Annotated[bool, typer.Option("--human", help="Label here in the terminal.")] = False,
    web: Annotated[bool, typer.Option("--web", help="Label in a browser, on a page served by this machine.")] = False,
    annotator: Annotated[str, typer.Option(help="Who labels, with --human or --web.")] = "human",
    summary: Annotated[bool, typer.Option("--summary", help="Only show the existing labels.")] = False,
    sample: Annotated[
        int | None, typer.Option(min=1, help="This many texts of each language, evenly over emotions.")
    ] = None,
    language: Language = None,
    top: Annotated[int, typer.Option(min=1, max=3, help="1, or 3 for the three best emotions.")] = 1,
    seed: Seed = 0,
    max_tokens: MaxTokens = 256,
    max_connections: Annotated[int, typer.Option(min=1, help="Number of requests at once.")] = 10,
    retries: Retries = 5,
    retry: Annotated[bool, typer.Option("--retry", help="Ask again about texts without a usable label.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port for --web; 0 picks a free one.")] = 0,
    out: Annotated[Path | None, typer.Option(help="The labels' folder; by default beside the texts.")] = None,
) -> None:
    """Have a model or people label texts blind.

    The annotator does not see the intended emotion; the labels are then compared with it. Exits with 2 if a judge
    can't be reached, or fewer than half of its answers are labels.
    """
    from emovec.corpus.annotation.answers import read_answers
    from emovec.corpus.annotation.judge import no_labels, sample_stories
    from emovec.corpus.annotation.results import ANSWERS, label_results, require_own
    from emovec.errors import EmovecError
    from emovec.report.pages.annotation import write_labels

    ways = [name for name, given in (("--model", model), ("--human", human), ("--web", web)) if given]
    if len(ways) + summary != 1:
        raise EmovecError("Give one of --model, --human, --web and --summary.")
    if top == 2:
        raise EmovecError("--top: give 1 or 3.")
    stories, options = _corpus(source, language or [])
    folder = out or _folder(source)
    answers = folder / ANSWERS
    require_own(folder)
    chosen = sample_stories(stories, sample, seed)
    share = 1.0
    if model:
        with _alone(folder, model):
            how = {"seed": seed, "max_tokens": max_tokens, "max_connections": max_connections, "retries": retries}
            _judge(chosen, options, model, answers, top, retry, how)
        share = _usable(chosen, options, model, answers)
        if share == 0:
            raise EmovecError(no_labels(read_answers(answers), model, answers))
    elif not summary:
        with _alone(folder, annotator):
            _person(chosen, options, annotator, answers, top, seed, port if web else None)
        if not any(answer.status == "ok" for answer in read_answers(answers)):
            return
    results = label_results(stories, options, folder, seed)
    _print_results(results)
    page = write_labels(results, stories, options, folder, source)
    say(f"Page: {page}")
    if model and share < ENOUGH:
        raise EmovecError(no_labels(read_answers(answers), model, answers))


def _corpus(source: str, languages: Sequence[str]) -> "tuple[list[Story], list[str]]":
    """The stories of the languages asked for, and the emotions to choose from: those of all languages."""
    from emovec.commands import command
    from emovec.config import read_config
    from emovec.corpus.load import collect_corpus, corpus_of
    from emovec.errors import EmovecError
    from emovec.study_files import is_study, study_file

    if is_study(source):
        path = study_file(source)
        config = read_config(path)
        corpus, options = collect_corpus(config, path.parent), list(config.emotion_words)
    else:
        corpus, _, options = corpus_of(source)
    stories = corpus.stories
    there = list(dict.fromkeys(story.language for story in stories))
    if languages:
        missing = [language for language in languages if language not in there]
        if missing:
            raise EmovecError(f"--language: no texts in '{missing[0]}'; there are {', '.join(there) or 'none'}.")
        stories = [story for story in stories if story.language in languages]
    if not stories or len(options) < 2:
        raise EmovecError(
            f"{source}: labelling takes texts of two emotions or more; {command('corpus', 'check', source)} says more."
        )
    if corpus.problems:
        n_out = count(len(corpus.problems), "record")
        say(f"{n_out} can't be used and left out: see {command('corpus', 'check', source)}.")
    return stories, options


def _folder(source: str) -> Path:
    """`<name>-labels` beside the texts; in the current folder for patterns and the bundled corpus."""
    from emovec.config import BUNDLED
    from emovec.labels import file_name

    path = Path(source)
    if source in BUNDLED or not path.exists():
        return Path(f"{file_name(source)}-labels")
    path = path.resolve()
    return path.with_name(f"{path.name if path.is_dir() else path.stem}-labels")


def _alone(folder: Path, by: str) -> AbstractContextManager[None]:
    """Hold the annotator's place in a folder of labels: two runs would ask everything twice."""
    from emovec.labels import file_name
    from emovec.lock import locked

    return locked(folder, f".{file_name(by)}.lock", f"another process labels as '{by}'", "the labels' folder")


def _judge(
    chosen: "Sequence[Story]",
    options: "Sequence[str]",
    model: str,
    answers: Path,
    top: int,
    retry: bool,
    how: dict[str, int],
) -> None:
    """Have a model label what it has not labelled yet; `how` are settings of `label_with_model`."""
    from emovec.corpus.annotation.judge import ATTEMPTS, label_with_model, unanswered
    from emovec.corpus.annotation.questions import question

    waiting = unanswered(chosen, options, model, answers, top=top, retry=retry)
    if len(waiting) < len(chosen):
        console.print(f"{len(chosen) - len(waiting):,} of {len(chosen):,} texts were asked about already.")
    if not waiting:
        return
    # A token is about four bytes of UTF-8 in most tokenizers, Japanese included.
    tokens = sum(len(question(story.text, options, top).encode()) for story, _ in waiting) // 4
    console.print(
        f"{model} is asked about {len(waiting):,} texts, up to {ATTEMPTS} times each until an answer is usable: about "
        f"{tokens:,} tokens to read at one question each, up to {how['max_tokens']} to write for each."
    )
    with track("Labelling", len(waiting)) as advance:
        label_with_model(chosen, options, model, answers, top=top, retry=retry, progress=advance, **how)


def _usable(chosen: "Sequence[Story]", options: "Sequence[str]", model: str, answers: Path) -> float:
    """The share of texts that the judge labelled."""
    from emovec.corpus.annotation.answers import label_table, read_answers

    labels = label_table(chosen, (answer for answer in read_answers(answers) if answer.by == model), options)
    return len(labels) / len(chosen)


def _person(
    chosen: "Sequence[Story]",
    options: "Sequence[str]",
    annotator: str,
    answers: Path,
    top: int,
    seed: int,
    port: int | None,
) -> None:
    """Label in the terminal, or where a port is given in the browser."""
    from emovec.corpus.annotation.session import LabelSession

    session = LabelSession(chosen, options, annotator, answers, top=top, seed=seed)
    languages = list(dict.fromkeys(story.language for story in chosen))
    if port is None:
        from emovec.cli.label_terminal import label_in_terminal

        label_in_terminal(session, languages, console, lambda prompt: console.input(prompt))
        return
    from emovec.corpus.annotation.web_form import LabelForm

    with LabelForm(session, languages, port) as form:
        say(f"Open {form.address}")
        console.print(f"{session.done} of {session.total} labelled; stop in the page, or with Ctrl-C here.")
        try:
            form.serve_forever()
        except KeyboardInterrupt:
            console.print("Stopped; every answer is kept.")


def _print_results(results: "LabelResults") -> None:
    from emovec.corpus.annotation.results import failed_sentence
    from emovec.report.pages import annotation

    found = results.agreement
    chance = f"chance {found.accuracy['chance'].iloc[0]:.1%}"
    rows = annotation.accuracy_rows(found).drop(columns="chance").rename(columns={"first shown": "first"})
    show_frame(rows, f"Intended emotion found, with 95 % intervals; {chance}", whole=_WHOLE)
    show_frame(annotation.pair_rows(found), "Agreement of annotators", whole=_WHOLE)
    show_frame(annotation.together_rows(found), "All annotators", whole=_WHOLE)
    show_frame(annotation.confused_rows(found, _SHOWN), "Pairs most confused", whole=_WHOLE)
    recall = annotation.recall_rows(found)
    title = "Emotion by emotion" if len(recall) <= _SHOWN else f"The {_SHOWN} hardest of {len(recall)} emotions"
    show_frame(recall.head(_SHOWN), title, whole=_WHOLE)
    for by, (read, written) in results.usage.items():
        if read or written:
            console.print(f"{by}: {read:,} tokens read, {written:,} written.")
    if said := failed_sentence(results.failed):
        console.print(said, style="yellow")
