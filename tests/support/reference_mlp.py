"""The slow truth: the network, its gradient and its update rules in NumPy, float64."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

Arrays = list["NDArray[np.float64]"]


def probabilities(
    X: NDArray[np.float64], weights: Arrays, biases: Arrays
) -> tuple[NDArray[np.float64], Arrays]:
    """Class probabilities (n, classes) and the input of each layer."""
    inputs: Arrays = []
    a = X
    for layer, (w, b) in enumerate(zip(weights, biases, strict=True)):
        inputs.append(a)
        z = a @ w + b
        a = np.maximum(z, 0) if layer + 1 < len(weights) else z
    e = np.exp(a - a.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True), inputs


def loss_and_gradients(
    X: NDArray[np.float64],
    y: NDArray[np.int64],
    weights: Arrays,
    biases: Arrays,
    *,
    l2: float = 0.0,
    l2_biases: bool = False,
) -> tuple[float, float, Arrays, Arrays]:
    """Mean cross-entropy, penalty, and the gradients of their sum."""
    y_hat, inputs = probabilities(X, weights, biases)
    loss = -float(np.log(y_hat[np.arange(len(y)), y]).mean())
    delta = y_hat.copy()
    delta[np.arange(len(y)), y] -= 1
    delta /= len(y)
    dw: Arrays = []
    db: Arrays = []
    for layer in reversed(range(len(weights))):
        dw.insert(0, inputs[layer].T @ delta + l2 * weights[layer])
        db.insert(0, delta.sum(axis=0) + (l2 * biases[layer] if l2_biases else 0))
        delta = (delta @ weights[layer].T) * (inputs[layer] > 0)
    penalized: Iterable[NDArray[np.float64]] = [*weights, *(biases if l2_biases else [])]
    penalty = l2 / 2 * sum(float((p**2).sum()) for p in penalized)
    return loss, penalty, dw, db


@dataclass
class Sgd:
    """Plain gradient descent."""

    def step(
        self, parameters: Sequence[NDArray[np.float64]], gradients: Arrays, eta: float
    ) -> None:
        for p, g in zip(parameters, gradients, strict=True):
            np.subtract(p, eta * g, out=p)


@dataclass
class Adam:
    """Adam, with one clock for all arrays."""

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    t: int = 0
    m: Arrays = field(default_factory=list)
    v: Arrays = field(default_factory=list)

    def step(
        self, parameters: Sequence[NDArray[np.float64]], gradients: Arrays, eta: float
    ) -> None:
        if not self.m:
            self.m = [np.zeros_like(p) for p in parameters]
            self.v = [np.zeros_like(p) for p in parameters]
        self.t += 1
        for p, g, m, v in zip(parameters, gradients, self.m, self.v, strict=True):
            m[...] = self.beta1 * m + (1 - self.beta1) * g
            v[...] = self.beta2 * v + (1 - self.beta2) * g**2
            m_hat = m / (1 - self.beta1**self.t)
            v_hat = v / (1 - self.beta2**self.t)
            np.subtract(p, eta * m_hat / (np.sqrt(v_hat) + self.epsilon), out=p)
