"""The activations as other programs compute them: nodes of ONNX, and C."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from eigenmlp._native import _core
from eigenmlp.export.onnx_nodes import number

if TYPE_CHECKING:
    from collections.abc import Callable

    from eigenmlp.export.onnx_nodes import Graph

__all__ = ["ACTIVATIONS", "C_CONSTANTS", "Exported"]

_CONSTANTS = _core.constants()
# By their names in the C below.
C_CONSTANTS = {
    **_CONSTANTS,
    "half": 0.5,
    "root_half": 0.5**0.5,
}
# 1 - Φ(u), for u >= 0, is t exp(-u²/2) P(2t - 1) with t = 1/(1 + u/4), to 9 units in the last place
# of float64: the Chebyshev interpolation that the core has (cpp/core/kernels/activation.hpp).
_TAIL = (
    *(0.18882128260393766, 0.15197416049297305, 0.09678435018560745, 0.04663046448990782),
    *(0.015099143720573234, 0.0018850472419480878, -0.0008699230578927994, -0.0004077046187199162),
    *(3.333580345673323e-05, 5.777377036357227e-05, -4.75763118693067e-07, -8.78635543679683e-06),
    *(1.753014502067027e-07, 1.480632481599462e-06, -1.5000437772071203e-07),
    *(-2.5663007093870757e-07, 5.8725664265334134e-08, 4.046713959436675e-08),
    *(-1.4154745790122871e-08, -4.852575341222416e-09, 1.6896247309169096e-09),
    3.118101720544098e-10,
)


class Exported(NamedTuple):
    """An activation elsewhere.

    Attributes
    ----------
    onnx : callable
        Adds the nodes that turn the pre-activations of a name into activations, whose name it
        returns. ONNX Runtime's own operators are taken where they compute in float64 as well.
    c : str
        The value of ``z[i]``, in the terms of `eigenmlp.export.c_functions`. Comparisons are
        written so that a NaN stays one.
    """

    onnx: Callable[[Graph, str], str]
    c: str


def _operator(name: str) -> Callable[[Graph, str], str]:
    return lambda graph, z: graph.node(name, [z])


def _leaky_relu(graph: Graph, z: str) -> str:
    # Not by LeakyRelu, whose slope is a float32 whatever it computes in.
    leak = number(graph, _CONSTANTS["leaky_slope"])
    return graph.node("Max", [z, graph.node("Mul", [z, leak])])


def _elu(graph: Graph, z: str) -> str:
    # ONNX Runtime has this operator, like Erf, in float32 alone.
    if graph.dtype == np.float32:
        return graph.node("Elu", [z])
    return graph.node("Add", [graph.node("Relu", [z]), _exponential_less_1(graph, z)])


def _selu(graph: Graph, z: str) -> str:
    alpha, scale = (number(graph, _CONSTANTS[name]) for name in ("selu_alpha", "selu_scale"))
    below = graph.node("Mul", [alpha, _exponential_less_1(graph, z)])
    return graph.node("Mul", [scale, graph.node("Add", [graph.node("Relu", [z]), below])])


def _mish(graph: Graph, z: str) -> str:
    # tanh(log(1 + w)) is n/(n + 2) with n = w (w + 2), and 1 from z = 30 on.
    w = graph.node("Exp", [graph.node("Min", [z, number(graph, 30.0)])])
    n = graph.node("Mul", [w, graph.node("Add", [w, number(graph, 2.0)])])
    share = graph.node("Div", [n, graph.node("Add", [n, number(graph, 2.0)])])
    return graph.node("Mul", [z, share])


def _exponential_less_1(graph: Graph, z: str) -> str:
    """Add exp(z) - 1 where z is below 0, and 0 elsewhere."""
    below = graph.node("Min", [z, number(graph, 0.0)])
    return graph.node("Sub", [graph.node("Exp", [below]), number(graph, 1.0)])


def _silu(graph: Graph, z: str) -> str:
    # Not by Sigmoid: ONNX Runtime's errs by 1e-7, which z would multiply.
    exponential = graph.node("Exp", [graph.node("Neg", [z])])
    return graph.node("Div", [z, graph.node("Add", [exponential, number(graph, 1.0)])])


def _gelu(graph: Graph, z: str) -> str:
    return _gelu_by_erf(graph, z) if graph.dtype == np.float32 else _gelu_by_tail(graph, z)


def _gelu_by_erf(graph: Graph, z: str) -> str:
    erf = graph.node("Erf", [graph.node("Mul", [z, number(graph, 0.5**0.5)])])
    half = graph.node("Mul", [z, number(graph, 0.5)])
    return graph.node("Mul", [half, graph.node("Add", [erf, number(graph, 1.0)])])


def _gelu_by_tail(graph: Graph, z: str) -> str:
    one = number(graph, 1.0)
    u = graph.node("Abs", [z])
    quarter = graph.node("Mul", [u, number(graph, 0.25)])
    t = graph.node("Div", [one, graph.node("Add", [quarter, one])])
    x = graph.node("Sub", [graph.node("Add", [t, t]), one])
    value = number(graph, _TAIL[-1])
    for coefficient in _TAIL[-2::-1]:
        value = graph.node("Add", [graph.node("Mul", [value, x]), number(graph, coefficient)])
    square = graph.node("Mul", [z, z])
    density = graph.node("Exp", [graph.node("Mul", [square, number(graph, -0.5)])])
    tail = graph.node("Mul", [density, graph.node("Mul", [t, value])])
    # z Φ(z) = max(z, 0) - |z| (1 - Φ(|z|)).
    return graph.node("Sub", [graph.node("Relu", [z]), graph.node("Mul", [u, tail])])


ACTIVATIONS: dict[str, Exported] = {
    "identity": Exported(lambda _, z: z, "z[i]"),
    "logistic": Exported(_operator("Sigmoid"), "1 / (1 + exp$f(-z[i]))"),
    "tanh": Exported(_operator("Tanh"), "tanh$f(z[i])"),
    "relu": Exported(_operator("Relu"), "z[i] < 0 ? 0 : z[i]"),
    "leaky_relu": Exported(_leaky_relu, "z[i] < 0 ? $leaky_slope * z[i] : z[i]"),
    "elu": Exported(_elu, "z[i] < 0 ? expm1$f(z[i]) : z[i]"),
    "silu": Exported(_silu, "z[i] / (1 + exp$f(-z[i]))"),
    "mish": Exported(_mish, "z[i] * tanh$f(log1p$f(exp$f(z[i])))"),
    "selu": Exported(_selu, "$selu_scale * (z[i] < 0 ? $selu_alpha * expm1$f(z[i]) : z[i])"),
    # z Φ(z); erfc doesn't cancel where Φ is small.
    "gelu": Exported(_gelu, "$half * z[i] * erfc$f(-z[i] * $root_half)"),
}
