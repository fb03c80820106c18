"""Samples with their weights: what is absent leaves, what is held out is split off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from sklearn.model_selection import train_test_split

from eigenmlp.common.array_likes import WANTED_X, refuse_no_array
from eigenmlp.common.sparse_arrays import as_csr
from eigenmlp.training.weights import NO_WEIGHT

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "READ_AS_THEY_ARE",
    "FitSamples",
    "by_rows",
    "given_validation_data",
    "refuse_what_is_no_array",
]

# Predictions read rows of these types where they lie; others become float64, as in a fit.
READ_AS_THEY_ARE = [
    np.float64,
    *(np.float32, np.float16, np.bool_),
    *(np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64),
]
_WANTED = {
    "X": WANTED_X,
    "y": "an array of shape (n_samples,) or (n_samples, n_outputs)",
    "sample_weight": "(n_samples,) weights, or None",
}


@dataclass(frozen=True)
class FitSamples:
    """Checked samples.

    Attributes
    ----------
    X : (n_samples, n_features) array, or sparse in CSR
    y : (n_samples, n_outputs) array
        Bool, one column per class or label (binary: one), for classifiers; numbers for regressors.
    weights : (n_samples,) array or None
        What training weighs them by: weights of samples times those of their classes. None weighs
        all alike.
    sample_weight : (n_samples,) array or None
        The weights of samples alone, as the user passed them.
    """

    X: NDArray[Any]
    y: NDArray[Any]
    weights: NDArray[Any] | None
    sample_weight: NDArray[Any] | None

    def __len__(self) -> int:
        return int(self.X.shape[0])

    @property
    def total_weight(self) -> float:
        """Sum of the weights; the number of samples where all weigh alike."""
        return float(len(self) if self.weights is None else self.weights.sum())

    def present(self) -> FitSamples:
        """Leave out the samples of weight 0: they count as absent, in every respect."""
        if self.weights is None or self.weights.all():
            return self
        kept = self.weights != 0
        if not kept.any():
            raise ValueError(NO_WEIGHT)
        return self._rows(kept)

    def split(
        self, fraction: float, random_state: np.random.RandomState, *, stratified: bool
    ) -> tuple[FitSamples, FitSamples]:
        """Split off a fraction, as scikit-learn does and with the same random numbers.

        Raises
        ------
        ValueError
            If fewer than 2 samples are split off, or a class has too few to be in both parts.
        """
        fitted, held_out = train_test_split(
            np.arange(len(self)),
            random_state=random_state,
            test_size=fraction,
            stratify=self.y if stratified else None,
        )
        if len(held_out) < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' "
                "or the size of your dataset."
            )
        return self._rows(fitted), self._rows(held_out)

    def _rows(self, rows: NDArray[Any]) -> FitSamples:
        def of(weights: NDArray[Any] | None) -> NDArray[Any] | None:
            return None if weights is None else weights[rows]

        return FitSamples(self.X[rows], self.y[rows], of(self.weights), of(self.sample_weight))


def given_validation_data(
    X_val: Any, y_val: Any, sample_weight_val: Any
) -> tuple[Any, Any, Any] | None:
    """Return what `fit` was given to validate with; None if there is nothing.

    Raises
    ------
    ValueError
        If X or y is missing.
    """
    if X_val is None and y_val is None and sample_weight_val is None:
        return None
    if X_val is None or y_val is None:
        missing = "X_val" if X_val is None else "y_val"
        raise ValueError(f"validation data are incomplete: {missing} is None; pass X_val and y_val")
    return X_val, y_val, sample_weight_val


def by_rows(X: Any) -> Any:
    """Return a sparse matrix as one whose rows can be taken, and anything else as it is.

    Raises
    ------
    ValueError
        If indices of the matrix lie outside of it, where SciPy would read.
    """
    if sparse.issparse(X):
        X = as_csr(X)
        X.check_format(full_check=True)
    return X


def refuse_what_is_no_array(**given: Any) -> None:
    """Refuse arguments that scikit-learn would take for a single number, and dates as samples.

    Parameters
    ----------
    **given
        Arguments by their names; weights may be None.

    Raises
    ------
    TypeError
        Saying what came and what to pass instead.
    """
    for name, value in given.items():
        kind = name.removesuffix("_val")
        if value is None and kind == "sample_weight":
            continue
        refuse_no_array(name, value, _WANTED[kind])
        if isinstance(value, np.ma.MaskedArray):
            raise TypeError(
                f"{name} is a masked array, whose hidden values would count; fill it first, "
                f"{name}.filled(0), or leave those samples out"
            )
        kinds = {getattr(dtype, "kind", "") for dtype in _dtypes_of(value)}
        if "c" in kinds:  # scikit-learn's checks look for these first words
            raise ValueError(
                f"Complex data not supported: {name} holds complex numbers; pass real ones, such "
                f"as {name}.real and {name}.imag beside each other"
            )
        if kind == "X" and not kinds.isdisjoint("mM"):
            raise TypeError(
                f"{name} holds dates or durations, whose numbers depend on their unit; pass "
                "numbers of one unit, as X.astype('datetime64[s]').astype(float) makes them"
            )


def _dtypes_of(X: Any) -> list[Any]:
    if hasattr(X, "dtype"):
        return [X.dtype]
    dtypes = getattr(X, "dtypes", ())
    return list(dtypes) if np.iterable(dtypes) else []
