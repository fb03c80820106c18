"""Converters for skl2onnx, so that whole pipelines can be exported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eigenmlp.common.extras import require
from eigenmlp.export.onnx_graph import add_model, has_labels, label_constants, n_probabilities
from eigenmlp.export.view import view_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from eigenmlp.export.view import ModelView

__all__ = ["register_skl2onnx"]

_OLDEST_OPSET = 13  # whose ReduceSum and Softmax are those of today


def register_skl2onnx() -> None:
    """Tell skl2onnx how `MLPClassifier` and `MLPRegressor` are converted.

    From then on `skl2onnx.to_onnx` and `skl2onnx.convert_sklearn` take pipelines that end with
    one of them, and name outputs as they do for scikit-learn's: ``output_label`` and
    ``output_probability``, a list of dicts, or with the option ``zipmap=False`` ``label`` and
    ``probabilities``, an array; ``variable`` for regressors. The options ``zipmap``, ``nocl`` and
    ``output_class_labels`` are as for scikit-learn's classifiers. As there, the model computes in
    float64 where its input is of double, and else in float32.

    Raises
    ------
    ImportError
        If skl2onnx is missing; the extra ``onnx`` brings it.

    See Also
    --------
    to_onnx : for a model alone; needs no skl2onnx.

    Examples
    --------
    >>> import numpy as np
    >>> import eigenmlp as em
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skl2onnx import to_onnx
    >>> em.export.register_skl2onnx()
    >>> X, y = np.eye(4, dtype="float32"), [0, 0, 1, 1]
    >>> pipeline = make_pipeline(StandardScaler(), em.MLPClassifier(solver="lbfgs")).fit(X, y)
    >>> proto = to_onnx(pipeline, X, options={"zipmap": False})
    """
    skl2onnx = require("skl2onnx", extra="onnx", purpose="Converting a pipeline to ONNX")
    from eigenmlp.estimators import MLPClassifier, MLPRegressor

    options = {
        "zipmap": [True, False, "columns"],
        "nocl": [True, False],
        "output_class_labels": [False, True],
    }
    for kind, known in ((MLPClassifier, options), (MLPRegressor, None)):
        skl2onnx.update_registered_converter(
            kind, f"Eigenmlp{kind.__name__}", _declare_outputs, _convert, options=known
        )


def _declare_outputs(operator: Any) -> None:
    from skl2onnx.common import data_types

    view = _view(operator.scope_inst, operator.raw_operator)
    n_samples = operator.inputs[0].get_first_dimension()
    values = data_types.guess_tensor_type(operator.inputs[0].type)
    values.shape = [n_samples, n_probabilities(view)]
    operator.outputs[-1].set_type(values)
    if has_labels(view):
        shape = values.shape if view.multilabel else [n_samples]
        is_text = view.classes is not None and label_constants(view.classes).dtype == object
        kind = data_types.StringTensorType if is_text else data_types.Int64TensorType
        operator.outputs[0].set_type(kind(shape))


def _convert(scope: Any, operator: Any, container: Any) -> None:
    from skl2onnx.common import data_types

    view = _view(scope, operator.raw_operator)
    opset = container.target_opset
    if opset < _OLDEST_OPSET:
        raise ValueError(
            f"eigenmlp's models are written in opset {_OLDEST_OPSET} of ONNX or later, but "
            f"target_opset={opset} was asked for"
        )
    given = operator.inputs[0]
    double = isinstance(given.type, data_types.DoubleTensorType)
    graph = _Container(scope, container, np.dtype(np.float64 if double else np.float32))
    X = graph.node("Cast", [given.full_name], to=graph.type_of(graph.dtype))
    add_model(graph, view, X, [output.full_name for output in operator.outputs])


def _view(scope: Any, model: Any) -> ModelView:
    view = view_of(model)
    without_labels = view.classes is not None and scope.get_options(model, {"nocl": False})["nocl"]
    return view._replace(classes=np.arange(n_probabilities(view))) if without_labels else view


class _Container:
    """The nodes of a pipeline that skl2onnx converts."""

    def __init__(self, scope: Any, container: Any, dtype: np.dtype[Any]) -> None:
        self._scope = scope
        self._container = container
        self.dtype = dtype

    def type_of(self, dtype: np.dtype[Any]) -> int:
        """Return the number that ONNX has for a dtype."""
        from onnx.helper import np_dtype_to_tensor_dtype

        return int(np_dtype_to_tensor_dtype(dtype))

    def constant(self, name: str, values: NDArray[Any]) -> str:
        name = self._scope.get_unique_variable_name(name)
        content = values.ravel()
        if values.dtype == object:
            content = np.array([text.encode() for text in content], dtype=object)
        self._container.add_initializer(name, self.type_of(values.dtype), values.shape, content)
        return name

    def node(
        self, operator: str, inputs: Sequence[str], *, output: str | None = None, **attributes: Any
    ) -> str:
        output = output or self._scope.get_unique_variable_name(operator.lower())
        name = self._scope.get_unique_operator_name(operator)
        self._container.add_node(operator, list(inputs), [output], name=name, **attributes)
        return output
