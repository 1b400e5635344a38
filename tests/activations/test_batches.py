from hypothesis import given
from hypothesis import strategies as st

from emovec.activations.batches import token_budget_batches


@given(st.lists(st.integers(1, 500), max_size=60), st.integers(1, 3000))
def test_each_text_is_in_one_batch_within_the_budget(lengths: list[int], budget: int) -> None:
    batches = list(token_budget_batches(lengths, budget))
    assert sorted(position for batch in batches for position in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or max(lengths[i] for i in batch) * len(batch) <= budget


@given(st.lists(st.integers(60, 600), min_size=200, max_size=256))
def test_little_is_padding(lengths: list[int]) -> None:
    padded = sum(max(lengths[i] for i in batch) * len(batch) for batch in token_budget_batches(lengths, 4096))
    assert sum(lengths) / padded > 0.8


def test_no_texts_make_no_batch() -> None:
    assert list(token_budget_batches([], 100)) == []
