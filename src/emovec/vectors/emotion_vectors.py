"""`EmotionVectors`: one vector for each language, emotion and layer, with the facts needed to trust it."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from emovec.errors import EmovecError
from emovec.files import write_bytes

if TYPE_CHECKING:
    from emovec.models.language_model import LanguageModel

log = logging.getLogger(__name__)

VECTOR_DIMS = ("language", "emotion", "layer", "hidden")
_ARRAYS: dict[str, tuple[str, ...]] = {
    "raw": VECTOR_DIMS,
    "centred": VECTOR_DIMS,
    "denoised": VECTOR_DIMS,
    "story_std": ("language", "layer", "hidden"),
    "residual_norm": ("language", "layer"),
    "counts": ("language", "emotion"),
    "noise_components": ("language", "layer"),
    "noise_variance": ("language", "layer"),
    "noise_directions": ("language", "layer", "component", "hidden"),
}
_OPTIONAL = {"denoised", "noise_components", "noise_variance", "noise_directions"}
# What only activations can tell: vectors that were made elsewhere come without it.
_OF_ACTIVATIONS = {"story_std", "residual_norm", "counts"}
_FORMAT = "emovec-vectors-1"


@dataclass(frozen=True)
class EmotionVectors:
    """Emotion vectors of one model. Layer k is the output of 0-based block k before any final norm (resid_post).

    Attributes:
        raw: [language, emotion, layer, hidden], mean of story means, float32.
        centred: [language, emotion, layer, hidden], raw less the mean over emotions.
        denoised: [language, emotion, layer, hidden], centred with the neutral texts' components projected out;
            None for a study without neutral texts.
        story_std: [language, layer, hidden], standard deviation over the stories of a language; like the two that
            follow None where it isn't known, since the vectors were made elsewhere.
        residual_norm: [language, layer], median norm of a token that is no sink: the unit of steering strength.
        counts: [language, emotion], stories behind each vector.
        noise_components: [language, layer], how many neutral components were projected out; None without them.
        noise_variance: [language, layer], the share of the neutral texts' variance that those hold.
        noise_directions: [language, layer, component, hidden], those components, orthonormal, padded with zeros.
        provenance: model id and revision, tokenizer hash, corpus fingerprint, recipe, package version.
    """

    raw: xr.DataArray
    centred: xr.DataArray
    denoised: xr.DataArray | None
    story_std: xr.DataArray | None
    residual_norm: xr.DataArray | None
    counts: xr.DataArray | None
    noise_components: xr.DataArray | None = None
    noise_variance: xr.DataArray | None = None
    noise_directions: xr.DataArray | None = None
    provenance: dict[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        if self.residual_norm is not None:  # the unit of steering goes wherever a vector goes
            for name in ("raw", "centred", "denoised"):
                if (array := getattr(self, name)) is not None:
                    with_norm = array.assign_coords(residual_norm=(("language", "layer"), self._norms()))
                    object.__setattr__(self, name, with_norm)

    def _norms(self) -> np.ndarray:
        assert self.residual_norm is not None
        return self.residual_norm.sel(language=self.languages, layer=self.layers).transpose("language", "layer").values

    @property
    def languages(self) -> list[str]:
        """Language codes, in order."""
        return [str(value) for value in self.raw["language"].values]

    @property
    def emotions(self) -> list[str]:
        """Emotion words, in order."""
        return [str(value) for value in self.raw["emotion"].values]

    @property
    def layers(self) -> list[int]:
        """0-based block indices, in order."""
        return [int(value) for value in self.raw["layer"].values]

    @property
    def best(self) -> xr.DataArray:
        """The denoised vectors, or the centred ones where there were no neutral texts."""
        return self.centred if self.denoised is None else self.denoised

    @property
    def scale(self) -> xr.DataArray:
        """[layer, hidden]: standard deviation over stories, pooled over languages (root mean of their variances).

        One scale for all languages keeps the space in which their vectors are compared a common one. A dimension that
        never varies gets scale 1, so that it stays at zero instead of becoming undefined.

        Raises:
            EmovecError: if the deviations aren't known.
        """
        if self.story_std is None:
            raise EmovecError(
                "These vectors came without the standard deviation over stories (story_std), so there are no "
                "standardised ones; use 'raw', or give story_std."
            )
        pooled = (self.story_std.astype("float64") ** 2).mean("language") ** 0.5
        return pooled.where(pooled > 0, 1.0).astype("float32")

    @property
    def variants(self) -> tuple[str, ...]:
        """The names that `variant` takes: without `story_std` the dimensions can't be standardised."""
        return ("raw",) if self.story_std is None else ("raw", "standardised")

    def variant(self, name: str, kind: str | None = None) -> xr.DataArray:
        """Vectors as they are (`raw`) or with each dimension divided by its standard deviation (`standardised`).

        Args:
            name: `raw` or `standardised`: the scaling of the dimensions.
            kind: `centred` or `denoised`; by default `best`.

        Returns:
            [language, emotion, layer, hidden], float32.
        """
        vectors = self.best if kind is None else getattr(self, kind)
        if vectors is None:
            raise EmovecError(
                "These vectors were built without neutral texts: there are no denoised ones. Use 'centred'."
            )
        if name == "raw":
            return vectors
        if name == "standardised":
            return (vectors / self.scale).transpose(*VECTOR_DIMS)
        raise EmovecError(f"'{name}' is no variant of the vectors; give 'raw' or 'standardised'.")

    def require_fit(self, model: "LanguageModel") -> None:
        """Make sure that a model can be read or steered with these vectors; another model of the same shape is logged.

        Raises:
            EmovecError: if the model's hidden size or number of layers is another.
        """
        self.require_shape(model.id, model.hidden_size, model.n_layers)
        made_with = str(self.provenance.get("model", "another model"))
        if self.provenance.get("revision") != model.revision:
            log.warning("These vectors were made with %s, not with %s as it is now", made_with, model.id)

    def require_shape(self, name: str, hidden: int | None, layers: int | None) -> None:
        """As `require_fit`, by what is known of a model before it is loaded; None is not known.

        Raises:
            EmovecError: if the model's hidden size or number of layers is another.
        """
        ours, last = self.raw.sizes["hidden"], max(self.layers)
        if hidden in (None, ours) and (layers is None or last < layers):
            return
        made_with = str(self.provenance.get("model", "another model"))
        raise EmovecError(
            f"These vectors were made with {made_with} (hidden size {ours}, layers up to {last}) and can't be used "
            f"with {name} (hidden size {hidden}, {layers} layers); build vectors for that model."
        )

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write one safetensors file, atomically: the same vectors always give the same bytes.

        Raises:
            EmovecError: if there is such a file, unless `overwrite` is set and it is one of emotion vectors.
        """
        from emovec.targets import VECTORS, require_file

        require_file(Path(path), VECTORS, overwrite=overwrite)
        write_bytes(Path(path), self.to_bytes())

    def to_bytes(self) -> bytes:
        """The content of the file that `save` writes."""
        arrays = {name: getattr(self, name) for name in _ARRAYS if getattr(self, name) is not None}
        tensors = {
            name: np.ascontiguousarray(array.transpose(*_ARRAYS[name]).values) for name, array in sorted(arrays.items())
        }
        header = {
            "format": _FORMAT,
            "languages": self.languages,
            "emotions": self.emotions,
            "layers": self.layers,
            "hook_point": "resid_post",
            "provenance": self.provenance,
        }
        # One key, because safetensors writes several in an order that changes from call to call.
        metadata = {"emovec": json.dumps(header, sort_keys=True, ensure_ascii=False)}
        return save(tensors, metadata)

    @classmethod
    def from_arrays(
        cls,
        vectors: "xr.DataArray | np.ndarray | Mapping[str, Any]",
        *,
        languages: Sequence[str] | None = None,
        emotions: Sequence[str] | None = None,
        layers: Sequence[int] | None = None,
        story_std: "xr.DataArray | np.ndarray | None" = None,
        residual_norm: "xr.DataArray | np.ndarray | None" = None,
        counts: "xr.DataArray | np.ndarray | None" = None,
        model: str | None = None,
        provenance: Mapping[str, Any] | None = None,
    ) -> "EmotionVectors":
        """A record around vectors that were made elsewhere.

        Args:
            vectors: [language, emotion, layer, hidden] with those dims and labels; or a plain array, its labels beside
                it; or {language: {emotion: [layer, hidden]}}, or {emotion: [layer, hidden]} with one of `languages`.
            languages: codes of a plain array.
            emotions: words of a plain array.
            layers: 0-based block indices of a plain array or a mapping; by default counted from 0.
            story_std: [language, layer, hidden]; without it there are no standardised vectors.
            residual_norm: [language, layer]; without it there is no unit for the strength of steering.
            counts: [language, emotion], stories behind each vector.
            model: what they were made with.
            provenance: anything else worth keeping.

        Raises:
            EmovecError: if shapes or labels don't fit, or a value is not finite.
        """
        from emovec.vectors.labelled_arrays import checked, labelled

        raw = labelled(vectors, languages, emotions, layers)
        given = {"story_std": story_std, "residual_norm": residual_norm, "counts": counts}
        parts = {
            name: None if array is None else checked(array, name, _ARRAYS[name], raw) for name, array in given.items()
        }
        known = {"model": model} if model is not None else {}
        centred = (raw - raw.mean("emotion", dtype="float64")).astype("float32").rename("centred")
        return cls(raw=raw, centred=centred, denoised=None, **parts, provenance={**(provenance or {}), **known})

    @classmethod
    def load(cls, path: str | Path) -> "EmotionVectors":
        """Read a file written by `save`.

        Raises:
            EmovecError: if the file is missing, broken, or of another kind.
        """
        path = Path(path)
        if not path.is_file():
            raise EmovecError(f"{path}: no such file; a run of a study writes one.")
        try:
            with safe_open(path, framework="numpy") as file:
                metadata = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError) as error:
            if path.suffix != ".safetensors":
                raise EmovecError(
                    f"{path}: no file of emotion vectors; give a vectors.safetensors, or the folder of a study."
                ) from error
            raise EmovecError(f"{path}: not a readable safetensors file ({error}). Build it again.") from error
        from emovec.vectors.labelled_arrays import header_labels

        labels, provenance = header_labels(metadata.get("emovec", "{}"), _FORMAT, path)
        try:
            arrays: dict[str, Any] = {
                name: xr.DataArray(
                    tensors[name], dims=dims, coords={dim: labels[dim] for dim in dims if dim in labels}, name=name
                )
                for name, dims in _ARRAYS.items()
                if name in tensors
            }
        except ValueError as error:
            raise EmovecError(f"{path}: its tensors don't fit its labels ({error}). Build it again.") from error
        missing = [name for name in _ARRAYS if name not in arrays and name not in _OPTIONAL | _OF_ACTIVATIONS]
        if missing:
            raise EmovecError(f"{path}: lacks {', '.join(missing)}. Build it again.")
        for name in ("denoised", *_OF_ACTIVATIONS):
            arrays.setdefault(name, None)
        hidden = {array.sizes["hidden"] for array in arrays.values() if array is not None and "hidden" in array.dims}
        if len(hidden) > 1 or 0 in arrays["raw"].shape:
            raise EmovecError(f"{path}: its tensors are of sizes that don't fit each other. Build it again.")
        return cls(**arrays, provenance=provenance)
