"""Norms of a language's own speakers beside those of all."""

from pathlib import Path

import pandas as pd
import pytest

from emovec.errors import EmovecError
from emovec.languages.norms import load_norms, norms_of


def test_a_language_has_its_own_norms_and_others_the_bundled_ones(tmp_path: Path) -> None:
    file = tmp_path / "japanese.csv"
    file.write_text("word,term_in_source,valence\nhappy,幸せな,2\nsad,悲しい,-2\n", encoding="utf-8")
    norms = load_norms({"ja": file})
    own = norms_of(norms, "ja")
    assert own["word"].tolist() == ["happy", "sad"]
    assert own["term"].tolist() == ["幸せな", "悲しい"]
    assert own["valence"].tolist() == [2, -2]
    assert set(own["source"]) == {"japanese"}
    bundled = load_norms()
    for other in ("en", ""):
        pd.testing.assert_frame_equal(norms_of(norms, other), bundled, check_like=True)
    assert norms_of(bundled, "ja") is bundled
    pd.testing.assert_frame_equal(norms_of(load_norms(file), "en"), own.reset_index(drop=True))
    with pytest.raises(EmovecError, match=r"none\.csv: no such file of norms"):
        load_norms({"ja": file, "en": tmp_path / "none.csv"})
