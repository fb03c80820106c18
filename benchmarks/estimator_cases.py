"""What estimators compute: weights, losses and predictions, case by case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import eigenmlp as em
from eigenmlp import schedules
from eigenmlp.callbacks import Checkpoint

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from training_cases import Case, Options

CLASSIFIERS: dict[str, Options] = {
    **{f"solver {solver}": {"solver": solver} for solver in ("sgd", "adam", "adamw", "lbfgs")},
    "adaptive rate": {
        "solver": "sgd", "learning_rate": "adaptive", "tol": 0.1, "n_iter_no_change": 1,
    },
    "inverse scaling": {"solver": "sgd", "learning_rate": "invscaling", "momentum": 0.0},
    "plain momentum": {"solver": "sgd", "nesterovs_momentum": False, "alpha": 0.1},
    "scheduled": {"learning_rate": schedules.cosine(0.01, final=0.0, epochs=5), "amsgrad": True},
    "scheduled by step": {
        "learning_rate": schedules.exponential(0.01, gamma=0.9), "schedule_unit": "step",
    },
    "constants of Adam": {"beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-4, "alpha": 1.0},
    "decay of AdamW": {"solver": "adamw", "weight_decay": 0.5, "amsgrad": True},
    "early stopping": {"early_stopping": True, "n_iter_no_change": 2, "max_iter": 30},
    "monitored": {
        "early_stopping": True, "monitor": "neg_log_loss", "n_iter_no_change": 2,
        "max_iter": 30,
    },
    "regularized": {"dropout": 0.2, "normalization": "batch", "label_smoothing": 0.1},
    "by layer": {
        "activation": ["tanh", "gelu"], "dropout": [0.0, 0.3], "normalization": [None, "layer"],
    },
    "bounded": {"clip_norm": 0.5, "clip_value": 0.1, "class_weight": "balanced"},
    "weighted classes": {"class_weight": {"a": 3.0, "b": 0.5}},
    "full batch, in order": {"batch_size": 300, "shuffle": False},
    "no hidden layer": {"hidden_layer_sizes": ()},
}  # fmt: skip

REGRESSORS: dict[str, Options] = {
    **{loss: {"loss": loss} for loss in ("squared_error", "absolute_error", "huber", "poisson")},
    "huber of a narrow bowl": {"loss": "huber", "huber_delta": 0.2},
    "poisson by lbfgs": {"loss": "poisson", "solver": "lbfgs"},
    "solver sgd": {"solver": "sgd", "clip_norm": 1.0},
    "early stopping": {"early_stopping": True, "n_iter_no_change": 2, "max_iter": 30},
}


def table(n_classes: int) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Return a table of clusters and their classes by name."""
    rng = np.random.default_rng(8)
    classes = np.arange(300) % n_classes
    X = rng.standard_normal((300, 6)) + rng.standard_normal((n_classes, 6))[classes]
    return X, np.array(["a", "b", "c", "d"])[classes]


def estimated(model: Any, X: NDArray[Any]) -> list[Any]:
    """Return a fitted estimator's weights and losses and what it predicts."""
    predicted = [model.predict(X)]
    if hasattr(model, "predict_proba"):
        predicted.append(np.asarray(model.predict_proba(X)))
    curve = [float(value).hex() for value in getattr(model, "loss_curve_", [])]
    return [*model.coefs_, *model.intercepts_, curve, model.n_iter_, model.t_, *predicted]


def in_parts(model: Any, X: NDArray[Any], y: NDArray[Any], **first: Any) -> Any:
    """Fit an estimator to a third of the samples after the other."""
    for begin in range(0, 300, 100):
        batch = slice(begin, begin + 100)
        model.partial_fit(X[batch], y[batch], **(first if begin == 0 else {}))
    return model


def classifiers(shared: Options, folder: Path) -> Iterator[Case]:
    """Yield the cases of classifiers."""
    for name, options in CLASSIFIERS.items():
        for n_classes in (2, 4):
            X, y = table(n_classes)
            model = em.MLPClassifier(**{**shared, **options}).fit(X, y)
            yield f"{name}, {n_classes} classes", estimated(model, X)
    X, y = table(4)
    both = np.stack([y == "a", y == "b"], axis=1)
    yield "several labels", estimated(em.MLPClassifier(**shared).fit(X, both), X)
    weights = np.linspace(0.0, 2.0, 300)
    model = em.MLPClassifier(**shared).fit(X, y, weights)
    yield "weighted samples", estimated(model, X)
    model = em.MLPClassifier(solver="lbfgs", **shared).fit(X, y, weights)
    yield "weighted samples, lbfgs", estimated(model, X)
    model = em.MLPClassifier(early_stopping=True, **{**shared, "n_iter_no_change": 1}).fit(
        X[:200], y[:200], X_val=X[200:], y_val=y[200:], sample_weight_val=weights[200:]
    )
    yield (
        "own validation",
        [*estimated(model, X), [float(v).hex() for v in model.validation_scores_]],
    )
    single = X.astype(np.float32)
    for solver in ("adam", "lbfgs"):
        model = em.MLPClassifier(solver=solver, **shared).fit(single, y)
        yield f"float32, {solver}", [*estimated(model, single), model.predict_proba(single[:1])]
    for solver in ("adam", "lbfgs"):
        warm = em.MLPClassifier(warm_start=True, solver=solver, **shared).fit(X, y)
        name = "fitted twice" if solver == "adam" else "fitted twice, lbfgs"
        yield name, estimated(warm.fit(X, y), X)
    checkpoint = [Checkpoint(folder / f"estimator {shared['n_threads']}")]
    em.MLPClassifier(callbacks=checkpoint, **{**shared, "max_iter": 3}).fit(X, y)
    model = em.MLPClassifier(callbacks=checkpoint, **shared)
    yield "resumed", estimated(model.fit(X, y, resume_from=checkpoint[0].folder), X)
    part = in_parts(em.MLPClassifier(**shared), X, y, classes=np.unique(y))
    yield "in parts", estimated(part, X)
    part.save(folder / "estimator.safetensors")
    loaded: Any = em.load_model(folder / "estimator.safetensors")
    yield "saved and fitted on", estimated(loaded.partial_fit(X, y), X)
    yield "to scikit-learn", estimated(part.to_sklearn(), X)
    yield "from scikit-learn", estimated(em.from_sklearn(part.to_sklearn()), X)


def regressors(shared: Options) -> Iterator[Case]:
    """Yield the cases of regressors."""
    X, _ = table(4)
    for name, options in REGRESSORS.items():
        for n_outputs in (1, 3):
            Y = abs(X[:, :n_outputs] * 2 + X[:, 3:4]).squeeze()
            model = em.MLPRegressor(**{**shared, "activation": "elu", **options}).fit(X, Y)
            yield f"{name}, {n_outputs} outputs", estimated(model, X)
    yield "regressor in parts", estimated(in_parts(em.MLPRegressor(**shared), X, X[:, 0]), X)


def cases(n_threads: int, folder: Path) -> Iterator[Case]:
    """Yield the name of every case of estimators, and what it computes on threads."""
    shared: Options = {
        "hidden_layer_sizes": (20, 9), "max_iter": 6, "random_state": 0, "n_threads": n_threads
    }  # fmt: skip
    for name, values in classifiers(shared, folder):
        yield f"estimator, {name}", values
    for name, values in regressors(shared):
        yield f"estimator, {name}", values
