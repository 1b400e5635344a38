"""Messages of providers hold no key, whoever shows them."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inspect_ai.model import Model, ModelOutput, get_model

from emovec.asking.errors import RETRIES, reason_of, redact
from emovec.corpus.annotation.judge import label_with_model
from emovec.corpus.story import Story
from emovec.errors import EmovecError
from emovec.steering.experiments.judge import judge
from emovec.study.cluster_names import name_clusters
from tests.corpus.generation.mocks import said


@pytest.mark.parametrize(
    "text",
    [
        "Incorrect API key provided: sk-proj-SECRETsecret123. You can find",
        "Authorization: Bearer SECRETsecret123",
        "https://user:SECRETsecret123@host/v1",
        "api_key='SECRETsecret123'",
        "key AIzaSECRETsecret123 is not valid",
        "gsk_SECRETsecret123 and hf_SECRETsecret123",
        "Incorrect API key provided: SECRETsecret123*****cret",
    ],
)
def test_what_looks_like_a_key_is_taken_out(text: str) -> None:
    assert "SECRETsecret123" not in redact(text)
    assert "[key]" in redact(text)


@given(st.text(st.characters(categories=["L", "N"]), min_size=6, max_size=40))
def test_keys_of_the_environment_are_taken_out(value: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOME_PROVIDER_API_KEY", value)
        assert f"<{value}>" not in redact(f"the key <{value}> is wrong")


def test_other_words_stay() -> None:
    said = "429 Too Many Requests: the task-list for gpt-4o-mini is full; [bold]retry[/bold]\nlater"
    assert redact(said) == "429 Too Many Requests: the task-list for gpt-4o-mini is full; retry later"


def test_a_reason_is_one_short_line() -> None:
    assert reason_of("a plain\n reason.") == "a plain reason"
    assert reason_of(TimeoutError()) == "TimeoutError"
    assert len(reason_of("x" * 1000)) == 300


@pytest.mark.parametrize("before", ["", "Bad request.\n"])
def test_our_own_request_is_left_out_of_a_reason(before: str) -> None:
    request = json.dumps({"model": "gtp-4", "messages": [{"content": "Write } a story. " * 99}]}, indent=2)
    reason = "Error code: 404 - {'error': \"The model 'gtp-4' does not exist\"}"
    assert reason_of(RuntimeError(f"{before}\nRequest:\n{request}\n\n{reason}")) == f"{before.strip()} {reason}".strip()
    long = RuntimeError(f"\nRequest:\n... (9 lines truncated) ...\n  }}\n\n{reason}")
    long.provider_message = reason  # pyright: ignore[reportAttributeAccessIssue]
    assert reason_of(long) == reason
    assert reason_of("Bad Request: the model is unknown") == "Bad Request: the model is unknown"
    assert reason_of('Request: {"cut": "sho') == 'Request: {"cut": "sho'


def _failing() -> Model:
    def fail(*_: Any) -> Any:
        raise RuntimeError("401: Incorrect API key provided: sk-proj-SECRETsecret123")

    return get_model("mockllm/model", custom_outputs=fail, memoize=False)


def _name(model: Model) -> None:
    row = {"variant": "raw", "layer": 1, "languages": "en", "algorithm": "kmeans", "k": 4, "cluster": 1}
    name_clusters(pd.DataFrame([{**row, "emotions": "calm", "valence": 1.0, "arousal": 1.0, "source": "x"}]), model)


def _judge(model: Model) -> None:
    judge(["a"], ["calm", "sad"], model)


def _label(model: Model) -> None:
    label_with_model([Story("a", "en", "calm", None, "a")], ["calm", "sad"], model, Path("answers.jsonl"))


@pytest.mark.parametrize("ask", [_name, _judge, _label])
def test_no_way_of_asking_tells_a_key(ask: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EmovecError, match=r"401: Incorrect API key") as told:
        ask(_failing())
    assert "SECRET" not in str(told.value)
    assert not any("SECRET" in path.read_text() for path in tmp_path.iterdir() if path.is_file())


@pytest.mark.parametrize("ask", [_name, _judge, _label])
def test_a_silent_provider_is_not_waited_for_for_ever(
    ask: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    retries: list[int | None] = []

    def answer(_input: Any, _tools: Any, _choice: Any, config: Any) -> ModelOutput:
        retries.append(config.max_retries)
        return said("calm")

    ask(get_model("mockllm/model", custom_outputs=answer, memoize=False))
    assert retries == [RETRIES]
