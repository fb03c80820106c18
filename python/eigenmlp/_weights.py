"""Weights of samples, from those given and from those of their classes."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eigenmlp._arguments import real_number

__all__ = ["combined_weights", "weighted_by_class"]


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
    if given is not None and not (
        given.shape == labels.shape and (given >= 0).all() and 0 < given.sum() < np.inf
    ):
        return sample_weight
    _check(class_weight, n_classes)
    return weighted_by_class(class_weight, labels, np.arange(n_classes), given)


def weighted_by_class(
    class_weight: Mapping[Any, float] | str,
    labels: NDArray[Any],
    classes: NDArray[Any],
    weights: NDArray[Any] | None,
) -> NDArray[Any]:
    """Multiply the samples' weights by those of their classes, all labels of any type.

    "balanced" is scikit-learn's, where a sample's weight says how often it counts: classes whose
    samples all have weight 0 don't.
    """
    from sklearn.utils.class_weight import compute_class_weight

    counted = labels if weights is None else labels[weights != 0]
    if isinstance(class_weight, str):
        classes = np.unique(counted)
    by_class = compute_class_weight(
        class_weight,
        classes=classes,
        y=counted,
        sample_weight=None if weights is None else weights[weights != 0],
    )
    # A label that isn't counted has weight 0, whatever its class's.
    indices = np.searchsorted(classes, labels).clip(max=len(classes) - 1)
    product: NDArray[Any] = by_class[indices] * (1.0 if weights is None else weights)
    return product


def _check(class_weight: Mapping[int, float] | str, n_classes: int) -> None:
    if isinstance(class_weight, str):
        if class_weight != "balanced":
            raise ValueError(f"class_weight={class_weight!r} is unknown; use 'balanced' or a dict")
        return
    if not isinstance(class_weight, Mapping):
        raise TypeError(
            f"class_weight={class_weight!r} is not a dict; pass {{class index: weight}}, "
            "'balanced' or None"
        )
    for label, value in class_weight.items():
        if isinstance(label, (bool, float)) or label not in range(n_classes):
            raise ValueError(
                f"class_weight has the class {label!r}, but the network's are 0 to {n_classes - 1}"
            )
        weight = real_number(f"class_weight[{label}]", value, "pass a weight >= 0")
        if not 0 <= weight < np.inf:
            raise ValueError(f"class_weight[{label}]={weight} must be finite and >= 0")
