import numpy as np
import pytest
import xarray as xr

from emovec.report.pages.trace import LIMIT, UNSCORED, peaks, shade
from emovec.report.style import DIVERGING


@pytest.mark.parametrize(("score", "stop"), [(0, 5), (LIMIT, -1), (-LIMIT, 0), (99, -1), (-99, 0)])
def test_shades_run_from_blue_over_white_to_red(score: float, stop: int) -> None:
    assert shade(score)[0] == DIVERGING[stop][1]


def test_what_has_no_score_is_grey_and_no_peak() -> None:
    assert shade(float("nan")) == UNSCORED
    assert UNSCORED[0] not in [hue for _, hue in DIVERGING]
    pieces = xr.DataArray([np.nan, 1.0], dims="piece", coords={"piece_text": ("piece", ["It", " was"])})
    assert peaks(pieces) == "was +1.0"


def test_text_is_legible_on_every_shade() -> None:
    def luminance(hue: str) -> float:
        channels = [int(hue[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for score in [*np.linspace(-4, 4, 81), np.nan]:
        light, dark = sorted(map(luminance, shade(score)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 3, score  # WCAG 2.2 for large text


def test_peaks_pass_over_bare_punctuation() -> None:
    texts = [" the", ".", " fell", "😀", "。"]
    pieces = xr.DataArray([0.5, 9.0, -1.0, 2.0, 8.0], dims="piece", coords={"piece_text": ("piece", texts)})
    assert peaks(pieces, 2) == "😀 +2.0, the +0.5"
