import io
import json
import socket
import struct
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from emovec.cli.label_terminal import label_in_terminal
from emovec.corpus.annotation.agreement import agreement
from emovec.corpus.annotation.answers import label_table, read_answers
from emovec.corpus.annotation.session import LabelSession
from emovec.corpus.annotation.web_form import LabelForm
from emovec.corpus.story import Story
from emovec.errors import EmovecError
from emovec.report.pages import annotation
from tests.corpus.annotation.test_agreement import table
from tests.corpus.labelled import CONFUSION, EMOTIONS, stories
from tests.report.test_browser import Visit, browser  # noqa: F401  # pyright: ignore[reportUnusedImport]

HOSTILE = Story("en-<b>", "en", "sad", "t", "A <script>window.bad = 1</script> & “text” {{ 7 * 7 }}.")


def labels(texts: list[Story]) -> pd.DataFrame:
    said = {"judge/<i>": {s.id: CONFUSION[s.emotion] for s in texts}, "ann": {s.id: s.emotion for s in texts}}
    return table(said, texts)


@pytest.fixture
def page(tmp_path: Path) -> Path:
    texts = [*stories(), HOSTILE]
    found = labels(texts)
    html = annotation.render("my <corpus>", found, agreement(found, EMOTIONS), texts, EMOTIONS, "x gave nothing.")
    (tmp_path / "labels.html").write_text(html, encoding="utf-8")
    return tmp_path / "labels.html"


def test_the_page_says_the_numbers_and_escapes_the_texts(page: Path) -> None:
    html = page.read_text(encoding="utf-8")
    assert "judge/&lt;i&gt; finds the intended emotion in 73% of 41 texts" in html
    assert "<script>window.bad" not in html
    assert "{{ 7 * 7 }}" in html
    assert "x gave nothing." in html
    assert "http://" not in html.split("plotly")[0]


def test_the_heat_map_holds_the_shares() -> None:
    found = labels(stories())
    chart = annotation.confusion_map(agreement(found, EMOTIONS), EMOTIONS)
    (panel,) = chart.frames["judge/<i>", "ja"]
    shares = pd.DataFrame(panel.values, index=list(panel.rows), columns=list(panel.columns))  # pyright: ignore
    assert shares.loc["sad", "calm"] == 1
    assert shares.loc["angry", "angry"] == 1
    assert np.allclose(shares.sum(axis=1), 1)


def test_the_heat_map_shows_labels_that_no_text_was_meant_to_have() -> None:
    texts = [story for story in stories() if story.emotion != "calm"]
    chart = annotation.confusion_map(agreement(labels(texts), EMOTIONS), EMOTIONS)
    (panel,) = chart.frames["judge/<i>", "ja"]
    shares = pd.DataFrame(panel.values, index=list(panel.rows), columns=list(panel.columns))  # pyright: ignore
    assert "calm" not in shares.index
    assert shares.loc["sad", "calm"] == 1
    assert list(shares.columns)[-1] == "none"
    assert np.allclose(shares.sum(axis=1), 1)


def test_confused_emotions_stand_together() -> None:
    order = annotation.confusion_order(agreement(labels(stories()), EMOTIONS).confusion, EMOTIONS)
    assert sorted(order) == sorted(EMOTIONS)
    assert abs(order.index("calm") - order.index("sad")) == 1


def test_examples_are_those_that_most_missed_first_and_of_every_emotion() -> None:
    texts = stories(languages=("en",))
    said = {
        "a": {s.id: "none" if s.emotion in {"sad", "angry"} else s.emotion for s in texts},
        "b": {s.id: "none" if s.emotion == "angry" else s.emotion for s in texts},
    }
    shown = annotation.examples(table(said, texts), texts, 7)
    assert [example.story.emotion for example in shown] == ["angry"] * 5 + ["sad"] * 2
    assert shown[0].labels == [("a", "none"), ("b", "none")]


