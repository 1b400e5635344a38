"""Pages of the reference that are written when the site is built: the study file, the commands, the tables.

mkdocs calls `on_files`. Each page comes from what the program itself uses, so none can fall behind it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files as package_files
from inspect import cleandoc
from typing import Any

import typer

from emovec.cli import app
from emovec.config import StudyConfig
from emovec.geometry.registry import TABLES as GEOMETRY
from emovec.steering.experiments.registry import COLUMNS as STEERING
from emovec.study.cluster_names import COLUMNS as CLUSTER_NAMES
from emovec.study.transfer import COLUMNS as TRANSFER

MEANINGS = {
    "layer": "0-based block; the vectors are its output, before any final norm",
    "variant": "`raw`, or `standardised`: each dimension divided by its standard deviation over stories",
    "language_a, language_b": "the two languages that are compared",
    "train_language, test_language": "learnt on one, tested on the other",
    "vector_language, text_language": "whose vectors read whose texts",
    "r": "a correlation",
    "low, high": "the ends of a 95 % interval",
    "low_crossed, high_crossed": "those of one for other topics and other emotions",
    "p": "the p-value of one test",
    "p_familywise": "the same, corrected for looking at every layer",
    "null_95": "what chance stays below in 95 of 100 draws",
    "chance": "what guessing reaches",
    "n_…": "a count",
    "k": "number of groups (clusters), or of nearest neighbours (geodesic)",
    "given": "what a partial correlation takes out first",
    "strength": "in residual norms",
    "kind": "of a direction: `emotion`, or the controls `random` and `shuffled`; `baseline` is unsteered",
    "regime": "of steered text: `surgical` (coherent), `collapse` (repeats itself) or `explosion` (falls apart)",
    "id": "of a text",
}
"""Columns that mean one thing in all tables."""


def on_files(files: Any, config: Any) -> Any:
    """Add the written pages to those of the folder."""
    from mkdocs.structure.files import File  # late, so that a test can read the pages without mkdocs

    pages = {"study-file": study_file(), "commands": commands(), "tables": tables()}
    for name, text in pages.items():
        files.append(File.generated(config, f"reference/{name}.md", content=text))
    return files


def _rows(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *(tuple(cell.replace("|", "\\|") for cell in row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


# The study file


def study_file() -> str:
    """Every setting: the commented file that `emovec init` writes, then types, defaults and limits."""
    template = package_files("emovec").joinpath("data", "study.yaml").read_text(encoding="utf-8")
    return (
        "# The study file\n\n"
        "A study is one YAML file. Every setting has a default and may be left out; an unknown one is an error that\n"
        "names the nearest valid one. `emovec init` writes this file:\n\n"
        f"```yaml\n{template}```\n\n"
        "## Types, defaults and limits\n\n"
        "The program checks a file against these before any work starts.\n\n"
        + _rows(("setting", "type", "default"), _settings(StudyConfig.model_json_schema(), StudyConfig().model_dump()))
    )


def _settings(schema: dict[str, Any], defaults: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    definitions = schema.get("$defs", {})
    for name, field in schema["properties"].items():
        section = definitions.get(field.get("$ref", "").rpartition("/")[2], {})
        if "properties" in section:
            inner = section | {"$defs": definitions}
            for key, kind, default in _settings(inner, defaults[name]):
                yield f"`{name}.{key[1:]}", kind, default
        else:
            yield f"`{name}`", _type(field, definitions), f"`{_as_yaml(defaults[name])}`"


def _as_yaml(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_as_yaml, value))}]"
    return value if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else json.dumps(value)


def _type(field: dict[str, Any], definitions: dict[str, Any]) -> str:
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        if "properties" in definitions[name]:
            return f"{{{', '.join(definitions[name]['properties'])}}}"
        return _type(definitions[name], definitions)
    for many in ("anyOf", "oneOf"):
        if many in field:
            return " or ".join(dict.fromkeys(_type(each, definitions) for each in field[many]))
    if "enum" in field or "const" in field:
        return " or ".join(f"`{value}`" for value in field.get("enum", [field.get("const")]))
    kind = field.get("type", "any")
    if kind == "array":
        return f"list of {_type(field.get('items', {}), definitions)}"
    low = field.get("minimum", field.get("exclusiveMinimum"))
    high = field.get("maximum", field.get("exclusiveMaximum"))
    words = {"integer": "whole number", "string": "text", "boolean": "true or false", "object": "mapping"}
    if low is None and high is None:
        return words.get(kind, kind)
    bounds = [f"{sign} {value:.10g}" for sign, value in (("from", low), ("to", high)) if value is not None]
    return f"{words.get(kind, kind)} {' '.join(bounds)}"


# The commands


def commands() -> str:
    """Every command with its arguments, options and defaults, in the groups of `emovec --help`."""
    root: Any = typer.main.get_command(app)
    groups: dict[str, list[str]] = {}
    for name, command in root.commands.items():
        panel = getattr(command, "rich_help_panel", None)
        groups.setdefault(panel if isinstance(panel, str) else "Commands", []).extend(
            _command(f"emovec {name}", command)
        )
    text = "# Commands\n\n`emovec COMMAND --help` shows the same in the terminal. The exit code is 0 if all went\n"
    text += "well and 2 if something is wrong with the input.\n"
    for panel, lines in groups.items():
        text += f"\n## {panel}\n\n" + "\n".join(lines)
    return text


def _command(path: str, command: Any) -> Iterator[str]:
    if command.hidden:
        return
    if hasattr(command, "commands"):
        yield f"### {path} …\n\n{cleandoc(command.help or '')}\n"
        for name, inner in command.commands.items():
            yield from _command(f"{path} {name}", inner)
        return
    with command.make_context(path, [], resilient_parsing=True) as context:
        usage = " ".join([path, *command.collect_usage_pieces(context)])
        yield f"### {path}\n\n```\n{usage}\n```\n\n{cleandoc(command.help or '')}\n"
        records = [parameter.get_help_record(context) for parameter in command.get_params(context)]
        shown = [record for record in records if record and not record[0].startswith("--help")]
        if shown:
            yield _rows(("", ""), ((f"`{name}`", " ".join(about.split())) for name, about in shown))


# The tables


def tables() -> str:
    """Every table that a study writes, with its columns in order."""
    every: dict[str, dict[str, Sequence[str]]] = {
        "geometry": {name: table.columns for name, table in GEOMETRY.items()} | {"cluster_names": CLUSTER_NAMES},
        "steering": dict(STEERING),
        "transfer-from-<study>": {"transfer": TRANSFER},
    }
    return (
        "# Tables\n\n"
        "Every number of the report is a row of a Parquet file: tidy, one row an observation, all labelled. Beside\n"
        "the tables, `<analysis>.json` has the parameters with seed and hook point, and a short summary.\n"
        "[The read-outs](../understand/geometry.md) say how each is computed and how it misleads.\n\n"
        '```python\nimport pandas as pd\n\npd.read_parquet("my-study/geometry/rsa.parquet")\n```\n\n'
        "## Columns that recur\n\n"
        + _rows(("column", "meaning"), ((f"`{name}`", text) for name, text in MEANINGS.items()))
        + "".join(f"\n## {folder}/\n\n" + listing(folder, each) for folder, each in every.items())
        + "\n`emovec compare` writes `studies`, `agreement` and `layers`: see\n"
        "[Compare studies](../how-to/compare.md#tables).\n"
    )


def listing(folder: str, each: Mapping[str, Sequence[str]]) -> str:
    """The tables of a folder as rows of Markdown."""
    return _rows(
        ("table (`.parquet`)", "columns"),
        ((f"`{folder}/{name}`", ", ".join(f"`{c}`" for c in columns)) for name, columns in sorted(each.items())),
    )
