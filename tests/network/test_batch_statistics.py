"""What batch normalization goes by, behind the gradient of its samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import eigenmlp as em

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(200, 4)), RNG.integers(0, 3, 200)


def network(dtype: str = "float64") -> em.Network:
    return em.Network(
        [4, 9, 7, 5, 3], normalization=["batch", "layer", "batch"], dropout=0.2, dtype=dtype, rng=1
    )


@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize("n_samples", [2, 17, 200])
def test_they_are_those_of_the_samples(n_samples: int, n_threads: int) -> None:
    net, x = network(), X[:n_samples]
    loss, plain = net.loss_and_gradient(x, Y[:n_samples], n_threads=n_threads)
    same, both = net.loss_and_gradient(x, Y[:n_samples], batch_statistics=True, n_threads=n_threads)
    assert same == loss
    assert both[: net.n_parameters].tobytes() == plain.tobytes()
    layers = net.split(both)
    assert ["running_mean" in layer for layer in layers] == [True, False, True, False]
    z = x @ net.weights[0] + net.biases[0]
    np.testing.assert_allclose(layers[0]["running_mean"], z.mean(axis=0), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(layers[0]["running_variance"], z.var(axis=0, ddof=1), rtol=1e-12)
    # They are read off; the running ones stay.
    assert net.get_flat_parameters().tobytes() == network().get_flat_parameters().tobytes()


@pytest.mark.parametrize("weights", [None, RNG.integers(0, 3, 200)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_training_takes_a_tenth_of_them(dtype: str, weights: Any) -> None:
    net, trained = network(dtype), network(dtype)
    _, gradient = net.loss_and_gradient(
        X, Y, sample_weight=weights, dropout_step=0, batch_statistics=True
    )
    em.train(trained, X, Y, sample_weight=weights, batch_size=None, epochs=1)
    of_batch, before = net.split(gradient), net.split(net.get_flat_parameters())
    for layer, after in enumerate(trained.split(trained.get_flat_parameters())):
        for name in after.keys() & {"running_mean", "running_variance"}:
            expected = 0.9 * before[layer][name] + 0.1 * of_batch[layer][name]
            np.testing.assert_allclose(after[name], expected, rtol=1e-6, atol=1e-7)


def test_a_network_without_them_has_none() -> None:
    net = em.Network([4, 5, 3], normalization="layer", rng=0)
    _, plain = net.loss_and_gradient(X, Y)
    _, gradient = net.loss_and_gradient(X, Y, batch_statistics=True)
    assert gradient.tobytes() == plain.tobytes()
