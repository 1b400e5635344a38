"""A folder in which the examples of the docs find what they name: a finished study, texts, vectors."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from emovec.activations.extract import extract
from emovec.corpus.bundled import bundled_neutral, bundled_stories
from emovec.corpus.story import NEUTRAL
from emovec.corpus.write import write_jsonl
from emovec.models.load import load_model
from emovec.vectors.build import build_vectors
from emovec.vectors.emotion_vectors import EmotionVectors
from tests.report.synthetic import write_study
from tests.tiny_models import FAMILIES, save_tiny_model

LAYERS = 22
MODELS = ("gemma-3-270m", "smollm2-135m-instruct")
"""The names in the docs that a tiny model of random weights stands in for, which takes any text."""


def prepare(folder: Path) -> dict[str, Any]:
    """Fill a folder; gives the names that examples take from their reader: `vectors`, `study`, `inputs`, …"""
    size = {**FAMILIES["qwen2"].to_dict(), "num_hidden_layers": LAYERS, "layer_types": ["full_attention"] * LAYERS}
    config = type(FAMILIES["qwen2"])(**size)
    model = save_tiny_model(folder / "tiny", config)
    topics = list(dict.fromkeys(story.topic for story in bundled_stories()))[:4]
    chosen = [story for story in bundled_stories() if story.topic in topics]
    stories = [replace(story, text=story.text[:80]) for story in [*chosen, *bundled_neutral()[::9]]]
    write_jsonl([s for s in stories if s.emotion != NEUTRAL], folder / "my-stories.jsonl")
    write_jsonl(stories, folder / "all.jsonl")
    settings = {
        "model": "tiny",
        "corpus": {"stories": "my-stories.jsonl", "neutral": "all.jsonl"},
        "extraction": {"offset": 3, "batch_tokens": 4096, "device": "cpu", "threads": 1},
        "steering": {"limit": 1},
    }
    activations = extract(load_model(str(model), device="cpu"), stories, folder / "activations-of-all", offset=3)
    vectors = build_vectors(activations)
    for name in ("my-study", "study", "studies/demo"):
        _study(folder / name, settings, vectors)
    vectors.save(folder / "vectors.safetensors")
    _files_of_ones_own(folder, stories)
    return _names(folder, vectors, activations, stories)


def _study(results: Path, settings: dict[str, Any], vectors: EmotionVectors) -> None:
    """A study's file and its results: real vectors, and tables with planted numbers."""
    results.parent.mkdir(exist_ok=True)
    results.with_suffix(".yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    write_study(results, layers=tuple(range(LAYERS)))
    vectors.save(results / "vectors.safetensors")
    (results / "steering").mkdir()
    implicit = pd.DataFrame([["top3", "standardised"]], columns=["statistic", "variant"])
    implicit.to_parquet(results / "steering" / "implicit.parquet")


def _files_of_ones_own(folder: Path, stories: list[Any]) -> None:
    (folder / "their-folder").mkdir()
    (folder / "their-folder" / "joy.jsonl").write_text(
        json.dumps({"body": "A day.", "emotion": "joy"}) + "\n", encoding="utf-8"
    )
    (folder / "survey.csv").write_text("story_text,label\nEin Tag am See.,calm\n", encoding="utf-8")
    np.savez(folder / "mine.npz", **{name: np.ones((3, 8)) * i for i, name in enumerate(("happy", "sad", "calm"))})


def _names(folder: Path, vectors: EmotionVectors, activations: Any, stories: list[Any]) -> dict[str, Any]:
    from types import SimpleNamespace

    from emovec.geometry.inputs import Inputs

    few = EmotionVectors.from_arrays(vectors.best.sel(layer=[10, 11]), story_std=vectors.story_std.sel(layer=[10, 11]))
    both = {language: activations.layer(11, language) for language in ("en", "ja")}
    inputs = Inputs(vectors, lambda layer, language: activations.layer(layer, language), stories, lambda: None)  # pyright: ignore[reportArgumentType]
    rng = np.random.default_rng(0)
    happy, sad = rng.normal(size=(2, 3, 8))
    return {
        "vectors": few, "a": vectors, "b": vectors, "study": SimpleNamespace(vectors=vectors), "inputs": inputs,
        "activations_en": both["en"], "activations_ja": both["ja"], "source": both["en"], "target": both["ja"],
        "happy": happy, "sad": sad,
    }  # fmt: skip
