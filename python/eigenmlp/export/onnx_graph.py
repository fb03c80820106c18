"""A model as nodes of ONNX, wherever these are collected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from eigenmlp.export.view import ModelView
    from eigenmlp.network import Network

__all__ = ["Graph", "add_model", "has_labels", "label_constants", "n_probabilities"]

_EPSILON = 1e-5  # of the normalizations
_LEAK = 0.01
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


class Graph(Protocol):
    """Where nodes and constants are added."""

    dtype: np.dtype[Any]
    """float32 or float64: what the graph computes in."""

    def constant(self, name: str, values: NDArray[Any]) -> str:
        """Add numbers, of any dtype, or texts, as an object array; return their name."""

    def node(
        self, operator: str, inputs: Sequence[str], *, output: str | None = None, **attributes: Any
    ) -> str:
        """Add a node of one output, and return its name; a new one where it is None."""


def has_labels(view: ModelView) -> bool:
    """Whether a model predicts classes, or else numbers."""
    return view.network.output in {"softmax", "logistic"}


def n_probabilities(view: ModelView) -> int:
    """Columns of the probabilities: classes, labels or the outputs of a network."""
    return view.network.layer_sizes[-1] if view.classes is None else len(view.classes)


def label_constants(classes: NDArray[Any]) -> NDArray[Any]:
    """Labels as ONNX has them: int64, or objects that are texts.

    Raises
    ------
    TypeError
        If they are something else.
    """
    if classes.dtype.kind in "biuf":
        labels = classes.astype(np.int64)
        if (labels == classes).all():
            return labels
    elif all(isinstance(label, str) for label in classes.tolist()):
        return classes.astype(object)
    raise TypeError(
        f"classes_ of dtype {classes.dtype} have no place in ONNX, which knows whole numbers below "
        "2^63 and texts; fit with labels of those"
    )


def add_model(graph: Graph, view: ModelView, X: str, outputs: Sequence[str]) -> None:
    """Add a whole model.

    Parameters
    ----------
    graph : Graph
    view : ModelView
    X : str
        Name of the input, in the graph's dtype.
    outputs : sequence of str
        Names for the labels and the probabilities, or for the values.
    """
    values = _forward(graph, view.network, X)
    if not has_labels(view):
        graph.node("Identity", [values], output=outputs[0])
        return
    label, probabilities = outputs
    if view.network.output == "softmax":
        graph.node("Identity", [values], output=probabilities)
        index = graph.node("ArgMax", [values], axis=1, keepdims=0)
    elif view.classes is None or view.multilabel:
        graph.node("Identity", [values], output=probabilities)
        index = _above(graph, values, 0.5)
    else:
        index = _two_or_one_class(graph, values, len(view.classes), probabilities)
    if view.classes is None or view.multilabel:
        graph.node("Identity", [index], output=label)
    else:
        classes = graph.constant("classes", label_constants(view.classes))
        graph.node("Gather", [classes, index], output=label, axis=0)


def _two_or_one_class(graph: Graph, values: str, n_classes: int, probabilities: str) -> str:
    """Add the probabilities of both classes, or of the only one; return the classes' indices."""
    first = graph.node("Sub", [_number(graph, 1.0), values])
    if n_classes == 2:
        graph.node("Concat", [first, values], output=probabilities, axis=1)
    else:
        graph.node("Identity", [first], output=probabilities)
    # No probability is above 1: where there is one class, it is always the first.
    index = _above(graph, values, 0.5 if n_classes == 2 else 1.0)
    return graph.node("Reshape", [index, graph.constant("shape", np.array([-1], np.int64))])


def _above(graph: Graph, values: str, threshold: float) -> str:
    above = graph.node("Greater", [values, _number(graph, threshold)])
    int64 = 7  # TensorProto.INT64
    return graph.node("Cast", [above], to=int64)


def _forward(graph: Graph, network: Network, X: str) -> str:
    a = X
    if network.input_scale != 1:
        a = graph.node("Mul", [a, _number(graph, network.input_scale)])
    layers = network.split(network.get_flat_parameters())
    hidden = zip(network.normalizations, network.activations, strict=True)
    for layer, arrays in enumerate(layers):
        names = {
            name: graph.constant(f"layers.{layer}.{name}", _in_dtype(graph, name, array))
            for name, array in _with_own_epsilon(arrays).items()
        }
        a = graph.node("Gemm", [a, names["weight"], names["bias"]])
        if layer < len(layers) - 1:
            normalization, activation = next(hidden)
            a = _normalize(graph, normalization, a, names, network.layer_sizes[layer + 1])
            a = _activate(graph, activation, a)
    match network.output:
        case "softmax":
            return graph.node("Softmax", [a], axis=1)
        case "logistic":
            return graph.node("Sigmoid", [a])
        case "exponential":
            return graph.node("Exp", [a])
    return a


