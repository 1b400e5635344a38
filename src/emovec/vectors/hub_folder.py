"""A folder of vectors for the Hugging Face Hub, with a model card that tells what they are and how they were made."""

import re
from collections.abc import Sequence
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import Any

from emovec.errors import EmovecError
from emovec.files import write_bytes
from emovec.labels import file_name
from emovec.targets import is_control_vector, require_folder
from emovec.vectors.control_vectors import ControlVector, write_gguf
from emovec.vectors.emotion_vectors import EmotionVectors

# What the aliases stand for on the Hub, and the licence that comes with the weights.
_ALIASES = {
    "gemma-3-270m": ("google/gemma-3-270m", "gemma"),
    "smollm2-135m-instruct": ("HuggingFaceTB/SmolLM2-135M-Instruct", "apache-2.0"),
}
_HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
_TAGS = ["emotion-vectors", "steering", "control-vector", "interpretability", "representation-engineering"]


def write_hub_folder(
    vectors: EmotionVectors,
    controls: Sequence[ControlVector],
    folder: Path,
    *,
    base_model: str | None = None,
    license: str | None = None,
    findings: Sequence[str] = (),
    overwrite: bool = False,
) -> list[Path]:
    """Write `README.md`, `vectors.safetensors` (all vectors) and `control_vectors/<language>.<emotion>.gguf`.

    Args:
        vectors: all of them.
        controls: what becomes a GGUF each.
        folder: new or empty, or with `overwrite` one that was written so before.
        base_model: the model's name on the Hub; by default what the provenance tells.
        license: such as `apache-2.0`; by default that of a bundled model, else `other`.
        findings: sentences about the vectors.
        overwrite: whether an earlier export may be replaced; its control vectors go.

    Returns:
        The files.

    Raises:
        EmovecError: if the folder holds something, or can't be written to.
    """
    require_folder(folder, "an earlier export", is_hub_folder, overwrite=overwrite)
    card = folder / "README.md"
    whole = folder / "vectors.safetensors"
    files = [
        folder / "control_vectors" / f"{file_name(each.language)}.{file_name(each.emotion)}.gguf" for each in controls
    ]
    if len(set(files)) < len(files):
        raise EmovecError(f"{folder}: two vectors would have the same file; rename one of the emotions.")
    text = model_card(vectors, controls, base_model=base_model, license=license, findings=findings)
    for old in (folder / "control_vectors").glob("*.gguf"):
        old.unlink()
    write_bytes(whole, vectors.to_bytes())
    for control, file in zip(controls, files, strict=True):
        write_gguf(control, file)
    write_bytes(card, text.encode())  # last, so that a folder with a card is whole
    return [card, whole, *files]


def is_hub_folder(folder: Path) -> bool:
    """Whether a folder holds an export for the Hub and nothing else; hidden files, such as git's, stay as they are."""
    card, controls = folder / "README.md", folder / "control_vectors"
    files = {file.name for file in folder.iterdir() if not file.name.startswith(".")}
    if not card.is_file() or not files <= {card.name, "vectors.safetensors", controls.name} or controls.is_symlink():
        return False
    if "library_name: emovec" not in card.read_text(encoding="utf-8", errors="replace"):
        return False
    return all(file.suffix == ".gguf" and is_control_vector(file) for file in controls.glob("*"))


def model_card(
    vectors: EmotionVectors,
    controls: Sequence[ControlVector],
    *,
    base_model: str | None = None,
    license: str | None = None,
    findings: Sequence[str] = (),
) -> str:
    """The card: YAML front matter, then what, how to use, how made, what is known, limitations."""
    from huggingface_hub import ModelCardData
    from jinja2 import Environment, StrictUndefined

    made_with = str(vectors.provenance.get("model", ""))
    known_model, known_license = _ALIASES.get(made_with, (None, None))
    hub_name = base_model or known_model or (made_with if _is_hub_name(made_with) else None)
    data = ModelCardData(
        language=vectors.languages,
        license=license or known_license or "other",
        library_name="emovec",
        base_model=hub_name,
        tags=_TAGS,
    )
    template = (resources.files("emovec") / "vectors" / "model_card.md.j2").read_text(encoding="utf-8")
    environment = Environment(trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined, autoescape=False)
    return environment.from_string(template).render(
        front_matter=data.to_yaml(),
        vectors=vectors,
        first=controls[0],
        controls=controls,
        model=hub_name or (Path(made_with).name or "an unnamed model"),
        license=data.license,
        stories=_stories(vectors),
        facts=_facts(vectors.provenance),
        findings=findings,
        version=version("emovec"),
    )


def _is_hub_name(name: str) -> bool:
    return bool(_HUB_NAME.fullmatch(name)) and not Path(name).exists()


def _stories(vectors: EmotionVectors) -> str | None:
    """How many stories stand behind each vector, as a range."""
    if vectors.counts is None:
        return None
    low, high = int(vectors.counts.min()), int(vectors.counts.max())
    return str(low) if low == high else f"{low} to {high}"


def _facts(provenance: dict[str, Any]) -> dict[str, str]:
    """The provenance worth a row of the table; a path of the maker's machine is no such."""
    pooling, recipe, versions = (provenance.get(key) or {} for key in ("pooling", "vectors", "versions"))
    facts = {
        "model": Path(str(model)).name if Path(str(model := provenance.get("model"))).is_absolute() else model,
        "revision or digest of its files": provenance.get("revision"),
        "digest of its tokenizer": provenance.get("tokenizer"),
        "fingerprint of the texts": provenance.get("corpus"),
        "weights run as": provenance.get("dtype"),
        "tokens left out at the start of each text": pooling.get("offset"),
        "centred over": recipe.get("centring"),
        "share of the neutral texts' variance projected out": recipe.get("denoise_variance"),
        "components projected out": recipe.get("denoise_components"),
        "imported from": ", ".join(provenance.get("imported", [])) or None,
        "emovec": provenance.get("emovec"),
        **versions,
    }
    return {name: str(value) for name, value in facts.items() if value is not None}
