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
from eigenmlp.export.view import names_as_metadata, view_of
from eigenmlp.files.atomic import write_atomically

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from eigenmlp.export.view import ModelView

__all__ = ["to_onnx"]

_OPSET = 17
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

    The file's metadata has ``feature_names`` and, of a classifier, ``classes``, lists of texts in
    JSON, where they are known. Columns go by their places there.

    GELU is by ``Erf`` in float32, and in float64, for which ONNX Runtime lacks it, by a polynomial
    good to 9 units in the last place.

    Parameters
    ----------
    model : Network, MLPClassifier or MLPRegressor
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
    view = view_of(model)
    n_bytes = view.network.n_parameters * view.network.dtype.itemsize
    if n_bytes > _MOST_BYTES:
        raise ValueError(
            f"the model's parameters take {n_bytes} bytes, but an ONNX file holds less than 2 GiB; "
            "export a smaller model, or one in float32"
        )
    graph = _Nodes(onnx, view.network.dtype)
    outputs = ["label", "probabilities"] if has_labels(view) else ["variable"]
    add_model(graph, view, "X", outputs)
    proto = onnx.helper.make_model(
        onnx.helper.make_graph(
            graph.nodes,
            "eigenmlp",
            [graph.described("X", ["N", view.network.layer_sizes[0]])],
            _described_outputs(graph, view),
            graph.constants,
        ),
        opset_imports=[onnx.helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
        producer_name="eigenmlp",
        producer_version=__version__,
    )
    onnx.helper.set_model_props(proto, names_as_metadata(model))
    onnx.checker.check_model(proto, full_check=True)
    write_atomically(path, proto.SerializeToString())


def _described_outputs(graph: _Nodes, view: ModelView) -> list[Any]:
    values: list[str | int] = ["N", n_probabilities(view)]
    if not has_labels(view):
        return [graph.described("variable", values)]
    exclusive = view.network.output == "softmax" or not (view.classes is None or view.multilabel)
    label_type = np.dtype(np.int64)
    if exclusive and view.classes is not None:
        label_type = label_constants(view.classes).dtype
    return [
        graph.described("label", ["N"] if exclusive else values, label_type),
        graph.described("probabilities", values),
    ]


class _Nodes:
    """The nodes of a file of their own."""

    def __init__(self, onnx: Any, dtype: np.dtype[Any]) -> None:
        self._onnx = onnx
        self.dtype = dtype
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, name: str, values: NDArray[Any]) -> str:
        name = f"{name}_{len(self.constants)}"
        self.constants.append(self._onnx.numpy_helper.from_array(values, name))
        return name

    def node(
        self, operator: str, inputs: Sequence[str], *, output: str | None = None, **attributes: Any
    ) -> str:
        name = f"{operator}_{len(self.nodes)}"
        output = output or name.lower()
        self.nodes.append(
            self._onnx.helper.make_node(operator, inputs, [output], name=name, **attributes)
        )
        return output

    def described(
        self, name: str, shape: list[str | int], dtype: np.dtype[Any] | None = None
    ) -> Any:
        """Name, type and shape of an input or output."""
        helper = self._onnx.helper
        kind = helper.np_dtype_to_tensor_dtype(dtype or self.dtype)
        return helper.make_tensor_value_info(name, kind, shape)
