"""The shard store: activations on disk, whole after any interruption, read back one layer at a time."""

import hashlib
import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import xarray as xr
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from emovec import ledger
from emovec.commands import command
from emovec.corpus.story import Story
from emovec.errors import EmovecError
from emovec.files import read_json, write_bytes
from emovec.labels import NEUTRAL, check_label, file_name
from emovec.study_files import is_study

MANIFEST = "manifest.jsonl"
SOURCE = "source.json"


@dataclass(frozen=True)
class ShardRecord:
    """A line of the manifest: a shard that is wholly on disk.

    Attributes:
        shard: position of the shard in the story list.
        key: hash of the shard's stories and of every setting that its numbers depend on.
        file: name within the store's folder.
        sha256: of that file.
        stories: number of stories in it.
        tokens: own tokens of those stories.
        sinks: attention sinks left out, summed over stories and layers.
        skipped: stories left out, with the reason.
        facts: device, dtype, batch size and seconds: what was done, not what the numbers depend on.
    """

    shard: int
    key: str
    file: str
    sha256: str
    stories: int
    tokens: int
    sinks: int
    skipped: list[dict[str, str]]
    facts: dict[str, Any] = field(default_factory=dict[str, Any])


class ShardStore:
    """The shards of one list of stories, in one folder."""

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)

    @property
    def name(self) -> str:
        """The folder's name: a language, with `.neutral` for its neutral texts."""
        return self.folder.name

    def records(self) -> list[ShardRecord]:
        """The committed shards in story order; a line cut off by an interruption doesn't count."""
        records: dict[int, ShardRecord] = {}
        for line in ledger.read(self.folder / MANIFEST):
            try:
                record = ShardRecord(**line)
            except TypeError:
                continue
            records[record.shard] = record
        return [records[shard] for shard in sorted(records)]

    def keep_only(self, keys: Sequence[str]) -> set[str]:
        """Drop shards whose key isn't among `keys`, and whatever an interruption left behind.

        Returns:
            The keys whose shards stay.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        kept = [r for r in self.records() if r.key in set(keys) and (self.folder / r.file).is_file()]
        ledger.rewrite(self.folder / MANIFEST, map(asdict, kept))
        for path in self.folder.glob("shard-*"):
            if path.name not in {record.file for record in kept}:
                path.unlink()
        return {record.key for record in kept}

    def commit(self, record: ShardRecord, tensors: Mapping[str, torch.Tensor], header: Mapping[str, Any]) -> None:
        """Write a shard with a header, then its line in the manifest, where `record.sha256` is filled in."""
        # One key, because safetensors writes several in an order that changes from call to call.
        data = save(dict(tensors), {"emovec": json.dumps(header, sort_keys=True, ensure_ascii=False)})
        write_bytes(self.folder / record.file, data)
        record = replace(record, sha256=hashlib.sha256(data).hexdigest())
        ledger.append(self.folder / MANIFEST, asdict(record))

    def broken(self) -> dict[Path, str]:
        """Committed shards whose file is missing or has changed since it was written, with the reason."""
        problems: dict[Path, str] = {}
        for record in self.records():
            path = self.folder / record.file
            if not path.is_file():
                problems[path] = "missing"
                continue
            with path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != record.sha256:
                    problems[path] = "changed since it was written (SHA-256 differs)"
        return problems

    def drop(self, files: Sequence[str]) -> None:
        """Forget the shards in these files, so that the next extraction makes them anew."""
        self.keep_only([record.key for record in self.records() if record.file not in files])


def store_name(story: Story) -> str:
    """The store a story belongs to: its language, with `.neutral` for neutral texts."""
    return f"{story.language}.{NEUTRAL}" if story.emotion == NEUTRAL else story.language


def store_folder(folder: Path, name: str) -> Path:
    """The folder of a store within that of all activations.

    Raises:
        EmovecError: if the name is none that `store_name` gives, as in a `source.json` that was changed by hand.
    """
    language = name.removesuffix(f".{NEUTRAL}")
    if check_label("language", language) != language:
        raise EmovecError(f"{folder}: '{language}' isn't spelt like a language code; run the extraction again.")
    return folder / (file_name(language) + name[len(language) :])


def layer_name(layer: int) -> str:
    """Name of a layer's tensor in a shard."""
    return f"layer.{layer:02d}"


