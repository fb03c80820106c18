"""Whole training runs, step by step, against the NumPy reference and against PyTorch."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import eigenmlp as em
import reference_mlp
import torch_problem
from places import DATA

if TYPE_CHECKING:
    from numpy.typing import NDArray

TRAJECTORIES = json.loads((DATA / "torch_trajectories.json").read_text(encoding="utf-8"))[
    "trajectories"
]


def relative_error(actual: list[NDArray[Any]], expected: list[NDArray[np.float64]]) -> float:
    """Largest error of any array, relative to that array's norm."""
    return max(
        float(np.linalg.norm(a - e) / np.linalg.norm(e))
        for a, e in zip(actual, expected, strict=True)
    )


@pytest.mark.parametrize(
    ("batch_size", "dtype", "tolerance"),
    [
        (16, "float64", 1e-10),
        (25, "float64", 1e-10),
        (None, "float64", 1e-10),
        (16, "float32", 1e-4),
        (25, "float32", 1e-4),
        # Not the full batch in float32: this run amplifies roundings to 1e-3 in NumPy as well.
    ],
)
@pytest.mark.parametrize("rule", ["adam", "sgd"])
@pytest.mark.parametrize("l2_biases", [False, True])
def test_200_steps_follow_the_reference(
    rule: str, batch_size: int | None, l2_biases: bool, dtype: str, tolerance: float
) -> None:
    n_samples, l2, eta, gamma = 100, 0.01, 0.005, 0.99
    rng = np.random.default_rng(7)
    X = rng.normal(size=(n_samples, 19))
    y = rng.integers(0, 6, n_samples)
    net = em.Network([19, 33, 15, 6], dtype=dtype, rng=1)
    # Start from float32 values, so that both precisions start from the same weights.
    start = em.Network([19, 33, 15, 6], dtype="float32", rng=1)
    net.set_parameters(start.weights, start.biases)
    weights = [w.astype(np.float64) for w in start.weights]
    biases = [b.astype(np.float64) for b in start.biases]

    size = batch_size or n_samples
    steps_an_epoch = -(-n_samples // size)
    epochs = 200 // steps_an_epoch
    history = em.train(
        net, X, y,
        optimizer=em.optimizers.Adam() if rule == "adam" else em.optimizers.SGD(),
        learning_rate=em.schedules.exponential(eta, gamma=gamma),
        batch_size=batch_size, epochs=epochs, l2=l2, l2_biases=l2_biases, rng=3,
    )  # fmt: skip

    slow = reference_mlp.Adam() if rule == "adam" else reference_mlp.Sgd()
    shuffler = np.random.default_rng(3)
    losses = []
    for epoch in range(epochs):
        order = np.arange(n_samples) if batch_size is None else shuffler.permutation(n_samples)
        total = 0.0
        for first in range(0, n_samples, size):
            batch = order[first : first + size]
            loss, _, dw, db = reference_mlp.loss_and_gradients(
                X[batch], y[batch], weights, biases, l2=l2, l2_biases=l2_biases
            )
            slow.step([*weights, *biases], [*dw, *db], eta * gamma**epoch)
            total += loss * len(batch)
        losses.append(total / n_samples)
    assert relative_error([*net.weights, *net.biases], [*weights, *biases]) < tolerance
    np.testing.assert_allclose(history["train_loss"], losses, rtol=tolerance)


@pytest.mark.parametrize("name", sorted(torch_problem.SETTINGS))
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-10), ("float32", 1e-4)])
def test_pytorch_trajectories(name: str, dtype: str, tolerance: float) -> None:
    setting = torch_problem.SETTINGS[name]
    X, y = torch_problem.samples()
    net = em.Network(torch_problem.LAYER_SIZES, dtype=dtype)
    net.set_parameters(*torch_problem.initial_parameters())
    steps_an_epoch = torch_problem.N_SAMPLES // torch_problem.BATCH_SIZE
    history = em.train(
        net, X, y,
        optimizer=em.optimizers.Adam() if setting.kind == "adam" else em.optimizers.SGD(),
        learning_rate=setting.learning_rate,
        batch_size=torch_problem.BATCH_SIZE,
        epochs=torch_problem.N_STEPS // steps_an_epoch,
        l2=setting.weight_decay, l2_biases=True, shuffle=False,
    )  # fmt: skip
    recorded = TRAJECTORIES[name]
    losses = np.reshape(recorded["losses"], (-1, steps_an_epoch)).mean(axis=1)
    np.testing.assert_allclose(history["train_loss"], losses, rtol=tolerance)
    expected = [np.array(array) for array in recorded["weights"] + recorded["biases"]]
    assert relative_error([*net.weights, *net.biases], expected) < tolerance
