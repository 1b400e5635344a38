"""Where results may be written: nothing is replaced unasked, and never a file of another kind or a part of a study."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from emovec.errors import EmovecError
from emovec.files import TEMPORARY, read_json

_OF_A_STUDY = frozenset(
    f"{stage}{ending}"
    for stage in ("corpus", "activations", "geometry", "steering", "report")
    for ending in ("", ".json")
) | {"study.yaml", "vectors.safetensors", "figures", "report.html", "run.log"}
"""What a run keeps in a study's folder."""


@dataclass(frozen=True)
class FileKind:
    """What a command writes.

    Attributes:
        name: as a message calls it.
        suffixes: the endings of its name, in lower case.
        holds: whether a file that is there is one.
    """

    name: str
    suffixes: tuple[str, ...]
    holds: Callable[[Path], bool]


def require_file(path: Path, kind: FileKind, *, overwrite: bool = False, inputs: Iterable[Path] = ()) -> None:
    """See that a file may be written, before the work for it is done.

    Args:
        path: the file.
        kind: what will be written.
        overwrite: whether a file of that kind may be replaced.
        inputs: what the result is made from, which it never replaces.

    Raises:
        EmovecError: if it is there and may not be replaced, belongs to a study, or can't be written.
    """
    if path.is_dir() or not path.name:
        raise EmovecError(f"{path}: is a folder; name a file.")
    if path.suffix.lower() not in kind.suffixes:
        raise EmovecError(f"{path}: the name of such a file ({kind.name}) ends in {' or '.join(kind.suffixes)}.")
    for given in inputs:
        if given.resolve() == path.resolve():
            raise EmovecError(f"{path}: is what the result is made from; give another name.")
    _require_outside_of_studies(path)
    if os.path.lexists(path):
        if not path.is_file() or path.is_symlink():
            raise EmovecError(f"{path}: is a link or a device and no plain file; give another name.")
        if not overwrite:
            raise EmovecError(f"{path}: is there already; give another name, or `overwrite` to replace it.")
        if not kind.holds(path):
            raise EmovecError(f"{path}: is no {kind.name}, so it is not replaced; give another name, or move it.")
    _require_place(path)


def require_folder(folder: Path, name: str, holds: Callable[[Path], bool], *, overwrite: bool = False) -> None:
    """The same for a folder of files.

    Args:
        folder: new or empty; or, to be replaced, an earlier one of the kind.
        name: what it is a folder of.
        holds: whether a folder that is there holds that and nothing else.
        overwrite: whether such a folder may be replaced.

    Raises:
        EmovecError: as `require_file`.
    """
    _require_outside_of_studies(folder)
    if os.path.lexists(folder) and not folder.is_dir():
        raise EmovecError(f"{folder}: is no folder; give another `out`.")
    if folder.is_dir() and any(folder.iterdir()):
        if not overwrite:
            raise EmovecError(
                f"{folder}: already contains something; give another `out`, or `overwrite` to replace {name} in it."
            )
        if not holds(folder):
            raise EmovecError(
                f"{folder}: contains something other than {name}, so it is not replaced; give another `out`."
            )
    _require_place(folder)


def require_results_folder(folder: Path, study: Path) -> None:
    """See that a study may keep its results in a folder: a new or empty one, or its own from an earlier run.

    Args:
        folder: of the results.
        study: the study file.

    Raises:
        EmovecError: if imported vectors, a study file written by hand, or files of somebody else's lie there.
    """
    from emovec.study_files import is_results_file

    if os.path.lexists(folder) and not folder.is_dir():
        raise EmovecError(f"{folder}: isn't a folder, so it can't hold the study's results; give another `out`.")
    for held in (folder, study.parent) if study.name == "study.yaml" else (folder,):
        if not is_imported(held):
            continue
        raise EmovecError(
            f"{held}: contains vectors that were imported, which a run would replace; its report is there already. To "
            "run a study of your own, give another `out`."
        )
    if not folder.is_dir():
        return
    settings = folder / "study.yaml"
    if settings.exists():
        if not is_results_file(settings):
            raise EmovecError(
                f"{folder}: contains the study file {settings.name}, which results would replace; give another `out`."
            )
        return
    for found in sorted(folder.iterdir()):
        # A run that was killed in its first moments leaves a log, and a file that was not yet moved into place.
        if not found.name.startswith(".") and found.name not in {"run.log", f"study.yaml{TEMPORARY}"}:
            raise EmovecError(
                f"{folder}: contains '{found.name}' and no study, and results would mix with it; give another `out`."
            )


