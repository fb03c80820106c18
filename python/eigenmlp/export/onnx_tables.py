"""A model for tables as nodes of ONNX: its columns' preparation, its networks, its predictions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from eigenmlp.export.onnx_graph import add_network, label_constants
from eigenmlp.tabular.preparation import NumberFeatures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eigenmlp.export.onnx_nodes import FileGraph, Graph
    from eigenmlp.tabular.preparation import CategoryFeatures

__all__ = ["add_table"]

_TYPES = {"float32": 1, "float64": 11}  # of TensorProto
_DOUBLE, _TEXT = np.dtype(np.float64), np.dtype(object)
_LARGEST = 1e150  # of what is squared, as in training


def add_table(graph: FileGraph, model: Any) -> tuple[list[Any], list[Any]]:
    """Add a whole model, the networks in the graph's dtype and what is around them in float64.

    Parameters
    ----------
    graph : FileGraph
    model : TabularClassifier or TabularRegressor
        Fitted.

    Returns
    -------
    inputs, outputs : list of ValueInfoProto
        Inputs have the names of the columns, and (N, 1) float64 of numbers or texts of categories.
    """
    # First, for theirs are the names that don't give way.
    inputs = _described_inputs(graph, model._preparation.columns)
    outputs = _described_outputs(graph, model)
    values = _outputs(graph, model, [one.name for one in inputs])
    if not hasattr(model, "classes_"):
        scaled = graph.node("Mul", [values, _double(graph, model._deviation)])
        graph.node("Add", [scaled, _double(graph, model._mean)], output=outputs[0].name)
        return inputs, outputs
    label, probabilities = outputs
    n_classes = len(model.classes_)
    axes = _whole(graph, [1])
    if n_classes == 1:  # and the network has two outputs
        values = graph.node("Slice", [values, _whole(graph, [0]), _whole(graph, [1]), axes])
    total = graph.node("ReduceSum", [values, axes], keepdims=1)
    graph.node("Div", [values, total], output=probabilities.name)
    place = graph.node("ArgMax", [values], axis=1, keepdims=0)
    classes = graph.constant("classes", label_constants(model.classes_))
    graph.node("Gather", [classes, place], output=label.name, axis=0)
    return inputs, outputs


def _described_inputs(
    graph: FileGraph, columns: Sequence[NumberFeatures | CategoryFeatures]
) -> list[Any]:
    # All of these before any that stands in for an empty one, which ONNX takes for left out.
    names = [graph.free(column.name) for column in columns]
    return [
        graph.described(
            name or graph.free(f"column {place}"),
            ["N", 1],
            _DOUBLE if isinstance(column, NumberFeatures) else _TEXT,
        )
        for place, (name, column) in enumerate(zip(names, columns, strict=True), start=1)
    ]


def _described_outputs(graph: FileGraph, model: Any) -> list[Any]:
    if not hasattr(model, "classes_"):
        return [graph.described(graph.free("variable"), ["N", len(model._mean)], _DOUBLE)]
    labels = label_constants(model.classes_)
    return [
        graph.described(graph.free("label"), ["N"], labels.dtype),
        graph.described(graph.free("probabilities"), ["N", len(labels)], _DOUBLE),
    ]


def _outputs(graph: Graph, model: Any, columns: Sequence[str]) -> str:
    """Add the preparation and the mean of the networks."""
    parts = []
    for learnt, values in zip(model._preparation.columns, columns, strict=True):
        if isinstance(learnt, NumberFeatures):
            parts += _number_features(graph, learnt, values)
        else:
            parts += _category_features(graph, learnt, values)
    features = graph.node("Concat", parts, axis=1)
    found = [_in_double(graph, add_network(graph, one, features)) for one in model.networks_]
    if len(found) == 1:
        return found[0]
    return graph.node("Div", [graph.node("Sum", found), _double(graph, len(found))])


def _number_features(graph: Graph, learnt: NumberFeatures, values: str) -> list[str]:
    """Add what a column becomes; return the names of its features, (N, n) in the graph's dtype."""
    # In float64 as far as a large number's digits matter. Without a median all are gaps.
    median = math.nan if learnt.median is None else learnt.median
    centred = graph.node("Sub", [values, _double(graph, median)])
    gaps = graph.node("IsNaN", [centred])
    z = graph.node("Mul", [centred, _double(graph, learnt.scale)])
    z = graph.node(
        "Max", [graph.node("Min", [z, _double(graph, _LARGEST)]), _double(graph, -_LARGEST)]
    )
    third = graph.node("Div", [z, _double(graph, 3)])
    square = graph.node("Mul", [third, third])
    root = graph.node("Sqrt", [graph.node("Add", [square, _double(graph, 1)])])
    unread = gaps if learnt.scale else graph.constant("unread", np.array(True))
    clipped = graph.node("Where", [unread, _double(graph, 0), graph.node("Div", [z, root])])
    features = [clipped, gaps] if learnt.gaps else [clipped]
    if learnt.borders:
        low, high = np.array(learnt.borders[:-1]), np.array(learnt.borders[1:])
        begin, end = graph.constant("begin", low), graph.constant("end", high)
        within = graph.node("Min", [graph.node("Max", [values, begin]), end])
        length = graph.constant("length", high - low)
        risen = graph.node("Div", [graph.node("Sub", [within, begin]), length])
        centred = graph.node("Sub", [risen, _double(graph, 0.5)])
        parts = graph.node("Mul", [centred, _double(graph, 0.5 / math.sqrt(len(low)))])
        features.append(graph.node("Where", [gaps, _double(graph, 0), parts]))
    return [_in_networks_dtype(graph, feature) for feature in features]


def _category_features(graph: Graph, learnt: CategoryFeatures, values: str) -> list[str]:
    """Add what a column of categories becomes, in the same way."""
    n_features = learnt.n_features
    if not n_features:
        return []
    known = (*learnt.categories, *learnt.rare)
    if learnt.is_pair:
        places, missing = [-1, 1], 0
    else:
        places, missing = [min(place, n_features - 1) for place in range(len(known))], -1
    found = graph.node(
        "LabelEncoder",
        [values],
        domain="ai.onnx.ml",
        keys_strings=list(known),
        values_int64s=places,
        default_int64=missing,
    )
    if not learnt.is_pair:
        found = graph.node("Equal", [found, _whole(graph, range(n_features))])
    return [_in_networks_dtype(graph, found)]


def _in_networks_dtype(graph: Graph, values: str) -> str:
    return graph.node("Cast", [values], to=_TYPES[graph.dtype.name])


def _in_double(graph: Graph, values: str) -> str:
    return graph.node("Cast", [values], to=_TYPES["float64"])


def _double(graph: Graph, values: Any) -> str:
    return graph.constant("number", np.asarray(values, np.float64))


def _whole(graph: Graph, values: Any) -> str:
    return graph.constant("whole", np.asarray(values, np.int64))
