"""Labels and paths of other people's files are shown as text: they steer no terminal and fill no screen."""

import io
import logging
from pathlib import Path

import pytest
from rich.table import Table
from rich.text import Text

from emovec.cli.show import SafeConsole
from emovec.printable import MOST_SHOWN, message, printable, shortened
from tests.cli.conftest import Run
from tests.cli.conftest import run as run

NASTY = "\x1b[31mred\x1b]0;title\x07 [red]x[/] :smile: [/nothing] \u202eevil"


def shown(*things: object, title: str | None = None) -> str:
    out = io.StringIO()
    console = SafeConsole(file=out, force_terminal=True, color_system="truecolor", width=200)
    table = Table("label", title=title)
    table.add_row(NASTY)
    console.print(*things, table, highlight=False)
    return out.getvalue()


@pytest.mark.fault("C8")
def test_the_console_shows_markup_and_control_characters_as_text() -> None:
    text = shown(NASTY, Text(NASTY, style="bold"), title=NASTY)
    assert text.count("[red]x[/] :smile: [/nothing]") == 4
    assert "\x1b[31m" not in text
    assert "\x1b]0;" not in text
    assert "\u202e" not in text
    assert "\x1b[1m" in text  # our own styles stay


@pytest.mark.fault("C8")
@pytest.mark.parametrize("name", [NASTY.replace("/", "|"), "x" * 200, "[/red]", "line\nbreak"])
def test_messages_are_printable_and_short(name: str, run: Run, tmp_path: Path) -> None:
    for arguments in (
        ("run", f"{name}.yaml"),
        ("vectors", "export", f"{name}.safetensors", "--emotion", name, "--out", "x.gguf"),
        ("vectors", "import", f"{name}.npz", "--out", "made"),
        ("corpus", "check", f"{name}.jsonl"),
    ):
        code, _, err = run(*arguments)
        assert code == 2
        assert err.startswith("Error: ")
        assert "\x1b" not in err
        assert "\x07" not in err
        assert len(err) < MOST_SHOWN + 50


@pytest.mark.fault("C8")
def test_a_value_of_any_size_takes_one_short_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(f"extraction: [{', '.join(['x' * 50] * 1000)}]", encoding="utf-8")
    code, _, err = run("run", "s.yaml")
    assert code == 2
    assert err == "Error: s.yaml, line 1: extraction: give a mapping of settings (got a list)"


@pytest.mark.fault("C8")
def test_the_log_file_is_clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from emovec.pipeline.run import _logged  # pyright: ignore[reportPrivateUsage]

    with _logged(tmp_path):
        logging.getLogger("emovec").warning("%s", NASTY)
    assert "\x1b" not in (tmp_path / "run.log").read_text(encoding="utf-8")


def test_what_can_be_shown_stays() -> None:
    assert printable("žluťoučký kůň 悲しい\n\té") == "žluťoučký kůň 悲しい\n\té"
    assert shortened("a\nb " * 100, 10) == "a b a b a…"
    assert message("short") == "short"
    assert len(message("x" * 10_000)) < MOST_SHOWN + 10
