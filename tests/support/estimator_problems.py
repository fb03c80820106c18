"""Small problems, and what two fitted models are compared by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.datasets import load_digits, make_multilabel_classification, make_regression

import eigenmlp as em

if TYPE_CHECKING:
    from numpy.typing import NDArray


def digits(n_samples: int = 300) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Pixels of 0 to 1, and ten classes."""
    X, y = load_digits(return_X_y=True)
    return X[:n_samples] / 16, y[:n_samples]


def two_digits(n_samples: int = 150) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Two classes."""
    X, y = load_digits(n_class=2, return_X_y=True)
    return X[:n_samples] / 16, y[:n_samples]


def labels_without_order(
    n_samples: int = 150,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Five labels, of which a sample has any number."""
    X, Y = make_multilabel_classification(n_samples=n_samples, random_state=0)
    return X / 10, Y


def numbers(
    n_samples: int = 250, n_targets: int = 1
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Noisy linear targets of unit scale."""
    X, y = make_regression(n_samples, 8, n_targets=n_targets, noise=5.0, random_state=0)
    return X, y / y.std()


def parameters(model: Any) -> NDArray[Any]:
    """All weights and biases in one array."""
    return np.concatenate([array.ravel() for array in [*model.coefs_, *model.intercepts_]])


def record(model: Any) -> dict[str, Any]:
    """All that a fit has measured, without its duration."""
    names = [
        "loss_",
        "loss_curve_",
        "best_loss_",
        "validation_scores_",
        "best_validation_score_",
        "validation_loss_curve_",
        "t_",
        "_no_improvement_count",
    ]
    return {name: getattr(model, name) for name in names}


class Snapshots(em.callbacks.Callback):
    """Parameters after each epoch."""

    def __init__(self) -> None:
        self.taken: list[NDArray[Any]] = []

    def on_epoch_end(self, state: em.callbacks.TrainingState) -> None:
        self.taken.append(state.network.get_flat_parameters())
