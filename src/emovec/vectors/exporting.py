"""Vectors for other programs: control-vector GGUF (llama.cpp, repeng), safetensors, and a folder for the Hub."""

import re
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any, Literal, get_args

from emovec.errors import EmovecError
from emovec.targets import CONTROL_VECTOR, CONTROL_VECTORS, require_file
from emovec.vectors.control_vectors import Kind, control_vector, write_gguf, write_safetensors
from emovec.vectors.emotion_vectors import EmotionVectors
from emovec.vectors.hub_folder import write_hub_folder

Format = Literal["gguf", "safetensors", "hub"]


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
    """Write vectors in a form that other programs read; gives the files written.

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

    Raises:
        EmovecError: as in `control_vector`; or if block 0 is asked for in a GGUF, or something is there already that
            may not be replaced, or a file can't be written.
    """
    out = Path(out)
    made = [
        control_vector(vectors, emotion, language=language, layers=layers, kind=kind, strength=strength, norm=norm)
        for language, emotion in _chosen(vectors, format, _listed(languages), _listed(emotions), layers)
    ]
    if format == "hub":
        return write_hub_folder(
            vectors, made, out, base_model=base_model, license=license, findings=findings, overwrite=overwrite
        )
    require_file(out, CONTROL_VECTOR if format == "gguf" else CONTROL_VECTORS, overwrite=overwrite)
    if format == "gguf":
        write_gguf(made[0], out)
    else:
        write_safetensors(made, out)
    return [out]


def _chosen(
    vectors: EmotionVectors, format: str, languages: list[str], emotions: list[str], layers: Sequence[int] | None
) -> list[tuple[str, str]]:
    """The languages and emotions whose vectors are to be written, if the format can take them."""
    if format not in get_args(Format):
        raise EmovecError(f"`format` {format}: give one of {', '.join(get_args(Format))}.")
    if format != "safetensors" and 0 in (layers or ()):
        raise EmovecError("`layer` 0: control vectors can't steer block 0 (llama.cpp counts from 1); leave it out.")
    if format == "gguf" and (len(emotions) != 1 or len(languages) > 1):
        raise EmovecError("`format` gguf takes one vector: give one `emotion` and one `language`.")
    if format == "gguf":
        languages = languages or vectors.languages[:1]
    return list(product(languages or vectors.languages, emotions or vectors.emotions))


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
