"""`emovec model`: what emovec makes of a model."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from emovec.models.language_model import LanguageModel

model_app = typer.Typer(help="Look at a model as emovec sees it.", no_args_is_help=True)


@model_app.command("check")
def check(
    model: Annotated[str, typer.Argument(help="Hub id, folder, .gguf file, or gemma-3-270m.")],
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit of the Hub.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps …")] = "auto",
    dtype: Annotated[str, typer.Option(help="auto, float32, bfloat16 or float16.")] = "auto",
    trust_remote_code: Annotated[bool, typer.Option(help="Let code that comes with the model run.")] = False,
) -> None:
    """Prove on this very model that layers, padding, cache, read-out and steering are right; exits with 2 if not."""
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    from emovec.cli.progress import console, show_log
    from emovec.models.check import check_model, cpu_reference
    from emovec.models.load import load_model

    show_log()
    loaded = load_model(model, revision=revision, device=device, dtype=dtype, trust_remote_code=trust_remote_code)
    facts = Table(title=escape(model), show_header=False)
    for name, value in _facts(loaded):
        facts.add_row(name, escape(value))
    console.print(facts)
    reference, why_not = cpu_reference(loaded, trust_remote_code=trust_remote_code)
    results = Table("check", "relative error", "allowed", "", title="Compared with plain runs of one text at a time")
    checks = check_model(loaded, reference=reference)
    for result in checks:
        verdict = Text("holds", "green") if result.passed else Text("FAILS", "bold red")
        results.add_row(result.name, f"{result.error:.1e}", f"{result.tolerance:.0e}", verdict)
    console.print(results)
    if why_not:
        console.print(f"Not compared with the CPU in float32: {why_not}", highlight=False)
    failed = [result for result in checks if not result.passed]
    if failed:
        console.print("[bold]What the failures mean")
        for result in failed:
            console.print(f"- {escape(result.name)}: {escape(result.meaning)}", highlight=False)
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
