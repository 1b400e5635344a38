from collections.abc import Callable
from pathlib import Path

import pytest

from emovec.activations.costs import model_size
from emovec.models.language_model import LanguageModel
from emovec.pipeline.costs import Rate, geometry_bytes, geometry_seconds, past_rate, reckoned_rate, stage_costs
from emovec.pipeline.run import run_study
from emovec.pipeline.stages import steering_inputs
from emovec.steering.experiments.registry import EXPERIMENTS
from emovec.study.study import Study
from tests.cli.conftest import Run, run  # noqa: F401  # pyright: ignore[reportUnusedImport]
from tests.study.conftest import change, study_file  # noqa: F401  # pyright: ignore[reportUnusedImport]


@pytest.mark.fault("U7")
def test_every_stage_is_counted_and_steering_token_by_token(
    study_file: Path,  # noqa: F811
    change: Callable[..., None],  # noqa: F811
    tiny_folder: Callable[..., Path],
    tiny_model: Callable[..., LanguageModel],
) -> None:
    names = ["implicit", "intensity", "calibration"]
    change(steering={"experiments": names, "limit": 1, "strengths": [0.1]})
    study = Study(study_file)
    size = model_size(str(tiny_folder("llama")))
    costs = {cost.stage: cost for cost in stage_costs(study, 36, 1000, size, Rate(100.0, "cpu", "given"))}
    assert list(costs) == ["extraction", "vectors", "geometry", *(f"steering: {name}" for name in names), "report"]
    assert costs["extraction"].seconds == 10
    run_study(study, "vectors")
    inputs = steering_inputs(study, tiny_model("llama"), study.vectors, study.corpus.stories)
    for name in names:
        tokens = sum(unit.cost for unit in EXPERIMENTS[name].plan(inputs))
        assert costs[f"steering: {name}"].amount == f"{tokens:,} tokens"
        assert costs[f"steering: {name}"].seconds == pytest.approx(tokens / 50)
    rate = past_rate(study)
    assert rate is not None
    assert rate.known == "measured by this study's own extraction"
    assert rate.tokens > 0
    assert reckoned_rate(size, "cpu", 1).tokens > 1000


@pytest.mark.fault("U7")
def test_geometry_is_reckoned_from_the_demo_and_grows_as_it_was_measured() -> None:
    assert geometry_seconds(18, 2, 30, 12) == 143
    assert geometry_seconds(18, 2, 60, 12) > 400
    assert geometry_seconds(36, 2, 30, 12) > 250
    # 2 languages × 171 emotions × 100 topics: 9.4 GB of products, 4.2 times at once.
    assert geometry_bytes(2, 171, 100) / 1e9 == pytest.approx(4.2 * 9.36 + 1, rel=0.01)


@pytest.mark.fault("U7")
def test_plan_tells_the_whole_of_a_study(
    run: Run,  # noqa: F811
    study_file: Path,  # noqa: F811
) -> None:
    code, out, _ = run("plan", study_file)
    assert code == 0
    rows = out.partition("Every stage on this machine")[2]
    for stage in ("extraction", "vectors", "geometry", "steering: implicit", "report", "in all"):
        assert stage in rows
    assert "tokens a second on cpu" in rows