@pytest.mark.browser
def test_the_page_is_drawn_without_errors_or_requests(browser: Any, page: Path) -> None:  # noqa: F811
    visit = Visit(browser, page)
    assert visit.complaints == []
    assert visit.requests == [page.as_uri()]
    assert visit.page.evaluate("document.querySelectorAll('#figure-confusion .heatmaplayer image').length") >= 1
    assert visit.page.evaluate("window.bad") is None


# The form


@pytest.fixture
def form(tmp_path: Path) -> Iterator[LabelForm]:
    session = LabelSession(stories(2), EMOTIONS, "ann", tmp_path / "a.jsonl", top=3)
    with LabelForm(session, ["en", "ja"]) as served:
        thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield served
        served.shutdown()
        thread.join()


def get(address: str, body: Any = None, **headers: str) -> tuple[int, str]:
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(address, data=data, headers=headers)) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_the_form_answers_its_own_page_alone(form: LabelForm) -> None:
    root = form.address.rsplit("/", 2)[0]
    assert form.server_address[0] == "127.0.0.1"
    assert get(form.address)[0] == 200
    assert get(f"{root}/")[0] == 404
    assert get(f"{root}/wrong/state")[0] == 404
    assert get(form.address, Host="evil.example")[0] == 403
    assert get(f"{form.address}label", {"no": "token"})[0] == 400


def test_the_form_tells_neither_id_nor_emotion_nor_topic(form: LabelForm) -> None:
    state = json.loads(get(f"{form.address}state")[1])
    assert set(state) == {"done", "total", "undoable", "token", "text", "language"}
    assert not any(story.id in get(form.address)[1] for story in stories(2))


def test_a_label_of_a_text_no_longer_shown_changes_nothing(form: LabelForm) -> None:
    first = json.loads(get(f"{form.address}state")[1])
    get(f"{form.address}label", {"token": first["token"], "labels": ["sad"]})
    code, state = get(f"{form.address}label", {"token": first["token"], "labels": ["calm"]})
    assert (code, json.loads(state)["done"]) == (200, 1)
    code, said = get(f"{form.address}label", {"token": json.loads(state)["token"], "labels": ["gloomy"]})
    assert (code, json.loads(said)) == (409, {"error": "Label: 'gloomy' is not in the list."})


def raw(form: LabelForm, sent: bytes) -> str:
    """What comes back for bytes on the wire, to the end of the connection."""
    with socket.create_connection(form.server_address[:2], timeout=10) as line:
        line.sendall(sent)
        return b"".join(iter(lambda: line.recv(1 << 16), b"")).decode()


