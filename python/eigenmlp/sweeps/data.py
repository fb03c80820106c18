"""What the runs of a sweep train on: samples, labels, and which of them are for what."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from eigenmlp.datasets.splits import absences

__all__ = ["Data"]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Data:
    """What the runs of a sweep train on.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
        All samples; uint8 stays uint8.
    y : ndarray of shape (n,), or (n, n_outputs)
        Class indices; or numbers, where there are no classes.
    split : tuple of three index arrays
        Rows for training, validation and test.
    class_names : tuple of str or None
        One name for each class; None for numbers.
    input_scale : float, default=1.0
        Multiplies the inputs inside the network.
    feature_names : tuple of str or None, default=None
        Names of X's columns, if they are of a table.
    """

    X: np.ndarray
    y: np.ndarray
    split: tuple[np.ndarray, np.ndarray, np.ndarray]
    class_names: tuple[str, ...] | None
    input_scale: float = 1.0
    feature_names: tuple[str, ...] | None = None

    @property
    def n_features(self) -> int:
        """Number of values in a sample."""
        return int(self.X.shape[1])

    @property
    def n_outputs(self) -> int:
        """Number of outputs that a network needs: of classes, or of numbers of a sample."""
        if self.class_names is not None:
            return len(self.class_names)
        return 1 if self.y.ndim == 1 else int(self.y.shape[1])

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of everything that affects training: samples, labels, split and scale."""
        digest = hashlib.sha256(f"{self.input_scale!r} {self.n_outputs}".encode())
        for array in (self.X, self.y, *self.split):
            digest.update(f"{array.dtype.str} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    @property
    def absences(self) -> list[str]:
        """Sentences on the classes that training, validation or test lack."""
        if self.class_names is None:
            return []
        names = ("training", "validation", "test")
        return absences(self.y, dict(zip(names, self.split, strict=True)), self.class_names)

    def rows(self, part: int) -> tuple[np.ndarray, np.ndarray]:
        """Return samples and labels of a part of the split: 0 train, 1 validation, 2 test."""
        index = self.split[part]
        return self.X[index], self.y[index]

    def for_runs(self) -> "Data":
        """Return what runs need of it, and no more, to be sent to other processes."""
        return Data(
            X=self.X,
            y=self.y,
            split=self.split,
            class_names=self.class_names,
            input_scale=self.input_scale,
            feature_names=self.feature_names,
        )
