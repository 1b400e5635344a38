"""Labelling in the browser: one page, served to this machine alone, that asks for nothing from outside."""

import json
import secrets
import threading
from collections.abc import Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any, cast

from emovec.corpus.label_session import LabelSession, option_names, option_words
from emovec.errors import EmovecError

_MOST_BYTES = 1 << 16
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class LabelForm(ThreadingHTTPServer):
    """A web form over a session of labelling, at `address` until it is shut down or the person stops it there."""

    daemon_threads = True

    def __init__(self, session: LabelSession, languages: Sequence[str], port: int = 0):
        """Listen on 127.0.0.1; `serve_forever` answers.

        Args:
            session: whose texts.
            languages: of the texts; the emotions' names in them are shown as well.
            port: 0 for one that is free.

        Raises:
            EmovecError: if the port is taken.
        """
        try:
            super().__init__(("127.0.0.1", port), _Handler)
        except (OSError, OverflowError) as error:
            said = getattr(error, "strerror", None) or error
            raise EmovecError(f"--port: {port} can't be used ({said}); leave it out to take a free one.") from error
        self.session, self.lock = session, threading.Lock()
        # Other users of this machine, and pages open in the same browser, don't know the path.
        self.path = f"/{secrets.token_urlsafe(12)}/"
        options = [
            {"name": option, "shown": option_names(option, languages), "words": option_words(option, languages)}
            for option in session.options
        ]
        settings = {"options": options, "top": session.top, "annotator": session.annotator}
        template = (files("emovec.corpus") / "label_form.html").read_text(encoding="utf-8")
        data = json.dumps(settings, ensure_ascii=False).replace("<", "\\u003c")
        self.html = template.replace("SETTINGS", data).encode()

    @property
    def address(self) -> str:
        """What to open in a browser."""
        return f"http://127.0.0.1:{self.server_address[1]}{self.path}"

    def state(self) -> dict[str, Any]:
        """What the page shows; nothing of the text's id, emotion or topic."""
        story = self.session.current
        shown = {"done": self.session.done, "total": self.session.total, "token": self.session.token}
        shown["undoable"] = self.session.undoable
        return shown | {"text": story.text if story else None, "language": story.language if story else None}


class _Handler(BaseHTTPRequestHandler):
    @property
    def form(self) -> LabelForm:
        return cast(LabelForm, self.server)

    def do_GET(self) -> None:
        if not self._known():
            return
        match self.path.removeprefix(self.form.path):
            case "":
                self._send(HTTPStatus.OK, self.form.html, "text/html; charset=utf-8")
            case "state":
                with self.form.lock:
                    self._json(self.form.state())
            case _:
                self._refuse(HTTPStatus.NOT_FOUND, "There is no such page.")

    def do_POST(self) -> None:
        if not self._known():
            return
        try:
            length = int(self.headers.get("Content-Length", "0"))
            given: dict[str, Any] = json.loads(self.rfile.read(length)) if 0 <= length <= _MOST_BYTES else {}
            action, token = self.path.removeprefix(self.form.path), given["token"]
        except (ValueError, KeyError, TypeError):
            self._refuse(HTTPStatus.BAD_REQUEST, "This can't be understood; reload the page.")
            return
        session = self.form.session
        with self.form.lock:
            # A second tab, or a key pressed twice, must not label a text that was not on the screen.
            if action != "stop" and token != session.token:
                self._json(self.form.state())
                return
            try:
                match action:
                    case "label":
                        session.label([str(name) for name in given.get("labels") or []], given.get("confidence"))
                    case "skip":
                        session.skip()
                    case "undo":
                        session.undo()
                    case "stop":
                        threading.Thread(target=self.form.shutdown).start()
                    case _:
                        self._refuse(HTTPStatus.NOT_FOUND, "There is no such action.")
                        return
            except (EmovecError, TypeError) as error:
                self._refuse(HTTPStatus.CONFLICT, str(error))
                return
            self._json(self.form.state())

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the terminal is for the summary."""

    def _known(self) -> bool:
        """Whether the request is from our page; a name of another site that was pointed here is refused."""
        host = f"127.0.0.1:{self.form.server_address[1]}"
        if self.path.startswith(self.form.path) and self.headers.get("Host") == host:
            return True
        self._refuse(HTTPStatus.NOT_FOUND, "Open the address that the terminal shows.")
        return False

    def _json(self, content: object) -> None:
        self._send(HTTPStatus.OK, json.dumps(content, ensure_ascii=False).encode(), "application/json")

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        self._send(status, json.dumps({"error": message}, ensure_ascii=False).encode(), "application/json")

    def _send(self, status: HTTPStatus, body: bytes, kind: str) -> None:
        self.send_response(status)
        headers = {"Content-Type": kind, "Content-Length": str(len(body)), "Cache-Control": "no-store"}
        headers |= {"Content-Security-Policy": _POLICY, "Referrer-Policy": "no-referrer"}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
