"""Weights of samples, from those given and from those of their classes."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from eigenmlp._native import _core
from eigenmlp.common.arguments import real_number
from eigenmlp.common.words import shown
from eigenmlp.network import Network

__all__ = ["NO_WEIGHT", "checked_class_weights", "combined_weights", "weighted_by_class"]

NO_WEIGHT = (
    "no sample has a weight above 0 once class_weight is multiplied in; weigh the classes that y "
    "has"
)


def combined_weights(
    y: ArrayLike,
    sample_weight: ArrayLike | None,
    class_weight: Mapping[int, float] | str | None,
    network: Network,
) -> ArrayLike | None:
    """Return sample weights times class weights; None where there are neither.

    Raises
    ------
    TypeError, ValueError
        If the class weights are of another type or range, or the outputs are not classes.
    """
    if class_weight is None:
        return sample_weight
    n_classes = network.layer_sizes[-1]
    if network.output != "softmax":
        raise ValueError(
            f"class_weight needs classes that exclude each other, but the network's output is "
            f"{network.output!r}; weight the samples (sample_weight) instead"
        )
    labels = np.asarray(y)
    if labels.ndim != 1 or labels.dtype.kind not in "iub":
        return sample_weight  # The gate says what is wrong with them.
    labels = labels.astype(np.int64)
    if labels.size == 0 or labels.min() < 0 or labels.max() >= n_classes:
        return sample_weight
    given = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    with np.errstate(over="ignore"):
        if given is not None and not (
            given.shape == labels.shape and (given >= 0).all() and 0 < given.sum() < np.inf
        ):
            return sample_weight
    _check_classes(class_weight, n_classes)
    product = weighted_by_class(class_weight, labels, np.arange(n_classes), given, network.dtype)
    if not product.any():
        raise ValueError(NO_WEIGHT)
    return product


def weighted_by_class(
    class_weight: Mapping[Any, float] | str,
    labels: NDArray[Any],
    classes: NDArray[Any],
    weights: NDArray[Any] | None,
    dtype: DTypeLike,
) -> NDArray[Any]:
    """Multiply the samples' weights by those of their classes, all labels of any type.

    Classes that a dict doesn't have weigh 1, and what it has beside them weighs nothing. "balanced"
    is scikit-learn's, where a sample's weight says how often it counts: classes whose samples all
    have weight 0 don't.

    Raises
    ------
    TypeError, ValueError
        If a weight of a class is not finite or negative, or the product too large or small for a
        network of this dtype, naming the class; if weights of samples are so by themselves, naming
        the sample.
    """
    if weights is not None:
        _check_samples(weights, dtype)
    counted = labels if weights is None else labels[weights != 0]
    if isinstance(class_weight, Mapping):
        checked = checked_class_weights(class_weight)
        by_class = np.array([checked.get(label, 1.0) for label in classes])
    else:
        # Not by scikit-learn's function, which can't be imported at all times.
        classes, places = np.unique(counted, return_inverse=True)
        counts = np.bincount(places, None if weights is None else weights[weights != 0])
        by_class = counts.sum() / (len(classes) * counts)
    # A label that isn't counted has weight 0, whatever its class's.
    indices = np.searchsorted(classes, labels).clip(max=len(classes) - 1)
    factors = by_class[indices]
    with np.errstate(over="ignore", under="ignore"):
        product: NDArray[Any] = factors * (1.0 if weights is None else weights)
    absent = (factors == 0) | (False if weights is None else weights == 0)
    _check_product(class_weight, product, absent, labels, factors, dtype)
    return product


def checked_class_weights(class_weight: Mapping[Any, float]) -> dict[Any, float]:
    """Return weights of classes that are finite and not negative.

    Raises
    ------
    TypeError, ValueError
        If one is not, naming its class.
    """
    checked = {}
    for label, value in class_weight.items():
        name = f"class_weight[{shown(label)}]"
        checked[label] = real_number(name, value, "pass a weight >= 0")
        if not 0 <= checked[label] < np.inf:
            raise ValueError(f"{name}={value} must be finite and >= 0")
    return checked


def _check_samples(weights: NDArray[Any], dtype: DTypeLike) -> None:
    beyond = _beyond(weights, weights == 0, dtype)
    if beyond.any():
        i = int(beyond.argmax())
        raise ValueError(
            f"sample_weight[{i}] is {weights[i]:.6g}, which alone or in the sum a network of "
            f"{np.dtype(dtype)} can't take; scale the weights to about 1"
        )


def _check_product(
    class_weight: object,
    product: NDArray[Any],
    absent: NDArray[Any],
    labels: NDArray[Any],
    factors: NDArray[Any],
    dtype: DTypeLike,
) -> None:
    beyond = _beyond(product, absent, dtype)
    if beyond.any():
        i = int(beyond.argmax())
        label = labels[i].item() if isinstance(labels[i], np.generic) else labels[i]
        what = f"={class_weight!r}" if isinstance(class_weight, str) else f"[{shown(label)}]"
        raise ValueError(
            f"class_weight{what} multiplies the weight of sample {i}, of class {shown(label)}, by "
            f"{factors[i]:.6g} to {product[i]:.6g}, which a network of {np.dtype(dtype)} can't "
            "take; scale the weights to about 1"
        )


def _beyond(weights: NDArray[Any], absent: NDArray[Any], dtype: DTypeLike) -> NDArray[np.bool_]:
    """Return which weights the core would refuse."""
    largest = _core.largest_weight(np.dtype(dtype) == np.float32)
    beyond: NDArray[np.bool_] = ~((weights <= largest) & ((weights >= 1 / largest) | absent))
    with np.errstate(over="ignore"):
        if not beyond.any() and weights.sum() > largest:
            beyond = weights == weights.max()
    return beyond


def _check_classes(class_weight: Mapping[int, float] | str, n_classes: int) -> None:
    if isinstance(class_weight, str):
        if class_weight != "balanced":
            raise ValueError(
                f"class_weight={shown(class_weight)} is unknown; use 'balanced' or a dict"
            )
        return
    if not isinstance(class_weight, Mapping):
        raise TypeError(
            f"class_weight={shown(class_weight)} is not a dict; pass {{class index: weight}}, "
            "'balanced' or None"
        )
    for label in class_weight:
        if isinstance(label, (bool, float)) or label not in range(n_classes):
            raise ValueError(
                f"class_weight has the class {shown(label)}, but the network's are 0 to "
                f"{n_classes - 1}"
            )
