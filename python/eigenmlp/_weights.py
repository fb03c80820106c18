"""Weights of samples, from those given and from those of their classes."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eigenmlp._arguments import real_number

__all__ = ["combined_weights"]


def combined_weights(
    y: ArrayLike,
    sample_weight: ArrayLike | None,
    class_weight: Mapping[int, float] | str | None,
    output: str,
    n_classes: int,
) -> ArrayLike | None:
    """Return sample weights times class weights; None where there are neither.

    Raises
    ------
    TypeError, ValueError
        If the class weights are of another type or range, or the outputs are no classes.
    """
    if class_weight is None:
        return sample_weight
    if output != "softmax":
        raise ValueError(
            f"class_weight needs classes that exclude each other, but the network's output is "
            f"{output!r}; weight the samples (sample_weight) instead"
        )
    labels = np.asarray(y)
    if labels.ndim != 1 or labels.dtype.kind not in "iub":
        return sample_weight  # The gate says what is wrong with them.
    labels = labels.astype(np.int64)
    if labels.size == 0 or labels.min() < 0 or labels.max() >= n_classes:
        return sample_weight
    given = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    if given is not None and given.shape != labels.shape:
        return sample_weight
    weights = _of_classes(class_weight, labels, given, n_classes)[labels]
    combined: NDArray[np.float64] = weights if given is None else given * weights
    return combined


def _of_classes(
    class_weight: Mapping[int, float] | str,
    labels: NDArray[Any],
    sample_weight: NDArray[np.float64] | None,
    n_classes: int,
) -> NDArray[np.float64]:
    """One weight a class."""
    if isinstance(class_weight, str):
        if class_weight != "balanced":
            raise ValueError(f"class_weight={class_weight!r} is unknown; use 'balanced' or a dict")
        # As scikit-learn's: n_samples / (n_classes that occur * samples of the class), where a
        # sample's weight says how often it counts.
        counts = np.bincount(labels, sample_weight, n_classes)
        occur = counts > 0
        weights = np.ones(n_classes)
        weights[occur] = counts.sum() / (occur.sum() * counts[occur])
        return weights
    if not isinstance(class_weight, Mapping):
        raise TypeError(
            f"class_weight={class_weight!r} is not a dict; pass {{class index: weight}}, "
            "'balanced' or None"
        )
    weights = np.ones(n_classes)
    for label, value in class_weight.items():
        if isinstance(label, (bool, float)) or label not in range(n_classes):
            raise ValueError(
                f"class_weight has the class {label!r}, but the network's are 0 to {n_classes - 1}"
            )
        weight = real_number(f"class_weight[{label}]", value, "pass a weight >= 0")
        if not 0 <= weight < np.inf:
            raise ValueError(f"class_weight[{label}]={weight} must be finite and >= 0")
        weights[label] = weight
    return weights
