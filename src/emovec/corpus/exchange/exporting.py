"""Texts as a dataset for the Hugging Face Hub: a folder of Parquet or JSONL files and a card."""

import io
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any, Literal, get_args

from emovec.config import BUNDLED, generated_folder, read_config
from emovec.corpus.bundled import bundled_neutral
from emovec.corpus.exchange.dataset_card import DatasetFile, Provenance, dataset_card
from emovec.corpus.load import collect_corpus, corpus_of
from emovec.corpus.read import read_sources, read_stories, require_no_problems
from emovec.corpus.story import Story
from emovec.corpus.write import write_jsonl
from emovec.errors import EmovecError
from emovec.files import read_json, write_bytes
from emovec.labels import NEUTRAL, file_name
from emovec.languages.language_names import language_name
from emovec.study_files import is_study, study_file
from emovec.targets import require_folder

DatasetFormat = Literal["parquet", "jsonl"]

GENERATION_RECORD = "generation.json"
"""What a folder of generated texts tells of how they were made."""

_BUNDLED_LICENSE = "cc-by-4.0"
_BUNDLED_NAMES = {name: f"emovec {style} stories" for name, style in BUNDLED.items()}
_BUNDLED_SECTIONS = ("How the texts came about", "What the checks found", "Known weak points")
_SETTINGS = {
    "temperature": "temperature",
    "texts asked for at once": "per_completion",
    "attempts at a request": "max_attempts",
    "seed": "seed",
}
_KINDS = ("stories", "neutral", "dialogues", "masked")


def export_corpus(
    source: str | Path,
    folder: str | Path,
    *,
    format: DatasetFormat = "parquet",
    license: str | None = None,
    name: str | None = None,
    about: str = "",
    audit: bool = False,
    progress: Callable[[int], None] | None = None,
    overwrite: bool = False,
) -> list[Path]:
    """Write the texts of a study, of files, or of the bundled corpus as a dataset; see `write_dataset`.

    Args:
        source: a study file, a file, folder or glob of texts, or one of the bundled corpora (`emovec.config.BUNDLED`).
        folder: new or empty, or with `overwrite` one that was written so before.
        format: `parquet` or `jsonl`.
        license: as the Hub names it; the bundled corpus brings its own.
        name: of the dataset.
        about: Markdown that goes into the card as it is: how the texts came about, who labelled them, what is weak.
        audit: whether the card has the scores of `emovec corpus check`; a minute or so for ten thousand texts.
        progress: called while texts are audited, with numbers that add up to `audit.STAGES` times all texts.
        overwrite: whether an earlier export may be replaced.

    Raises:
        EmovecError: as `write_dataset`, or if the texts can't be read.
    """
    kinds, provenance = texts_to_share(source)
    if about:
        provenance = replace(provenance, about="\n\n".join(filter(None, (provenance.about, about))))
    if str(source) in BUNDLED:
        if license not in {None, _BUNDLED_LICENSE}:
            raise EmovecError(f"`license` {license}: the bundled corpus is under {_BUNDLED_LICENSE}.")
        license, name = _BUNDLED_LICENSE, name or _BUNDLED_NAMES[str(source)]
    return write_dataset(
        kinds,
        folder,
        format=format,
        license=license,
        name=name,
        provenance=provenance,
        audit=audit,
        progress=progress,
        overwrite=overwrite,
    )


def texts_to_share(source: str | Path) -> tuple[dict[str, list[Story]], Provenance]:
    """All texts of a source by kind, and what is known of how they came about; arguments as in `export_corpus`.

    Raises:
        EmovecError: if they can't be read, or a record is broken.
    """
    path = Path(source)
    if str(source) in BUNDLED:
        stories = read_stories(source)
        neutral = bundled_neutral(dict.fromkeys(story.language for story in stories))
        return {"stories": stories, "neutral": neutral}, _bundled_provenance(str(source))
    if is_study(path):
        return _of_study(study_file(path))
    if (path / GENERATION_RECORD).is_file():
        return _of_generated(path), generated_provenance(path)
    corpus, _, _ = corpus_of(source)
    require_no_problems(corpus.problems)
    return {"stories": corpus.stories, "neutral": corpus.neutral}, Provenance()


