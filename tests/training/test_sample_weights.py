"""What weights of samples mean: 2 is twice, 0 is absence, and only their ratios count."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_sample_weight

import eigenmlp as em

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOSSES: list[em.losses.Loss] = [
    em.losses.CrossEntropy(label_smoothing=0.1),
    em.losses.BinaryCrossEntropy(),
    em.losses.SquaredError(),
    em.losses.AbsoluteError(),
    em.losses.Huber(),
    em.losses.Poisson(),
    em.losses.Quantile(0.9),
]
NORMALIZATIONS = [None, "batch", "layer"]

whole_weights = st.lists(st.integers(0, 3), min_size=1, max_size=40).filter(any)
losses = st.sampled_from(LOSSES)
normalizations = st.sampled_from(NORMALIZATIONS)
seeds = st.integers(0, 2**32)


def network(loss: em.losses.Loss, normalization: str | None, seed: int, **more: Any) -> em.Network:
    net = em.Network(
        [3, 9, 4, 2],
        activation="tanh",
        output=loss.output,
        normalization=normalization,
        rng=seed,
        **{"dtype": "float64", **more},
    )
    rng = np.random.default_rng(seed)
    values = net.get_flat_parameters()
    net.set_flat_parameters(values + rng.uniform(0.1, 0.4, len(values)))
    return net


def samples(
    loss: em.losses.Loss, n_samples: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[Any]]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, 3))
    if loss.output == "softmax":
        return X, rng.integers(0, 2, n_samples)
    if loss.output == "logistic":
        return X, rng.integers(0, 2, (n_samples, 2))
    return X, rng.poisson(2, (n_samples, 2)) + (0.0 if loss.output == "exponential" else 0.5)


@settings(max_examples=60)
@given(whole_weights, losses, normalizations, seeds)
def test_whole_weights_count_samples(
    weights: list[int], loss: em.losses.Loss, normalization: str | None, seed: int
) -> None:
    net = network(loss, normalization, seed)
    X, y = samples(loss, len(weights), seed)
    weighted = {"loss": loss, "sample_weight": weights}
    repeated = np.repeat(np.arange(len(weights)), weights)

    evaluation = net.evaluate(X, y, **weighted)  # type: ignore[arg-type]
    expected = net.evaluate(X[repeated], y[repeated], loss=loss)
    assert evaluation.loss == pytest.approx(expected.loss, rel=1e-12)
    assert evaluation.accuracy == pytest.approx(expected.accuracy, nan_ok=True)

    actual = net.loss_and_gradient(X, y, 0.1, **weighted)  # type: ignore[arg-type]
    wanted = net.loss_and_gradient(X[repeated], y[repeated], 0.1, loss=loss)
    # Batch normalization divides by a deviation, of one repeated sample 0.003, and magnifies.
    spread = len(np.flatnonzero(weights)) > 2
    tolerance = 1e-11 if normalization != "batch" or spread else 1e-7
    assert actual[0] == pytest.approx(wanted[0], rel=tolerance)
    np.testing.assert_allclose(actual[1], wanted[1], rtol=tolerance, atol=tolerance)


@settings(max_examples=40)
@given(whole_weights, losses, seeds)
def test_running_statistics_count_too(weights: list[int], loss: em.losses.Loss, seed: int) -> None:
    nets = [network(loss, "batch", seed) for _ in range(2)]
    X, y = samples(loss, len(weights), seed)
    repeated = np.repeat(np.arange(len(weights)), weights)
    options: dict[str, Any] = {"loss": loss, "batch_size": None, "epochs": 1, "learning_rate": 0}
    em.train(nets[0], X, y, sample_weight=weights, **options)
    em.train(nets[1], X[repeated], y[repeated], **options)
    for name in ("running_means", "running_variances"):
        for actual, wanted in zip(*(getattr(net, name) for net in nets), strict=True):
            np.testing.assert_allclose(actual, wanted, rtol=1e-6 if len(weights) < 3 else 1e-9)


@settings(max_examples=30)
@given(whole_weights, losses, normalizations, seeds)
def test_only_ratios_count(
    weights: list[int], loss: em.losses.Loss, normalization: str | None, seed: int
) -> None:
    net = network(loss, normalization, seed)
    X, y = samples(loss, len(weights), seed)
    results = [
        net.loss_and_gradient(X, y, loss=loss, sample_weight=factor * np.array(weights))
        for factor in (1.0, 2.0**20, 2.0**-20)
    ]
    for loss_value, gradient in results[1:]:
        # By powers of two, so that they are the same bits.
        assert loss_value == results[0][0]
        np.testing.assert_array_equal(gradient, results[0][1])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
@pytest.mark.parametrize("batch_size", [7, None])
def test_weight_0_is_absence_to_the_bit(
    loss: em.losses.Loss, normalization: str | None, dtype: str, batch_size: int | None
) -> None:
    rng = np.random.default_rng(3)
    X, y = samples(loss, 50, seed=3)
    weights = rng.integers(0, 3, 50) * rng.uniform(0.5, 2, 50)
    present = weights > 0
    assert 10 < present.sum() < 40
    histories, nets = [], []
    for rows in (np.full(50, True), present):
        net = network(loss, normalization, 0, dtype=dtype, dropout=0.2)
        history = em.train(
            net, X[rows], y[rows], loss=loss, sample_weight=weights[rows],
            batch_size=batch_size, epochs=4, l2=0.01, l2_divided=True, evaluate_train=True,
            validation_data=(X[rows], y[rows], weights[rows]), penalized_loss=True, rng=5,
        ).to_dict()  # fmt: skip
        del history["seconds"]
        nets.append(net)
        histories.append(history)
    assert nets[0].get_flat_parameters().tobytes() == nets[1].get_flat_parameters().tobytes()
    # Evaluations add up in groups of rows, which absent ones shift.
    evaluated = {"train_loss", "train_accuracy", "val_loss", "val_accuracy"}
    for name, column in histories[0].items():
        if name in evaluated:
            np.testing.assert_allclose(column, histories[1][name], rtol=1e-6)
        else:
            assert column == histories[1][name], name


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_absent_samples_are_not_computed(normalization: str | None) -> None:
    """Whatever their values: a factor of 0 would leave NaN of an overflow."""
    X, y = samples(LOSSES[0], 10, seed=1)
    net = network(LOSSES[0], normalization, 0, dtype="float32")
    weights = np.ones(10)
    weights[4] = 0
    loss, gradient = net.loss_and_gradient(X, y, sample_weight=weights)
    evaluation = net.evaluate(X, y, sample_weight=weights)
    X[4] = 3e38
    same_loss, same_gradient = net.loss_and_gradient(X, y, sample_weight=weights)
    assert same_loss == loss
    np.testing.assert_array_equal(same_gradient, gradient)
    assert net.evaluate(X, y, sample_weight=weights) == evaluation


@pytest.mark.parametrize("given_weights", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_balanced_is_that_of_scikit_learn(dtype: str, given_weights: bool) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 3))
    y = rng.choice(4, 90, p=[0.6, 0.3, 0.1, 0.0])  # the last one never occurs
    own = rng.integers(1, 4, 90).astype(float) if given_weights else np.ones(90)
    # scikit-learn balances the count of samples; a weight of 2 is two of them.
    repeated = np.repeat(y, own.astype(int))
    by_class = dict(zip(repeated, compute_sample_weight("balanced", repeated), strict=True))
    nets = [em.Network([3, 8, 4], dtype=dtype, rng=1) for _ in range(3)]
    options: dict[str, Any] = {"batch_size": 16, "epochs": 3, "rng": 2}
    weights = own if given_weights else None
    em.train(nets[0], X, y, class_weight="balanced", sample_weight=weights, **options)
    by_hand = own * np.array([by_class[label] for label in y])
    em.train(nets[1], X, y, sample_weight=by_hand, **options)
    classes = {int(label): float(weight) for label, weight in by_class.items()}
    em.train(nets[2], X, y, class_weight=classes, sample_weight=weights, **options)
    for net in nets[1:]:
        np.testing.assert_allclose(
            net.get_flat_parameters(),
            nets[0].get_flat_parameters(),
            rtol=1e-4 if dtype == "float32" else 1e-11,
            atol=1e-5 if dtype == "float32" else 1e-12,
        )
    unweighted = em.Network([3, 8, 4], dtype=dtype, rng=1)
    em.train(unweighted, X, y, **options)
    assert abs(unweighted.get_flat_parameters() - nets[0].get_flat_parameters()).max() > 1e-3


def test_balanced_without_weights_is_scikit_learn_to_the_bit() -> None:
    X, y = samples(LOSSES[0], 60, seed=2)
    nets = [em.Network([3, 8, 2], rng=1) for _ in range(2)]
    em.train(nets[0], X, y, class_weight="balanced", epochs=2, rng=0)
    weights = compute_sample_weight("balanced", y)
    em.train(nets[1], X, y, sample_weight=weights, epochs=2, rng=0)
    assert nets[0].get_flat_parameters().tobytes() == nets[1].get_flat_parameters().tobytes()


def test_train_loss_is_the_weighted_mean() -> None:
    """Of the samples, whatever batches they were in."""
    rng = np.random.default_rng(0)
    X, y = samples(LOSSES[2], 40, seed=0)
    weights = rng.uniform(0.1, 5, 40)
    net = network(LOSSES[2], None, 0)
    expected = net.evaluate(X, y, sample_weight=weights).loss
    history = em.train(
        net, X, y, sample_weight=weights, learning_rate=0, batch_size=7, epochs=1,
        l2=0.5, l2_divided=True, penalized_loss=True, shuffle=False,
    )  # fmt: skip
    assert history["train_loss"][0] == pytest.approx(expected, rel=1e-12)
    squares = sum(float((w**2).sum()) for w in net.weights)
    objective = 0.0
    for first in range(0, 40, 7):
        batch = slice(first, first + 7)
        own = weights[batch]
        mean = net.evaluate(X[batch], y[batch], sample_weight=own).loss
        objective += len(own) * (mean + 0.25 * squares / own.sum()) / 40
    assert history["train_penalized_loss"][0] == pytest.approx(objective, rel=1e-12)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (math.nan, r"sample_weight\[1\] is nan, .* weights are finite and 0 or more"),
        (-1.0, r"sample_weight\[1\] is -1.0, .* weights are finite and 0 or more"),
        (1e-31, r"sample_weight\[1\] is 1e-31, which a network of float32 .* scale the weights"),
        (1e31, r"sample_weight\[1\] is 1e\+31, which a network of float32 .* scale the weights"),
    ],
)
def test_weights_that_no_network_can_take(weight: float, message: str) -> None:
    net = em.Network([2, 2], rng=0)
    with pytest.raises(ValueError, match=message):
        net.evaluate(np.eye(2), [0, 1], sample_weight=[1.0, weight])


@pytest.mark.parametrize("weights", [[0.0, 0.0], [6e299, 6e299]])
def test_weights_without_a_sum(weights: list[float]) -> None:
    net = em.Network([2, 2], dtype="float64", rng=0)
    with pytest.raises(ValueError, match=r"the sum of sample_weight is (0\.0|1\.2e\+300); at"):
        net.evaluate(np.eye(2), [0, 1], sample_weight=weights)


def test_small_weights_leave_the_running_variance_a_variance() -> None:
    """Weights that sum up to 1 don't count one sample, whose unbiased variance has no bound."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 3)), rng.integers(0, 2, 40)
    variances: list[Any] = []
    for weight in (1.0, 1 / 40):
        net = em.Network([3, 4, 2], normalization="batch", dtype="float64", rng=0)
        em.train(net, X, y, sample_weight=np.full(40, weight), epochs=1, batch_size=None, rng=0)
        variances.append(net.running_variances[0])
    np.testing.assert_allclose(variances[0], variances[1], rtol=1e-12)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([0.0, 0.0], "the sum of sample_weight is 0.0"),
        ([-1.0, 1.0], r"sample_weight\[0\] is -1.0"),
        ([math.nan, 1.0], r"sample_weight\[0\] is nan"),
        ([1.0], r"sample_weight must have shape \(2,\)"),
    ],
)
def test_class_weights_leave_wrong_sample_weights_to_be_named(
    weights: list[float], message: str
) -> None:
    net = em.Network([2, 2], rng=0)
    with pytest.raises(ValueError, match=message):
        em.train(net, np.eye(2), [0, 1], sample_weight=weights, class_weight="balanced", epochs=1)
