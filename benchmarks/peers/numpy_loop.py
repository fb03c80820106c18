"""The textbook's loop in NumPy, float32, whose products are its BLAS's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from peers import base
from problem import BETA1, BETA2, EPSILON

if TYPE_CHECKING:
    from problem import Floats, Indices, Problem


def details() -> dict[str, str]:
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {"BLAS": f"{blas.get('name')} {blas.get('version')}"}


def use_threads(count: int) -> None:
    """Nothing: BLAS takes its number of threads from the environment."""


def _forward(X: Floats, weights: list[Floats], biases: list[Floats]) -> list[Floats]:
    """Activations of every layer, the last one's the probabilities."""
    activations = [X]
    for layer, (w, b) in enumerate(zip(weights, biases, strict=True)):
        z = activations[-1] @ w
        z += b
        if layer + 1 < len(weights):
            np.maximum(z, 0, out=z)
        activations.append(z)
    logits = activations[-1]
    logits -= logits.max(axis=1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=1, keepdims=True)
    return activations


class Trainer(base.Trainer):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.weights = [w.copy() for w in problem.weights]
        self.biases = [b.copy() for b in problem.biases]
        self.values = self.weights + self.biases
        self.m = [np.zeros_like(p) for p in self.values]
        self.v = [np.zeros_like(p) for p in self.values]
        self.t = 0

    def reset(self) -> None:
        start = self.problem.weights + self.problem.biases
        for value, first, m, v in zip(self.values, start, self.m, self.v, strict=True):
            value[...] = first
            m[...] = 0
            v[...] = 0
        self.t = 0

    def epoch(self, turn: int) -> None:
        X, y, batch = self.problem.X, self.problem.y, self.problem.model.batch
        if self.problem.model.batch_size is None:
            self._step(X, y)
            return
        order = self.problem.order(turn)
        for first in range(0, len(order), batch):
            chosen = order[first : first + batch]
            self._step(X[chosen], y[chosen])

    def parameters(self) -> tuple[list[Floats], list[Floats]]:
        return self.weights, self.biases

    def _step(self, X: Floats, y: Indices) -> None:
        l2 = np.float32(self.problem.model.l2)
        activations = _forward(X, self.weights, self.biases)
        delta = activations[-1]
        delta[np.arange(len(y)), y] -= 1
        delta /= len(y)
        layers = len(self.weights)
        gradients: list[Floats] = [delta] * (2 * layers)
        for layer in reversed(range(layers)):
            gradients[layer] = activations[layer].T @ delta
            if l2:
                gradients[layer] += l2 * self.weights[layer]
            gradients[layers + layer] = delta.sum(axis=0)
            if layer > 0:
                delta = delta @ self.weights[layer].T
                delta *= activations[layer] > 0
        self._update(gradients)

    def _update(self, gradients: list[Floats]) -> None:
        rate = self.problem.model.learning_rate
        if self.problem.model.rule == "sgd":
            for value, g in zip(self.values, gradients, strict=True):
                np.subtract(value, np.float32(rate) * g, out=value)
            return
        self.t += 1
        step = np.float32(rate / (1 - BETA1**self.t))
        root = np.float32(1 / np.sqrt(1 - BETA2**self.t))
        for value, g, m, v in zip(self.values, gradients, self.m, self.v, strict=True):
            np.multiply(m, np.float32(BETA1), out=m)
            np.add(m, np.float32(1 - BETA1) * g, out=m)
            np.multiply(v, np.float32(BETA2), out=v)
            np.add(v, np.float32(1 - BETA2) * g * g, out=v)
            np.subtract(value, step * m / (np.sqrt(v) * root + np.float32(EPSILON)), out=value)


class Predictor(base.Predictor):
    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    def predict(self, X: Floats) -> Floats:
        return _forward(X, self.problem.weights, self.problem.biases)[-1]
