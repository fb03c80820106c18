"""What the exports see of a model."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

import eigenmlp as em
from eigenmlp.export.view import view_of

X = np.array([[0.0], [1.0], [2.0], [3.0]])


def test_a_network_has_no_classes() -> None:
    network = em.Network([2, 3], rng=0)
    assert view_of(network) == (network, "network", None, False)


def test_a_classifier_shows_its_labels_and_present_parameters() -> None:
    model = em.MLPClassifier((), solver="lbfgs", random_state=0).fit(X, ["a", "a", "b", "b"])
    model.coefs_ = [np.array([[7.0]])]
    view = view_of(model)
    assert view.kind == "classifier"
    assert view.network.weights[0].item() == 7.0
    assert view.classes is not None
    assert list(view.classes) == ["a", "b"]
    assert not view.multilabel


def test_several_labels_a_sample_are_told() -> None:
    y = np.array([[0, 1], [1, 1], [1, 0], [0, 0]])
    assert view_of(em.MLPClassifier((), solver="lbfgs").fit(X, y)).multilabel


def test_a_regressor_has_no_classes() -> None:
    view = view_of(em.MLPRegressor(hidden_layer_sizes=(), solver="lbfgs").fit(X, X.ravel()))
    assert (view.kind, view.classes) == ("regressor", None)


def test_other_objects_and_unfitted_estimators_are_refused() -> None:
    with pytest.raises(TypeError, match="neither an eigenmlp"):
        view_of(3)
    with pytest.raises(NotFittedError):
        view_of(em.MLPClassifier())
