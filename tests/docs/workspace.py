"""A folder in which the examples of the docs find what they name: a finished study, texts, vectors."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from emovec.activations.extract import extract
from emovec.corpus.bundled import bundled_neutral, bundled_stories
from emovec.corpus.story import Story
from emovec.corpus.write import write_jsonl
from emovec.models.load import load_model
from emovec.study_files import HEADER
from emovec.vectors.build import build_vectors
from emovec.vectors.emotion_vectors import EmotionVectors
from tests.report.synthetic import write_study
from tests.tiny_models import FAMILIES, save_tiny_model

LAYERS = 22
EMOTIONS = ("angry", "calm", "nostalgic", "sad")
"""Of a study that is run from end to end."""
MODELS = ("gemma-3-270m", "smollm2-135m-instruct")
"""The names in the docs that a tiny model of random weights stands in for, which takes any text."""


def tiny_model(folder: Path) -> Path:
    """A model of random weights that takes any text, one token a byte, and has a chat template."""
    size = {
        **FAMILIES["qwen2"].to_dict(), "num_hidden_layers": LAYERS, "layer_types": ["full_attention"] * LAYERS,
        "max_position_embeddings": 8192,
    }  # fmt: skip
    save_tiny_model(folder, type(FAMILIES["qwen2"])(**size))
    (folder / "chat_template.jinja").write_text(
        "{% for message in messages %}{{ message.content }}\n{% endfor %}", encoding="utf-8"
    )
    return folder


def short_texts() -> tuple[list[Story], list[Story]]:
    """The beginnings of bundled stories of four topics, and of some of the neutral texts."""
    topics = list(dict.fromkeys(story.topic for story in bundled_stories("plain")))[:4]
    chosen = [story for story in bundled_stories("plain") if story.topic in topics]
    return [replace(s, text=s.text[:80]) for s in chosen], [
        replace(s, text=s.text[:80]) for s in bundled_neutral(["en", "ja"])[::9]
    ]


def prepare(folder: Path) -> dict[str, Any]:
    """Fill a folder; gives the names that examples take from their reader: `vectors`, `study`, `inputs`, …"""
    model = tiny_model(folder / "tiny")
    with_emotion, neutral = short_texts()
    stories = [*with_emotion, *neutral]
    write_jsonl(with_emotion, folder / "my-stories.jsonl")
    write_jsonl(stories, folder / "all.jsonl")
    settings = {
        "model": "tiny",
        "corpus": {"stories": "my-stories.jsonl", "neutral": "all.jsonl"},
        "extraction": {"offset": 3, "batch_tokens": 4096, "device": "cpu", "threads": 1},
        "steering": {"limit": 1},
    }
    activations = extract(load_model(str(model), device="cpu"), stories, folder / "activations-of-all", offset=3)
    vectors = build_vectors(activations)
    vectors.save(folder / "vectors.safetensors")
    for name in ("my-study", "study", "studies/demo"):
        _study(folder / name, settings, folder / "vectors.safetensors")
    _files_of_ones_own(folder, stories)
    return _names(vectors, activations)


def _study(results: Path, settings: dict[str, Any], vectors: Path) -> None:
    """A study's file and its results: real vectors, and tables with planted numbers."""
    results.parent.mkdir(exist_ok=True)
    results.with_suffix(".yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    write_study(results, layers=tuple(range(LAYERS)))
    resolved = results / "study.yaml"
    resolved.write_text(HEADER + resolved.read_text(encoding="utf-8"), encoding="utf-8")  # as a run writes it
    shutil.copy(vectors, results)
    (results / "steering").mkdir()
    implicit = pd.DataFrame([["top3", "standardised"]], columns=["statistic", "variant"])
    implicit.to_parquet(results / "steering" / "implicit.parquet")


def _files_of_ones_own(folder: Path, stories: list[Any]) -> None:
    (folder / "their-folder").mkdir()
    (folder / "their-folder" / "joy.jsonl").write_text(
        json.dumps({"body": "A day.", "emotion": "joy"}) + "\n", encoding="utf-8"
    )
    (folder / "survey.csv").write_text("story_text,label\nEin Tag am See.,calm\n", encoding="utf-8")
    np.savez(folder / "mine.npz", **{name: np.eye(3, 8) + i for i, name in enumerate(("happy", "sad", "calm"), 1)})


def _names(vectors: EmotionVectors, activations: Any) -> dict[str, Any]:
    from types import SimpleNamespace

    few = EmotionVectors.from_arrays(vectors.best.sel(layer=[10, 11]), story_std=vectors.story_std.sel(layer=[10, 11]))
    both = {language: activations.layer(11, language) for language in ("en", "ja")}
    rng = np.random.default_rng(0)
    happy, sad = rng.normal(size=(2, 3, 8))
    return {
        "vectors": few, "a": vectors, "b": vectors, "study": SimpleNamespace(vectors=vectors, activations=activations),
        "activations_en": both["en"], "activations_ja": both["ja"], "source": both["en"], "target": both["ja"],
        "happy": happy, "sad": sad,
    }  # fmt: skip
