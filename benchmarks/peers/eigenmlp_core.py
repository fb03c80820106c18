"""Ours: `eigenmlp.train`, with nothing but its documented arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import eigenmlp as em
from peers import base
from problem import BETA1, BETA2, EPSILON

if TYPE_CHECKING:
    from problem import Floats, Problem


def details() -> dict[str, str]:
    return {"eigenmlp": em.__version__, "instruction set": em.instruction_set()}


_n_threads = 1


def use_threads(count: int) -> None:
    global _n_threads  # noqa: PLW0603
    _n_threads = count


def _network(problem: Problem) -> em.Network:
    net = em.Network(problem.model.sizes, rng=0)
    net.set_parameters(problem.weights, problem.biases)
    return net


class Trainer(base.Trainer):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.net = _network(problem)
        self.start = self.net.get_flat_parameters()
        self.rule: em.optimizers.Optimizer = em.optimizers.SGD()
        if problem.model.rule == "adam":
            self.rule = em.optimizers.Adam(BETA1, BETA2, EPSILON)

    def reset(self) -> None:
        self.net.set_flat_parameters(self.start)
        self.rule.state_for(self.net).reset()

    def epoch(self, turn: int) -> None:
        model = self.problem.model
        em.train(
            self.net,
            self.problem.X,
            self.problem.y,
            optimizer=self.rule,
            learning_rate=model.learning_rate,
            batch_size=model.batch_size,
            epochs=1,
            l2=model.l2,
            n_threads=_n_threads,
            rng=_PermutationOf(self.problem.order(turn)),
        )

    def parameters(self) -> tuple[list[Floats], list[Floats]]:
        return self.net.weights, self.net.biases


class _PermutationOf(np.random.Generator):
    """Draws the order that all peers take."""

    def __init__(self, order: np.ndarray) -> None:
        super().__init__(np.random.PCG64(0))
        self.order = order

    def permutation(self, x: object, axis: int = 0) -> np.ndarray:  # noqa: ARG002
        return self.order


class Predictor(base.Predictor):
    def __init__(self, problem: Problem) -> None:
        self.net = _network(problem)

    def predict(self, X: Floats) -> Floats:
        return self.net.predict_proba(X, n_threads=_n_threads)
