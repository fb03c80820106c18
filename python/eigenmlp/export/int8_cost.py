"""What 8-bit weights cost, measured on samples."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from eigenmlp.export.layers import dequantized
from eigenmlp.metrics import metrics_by_name
from eigenmlp.network import Network

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["int8_cost"]


def int8_cost(model: Any, network: Network, X: ArrayLike, y: ArrayLike | None) -> dict[str, float]:
    """Compare a model with one whose weights went through 8 bits.

    Returns
    -------
    dict
        ``largest_difference`` of an output, and with y ``score`` and ``int8_score``.

    Raises
    ------
    TypeError, ValueError, ArithmeticError
        As predicting and scoring do.
    """
    rounded = copy.deepcopy(model)
    weights = dequantized(network)
    if isinstance(rounded, Network):
        rounded.set_parameters(weights, rounded.biases)
    else:
        rounded.coefs_ = weights
    before, after = _outputs(model, X), _outputs(rounded, X)
    cost = {"largest_difference": float(np.abs(after - before).max())}
    if y is not None:
        cost["score"], cost["int8_score"] = _score(model, X, y), _score(rounded, X, y)
    return cost


def _outputs(model: Any, X: ArrayLike) -> NDArray[np.float64]:
    if isinstance(model, Network):
        outputs: NDArray[Any] = model.predict_outputs(X)
    else:
        outputs = model.predict_proba(X) if hasattr(model, "predict_proba") else model.predict(X)
    return outputs.astype(np.float64)


def _score(model: Any, X: ArrayLike, y: ArrayLike) -> float:
    if not isinstance(model, Network):
        return float(model.score(X, y))
    accuracy = model.evaluate(X, y).accuracy
    if not np.isnan(accuracy):
        return accuracy
    return metrics_by_name(["r2"])["r2"](y, model.predict_outputs(X))
