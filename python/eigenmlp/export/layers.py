"""A network's layers as other programs compute them: products, factors and biases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from eigenmlp._native import _core

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eigenmlp.network import Network

__all__ = ["NORMALIZATION_EPSILON", "DenseLayer", "dense_layers", "dequantized"]

NORMALIZATION_EPSILON = _core.constants()["normalization_epsilon"]
_LARGEST_INT8 = 127  # symmetric: -128 is not used


class DenseLayer(NamedTuple):
    """One layer: z = factors ⊙ (weights a) + biases, normalized by sample, and its activation.

    Attributes
    ----------
    weights : (fan_out, fan_in) array of the network's dtype or int8
    factors : (fan_out,) array of the network's dtype, or None
        What a unit's product is multiplied by: the input scale (in the first layer), batch
        normalization's gain/√(variance + ε) and the scale of int8 weights. None is 1.
    biases : (fan_out,) array of the network's dtype
        With batch normalization's mean and shift in them.
    gains, shifts : (fan_out,) array of the network's dtype, or None
        Of layer normalization, None where there is none.
    activation : str
        "identity" for the last layer.
    """

    weights: NDArray[Any]
    factors: NDArray[Any] | None
    biases: NDArray[Any]
    gains: NDArray[Any] | None
    shifts: NDArray[Any] | None
    activation: str


def dense_layers(network: Network, *, int8: bool) -> list[DenseLayer]:
    """Return a network's layers for inference; with `int8`, of 8-bit weights.

    Raises
    ------
    ValueError
        If a factor or a bias overflows the network's dtype.
    """
    weights, biases = network.weights, network.biases
    gains, shifts = [*network.gains, None], [*network.shifts, None]
    means, variances = [*network.running_means, None], [*network.running_variances, None]
    activations = [*network.activations, "identity"]
    layers = []
    for i in range(len(weights)):
        rows = np.ascontiguousarray(weights[i].T)
        bias = biases[i].astype(np.float64)
        factors = np.full(len(bias), network.input_scale if i == 0 else 1.0)
        gain, shift, mean, variance = gains[i], shifts[i], means[i], variances[i]
        if mean is not None and variance is not None:
            slope = gain / np.sqrt(variance.astype(np.float64) + NORMALIZATION_EPSILON)
            bias = (bias - mean) * slope + shift
            factors *= slope
            gain = shift = None
        if int8:
            rows, scales = _quantized(rows)
            factors *= scales
        layers.append(
            DenseLayer(
                rows,
                None if (factors == 1).all() else _rounded(factors, network.dtype, i),
                _rounded(bias, network.dtype, i),
                gain,
                shift,
                activations[i],
            )
        )
    return layers


def dequantized(network: Network) -> list[NDArray[Any]]:
    """Return the weights that 8 bits leave, (fan_in, fan_out) a layer, as float64."""
    weights = []
    for rows, scales in (_quantized(weight.T) for weight in network.weights):
        weights.append((rows * scales[:, None]).T)
    return weights


def _quantized(rows: NDArray[Any]) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """Round each row to whole multiples of its largest magnitude/127."""
    scales = np.abs(rows).max(axis=1).astype(np.float64) / _LARGEST_INT8
    steps = rows / np.where(scales > 0, scales, 1.0)[:, None]
    # A scale that is subnormal is inexact.
    return np.rint(steps).clip(-_LARGEST_INT8, _LARGEST_INT8).astype(np.int8), scales


def _rounded(values: NDArray[np.float64], dtype: np.dtype[Any], layer: int) -> NDArray[Any]:
    with np.errstate(over="ignore"):
        rounded = values.astype(dtype)
    if not np.isfinite(rounded).all():
        raise ValueError(
            f"layer {layer}: its bias or factor with normalization and input scale overflows "
            f"{dtype}; scale the parameters down, or make the network of float64"
        )
    return rounded
