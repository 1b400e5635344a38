"""Which study an argument means, where its results lie, and what its paths start from."""

import json
import os
from pathlib import Path
from typing import Any

from emovec.config import BUNDLED, StudyConfig, generated_folder, parse_config
from emovec.config_values import Source
from emovec.errors import EmovecError
from emovec.files import read_json

RESULTS_FILE = "study.yaml"
"""The study file in a folder of results: the settings as they were resolved."""
HEADER = (
    "# The settings of the results in this folder, written by emovec. Paths start from here.\n"
    "# `emovec run` with this folder, or with this file, goes on with them.\n"
)
_STUDIES = {".yaml", ".yml"}
_PATHS = {
    "geometry": ("norms", "reference", "held_out"),
    "steering": ("activities", "prompts", "scenarios"),
}


def is_study(given: str | Path) -> bool:
    """Whether an argument names a study: a YAML file, or a folder with a study file in it; else it names texts."""
    path = Path(given)
    return (path.suffix.lower() in _STUDIES and not path.is_dir()) or (path / RESULTS_FILE).is_file()


def study_file(given: str | Path) -> Path:
    """The study file that is meant: the path itself, or the one in a folder of results.

    Raises:
        EmovecError: if it is a folder without one.
    """
    path = Path(given)
    if not path.is_dir():
        return path
    if not (path / RESULTS_FILE).is_file():
        beside = [f for suffix in sorted(_STUDIES) if (f := path.with_name(path.name + suffix)).is_file()]
        near = f" {beside[0]} is one." if beside else ""
        raise EmovecError(
            f"{path}: is a folder without a {RESULTS_FILE}; give a study file, or the folder of its results.{near}"
        )
    return path / RESULTS_FILE


def is_results_file(file: Path) -> bool:
    """Whether a study file is the one that a run has written among its results, not one that a person wrote."""
    if file.name != RESULTS_FILE or not file.is_file():
        return False
    with file.open("rb") as opened:
        head = opened.read(len(HEADER.encode()))
    # Results of version 0.3 have no such head, but a record of their texts, or vectors made elsewhere.
    return head == HEADER.encode() or "key" in read_json(file.with_name("corpus.json"))


def results_folder(given: str | Path, limit: int | None = None) -> Path:
    """Where the results of a study lie: beside its file and named like it, or where the file itself lies among them.

    Args:
        given: a study file, or a folder of results.
        limit: the quick look at so many stories of each emotion has a folder of its own.

    Raises:
        EmovecError: as `study_file`.
    """
    file = study_file(given)
    if not (is_results_file(file) or Path(given).is_dir()):
        return limited(file.with_suffix(""), limit)
    return file.parent if limit is None else limited(file.parent.resolve(), limit)


def limited(folder: Path, limit: int | None) -> Path:
    """The folder of a quick look at so many stories of each emotion, beside that of the full results."""
    if limit is None:
        return folder
    named = folder if folder.name.strip(".") else folder.resolve()
    return named.with_name(f"{named.name}-limit{limit}")


def generated_texts(file: Path, config: StudyConfig) -> Path:
    """The folder of the texts that are generated for a study: `<study>-texts` beside the file that a person wrote."""
    stories = config.corpus.stories
    if is_results_file(file) and isinstance(stories, str) and stories.endswith("-texts/stories.*.jsonl"):
        return (file.parent / stories).parent
    return generated_folder(file)


def model_path(model: str, base: Path) -> str:
    """The model of a study file in a folder: a path of its own starts from there, as every path in a study file."""
    beside = base / Path(model).expanduser()
    return str(beside) if beside.exists() else model


def moved(config: StudyConfig, base: Path, folder: Path) -> StudyConfig:
    """The same settings for a study file in another folder: every relative path leads to the same file from there.

    Args:
        config: the study.
        base: the folder that its relative paths start from.
        folder: the folder that they are to start from.
    """
    data = config.model_dump(mode="json")
    # The model's is seen from the current folder: it is resolved when a study is opened.
    if Path(config.model).expanduser().exists():
        data["model"] = _seen_from(folder, Path(config.model).expanduser(), marked=True)
    for kind in ("stories", "neutral"):
        data["corpus"][kind] = _moved_source(getattr(config.corpus, kind), base, folder)
    for section, names in _PATHS.items():
        for name in names:
            given = data[section][name]
            if isinstance(given, dict):
                data[section][name] = {key: _seen_from(folder, base / file) for key, file in given.items()}
            elif given is not None and given not in BUNDLED:
                data[section][name] = _seen_from(folder, base / given)
    for name in ("topics", "languages_folder"):
        value = data["generation"][name]
        if isinstance(value, str) and (name != "topics" or (base / value).is_file()):
            data["generation"][name] = _seen_from(folder, base / value)
    return parse_config(data, str(folder / RESULTS_FILE))


def norm_files(config: StudyConfig, base: Path) -> Path | dict[str, Path] | None:
    """The files of human norms that a study names, relative ones from a folder; None for the bundled norms."""
    given = config.geometry.norms
    if isinstance(given, dict):
        return {language: base / file for language, file in given.items()}
    return None if given is None else base / given


def _moved_source(source: Any, base: Path, folder: Path) -> Any:
    if source is None:
        return None
    if isinstance(source, list):
        return [_moved_source(each, base, folder) for each in source]
    if isinstance(source, Source):
        given = source.model_dump(mode="json")
        return {**given, "path": _moved_source(source.path, base, folder)}
    return source if source in BUNDLED else _seen_from(folder, base / source)


def _seen_from(folder: Path, path: Path, *, marked: bool = False) -> str:
    """A path as it reads from a folder; `marked` tells it from a name by a point in front."""
    try:
        seen = Path(os.path.relpath(path.expanduser().resolve(), folder.resolve())).as_posix()
    except ValueError:  # another drive, on Windows
        return str(path.resolve())
    return f"./{seen}" if marked and not seen.startswith(".") else seen


def read_provenance(path: str | Path) -> dict[str, Any]:
    """The provenance of a file of vectors without its arrays; empty if the file is broken or of another kind."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            found = json.loads((file.metadata() or {})["emovec"])["provenance"]
    except (SafetensorError, OSError, KeyError, ValueError, TypeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
