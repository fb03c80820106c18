"""JAX: a whole epoch in one compiled function, a lax.scan over its batches."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np

from peers import base
from problem import BETA1, BETA2, EPSILON

if TYPE_CHECKING:
    from problem import Floats, Problem

# Not an import statement, so that types can be checked where JAX isn't installed.
jax: Any = importlib.import_module("jax")
jnp: Any = importlib.import_module("jax.numpy")


def details() -> dict[str, str]:
    return {"JAX": jax.__version__}


def use_threads(count: int) -> None:
    """Nothing: XLA takes as many threads as the process may use cores."""


def _logits(weights: Any, biases: Any, X: Any) -> Any:
    a = X
    for layer, (w, b) in enumerate(zip(weights, biases, strict=True)):
        z = a @ w + b
        a = jax.nn.relu(z) if layer + 1 < len(weights) else z
    return a


def _loss(parameters: Any, X: Any, y: Any, l2: float) -> Any:
    weights, biases = parameters
    log_p = jax.nn.log_softmax(_logits(weights, biases, X))
    loss = -jnp.take_along_axis(log_p, y[:, None], axis=1).mean()
    return loss + l2 / 2 * sum((w * w).sum() for w in weights) if l2 else loss


class Trainer(base.Trainer):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.X: Any = jax.device_put(problem.X)
        self.y: Any = jax.device_put(problem.y.astype(np.int32))
        # The arrays of the step before are given up, so that an epoch works in place.
        self.compiled = jax.jit(self._epoch, donate_argnums=0)
        self.state: Any = None

    def reset(self) -> None:
        parameters = (list(self.problem.weights), list(self.problem.biases))
        zeros = jax.tree.map(np.zeros_like, parameters)
        moments = (zeros, zeros) if self.problem.model.rule == "adam" else ()
        self.state = jax.block_until_ready(
            jax.tree.map(lambda a: jnp.array(a, copy=True), (parameters, moments, np.float32(0)))
        )

    def epoch(self, turn: int) -> None:
        order = self.problem.order(turn).astype(np.int32)
        self.state = jax.block_until_ready(self.compiled(self.state, self.X, self.y, order))

    def parameters(self) -> tuple[list[Floats], list[Floats]]:
        weights, biases = self.state[0]
        return [np.asarray(w) for w in weights], [np.asarray(b) for b in biases]

    def _epoch(self, state: Any, X: Any, y: Any, order: Any) -> Any:
        batch = self.problem.model.batch
        if self.problem.model.batch_size is None:
            return self._step(state, X, y)

        def body(state: Any, chosen: Any) -> Any:
            rows = X.at[chosen].get(mode="promise_in_bounds", unique_indices=True)
            return self._step(state, rows, y[chosen]), None

        whole = len(order) // batch * batch
        state, _ = jax.lax.scan(body, state, order[:whole].reshape(-1, batch))
        if whole < len(order):
            state, _ = body(state, order[whole:])
        return state

    def _step(self, state: Any, X: Any, y: Any) -> Any:
        parameters, moments, t = state
        rate = self.problem.model.learning_rate
        gradients = jax.grad(_loss)(parameters, X, y, self.problem.model.l2)
        if not moments:
            return jax.tree.map(lambda p, g: p - rate * g, parameters, gradients), moments, t
        t += 1
        m = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, moments[0], gradients)
        v = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, moments[1], gradients)
        step, root = rate / (1 - BETA1**t), 1 / jnp.sqrt(1 - BETA2**t)
        updated = jax.tree.map(
            lambda p, m, v: p - step * m / (jnp.sqrt(v) * root + EPSILON), parameters, m, v
        )
        return updated, (m, v), t


class Predictor(base.Predictor):
    def __init__(self, problem: Problem) -> None:
        self.parameters = jax.device_put((problem.weights, problem.biases))
        self.compiled = jax.jit(lambda w, b, X: jax.nn.softmax(_logits(w, b, X)))

    def predict(self, X: Floats) -> Floats:
        return np.asarray(self.compiled(*self.parameters, X))
