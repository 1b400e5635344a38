"""What a public name gives is what it says, whatever was imported before."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

WALK = """
import importlib, pathlib, types
import emovec

root = pathlib.Path(emovec.__file__).parent
packages = sorted(".".join(("emovec", *init.parent.relative_to(root).parts)) for init in root.rglob("__init__.py"))


def modules(package):
    folder = root.joinpath(*package.split(".")[1:])
    return {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}


def load_modules():
    for package in packages:
        for name in sorted(modules(package) - {"__init__", "__main__"}):
            importlib.import_module(f"{package}.{name}")


def load_names():
    for package in packages:
        module = importlib.import_module(package)
        for name in getattr(module, "__all__", ()):
            space = {}
            exec(f"from {package} import {name}", space)
            home = f"{package}.{name}"
            if isinstance(space[name], types.ModuleType):
                assert home == "emovec.geometry", f"{home} gives a module"
            else:
                assert name not in modules(package), f"{home} is a module too"


def load_attributes():
    for package in packages:
        for name in modules(package) - {"__init__", "__main__"}:
            held = getattr(importlib.import_module(package), name)
            assert isinstance(held, types.ModuleType), f"{package}.{name} hides the module of that name"


STEPS
"""


@pytest.mark.fault("F5")
@pytest.mark.parametrize("steps", ["load_names()", "load_modules(); load_names(); load_attributes()"])
def test_no_public_name_is_a_module(steps: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", WALK.replace("STEPS", steps)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr.splitlines()[-1]


@pytest.mark.parametrize("package", ["emovec", "emovec.geometry"])
def test_type_checkers_and_the_program_find_the_same_names(package: str) -> None:
    module = import_module(package)
    source = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    declared = {
        alias.name: str(node.module)
        for block in source.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert sorted(declared) == sorted(module.__all__)
    for name, home in declared.items():
        assert getattr(module, name) is getattr(import_module(home), name)
