"""Imports run one way through the rooms of the house, and never in a circle."""

import ast
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src"
ROOMS: tuple[tuple[str, ...], ...] = (
    (
        *("errors", "printable", "files", "ledger", "lock", "progress", "labels", "emotions", "delimited"),
        *("yaml_file", "config_errors", "config_values", "config", "commands", "study_files", "targets"),
    ),
    ("languages",),
    ("stats",),
    ("asking",),
    ("corpus",),
    ("models",),
    ("activations",),
    ("vectors",),
    ("geometry", "steering"),
    ("study",),
    ("report",),
    ("pipeline",),
    ("cli", "__main__", "_inspect", "emovec"),
)
"""From the ground up, as docs/understand/architecture.md draws it: a room imports only from those before it.

The files of the first and of the last row may import each other.
"""
WINGS = frozenset({"annotation", "exchange", "generation", "quality"})
"""Of `corpus`: nothing that a study does takes them; only the command line, their own pages and plans of cost do."""
MAY_ENTER_WINGS = frozenset(
    # their own pages, and the plan, which counts the texts that a study would have written
    {"emovec.report.pages.annotation", "emovec.report.pages.corpus", "emovec.pipeline.costs"}
)


def modules(source: Path) -> dict[str, Path]:
    """Every module's dotted name and its file."""
    found: dict[str, Path] = {}
    for file in sorted(source.rglob("*.py")):
        parts = file.relative_to(source).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


@cache
def imports(source: Path) -> dict[str, set[str]]:
    """Module → the modules of the package that it imports, at the top, late or for types alone."""
    files = modules(source)
    found: dict[str, set[str]] = {}
    for name, file in files.items():
        taken: set[str] = set()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                taken |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{name}: relative import"
                whole = str(node.module)
                taken |= {f"{whole}.{a.name}" if f"{whole}.{a.name}" in files else whole for a in node.names}
        found[name] = {module for module in taken if module in files and module != name}
    return found


def room(module: str) -> str:
    """The file or folder below `emovec` that a module belongs to."""
    return [*module.split("."), module][1 if "." in module else 0]


def against_the_order(taken: dict[str, set[str]]) -> list[str]:
    """A line for each import that runs against the order of the rooms."""
    floor = {name: at for at, names in enumerate(ROOMS) for name in names}
    inside = {0, len(ROOMS) - 1}
    return [
        f"{module} imports {other}"
        for module, others in taken.items()
        for other in sorted(others)
        if room(module) != room(other)
        and (
            floor[room(other)] > floor[room(module)]
            or (floor[room(other)] == floor[room(module)] and floor[room(module)] not in inside)
        )
    ]


def circle(taken: dict[str, set[str]]) -> list[str]:
    """The modules of one circle in the order of its imports; empty where there is none."""
    done: set[str] = set()

    def walk(module: str, path: list[str]) -> list[str]:
        if module in path:
            return [*path[path.index(module) :], module]
        if module not in done:
            for other in sorted(taken[module]):
                if found := walk(other, [*path, module]):
                    return found
            done.add(module)
        return []

    for module in taken:
        if found := walk(module, []):
            return found
    return []


def test_imports_run_one_way() -> None:
    assert against_the_order(imports(SOURCE)) == []


def test_there_is_no_circle() -> None:
    assert " -> ".join(circle(imports(SOURCE))) == ""


def test_a_study_does_not_take_the_wings_of_the_corpus() -> None:
    wings = {f"emovec.corpus.{wing}" for wing in WINGS}
    found = [
        f"{module} imports {other}"
        for module, others in imports(SOURCE).items()
        for other in sorted(others)
        if any(other.startswith(wing) for wing in wings)
        and room(module) not in {"corpus", "cli"}
        and module not in MAY_ENTER_WINGS
    ]
    assert found == []


@pytest.mark.parametrize(
    ("file", "line", "said"),
    [
        ("stats/new.py", "from emovec.geometry.rsa import rsa", "emovec.stats.new imports emovec.geometry.rsa"),
        (
            "steering/new.py",
            "def f():\n    import emovec.geometry.rsa",
            "emovec.steering.new imports emovec.geometry.rsa",
        ),
    ],
)
def test_both_files_are_named(tmp_path: Path, file: str, line: str, said: str) -> None:
    for path, text in ((file, line), ("geometry/rsa.py", ""), ("__init__.py", "")):
        (tmp_path / "emovec" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "emovec" / path).write_text(text)
    assert against_the_order(imports(tmp_path)) == [said]


def test_a_circle_for_types_alone_is_one(tmp_path: Path) -> None:
    (tmp_path / "emovec").mkdir()
    (tmp_path / "emovec" / "a.py").write_text("if TYPE_CHECKING:\n    from emovec.b import B")
    (tmp_path / "emovec" / "b.py").write_text("from emovec import a")
    assert circle(imports(tmp_path)) == ["emovec.a", "emovec.b", "emovec.a"]
