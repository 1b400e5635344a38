"""What steering adds for one emotion, as a file that other programs read."""

import json
import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np

from emovec.errors import EmovecError
from emovec.files import TEMPORARY, disk_error, write_bytes
from emovec.models.depth import two_thirds
from emovec.vectors.choosing import require_direction, require_name
from emovec.vectors.emotion_vectors import EmotionVectors

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
        raise EmovecError(f"`layer` {lacking[0]}: the vectors have the layers {_ranges(vectors.layers)}.")
    if not math.isfinite(strength) or strength == 0:
        raise EmovecError(f"`strength` {strength}: give a number other than 0, in residual norms (0.1 is usual).")
    if norm is not None and not (math.isfinite(norm) and norm > 0):
        raise EmovecError(f"`norm` {norm}: give a positive number, the typical norm of the residual stream.")
    if vectors.residual_norm is None and norm is None:
        raise EmovecError(
            "These vectors came without the residual norm, the unit of strength; give `norm`, the typical norm of a "
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


def write_gguf(vector: ControlVector, path: Path) -> None:
    """Write tensors `direction.<k>`, float32 [hidden]: what llama.cpp and repeng add to the output of 0-based block k.

    Raises:
        EmovecError: if block 0 is among them, or the file can't be written.
    """
    from gguf import GGUFWriter

    if 0 in vector.directions:
        raise EmovecError(
            "The vector stands at block 0, which control vectors can't steer (llama.cpp counts from 1); choose another "
            "`layer`."
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


def _ranges(layers: Sequence[int]) -> str:
    whole = list(layers) == list(range(layers[0], layers[-1] + 1)) and len(layers) > 2
    return f"{layers[0]} to {layers[-1]}" if whole else ", ".join(map(str, layers))
