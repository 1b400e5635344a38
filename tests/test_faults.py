"""Every known fault of version 0.3 is named by a test that guards against it."""

import re
from pathlib import Path

FAMILIES = {"F": 17, "M": 8, "C": 12, "U": 7}
"""Statistics, models, corpora and files, use: how many faults of each were known."""


def test_every_known_fault_has_a_test() -> None:
    marks = re.compile(r"mark\.fault\(([^)]*)\)")
    sources = [path.read_text(encoding="utf-8") for path in Path(__file__).parent.rglob("test_*.py")]
    named = {name for text in sources for found in marks.findall(text) for name in re.findall(r'"(\w+)"', found)}
    known = {f"{family}{number}" for family, n in FAMILIES.items() for number in range(1, n + 1)}
    assert known - named == set()
    assert named - known == set()
