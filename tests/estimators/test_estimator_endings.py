"""Fits that end before they have measured anything, and scores that are not numbers."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import scipy.sparse
from sklearn.neural_network import MLPClassifier as ScikitLearnClassifier

import eigenmlp as em

if TYPE_CHECKING:
    from eigenmlp.callbacks import TrainingState

RNG = np.random.default_rng(0)
X = RNG.normal(size=(83, 4))
Y = X @ [1.0, 2.0, 3.0, 4.0]


def test_without_a_score_the_last_parameters_stay() -> None:
    model = em.MLPRegressor(
        hidden_layer_sizes=20, max_iter=60, learning_rate_init=0.05, tol=0.0, random_state=0
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        # R² of a single sample is not defined.
        model.fit(X, Y, X_val=X[:1], y_val=Y[:1])
    assert any("no validation score was a number: nan" in str(w.message) for w in caught)
    assert np.isnan(model.validation_scores_).all()
    assert model.score(X, Y) > 0.9


class Interrupt(em.callbacks.Callback):
    def on_train_begin(self, state: TrainingState) -> None:
        raise KeyboardInterrupt


@pytest.mark.parametrize("validation", [{}, {"X_val": X[:9], "y_val": Y[:9]}])
def test_interrupted_in_the_first_epoch_there_is_no_loss(validation: dict[str, Any]) -> None:
    model = em.MLPRegressor(callbacks=[Interrupt()], random_state=0)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        model.fit(X, Y, **validation)
    assert np.isnan(model.loss_)
    assert (model.n_iter_, model.loss_curve_) == (0, [])
    assert np.isfinite(model.predict(X)).all()


def test_lbfgs_interrupted_before_its_first_iteration(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_args: Any, **_options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("eigenmlp.estimators.lbfgs.minimize", interrupted)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        model = em.MLPRegressor(solver="lbfgs", random_state=0).fit(X, Y)
    assert np.isnan(model.loss_)
    assert np.isfinite(model.predict(X)).all()


def test_sparse_labels_are_predicted_sparse() -> None:
    labels = scipy.sparse.csr_matrix(np.column_stack([Y > 0, X[:, 0] > 0]).astype(int))
    ours, theirs = (
        kind(5, solver="lbfgs", max_iter=20, random_state=0, tol=1.0).fit(X, labels).predict(X)
        for kind in (em.MLPClassifier, ScikitLearnClassifier)
    )
    assert scipy.sparse.issparse(ours) == scipy.sparse.issparse(theirs) is True
    assert (ours != theirs).nnz == 0


def test_a_monitor_that_is_interrupted_leaves_whole_epochs() -> None:
    calls = 0

    def monitor(estimator: Any, X: Any, y: Any) -> float:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise KeyboardInterrupt
        return float(estimator.score(X, y))

    model = em.MLPRegressor(monitor=monitor, max_iter=9, warm_start=True, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, Y, X_val=X, y_val=Y)
        assert len(model.loss_curve_) == len(model.validation_scores_) == model.n_iter_ == 3
        model.fit(X, Y, X_val=X, y_val=Y)
    assert len(model.loss_curve_) == len(model.validation_scores_) == 12


def test_what_is_set_after_a_conversion_does_not_change_it() -> None:
    theirs = ScikitLearnClassifier(5, max_iter=300, tol=1.0, random_state=0).fit(X, Y > 0)
    model = em.from_sklearn(theirs)
    before = model.predict_proba(X)
    later = em.from_sklearn(theirs).set_params(activation="tanh")
    assert np.array_equal(later.predict_proba(X), before)


def test_an_exported_model_goes_on_where_no_score_is_better() -> None:
    easy = np.repeat([[-1.0], [1.0]], 50, axis=0)
    model = em.MLPClassifier(early_stopping=True, warm_start=True, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exported = model.fit(easy, easy[:, 0] > 0).to_sklearn().fit(easy, easy[:, 0] > 0)
    assert exported.score(easy, easy[:, 0] > 0) == 1.0


@pytest.mark.parametrize("activation", ["gelu", []])
def test_without_hidden_layers_any_activation_is_exported(activation: Any) -> None:
    model = em.MLPClassifier((), activation=activation, max_iter=500, tol=1.0, random_state=0)
    model.fit(X, Y > 0)
    np.testing.assert_allclose(model.to_sklearn().predict_proba(X), model.predict_proba(X))
