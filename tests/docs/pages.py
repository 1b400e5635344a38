"""What README and docs hold that can be tried: fenced blocks, and command lines in them, in tables and in sentences."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_FENCE = re.compile(r"^```(\w*)(?: title=\"([^\"]*)\")?\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHELL = {"", "sh", "bash", "console"}


@dataclass(frozen=True)
class Block:
    """A fenced block: its page, first line, language, text, and its title if it has one."""

    page: str
    line: int
    language: str
    text: str
    title: str = ""

    @property
    def name(self) -> str:
        return f"{self.page}:{self.line}"


def blocks() -> list[Block]:
    found: list[Block] = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        found += [
            Block(page.name, text[: match.start()].count("\n") + 2, match[1], match[3], match[2] or "")
            for match in _FENCE.finditer(text)
        ]
    return found


def command_lines() -> list[tuple[str, str]]:
    """(where, line) of each `emovec …` in a block of a shell."""
    found: list[tuple[str, str]] = []
    for block in blocks():
        if block.language not in SHELL:
            continue
        for line in block.text.replace("\\\n", " ").splitlines():
            line = line.strip().removeprefix("$ ")
            if line.startswith("emovec "):
                found.append((block.name, line))
    return found


def inline_commands() -> list[tuple[str, str]]:
    """(where, text) of each `emovec …` between backticks in a sentence or a table."""
    found: list[tuple[str, str]] = []
    for page in PAGES:
        text = _FENCE.sub(lambda match: "\n" * match[0].count("\n"), page.read_text(encoding="utf-8"))
        found += [
            (f"{page.name}:{text[: match.start()].count(chr(10)) + 1}", " ".join(match[1].split()))
            for match in re.finditer(r"`(emovec [^`]*)`", text)
        ]
    return found
