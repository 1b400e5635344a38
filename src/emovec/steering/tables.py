"""The tables of the steering experiments: their columns, for those who read them."""

COLUMNS: dict[str, tuple[str, ...]] = {}
