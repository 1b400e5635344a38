import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from emovec.errors import EmovecError
from emovec.geometry import cross_lingual_cosine
from emovec.stats.permutation import label_permutations
from tests.geometry.planted import random_vectors, relabelled


def test_equals_a_plain_computation() -> None:
    vectors = random_vectors(0, n=5, shared=0.4).sortby("emotion")
    table = cross_lingual_cosine(vectors, "en", "ja", permutations=150, seed=3).set_index("layer")
    for layer in range(3):
        a, b = (vectors.sel(language=language, layer=layer).values for language in ("en", "ja"))
        cosine = [[x @ y / np.sqrt((x @ x) * (y @ y)) for y in b] for x in a]
        same = np.mean([cosine[i][i] for i in range(5)])
        other = np.mean([cosine[i][j] for i in range(5) for j in range(5) if i != j])
        null = []
        for order in label_permutations(5, 150, 3):
            hit = np.mean([cosine[i][order[i]] for i in range(5)])
            miss = np.mean([cosine[i][order[j]] for i in range(5) for j in range(5) if i != j])
            null.append(hit - miss)
        row = table.loc[layer]
        assert row["same_cosine"] == pytest.approx(same)
        assert row["other_cosine"] == pytest.approx(other)
        assert row["p"] == pytest.approx((1 + sum(value >= same - other - 1e-9 for value in null)) / 151)
        assert row["retrieval_ab"] == np.mean([np.argmax(cosine[i]) == i for i in range(5)])
        assert row["retrieval_ba"] == np.mean([np.argmax([c[i] for c in cosine]) == i for i in range(5)])
        assert row["chance"] == pytest.approx(1 / 5)


def test_planted_agreement_is_found_and_its_absence_too() -> None:
    planted = cross_lingual_cosine(random_vectors(1, n=20, hidden=40, shared=3), "en", "ja", 999)
    assert (planted["retrieval_ab"] == 1).all()
    assert planted["p"].values == pytest.approx(0.001)
    p = [cross_lingual_cosine(random_vectors(s, layers=1), "en", "ja", 99, s)["p"].iloc[0] for s in range(300)]
    assert kstest(p - np.random.default_rng(0).uniform(0, 0.01, 300), "uniform").pvalue > 0.01


@given(seed=st.integers(0, 1000))
def test_order_of_labels_and_languages_changes_no_number(seed: int) -> None:
    vectors = random_vectors(seed, shared=0.3)
    table = cross_lingual_cosine(vectors, "en", "ja", 50)
    pd.testing.assert_frame_equal(table, cross_lingual_cosine(relabelled(vectors, seed), "en", "ja", 50))
    swapped = cross_lingual_cosine(vectors, "ja", "en", 50)
    assert swapped["p"].tolist() == table["p"].tolist()
    assert swapped["retrieval_ba"].tolist() == table["retrieval_ab"].tolist()


def test_one_emotion_is_too_few() -> None:
    with pytest.raises(EmovecError, match="two"):
        cross_lingual_cosine(random_vectors(0, n=1), "en", "ja")
