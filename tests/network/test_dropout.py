"""Dropout's masks, read off a gradient: how often, where, and that they repeat."""

from __future__ import annotations

import copy
import itertools
import math
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import eigenmlp as em

if TYPE_CHECKING:
    from numpy.typing import NDArray

N_SAMPLES, N_UNITS = 128, 257


def masks(
    dropouts: list[float],
    *,
    step: int = 0,
    rng: int = 0,
    n_samples: int = N_SAMPLES,
    n_units: int = N_UNITS,
    dtype: str = "float32",
    n_used: int | None = None,
    first: int = 0,
    n_threads: int | None = None,
) -> NDArray[Any]:
    """Factors of the hidden units, (n_samples, n_units), multiplied over the layers.

    Every unit is 1 and stays so through the layers. Sample i alone has an error, 1 at output i,
    hence the gradient of the weights to output i are the factors of the units in sample i.
    """
    sizes = [1, *[n_units] * len(dropouts), n_samples]
    net = em.Network(
        sizes, activation="identity", output="identity", dropout=dropouts, dtype=dtype, rng=rng
    )
    between = [np.eye(n_units)] * (len(dropouts) - 1)
    weights = [np.zeros((1, n_units)), *between, np.zeros((n_units, n_samples))]
    biases = [np.ones(n_units), *[np.zeros(size) for size in sizes[2:]]]
    net.set_parameters(weights, biases)
    n_used = n_used or n_samples
    X, y = np.zeros((n_used, 1)), -n_used * np.eye(n_samples)[:n_used]
    _, gradient = net.loss_and_gradient(
        X, y, dropout_step=step, dropout_first=first, n_threads=n_threads
    )
    read: NDArray[Any] = net.split(gradient)[-1]["weight"].T[:n_used]
    return read


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("p", [0.01, 0.1, 0.25, 0.5, 0.9])
def test_units_are_dropped_as_often_as_asked_for(p: float, dtype: str) -> None:
    read = np.concatenate([masks([p], step=step, dtype=dtype) for step in range(16)])
    kept = read != 0
    # All that a kept unit is divided by is 1 - p, so that its mean stays.
    np.testing.assert_allclose(read[kept], 1 / (1 - p), rtol=1e-6 if dtype == "float32" else 1e-15)
    of_one = (p * (1 - p)) ** 0.5
    # Five deviations of a fair mask, of all units at once, of each unit, of each sample.
    assert abs(kept.mean() - (1 - p)) < 5 * of_one / kept.size**0.5
    for axis in (0, 1):
        shares = kept.mean(axis=axis)
        assert abs(shares - (1 - p)).max() < 5 * of_one / kept.shape[axis] ** 0.5
        # And as uneven as chance makes them: no grid, no quota.
        assert shares.std() == pytest.approx(of_one / kept.shape[axis] ** 0.5, rel=0.2)


@pytest.mark.parametrize(
    ("axis", "distance"), [*itertools.product((0, 1), (1, 2, 3, 8, 16, 64, 128))]
)
def test_neighbours_are_independent(axis: int, distance: int) -> None:
    kept = np.moveaxis(masks([0.5], n_samples=512, n_units=256) != 0, axis, 0)
    first, second = kept[:-distance].ravel(), kept[distance:].ravel()
    assert abs((first == second).mean() - 0.5) < 5 * 0.5 / first.size**0.5