def _of_study(path: Path) -> tuple[dict[str, list[Story]], Provenance]:
    config = read_config(path)
    corpus = collect_corpus(config, path.parent)
    require_no_problems(corpus.problems)
    kinds = {"stories": corpus.stories, "neutral": corpus.neutral}
    sources = (config.corpus.stories, config.corpus.neutral)
    folder = generated_folder(path)
    if f"{folder.name}/stories.*.jsonl" in sources and folder.is_dir():
        return {**_of_generated(folder), **kinds}, generated_provenance(folder)
    bundled = next((name for name in BUNDLED if name in sources), None)
    return kinds, _bundled_provenance(bundled) if bundled else Provenance()


def _of_generated(folder: Path) -> dict[str, list[Story]]:
    kinds: dict[str, list[Story]] = {}
    for kind in _KINDS:
        if any(folder.glob(f"{kind}.*.jsonl")):
            read = read_sources([str(folder / f"{kind}.*.jsonl")], neutral=kind == NEUTRAL)
            require_no_problems(read.problems)
            kinds[kind] = read.stories
    return kinds


def generated_provenance(folder: Path) -> Provenance:
    """What a folder of generated texts tells: the models, their settings, and the templates of what they were asked."""
    record = read_json(folder / GENERATION_RECORD)
    try:
        return _provenance(record)
    except (AttributeError, KeyError, TypeError) as error:
        raise EmovecError(
            f"{folder / GENERATION_RECORD}: doesn't say how the texts were made; put it back, or export the files of "
            "texts themselves and say it with `about`."
        ) from error


def _provenance(record: Mapping[str, Any]) -> Provenance:
    makings: list[Mapping[str, Any]] = [*record.get("earlier", []), record]
    # A model that is served from a folder is named by its path: of the maker's machine only the last part is told.
    models = dict.fromkeys(re.sub(r"(^|/)[/~.].*/", r"\1", str(making["model"])) for making in makings)
    reasons: Counter[str] = Counter()
    for reason, n in record.get("problems", {}).items():
        reasons[reason.partition(":")[0]] += n
    settings: Mapping[str, Any] = record.get("settings", {})
    facts = {
        "origin": "synthetic: written by a language model through `emovec corpus generate`",
        "model": ", then ".join(models),
        **{name: str(settings[key]) for name, key in _SETTINGS.items() if key in settings},
        "answers that were asked for again": ", ".join(f"{n} {status}" for status, n in reasons.items()),
        "tokens": ", ".join(f"{n:,} {what.replace('_', ' ')}" for what, n in record.get("usage", {}).items()),
        "generated by": f"emovec {record.get('emovec', 'of an unknown version')}",
    }
    prompts = {
        f"{kind} in {language_name(code)}": text
        for code, kinds in record.get("prompts", {}).items()
        for kind, text in kinds.items()
        if text
    }
    limits = ["A language model wrote all texts, with its habits of plot, name and phrase."]
    if len(makings) > 1:
        limits.append("Model, prompts or settings were changed on the way; the table and the prompts show the last.")
    return Provenance({name: fact for name, fact in facts.items() if fact}, prompts=prompts, limits=limits)


