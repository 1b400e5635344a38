"""Everything that a command takes is looked at before the first minute goes into it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml

from tests.cli.conftest import Run
from tests.study.conftest import write_study
from tests.tiny_models import random_stories


@pytest.fixture
def study(tiny_folder: Callable[..., Path], tmp_path: Path) -> Path:
    return write_study(tmp_path, tiny_folder("llama"), random_stories())


@pytest.fixture
def _nothing_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("a model was loaded or converted before everything was looked at")

    for place in ("emovec.models.load.load_model", "emovec.models.embedded.convert_gguf"):
        monkeypatch.setattr(place, refuse)


def change(study: Path, **settings: Any) -> None:
    data = yaml.safe_load(study.read_text(encoding="utf-8"))
    for key, value in settings.items():
        data[key] = {**data.get(key, {}), **value} if isinstance(value, dict) else value
    study.write_text(yaml.safe_dump(data), encoding="utf-8")


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"corpus": {"stories": "generated"}}, "`emovec corpus generate small.yaml` has a model write them"),
    ({"corpus": {"stories": "nowhere.jsonl"}}, "nowhere.jsonl: no such file"),
    ({"model": "./nowhere"}, "no such model folder"),
    ({"model": "nowhere.gguf"}, "no such file"),
    ({"model": "nobody/none"}, "is no local folder"),
    ({"extraction": {"device": "cuda:7"}}, "extraction.device"),
    ({"extraction": {"layers": [9]}}, "extraction.layers: 9 is none of the layers of"),
    ({"geometry": {"layer": 9}}, "geometry.layer: "),
    ({"steering": {"layer": 9}}, "steering.layer: "),
    ({"geometry": {"norms": "nowhere.csv"}}, "geometry.norms: "),
    ({"steering": {"scenarios": "nowhere.jsonl"}}, "steering.scenarios"),
]


@pytest.mark.fault("U2")
@pytest.mark.usefixtures("_nothing_is_loaded")
@pytest.mark.parametrize(("settings", "message"), WRONG)
def test_a_run_is_refused_before_it_begins(run: Run, study: Path, settings: dict[str, Any], message: str) -> None:
    change(study, **settings)
    for more in ([], ["--only", "implicit"]):
        code, _, err = run("run", study.name, *more)
        assert (code, message in err) == (2, True), err
        assert not study.with_suffix("").exists()


@pytest.mark.fault("U2")
@pytest.mark.usefixtures("_nothing_is_loaded")
def test_vectors_and_options_are_looked_at_before_the_model(
    run: Run, study: Path, tmp_path: Path, tiny_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = tmp_path / "v.safetensors"
    from tests.report.synthetic import _vectors  # hidden size 24, which no model here has

    _vectors(("en",), ("angry", "calm"), range(4), False).save(vectors)
    tiny = tiny_folder("llama")
    for words, message in (
        (["chat", "gemma-3-270m", vectors], "can't be used with gemma-3-270m (hidden size 640, 18 layers)"),
        (["chat", tiny, vectors], "can't be used with"),
        (["steer", tiny, vectors, "Hello", "--emotion", "calm"], "hidden size 32, 4 layers"),
        (["steer", tiny, vectors, "Hello", "--emotion", "calm", "--device", "cuda:7"], "device"),
        (["trace", tiny, vectors, "Hello"], "hidden size 32, 4 layers"),
        (["chat", "gemma-3-270m", study.name], "has no vectors yet; `emovec run small.yaml --until vectors` makes"),
        (["trace", "gemma-3-270m", "nowhere", "Hello"], "nowhere: no such file"),
        (["compare", study.name, study.name], "`emovec run small.yaml` makes them"),
        (["compare", study.name, study.name, "--page", "x.txt"], "ends in .html"),
        (["transfer", study.name, study.name], "`emovec run small.yaml --until geometry` does it"),
    ):
        code, _, err = run(*words)
        assert (code, message in err) == (2, True), (words, err)
