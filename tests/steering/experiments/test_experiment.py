import dataclasses
import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from emovec import ledger
from emovec.config import SteeringConfig
from emovec.errors import EmovecError
from emovec.models.blocks import block_output
from emovec.steering.conditions import (
    BASELINE,
    Condition,
    condition_vector,
    random_direction,
    residual_norm,
    shuffled_direction,
)
from emovec.steering.experiments.experiment import (
    Experiment,
    SteeringInputs,
    Unit,
    drop_old,
    measure,
    read_rows,
    tokens_per_second,
)


def _track(_description: str, _total: int) -> Any:
    return nullcontext(lambda _done: None)


def _counting(measured: list[str], fail_at: str = "") -> Experiment:
    def run(_inputs: SteeringInputs, unit: Unit) -> list[dict[str, Any]]:
        if unit.id == fail_at:
            raise KeyboardInterrupt
        measured.append(unit.id)
        return [{"unit": unit.id, "value": unit.values["x"] ** 2}]

    return Experiment(
        "counted",
        {"counted": ("unit", "value")},
        frozenset(),
        lambda _settings, _languages, _base: set(),
        lambda _inputs: [Unit(f"u{x}", 10, {"x": x}) for x in range(4)],
        run,
        lambda _inputs, rows: ({"counted": rows}, {"total": int(rows["value"].sum())}),
    )


def test_an_interrupted_experiment_goes_on_where_it_was(inputs: SteeringInputs, tmp_path: Path) -> None:
    path, measured = tmp_path / "rows.jsonl", list[str]()
    with pytest.raises(KeyboardInterrupt):
        measure(_counting(measured, fail_at="u2"), inputs, path, "key", _track)
    assert measured == ["u0", "u1"]
    tables, summary = measure(_counting(measured), inputs, path, "key", _track)
    assert measured == ["u0", "u1", "u2", "u3"]
    assert list(tables["counted"]["unit"]) == ["u0", "u1", "u2", "u3"]
    assert summary == {"total": 14}


def test_a_text_with_odd_line_breaks_is_kept(tmp_path: Path) -> None:
    rows = [{"answer": "a\u2028b\u0085c\u2029d\x0be\nf\r"}]
    for key in ("older", "old", "new"):
        ledger.append(tmp_path / "rows.jsonl", {"key": key, "unit": "unit", "rows": rows})
    drop_old(tmp_path / "rows.jsonl", "new")
    assert read_rows(tmp_path / "rows.jsonl", "new") == {"unit": rows}
    assert read_rows(tmp_path / "rows.jsonl", "old") == {"unit": rows}
    assert read_rows(tmp_path / "rows.jsonl", "older") == {}


