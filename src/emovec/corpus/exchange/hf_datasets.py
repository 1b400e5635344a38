"""What `datasets` says of its columns: the names that the numbers of class labels stand for."""

import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from emovec.errors import EmovecError


@contextmanager
def understood(path: Path, remedy: str = "save the dataset again with `save_to_disk`") -> Generator[None]:
    """Tell of a file whose content isn't what `datasets` writes."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError, OSError) as error:
        raise EmovecError(f"{path}: is not as `datasets` writes it ({_wrong(error)}); {remedy}.") from error


def json_object(path: Path) -> dict[str, Any]:
    """The object in a JSON file; errors are for `understood` to tell."""
    found: Any = json.loads(path.read_text(encoding="utf-8-sig"))
    if not isinstance(found, dict):
        raise TypeError
    return cast(dict[str, Any], found)


def card_names(card: Mapping[str, Any]) -> dict[str, Sequence[str]]:
    """Names of the classes by column, as a card's `dataset_info` lists them."""
    infos: Any = card.get("dataset_info") or []
    found: dict[str, Sequence[str]] = {}
    for info in infos if isinstance(infos, list) else [infos]:
        for feature in info.get("features") or []:
            kind: Any = feature.get("dtype") or feature.get("sequence") or feature.get("list")
            if isinstance(kind, dict) and "class_label" in kind:
                names = cast(dict[str, Any], kind)["class_label"]["names"]
                found[str(feature["name"])] = _names(list(names.values()) if isinstance(names, dict) else names)
    return found


def parquet_names(path: Path) -> dict[str, Sequence[str]]:
    """Names of the classes by column, as `datasets` writes them into a Parquet file."""
    if path.suffix.lower() != ".parquet":
        return {}
    arrow: Any = import_module("pyarrow")
    try:
        metadata = import_module("pyarrow.parquet").read_schema(path).metadata or {}
    except (arrow.ArrowException, OSError):
        return {}  # what is wrong with the file, reading it says
    with understood(path, "write the file again, or name other columns with `mapping`"):
        info: Any = json.loads(metadata.get(b"huggingface", b"{}"))
        return feature_names(info.get("info", {}).get("features") or {})


def feature_names(features: Mapping[str, Any]) -> dict[str, Sequence[str]]:
    """Names of the classes by column, of the features that `datasets` lists."""
    found: dict[str, Sequence[str]] = {}
    for column, feature in features.items():
        inner: Any = feature.get("feature", feature) if isinstance(feature, dict) else feature[0] if feature else None
        if isinstance(inner, dict) and inner.get("_type") == "ClassLabel":
            found[column] = _names(inner["names"])
    return found


def class_name(value: Any, names: Sequence[str] | None) -> Any:
    """The name of a class by its number, or the names of a list of them; any other value as it is."""
    if isinstance(value, list):
        return [class_name(each, names) for each in cast(list[Any], value)]
    number = isinstance(value, int) and not isinstance(value, bool)
    return names[value] if names and number and 0 <= value < len(names) else value


def _wrong(error: BaseException) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno}: {error.msg.lower()}"
    if isinstance(error, KeyError):
        return f"no {error}"
    return "no UTF-8" if isinstance(error, UnicodeDecodeError) else "another structure"


def _names(names: Any) -> list[str]:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in cast(list[Any], names)):
        raise TypeError
    return cast(list[str], names)
