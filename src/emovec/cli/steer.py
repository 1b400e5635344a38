"""`emovec steer`: one prompt continued with and without an emotion, side by side; and `steer calibrate`."""

import re
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from emovec.cli.experiments import calibrate

if TYPE_CHECKING:
    from emovec.models.language_model import LanguageModel
    from emovec.steering.side_by_side import Sample
    from emovec.vectors.emotion_vectors import EmotionVectors

SWEEP = (0.05, 0.1, 0.2, 0.4, 0.8)


class _TextByDefault(TyperGroup):
    """`emovec steer MODEL …` is `emovec steer text MODEL …`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] != "--help":
            near = get_close_matches(args[0], self.commands, n=1, cutoff=0.8)
            if near and not Path(args[0]).exists():  # else it is a model's folder
                ctx.fail(f"No such command '{args[0]}'. Did you mean '{near[0]}'?")
            args = ["text", *args]
        return super().parse_args(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        super().format_help(ctx, formatter)
        command = self.commands["text"]
        command.format_help(command.context_class(command, info_name="text", parent=ctx), formatter)


steer_app = typer.Typer(
    cls=_TextByDefault,
    no_args_is_help=True,
    help='Steer a model: `emovec steer MODEL VECTORS "prompt" --emotion angry`, with the options of `steer text`.',
)
steer_app.command()(calibrate)

ModelArgument = Annotated[str, typer.Argument(metavar="MODEL", help="Hub id, folder, .gguf file or alias.")]
VectorsArgument = Annotated[
    Path, typer.Argument(metavar="VECTORS", help="vectors.safetensors, or a study's file or folder.")
]
FORM_HELP = "chat: by the chat template; plain: the text is continued; auto: plain for base models."
Language = Annotated[str | None, typer.Option(help="Whose vectors; by default the first language of the file.")]
Layers = Annotated[list[int] | None, typer.Option(help="0-based block, repeat for more; two thirds of the depth.")]
Tokens = Annotated[int, typer.Option(min=1, help="Most tokens of each continuation.")]
Temperature = Annotated[float, typer.Option(min=0, help="0 always takes the likeliest token.")]
Seed = Annotated[int, typer.Option(help="Of the sampling.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda …")]
Dtype = Annotated[str, typer.Option(help="auto, float32, bfloat16 or float16.")]


@steer_app.command()
def text(
    model: ModelArgument,
    vectors: VectorsArgument,
    prompt: Annotated[str, typer.Argument(help="What the model is to answer or to continue.")],
    emotion: Annotated[list[str], typer.Option(help="Which emotion; repeat to steer by several at once.")],
    strength: Annotated[
        list[float] | None, typer.Option(help="In residual norms: one for all emotions, or one for each. 0.1.")
    ] = None,
    language: Language = None,
    layer: Layers = None,
    positions: Annotated[str, typer.Option(help="all, prompt or generated.")] = "all",
    project_out: Annotated[bool, typer.Option(help="Take the emotion out of the model instead of adding it.")] = False,
    sweep: Annotated[bool, typer.Option(help=f"At strengths {', '.join(map(str, SWEEP))}, with regimes.")] = False,
    form: Annotated[str, typer.Option(help=FORM_HELP)] = "auto",
    plain: Annotated[bool, typer.Option(help="The same as --form plain.")] = (False),
    max_new_tokens: Tokens = 60,
    temperature: Temperature = 0.0,
    seed: Seed = 0,
    device: Device = "auto",
    dtype: Dtype = "auto",
) -> None:
    """Continue a prompt with and without an emotion, side by side."""
    from emovec.cli.progress import console, show_log
    from emovec.cli.vectors_file import vectors_file
    from emovec.errors import EmovecError
    from emovec.models.form import require_form, spoken
    from emovec.steering.conditions import interventions, named_conditions
    from emovec.steering.side_by_side import side_by_side
    from emovec.vectors.emotion_vectors import EmotionVectors

    show_log()
    way = require_form(form, "--form")
    if positions not in ("all", "prompt", "generated"):
        raise EmovecError(f"--positions {positions}: give all, prompt or generated.")
    amounts = strength or [0.1]
    if len(amounts) not in (1, len(emotion)):
        raise EmovecError(f"--strength: {len(amounts)} of them for {len(emotion)} emotions; give one, or one for each.")
    if sweep and (len(amounts) > 1 or strength):
        raise EmovecError("--sweep: it has its own strengths; leave out --strength.")
    if sweep and project_out:
        raise EmovecError("--sweep: taking an emotion out has no strength; leave out one of the two.")
    strengths = SWEEP if sweep else (1.0,) if len(amounts) > 1 or project_out else (amounts[0],)
    read = EmotionVectors.load(vectors_file(vectors))
    if read.residual_norm is None and not project_out:
        raise EmovecError(
            f"{vectors}: came without the residual norm, the unit of strength, so it can't be steered by here; give "
            "residual_norm to EmotionVectors.from_arrays, or norm= to emovec.steer in Python."
        )
    layers = known_layers(read, layer)
    together = amounts if len(amounts) > 1 else [1.0]
    conditions = named_conditions(read, emotion, together, language=language, layers=layers)
    how: dict[str, Any] = {"positions": positions, "project_out": project_out}
    interventions(conditions, read, rows=strengths, **how)  # what can't be is told before the model is waited for
    loaded = load_fitting(read, model, device, dtype)
    asked, chat = spoken(loaded, prompt, "plain" if plain else way)
    heads = ["unsteered", *(_head(emotion, amounts, value, project_out) for value in strengths)]
    with _live(heads) as show:
        samples = side_by_side(
            loaded,
            asked,
            read,
            conditions,
            times=strengths,
            **how,
            max_new_tokens=max_new_tokens,
            temperature=temperature,
            seed=seed,
            chat=chat,
            on_tokens=show,
        )
        show([sample.text for sample in samples])
    for line in coherence_lines(samples, heads, greedy=temperature == 0):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def load_fitting(
    vectors: "EmotionVectors", model: str, device: str, dtype: str, *, chat: bool = False
) -> "LanguageModel":
    """The model, once everything that its name, vectors and options tell has been checked: it takes long to load.

    Of a model of the Hub it is the commit that the vectors were made with.

    Args:
        vectors: that it is steered with or read along.
        model: Hub id, folder, `.gguf` file or alias.
        device: where to.
        dtype: of the weights.
        chat: whether it is to be talked to, which takes a chat template.

    Raises:
        EmovecError: if it can't be found, the vectors don't fit it, or it can't be talked to.
    """
    from emovec.errors import EmovecError
    from emovec.models.before_loading import look_at_model
    from emovec.models.load import choose_device, choose_dtype, load_model

    choose_dtype(dtype, choose_device(device))
    made_with = str(vectors.provenance.get("revision"))
    known = vectors.provenance.get("model") == model and re.fullmatch("[0-9a-f]{40}", made_with)
    revision = made_with if known else None
    shape = look_at_model(model, revision=revision)
    vectors.require_shape(model, shape.hidden, shape.layers)
    if chat and shape.chat is False:
        raise EmovecError(
            f"model: {model} is a base model without a chat template; take its instruct version, or give plain text: "
            "`emovec steer` continues a text of any model."
        )
    loaded = load_model(model, revision=revision, device=device, dtype=dtype)
    vectors.require_fit(loaded)
    return loaded


def known_layers(vectors: "EmotionVectors", asked: list[int] | None) -> list[int]:
    """The layers asked for, or the one of the vectors at two thirds of the depth.

    Raises:
        EmovecError: if there are no vectors for one.
    """
    from emovec.errors import EmovecError
    from emovec.vectors.control_vectors import usual_layer

    for layer in asked or ():
        if layer not in vectors.layers:
            raise EmovecError(f"--layer {layer}: there are vectors for layers {vectors.layers}.")
    return list(dict.fromkeys(asked)) if asked else [usual_layer(vectors)]


def _head(emotions: Sequence[str], amounts: Sequence[float], strength: float, project_out: bool) -> str:
    if project_out:
        return f"without {', '.join(emotions)}"
    if len(amounts) > 1:
        return ", ".join(f"{emotion} {amount:g}" for emotion, amount in zip(emotions, amounts, strict=True))
    return f"{', '.join(emotions)} {strength:g}"


@contextmanager
def _live(heads: Sequence[str]) -> Generator[Callable[[list[str]], None]]:
    """Columns that fill as the texts grow; without a terminal the finished texts are printed once, at the end."""
    from rich.live import Live

    from emovec.cli.progress import console

    latest = [""] * len(heads)
    if not console.is_terminal:
        yield lambda texts: latest.__setitem__(slice(None), texts)
        console.print(_columns(heads, latest))
        return
    with Live(_columns(heads, latest), console=console, refresh_per_second=8) as live:
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
