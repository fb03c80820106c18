"""A model as nodes of ONNX, wherever these are collected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eigenmlp.export.activations import ACTIVATIONS
from eigenmlp.export.layers import NORMALIZATION_EPSILON
from eigenmlp.export.onnx_nodes import in_dtype, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from eigenmlp.export.onnx_nodes import Graph
    from eigenmlp.export.view import ModelView
    from eigenmlp.network import Network

__all__ = ["add_model", "add_network", "has_labels", "label_constants", "n_probabilities"]


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
    values = add_network(graph, view.network, X)
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
    first = graph.node("Sub", [number(graph, 1.0), values])
    if n_classes == 2:
        graph.node("Concat", [first, values], output=probabilities, axis=1)
    else:
        graph.node("Identity", [first], output=probabilities)
    # No probability is above 1: where there is one class, it is always the first.
    index = _above(graph, values, 0.5 if n_classes == 2 else 1.0)
    return graph.node("Reshape", [index, graph.constant("shape", np.array([-1], np.int64))])


def _above(graph: Graph, values: str, threshold: float) -> str:
    above = graph.node("Greater", [values, number(graph, threshold)])
    int64 = 7  # TensorProto.INT64
    return graph.node("Cast", [above], to=int64)


def add_network(graph: Graph, network: Network, X: str) -> str:
    """Add a network; return the name of its outputs, which are of the graph's dtype as X is."""
    a = X
    if network.input_scale != 1:
        a = graph.node("Mul", [a, number(graph, network.input_scale)])
    layers = network.split(network.get_flat_parameters())
    hidden = zip(network.normalizations, network.activations, strict=True)
    for layer, arrays in enumerate(layers):
        names = {
            name: graph.constant(f"layers.{layer}.{name}", in_dtype(graph, name, array))
            for name, array in _with_own_epsilon(arrays).items()
        }
        a = graph.node("Gemm", [a, names["weight"], names["bias"]])
        if layer < len(layers) - 1:
            normalization, activation = next(hidden)
            a = _normalize(graph, normalization, a, names, network.layer_sizes[layer + 1])
            a = ACTIVATIONS[activation].onnx(graph, a)
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
        return graph.node("BatchNormalization", inputs, epsilon=NORMALIZATION_EPSILON)
    # Not by LayerNormalization, whose ε is a float32 whatever it computes in.
    centred = graph.node("Sub", [z, _mean(graph, z, n_units)])
    variance = _mean(graph, graph.node("Mul", [centred, centred]), n_units)
    deviation = graph.node(
        "Sqrt", [graph.node("Add", [variance, number(graph, NORMALIZATION_EPSILON)])]
    )
    normal = graph.node("Div", [centred, deviation])
    return graph.node("Add", [graph.node("Mul", [normal, names["gain"]]), names["shift"]])


def _mean(graph: Graph, values: str, n_units: int) -> str:
    axes = graph.constant("axes", np.array([1], np.int64))
    total = graph.node("ReduceSum", [values, axes], keepdims=1)
    return graph.node("Div", [total, number(graph, n_units)])


def _with_own_epsilon(arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Make up for BatchNormalization's ε, which is a float32 whatever it computes in."""
    if "running_variance" not in arrays:
        return arrays
    missing = NORMALIZATION_EPSILON - float(np.float32(NORMALIZATION_EPSILON))
    return {**arrays, "running_variance": arrays["running_variance"] + missing}