def _normalize(graph: Graph, kind: str | None, z: str, names: dict[str, str], n_units: int) -> str:
    if kind is None:
        return z
    if kind == "batch":
        order = ("gain", "shift", "running_mean", "running_variance")
        inputs = [z, *(names[name] for name in order)]
        return graph.node("BatchNormalization", inputs, epsilon=_EPSILON)
    # Not by LayerNormalization, whose ε is a float32 whatever it computes in.
    centred = graph.node("Sub", [z, _mean(graph, z, n_units)])
    variance = _mean(graph, graph.node("Mul", [centred, centred]), n_units)
    deviation = graph.node("Sqrt", [graph.node("Add", [variance, _number(graph, _EPSILON)])])
    normal = graph.node("Div", [centred, deviation])
    return graph.node("Add", [graph.node("Mul", [normal, names["gain"]]), names["shift"]])


def _mean(graph: Graph, values: str, n_units: int) -> str:
    axes = graph.constant("axes", np.array([1], np.int64))
    total = graph.node("ReduceSum", [values, axes], keepdims=1)
    return graph.node("Div", [total, _number(graph, n_units)])


def _with_own_epsilon(arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Make up for BatchNormalization's ε, which is a float32 whatever it computes in."""
    if "running_variance" not in arrays:
        return arrays
    missing = _EPSILON - float(np.float32(_EPSILON))
    return {**arrays, "running_variance": arrays["running_variance"] + missing}


def _activate(graph: Graph, name: str, z: str) -> str:
    double = graph.dtype == np.float64
    match name:
        case "identity":
            return z
        case "silu":
            # Not by Sigmoid: ONNX Runtime's errs by 1e-7, which z would multiply.
            exponential = graph.node("Exp", [graph.node("Neg", [z])])
            return graph.node("Div", [z, graph.node("Add", [exponential, _number(graph, 1.0)])])
        case "gelu":
            return _gelu_by_tail(graph, z) if double else _gelu_by_erf(graph, z)
        case "elu" if double:
            # ONNX Runtime has this operator, like Erf, in float32 alone.
            below = graph.node("Min", [z, _number(graph, 0.0)])
            slack = graph.node("Sub", [graph.node("Exp", [below]), _number(graph, 1.0)])
            return graph.node("Add", [graph.node("Relu", [z]), slack])
        case "leaky_relu":
            # Not by LeakyRelu, whose slope is a float32 whatever it computes in.
            return graph.node("Max", [z, graph.node("Mul", [z, _number(graph, _LEAK)])])
    operators = {"logistic": "Sigmoid", "tanh": "Tanh", "relu": "Relu", "elu": "Elu"}
    return graph.node(operators[name], [z])


def _gelu_by_erf(graph: Graph, z: str) -> str:
    erf = graph.node("Erf", [graph.node("Mul", [z, _number(graph, 0.5**0.5)])])
    half = graph.node("Mul", [z, _number(graph, 0.5)])
    return graph.node("Mul", [half, graph.node("Add", [erf, _number(graph, 1.0)])])


def _gelu_by_tail(graph: Graph, z: str) -> str:
    one = _number(graph, 1.0)
    u = graph.node("Abs", [z])
    quarter = graph.node("Mul", [u, _number(graph, 0.25)])
    t = graph.node("Div", [one, graph.node("Add", [quarter, one])])
    x = graph.node("Sub", [graph.node("Add", [t, t]), one])
    value = _number(graph, _TAIL[-1])
    for coefficient in _TAIL[-2::-1]:
        value = graph.node("Add", [graph.node("Mul", [value, x]), _number(graph, coefficient)])
    square = graph.node("Mul", [z, z])
    density = graph.node("Exp", [graph.node("Mul", [square, _number(graph, -0.5)])])
    tail = graph.node("Mul", [density, graph.node("Mul", [t, value])])
    # z Φ(z) = max(z, 0) - |z| (1 - Φ(|z|)).
    return graph.node("Sub", [graph.node("Relu", [z]), graph.node("Mul", [u, tail])])


def _number(graph: Graph, value: float) -> str:
    return graph.constant("number", _in_dtype(graph, "input_scale", np.array(value)))


def _in_dtype(graph: Graph, name: str, values: NDArray[Any]) -> NDArray[Any]:
    with np.errstate(over="ignore", under="ignore"):
        converted = np.ascontiguousarray(values).reshape(values.shape).astype(graph.dtype)
    if not np.isfinite(converted).all():
        raise ValueError(
            f"the model's {name} holds a value beyond {graph.dtype}; export it in float64"
        )
    return converted
