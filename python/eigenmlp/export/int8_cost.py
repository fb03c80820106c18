"""What 8-bit weights cost, measured on samples."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from eigenmlp.export.layers import dequantized
from eigenmlp.metrics import metrics_by_name
from eigenmlp.network import Network

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["int8_cost"]


def int8_cost(model: Any, networks: Sequence[Network], X: Any, y: Any) -> dict[str, float]:
    """Compare a model of these networks with one whose weights went through 8 bits.

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
    weights = [dequantized(network) for network in networks]
    if hasattr(rounded, "coefs_"):
        rounded.coefs_ = weights[0]
    else:
        its_own = [rounded] if isinstance(rounded, Network) else rounded.networks_
        for network, of_network in zip(its_own, weights, strict=True):
            network.set_parameters(of_network, network.biases)
    before, after = _outputs(model, X), _outputs(rounded, X)
    cost = {"largest_difference": float(np.abs(after - before).max())}
    if y is not None:
        cost["score"], cost["int8_score"] = _score(model, X, y), _score(rounded, X, y)
    return cost


def _outputs(model: Any, X: Any) -> NDArray[np.float64]:
    if isinstance(model, Network):
        outputs: NDArray[Any] = model.predict_outputs(X)
    else:
        outputs = model.predict_proba(X) if hasattr(model, "predict_proba") else model.predict(X)
    return outputs.astype(np.float64)


def _score(model: Any, X: Any, y: Any) -> float:
    if not isinstance(model, Network):
        return float(model.score(X, y))
    accuracy = model.evaluate(X, y).accuracy
    if not np.isnan(accuracy):
        return accuracy
    return metrics_by_name(["r2"])["r2"](y, model.predict_outputs(X))
