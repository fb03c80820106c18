"""Weights of samples from those of their classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.class_weight import compute_class_weight

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["weighted_by_class"]


def weighted_by_class(
    class_weight: Mapping[Any, float] | str,
    labels: NDArray[Any],
    classes: NDArray[Any],
    weights: NDArray[Any] | None,
) -> NDArray[Any]:
    """Multiply the samples' weights by those of their classes.

    "balanced" is scikit-learn's, where a sample's weight says how often it counts: classes whose
    samples all have weight 0 don't.
    """
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
