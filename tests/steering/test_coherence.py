import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emovec.steering.coherence import COLLAPSE, EXPLOSION, distinct, regime, tokens


def slow_distinct(units: list[str], n: int) -> float:
    seen: list[list[str]] = []
    total = 0
    for start in range(len(units)):
        gram = units[start : start + n]
        if len(gram) == n:
            total += 1
            if gram not in seen:
                seen.append(gram)
    return len(seen) / total if total else math.nan


@given(st.lists(st.sampled_from(["sad", "joy", "the"]), max_size=12), st.integers(1, 4))
def test_distinct_counts_n_grams_of_words(words: list[str], n: int) -> None:
    assert distinct(" ".join(words), n) == pytest.approx(slow_distinct(words, n), nan_ok=True)


def test_scripts_without_spaces_are_read_by_character() -> None:
    assert tokens("彼は泣いた。") == list("彼は泣いた。")
    assert tokens("Tokyoの夜、2026年") == ["tokyo", "の", "夜", "、", "2026", "年"]
    assert tokens("Don't stop!!") == ["don", "'", "t", "stop", "!", "!"]
    assert distinct("悲しい悲しい悲しい") == 3 / 8
    assert distinct("!!!!!") == 1 / 4


def test_too_short_to_count_is_not_a_number() -> None:
    assert math.isnan(distinct("", 1))
    assert math.isnan(distinct("alone", 2))


@pytest.mark.parametrize(
    ("ratio", "distinctness", "unsteered", "expected"),
    [
        (1.1, 0.95, 0.95, "surgical"),
        (0.4, 0.2, 0.9, "collapse"),
        (0.4, 0.2, 0.25, "surgical"),  # the unsteered text repeats itself as much
        (EXPLOSION, 1.0, 1.0, "explosion"),
        (50.0, 0.05, 1.0, "explosion"),
        (1.0, COLLAPSE, 1.0, "surgical"),
        (math.nan, math.nan, 0.9, "collapse"),
        (math.inf, 0.9, 0.9, "explosion"),
    ],
)
def test_regimes(ratio: float, distinctness: float, unsteered: float, expected: str) -> None:
    assert regime(ratio, distinctness, unsteered) == expected