def is_imported(folder: Path) -> bool:
    """Whether a study's vectors were made elsewhere and imported, so that no run can make them anew."""
    from emovec.study_files import read_provenance

    return "imported" in read_provenance(folder / "vectors.safetensors")


def is_html(path: Path) -> bool:
    """Whether a file begins as an HTML page does."""
    head = _head(path).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return head.startswith((b"<!doctype html", b"<html")) or (head.startswith(b"<!--") and b"<html" in head)


def is_control_vector(path: Path) -> bool:
    """Whether a file is a GGUF of a control vector: not the weights of a model, which end in .gguf too."""
    head = _head(path)
    # magic, version, two counts, then the first key with its value, which writers put the architecture in.
    return head.startswith(b"GGUF") and b"general.architecture" in head[:64] and b"controlvector" in head[:96]


def is_safetensors_with(key: str) -> Callable[[Path], bool]:
    """Whether a safetensors file has a key in its metadata, which tells who wrote it and what it holds."""

    def holds(path: Path) -> bool:
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, framework="numpy") as file:
                return key in (file.metadata() or {})
        except (SafetensorError, OSError):
            return False

    return holds


def is_texts(path: Path) -> bool:
    """Whether a file is empty, or its first line a record with a text."""
    import json

    try:
        with path.open(encoding="utf-8-sig") as lines:
            first = lines.readline(10_000_000).strip()
        return not first or "text" in json.loads(first)
    except (OSError, ValueError, TypeError, RecursionError):
        return False


def is_study_file(path: Path) -> bool:
    """Whether a file holds settings of a study, right or wrong, or nothing but comments."""
    from emovec.config import StudyConfig
    from emovec.yaml_file import read_yaml

    try:
        data = read_yaml(path).data
    except (EmovecError, OSError):
        return False
    return data is None or (isinstance(data, dict) and bool(set(StudyConfig.model_fields) & set(data)))  # pyright: ignore[reportUnknownArgumentType]


PAGE = FileKind("HTML page", (".html", ".htm"), is_html)
CONTROL_VECTOR = FileKind("control-vector GGUF", (".gguf",), is_control_vector)
CONTROL_VECTORS = FileKind(
    "safetensors file of control vectors", (".safetensors",), is_safetensors_with("control_vectors")
)
VECTORS = FileKind("file of emotion vectors", (".safetensors",), is_safetensors_with("emovec"))
TEXTS = FileKind("JSONL file of texts", (".jsonl", ".ndjson"), is_texts)
STUDY_FILE = FileKind("study file", (".yaml", ".yml"), is_study_file)


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(4096)
    except OSError:
        return b""


def _require_outside_of_studies(path: Path) -> None:
    place = path.absolute()
    for parent in place.parents:
        first = place.relative_to(parent).parts[0]
        if first in _OF_A_STUDY and _is_study(parent):
            raise EmovecError(f"{path}: belongs to the study in {parent}; give another name or folder.")
    if _is_study(place):
        raise EmovecError(f"{path}: is the folder of a study; give another name or folder.")


def _is_study(folder: Path) -> bool:
    if not (folder / "study.yaml").is_file():
        return False
    return (folder / "vectors.safetensors").is_file() or bool(read_json(folder / "corpus.json"))


def _require_place(path: Path) -> None:
    parent = path.absolute().parent
    while not os.path.lexists(parent):
        parent = parent.parent
    if not parent.is_dir():
        raise EmovecError(f"{path}: can't be written, since {parent} is no folder.")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise EmovecError(f"{path}: can't be written: the folder {parent} may not be changed.")