@pytest.mark.fault("U4")
def test_whatever_is_sent_gets_an_answer_in_words(form: LabelForm, capsys: pytest.CaptureFixture[str]) -> None:
    def sent(method: str, path: str, body: bytes = b"", host: str = "localhost:1", length: int | None = None) -> str:
        n = len(body) if length is None else length
        head = f"{method} {form.path}{path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {n}\r\n\r\n"
        answer = raw(form, head.encode() + body)
        assert json.loads(answer.split("\r\n\r\n", 1)[1])["error"].endswith(".")
        return answer.split()[1]

    assert sent("POST", "label", b"[" * 60_000) == "400"
    assert sent("POST", "label", b"[" * 200_000) == "413"
    for body in (b"", b"{", b"[1]", b'"x"', b"{}", b"\xff"):
        assert sent("POST", "label", body) == "400"
    assert sent("POST", "label", length=-5) == "411"
    assert sent("POST", "nothing", b"{}") == "404"
    assert sent("GET", "label") == "405"
    for method in ("PUT", "DELETE", "OPTIONS", "NONSENSE"):
        assert sent(method, "state") == "405"
    for host in ("evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "["):
        assert sent("GET", "", host=host) == "403"
    token = form.session.token
    for labels, confidence in ((["sad"], []), (["sad"], True), ("sad", 1), ({"sad": 1}, 1), ([["sad"]], 1), (None, 1)):
        body = json.dumps({"token": token, "labels": labels, "confidence": confidence}).encode()
        assert sent("POST", "label", body) == "409"
    assert form.session.done == 0
    for host in ("localhost:9999", "127.0.0.1", "[::1]:80"):  # an SSH tunnel ends at whatever port a person chose
        assert get(f"{form.address}state", Host=host)[0] == 200
    assert get(form.address.removesuffix("/"))[0] == 200
    for _ in range(3):  # a browser that is closed before the answer comes
        with socket.create_connection(form.server_address[:2]) as line:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            line.sendall(f"GET {form.path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert get(f"{form.address}state")[0] == 200
    assert capsys.readouterr().err == ""


@pytest.mark.fault("U4")
def test_a_second_window_is_told_that_its_text_is_done(form: LabelForm) -> None:
    token = form.session.token
    assert "moved_on" not in json.loads(get(f"{form.address}label", {"token": token, "labels": ["sad"]})[1])
    code, said = get(f"{form.address}label", {"token": token, "labels": ["calm"]})
    assert (code, json.loads(said)["moved_on"], form.session.done) == (200, True, 1)


@pytest.mark.fault("U4")
def test_a_port_in_use_is_told(form: LabelForm) -> None:
    with pytest.raises(EmovecError, match=r"port: .* can't be used"):
        LabelForm(form.session, ["en"], form.server_address[1])


@pytest.mark.fault("U4")
@pytest.mark.parametrize(("typed", "kept"), [
    (["/quit"], "sad"), ([EOFError], "sad"), (["nonsense", "2", EOFError], "sad"),
    (["/undo", "calm", "", EOFError], "calm"), (["/skip", EOFError], None),
])  # fmt: skip
def test_commands_are_taken_at_sure_as_well(typed: list[Any], kept: str | None, tmp_path: Path) -> None:
    session = LabelSession(stories(2), EMOTIONS, "ann", tmp_path / "a.jsonl")
    waiting = iter(["sad", *typed])

    def ask(_prompt: str) -> str:
        line = next(waiting)
        if line is EOFError:
            raise EOFError
        return line

    label_in_terminal(session, ["en"], Console(file=io.StringIO()), ask)
    labels = [label for answer in read_answers(tmp_path / "a.jsonl") for label in answer.labels]
    assert labels == ([] if kept is None else [kept])
    assert next(waiting, None) is None


@pytest.mark.browser
def test_texts_are_labelled_with_the_keyboard_alone(browser: Any, form: LabelForm, tmp_path: Path) -> None:  # noqa: F811
    complaints: list[str] = []
    requests: list[str] = []
    page = browser.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(form.address)

    def shows(text: str) -> None:
        page.wait_for_function("text => document.getElementById('count').textContent === text", arg=text)

    shows("0 of 16")
    seen = {page.inner_text("#text")}
    page.keyboard.type("sa")
    page.keyboard.press("Enter")
    page.keyboard.type("怒")
    page.keyboard.press("Enter")
    assert page.inner_text("#chosen") == "1. sad 2. angry"
    page.keyboard.press("3")
    page.keyboard.press("Enter")
    shows("1 of 16")
    assert page.inner_text("#text") not in seen
    (answer,) = read_answers(tmp_path / "a.jsonl")
    assert (answer.labels, answer.confidence) == (("sad", "angry"), 3)

    before = page.inner_text("#text")
    page.keyboard.press("PageUp")
    shows("0 of 16")
    assert page.inner_text("#text") in seen
    page.keyboard.press("PageDown")
    page.wait_for_function("text => document.getElementById('text').textContent === text", arg=before)
    for done in range(1, 17):
        page.keyboard.type("joy" if done % 2 else "unc")
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")
        shows(f"{done} of 16")
        seen.add(page.inner_text("#text"))
    assert any("場面" in text for text in seen)
    assert "All 16 texts are labelled" in page.inner_text("#text")
    found = label_table(stories(2), read_answers(tmp_path / "a.jsonl"), EMOTIONS)
    assert sorted(found["label"]) == ["joyful"] * 8 + ["none"] * 8
    assert complaints == []
    assert all(url.startswith((form.address, "data:")) for url in requests)
    page.close()