def agreement(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Excess of equal entries over chance, in deviations of it; both masks of p = 0.5."""
    equal = (a != 0) == (b != 0)
    return float((equal.mean() - 0.5) / (0.5 / equal.size**0.5))


@pytest.mark.parametrize(
    "other",
    [
        {"step": 1},
        {"step": 2},
        {"step": 2**20},
        {"step": 2**40},
        {"rng": 1},
        {"dropouts": [0.0, 0.5]},
    ],
)
def test_masks_differ_by_step_seed_and_layer(other: dict[str, Any]) -> None:
    arguments = {"dropouts": [0.5, 0.0], **other}
    assert abs(agreement(masks([0.5, 0.0]), masks(**arguments))) < 5


def test_layers_drop_independently() -> None:
    both = masks([0.5, 0.5])
    np.testing.assert_array_equal(both, masks([0.5, 0.0]) * masks([0.0, 0.5]))
    assert (both != 0).mean() == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize("n_used", [1, 7, 16, 33, 99])
def test_masks_depend_on_the_place_alone(n_used: int) -> None:
    """Not on how many samples follow."""
    whole = masks([0.3], n_samples=100)
    np.testing.assert_array_equal(masks([0.3], n_samples=100, n_used=n_used), whole[:n_used])


@pytest.mark.parametrize("normalization", [None, "layer"])
@pytest.mark.parametrize(("first", "n_used"), [(1, 1), (7, 33), (16, 16), (150, 150), (299, 1)])
def test_a_part_of_a_batch_has_its_masks(first: int, n_used: int, normalization: Any) -> None:
    whole = masks([0.3, 0.2], n_samples=300)
    part = masks([0.3, 0.2], n_samples=300, n_used=n_used, first=first)
    np.testing.assert_array_equal(part, whole[first : first + n_used])
    # And its gradient is the whole batch's, of nothing but these samples.
    rng = np.random.default_rng(0)
    net = em.Network(
        [5, 33, 17, 3], dropout=[0.3, 0.2], normalization=normalization, dtype="float64", rng=0
    )
    X, y, weights = rng.normal(size=(300, 5)), rng.integers(0, 3, 300), np.zeros(300)
    loss, gradient = net.loss_and_gradient(
        X[first : first + n_used], y[first : first + n_used], dropout_step=4, dropout_first=first
    )
    weights[first : first + n_used] = 1e12
    weights[weights == 0] = 1  # Of no weight they would be absent, and not counted.
    expected_loss, expected = net.loss_and_gradient(X, y, sample_weight=weights, dropout_step=4)
    assert loss == pytest.approx(expected_loss, rel=1e-8)
    np.testing.assert_allclose(gradient, expected, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"dropout_first": 3}, ValueError, "dropout_first=3 is a place among the masks of a step"),
        ({"dropout_first": -1, "dropout_step": 0}, ValueError, "dropout_first=-1 is less than 0"),
        ({"dropout_first": 2**32, "dropout_step": 0}, ValueError, "beyond the places of a batch"),
        ({"dropout_first": 1.0, "dropout_step": 0}, TypeError, "dropout_first=1.0 is not an integ"),
        ({"batch_statistics": 1}, TypeError, "batch_statistics=1 is not a bool"),
    ],
)
def test_places_that_are_refused(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        em.Network([2, 3, 2]).loss_and_gradient(np.ones((4, 2)), [0, 1, 0, 1], **options)


def test_places_without_a_step_are_those_of_a_whole_batch() -> None:
    net = em.Network([2, 3, 2], dropout=0.5, rng=0)
    last = {"dropout_step": 0, "dropout_first": 2**32 - 1}
    assert math.isfinite(net.loss_and_gradient(np.ones((4, 2)), [0, 1, 0, 1], **last)[0])  # type: ignore[arg-type]
    assert math.isfinite(net.loss_and_gradient([[1.0, 2.0]], [0], dropout_first=0)[0])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_same_seed_and_step_repeat(dtype: str) -> None:
    first = masks([0.5], step=3, dtype=dtype)
    for n_threads in (1, 2, 3):
        again = masks([0.5], step=3, dtype=dtype, n_threads=n_threads)
        assert again.tobytes() == first.tobytes()
    # Precision has no part in it.
    np.testing.assert_array_equal(masks([0.5], step=3, dtype="float32"), first)


def test_copies_keep_the_seed() -> None:
    net = em.Network([2, 65, 3], dropout=0.5, rng=4)
    X, y = np.ones((40, 2)), np.zeros(40, dtype=int)
    loss, _ = net.loss_and_gradient(X, y, dropout_step=7)
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):  # noqa: S301
        assert twin.dropout_seed == net.dropout_seed
        assert twin.loss_and_gradient(X, y, dropout_step=7)[0] == loss
    assert em.Network([2, 65, 3], dropout=0.5, rng=5).dropout_seed != net.dropout_seed


def pair(dtype: str, **options: Any) -> tuple[em.Network, em.Network]:
    """Two networks of the same parameters, without and with dropout."""
    nets = [em.Network([5, 33, 17, 3], dtype=dtype, rng=0, **more) for more in ({}, {**options})]
    nets[1].set_flat_parameters(nets[0].get_flat_parameters())
    return nets[0], nets[1]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_only_training_drops(dtype: str) -> None:
    plain, dropping = pair(dtype, dropout=[0.5, 0.2])
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(70, 5)), rng.integers(0, 3, 70)
    assert dropping.predict_outputs(X).tobytes() == plain.predict_outputs(X).tobytes()
    assert dropping.predict_outputs(X[:1]).tobytes() == plain.predict_outputs(X[:1]).tobytes()
    assert dropping.evaluate(X, y) == plain.evaluate(X, y)
    loss, gradient = plain.loss_and_gradient(X, y)
    same_loss, same_gradient = dropping.loss_and_gradient(X, y)
    assert same_loss == loss
    np.testing.assert_array_equal(same_gradient, gradient)
    assert dropping.loss_and_gradient(X, y, dropout_step=0)[0] != loss


@pytest.mark.parametrize(
    ("dtype", "dropout"),
    [
        ("float32", 0.0),
        ("float64", 0.0),
        # So rarely that none of these units is dropped; in float32, 1 - p is 1.
        ("float32", [0.0, 1e-10]),
        ("float32", 1e-10),
    ],
)
def test_dropping_none_changes_no_bit(dtype: str, dropout: float | list[float]) -> None:
    plain, dropping = pair(dtype, dropout=dropout)
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(70, 5)), rng.integers(0, 3, 70)
    histories = [em.train(net, X, y, batch_size=17, epochs=3, rng=1) for net in (plain, dropping)]
    assert histories[0]["train_loss"] == histories[1]["train_loss"]
    assert plain.get_flat_parameters().tobytes() == dropping.get_flat_parameters().tobytes()


def test_the_mean_over_masks_is_the_network_without() -> None:
    """Of a linear network, whose outputs are linear in the masks."""
    net = em.Network([3, 40, 2], activation="identity", output="identity", dropout=0.5, rng=0)
    x, nothing = np.ones((1, 3)), np.zeros((1, 2))
    # The gradient of the last biases is the error, which here is the output.
    gradients = [net.loss_and_gradient(x, nothing, dropout_step=t)[1] for t in range(4000)]
    outputs = [net.split(gradient)[-1]["bias"] for gradient in gradients]
    deviation = np.std(outputs, axis=0) / len(outputs) ** 0.5
    assert (deviation > 0).all()
    assert (abs(np.mean(outputs, axis=0) - net.predict_outputs(x)[0]) < 5 * deviation).all()
