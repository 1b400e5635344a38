"""Sums of stories by fold, for decoders that hold out one fold after the other."""

import numpy as np


class FoldSums:
    """Sums over each fold's stories by emotion, from which every training set's means and variances follow."""

    def __init__(self, values: np.ndarray, emotions: np.ndarray, folds: np.ndarray, n_emotions: int, n_folds: int):
        # A shift changes no result, but keeps the sums of squares from cancelling where a dimension is massive.
        self._values = values - values.mean(axis=0, keepdims=True) if len(values) else values
        self._emotions = emotions
        self._members = [np.flatnonzero(folds == fold) for fold in range(n_folds)]
        hidden = values.shape[1]
        self._sums = np.zeros((n_folds, n_emotions, hidden))
        self._squares = np.zeros((n_folds, hidden))
        self._counts = np.zeros((n_folds, n_emotions))
        for fold, members in enumerate(self._members):
            block = self._values[members].astype("float64")
            np.add.at(self._sums[fold], emotions[members], block)
            self._squares[fold] = (block**2).sum(axis=0)
            self._counts[fold] = np.bincount(emotions[members], minlength=n_emotions)
        self.n_emotions = int((self._counts.sum(axis=0) > 0).sum())

    def trained(self, fold: int) -> np.ndarray:
        """[emotion]: whether the training set of a fold has a story of it."""
        return self._counts.sum(axis=0) > self._counts[fold]

    def n_training(self, fold: int) -> int:
        """Stories outside the fold."""
        return int(self._counts.sum() - self._counts[fold].sum())

    def training(self, fold: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Over the training set: mean [hidden], emotion means less it [emotion, hidden], variances [hidden]."""
        others = np.arange(len(self._counts)) != fold
        sums, counts = self._sums[others].sum(axis=0), self._counts[others].sum(axis=0)
        n = counts.sum()
        mean, square = sums.sum(axis=0) / n, self._squares[others].sum(axis=0) / n
        variance = square - mean**2
        known = (counts > 0)[:, None]
        means = np.where(known, sums / np.maximum(counts, 1)[:, None] - mean, 0.0)
        return mean, means, np.where(variance > 1e-12 * square, variance, 0.0)

    def held_out(self, fold: int) -> tuple[np.ndarray, np.ndarray]:
        """The stories of a fold [story, hidden] and their emotions [story]."""
        return self._stories(self._members[fold])

    def learnt_from(self, fold: int) -> tuple[np.ndarray, np.ndarray]:
        """The stories outside a fold [story, hidden] and their emotions [story]."""
        others = [members for number, members in enumerate(self._members) if number != fold]
        return self._stories(np.sort(np.concatenate(others)) if others else np.zeros(0, dtype=np.intp))

    def members(self, fold: int) -> np.ndarray:
        """Which stories a fold holds out, in the order of `held_out`."""
        return self._members[fold]

    def _stories(self, members: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self._values[members].astype("float64"), self._emotions[members]
