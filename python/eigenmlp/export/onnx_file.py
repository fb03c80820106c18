"""Models as ONNX files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eigenmlp.common.extras import require
from eigenmlp.common.version import __version__
from eigenmlp.export.onnx_graph import (
    add_model,
    has_labels,
    label_constants,
    n_probabilities,
)
from eigenmlp.export.onnx_nodes import FileGraph
from eigenmlp.export.view import is_of_tables, names_as_metadata, networks_of, view_of
from eigenmlp.files.atomic import write_atomically

if TYPE_CHECKING:
    import os

    from eigenmlp.export.view import ModelView

__all__ = ["to_onnx"]

_OPSET = 17
_ML_OPSET = 3  # of the same release of ONNX
_IR_VERSION = 8  # of the release of ONNX that brought this opset
_MOST_BYTES = 2**31 - 2**20  # of a protocol buffer, less what is not parameters


def to_onnx(model: object, path: str | os.PathLike[str]) -> None:
    """Write a model as an ONNX file of opset 17.

    The input ``X`` (N, n_features) and all arithmetic are of the network's dtype; N is free. An
    `input_scale` is a part of the graph, dropout is not. Outputs, named as skl2onnx names them
    where ``zipmap`` is off:

    - of a network with softmax or logistic outputs, and of a classifier: ``label``, what `predict`
      returns, and ``probabilities``, what `predict_proba` returns. Labels are int64 (False and True
      are 0 and 1) or texts. Where a classifier knows one class, ``probabilities`` has one column;
    - of other networks and of a regressor: ``variable`` (N, n_outputs).

    A model for tables is there as a whole, its preparation and all its networks. In place of ``X``
    there is an input for each column, (N, 1) and under the column's name; ``column 1``, ``column
    2`` and so on where columns have none. Numbers are of double, a gap NaN. Categories are texts, a
    gap the empty one, or any that training hadn't; booleans are ``True`` and ``False``, numbers of
    `categorical_features` ``3`` and ``2.5``, where 3.0 is ``3``. ``probabilities`` and ``variable``
    are of double. Where a column has the name of an output, the output's has "_" behind it.

    The file's metadata has ``feature_names`` and, of a classifier, ``classes``, lists of texts in
    JSON, where they are known. Columns of ``X`` go by their places there.

    GELU is by ``Erf`` in float32, and in float64, for which ONNX Runtime lacks it, by a polynomial
    good to 9 units in the last place.

    Parameters
    ----------
    model : Network, MLPClassifier, MLPRegressor, TabularClassifier or TabularRegressor
        An estimator must be fitted.
    path : path-like
        File to write, by custom ``*.onnx``. An existing one is replaced in one step.

    Raises
    ------
    ImportError
        If the package onnx is missing; the extra ``onnx`` brings it.
    TypeError
        If `model` is something else, or its labels are neither whole numbers nor texts.
    sklearn.exceptions.NotFittedError
        If it is an estimator that isn't fitted.
    ValueError
        If the parameters take 2 GiB or more, which no ONNX file can hold.
    OSError
        If the file can't be written.

    See Also
    --------
    register_skl2onnx : for pipelines.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import eigenmlp as em
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     em.export.to_onnx(em.Network([4, 8, 3], rng=0), Path(folder) / "model.onnx")
    """
    onnx = require("onnx", extra="onnx", purpose="Writing an ONNX file")
    networks = networks_of(model)
    n_bytes = sum(network.n_parameters * network.dtype.itemsize for network in networks)
    if n_bytes > _MOST_BYTES:
        raise ValueError(
            f"the model's parameters take {n_bytes} bytes, but an ONNX file holds less than 2 GiB; "
            "export a smaller model, or one in float32"
        )
    graph = FileGraph(onnx, networks[0].dtype)
    opsets = {"": _OPSET}
    if is_of_tables(model):
        from eigenmlp.export.onnx_tables import add_table  # noqa: PLC0415  imports scikit-learn

        inputs, outputs = add_table(graph, model)
        opsets["ai.onnx.ml"] = _ML_OPSET
    else:
        inputs, outputs = _add(graph, model)
    proto = onnx.helper.make_model(
        onnx.helper.make_graph(graph.nodes, "eigenmlp", inputs, outputs, graph.constants),
        opset_imports=[onnx.helper.make_opsetid(*opset) for opset in opsets.items()],
        ir_version=_IR_VERSION,
        producer_name="eigenmlp",
        producer_version=__version__,
    )
    onnx.helper.set_model_props(proto, names_as_metadata(model))
    onnx.checker.check_model(proto, full_check=True)
    write_atomically(path, proto.SerializeToString())


def _add(graph: FileGraph, model: Any) -> tuple[list[Any], list[Any]]:
    """Add a model; return what its inputs and outputs are."""
    view = view_of(model)
    X = graph.described(graph.free("X"), ["N", view.network.layer_sizes[0]])
    outputs = _described_outputs(graph, view)
    add_model(graph, view, X.name, [output.name for output in outputs])
    return [X], outputs


def _described_outputs(graph: FileGraph, view: ModelView) -> list[Any]:
    values: list[str | int] = ["N", n_probabilities(view)]
    if not has_labels(view):
        return [graph.described(graph.free("variable"), values)]
    exclusive = view.network.output == "softmax" or not (view.classes is None or view.multilabel)
    label_type = np.dtype(np.int64)
    if exclusive and view.classes is not None:
        label_type = label_constants(view.classes).dtype
    return [
        graph.described(graph.free("label"), ["N"] if exclusive else values, label_type),
        graph.described(graph.free("probabilities"), values),
    ]
