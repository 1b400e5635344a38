"""Vectors for other programs: control-vector GGUF (llama.cpp, repeng), safetensors, and a folder for the Hub."""

import json
import math
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from emovec.depth import two_thirds
from emovec.errors import EmovecError
from emovec.files import TEMPORARY, disk_error, write_bytes
from emovec.targets import CONTROL_VECTOR, CONTROL_VECTORS, require_file
from emovec.vectors.choosing import require_direction, require_name
from emovec.vectors.emotion_vectors import EmotionVectors

Format = Literal["gguf", "safetensors", "hub"]
Kind = Literal["denoised", "centred", "raw"]


@dataclass(frozen=True)
class ControlVector:
    """What steering adds to the residual stream for one emotion: strength × residual norm × unit vector, by layer.

    Attributes:
        directions: {layer: [hidden]}, float32, in the model's own units; layer k is the output of 0-based block k.
        norms: {layer: residual norm}, the unit of the strength.
        facts: model, revision, corpus and so on, as in the vectors' provenance.
    """

    emotion: str
    language: str
    kind: Kind
    strength: float
    directions: dict[int, np.ndarray]
    norms: dict[int, float]
    facts: dict[str, Any] = field(default_factory=dict[str, Any])


def control_vector(
    vectors: EmotionVectors,
    emotion: str,
    *,
    language: str | None = None,
    layers: Sequence[int] | None = None,
    kind: Kind | None = None,
    strength: float = 0.1,
    norm: float | None = None,
) -> ControlVector:
    """One emotion's vector in the length that steering at `strength` adds.

    Args:
        vectors: where it is taken from.
        emotion: which.
        language: which; by default the vectors' first.
        layers: 0-based blocks; by default the one at two thirds of the depth. With several, each gets all the strength.
        kind: `denoised`, `centred` or `raw`; by default `denoised`, or `centred` where there were no neutral texts.
        strength: in residual norms; negative to steer away.
        norm: the residual norm of all layers, for vectors that came without it.

    Raises:
        EmovecError: if emotion, language, layer or kind isn't there, the norm is unknown, or the vector has no length.
    """
    language = require_name("language", language or vectors.languages[0], vectors.languages)
    emotion = require_name("emotion", emotion, vectors.emotions)
    chosen = list(dict.fromkeys(layers)) if layers else [usual_layer(vectors)]
    if lacking := [layer for layer in chosen if layer not in vectors.layers]:
        raise EmovecError(f"--layer {lacking[0]}: the vectors have the layers {_ranges(vectors.layers)}.")
    if not math.isfinite(strength) or strength == 0:
        raise EmovecError(f"--strength {strength}: give a number other than 0, in residual norms (0.1 is usual).")
    if norm is not None and not (math.isfinite(norm) and norm > 0):
        raise EmovecError(f"--norm {norm}: give a positive number, the typical norm of the residual stream.")
    if vectors.residual_norm is None and norm is None:
        raise EmovecError(
            "These vectors came without the residual norm, the unit of strength; give --norm, the typical norm of a "
            "token's residual stream at that layer."
        )
    made: Kind = kind or ("centred" if vectors.denoised is None else "denoised")
    rows = vectors.raw if made == "raw" else vectors.variant("raw", made)
    directions, norms = dict[int, np.ndarray](), dict[int, float]()
    for layer in sorted(chosen):
        row = rows.sel(language=language, emotion=emotion, layer=layer).values.astype(np.float64)
        length = require_direction(row, emotion, language, layer)
        known = vectors.residual_norm
        norms[layer] = (
            float(known.sel(language=language, layer=layer)) if norm is None and known is not None else norm or 0
        )
        directions[layer] = (row / length * norms[layer] * strength).astype(np.float32)
    return ControlVector(emotion, language, made, strength, directions, norms, vectors.provenance)


def usual_layer(vectors: EmotionVectors) -> int:
    """The layer that is nearest to two thirds of the model's depth, where steering is usual."""
    return two_thirds(int(vectors.provenance.get("n_layers") or max(vectors.layers) + 1), vectors.layers)