def test_rows_of_other_settings_don_t_count_but_a_quick_look_keeps_them(inputs: SteeringInputs, tmp_path: Path) -> None:
    measured: list[str] = []
    for key, n_measured in (("older", 4), ("long", 8), ("quick", 12), ("long", 12), ("quick", 12)):
        measure(_counting(measured), inputs, tmp_path / "rows.jsonl", key, _track)
        assert len(measured) == n_measured
    kept = [json.loads(line)["key"] for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert sorted(kept) == ["long"] * 4 + ["quick"] * 4


def test_conditions_hold_every_emotion_strength_and_control(inputs: SteeringInputs) -> None:
    found = inputs.conditions("ja")
    assert found[0] == BASELINE
    assert len({condition.id for condition in found}) == len(found) == 1 + 2 * (2 + 1 + 1)
    assert {c.vector_language for c in found[1:]} == {"ja"}
    assert {c.vector_language for c in inputs.conditions("fr") if c.kind == "emotion"} == {"en"}
    without = dataclasses.replace(inputs, activations=None)
    assert not [c for c in without.conditions("en") if c.kind == "shuffled"]


def test_steered_adds_the_vector_in_its_unit(inputs: SteeringInputs) -> None:
    model, ids = inputs.model, torch.tensor([[0, 5, 9]])
    condition = Condition("emotion", "angry", "ja", 2, 0.5)
    vector = inputs.vectors.best.sel(language="ja", emotion="angry", layer=2).values.astype(np.float64)

    def output() -> torch.Tensor:
        seen: list[torch.Tensor] = []
        hook = model.blocks[2].register_forward_hook(lambda _module, _inputs, output: seen.append(block_output(output)))
        with torch.inference_mode():
            model.decoder.module(ids)
        hook.remove()
        return seen[0]

    plain = output()
    with inputs.steered(condition):
        steered = output()
    with inputs.steered(BASELINE):
        again = output()
    assert torch.equal(again, plain)
    expected = 0.5 * 5.0 * vector / np.linalg.norm(vector)  # 3 + layer is the fixture's residual norm
    np.testing.assert_allclose((steered - plain)[0], np.tile(expected, (3, 1)), atol=1e-5)


def test_controls_are_as_long_as_the_vectors_of_their_language(inputs: SteeringInputs) -> None:
    norms = inputs.vectors.residual_norm
    assert norms is not None
    twice = dataclasses.replace(inputs.vectors, residual_norm=norms * [[1.0], [2.0]])
    for language, factor in (("en", 1), ("ja", 2)):
        chosen = dataclasses.replace(inputs, vectors=twice).conditions(language)[1:]
        lengths = {c.kind: residual_norm(c, twice) for c in chosen}
        assert lengths == dict.fromkeys(("emotion", "random", "shuffled"), 5.0 * factor)  # 3 + layer in the fixture


def test_random_directions_are_unit_and_spread_evenly() -> None:
    drawn = np.stack([random_direction(64, 0, number) for number in range(400)]).astype(np.float64)
    np.testing.assert_allclose(np.linalg.norm(drawn, axis=1), 1, rtol=1e-6)
    assert np.abs(drawn.mean(axis=0)).max() < 4 / np.sqrt(400 * 64)
    np.testing.assert_array_equal(drawn[3], random_direction(64, 0, 3))
    assert not np.array_equal(drawn[3], random_direction(64, 1, 3))


def test_a_shuffled_vector_is_a_mean_of_stories_less_the_mean(inputs: SteeringInputs) -> None:
    assert inputs.activations is not None
    stories = inputs.activations(1, "en")
    found = shuffled_direction(stories, 3, seed=0, number=1)
    chosen = np.random.default_rng([0, 1]).choice(len(stories), 3, replace=False)
    np.testing.assert_allclose(found, stories.values[chosen].mean(0) - stories.values.mean(0), atol=1e-6)
    condition = Condition("shuffled", "shuffled 1", "en", 1, 0.1)
    np.testing.assert_allclose(condition_vector(condition, inputs.vectors, inputs.activations, 0), found)
    with pytest.raises(EmovecError, match="activations"):
        condition_vector(condition, inputs.vectors, None, 0)


def test_the_machine_s_speed_is_a_positive_number(inputs: SteeringInputs) -> None:
    assert 0 < tokens_per_second(inputs.model) < 1e9


def test_summaries_are_of_all_rows_in_the_order_of_the_plan(inputs: SteeringInputs, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    ledger.append(path, {"key": "key", "unit": "u3", "rows": [{"unit": "u3", "value": 9}]})
    tables, _ = measure(_counting([]), inputs, path, "key", _track)
    assert isinstance(tables["counted"], pd.DataFrame)
    assert list(tables["counted"]["value"]) == [0, 1, 4, 9]


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_an_emotion_without_a_vector_in_one_language_is_named(inputs: SteeringInputs, value: float) -> None:
    inputs.vectors.best.loc[{"language": "ja", "emotion": "angry", "layer": 2}] = value
    english, japanese = (Condition("emotion", "angry", language, 2, 0.1) for language in ("en", "ja"))
    with inputs.steered(english):
        pass
    with pytest.raises(EmovecError, match=r"'angry' has no vector in 'ja' at layer 2"), inputs.steered(japanese):
        pass


def test_conditions_of_any_strengths_that_a_study_may_have_are_told_apart(inputs: SteeringInputs) -> None:
    settings = SteeringConfig(strengths=[0.1, 0.100001, 1e-7, 12345.6], controls=1)
    found = dataclasses.replace(inputs, settings=settings).conditions("en")
    assert len({condition.id for condition in found}) == len(found) == 17
    for strengths in ([0.1, 0.1000001], [float("nan")], [float("inf")], [0.1, 1e30]):
        with pytest.raises(ValueError, match=r"each once|finite number"):
            SteeringConfig(strengths=strengths)
