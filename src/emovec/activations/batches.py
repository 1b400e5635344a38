"""Texts of like length together, within a budget of tokens."""

from collections.abc import Iterator, Sequence


def token_budget_batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Group texts so that each batch, padded to its longest, holds at most `budget` tokens.

    Longest first, so that what needs the most memory runs first. A text longer than the budget is a batch of its own.

    Args:
        lengths: tokens of each text.
        budget: tokens of a batch, padding counted.

    Yields:
        Positions in `lengths`; each position once.
    """
    order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
    batch: list[int] = []
    for position in order:
        if batch and lengths[batch[0]] * (len(batch) + 1) > budget:
            yield batch
            batch = []
        batch.append(position)
    if batch:
        yield batch