def export_vectors(
    vectors: EmotionVectors,
    out: str | Path,
    *,
    format: Format = "gguf",
    emotions: str | Sequence[str] | None = None,
    languages: str | Sequence[str] | None = None,
    layers: Sequence[int] | None = None,
    kind: Kind | None = None,
    strength: float = 0.1,
    norm: float | None = None,
    base_model: str | None = None,
    license: str | None = None,
    findings: Sequence[str] = (),
    overwrite: bool = False,
) -> list[Path]:
    """Write vectors in a form that other programs read.

    - `gguf`: one emotion's control vector. Added with factor 1 (llama.cpp's `--control-vector`, repeng's coefficient)
      it steers at `strength`. Block 0 can't be steered there.
    - `safetensors`: tensors `<language>.<emotion>`, [layer, hidden], the same numbers; layers, norms and provenance in
      the header.
    - `hub`: a folder for the Hugging Face Hub: a card, all vectors as they are, a GGUF for each emotion asked for.

    Args:
        vectors: what to take them from.
        out: the file, ending in `.gguf` or `.safetensors`; for `hub` the folder, new or empty.
        format: as above.
        emotions: one for `gguf`; by default all for the others.
        languages: by default the first for `gguf`, all for the others.
        layers: as in `control_vector`.
        kind: as in `control_vector`.
        strength: as in `control_vector`.
        norm: as in `control_vector`.
        base_model: the model's name on the Hub, for the card; by default what the provenance tells.
        license: the card's licence, such as `apache-2.0`.
        findings: sentences about the vectors for the card.
        overwrite: whether an earlier export may be replaced.

    Returns:
        The files written.

    Raises:
        EmovecError: as in `control_vector`; or if block 0 is asked for in a GGUF, or something is there already that
            may not be replaced, or a file can't be written.
    """
    out = Path(out)
    if format not in get_args(Format):
        raise EmovecError(f"--format {format}: give one of {', '.join(get_args(Format))}.")
    if format != "safetensors" and 0 in (layers or ()):
        raise EmovecError("--layer 0: control vectors can't steer block 0 (llama.cpp counts from 1); leave it out.")
    wanted = _listed(emotions)
    spoken = _listed(languages)
    if format == "gguf" and (len(wanted) != 1 or len(spoken) > 1):
        raise EmovecError("--format gguf holds one vector: give one --emotion and one --language.")
    if format == "gguf":
        spoken = spoken or vectors.languages[:1]
    build = partial(control_vector, vectors, layers=layers, kind=kind, strength=strength, norm=norm)
    made = [
        build(emotion, language=language)
        for language in spoken or vectors.languages
        for emotion in wanted or vectors.emotions
    ]
    if format == "gguf":
        require_file(out, CONTROL_VECTOR, overwrite=overwrite)
        write_gguf(made[0], out)
        return [out]
    if format == "safetensors":
        require_file(out, CONTROL_VECTORS, overwrite=overwrite)
        write_safetensors(made, out)
        return [out]
    from emovec.vectors.card import write_hub_folder

    return write_hub_folder(
        vectors, made, out, base_model=base_model, license=license, findings=findings, overwrite=overwrite
    )


def write_gguf(vector: ControlVector, path: Path) -> None:
    """Write tensors `direction.<k>`, float32 [hidden]: what llama.cpp and repeng add to the output of 0-based block k.

    Raises:
        EmovecError: if block 0 is among them, or the file can't be written.
    """
    from gguf import GGUFWriter

    if 0 in vector.directions:
        raise EmovecError(
            "The vector stands at block 0, which control vectors can't steer (llama.cpp counts from 1); choose another "
            "--layer."
        )
    temporary = path.with_name(path.name + TEMPORARY)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        writer = GGUFWriter(temporary, "controlvector")
        writer.add_string("controlvector.model_hint", _model_hint(vector.facts))
        writer.add_uint32("controlvector.layer_count", len(vector.directions))
        writer.add_name(f"{vector.emotion} ({vector.language}), {vector.strength:g} residual norms")
        writer.add_string("emovec.header", json.dumps(header([vector]), ensure_ascii=False, sort_keys=True))
        for layer, direction in vector.directions.items():
            writer.add_tensor(f"direction.{layer}", direction)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise disk_error(path, error) from error


def write_safetensors(vectors: Sequence[ControlVector], path: Path) -> None:
    """Write tensors `<language>.<emotion>`, float32 [layer, hidden]; the header names the layers of their rows."""
    from safetensors.numpy import save

    tensors = {f"{each.language}.{each.emotion}": np.stack(list(each.directions.values())) for each in vectors}
    # One key, because safetensors writes several in an order that changes from call to call.
    metadata = {"control_vectors": json.dumps(header(vectors), ensure_ascii=False, sort_keys=True)}
    write_bytes(path, save(tensors, metadata))


def header(vectors: Sequence[ControlVector]) -> dict[str, Any]:
    """What a file of control vectors tells of itself, as plain JSON."""
    first = vectors[0]
    return {
        "emotions": list(dict.fromkeys(each.emotion for each in vectors)),
        "languages": list(dict.fromkeys(each.language for each in vectors)),
        "layers": list(first.directions),
        "hook_point": "resid_post",
        "kind": first.kind,
        "strength": first.strength,
        "residual_norm": {each.language: {str(k): norm for k, norm in each.norms.items()} for each in vectors},
        "provenance": first.facts,
        "emovec": version("emovec"),
    }


def _model_hint(facts: dict[str, Any]) -> str:
    """transformers' name of the family, such as `llama`, which repeng writes too; nothing checks it."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as FAMILIES

    architecture = str(facts.get("architecture"))
    families = [family for family, name in FAMILIES.items() if name == architecture]
    # Several families share Llama's class: the one that it is named after comes first.
    families.sort(key=lambda family: not architecture.casefold().startswith(family))
    return families[0] if families else str(facts.get("model", "unknown"))


def not_steered(facts: dict[str, Any]) -> str | None:
    """What to tell the user of a model that llama.cpp loads but doesn't steer; None of all others.

    Source: llama.cpp issue 20541: its graphs of Qwen3.5 and Qwen3-Next leave control vectors out, without a word.
    """
    names = (str(facts.get(key, "")) for key in ("architecture", "model", "model_type"))
    if any(_NOT_STEERED.search(name) for name in names):
        return (
            "llama.cpp doesn't apply control vectors to Qwen3.5 and Qwen3-Next (its issue 20541): there this file "
            "changes nothing. Use repeng, or emovec steer."
        )
    return None


_NOT_STEERED = re.compile(r"qwen-?_?3(?:[._]5|5|[-_]?next)", re.IGNORECASE)


def _listed(names: str | Sequence[str] | None) -> list[str]:
    return [names] if isinstance(names, str) else list(dict.fromkeys(names or ()))


def _ranges(layers: Sequence[int]) -> str:
    whole = list(layers) == list(range(layers[0], layers[-1] + 1)) and len(layers) > 2
    return f"{layers[0]} to {layers[-1]}" if whole else ", ".join(map(str, layers))
