"""`emovec steer`: one prompt continued with and without an emotion, side by side."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emovec.cli.inputs import load_fitting, steering_layers, vectors_file
from emovec.cli.options import (
    Device,
    Dtype,
    Form,
    Language,
    Layer,
    Model,
    NewTokens,
    Seed,
    SomeEmotion,
    Temperature,
    Vectors,
)
from emovec.cli.progress import show_log, track
from emovec.cli.show import console, say

if TYPE_CHECKING:
    from emovec.steering.conditions import Condition
    from emovec.steering.side_by_side import Sample
    from emovec.vectors.emotion_vectors import EmotionVectors

SWEEP = (0.05, 0.1, 0.2, 0.4, 0.8)


def steer(
    model: Model,
    vectors: Vectors,
    prompt: Annotated[str, typer.Argument(help="The text to answer or to continue.")],
    emotion: SomeEmotion,
    strength: Annotated[
        list[float] | None,
        typer.Option(help="In residual norms: one for all emotions (by default 0.1), or one for each."),
    ] = None,
    language: Language = None,
    layer: Layer = None,
    positions: Annotated[str, typer.Option(help="all, prompt or generated.")] = "all",
    project_out: Annotated[
        bool, typer.Option("--project-out", help="Take the emotion out of the model instead of adding it.")
    ] = False,
    sweep: Annotated[
        bool, typer.Option("--sweep", help=f"At strengths {', '.join(map(str, SWEEP))}, with regimes.")
    ] = False,
    form: Form = "auto",
    max_new_tokens: NewTokens = 60,
    temperature: Temperature = 0.0,
    seed: Seed = 0,
    device: Device = "auto",
    dtype: Dtype = "auto",
) -> None:
    """Answer a prompt with and without an emotion, side by side.

    By default it uses the vectors' first language, and the layer at two thirds of the depth. Several emotions are
    added up; give one language for all, or one for each.
    """
    from emovec.errors import EmovecError
    from emovec.models.form import require_form, spoken
    from emovec.steering.conditions import interventions
    from emovec.steering.side_by_side import side_by_side

    show_log()
    way = require_form(form, "--form")
    amounts = strength or [0.1]
    languages = list[str | None](language or [None])
    _require_together(emotion, amounts, languages, positions)
    if sweep and (strength or project_out):
        raise EmovecError("--sweep: it has strengths of its own; leave out --strength and --project-out.")
    # 1 where each emotion has a strength of its own, or is taken out
    strengths = SWEEP if sweep else (1.0,) if len(amounts) > 1 or project_out else (amounts[0],)
    read = _steerable(vectors, project_out)
    conditions = _conditions(read, emotion, amounts, languages, steering_layers(read, layer))
    how: dict[str, Any] = {"positions": positions, "project_out": project_out}
    interventions(conditions, read, rows=strengths, **how)  # what can't be is said before the model is waited for
    loaded = load_fitting(read, model, device, dtype)
    asked, chat = spoken(loaded, prompt, way)
    how |= {"max_new_tokens": max_new_tokens, "temperature": temperature, "seed": seed, "chat": chat}
    heads = ["unsteered", *(_head(emotion, amounts, value, project_out) for value in strengths)]
    with _live(heads, max_new_tokens) as show:
        samples = side_by_side(loaded, asked, read, conditions, times=strengths, **how, on_tokens=show)
        show([sample.text for sample in samples])
    for line in coherence_lines(samples, heads, greedy=temperature == 0):
        say(line)


def _steerable(source: Path, project_out: bool) -> "EmotionVectors":
    """The vectors, with the residual norm where strengths are given in it."""
    from emovec.errors import EmovecError
    from emovec.vectors.emotion_vectors import EmotionVectors

    read = EmotionVectors.load(vectors_file(source))
    if read.residual_norm is None and not project_out:
        raise EmovecError(
            f"{source}: came without the residual norm, the unit of strength, so it can't be steered by here; give "
            "residual_norm to EmotionVectors.from_arrays, or norm= to emovec.steer in Python."
        )
    return read


def _require_together(
    emotions: Sequence[str], amounts: Sequence[float], languages: Sequence[str | None], positions: str
) -> None:
    from emovec.errors import EmovecError

    if positions not in ("all", "prompt", "generated"):
        raise EmovecError(f"--positions {positions}: give all, prompt or generated.")
    for option, given in (("--strength", amounts), ("--language", languages)):
        if len(given) not in (1, len(emotions)):
            raise EmovecError(
                f"{option}: {len(given)} of them for {len(emotions)} emotions; give one, or one for each."
            )


def _conditions(
    vectors: "EmotionVectors",
    emotions: Sequence[str],
    amounts: Sequence[float],
    languages: Sequence[str | None],
    layers: Sequence[int],
) -> "list[Condition]":
    """Each emotion at its share of the strength, in its language, at all layers."""
    from emovec.steering.conditions import named_conditions

    shares = amounts if len(amounts) > 1 else [1.0] * len(emotions)
    whose = languages if len(languages) > 1 else [languages[0]] * len(emotions)
    return [
        condition
        for name, share, code in zip(emotions, shares, whose, strict=True)
        for condition in named_conditions(vectors, [name], [share], language=code, layers=layers)
    ]


def _head(emotions: Sequence[str], amounts: Sequence[float], strength: float, project_out: bool) -> str:
    if project_out:
        return f"without {', '.join(emotions)}"
    if len(amounts) > 1:
        return ", ".join(f"{emotion} {amount:g}" for emotion, amount in zip(emotions, amounts, strict=True))
    return f"{', '.join(emotions)} {strength:g}"


@contextmanager
def _live(heads: Sequence[str], most: int) -> Generator[Callable[[list[str]], None]]:
    """Columns that fill as the texts grow; without a terminal the finished texts are printed once, at the end."""
    from rich.live import Live

    if not console.is_terminal:
        latest = [""] * len(heads)
        with track("Answering, token by token", most) as advance:

            def keep(texts: list[str]) -> None:
                latest[:] = texts
                advance(1)

            yield keep
        console.print(_columns(heads, latest))
        return
    with Live(_columns(heads, [""] * len(heads)), console=console, refresh_per_second=8) as live:
        yield lambda texts: live.update(_columns(heads, texts))


def _columns(heads: Sequence[str], texts: Sequence[str]) -> Any:
    from rich.table import Table
    from rich.text import Text

    if len(heads) > 3:  # too many to stand side by side
        table = Table("steered by", "text", show_lines=True)
        table.columns[1].overflow = "fold"  # without spaces, as in Japanese, a line would be cut and not wrapped
        for head, body in zip(heads, texts, strict=True):
            table.add_row(Text(head), Text(body.strip()))
        return table
    table = Table(*heads, expand=True)
    for column in table.columns:
        column.ratio = 1
        column.overflow = "fold"
    table.add_row(*(Text(body.strip()) for body in texts))
    return table


def coherence_lines(samples: "Sequence[Sample]", heads: Sequence[str], *, greedy: bool) -> list[str]:
    """How coherent each steered text is; and whether the unsteered one, first of the samples, is no measure of that."""
    from math import isnan

    from emovec.steering.coherence import REPETITIVE

    unsteered = samples[0].distinct
    loops = unsteered < REPETITIVE
    lines: list[str] = []
    for sample, head in zip(samples[1:], heads[1:], strict=True):
        short = isnan(sample.distinct) or isnan(unsteered)
        if short and sample.regime != "explosion":
            name = "too short to tell"
        elif sample.regime == "surgical" and sample.distinct < REPETITIVE and loops:
            name = "repeats itself like the unsteered text"
        else:
            name = sample.regime
        facts = [] if isnan(sample.perplexity_ratio) else [f"perplexity × {sample.perplexity_ratio:.2f}"]
        if not short:
            facts.append(f"{100 * sample.distinct:.0f} % of word pairs distinct (unsteered {100 * unsteered:.0f} %)")
        lines.append(f"{head}: {name}" + ("; " + ", ".join(facts) if facts else ""))
    if loops:
        advice = "; the likeliest token often ends in a loop: try --temperature 0.7" if greedy else ""
        lines.append(f"The unsteered text repeats itself too, so these texts can't show what stays coherent{advice}.")
    return lines
