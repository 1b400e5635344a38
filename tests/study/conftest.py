import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from emovec.corpus.story import Story
from emovec.corpus.write import write_jsonl
from emovec.labels import NEUTRAL
from emovec.pipeline.run import run_study
from tests.figures import without_figures


def write_study(folder: Path, model: Path, stories: list[Story]) -> Path:
    """A small study: a tiny model, 4 emotions, 2 languages, 3 topics, texts of its own."""
    write_jsonl([s for s in stories if s.emotion != NEUTRAL], folder / "stories.jsonl")
    write_jsonl([s for s in stories if s.emotion == NEUTRAL], folder / "neutral.jsonl")
    settings = {
        "model": str(model),
        "emotions": ["afraid", "calm", "joyful", "sad"],
        "corpus": {"stories": "stories.jsonl", "neutral": "neutral.jsonl"},
        "extraction": {"offset": 3, "shard_size": 5, "batch_tokens": 200, "device": "cpu", "threads": 1},
        "geometry": {"permutations": 100, "bootstraps": 20, "top_k": 5},
        "steering": {"experiments": ["implicit"], "limit": 1},
    }
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def _no_figures() -> Iterator[None]:
    with without_figures():
        yield


@pytest.fixture
def study_file(tiny_folder: Callable[..., Path], stories: list[Story], tmp_path: Path) -> Path:
    """A small study of which nothing is done."""
    return write_study(tmp_path, tiny_folder("llama"), stories)


@pytest.fixture(scope="session")
def _finished_once(
    tiny_folder: Callable[..., Path], stories: list[Story], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    with without_figures():
        run_study(write_study(folder, tiny_folder("llama"), stories))
    return folder


@pytest.fixture
def finished(_finished_once: Path, tmp_path: Path) -> Path:
    """The same study with everything done: the path of its file, `study_file`, in which `change` changes settings."""
    shutil.copytree(_finished_once, tmp_path, dirs_exist_ok=True)
    return tmp_path / "small.yaml"


@pytest.fixture
def change(tmp_path: Path) -> Callable[..., None]:
    """Change settings of the study file: `change(geometry={"seed": 1})`."""

    def apply(**settings: object) -> None:
        study_file = tmp_path / "small.yaml"
        data = yaml.safe_load(study_file.read_text(encoding="utf-8"))
        for key, value in settings.items():
            data[key] = {**data.get(key, {}), **value} if isinstance(value, dict) else value
        study_file.write_text(yaml.safe_dump(data), encoding="utf-8")

    return apply
