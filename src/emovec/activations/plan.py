"""What an extraction depends on, and the fixed slices that it is done in."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Literal

from emovec.activations import RECIPE
from emovec.activations.pooling import first_pooled
from emovec.activations.store import store_name
from emovec.corpus.story import Story, fingerprint
from emovec.errors import EmovecError
from emovec.models.language_model import LanguageModel
from emovec.models.locate import model_name
from emovec.models.text_tokenizer import EncodedText


@dataclass(frozen=True)
class Recipe:
    """What the numbers of an extraction depend on, besides the model and the texts.

    Attributes:
        offset: own tokens left out at the start of each text; below 1, a fraction of the text.
        layers: 0-based blocks, or `all`.
        sink_threshold: multiple of the median token norm above which a token is a sink; None: none is.
        store_dtype: floating-point type on disk.
    """

    offset: float = 50
    layers: Literal["all"] | tuple[int, ...] = "all"
    sink_threshold: float | None = 10
    store_dtype: Literal["float32", "bfloat16"] = "float32"

    def layers_of(self, model: LanguageModel) -> list[int]:
        """The layers as a list.

        Raises:
            EmovecError: if the model lacks one of them, or can't be read there.
        """
        if self.layers != "all" and max(self.layers) >= model.n_layers:
            raise EmovecError(
                f"extraction.layers: {model.id} has layers 0 to {model.n_layers - 1}; there is no {max(self.layers)}."
            )
        layers = list(range(model.n_layers)) if self.layers == "all" else sorted(self.layers)
        model.require_layers(layers)
        return layers


@dataclass(frozen=True)
class PlannedShard:
    """A fixed slice of a list of stories, and the key under which its activations are kept."""

    shard: int
    key: str
    stories: Sequence[Story]


def plan(stories: Sequence[Story], model: LanguageModel, recipe: Recipe, shard_size: int) -> list[PlannedShard]:
    """Cut a list of stories into shards; depends on the list alone, never on batches."""
    settings = [
        RECIPE,
        model.revision,
        str(model.dtype),
        model.tokenizer.digest,
        recipe.offset,
        recipe.layers_of(model),
        recipe.sink_threshold,
        recipe.store_dtype,
    ]
    shards: list[PlannedShard] = []
    for start in range(0, len(stories), shard_size):
        part = stories[start : start + shard_size]
        key = hashlib.sha256(json.dumps([settings, fingerprint(part)]).encode()).hexdigest()
        shards.append(PlannedShard(len(shards), key, part))
    return shards


def source(model: LanguageModel, recipe: Recipe, stories: Sequence[Story]) -> dict[str, Any]:
    """Provenance: the model, the texts, and how one was read while it read the other."""
    return {
        "model": model_name(model.id),
        "revision": model.revision,
        "architecture": type(model.model).__name__,
        "n_layers": model.n_layers,
        "hidden_size": model.hidden_size,
        "dtype": str(model.dtype).removeprefix("torch."),
        "tokenizer": model.tokenizer.digest,
        "corpus": fingerprint(stories),
        "stores": list(dict.fromkeys(store_name(story) for story in stories)),
        "layers": recipe.layers_of(model),
        "versions": {name: version(name) for name in ("torch", "transformers")},
        "pooling": {
            "statistic": "mean",
            "hook_point": "resid_post",
            "offset": recipe.offset,
            "sink_threshold": recipe.sink_threshold,
            "store_dtype": recipe.store_dtype,
        },
    }


def unusable(text: EncodedText, recipe: Recipe, max_tokens: int | None) -> str | None:
    """Why a text is left out; None where it isn't."""
    if text.n_own <= first_pooled(text.n_own, recipe.offset):
        return f"no token past the offset: {text.n_own} tokens, offset {recipe.offset:g}"
    if max_tokens is not None and len(text.ids) > max_tokens:
        return f"{len(text.ids)} tokens, longer than the model's {max_tokens}"
    return None
