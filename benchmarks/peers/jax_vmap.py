"""Many small networks at once, by JAX's vmap over seeds and learning rates."""

from __future__ import annotations

import importlib
import itertools
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

__all__ = ["seconds_of_all"]

_BATCH = 64
_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8


def seconds_of_all(
    X: np.ndarray, y: np.ndarray, *, hidden: Sequence[int], rates: np.ndarray, epochs: int
) -> float | None:
    """Train a network of two classes for each rate with Adam, in batches of 64.

    Returns
    -------
    float or None
        Seconds, compilation counted; None if JAX is not installed.

    Raises
    ------
    RuntimeError
        If none of them learnt.
    """
    try:
        jax: Any = importlib.import_module("jax")
    except ImportError:
        return None
    jnp = jax.numpy
    sizes = [X.shape[1], *hidden, 2]
    samples, labels = jnp.asarray(X), jnp.asarray(y)
    n_batches = len(X) // _BATCH

    def loss(layers: Any, rows: Any) -> Any:
        values = samples[rows]
        for weight, bias in layers[:-1]:
            values = jax.nn.relu(values @ weight + bias)
        weight, bias = layers[-1]
        logs = jax.nn.log_softmax(values @ weight + bias)
        return -jnp.take_along_axis(logs, labels[rows, None], axis=1).mean()

    def train(key: Any, rate: Any) -> Any:
        keys = jax.random.split(key, len(sizes))
        layers = [
            (jnp.sqrt(2 / m) * jax.random.normal(drawn, (m, n)), jnp.zeros(n))
            for drawn, (m, n) in zip(keys, itertools.pairwise(sizes), strict=False)
        ]
        zeros = jax.tree.map(jnp.zeros_like, layers)

        def step(state: Any, rows: Any) -> Any:
            layers, first, second, clock = state
            gradient = jax.grad(loss)(layers, rows)
            clock = clock + 1
            first = jax.tree.map(lambda m, g: _BETA1 * m + (1 - _BETA1) * g, first, gradient)
            second = jax.tree.map(lambda v, g: _BETA2 * v + (1 - _BETA2) * g * g, second, gradient)
            size = rate * jnp.sqrt(1 - _BETA2**clock) / (1 - _BETA1**clock)
            layers = jax.tree.map(
                lambda p, m, v: p - size * m / (jnp.sqrt(v) + _EPSILON), layers, first, second
            )
            return (layers, first, second, clock), None

        def epoch(state: Any, key: Any) -> Any:
            order = jax.random.permutation(key, len(X))[: n_batches * _BATCH]
            return jax.lax.scan(step, state, order.reshape(n_batches, _BATCH))

        keys = jax.random.split(keys[-1], epochs)
        (layers, *_), _ = jax.lax.scan(epoch, (layers, zeros, zeros, 0.0), keys)
        return loss(layers, jnp.arange(len(X)))

    begin = time.perf_counter()
    keys = jax.random.split(jax.random.key(0), len(rates))
    losses = jax.jit(jax.vmap(train))(keys, jnp.asarray(rates)).block_until_ready()
    seconds = time.perf_counter() - begin
    if not float(losses.min()) < 0.4:
        raise RuntimeError(f"JAX learnt nothing: its losses are {losses}")
    return seconds
