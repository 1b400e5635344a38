"""The real client of OpenAI's batch mode against a server on loopback that quotes the key whenever it can."""

import json
import logging
import re
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

import emovec
from emovec.corpus.generation.answers import read_answers
from emovec.corpus.generation.run import generate
from emovec.errors import EmovecError
from tests.corpus.generation.mocks import text_for
from tests.corpus.generation.test_run import small

SECRET = "sk-proj-SECRETsecret123"
QUOTE = f"Incorrect API key provided: {SECRET} (Bearer {SECRET}, SECRETs*****t123)"


class Provider(BaseHTTPRequestHandler):
    """Files are batches, batches are done at once; `refusing` names what fails: a path, or an item of a batch."""

    refusing = ""
    files: ClassVar[dict[str, list[dict[str, Any]]]] = {}

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers["Content-Length"])).decode()
        assert SECRET in self.headers["Authorization"]
        if Provider.refusing and self.path.endswith(Provider.refusing):
            self._send(401, {"error": {"message": QUOTE, "type": "error", "code": None}})
        elif self.path.endswith("/files"):
            name = f"file-{len(Provider.files)}"
            Provider.files[name] = [json.loads(line) for line in re.findall(r'(?m)^\{"custom_id".*$', sent)]
            self._send(
                200, {"id": name, "object": "file", "bytes": 1, "created_at": 0, "filename": "f", "purpose": "batch"}
            )
        else:
            self._send(200, self._batch(json.loads(sent)["input_file_id"]))

    def do_GET(self) -> None:
        name = self.path.split("/")[3]
        if self.path.endswith("/content"):
            items = [self._item(i, request) for i, request in enumerate(Provider.files[name])]
            self._send(200, "\n".join(map(json.dumps, items)))
        else:
            self._send(200, self._batch(name))

    def _batch(self, name: str) -> dict[str, Any]:
        fixed = {"object": "batch", "endpoint": "/v1/chat/completions", "completion_window": "24h", "created_at": 0}
        return {"id": name, "input_file_id": name, "output_file_id": name, "status": "completed", **fixed}

    def _item(self, i: int, request: dict[str, Any]) -> dict[str, Any]:
        if i == 0 and Provider.refusing == "item":
            return {"custom_id": request["custom_id"], "error": {"code": 401, "message": QUOTE}}
        message = {"role": "assistant", "content": json.dumps([text_for(str(request["body"]))])}
        choices = [{"index": 0, "finish_reason": "stop", "message": message}]
        usage = {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}
        body = {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "usage": usage, "choices": choices}
        return {"custom_id": request["custom_id"], "response": {"status_code": 200, "body": body}, "error": None}

    def _send(self, status: int, content: Any) -> None:
        data = (content if isinstance(content, str) else json.dumps(content)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Provider]]:
    for name in ("DEFAULT_BATCH_TICK", "DEFAULT_SEND_DELAY"):
        monkeypatch.setattr(f"inspect_ai.model._providers.util.batch.{name}", 0.02)
    Provider.refusing, Provider.files = "", {}
    with ThreadingHTTPServer(("127.0.0.1", 0), Provider) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{server.server_port}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", SECRET)
        yield Provider
        server.shutdown()


def require_no_secret(folder: Path, *said: str) -> None:
    written = {path.name: path.read_text() for path in folder.rglob("*") if path.is_file()}
    assert {"answers.jsonl", "generation.json"} <= set(written)
    for text in (*written.values(), *written, *said):
        for part in ("SECRET", "t123"):
            assert part not in text


def ask(folder: Path) -> Any:
    return generate(small(batch=True, per_completion=1), folder, model="openai/gpt-4o-mini", retries=0)


def test_batches_bring_every_text_once_and_no_key(
    provider: type[Provider], tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    found = ask(tmp_path / "texts")
    assert found.there == found.planned == 8
    assert not found.reasons
    assert [len(batch) for batch in provider.files.values()] == [8]
    answers = read_answers(tmp_path / "texts").answers
    assert set(Counter(text for answer in answers for text in answer.texts).values()) == {1}
    assert any("Created batch" in record.getMessage() for record in caplog.records)
    require_no_secret(tmp_path, caplog.text, *capfd.readouterr())


@pytest.mark.parametrize(
    ("refusing", "said"),
    [("/files", "Incorrect API key.*[key]"), ("/batches", "Incorrect API key.*[key]"), ("item", "")],
)
def test_a_batch_that_fails_ends_the_run_and_tells_no_key(
    provider: type[Provider],
    tmp_path: Path,
    refusing: str,
    said: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Inspect alone would wait for ever, and print the key."""
    caplog.set_level(logging.DEBUG)
    provider.refusing = refusing
    with pytest.raises(EmovecError, match=rf"gpt-4o-mini: the model gave no answer \(.*{said}") as told:
        ask(tmp_path / "texts")
    require_no_secret(tmp_path, str(told.value), caplog.text, *capfd.readouterr())
    provider.refusing = ""
    assert ask(tmp_path / "texts").there == 8


def test_nothing_else_takes_inspect_s_private_modules() -> None:
    source = Path(emovec.__file__).parent
    taking = {
        file.relative_to(source).as_posix()
        for file in source.rglob("*.py")
        if re.search(r"inspect_ai(?:\.\w+)*\._", file.read_text(encoding="utf-8"))
    }
    assert taking == {"asking/batch_mode.py"}