class Activations:
    """All texts of a study at all extracted layers, read from the stores in one folder.

    Layer k is the output of 0-based block k before any final norm (resid_post).

    Attributes:
        folder: where the stores are.
        source: provenance: model, tokenizer, texts, layers, pooling.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        self.source: dict[str, Any] = read_json(self.folder / SOURCE)
        # Stores of languages that a study has no more stay on disk, in case it has them again, but aren't its own.
        stores = {name: store_folder(self.folder, name) for name in sorted(self.source.get("stores", []))}
        self._stores = {name: ShardStore(folder) for name, folder in stores.items() if (folder / MANIFEST).is_file()}
        self._indices: dict[tuple[str, bool], pd.DataFrame] = {}
        if not self._stores:
            raise EmovecError(f"{self.folder}: contains no activations; a run of a study makes them.")

    @property
    def stores(self) -> list[ShardStore]:
        """The stores, by name."""
        return list(self._stores.values())

    @property
    def languages(self) -> list[str]:
        """Languages that have stories, sorted."""
        return [name for name in self._stores if not name.endswith(f".{NEUTRAL}")]

    def has_neutral(self, language: str) -> bool:
        """Whether there are neutral texts in a language."""
        return f"{language}.{NEUTRAL}" in self._stores

    @cached_property
    def index(self) -> pd.DataFrame:
        """One row for each story: id, language, emotion, topic, n_tokens (its own tokens), in store order."""
        return pd.concat([self._index(language) for language in self.languages], ignore_index=True)

    @property
    def layers(self) -> list[int]:
        """Extracted layers, ascending."""
        return list(self.source["layers"])

    def layer(self, layer: int, language: str, *, neutral: bool = False) -> xr.DataArray:
        """Mean residual stream of each text of a language at one layer.

        Returns:
            [story, hidden] float32, with coordinates id, language, emotion, topic on story (topic "" where absent).
        """
        values = self._tensor(language, layer_name(layer), neutral=neutral)
        index = self._index(language, neutral=neutral)
        coords = {name: ("story", index[name].to_numpy(str)) for name in ("id", "language", "emotion", "topic")}
        return xr.DataArray(values.astype(np.float32), dims=("story", "hidden"), coords=coords)

    def token_norms(self, language: str) -> xr.DataArray:
        """[story, layer]: median norm of each story's own tokens, sinks left out."""
        values = self._tensor(language, "token_norm")
        return xr.DataArray(values, dims=("story", "layer"), coords={"layer": self.layers})

    def facts(self, languages: Sequence[str] | None = None) -> dict[str, Any]:
        """What was extracted in some languages (by default all), from the manifests: for the report.

        `sink_tokens` counts the sinks left out of the stories' means, summed over layers.
        """
        by_language: dict[str, Any] = {}
        seconds = 0.0
        facts: dict[str, Any] = {}
        for language in languages or self.languages:
            records = self._stores[language].records()
            neutral = self._stores[f"{language}.{NEUTRAL}"].records() if self.has_neutral(language) else []
            for record in records + neutral:
                facts = record.facts
                seconds += float(facts.get("seconds", 0))
            by_language[language] = {
                "stories": sum(r.stories for r in records),
                "neutral": sum(r.stories for r in neutral),
                "tokens": sum(r.tokens for r in records + neutral),
                "sink_tokens": sum(r.sinks for r in records),
                "skipped": [skip for r in records + neutral for skip in r.skipped],
            }
        return {**facts, "languages": by_language, "seconds": round(seconds, 1)}

    def _index(self, language: str, *, neutral: bool = False) -> pd.DataFrame:
        if (language, neutral) not in self._indices:
            frames: list[pd.DataFrame] = []
            for file in self._files(language, neutral):
                header = json.loads(file.metadata()["emovec"])
                frame = pd.DataFrame(header["stories"], columns=["id", "emotion", "topic"])
                frames.append(frame.assign(n_tokens=file.get_tensor("n_tokens").numpy()))
            index = pd.concat(frames, ignore_index=True)
            index.insert(1, "language", language)
            self._indices[language, neutral] = index
        return self._indices[language, neutral]

    def _tensor(self, language: str, name: str, *, neutral: bool = False) -> np.ndarray:
        return np.concatenate([file.get_tensor(name).float().numpy() for file in self._files(language, neutral)])

    def _files(self, language: str, neutral: bool) -> Generator[Any]:
        """The shards that hold texts, opened one after the other."""
        store = self._store(language, neutral)
        for record in store.records():
            if record.stories:
                with self._open(store, record) as file:
                    yield file

    def _store(self, language: str, neutral: bool) -> ShardStore:
        name = f"{language}.{NEUTRAL}" if neutral else language
        if name not in self._stores:
            raise EmovecError(f"{self.folder}: contains no activations of '{name}', only of {', '.join(self._stores)}.")
        store = self._stores[name]
        if not any(record.stories for record in store.records()):
            raise EmovecError(f"{store.folder}: no text of '{name}' has activations; see `skipped` in {MANIFEST}.")
        return store

    def _open(self, store: ShardStore, record: ShardRecord) -> Any:
        path = store.folder / record.file
        try:
            return safe_open(path, framework="pt")
        except (OSError, SafetensorError) as error:
            raise EmovecError(f"{path}: damaged or missing ({error}). {repair(self.folder)}") from error


def repair(folder: Path) -> str:
    """How to get over damage in a folder of activations."""
    drop = command("status", folder, "--verify", "--drop")
    study = folder.parent if is_study(folder.parent) else "the study"
    again = command("run", study) if isinstance(study, Path) else "`emovec run`, with the study,"
    return f"{drop} drops the broken files; {again} then recreates them."
