"""Load a language from its file: the package's, with a user's own laid over it."""

from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from emovec.config import StudyConfig
from emovec.errors import EmovecError
from emovec.labels import check_label
from emovec.languages.files import read_language_file
from emovec.languages.language import Language, base_language

BUNDLED = Path(str(files("emovec") / "data" / "languages"))


def load_language(code: str, folder: str | Path | None = None) -> Language:
    """All that is known of a language.

    A file in the user's folder lies over the package's of the same code: its keys count, and what it leaves out stays.
    A region lies over its language in the same way: `pt-BR.yaml` over `pt.yaml`.

    Args:
        code: of the language. One without any file has a code and nothing else.
        folder: of the user's own language files, if there are any.

    Raises:
        EmovecError: if a file is wrong; all that is wrong is named, by line.
    """
    if folder is None:
        return _bundled(code)
    try:
        code = check_label("language", code)
    except EmovecError:
        return Language(code)
    own = {} if folder == BUNDLED else language_files(Path(folder))
    fields: dict[str, Any] = {}
    for name in dict.fromkeys((base_language(code), code)):
        for path in (BUNDLED / f"{name}.yaml", own.get(name)):
            if path is not None and path.is_file():
                fields |= _read(path, path.stat().st_mtime_ns)
    return Language(code, **fields)


@cache
def _bundled(code: str) -> Language:
    return load_language(code, BUNDLED)


@lru_cache(maxsize=200)
def _read(path: Path, _changed: int) -> dict[str, Any]:
    return read_language_file(path)


def languages_folder(config: StudyConfig, base: str | Path) -> Path | None:
    """The folder of a study's own language files, if it names one; relative to `base`."""
    named = config.generation.languages_folder
    return None if named is None else Path(base, named).expanduser()


def language_files(folder: Path) -> dict[str, Path]:
    """The language files of a folder by their codes; files not named after a language (`notes.yaml`) are left alone.

    Raises:
        EmovecError: if the folder isn't there, or two of its files are of one language (`pt-BR.yaml`, `pt_br.yaml`).
    """
    if not folder.is_dir():
        raise EmovecError(f"generation.languages_folder: {folder} is no folder; make it, or leave the setting out.")
    found: dict[str, Path] = {}
    for path in sorted(folder.glob("*.yaml")):
        try:
            code = check_label("language", path.stem)
        except EmovecError:
            continue
        if code in found:
            raise EmovecError(f"{path}: {found[code].name} is of the same language, '{code}'; keep one of them.")
        found[code] = path
    return found
