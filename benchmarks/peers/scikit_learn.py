"""scikit-learn's MLPClassifier, an epoch a call of partial_fit."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import sklearn
from sklearn.neural_network import MLPClassifier

from peers import base
from problem import BETA1, BETA2, EPSILON

if TYPE_CHECKING:
    from problem import Floats, Problem


def details() -> dict[str, str]:
    return {"scikit-learn": sklearn.__version__}


def use_threads(count: int) -> None:
    """Nothing: BLAS takes its number of threads from the environment."""


class _OrderOf(np.random.RandomState):
    """Shuffles to the order that all peers take, by scikit-learn's own way of shuffling."""

    order: np.ndarray

    def shuffle(self, x: np.ndarray) -> None:  # type: ignore[override]
        x[...] = self.order


def _classifier(problem: Problem, random_state: np.random.RandomState) -> MLPClassifier:
    model = problem.model
    mlp = MLPClassifier(
        model.hidden,
        solver=model.rule,
        learning_rate_init=model.learning_rate,
        batch_size=model.batch,
        # It divides alpha by the samples of each batch; only a shorter last batch feels another λ.
        alpha=model.l2 * model.batch,
        beta_1=BETA1,
        beta_2=BETA2,
        epsilon=EPSILON,
        momentum=0.0,
        nesterovs_momentum=False,
        shuffle=model.batch_size is not None,
        random_state=random_state,
        n_iter_no_change=2**31,
    )
    # The first call makes the arrays, which then take the weights that all peers start from.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a batch clipped to one row
        mlp.set_params(shuffle=False, random_state=0)
        mlp.partial_fit(problem.X[:1], problem.y[:1], classes=np.arange(model.sizes[-1]))
        mlp.set_params(shuffle=model.batch_size is not None, random_state=random_state)
    _set_parameters(mlp, problem)
    return mlp


def _set_parameters(mlp: MLPClassifier, problem: Problem) -> None:
    start = problem.weights + problem.biases
    for array, values in zip(mlp.coefs_ + mlp.intercepts_, start, strict=True):
        array[...] = values


class Trainer(base.Trainer):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.random_state = _OrderOf(0)
        self.mlp = _classifier(problem, self.random_state)

    def reset(self) -> None:
        _set_parameters(self.mlp, self.problem)
        self.mlp.t_ = 0
        optimizer = self.mlp._optimizer
        if self.problem.model.rule == "adam":
            optimizer.t = 0
            for moment in optimizer.ms + optimizer.vs:
                moment[...] = 0
        else:
            for velocity in optimizer.velocities:
                velocity[...] = 0

    def epoch(self, turn: int) -> None:
        self.random_state.order = self.problem.order(turn)
        self.mlp.partial_fit(self.problem.X, self.problem.y)

    def parameters(self) -> tuple[list[Floats], list[Floats]]:
        return self.mlp.coefs_, self.mlp.intercepts_


class Predictor(base.Predictor):
    def __init__(self, problem: Problem) -> None:
        self.mlp = _classifier(problem, np.random.RandomState(0))

    def predict(self, X: Floats) -> Floats:
        probabilities: Floats = self.mlp.predict_proba(X)
        return probabilities
