"""Pipelines through skl2onnx's registry of converters."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
import skl2onnx
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, Int64TensorType
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

import eigenmlp as em

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N = 40
K = np.arange(N)
FEATURES = np.random.default_rng(0).normal(5, 3, size=(N, 3)).astype(np.float32)
LABELS: dict[str, Any] = {
    "binary": K % 2 + 5,
    "three": K % 3,
    "bool": K % 2 == 1,
    "text": np.array(["zero", "één", "two"])[K % 3],
    "one": np.full(N, 7),
    "multilabel": np.stack([K % 2, K % 3 == 0, K % 5 == 0], axis=1).astype(int),
}


@pytest.fixture(autouse=True)
def _registered() -> None:
    em.export.register_skl2onnx()


def fitted(y: Any, **settings: Any) -> Pipeline:
    model = em.MLPClassifier((6,), "silu", normalization="layer", max_iter=5, random_state=0)
    model.set_params(**settings)
    return make_pipeline(StandardScaler(), model).fit(FEATURES, y)


def run(proto: Any, X: Any) -> dict[str, Any]:
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {"X": X}), strict=True))


def converted(pipeline: Any, kind: Any = FloatTensorType, **options: Any) -> Any:
    return skl2onnx.convert_sklearn(
        pipeline, initial_types=[("X", kind([None, 3]))], target_opset=17, **options
    )


@pytest.mark.parametrize("labels", LABELS)
def test_pipelines_with_arrays_of_probabilities(labels: str) -> None:
    pipeline = fitted(LABELS[labels])
    found = run(converted(pipeline, options={"zipmap": False}), FEATURES)
    assert list(found) == ["label", "probabilities"]
    assert np.array_equal(found["label"], pipeline.predict(FEATURES))
    assert found["label"].dtype == (object if labels == "text" else np.int64)
    expected = pipeline.predict_proba(FEATURES)[:, : 1 if labels == "one" else None]
    assert found["probabilities"].dtype == np.float32
    assert found["probabilities"].shape == expected.shape
    assert np.abs(found["probabilities"] - expected).max() < 1e-6


@pytest.mark.parametrize("labels", sorted(LABELS.keys() - {"multilabel"}))
def test_pipelines_with_dicts(labels: str) -> None:
    pipeline = fitted(LABELS[labels])
    found = run(converted(pipeline), FEATURES)
    assert list(found) == ["output_label", "output_probability"]
    assert np.array_equal(found["output_label"], pipeline.predict(FEATURES))
    classes = pipeline.classes_.tolist()
    expected = pipeline.predict_proba(FEATURES)
    for row, probabilities in zip(found["output_probability"], expected, strict=True):
        assert list(row) == classes
        assert np.abs(np.array(list(row.values())) - probabilities[: len(classes)]).max() < 1e-6


def test_outputs_are_those_of_scikit_learns_classifier() -> None:
    theirs = make_pipeline(StandardScaler(), MLPClassifier((6,), max_iter=5))
    theirs.fit(FEATURES, LABELS["text"])
    ours = fitted(LABELS["text"], normalization=None, activation="relu")
    for zipmap in (True, False, "columns"):
        described = [
            [
                (put.name, put.type, put.shape)
                for put in onnxruntime.InferenceSession(
                    converted(pipeline, options={"zipmap": zipmap}).SerializeToString()
                ).get_outputs()
            ]
            for pipeline in (ours, theirs)
        ]
        assert described[0] == described[1]


def test_labels_left_out() -> None:
    pipeline = fitted(LABELS["text"])
    found = run(converted(pipeline, options={"nocl": True, "zipmap": False}), FEATURES)
    assert np.array_equal(pipeline.classes_[found["label"]], pipeline.predict(FEATURES))


def test_double_is_computed_in_double() -> None:
    X = FEATURES.astype(np.float64)
    model = em.MLPClassifier((6,), activation="gelu", max_iter=5, random_state=0)
    pipeline = make_pipeline(StandardScaler(), model).fit(X, LABELS["three"])
    proto = converted(pipeline, DoubleTensorType, options={"zipmap": False})
    found = run(proto, X)["probabilities"]
    assert found.dtype == np.float64
    assert np.abs(found - pipeline.predict_proba(X)).max() < 1e-14


def test_a_float64_model_with_float32_input() -> None:
    model = em.MLPRegressor(hidden_layer_sizes=(6,), max_iter=5, random_state=0)
    model.fit(FEATURES.astype(np.float64), FEATURES[:, :2])
    found = run(converted(model), FEATURES)
    assert list(found) == ["variable"]
    assert found["variable"].dtype == np.float32
    expected = model.predict(FEATURES)
    assert np.abs(found["variable"] - expected).max() < 1e-6 * np.abs(expected).max()


def test_integers_are_taken() -> None:
    X = FEATURES.astype(np.int64)
    model = em.MLPRegressor(hidden_layer_sizes=(6,), max_iter=5, random_state=0).fit(X, X[:, 0])
    found = run(converted(model, Int64TensorType), X)["variable"]
    expected = model.predict(X)
    assert np.abs(found.ravel() - expected).max() < 1e-6 * np.abs(expected).max()


def test_searches_are_taken() -> None:
    search = GridSearchCV(em.MLPClassifier((4,), max_iter=2), {"alpha": [0.1, 0.2]}, cv=2)
    search.fit(FEATURES, LABELS["three"])
    found = run(converted(search, options={"zipmap": False}), FEATURES)
    assert np.array_equal(found["label"], search.predict(FEATURES))


def test_old_opsets_are_refused() -> None:
    with pytest.raises(ValueError, match="opset 13 of ONNX or later, but target_opset=11"):
        skl2onnx.convert_sklearn(
            fitted(LABELS["three"]),
            initial_types=[("X", FloatTensorType([None, 3]))],
            target_opset=11,
        )


def test_without_skl2onnx(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "skl2onnx", None)
    with pytest.raises(ImportError, match="needs skl2onnx, which is not installed"):
        em.export.register_skl2onnx()
