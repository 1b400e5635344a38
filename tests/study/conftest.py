from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from emovec.corpus.story import NEUTRAL, Story
from emovec.corpus.write import write_jsonl


@pytest.fixture
def study_file(tiny_folder: Callable[..., Path], stories: list[Story], tmp_path: Path) -> Path:
    """A small study: a tiny model, 4 emotions, 2 languages, 3 topics, texts of its own."""
    write_jsonl([s for s in stories if s.emotion != NEUTRAL], tmp_path / "stories.jsonl")
    write_jsonl([s for s in stories if s.emotion == NEUTRAL], tmp_path / "neutral.jsonl")
    settings = {
        "model": str(tiny_folder("llama")),
        "emotions": ["afraid", "calm", "joyful", "sad"],
        "corpus": {"stories": "stories.jsonl", "neutral": "neutral.jsonl"},
        "extraction": {"offset": 3, "shard_size": 5, "batch_tokens": 200, "device": "cpu", "threads": 1},
        "geometry": {"permutations": 200, "top_k": 5},
    }
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return path


@pytest.fixture
def change(study_file: Path) -> Callable[..., None]:
    """Change settings of the study file: `change(geometry={"seed": 1})`."""

    def apply(**settings: object) -> None:
        data = yaml.safe_load(study_file.read_text(encoding="utf-8"))
        for key, value in settings.items():
            data[key] = {**data.get(key, {}), **value} if isinstance(value, dict) else value
        study_file.write_text(yaml.safe_dump(data), encoding="utf-8")

    return apply
