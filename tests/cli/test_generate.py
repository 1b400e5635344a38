"""`emovec corpus generate`: what it shows, asks, refuses, and how it ends."""

import asyncio
import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emovec.cli import corpus_generate
from tests.cli.conftest import Run
from tests.corpus.generation.mocks import asked, mock_model, said, text_for

STUDY = """
languages: [en]
emotions: [afraid, calm]
corpus: {stories: generated, neutral: generated}
generation:
  model: mockllm/model
  topics: [job_interview]
  stories: 4
  neutral: 2
  per_completion: 2
"""


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[..., Any]], None]:
    """Let every mock model that is made by name give these answers."""
    import inspect_ai.model

    real = inspect_ai.model.get_model

    def use(outputs: Callable[..., Any]) -> None:
        made = mock_model(outputs)
        monkeypatch.setattr(
            inspect_ai.model, "get_model", lambda name, **_: made if name == "mockllm/model" else real(name)
        )

    return use


def good(input: Any, _tools: Any, _choice: Any, config: Any) -> Any:
    n, _, dialogue = asked(input)
    return said(json.dumps([text_for(f"{input[-1].text} {config.seed} {i}", dialogue=dialogue) for i in range(n)]))


@pytest.fixture
def study(tmp_path: Path) -> Path:
    (tmp_path / "s.yaml").write_text(STUDY)
    return tmp_path / "s.yaml"


def test_texts_are_written_and_the_study_finds_them(run: Run, study: Path, model: Any) -> None:
    model(good)
    code, out, _ = run("corpus", "generate", "s.yaml", "--yes")
    assert code == 0
    assert "Generation by mockllm/model" in out
    assert "✓ 10 of 10 texts are there: s-texts" in out
    assert "250 output tokens" in out
    code, out, _ = run("corpus", "show", "s.yaml", "--emotion", "calm")
    assert code == 0
    assert "3 of 4" in out


def test_it_does_nothing_twice(run: Run, study: Path, model: Any) -> None:
    model(good)
    run("corpus", "generate", "s.yaml", "--yes")

    def never(*_: Any) -> Any:
        raise AssertionError

    model(never)
    code, out, _ = run("corpus", "generate", "s.yaml")
    assert code == 0
    assert "✓ 10 of 10" in out
    assert "Generation by" not in out


def test_it_asks_first(run: Run, study: Path, model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model(good)
    code, out, err = run("corpus", "generate", "s.yaml")
    assert code == 2
    assert "Generation by mockllm/model" in out
    assert "give --yes" in err
    assert not (study.parent / "s-texts").exists()
    monkeypatch.setattr(corpus_generate.sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(corpus_generate.typer, "confirm", lambda _: False)
    assert run("corpus", "generate", "s.yaml")[0] == 1
    assert not (study.parent / "s-texts").exists()
    monkeypatch.setattr(corpus_generate.typer, "confirm", lambda _: True)
    assert run("corpus", "generate", "s.yaml")[0] == 0


def test_a_quick_look(run: Run, study: Path, model: Any) -> None:
    model(good)
    code, out, _ = run("corpus", "generate", "s.yaml", "--yes", "--requests", "1", "--out", "look")
    assert code == 0
    assert "2 of 10 texts are there: look" in out
    assert "8 texts still to ask for" in out


def test_a_model_that_ignores_the_format(run: Run, study: Path, model: Any) -> None:
    def chatty(*_: Any) -> Any:
        return said("What a lovely idea! [bold]Tell[/bold] me more.")

    model(chatty)
    code, out, err = run("corpus", "generate", "s.yaml", "--yes")
    assert code == 2
    assert "15 of 15" in out
    assert "no list of texts in the answer “What a lovely idea! [bold]Tell[/bold] me more.”" in out
    assert "none of its 15 answers contains a usable text" in err
    assert "generation.per_completion: 1" in err
    assert not list((study.parent / "s-texts").glob("stories.*"))


def test_a_dead_server(run: Run, study: Path, model: Any) -> None:
    left = 2

    def dying(*given: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise ConnectionError("Connection refused")
        return good(*given)

    model(dying)
    code, _, err = run("corpus", "generate", "s.yaml", "--yes")
    assert code == 2
    assert err.startswith(
        "Error: mockllm/model: the model has stopped answering (Connection refused); 4 texts are kept"
    )
    assert "Traceback" not in err
    model(good)
    code, out, _ = run("corpus", "generate", "s.yaml", "--yes")
    assert code == 0
    assert "✓ 10 of 10" in out


def test_ctrl_c_keeps_what_was_answered(run: Run, study: Path, model: Any) -> None:
    left = 2

    async def interrupted(*given: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            signal.raise_signal(signal.SIGINT)
            await asyncio.sleep(60)
        return good(*given)

    model(interrupted)
    code, out, _ = run("corpus", "generate", "s.yaml", "--yes")
    assert code == 130
    assert "the same command continues" in out
    kept = (study.parent / "s-texts" / "answers.jsonl").read_text().splitlines()
    assert len(kept) == 2
    assert list((study.parent / "s-texts").glob("*.en.jsonl"))


def test_what_was_given_up_is_told(run: Run, study: Path, model: Any) -> None:
    def half(*given: Any) -> Any:
        return said("I'm sorry, but I can't help with that.") if "“calm”" in given[0][-1].text else good(*given)

    model(half)
    code, out, _ = run("corpus", "generate", "s.yaml", "--yes")
    assert code == 0
    assert "6 of 10 texts are there" in out
    assert "4 texts given up after 3 attempts; raise generation.max_attempts" in out
    assert "6 refusal" in out


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model: mockllm/model": "model: null"}, "generation.model: name the model"),
        ({"model: mockllm/model": "model: nowhere/model"}, "nowhere/model"),
        ({"[job_interview]": "[job_intervew]"}, "did you mean 'job_interview'"),
        ({"languages: [en]": "languages: [xx]"}, "no 'xx' to generate texts in"),
        ({"languages: [en]": "languages: [ja]", "calm]": "calmish]"}, "no word for 'calmish'"),
    ],
)
def test_what_can_not_work_is_told_in_a_sentence(run: Run, study: Path, change: dict[str, str], message: str) -> None:
    text = STUDY
    for old, new in change.items():
        text = text.replace(old, new)
    study.write_text(text)
    code, _, err = run("corpus", "generate", "s.yaml", "--yes")
    assert code == 2
    assert message in err
    assert "Traceback" not in err
