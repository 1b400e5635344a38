"""Rows of other people's tables and `datasets` folders, with their columns guessed or named."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from emovec.corpus.exchange.choices import ALIASES, Choices, Found
from emovec.corpus.exchange.found_labels import hot, one_hot_columns
from emovec.corpus.exchange.hf_datasets import (
    card_names,
    class_name,
    feature_names,
    json_object,
    parquet_names,
    understood,
)
from emovec.corpus.exchange.tables import table_rows
from emovec.corpus.rows import READERS, Row, first_line, valid_rows
from emovec.errors import EmovecError
from emovec.labels import NEUTRAL
from emovec.languages.language import base_language
from emovec.languages.script import writing_of
from emovec.yaml_file import parse_yaml

STORY_CONFIGS = ("stories", NEUTRAL)


def is_language(word: str) -> bool:
    """Whether a word is a code of a language that is known here: `en`, `pt-BR`, `zh_Hant`."""
    return (
        re.fullmatch(r"[a-z]{2,3}(?:[-_][A-Za-z]{2,4})?", word) is not None
        and writing_of(base_language(word)) is not None
    )


def record_fields(record: Mapping[str, Any], choices: Choices) -> Iterator[Mapping[str, Any] | str]:
    """The texts of a record (several if its text is a list), each with its fields, or what is wrong."""
    fields: dict[str, Any] = {}
    filled = [column for column, value in record.items() if value is not None]
    for name in ALIASES:
        given = choices.columns.get(name)
        if given and given not in record and name in {"text", "emotion", "language"}:
            yield f"no '{given}' for the {name}; there are {', '.join(map(str, record)) or 'no fields at all'}"
            return
        column = choices.column(name, filled)
        if name == "other" and not given and not isinstance(record.get(str(column)), str):
            continue  # so common a name that it may mean anything
        if column is not None:
            fields[name] = record[column]
            choices.taken.setdefault(name, f"'{column}'")
    if "text" not in fields:
        yield f"no text; there are {', '.join(map(str, record)) or 'no fields at all'} (`mapping` text=… names it)"
    elif isinstance(fields["text"], list):
        shared = {name: value for name, value in fields.items() if name not in {"id", "text"}}
        for each in cast(list[Any], fields["text"]):
            if isinstance(each, dict):
                for inner in record_fields(cast(dict[str, Any], each), choices):
                    yield inner if isinstance(inner, str) else {**shared, **inner}
            else:
                yield {**shared, "text": each}
    else:
        yield fields


def table_texts(path: Path, choices: Choices, known: Mapping[str, Any]) -> Iterator[Found]:
    """The texts of a JSONL, CSV or Parquet file; `known` holds the fields that its place tells."""
    choices, rows = table_rows(path, choices)
    yield from _texts(path, rows, parquet_names(path), choices, known)


def datasets_texts(folder: Path, choices: Choices) -> Iterator[Found]:
    """The texts of a `datasets` folder: one of `save_to_disk`, or one that the Hub holds."""
    if (folder / "dataset_dict.json").is_file():
        for split in _saved_splits(folder / "dataset_dict.json"):
            yield from _saved(folder / split, choices, _place(None, split))
    elif (folder / "state.json").is_file():
        yield from _saved(folder, choices, {})
    else:
        configs = hub_files(folder)
        wanted = [name for name in configs if name in STORY_CONFIGS] if "stories" in configs else list(configs)
        if choices.config is not None:
            if choices.config not in configs:
                raise EmovecError(f"`config` {choices.config}: {folder} has {', '.join(configs)}.")
            wanted = [choices.config]
        choices.left.extend(f"config '{name}' (`config` {name} takes it)" for name in configs if name not in wanted)
        with understood(folder / "README.md", "correct its dataset_info"):
            labels = card_names(_card(folder))
        for name in wanted:
            for split, path in configs[name]:
                known = _place(name, split)
                choices.placed.update(dict.fromkeys(known, "the names of configs and splits"))
                of_file, rows = table_rows(path, choices)
                yield from _texts(path, rows, labels | parquet_names(path), of_file, known)


def hub_files(folder: Path) -> dict[str, list[tuple[str, Path]]]:
    """The files of each config of a dataset as the Hub holds it, as (split, file), in the order of its card.

    Raises:
        EmovecError: if a file that the card names is missing, or there is none.
    """
    try:
        configs = _card_files(folder)
    except (AttributeError, KeyError, TypeError, ValueError, NotImplementedError) as error:
        raise EmovecError(
            f"{folder / 'README.md'}: its configs can't be understood; each needs a config_name, and data_files with "
            "paths below this folder."
        ) from error
    if configs:
        return configs
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in READERS)
    if not found:
        raise EmovecError(
            f"{folder}: contains no data of `datasets`: no state.json, no card with configs, no data files."
        )
    return {"default": [(re.split(r"[-.]", path.name)[0], path) for path in found]}


def _card_files(folder: Path) -> dict[str, list[tuple[str, Path]]]:
    configs: dict[str, list[tuple[str, Path]]] = {}
    for config in _card(folder).get("configs") or []:
        files = configs.setdefault(str(config.get("config_name", "default")), [])
        given = config.get("data_files") or []
        for part in [given] if isinstance(given, str | dict) else given:
            paths = part["path"] if isinstance(part, dict) else part
            split = str(part.get("split", "train")) if isinstance(part, dict) else "train"
            for pattern in [paths] if isinstance(paths, str) else paths:
                matches = sorted(path for path in folder.glob(pattern) if path.suffix.lower() in READERS)
                if not matches:
                    raise EmovecError(f"{folder / 'README.md'}: configs name '{pattern}', but no such file is there.")
                files.extend((split, path) for path in matches)
    return configs


def is_datasets_folder(folder: Path) -> bool:
    """Whether `datasets` or the Hub has written a folder."""
    marks = ("dataset_dict.json", "state.json")
    return any((folder / mark).is_file() for mark in marks) or bool(_card(folder).get("configs"))


def _place(config: str | None, split: str) -> dict[str, str]:
    """What the names of a config and a split tell, where no column does: the language, or that texts are neutral."""
    known = {"language": split.replace("_", "-")} if is_language(split) else {}
    if config is not None and is_language(config):
        known["language"] = config
    return known | ({"emotion": NEUTRAL} if config == NEUTRAL else {})


def _texts(
    path: Path, rows: Iterator[Row], names: Mapping[str, Sequence[str]], choices: Choices, known: Mapping[str, Any]
) -> Iterator[Found]:
    columns: list[str] = []
    if choices.columns.get("emotion", "").count(","):  # a column for each emotion, by name
        columns = [column.strip() for column in choices.columns["emotion"].split(",")]
        others = {name: column for name, column in choices.columns.items() if name != "emotion"}
        choices = replace(choices, columns=others)
    elif "emotion" not in choices.columns and not choices.emotion_given:
        columns, rows = one_hot_columns(rows, choices, least=3 if "emotion" in known else 2)
    if columns:
        choices.taken.setdefault("emotion", f"{len(columns)} columns of yes and no ({columns[0]}, …)")
    for line, record in rows:
        if isinstance(record, str):
            yield Found(path, line, record)
            continue
        if columns:
            if missing := [column for column in columns if column not in record]:
                yield Found(path, line, f"no '{missing[0]}' for the emotion; there are {', '.join(map(str, record))}")
                continue
            if not (emotions := hot(record, columns)):
                choices.unlabelled[str(path)] += 1
                continue
            record = {**{key: value for key, value in record.items() if key not in columns}, "emotion": emotions}
        named = {key: class_name(value, names.get(key)) for key, value in record.items()}
        for fields in record_fields(named, choices):
            yield Found(path, line, fields if isinstance(fields, str) else {**known, **fields})


def _saved(folder: Path, choices: Choices, known: Mapping[str, Any]) -> Iterator[Found]:
    """The rows of the Arrow files that `save_to_disk` wrote."""
    arrow: Any = import_module("pyarrow")
    state, info = folder / "state.json", folder / "dataset_info.json"
    with understood(state):
        files = [folder / each["filename"] for each in json_object(state).get("_data_files", [])]
    with understood(info):  # without it labels would be taken for numbers
        names = feature_names(json_object(info).get("features") or {}) if info.is_file() else {}
    if not files:
        raise EmovecError(f"{state}: names no data files, so this is no whole `datasets` folder.")

    def rows(path: Path) -> Iterator[Row]:
        row = 0
        try:
            with arrow.memory_map(str(path)) as source:
                for batch in arrow.ipc.open_stream(source):
                    for record in valid_rows(batch):
                        row += 1
                        yield row, record
        except (arrow.ArrowException, OSError) as error:
            raise EmovecError(f"{path}: can't be read after row {row} ({first_line(error)}).") from error

    for path in files:
        yield from _texts(path, rows(path), names, choices, known)


def _saved_splits(path: Path) -> list[str]:
    with understood(path):
        splits = [str(split) for split in json_object(path)["splits"]]
    if not splits:
        raise EmovecError(f"{path}: names no splits, so this is no whole `datasets` folder.")
    return splits


def _card(folder: Path) -> dict[str, Any]:
    """The YAML front matter of a folder's card; empty where there is none."""
    try:
        text = (folder / "README.md").read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return {}
    found = re.match(r"---\s*\n(.*?)\n---\s*(?:\n|\Z)", text, re.DOTALL)
    # The line of dashes above it counts among the lines that a message names.
    data = parse_yaml(f"\n{found[1]}", f"{folder / 'README.md'}: its front matter").data if found else None
    return cast(dict[str, Any], data) if isinstance(data, dict) else {}
