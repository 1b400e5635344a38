from collections.abc import Iterator

import pytest

from tests.figures import without_figures


@pytest.fixture(autouse=True)
def _no_figures() -> Iterator[None]:
    with without_figures():
        yield
