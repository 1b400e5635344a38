from pathlib import Path

import pytest

from emovec.report import write_report
from tests.figures import without_figures
from tests.report.synthetic import write_study

HOSTILE = ("mad & sad", "a & y", "喜び", "q'", "sad", "x + y (z)")
STORY = '</p><script>window.broken=1</script> & "x" <img src=x onerror="window.broken=1">'


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small study of two languages, with its report written, but no figures for papers."""
    folder = write_study(tmp_path_factory.mktemp("report") / "study", layers=(0, 4, 8, 12), emotions=EIGHT)
    with without_figures():
        write_report(folder)
    return folder


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study whose model and stories try to be markup, and whose emotions hold signs of it."""
    folder = write_study(tmp_path_factory.mktemp("report") / "hostile", emotions=HOSTILE, layers=(1, 3), story=STORY)
    text = (folder / "study.yaml").read_text(encoding="utf-8")
    (folder / "study.yaml").write_text(text.replace("gemma-3-270m", "'<i>model</i>'"), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("emovec.report.pages.study.write_figures", lambda *_: [])
        write_report(folder)
    return folder


EIGHT = ("afraid", "angry", "calm", "sad", "joyful", "proud", "bored", "serene")
