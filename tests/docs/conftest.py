import pytest


@pytest.fixture(autouse=True, scope="session")
def _no_figures_for_papers() -> None:
    """Leave out what takes longest and what no page is about: tests/report draws each figure."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("emovec.report.pages.study.write_figures", lambda *_: None)
        patch.setattr("emovec.report.pages.study.write_films", lambda *_: None)
        yield
