"""What the estimators refuse, and in which words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse

import eigenmlp as em
from estimator_problems import digits, numbers


@pytest.mark.parametrize(
    ("settings", "shown"),
    [
        ({"dropout": 0.5}, "dropout=0.5"),
        ({"dropout": [0.5]}, r"dropout=\[0.5\]"),
        ({"normalization": "batch"}, "normalization='batch'"),
        ({"learning_rate": em.schedules.constant(0.1)}, r"learning_rate=constant\(value=0.1\)"),
        ({"clip_norm": 1.0, "clip_value": 2}, "clip_norm=1.0, clip_value=2"),
        ({"rate_factors": {"biases": 0.5}}, r"rate_factors=\{'biases': 0.5\}"),
        ({"monitor": "loss"}, "monitor='loss'"),
        ({"callbacks": [em.callbacks.ProgressBar()]}, r"callbacks=\[ProgressBar\(\)\]"),
        ({"verbose": "bar"}, "verbose='bar'"),
    ],
)
def test_lbfgs_refuses_what_needs_epochs(settings: dict[str, Any], shown: str) -> None:
    message = f"solver='lbfgs' works on all samples at once.* can't use {shown}; take one of the"
    with pytest.raises(ValueError, match=message):
        em.MLPClassifier(solver="lbfgs", **settings).fit(*digits())


def test_lbfgs_refuses_validation_data() -> None:
    X, y = digits()
    with pytest.raises(ValueError, match=r"solver='lbfgs' .* can't use X_val; take one"):
        em.MLPClassifier(solver="lbfgs").fit(X, y, X_val=X, y_val=y)


def test_lbfgs_passes_over_what_scikit_learns_does() -> None:
    em.MLPClassifier(
        solver="lbfgs",
        hidden_layer_sizes=5,
        early_stopping=True,
        learning_rate="adaptive",
        batch_size=3,
        tol=1.0,
        # Neutral, whichever way they are written.
        dropout=[0.0],
        normalization=[None],
    ).fit(*digits())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"activation": "softplus"}, "The 'activation' parameter of MLPClassifier must be a str"),
        ({"activation": ["relu", "tanh"]}, "has 2 entries, but there are 1 hidden layers; pass"),
        ({"activation": ["softplus"]}, "activation.*softplus"),
        ({"dropout": 1.0}, "The 'dropout' parameter of MLPClassifier must be a float in the range"),
        ({"dropout": [0.1, 0.2]}, "has 2 entries, but there are 1 hidden layers; pass one"),
        ({"normalization": "group"}, "The 'normalization' parameter of MLPClassifier must be"),
        ({"normalization": ["group"]}, "normalization.*group"),
        ({"solver": "rmsprop"}, "The 'solver' parameter of MLPClassifier must be a str among"),
        ({"label_smoothing": 1.0}, "The 'label_smoothing' parameter of MLPClassifier must be"),
        ({"clip_norm": 0.0}, "The 'clip_norm' parameter of MLPClassifier must be a float in the"),
        ({"weight_decay": -1.0}, "The 'weight_decay' parameter of MLPClassifier must be a float"),
        ({"schedule_unit": "batch"}, "The 'schedule_unit' parameter of MLPClassifier must be a"),
        ({"n_threads": 0}, "The 'n_threads' parameter of MLPClassifier must be an int in the"),
        ({"verbose": "line"}, "The 'verbose' parameter of MLPClassifier must be"),
        ({"hidden_layer_sizes": (5, 0)}, r"^hidden_layer_sizes must be > 0, got \[5, 0\]\.$"),
        ({"learning_rate": lambda _epoch: -1.0}, "the learning-rate schedule returned -1.0"),
    ],
)
def test_refused_parameters(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        em.MLPClassifier(**settings).fit(*digits())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"callbacks": [print]}, "callbacks holds <built-in function print>, which is not a Call"),
        ({"learning_rate": em.schedules.constant}, "learning_rate=constant is a class, not a sch"),
    ],
)
def test_refused_types(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        em.MLPClassifier(**settings).fit(*digits())


def test_labels_that_are_none() -> None:
    X, y = digits()
    objects = y.astype(object)
    missing, decimal, large = objects.copy(), y / 1.0, y / 1.0
    missing[7], decimal[7], large[7] = None, 1.5, 2.0**63
    texts = y.astype(str).astype(object)
    mixed, gaps = texts.copy(), texts.copy()
    mixed[7], gaps[7] = 7, None
    for labels, message in [
        (missing, r"y\[7\] is None: the label is missing"),
        (gaps, r"y\[7\] is None: the label is missing"),
        (mixed, r"Unknown label type: y is an array of objects, of which y\[7\] is 7 of type int"),
        (
            (y == 1).astype(object),
            r"of which y\[0\] is False of type bool; .*np.array\(y.tolist\(\)\)",
        ),
        (decimal, r"Unknown label type: y\[7\] is 1.5, but .* predicted by MLPRegressor"),
        (large, r"y\[7\] is 9.2\d+e\+18, but labels are whole numbers below 2\*\*63"),
        (np.c_[decimal, decimal], r"Unknown label type: y\[7, 0\] is 1.5"),
    ]:
        with pytest.raises(ValueError, match=message) as caught:
            em.MLPClassifier().fit(X, labels)
        assert len(str(caught.value)) < 300
        with pytest.raises(ValueError, match=message):
            em.MLPClassifier().fit(X, y, X_val=X, y_val=labels)
    em.MLPClassifier(hidden_layer_sizes=2).partial_fit(X, texts, classes=np.unique(texts))
    several = sparse.csr_matrix(np.c_[y == 1, y == 2] / 1.0)
    em.MLPClassifier(hidden_layer_sizes=2).partial_fit(X, several, classes=[0, 1])


def test_complex_numbers_are_told_in_few_words() -> None:
    X, y = digits()
    for samples, targets in [(X * 1j, y), (X, y * 1j)]:
        with pytest.raises(ValueError, match="Complex data not supported: ") as caught:
            em.MLPClassifier().fit(samples, targets)
        assert len(str(caught.value)) < 200


def test_refused_losses() -> None:
    X, y = numbers()
    with pytest.raises(ValueError, match="The 'loss' parameter of MLPRegressor must be a str"):
        em.MLPRegressor("log_loss").fit(X, y)
    with pytest.raises(ValueError, match="The 'huber_delta' parameter of MLPRegressor must be"):
        em.MLPRegressor("huber", huber_delta=0).fit(X, y)
    quantile: Any
    for quantile in (0, 1, True, "0.5"):
        with pytest.raises(ValueError, match="The 'quantile' parameter of MLPRegressor must be"):
            em.MLPRegressor("quantile", quantile=quantile).fit(X, y)
    for solver in ("adam", "lbfgs"):
        with pytest.raises(
            ValueError, match=r"is -0.79\d+, but the targets of the Poisson loss are 0"
        ):
            em.MLPRegressor("poisson", solver=solver).fit(X, y)


@pytest.mark.parametrize(
    ("solver", "scale"),
    [("adam", 1e300), ("sgd", 1e50), ("sgd", 1e300), ("lbfgs", 1e150), ("lbfgs", 1e300)],
)
def test_divergence_without_validation_is_an_error(solver: str, scale: float) -> None:
    X, y = numbers()
    model = em.MLPRegressor(solver=solver, random_state=0)
    with pytest.raises(ValueError, match=r"^Solver produced non-finite parameter weights\. The"):
        model.fit(scale * X, y)
    assert not hasattr(model, "coefs_")


def test_a_prediction_that_overflows_is_an_error() -> None:
    X, y = numbers()
    model = em.MLPRegressor("poisson", max_iter=1, random_state=0)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        model.fit(X, y**2)
    model.intercepts_[1] = np.array([1e3])
    with pytest.raises(ArithmeticError, match="row 0 has no finite outputs: numbers overflow"):
        model.predict(X)


def test_a_failed_check_leaves_the_model_as_it_was() -> None:
    X, y = digits()
    model = em.MLPClassifier(hidden_layer_sizes=5, solver="lbfgs", random_state=0).fit(X, y)
    probabilities = model.predict_proba(X)
    with pytest.raises(ValueError, match="dropout"):
        model.set_params(dropout=0.5).fit(X, y + 1)
    np.testing.assert_array_equal(model.predict_proba(X), probabilities)
    np.testing.assert_array_equal(model.predict(X[:5]), y[:5])
