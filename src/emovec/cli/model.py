"""`emovec model`: what emovec makes of a model."""

from typing import TYPE_CHECKING, Annotated

import typer

from emovec.cli.options import Device, Dtype, Model
from emovec.cli.progress import show_log
from emovec.cli.show import console, show_table

if TYPE_CHECKING:
    from emovec.models.language_model import LanguageModel


def check(
    model: Model,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit of the Hub.")] = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    trust_remote_code: Annotated[bool, typer.Option(help="Allow code that comes with the model to run.")] = False,
) -> None:
    """Check that layers and steering work correctly on your model.

    Also checks padding, cache and logit lens. Exits with 2 if something is wrong.
    """
    from rich.text import Text

    from emovec.models.check import check_model, cpu_reference
    from emovec.models.load import load_model

    show_log()
    loaded = load_model(model, revision=revision, device=device, dtype=dtype, trust_remote_code=trust_remote_code)
    show_table(("model", model), _facts(loaded))
    reference, why_not = cpu_reference(loaded, trust_remote_code=trust_remote_code)
    checks = check_model(loaded, reference=reference)
    rows = [
        (
            result.name,
            f"{result.error:.1e}",
            f"{result.tolerance:.0e}",
            Text("✓", "green") if result.passed else Text("✗ fails", "bold red"),
        )
        for result in checks
    ]
    columns = ("check", "relative error", "allowed", "")
    show_table(columns, rows, "Compared with plain runs of one text at a time")
    if why_not:
        console.print(f"Not compared with the CPU in float32: {why_not}")
    failed = [result for result in checks if not result.passed]
    if failed:
        console.print("What the failures mean", style="bold")
        for result in failed:
            console.print(f"- {result.name}: {result.meaning}")
        raise typer.Exit(2)


def _facts(model: "LanguageModel") -> list[tuple[str, str]]:
    (encoded,) = model.tokenizer.encode(["text"])
    first = ", ".join(repr(text) for text in model.token_texts(encoded.ids[: encoded.start])) or "nothing"
    together = "rows of any length, padded on the left"
    if not model.behaviour.pads_left:
        together = "rows of one length" if model.behaviour.batches else "one row at a time"
    return [
        ("class", type(model.model).__name__),
        ("revision", model.revision[:12]),
        ("blocks", f"{model.n_layers} × {type(model.blocks[0]).__name__}: layers 0 to {model.n_layers - 1}"),
        ("final norm", type(model.decoder.final_norm).__name__.replace("Identity", "none")),
        ("hidden size", str(model.hidden_size)),
        ("longest input", f"{model.max_tokens} tokens" if model.max_tokens else "not given"),
        ("put before a text", f"{first} (never counted)"),
        ("generated together", together),
        ("device, dtype", f"{model.device}, {str(model.dtype).removeprefix('torch.')}"),
    ]
