"""ONNX files against the models they were made of, in ONNX Runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx.reference import ReferenceEvaluator
from scipy import sparse
from sklearn.exceptions import NotFittedError

import eigenmlp as em
from architectures import ACTIVATIONS, GRID, made, samples

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

# Of the largest value of an array, or of 1.
TOLERANCES = {"float32": 2e-6, "float64": 1e-14}


def run(path: Path, X: Any) -> dict[str, Any]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {"X": X}), strict=True))


def assert_close(found: NDArray[Any], expected: NDArray[Any]) -> None:
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    scale = max(1.0, float(np.abs(expected).max()))
    assert np.abs(found - expected).max() <= TOLERANCES[found.dtype.name] * scale


@pytest.mark.parametrize("index", range(len(GRID)))
def test_networks(tmp_path: Path, index: int) -> None:
    net = made(GRID[index], index)
    em.export.to_onnx(net, tmp_path / "net.onnx")
    for n in (1, 33):
        X = samples(net, n, index)
        found = run(tmp_path / "net.onnx", X)
        if net.output in {"softmax", "logistic"}:
            assert list(found) == ["label", "probabilities"]
            assert_close(found["probabilities"], net.predict_proba(X))
            assert_labels(found["label"], net.predict(X), net.predict_proba(X))
        else:
            assert list(found) == ["variable"]
            assert_close(found["variable"], net.predict_outputs(X))


def assert_labels(found: NDArray[Any], expected: NDArray[Any], p: NDArray[Any]) -> None:
    """Labels are equal but where rounding may decide."""
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    if expected.ndim == 2:
        clear = np.abs(p - 0.5) > 1e-6
    else:
        top = np.sort(p, axis=1)[:, -2:]
        clear = top[:, -1] - top[:, 0] > 1e-6 if p.shape[1] > 1 else np.ones(len(p), bool)
    assert clear.mean() > 0.9
    assert np.array_equal(found[clear], expected[clear])


@pytest.mark.parametrize("index", range(0, len(GRID), 17))
def test_the_reference_evaluator_agrees(tmp_path: Path, index: int) -> None:
    net = made(GRID[index], index)
    em.export.to_onnx(net, tmp_path / "net.onnx")
    X = samples(net, 5)
    outputs: Any = ReferenceEvaluator(str(tmp_path / "net.onnx")).run(None, {"X": X})
    assert_close(outputs[-1], net.predict_outputs(X))


def test_what_the_file_says(tmp_path: Path) -> None:
    em.export.to_onnx(em.Network([4, 3, 2], dtype="float64", rng=0), tmp_path / "net.onnx")
    proto = onnx.load(tmp_path / "net.onnx")
    assert [(opset.domain, opset.version) for opset in proto.opset_import] == [("", 17)]
    assert (proto.producer_name, proto.producer_version) == ("eigenmlp", em.__version__)
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx")
    described = [
        (put.name, put.type, put.shape) for put in [*session.get_inputs(), *session.get_outputs()]
    ]
    assert described == [
        ("X", "tensor(double)", ["N", 4]),
        ("label", "tensor(int64)", ["N"]),
        ("probabilities", "tensor(double)", ["N", 2]),
    ]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_over_all_magnitudes(tmp_path: Path, dtype: str, activation: str) -> None:
    net = em.Network([1, 1, 1], activation=activation, output="identity", dtype=dtype)
    net.set_parameters([[[1]], [[1]]], [[0], [0]])
    X = np.concatenate([np.linspace(-40, 40, 4001), np.geomspace(1e-30, 1e3, 200)])
    X = np.concatenate([X, -X])[:, None].astype(dtype)
    em.export.to_onnx(net, tmp_path / "net.onnx")
    found, expected = run(tmp_path / "net.onnx", X)["variable"], net.predict_outputs(X)
    allowed = TOLERANCES[dtype] * np.maximum(1, np.abs(expected))
    assert (np.abs(found - expected) <= allowed).all()


N = 40
K = np.arange(N)
FEATURES = np.random.default_rng(0).normal(size=(N, 3))
LABELS: dict[str, Any] = {
    "binary": K % 2 + 5,
    "three": (K % 3).astype(np.uint8),
    "bool": K % 2 == 1,
    "float": (K % 3).astype(np.float64),
    "text": np.array(["zero", "één", "two"])[K % 3],
    "binary text": np.array(["no", "yes"], dtype=object)[K % 2],
    "one": np.full(N, 7),
    "one text": np.array(["only"] * N),
    "multilabel": np.stack([K % 2, K % 3 == 0, K % 5 == 0], axis=1).astype(int),
    "sparse": sparse.csr_matrix(np.stack([K % 2, K % 3 == 0], axis=1).astype(int)),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("labels", LABELS)
def test_classifiers(tmp_path: Path, labels: str, dtype: str) -> None:
    X = FEATURES.astype(dtype)
    model = em.MLPClassifier((6,), activation="gelu", max_iter=5, random_state=0)
    model.fit(X, LABELS[labels])
    em.export.to_onnx(model, tmp_path / "model.onnx")
    found = run(tmp_path / "model.onnx", X)
    predicted: Any = model.predict(X)
    expected = predicted.toarray() if sparse.issparse(predicted) else predicted
    assert list(found) == ["label", "probabilities"]
    assert np.array_equal(found["label"], expected)
    assert found["label"].dtype == (object if "text" in labels else np.int64)
    n_columns = 1 if labels.startswith("one") else None
    assert_close(found["probabilities"], model.predict_proba(X)[:, :n_columns])


def test_the_only_class_however_improbable(tmp_path: Path) -> None:
    model = em.MLPClassifier((), solver="lbfgs").fit(FEATURES, LABELS["one"])
    model.intercepts_ = [np.array([3.0])]
    em.export.to_onnx(model, tmp_path / "model.onnx")
    found = run(tmp_path / "model.onnx", FEATURES)
    assert found["probabilities"].max() < 0.5
    assert (found["label"] == 7).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_regressors(tmp_path: Path, n_outputs: int, dtype: str) -> None:
    X = FEATURES.astype(dtype)
    model = em.MLPRegressor("poisson", (6,), max_iter=5, normalization="batch", random_state=0)
    model.fit(X, np.exp(X[:, :n_outputs]).squeeze())
    em.export.to_onnx(model, tmp_path / "model.onnx")
    found = run(tmp_path / "model.onnx", X)
    assert list(found) == ["variable"]
    assert_close(found["variable"], model.predict(X).reshape(N, n_outputs))


def test_refusals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.onnx"
    with pytest.raises(TypeError, match="is neither an eigenmlp"):
        em.export.to_onnx("model", path)
    with pytest.raises(NotFittedError):
        em.export.to_onnx(em.MLPRegressor(), path)
    dated = em.MLPClassifier((2,), max_iter=1).fit(FEATURES, (K % 2).astype("M8[D]"))
    with pytest.raises(TypeError, match=r"classes_ of dtype datetime64\[D\] have no place in ONNX"):
        em.export.to_onnx(dated, path)
    monkeypatch.setattr("eigenmlp.export.onnx_file._MOST_BYTES", 39)
    with pytest.raises(ValueError, match="parameters take 40 bytes, but an ONNX file holds less"):
        em.export.to_onnx(em.Network([4, 2], rng=0), path)
    assert not list(tmp_path.iterdir())


def test_without_onnx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(ImportError, match=r'needs onnx, .* pip install "eigenmlp\[onnx\]"'):
        em.export.to_onnx(em.Network([4, 2], rng=0), tmp_path / "model.onnx")