def _bundled_provenance(name: str) -> Provenance:
    """The sections on the bundled texts in the package's own data card, one level below the card's."""
    text = (package_files("emovec") / "data" / "README.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE))
    about = "\n\n".join(f"## {title}\n\n{sections[title].strip()}" for title in _BUNDLED_SECTIONS)
    facts = {"source": f"the corpus `{name}` of emovec", "origin": "synthetic: written by a large language model"}
    return Provenance(facts, about)


def write_dataset(
    kinds: Mapping[str, Sequence[Story]],
    folder: str | Path,
    *,
    format: DatasetFormat = "parquet",
    license: str | None = None,
    name: str | None = None,
    provenance: Provenance | None = None,
    audit: bool = False,
    progress: Callable[[int], None] | None = None,
    overwrite: bool = False,
) -> list[Path]:
    """Write `README.md` and `data/<kind>/<language>.<format>`: a config a kind, a split a language.

    Args:
        kinds: texts by kind: `stories`, and where there are any `neutral` and others.
        folder: new or empty, or with `overwrite` one that was written so before.
        format: `parquet` or `jsonl`.
        license: as the Hub names it, such as `cc-by-4.0`; by default `other`, with a request to fill it in.
        name: of the dataset; by default that of the folder.
        provenance: what the card says of how the texts came about.
        audit: as in `export_corpus`.
        progress: as in `export_corpus`.
        overwrite: as in `export_corpus`; all data files of the earlier export go.

    Returns:
        The files, the card last.

    Raises:
        EmovecError: if there is no text, the folder holds something, ids occur twice, or the disk is full.
    """
    folder = Path(folder)
    if format not in get_args(DatasetFormat):
        raise EmovecError(f"`format` {format}: give one of {', '.join(get_args(DatasetFormat))}.")
    require_folder(folder, "an earlier export", is_dataset, overwrite=overwrite)
    files = _files(kinds, format)
    paired = {file.kind for file in files if any(story.other for story in file.stories)}  # the splits of a config alike
    card = dataset_card(
        files,
        license=license,
        name=name or folder.name,
        provenance=provenance or Provenance(),
        audit=audit,
        progress=progress,
    )
    for old in folder.glob("data/*/*"):
        old.unlink()
    for file in files:
        if format == "parquet":
            write_bytes(folder / file.name, parquet_bytes(file.stories, other=file.kind in paired))
        else:
            write_jsonl(file.stories, folder / file.name)
    write_bytes(folder / "README.md", card.encode())  # last, so that a folder with a card is whole
    return [*(folder / file.name for file in files), folder / "README.md"]


def is_dataset(folder: Path) -> bool:
    """Whether a folder holds an export of texts and nothing else; hidden files, such as git's, stay as they are."""
    card, data = folder / "README.md", folder / "data"
    if not {path.name for path in folder.iterdir() if not path.name.startswith(".")} <= {card.name, data.name}:
        return False
    if not card.is_file() or "emovec" not in card.read_text(encoding="utf-8", errors="replace"):
        return False
    inside = [data, *data.rglob("*")]
    kept = [
        path for path in inside if path.is_symlink() or not (path.is_dir() or path.suffix in {".parquet", ".jsonl"})
    ]
    return not kept and all(len(path.relative_to(data).parts) == 2 for path in inside if path.is_file())


def parquet_bytes(stories: Sequence[Story], *, other: bool = False) -> bytes:
    """A Parquet file with one row a story; `other` asks for a column of second emotions."""
    arrow: Any = import_module("pyarrow")
    columns = ("id", "language", "emotion", *(("other",) if other else ()), "topic", "text")
    table = arrow.table(
        {column: arrow.array([getattr(s, column) for s in stories], arrow.string()) for column in columns}
    )
    buffer = io.BytesIO()
    import_module("pyarrow.parquet").write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def _files(kinds: Mapping[str, Sequence[Story]], format: DatasetFormat) -> list[DatasetFile]:
    files: list[DatasetFile] = []
    seen: set[str] = set()
    for kind, stories in kinds.items():
        by_language: dict[str, list[Story]] = {}
        for story in stories:
            if story.id in seen:
                raise EmovecError(
                    f"the id '{story.id}' occurs twice; ids tell the texts of a dataset apart: rename one."
                )
            seen.add(story.id)
            by_language.setdefault(story.language, []).append(story)
        for language, texts in by_language.items():
            split = re.sub(r"\W", "_", language)  # the Hub takes letters, digits and underscores only
            files.append(DatasetFile(kind, language, split, f"data/{kind}/{file_name(language)}.{format}", texts))
    if not files:
        raise EmovecError("there is no text to export; `emovec corpus check`, with the same texts, says what was read.")
    if len({file.name for file in files}) < len(files) or len({(f.kind, f.split) for f in files}) < len(files):
        raise EmovecError("two languages have names that differ in punctuation only, so their files can't; rename one.")
    return files
