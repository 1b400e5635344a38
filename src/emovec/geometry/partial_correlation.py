"""How far two languages agree beyond confounds: partial correlations, their test, and what they are without noise."""

import numpy as np

from emovec.geometry.reliability import LOW_RELIABILITY, Halves, noise_free_rsa, spearman_brown
from emovec.geometry.representational import label_number, permuted_pairs, standardised
from emovec.stats.labelled import unit
from emovec.stats.permutation import familywise_p_values, label_permutations, p_values

_SPENT = 1e-10


def partial_correlations(
    a: np.ndarray, b: np.ndarray, confounds: np.ndarray, permutations: int = 10_000, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Partial correlation of two languages' upper triangles at each layer, with a label-permutation test.

    Double semi-partialling: what the confounds leave of `b` is permuted (rows and columns of its matrix together), and
    its partial correlation with `a` given the unpermuted confounds is taken anew each time; one-sided,
    p = (1 + #{r_π ≥ r}) / (1 + B). The family-wise p compares r with the largest r_π over the layers. Without confounds
    it is the plain test of `rsa`.

    Source: Dekker, Krackhardt & Snijders 2007, Psychometrika 72: it holds its level where permuting a variable itself
    (Mantel) does not, if the confounds add to the similarities that are compared. Where a confound adds to the vectors
    instead, similarities are no sum of parts, and p ≤ .05 comes up in 14 to 17 % of cases without any agreement beyond
    the confounds.

    Args:
        a: [layer, pair], pairs in the order of `numpy.triu_indices(n, 1)`.
        b: the same of the language whose labels are permuted.
        confounds: [confound, pair], the same at all layers; may have no rows.
        permutations: B.
        seed: of the permutations.

    Returns:
        [layer] partial correlations, their p-values and their family-wise p-values, NaN where the confounds leave
        nothing of `a` or `b`.
    """
    n, basis = label_number(a), _basis(confounds)
    rest_a, rest_b = _rest(a, basis), _rest(b, basis)
    left = rest_a.any(axis=1) & rest_b.any(axis=1)
    orders = np.vstack([np.arange(n), label_permutations(n, permutations, seed)])
    values = np.full((len(orders), len(a)), np.nan)
    for some, moved in permuted_pairs(orders):
        for layer in np.flatnonzero(left):
            products = rest_b[layer][moved] @ np.vstack([rest_a[layer], basis]).T
            free = np.sqrt(np.clip(1 - (products[:, 1:] ** 2).sum(1), 0, None))
            values[some, layer] = np.divide(products[:, 0], free, out=np.zeros(len(free)), where=free > _SPENT)
    p, familywise = np.full(len(a), np.nan), np.full(len(a), np.nan)
    if left.any():
        p[left] = p_values(values[0, left], values[1:, left])
        familywise[left] = familywise_p_values(values[0, left], values[1:, left])
    return values[0], p, familywise


def partial_correlation(a: np.ndarray, b: np.ndarray, confounds: np.ndarray) -> np.ndarray:
    """Partial correlation of each row of `a` with that of `b`, without a test.

    Args:
        a: [row, pair].
        b: the same.
        confounds: [confound, pair]; may have no rows.

    Returns:
        [row]; NaN where the confounds leave nothing of `a` or `b`.
    """
    rest_a, rest_b = (_rest(x, _basis(confounds)) for x in (a, b))
    left = rest_a.any(axis=1) & rest_b.any(axis=1)
    return np.where(left, (rest_a * rest_b).sum(axis=1), np.nan)


def noise_free_partial(a: Halves, b: Halves, confounds: np.ndarray) -> float:
    """What the partial correlation of two languages would be with endless topics, the confounds as they are.

    What the confounds leave of one language's cosines from half of the topics is correlated with what they leave of the
    other's from the other half, and divided by the root of the two reliabilities of what is left (`noise_free_rsa`).

    Args:
        a: of one language, each of [1, split, pair].
        b: of the other.
        confounds: [confound, pair]; may have no rows.

    Returns:
        NaN where less than half of what the confounds leave of a language would return on other topics.
    """
    basis = _basis(confounds)

    def left(values: np.ndarray) -> np.ndarray:
        rows = standardised(values.reshape(-1, values.shape[-1]))
        return (rows - (rows @ basis.T) @ basis).reshape(values.shape)

    rest = a.mapped(left), b.mapped(left)
    lowest = min(float(spearman_brown(half.correlation()[0])) for half in rest)
    return float(noise_free_rsa(*rest)[0]) if lowest >= LOW_RELIABILITY else np.nan


def _rest(values: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """What a basis leaves of each row [row, pair], scaled to length 1; zeros where that is nothing."""
    rows = standardised(values)
    rest = rows - (rows @ basis.T) @ basis
    return unit(np.where((rest**2).sum(axis=1, keepdims=True) > _SPENT, rest, 0.0))


def _basis(confounds: np.ndarray) -> np.ndarray:
    """Orthonormal rows that span the confounds, centred."""
    if not len(confounds):
        return np.empty((0, confounds.shape[1]))
    _, sizes, rows = np.linalg.svd(standardised(confounds), full_matrices=False)
    return rows[sizes > 1e-8]
