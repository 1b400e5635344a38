"""The layer at two thirds of a model's depth, where steering is usual and where nothing else chooses one."""

from collections.abc import Sequence


def two_thirds(n_layers: int, layers: Sequence[int] | None = None) -> int:
    """The block nearest to two thirds of the depth.

    Args:
        n_layers: blocks of the whole model.
        layers: 0-based blocks to choose among; by default all.
    """
    target = min(n_layers - 1, round(2 * n_layers / 3))
    return min(layers, key=lambda layer: abs(layer - target)) if layers else target
