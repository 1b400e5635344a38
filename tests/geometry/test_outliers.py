import numpy as np
import pytest
import xarray as xr

from emovec.geometry import outlier_dimensions, outlier_tokens
from emovec.geometry.outliers import sample_texts
from tests.geometry.planted import make_stories, random_vectors


def test_shares_are_those_of_the_squares() -> None:
    vectors = random_vectors(0)
    vectors[{"hidden": 5, "layer": 1}] *= 20
    table = outlier_dimensions(vectors, top=4).set_index(["language", "layer", "rank"])
    own = vectors.sel(language="ja", layer=1).values
    share = (own**2).sum(axis=0) / (own**2).sum()
    assert table.loc[("ja", 1, 1), "dimension"] == 5
    assert table.loc[("ja", 1), "energy_share"].values == pytest.approx(np.sort(share)[::-1][:4])
    assert table.loc[("ja", 1, 1), "energy_share"] > 0.9
    assert table.loc[("ja", 0, 1), "energy_share"] < 0.5


def states(text: str) -> xr.DataArray:
    """BOS, then one token a word; dimension 2 holds the length of the word, 10 at BOS and 7 at `big`."""
    words = ["<bos>", *text.split()]
    values = np.zeros((1, len(words), 4))
    values[0, :, 2] = [10 if word == "<bos>" else 7 if word == "big" else len(word) for word in words]
    coords = {"layer": [6], "token_text": ("token", words), "own": ("token", [word != "<bos>" for word in words])}
    return xr.DataArray(values, dims=("layer", "token", "hidden"), coords=coords)


def test_tokens_are_credited_with_their_energy() -> None:
    table = outlier_tokens({"en": ["big a big", "a big"]}, states, {"en": 2}, 6).set_index("token")
    total = 2 * 100 + 3 * 49 + 2
    assert table.index.tolist() == ["<bos>", "big", "a"]
    assert table["count"].tolist() == [2, 3, 2]
    assert table["share"].values == pytest.approx([200 / total, 147 / total, 2 / total])
    assert table["position_first"].values == pytest.approx([1, 1 / 3, 1 / 2])
    assert set(table["dimension"]) == {2}
    assert set(table["layer"]) == {6}


def test_no_texts_and_no_energy() -> None:
    assert outlier_tokens({"en": []}, states, {"en": 2}, 6).empty
    assert outlier_tokens({"en": ["big"]}, states, {"en": 0}, 6)["share"].tolist() == [0, 0]


def test_the_sample_is_of_the_language_and_knows_no_order() -> None:
    stories = [s for language in ("en", "ja") for s in make_stories(language, ["sad", "calm"], ["a", "b", "c"])]
    stories = [type(s)(s.id, s.language, s.emotion, s.topic, s.id) for s in stories]
    sample = sample_texts(stories, "ja", 4, seed=1)
    assert len(set(sample)) == 4
    assert all(text.startswith("ja") for text in sample)
    assert sample == sample_texts(stories[::-1], "ja", 4, seed=1)
    assert len(sample_texts(stories, "ja", 99)) == 6
