"""`emovec model`: what emovec makes of a model."""

from typing import Annotated

import typer

model_app = typer.Typer(help="Look at a model as emovec sees it.", no_args_is_help=True)


@model_app.command("check")
def check(
    model: Annotated[str, typer.Argument(help="Hub id, folder, .gguf file, or gemma-3-270m.")],
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit of the Hub.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps …")] = "auto",
    dtype: Annotated[str, typer.Option(help="auto, float32, bfloat16 or float16.")] = "auto",
    trust_remote_code: Annotated[bool, typer.Option(help="Let code that comes with the model run.")] = False,
) -> None:
    """Prove on this very model that layers, padding and read-out are right; exits with 2 if they are not."""
    from rich.table import Table
    from rich.text import Text

    from emovec.cli.progress import console, show_log
    from emovec.models.check import check_model
    from emovec.models.load import load_model

    show_log()
    loaded = load_model(model, revision=revision, device=device, dtype=dtype, trust_remote_code=trust_remote_code)
    facts = Table(title=model, show_header=False)
    (encoded,) = loaded.tokenizer.encode(["text"])
    first = ", ".join(repr(text) for text in loaded.token_texts(encoded.ids[: encoded.start])) or "nothing"
    for name, value in (
        ("class", type(loaded.model).__name__),
        ("revision", loaded.revision[:12]),
        ("blocks", f"{loaded.n_layers} × {type(loaded.blocks[0]).__name__}: layers 0 to {loaded.n_layers - 1}"),
        ("final norm", type(loaded.decoder.final_norm).__name__),
        ("hidden size", str(loaded.hidden_size)),
        ("longest input", f"{loaded.max_tokens} tokens" if loaded.max_tokens else "not given"),
        ("put before a text", f"{first} (never counted)"),
        ("device, dtype", f"{loaded.device}, {str(loaded.dtype).removeprefix('torch.')}"),
    ):
        facts.add_row(name, value)
    console.print(facts)
    results = Table("check", "relative error", "allowed", "", title="Compared with plain, unpadded runs")
    checks = check_model(loaded)
    for result in checks:
        verdict = Text("holds", "green") if result.passed else Text("FAILS", "bold red")
        results.add_row(result.name, f"{result.error:.1e}", f"{result.tolerance:.0e}", verdict)
    console.print(results)
    if not all(result.passed for result in checks):
        console.print("Don't trust results from this model: please report it with this table.")
        raise typer.Exit(2)
