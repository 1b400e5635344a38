"""What a command says is no more than a person wants to read."""

import io
import json
import time
from pathlib import Path

import pandas as pd
import pytest

from emovec.cli import progress
from emovec.cli.show import SafeConsole
from emovec.report.sections.registry import findings_of
from emovec.steering.experiments.registry import COLUMNS, EXPERIMENTS
from emovec.study.study import Step, summarised
from tests.report.synthetic import write_study


@pytest.mark.fault("U5")
def test_a_log_gets_a_line_after_ten_seconds_and_then_one_a_minute(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 0.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    with progress.track("Extracting 1,000 texts", 1000) as advance:
        for _ in range(1000):  # ten minutes
            now += 0.6
            advance(1)
    printed = capsys.readouterr()
    lines = printed.err.splitlines()
    assert len(lines) == 10
    assert lines[0] == "Extracting 1,000 texts: 1 % after 10 seconds, about 9.8 minutes left"
    assert "after 70 seconds" in lines[1]
    with progress.track("Short", 10) as advance:
        for _ in range(10):
            now += 0.9
            advance(1)
    assert printed.out + "".join(capsys.readouterr()) == ""


@pytest.mark.parametrize(("seconds", "said"), [(0.0, "Loading a model …"), (60.0, "")])
def test_waiting_says_so_only_if_it_takes_long(
    seconds: float, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "FIRST_LINE", seconds)
    with progress.waiting("Loading a model"):
        time.sleep(0.2)
    printed = capsys.readouterr()
    assert (printed.out, printed.err.strip()) == ("", said)


def test_waiting_shows_names_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(progress, "aside", SafeConsole(file=shown, force_terminal=True, width=80))
    with progress.waiting("Loading [/x]\x1b[2J"):
        pass
    assert "Loading [/x]\ufffd[2J" in shown.getvalue()


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "under a second"), (1, "1 second"), (99, "99 seconds"), (143, "2.4 minutes"), (7200, "2 hours"),
     (9e5, "10 days")],
)  # fmt: skip
def test_durations_as_people_say_them(seconds: float, said: str) -> None:
    assert progress.duration(seconds) == said


@pytest.mark.fault("U5")
def test_an_experiment_that_found_nothing_says_so_once(tmp_path: Path) -> None:
    folder = write_study(tmp_path, languages=("en", "ja", "fr"), layers=range(3))
    note = "There are no scenarios in the study's languages."
    (folder / "steering").mkdir()
    for name in ("implicit", "intensity", "calibration"):
        made = EXPERIMENTS[name].tables
        for table in made:
            pd.DataFrame(columns=list(COLUMNS[table])).to_parquet(folder / "steering" / f"{table}.parquet")
        record = {"analysis": name, "tables": list(made), "summary": {"note": note}}
        (folder / "steering" / f"{name}.json").write_text(json.dumps(record), encoding="utf-8")
        assert findings_of(folder, name) == [note]


@pytest.mark.fault("U5")
def test_status_sums_up_each_stage() -> None:
    steps = [Step("geometry", f"a{i}", "done" if i < 20 else "stale") for i in range(26)] + [
        Step("report", "r", "missing", "x")
    ]
    assert summarised(steps) == [
        Step("geometry", "geometry", "stale", "20 of 26 parts done; to do: a20, a21, a22, a23 and 2 more"),
        Step("report", "report", "missing", "x"),
    ]
