"""What principal components correlate with, when the topics are drawn anew."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from emovec.geometry.axes import AXIS_NAMES, Poles, references
from emovec.geometry.reliability import row_correlations
from emovec.languages.norms import MINIMUM_RATED


@dataclass(frozen=True)
class References:
    """What principal components are held against.

    Attributes:
        values: name → [emotion], NaN where unknown: human norms.
        poles: name → [emotion] weights, whose axis is the mean of the high pole less that of the low pole.
    """

    values: dict[str, np.ndarray]
    poles: dict[str, np.ndarray]


def component_references(
    emotions: list[str], norms: pd.DataFrame | None, own_poles: Poles | None = None, language: str = ""
) -> References:
    """The poles of the axes and human norms, as far as these emotions have them, named as in `axis_correlations`."""
    known = {
        name: own
        for name, own in references(emotions, norms, own_poles, language).items()
        if np.isfinite(own).sum() >= MINIMUM_RATED
    }
    poles = {name: known.pop(name) for name in [*known] if name in AXIS_NAMES}
    return References(known, poles)


def component_correlations(grams: np.ndarray, scores: np.ndarray, references: References) -> dict[str, np.ndarray]:
    """Correlation over emotions of principal components with references, the components signed as given scores are.

    Args:
        grams: [draw, emotion, emotion] centred dot products; NaN where an emotion is absent.
        scores: [emotion, component] that decide the signs; NaN where an emotion is absent.
        references: of the same emotions.

    Returns:
        `component 1 · name` → [draw].
    """
    present = np.isfinite(np.einsum("bee->be", grams))
    filled = np.where(np.isfinite(grams), grams, 0.0)
    _, leading = np.linalg.eigh(filled)
    targets = {name: filled @ weights for name, weights in references.poles.items()}
    targets |= {name: np.broadcast_to(values, present.shape) for name, values in references.values.items()}
    found: dict[str, np.ndarray] = {}
    for component in range(scores.shape[1]):
        direction = np.where(present, leading[:, :, -1 - component], np.nan)
        turned = np.sign(np.nansum(direction * scores[:, component], axis=1))
        for name, target in targets.items():
            found[f"component {component + 1} · {name}"] = turned * row_correlations(direction, target)
    return found
