"""Labelling in the browser: one page, served to this machine alone, that asks for nothing from outside."""

import json
import secrets
import sys
import threading
from collections.abc import Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any, cast
from urllib.parse import urlsplit

from emovec.corpus.annotation.session import LabelSession, option_names, option_words
from emovec.errors import EmovecError

_MOST_BYTES = 1 << 16
_MOST_DRAINED = 1 << 26
_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
_ACTIONS = frozenset({"label", "skip", "undo", "stop"})
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
            raise EmovecError(f"port: {port} can't be used ({said}); leave it out to take a free one.") from error
        self.session, self.lock = session, threading.Lock()
        # Other users of this machine, and pages open in the same browser, don't know the path.
        self.path = f"/{secrets.token_urlsafe(12)}/"
        options = [
            {"name": option, "shown": option_names(option, languages), "words": option_words(option, languages)}
            for option in session.options
        ]
        settings = {"options": options, "top": session.top, "annotator": session.annotator}
        template = (files("emovec.corpus.annotation") / "web_form.html").read_text(encoding="utf-8")
        data = json.dumps(settings, ensure_ascii=False).replace("<", "\\u003c")
        self.html = template.replace("SETTINGS", data).encode()

    @property
    def address(self) -> str:
        """What to open in a browser."""
        return f"http://127.0.0.1:{self.server_address[1]}{self.path}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away while it is answered is no error."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)

    def state(self) -> dict[str, Any]:
        """What the page shows; nothing of the text's id, emotion or topic."""
        story = self.session.current
        shown = {"done": self.session.done, "total": self.session.total, "token": self.session.token}
        shown["undoable"] = self.session.undoable
        return shown | {"text": story.text if story else None, "language": story.language if story else None}


class _Handler(BaseHTTPRequestHandler):
    timeout = 60  # seconds: a request that never ends holds no thread for ever

    @property
    def form(self) -> LabelForm:
        return cast(LabelForm, self.server)

    def do_GET(self) -> None:
        action = self._action()
        match action:
            case None:
                pass
            case "":
                self._send(HTTPStatus.OK, self.form.html, "text/html; charset=utf-8")
            case "state":
                with self.form.lock:
                    self._json(self.form.state())
            case _:
                wrong = action in _ACTIONS
                self._refuse(
                    HTTPStatus.METHOD_NOT_ALLOWED if wrong else HTTPStatus.NOT_FOUND,
                    f"'{action}' needs a POST." if wrong else "There is no such page.",
                )

    def do_POST(self) -> None:
        action = self._action()
        if action is None:
            return
        given = self._given()
        if given is None:
            return
        if action not in _ACTIONS:
            self._refuse(HTTPStatus.NOT_FOUND, "There is no such action.")
            return
        if action != "stop" and "token" not in given:
            self._refuse(HTTPStatus.BAD_REQUEST, "It isn't said which text this is about; reload the page.")
            return
        with self.form.lock:
            # A second window, or a key pressed twice, must not label a text that was not on the screen.
            if action != "stop" and given["token"] != self.form.session.token:
                self._json(self.form.state() | {"moved_on": True})
                return
            try:
                self._act(action, given)
            except (EmovecError, TypeError) as error:
                self._refuse(HTTPStatus.CONFLICT, str(error))
                return
            self._json(self.form.state())

    def _act(self, action: str, given: dict[str, Any]) -> None:
        session = self.form.session
        match action:
            case "label":
                labels = given.get("labels")
                chosen = [str(name) for name in labels] if isinstance(labels, list) else []
                session.label(chosen, given.get("confidence"))
            case "skip":
                session.skip()
            case "undo":
                session.undo()
            case _:
                threading.Thread(target=self.form.shutdown).start()

    def _given(self) -> dict[str, Any] | None:
        """The JSON object that was sent; None where there is none, which has been answered then."""
        try:
            length = int(self.headers.get("Content-Length", ""))
        except ValueError:
            length = -1
        if length < 0:
            self.close_connection = True
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "A request needs its length; reload the page.")
            return None
        if length > _MOST_BYTES:
            # Read to its end within reason: a connection that is closed midway loses the answer as well.
            for _ in range(min(length, _MOST_DRAINED) // _MOST_BYTES):
                self.rfile.read(_MOST_BYTES)
            self.close_connection = True
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A label must have less than {_MOST_BYTES:,} bytes.")
            return None
        try:
            given = json.loads(self.rfile.read(length))
        except (ValueError, RecursionError):  # brackets by the thousand
            given = None
        if not isinstance(given, dict):
            self._refuse(HTTPStatus.BAD_REQUEST, "This can't be understood; reload the page.")
            return None
        return cast(dict[str, Any], given)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the terminal is for the summary."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """As every refusal: methods that the page doesn't use, and what is no HTTP."""
        if code == HTTPStatus.NOT_IMPLEMENTED:
            code, message = HTTPStatus.METHOD_NOT_ALLOWED, "The page uses only GET and POST."
        self.close_connection = True
        self._refuse(HTTPStatus(code), message or HTTPStatus(code).phrase)

    def _action(self) -> str | None:
        """What of our page is asked for; None for a request that isn't from it, which has been answered then.

        Any port is right: it may be another one at the person's end of an SSH tunnel. Another name is not: a site that
        points its own name here must not read the page.
        """
        host = self.headers.get("Host", "")
        try:
            name, path = urlsplit(f"//{host}").hostname, urlsplit(self.path).path
        except ValueError:
            name, path = None, ""
        if name not in _HOSTS:
            self._refuse(
                HTTPStatus.FORBIDDEN,
                f"This page answers only to localhost and 127.0.0.1, not to '{host[:80]}'. From another machine, open "
                f"a tunnel: ssh -L 8000:127.0.0.1:{self.form.server_address[1]} THIS-MACHINE, and the address that the "
                "terminal shows, with port 8000.",
            )
            return None
        if path + "/" == self.form.path:
            self.send_response(HTTPStatus.MOVED_PERMANENTLY)
            self.send_header("Location", self.form.path)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return None
        if path.startswith(self.form.path):
            return path.removeprefix(self.form.path)
        self._refuse(HTTPStatus.NOT_FOUND, "Open the address that the terminal shows.")
        return None

    def _json(self, content: object) -> None:
        self._send(HTTPStatus.OK, json.dumps(content, ensure_ascii=False).encode(), "application/json")

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        body = json.dumps({"error": message}, ensure_ascii=False).encode()
        self._send(status, body, "application/json; charset=utf-8")

    def _send(self, status: HTTPStatus, body: bytes, kind: str) -> None:
        self.send_response(status)
        headers = {"Content-Type": kind, "Content-Length": str(len(body)), "Cache-Control": "no-store"}
        headers |= {"Content-Security-Policy": _POLICY, "Referrer-Policy": "no-referrer"}
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = "GET, POST"
        if self.close_connection:
            headers["Connection"] = "close"
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
