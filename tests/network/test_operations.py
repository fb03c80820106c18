"""Every activation, loss, output, normalization and update rule against PyTorch's numbers."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

import eigenmlp as em
from operations_problem import (
    ACTIVATIONS,
    CASES,
    N_RUN_SAMPLES,
    N_SAMPLES,
    RUN_BATCH,
    RUN_EPOCHS,
    RUNS,
    Case,
    Run,
    flat,
    initial_layers,
    sample_weights,
    samples,
)
from places import DATA

RECORDED = json.loads((DATA / "torch_operations.json").read_text(encoding="utf-8"))
WITH_STATISTICS = sorted(name for name, case in CASES.items() if "batch" in case.normalizations)

precisions = pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float64", 1e-12), ("float32", 3e-6)]
)


def loss_of(case: Case) -> em.losses.Loss | str:
    if case.loss == "huber":
        return em.losses.Huber(delta=case.parameter)
    if case.loss == "quantile":
        return em.losses.Quantile(case.parameter)
    if case.parameter:
        return em.losses.CrossEntropy(label_smoothing=case.parameter)
    return case.loss


def network_of(case: Case, dtype: str) -> em.Network:
    net = em.Network(
        case.layer_sizes,
        activation=case.activations,
        output=case.output,
        normalization=case.normalizations,
        dtype=dtype,
        rng=0,
    )
    net.set_flat_parameters(flat(initial_layers(case)))
    return net


def check(actual: Any, expected: Any, tolerance: float) -> None:
    """Compare arrays by their largest elements: where terms cancel, small ones are roundings."""
    wanted = np.asarray(expected, dtype=np.float64)
    assert np.shape(actual) == wanted.shape
    np.testing.assert_allclose(actual, wanted, rtol=tolerance, atol=tolerance * abs(wanted).max())


def test_every_operation_is_recorded() -> None:
    assert RECORDED["operations"].keys() == CASES.keys()
    assert RECORDED["runs"].keys() == RUNS.keys()
    assert {name for case in CASES.values() for name in case.activations} == set(ACTIVATIONS)
    assert {case.loss for case in CASES.values()} == set(em.losses.LOSSES)


@pytest.mark.parametrize("name", CASES)
@precisions
def test_predictions(name: str, dtype: str, tolerance: float) -> None:
    case, recorded = CASES[name], RECORDED["operations"][name]
    net = network_of(case, dtype)
    X, y = samples(case, N_SAMPLES)
    weights = sample_weights(case, N_SAMPLES)
    outputs = net.predict_outputs(X)
    assert outputs.dtype == dtype
    check(outputs, recorded["outputs"], tolerance)
    evaluation = net.evaluate(X, y, loss=loss_of(case), sample_weight=weights)
    assert evaluation.loss == pytest.approx(recorded["evaluated"], rel=tolerance)
    expected = np.array(recorded["outputs"])
    if case.output == "softmax":
        right = expected.argmax(axis=1) == y
        np.testing.assert_array_equal(net.predict(X), expected.argmax(axis=1))
    elif case.output == "logistic":
        right = ((expected > 0.5) == (y > 0.5)).all(axis=1)
        np.testing.assert_array_equal(net.predict(X), expected > 0.5)
    else:
        assert math.isnan(evaluation.accuracy)
        check(net.predict(X), expected, tolerance)
        return
    assert 0 < right.mean() < 1
    assert evaluation.accuracy == pytest.approx(np.average(right, weights=weights))


@pytest.mark.parametrize("name", CASES)
@precisions
def test_loss_and_gradient(name: str, dtype: str, tolerance: float) -> None:
    case, recorded = CASES[name], RECORDED["operations"][name]
    net = network_of(case, dtype)
    X, y = samples(case, N_SAMPLES)
    before = net.get_flat_parameters()
    arguments: dict[str, Any] = {
        "loss": loss_of(case),
        "sample_weight": sample_weights(case, N_SAMPLES),
    }
    loss, gradient = net.loss_and_gradient(X, y, case.l2, case.l2_biases, **arguments)
    assert loss == pytest.approx(recorded["loss"], rel=tolerance)
    assert gradient.dtype == dtype
    check(gradient, recorded["gradient"], tolerance)
    # Running statistics are for training to move.
    np.testing.assert_array_equal(net.get_flat_parameters(), before)

    at = 0
    for layer, arrays in zip(initial_layers(case), net.split(gradient), strict=True):
        fan_out, fan_in = layer.weight.shape
        assert arrays["weight"].shape == (fan_in, fan_out)
        vectors = {"bias", "gain", "shift"} if layer.gain is not None else {"bias"}
        assert arrays.keys() == {"weight"} | vectors
        for array in arrays.values():
            np.testing.assert_array_equal(array.T.ravel(), gradient[at : at + array.size])
            at += array.size
    assert at == len(gradient)


@pytest.mark.parametrize("name", WITH_STATISTICS)
@precisions
def test_running_statistics_after_a_step(name: str, dtype: str, tolerance: float) -> None:
    case, recorded = CASES[name], RECORDED["operations"][name]
    net = network_of(case, dtype)
    X, y = samples(case, N_SAMPLES)
    history = em.train(
        net, X, y, loss=loss_of(case), learning_rate=0, batch_size=None, epochs=1, l2=case.l2
    )
    statistics = [
        array
        for pair in zip(net.running_means, net.running_variances, strict=True)
        for array in pair
        if array is not None
    ]
    assert len(statistics) == len(recorded["running"])
    for actual, expected in zip(statistics, recorded["running"], strict=True):
        check(actual, expected, tolerance)
    check(net.predict_outputs(X), recorded["outputs_after"], tolerance)
    if not case.l2:
        assert history["train_loss"][0] == pytest.approx(recorded["loss"], rel=tolerance)
    # Nothing but the statistics has moved.
    initial = network_of(case, dtype).get_flat_parameters()[: net.n_parameters]
    np.testing.assert_array_equal(net.get_flat_parameters()[: net.n_parameters], initial)


def trained(run: Run, dtype: str) -> tuple[em.Network, em.History]:
    net = network_of(run.case, dtype)
    X, y = samples(run.case, N_RUN_SAMPLES)
    history = em.train(
        net, X, y,
        loss=loss_of(run.case),
        optimizer=getattr(em.optimizers, run.rule)(**run.options),
        learning_rate=run.rate, schedule_unit="step",
        batch_size=RUN_BATCH, epochs=RUN_EPOCHS, shuffle=False,
        l2=run.case.l2, l2_biases=run.case.l2_biases,
        clip_norm=run.clip_norm, clip_value=run.clip_value,
        sample_weight=sample_weights(run.case, N_RUN_SAMPLES),
    )  # fmt: skip
    return net, history


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 3e-5)])
def test_runs(name: str, dtype: str, tolerance: float) -> None:
    run, recorded = RUNS[name], RECORDED["runs"][name]
    net, history = trained(run, dtype)
    weights = sample_weights(run.case, N_RUN_SAMPLES)
    if weights is None:
        weights = np.ones(N_RUN_SAMPLES)
    firsts = range(0, N_RUN_SAMPLES, RUN_BATCH)
    of_batches = [weights[first : first + RUN_BATCH].sum() for first in firsts]
    losses = np.reshape(recorded["losses"], (RUN_EPOCHS, -1))
    means = np.average(losses, axis=1, weights=of_batches)
    np.testing.assert_allclose(history["train_loss"], means, rtol=tolerance)
    X, _ = samples(run.case, RUN_BATCH)
    check(net.predict_outputs(X), recorded["outputs"], tolerance)
    check(net.get_flat_parameters(), recorded["parameters"], tolerance)


def test_label_smoothing_of_large_logits() -> None:
    """Differences from the largest logit keep their digits, a sum with it wouldn't."""
    net = em.Network([1, 3], rng=0)
    net.set_parameters([[[0, 0, 0]]], [[1e6, 1e6 - 1, 1e6 - 2]])
    loss = em.losses.CrossEntropy(label_smoothing=0.1)
    logits = np.array([0.0, -1.0, -2.0])
    expected = np.log(np.exp(logits).sum()) - 0.9 * logits[0] - 0.1 * logits.mean()
    assert net.evaluate([[1.0]], [0], loss=loss).loss == pytest.approx(expected, rel=1e-6)


def test_an_interrupted_step_leaves_the_running_statistics() -> None:
    """They belong to the parameters of the last finished batch, as everything else."""
    net = em.Network([2, 4, 2], normalization="batch", rng=0)
    before = net.get_flat_parameters()
    X = np.array([[1.0, 2.0], [3e38, -3e38], [3e38, 3e38]])
    with pytest.raises(em.TrainingDivergedError):
        em.train(net, X, [0, 1, 0], epochs=1, shuffle=False)
    assert np.array_equal(net.get_flat_parameters(), before)
