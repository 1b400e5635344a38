"""Dimensions that hold far more than their share of a vector's energy, and the tokens that put it there."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from emovec.corpus.story import Story
from emovec.geometry.analysis import VARIANTS, Activations, Analysis, Outcome, Table, plain, stories_read
from emovec.stats.labelled import in_label_order, labels, layer_numbers
from emovec.vectors.emotion_vectors import EmotionVectors

if TYPE_CHECKING:
    from emovec.models.language_model import LanguageModel

TABLES = {
    "outliers": Table("kind:str variant:str language:str layer:int rank:int dimension:int energy_share"),
    "outlier_tokens": Table("language:str layer:int dimension:int token:str count:int share position_first"),
}
SAMPLE_TEXTS = 16

KINDS = ("raw", "centred", "denoised")
"""Mean vectors as they are, less their mean over emotions, and with the neutral texts' components projected out."""


def outlier_dimensions(vectors: xr.DataArray, top: int = 5) -> pd.DataFrame:
    """The dimensions with the largest share of the squared length, summed over a language's vectors, at every layer.

    In `d` dimensions an even spread is 1/d each. Massive activations (Sun et al. 2024) can put most of it into one, and
    every cosine then speaks of that dimension.

    Args:
        vectors: [language, emotion, layer, hidden].
        top: how many dimensions.

    Returns:
        Columns language, layer, rank (from 1), dimension, energy_share.
    """
    frames: list[pd.DataFrame] = []
    for language in labels(vectors, "language"):
        own = in_label_order(vectors, language).isel(language=0)
        energy = (own.values**2).sum(axis=0)
        total = energy.sum(axis=1, keepdims=True)
        shares = energy / np.where(total > 0, total, 1)
        dimensions = np.argsort(-shares, axis=1, kind="stable")[:, :top]
        count = dimensions.shape[1]
        frames.append(
            pd.DataFrame(
                {
                    "language": language,
                    "layer": np.repeat(layer_numbers(own), count),
                    "rank": np.tile(np.arange(1, count + 1), len(dimensions)),
                    "dimension": dimensions.ravel(),
                    "energy_share": np.take_along_axis(shares, dimensions, axis=1).ravel(),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def sample_texts(stories: Sequence[Story], language: str, size: int, seed: int = 0) -> list[str]:
    """Texts of some stories of a language, drawn without replacement; the order of the stories changes nothing."""
    own = sorted((story for story in stories if story.language == language), key=lambda story: story.id)
    picked = np.random.default_rng(seed).choice(len(own), min(size, len(own)), replace=False)
    return [own[at].text for at in sorted(picked)]


def outlier_tokens(
    texts: Mapping[str, Sequence[str]],
    states: Callable[[str], xr.DataArray],
    dimensions: Mapping[str, int],
    layer: int,
    top: int = 20,
) -> pd.DataFrame:
    """Which tokens carry a dimension's energy (its squared activation) in a sample of texts.

    Args:
        texts: for each language its sample.
        states: text → [layer, token, hidden] with the token coordinates `token_text` and `own` (False for BOS).
        dimensions: for each language the dimension.
        layer: which layer.
        top: how many tokens, those with the largest share.

    Returns:
        Columns language, layer, dimension, token, count, share (of the dimension's energy over all tokens of the
        sample, BOS included), position_first (share of that token's energy that lies at BOS or at the text's first own
        token).
    """
    frames: list[pd.DataFrame] = []
    for language, sample in texts.items():
        pieces: list[pd.DataFrame] = []
        for text in sample:
            tokens = states(text).sel(layer=layer).isel(hidden=dimensions[language])
            own = tokens["own"].values.astype(bool)
            first = ~own
            first[: int((~own).sum()) + 1] = True
            energy = tokens.values.astype("float64") ** 2
            pieces.append(pd.DataFrame({"token": labels(tokens, "token_text"), "energy": energy, "first": first}))
        if not pieces:
            continue
        everything = pd.concat(pieces)
        everything["at_first"] = everything["energy"].where(everything["first"], 0.0)
        grouped = everything.groupby("token", sort=True)
        table = grouped[["energy", "at_first"]].sum().assign(count=grouped.size()).reset_index()
        total = table["energy"].sum()
        table = table.assign(
            language=language,
            layer=layer,
            dimension=dimensions[language],
            share=table["energy"] / total if total > 0 else 0.0,
            position_first=(table["at_first"] / table["energy"]).where(table["energy"] > 0, 0.0),
        )
        frames.append(table.sort_values("share", ascending=False, kind="stable").head(top))
    columns = TABLES["outlier_tokens"].columns
    return pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)


def _outliers(
    vectors: EmotionVectors,
    activations: Activations,
    stories: Sequence[Story],
    model: "Callable[[], LanguageModel]",
    layer: int,
    seed: int,
) -> Outcome:
    from emovec.activations.tokens import token_states

    kinds = [kind for kind in KINDS if kind != "denoised" or vectors.denoised is not None]
    dimensions = [
        outlier_dimensions(vectors.variant(name, kind)).assign(kind=kind, variant=name)
        for kind in kinds
        for name in VARIANTS
    ]
    table = TABLES["outliers"].of(dimensions)
    shown = table[(table["variant"] == "raw") & (table["layer"] == layer) & (table["rank"] == 1)]
    first = shown[shown["kind"] == "centred"]
    largest = {str(language): int(d) for language, d in zip(first["language"], first["dimension"], strict=True)}
    read = stories_read(stories, activations, vectors)
    texts = {name: sample_texts(read, name, SAMPLE_TEXTS, seed) for name in largest}
    loaded = model()
    tokens = outlier_tokens(texts, lambda text: token_states(loaded, text, [layer]), largest, layer)
    summary = {"layer": layer, "first": plain(shown[["kind", "language", "dimension", "energy_share"]])}
    return Outcome({"outliers": [table], "outlier_tokens": [tokens]}, summary, {"sample_texts": SAMPLE_TEXTS})


ANALYSIS = Analysis("outliers", _outliers, TABLES)
