"""`emovec corpus generate`: have a language model write the texts of a study."""

import logging
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from emovec.cli.options import AskedModel, Prices, Retries, StudyFile
from emovec.cli.progress import resumable, show_log, track
from emovec.cli.show import console, show_table
from emovec.printable import shortened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emovec.config import StudyConfig
    from emovec.corpus.generation.requests import Request
    from emovec.corpus.generation.run import Outcome

_EXAMPLE = 160


def generate(
    study: StudyFile,
    model: AskedModel = None,
    yes: Annotated[bool, typer.Option("--yes", help="Start without asking.")] = False,
    requests: Annotated[int | None, typer.Option(min=1, help="Send this many requests, then stop.")] = None,
    out: Annotated[Path | None, typer.Option(help="The folder of the texts; by default <study>-texts.")] = None,
    retries: Retries = 5,
    mix: Annotated[
        bool, typer.Option("--mix", help="Continue even if existing texts are by another model or prompt.")
    ] = False,
    prices: Prices = None,
) -> None:
    """Have a language model write the texts of a study.

    Never requests a text again that is there. Shows the cost, and asks before it starts. Exits with 2 if no answer
    contains a usable text or the model stops answering; answers are kept, and the same command continues from there.
    """
    from emovec.config import read_config
    from emovec.corpus.generation.run import generate, pending_requests
    from emovec.errors import EmovecError
    from emovec.pipeline.ready import require_inspect
    from emovec.study_files import generated_texts, study_file

    show_log()
    logging.getLogger("httpx").setLevel(logging.WARNING)
    given, study = study, study_file(study)
    config = read_config(study)
    folder = out or generated_texts(study, config)
    if model is not None:
        config = config.model_copy(update={"generation": config.generation.model_copy(update={"model": model})})
    elif config.generation.model is None:
        raise EmovecError(
            f"{study}: generation.model: name the model that writes, such as openai/gpt-4o-mini (--model)."
        )
    require_inspect("corpus generate")
    pending = pending_requests(config, folder, study.parent)[:requests]
    if pending:
        _print_plan(config, pending, study.parent, prices)
        if not yes:
            _ask_leave()
    with resumable(f"What was answered is kept in {folder}"):
        try:
            found = generate(config, folder, base=study.parent, limit=requests, retries=retries, mix=mix, track=track)
        except EmovecError:
            _print_reasons(folder, errors=False)  # the sentence tells the last of them
            raise
    _print_outcome(found, config, given, out)
    _print_reasons(folder)


def _print_plan(config: "StudyConfig", pending: "Sequence[Request]", base: Path, prices: Path | None) -> None:
    """What is about to be asked: texts, requests, tokens and money."""
    from emovec.cli.plan import print_generation
    from emovec.corpus.generation.costs import planned_cost, read_prices

    print_generation(planned_cost(config, base, read_prices(prices), requests=pending), config.generation.max_attempts)


def _ask_leave() -> None:
    from emovec.errors import EmovecError

    if not sys.stdin.isatty():
        raise EmovecError("This would send requests to the model; give --yes to start where nobody can be asked.")
    if not typer.confirm("Start?"):
        raise typer.Exit(1)


def _print_outcome(found: "Outcome", config: "StudyConfig", study: Path, out: Path | None) -> None:
    share = f"{found.there:,} of {found.planned:,} texts are there"
    done = found.there == found.planned
    console.print(Text(f"{'✓ ' * done}{share}: {found.folder}", style="bold green" if done else "bold"))
    if found.usage:
        tokens = ", ".join(
            f"{n:,} {name.replace('_', ' ')}" for name, n in found.usage.items() if name != "total_tokens"
        )
        console.print(Text(f"Used so far: {tokens}", style="dim"))
    if found.given_up:
        console.print(
            Text(
                f"{found.given_up:,} texts given up after {config.generation.max_attempts} attempts; raise "
                "generation.max_attempts to ask again.",
                style="yellow",
            )
        )
    if left := found.planned - found.there - found.given_up:
        console.print(
            Text(f"{left:,} texts still to ask for: the same command continues, without --requests to the end.")
        )
    if done and out is not None:
        from os.path import relpath

        # Paths in a study file start from the file.
        place = Path(relpath(out, study if study.is_dir() else study.parent)).as_posix()
        setting = f"corpus: {{stories: {place}/stories.*.jsonl, neutral: {place}/neutral.*.jsonl}}"
        console.print(Text(f"To study them: {setting}", style="dim"))
    elif done and not str(config.corpus.stories).endswith("-texts/stories.*.jsonl"):
        console.print(Text("To study them: corpus: {stories: generated, neutral: generated}", style="dim"))


def _print_reasons(folder: Path, *, errors: bool = True) -> None:
    """Why answers were no good: how many for each reason, and what one of them said."""
    from emovec.corpus.generation.answers import read_answers

    counts: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], str] = {}
    answers = read_answers(folder).answers
    for answer in answers:
        if answer.status != "ok" and (errors or answer.status != "error"):
            counts[answer.status, answer.reason] += 1
            examples.setdefault((answer.status, answer.reason), answer.answer)
    if not counts:
        return
    rows: list[tuple[object, ...]] = []
    for key, n in counts.most_common(12):
        shown = shortened(examples[key], _EXAMPLE)
        rows.append((n, *key, f"“{shown}”" if shown else ""))
    title = f"Answers that were not as asked: {counts.total():,} of {len(answers):,}"
    show_table(("answers", "status", "reason", "for example"), rows, title)
    console.print(Text(f"All of them, with what was said: {folder / 'problems.jsonl'}", style="dim"))
