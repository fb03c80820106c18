"""Estimators on sparse samples: the bits of dense ones, in every way to fit."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

import eigenmlp as em

RNG = np.random.default_rng(0)
X = np.where(RNG.random((200, 40)) < 0.1, RNG.random((200, 40)), 0)
Y = RNG.integers(0, 3, 200)


@pytest.fixture(autouse=True)
def _few_iterations_will_do() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csc_array, sparse.coo_matrix])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"early_stopping": True},
        {"solver": "lbfgs"},
        {"solver": "sgd", "alpha": 0.1, "learning_rate": "adaptive"},
        {"batch_size": 7, "activation": "tanh"},
    ],
    ids=str,
)
def test_fits_have_the_dense_bits(options: dict[str, Any], kind: Any) -> None:
    dense, other = (
        em.MLPClassifier((8,), random_state=0, max_iter=8, **options).fit(samples, Y)
        for samples in (X, kind(X))
    )
    for found, expected in zip(other.coefs_, dense.coefs_, strict=True):
        assert found.tobytes() == expected.tobytes()
    assert getattr(other, "loss_curve_", None) == getattr(dense, "loss_curve_", None)
    assert getattr(other, "validation_scores_", None) == getattr(dense, "validation_scores_", None)
    assert (other.predict_proba(kind(X)) == dense.predict_proba(X)).all()
    assert other.score(kind(X), Y) == dense.score(X, Y)


def test_parts_weights_validation_data_and_regression() -> None:
    S, weights = sparse.csr_matrix(X), np.arange(200) % 3
    models: list[list[Any]] = [[], []]
    for of_kind, samples in zip(models, (X, S), strict=True):
        part = em.MLPClassifier((8,), random_state=0)
        for _ in range(3):
            part.partial_fit(samples, Y, classes=[0, 1, 2])
        of_kind.append(part)
        of_kind.append(
            em.MLPClassifier((8,), random_state=0, max_iter=5).fit(
                samples, Y, weights, X_val=samples[:50], y_val=Y[:50]
            )
        )
        of_kind.append(
            em.MLPRegressor(hidden_layer_sizes=(8,), random_state=0, max_iter=5).fit(
                samples.astype(np.float32), np.stack([Y, Y**2], axis=1)
            )
        )
    for dense, other in zip(*models, strict=True):
        assert (dense.predict(X) == other.predict(S)).all()
        assert all((a == b).all() for a, b in zip(dense.coefs_, other.coefs_, strict=True))


def test_texts_in_a_pipeline_and_a_search() -> None:
    texts = ["cheap flights today", "the match ended late", "rain and wind", "flights and hotels"]
    kinds = ["travel", "sport", "weather", "travel"]
    for vectorizer in (TfidfVectorizer(), CountVectorizer(), CountVectorizer(dtype=np.uint8)):
        model = make_pipeline(
            vectorizer, em.MLPClassifier((16,), learning_rate_init=0.05, random_state=0)
        )
        model.fit(texts, kinds)
        assert list(model.predict(texts)) == kinds
        search = GridSearchCV(model, {"mlpclassifier__alpha": [0, 1e-3]}, cv=2)
        assert search.fit(texts * 4, kinds * 4).best_score_ == 1
