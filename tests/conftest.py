import os
import signal

# A shell starts background jobs with Ctrl-C ignored, which tests of Ctrl-C and the commands they start would inherit.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Set before any library looks: no network, no threads to fight over, no files outside the tests' own folders.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# Bars of models being saved would stand in what a test reads from a command.
os.environ.setdefault("TQDM_DISABLE", "1")
# A console takes its width when it is made, which may be before the first test of a command.
os.environ["COLUMNS"] = "200"

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings

from emovec.corpus.story import Story
from emovec.models.language_model import LanguageModel
from emovec.models.load import load_model
from emovec.vectors.emotion_vectors import EmotionVectors
from tests.tiny_models import FAMILIES, MORE_FAMILIES, random_stories, save_tiny_model

EMOTIONS = ["afraid", "angry", "calm", "joyful", "sad"]

SLOWEST = [
    "report/pages/test_study.py",
    "study/test_study.py",
    "study/test_interruption.py",
    "study/test_additions.py",
    "study/test_steering.py",
    "docs/test_commands.py",
    "real/test_gemma.py",
    "test_wheel.py",
]
"""Files that run first, since a worker that met one of them last would let the others wait."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {Path(__file__).parent / name: at for at, name in enumerate(SLOWEST)}
    items.sort(key=lambda item: order.get(item.path, len(order)))


settings.register_profile(
    "emovec",
    deadline=None,
    max_examples=25,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("emovec")


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Folder of a tiny random model of a family, made once a session."""
    made: dict[tuple[str, bool], Path] = {}

    def folder(family: str = "llama", *, bos: bool = True) -> Path:
        if (family, bos) not in made:
            config = FAMILIES[family] if family in FAMILIES else MORE_FAMILIES[family]()
            made[family, bos] = save_tiny_model(tmp_path_factory.mktemp(f"{family}-{bos}"), config, bos=bos)
        return made[family, bos]

    return folder


@pytest.fixture(scope="session")
def tiny_model(tiny_folder: Callable[..., Path]) -> Callable[..., LanguageModel]:
    """A tiny random model of a family, loaded once a session."""
    loaded: dict[tuple[str, bool], LanguageModel] = {}

    def model(family: str = "llama", *, bos: bool = True) -> LanguageModel:
        if (family, bos) not in loaded:
            loaded[family, bos] = load_model(str(tiny_folder(family, bos=bos)), device="cpu")
        return loaded[family, bos]

    return model


@pytest.fixture(scope="session")
def stories() -> list[Story]:
    """Random stories in two languages: 4 emotions × 3 topics, and neutral texts; 5 to 60 words each."""
    return random_stories()


@pytest.fixture
def tiny_vectors(tiny_model: Callable[..., LanguageModel]) -> EmotionVectors:
    """Random vectors of the tiny llama, in English and Japanese."""
    model = tiny_model("llama")
    generator = np.random.default_rng(0)
    shape = (2, len(EMOTIONS), model.n_layers, model.hidden_size)
    return EmotionVectors.from_arrays(
        generator.standard_normal(shape).astype(np.float32),
        languages=["en", "ja"],
        emotions=EMOTIONS,
        story_std=np.ones((2, model.n_layers, model.hidden_size), np.float32),
        residual_norm=np.full((2, model.n_layers), 3.0, np.float32) + np.arange(model.n_layers, dtype=np.float32),
        counts=np.full((2, len(EMOTIONS)), 3),
        model=model.id,
        provenance={"revision": model.revision},
    )
