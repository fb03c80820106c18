"""Where a decision hangs in the balance: p = 0.5, and classes that are equally probable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier as TheirClassifier

import eigenmlp as em

if TYPE_CHECKING:
    from pathlib import Path

X = np.zeros((3, 2))


def zero_network(n_outputs: int, output: str, dtype: str = "float32") -> em.Network:
    """Every output of a network of zeros is as probable as any other, exactly."""
    network = em.Network([2, 3, n_outputs], output=output, dtype=dtype, rng=0)
    network.set_flat_parameters(np.zeros(network.n_parameters, dtype))
    return network


def zeroed(model: Any, y: Any) -> Any:
    model.set_params(max_iter=1, hidden_layer_sizes=(3,), random_state=0)
    model.fit(np.arange(8.0).reshape(4, 2), y)
    for arrays in (model.coefs_, model.intercepts_):
        for array in arrays:
            array[...] = 0
    return model


def zero_classifier(y: Any) -> Any:
    """Ours, made of one of scikit-learn's, whose own answer is there to compare."""
    return em.from_sklearn(zeroed(TheirClassifier(), y))


TARGETS: dict[str, Any] = {
    "two classes": ["no", "yes", "no", "yes"],
    "three classes": ["b", "c", "a", "b"],
    "labels": np.array([[0, 1], [1, 0], [1, 1], [0, 0]]),
}
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n_outputs", [1, 2, 5])
def test_a_probability_of_a_half_is_no(n_outputs: int, dtype: str) -> None:
    network = zero_network(n_outputs, "logistic", dtype)
    assert (network.predict_proba(X) == 0.5).all()
    for rows in (X, X[:1], np.zeros((200, 2))):
        assert not network.predict(rows).any()
    no = np.zeros((3, n_outputs))
    assert network.evaluate(X, no).accuracy == 1
    assert network.evaluate(X, no + 1).accuracy == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n_outputs", [2, 3, 20])
def test_of_equal_classes_the_first_is_picked(n_outputs: int, dtype: str) -> None:
    network = zero_network(n_outputs, "softmax", dtype)
    for rows in (X, X[:1], np.zeros((200, 2))):
        assert not network.predict(rows).any()
    assert network.evaluate(X, [0, 0, 0]).accuracy == 1
    assert network.evaluate(X, [1, 1, 1]).accuracy == 0


@pytest.mark.parametrize("z", [-1e-12, -1e-9, 0.0, 1e-9, 1e-12])
def test_accuracy_counts_what_is_predicted_where_a_half_is_rounded_to(z: float) -> None:
    network = zero_network(1, "logistic")
    flat = network.get_flat_parameters()
    flat[-1] = z  # the bias of the output
    network.set_flat_parameters(flat)
    predicted = network.predict(X)
    assert network.evaluate(X, predicted).accuracy == 1
    assert network.evaluate(X, 1 - predicted).accuracy == 0
    rate = 1e-30  # which changes nothing
    history = em.train(network, X, predicted, learning_rate=rate, epochs=1, rng=0)
    assert history["train_accuracy"] == [1.0]


@pytest.mark.parametrize("name", TARGETS)
def test_estimators_decide_as_scikit_learns(name: str) -> None:
    theirs = zeroed(TheirClassifier(), TARGETS[name])
    ours = em.from_sklearn(theirs)
    assert np.array_equal(ours.predict(X), theirs.predict(X))
    assert np.array_equal(np.unique(ours.predict_proba(X)), np.unique(theirs.predict_proba(X)))
    assert ours.score(X, theirs.predict(X)) == 1


def test_the_only_class_is_picked_with_certainty() -> None:
    model = em.MLPClassifier((), max_iter=1, random_state=0).fit(X, ["a", "a", "a"])
    assert list(model.predict(X)) == ["a", "a", "a"]


@pytest.mark.parametrize("name", TARGETS)
def test_estimators_decide_alike_in_onnx(name: str, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    model = zero_classifier(TARGETS[name])
    em.export.to_onnx(model, tmp_path / "model.onnx")
    session = runtime.InferenceSession(tmp_path / "model.onnx")
    label, _ = session.run(None, {"X": X.astype(model.predict_proba(X).dtype)})
    assert np.array_equal(label, model.predict(X))


@pytest.mark.parametrize("n_outputs", [1, 4])
@pytest.mark.parametrize("output", ["softmax", "logistic"])
def test_networks_decide_alike_in_onnx(output: str, n_outputs: int, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    network = zero_network(n_outputs, output)
    em.export.to_onnx(network, tmp_path / "net.onnx")
    session = runtime.InferenceSession(tmp_path / "net.onnx")
    label, _ = session.run(None, {"X": X.astype(np.float32)})
    assert np.array_equal(label, network.predict(X))
    assert not label.any()
