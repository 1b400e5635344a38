"""Transfer between studies: the centroids of one name the emotions of another's texts."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emovec.errors import EmovecError
from emovec.files import read_json
from emovec.progress import Track

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import xarray as xr

    from emovec.activations.store import Activations
    from emovec.corpus.story import Story
    from emovec.study.study import Study

log = logging.getLogger(__name__)

COLUMNS = (
    *("features", "variant", "layer", "source_language", "target_language", "accuracy", "low", "high"),
    *("top3", "top3_low", "top3_high", "chance", "n_stories", "n_emotions"),
)
"""Of the table; `layer` is empty for what has no layer: averaged input embeddings, words and characters."""


@dataclass(frozen=True)
class Transfer:
    """What one study's centroids say of another's texts.

    Attributes:
        source: name of the study that the centroids come from.
        target: name of the study whose texts are named.
        table: columns `COLUMNS`; features are activations, embeddings, word, character.
        layer: the layer chosen on the source, by `reason`.
        summary: parameters and facts, plain JSON values.
        folder: where it is kept.
    """

    source: str
    target: str
    table: "pd.DataFrame"
    layer: int
    summary: dict[str, Any]
    folder: Path


def transfer_study(
    source: "Study",
    target: "Study",
    track: Track,
    *,
    languages: Sequence[str] = (),
    hold_out: bool = True,
) -> Transfer:
    """Name the emotions of a study's texts by the centroids of another's, at every layer that both have.

    The layer is the source's own choice, made on its own stories; where the target has not that layer, the nearest
    that both have.

    Args:
        source: a study whose geometry has been computed.
        target: the study whose texts are named; its activations are there.
        track: shows progress.
        languages: only these, on both sides; by default all.
        hold_out: whether topics that both share are held out.

    Raises:
        EmovecError: if the source is not finished, the models differ, or there is nothing in common.
    """
    choice = source.summary("choice")
    known = source.activations
    asked = target.activations
    _require_same_model(known, asked, source, target)
    layers = sorted(set(known.layers) & set(asked.layers))
    if not layers:
        raise EmovecError(f"{target.path}: has none of the layers of {source.path}; set extraction.layers to all.")
    layer = min(layers, key=lambda at: (abs(at - int(choice["layer"])), at))
    table = _table(source, target, known, asked, layers, languages, hold_out, track)
    if table.empty:
        raise EmovecError(f"{target.path}: shares no emotion or no language asked for with {source.path}.")
    summary = {
        "source": source.folder.name,
        "target": target.folder.name,
        "model": asked.source["model"],
        "revision": asked.source["revision"],
        "layer": layer,
        "layer_of_source": int(choice["layer"]),
        "reason": choice["reason"],
        "hold_out": hold_out,
        "languages": list(languages),
        "source_folder": str(source.folder.resolve()),
        "bootstraps": target.config.geometry.bootstraps,
        "seed": target.config.geometry.seed,
        "pooling": {"source": known.source["pooling"], "target": asked.source["pooling"]},
        "keys": {"source": source.keys["activations"], "target": target.keys["activations"]},
        "emovec": version("emovec"),
    }
    folder = transfer_folder(source, target)
    return Transfer(source.folder.name, target.folder.name, table, layer, summary, folder)


def require_own(
    source: "Study", target: "Study", *, languages: Sequence[str], hold_out: bool, overwrite: bool = False
) -> None:
    """See that an earlier transfer between these studies asked the same, so that nothing is lost when it is replaced.

    Raises:
        EmovecError: if it was made from another study of the same name, or asked for other languages or topics.
    """
    folder = transfer_folder(source, target)
    before = read_json(folder / "transfer.json")
    if overwrite or not before:
        return
    asked = {"source_folder": str(source.folder.resolve()), "languages": list(languages), "hold_out": hold_out}
    known = {name: before.get(name) for name in asked}
    for name, value in asked.items():
        if known[name] is not None and known[name] != value:
            raise EmovecError(
                f"{folder}: contains a transfer with another {name.replace('_', ' ')} ({known[name]}, not "
                f"{value}); give `overwrite` to replace it, or move it."
            )


def transfer_folder(source: "Study", target: "Study") -> Path:
    """Where a transfer is kept: in the target's folder, under the source's name."""
    return target.folder / f"transfer-from-{source.folder.name}"


def _require_same_model(known: "Activations", asked: "Activations", source: "Study", target: "Study") -> None:
    # A folder and its alias are one model where their files are the same: the revision tells, not the name.
    for name in ("hidden_size", "n_layers", "revision"):
        ours, theirs = known.source.get(name), asked.source.get(name)
        if ours != theirs:
            raise EmovecError(
                f"{target.path}: read with another model than {source.path} ({name} {theirs} instead of {ours}: "
                f"{asked.source.get('model')}, {known.source.get('model')}); give both studies the same model."
            )
    if known.source["pooling"] != asked.source["pooling"]:
        log.warning("%s and %s were not extracted in the same way: %s, %s", source.path, target.path,
                    known.source["pooling"], asked.source["pooling"])  # fmt: skip


def _table(
    source: "Study",
    target: "Study",
    known: "Activations",
    asked: "Activations",
    layers: Sequence[int],
    languages: Sequence[str],
    hold_out: bool,
    track: Track,
) -> "pd.DataFrame":
    import pandas as pd

    from emovec.geometry.decoding import story_labels
    from emovec.geometry.profiles import mean_embeddings
    from emovec.geometry.transfer import transfer_accuracy, transfer_texts, unshared_topics

    sides = ((source, known), (target, asked))
    ours, theirs = (_languages(study, activations, languages) for study, activations in sides)
    settings: dict[str, Any] = {
        "hold_out": hold_out,
        "bootstraps": target.config.geometry.bootstraps,
        "seed": target.config.geometry.seed,
    }
    frames: list[pd.DataFrame] = []
    with track("Naming emotions", len(layers) + 1) as advance:
        for layer in layers:
            found = transfer_accuracy(_stacked(known, layer, ours), _stacked(asked, layer, theirs), **settings)
            frames.append(found.assign(features="activations", layer=layer))
            advance(1)
        at = [_stacked(activations, layers[0], names) for activations, names in ((known, ours), (asked, theirs))]
        if hold_out and (warning := unshared_topics(*map(story_labels, at))):
            log.warning("%s", warning)
        texts = [_texts(study, array) for (study, _), array in zip(sides, at, strict=True)]
        averaged = [
            _with(array, mean_embeddings([story.text for story in own], target.model))
            for array, own in zip(at, texts, strict=True)
        ]
        frames.append(transfer_accuracy(*averaged, **settings).assign(features="embeddings"))
        frames.append(transfer_texts(*texts, **settings).assign(variant="raw"))
        advance(1)
    held = [frame for frame in frames if len(frame)]
    if not held:
        return pd.DataFrame(columns=list(COLUMNS))
    whole = pd.concat(held, ignore_index=True)
    return whole.assign(layer=whole["layer"].astype("Int64"))[list(COLUMNS)]


def _languages(study: "Study", activations: "Activations", wanted: Sequence[str]) -> list[str]:
    there = [name for name in study.config.languages if name in activations.languages]
    chosen = [name for name in there if not wanted or name in wanted]
    if not chosen:
        raise EmovecError(f"`language`: {study.path} has none of {', '.join(wanted)}; it has {', '.join(there)}.")
    return chosen


def _stacked(activations: "Activations", layer: int, languages: Sequence[str]) -> "xr.DataArray":
    import xarray as xr

    return xr.concat([activations.layer(layer, language) for language in languages], "story")


def _with(array: "xr.DataArray", values: "np.ndarray") -> "xr.DataArray":
    """The stories of activations with other values; embeddings may be narrower than the residual stream."""
    import xarray as xr

    return xr.DataArray(values, dims=("story", "hidden"), coords=array.coords)


def _texts(study: "Study", array: "xr.DataArray") -> list["Story"]:
    """The stories behind activations, in their order."""
    by_id = {(story.language, story.id): story for story in study.corpus.stories}
    keys = [(str(a), str(b)) for a, b in zip(array["language"].values, array["id"].values, strict=True)]
    if not by_id.keys() >= set(keys):
        raise EmovecError(
            f"{study.folder}: contains activations of texts that {study.path} has no more; "
            f"{study.command('run')} brings them up to date."
        )
    return [by_id[key] for key in keys]
