"""The training loop: what it measures, how it ends, and what it leaves behind."""

from __future__ import annotations

import math
import os
import pickle
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest

import eigenmlp as em
from core_signals import InTheCore, ctrl_c

RNG = np.random.default_rng(0)
X = RNG.normal(size=(70, 8))
Y = RNG.integers(0, 3, 70)
X_VAL = RNG.normal(size=(20, 8))
Y_VAL = RNG.integers(0, 3, 20)


def network(seed: int = 0, **options: Any) -> em.Network:
    return em.Network([8, 12, 3], dtype="float64", rng=seed, **options)


def test_history_has_an_entry_an_epoch() -> None:
    history = em.train(network(), X, Y, epochs=4, validation_data=(X_VAL, Y_VAL), rng=0)
    columns = {"train_loss", "train_accuracy", "val_loss", "val_accuracy"}
    columns |= {"learning_rate", "seconds"}
    assert set(history) == columns
    assert all(len(values) == 4 for values in history.values())
    assert all(seconds > 0 for seconds in history["seconds"])


def test_train_loss_is_the_mean_over_batches_as_they_passed() -> None:
    net, twin = network(), network()
    history = em.train(net, X, Y, optimizer=em.optimizers.SGD(), learning_rate=0.1, batch_size=40,
                       epochs=1, shuffle=False)  # fmt: skip
    first = twin.evaluate(X[:40], Y[:40])
    em.train(twin, X[:40], Y[:40], optimizer=em.optimizers.SGD(), learning_rate=0.1,
             batch_size=None, epochs=1)  # fmt: skip
    second = twin.evaluate(X[40:], Y[40:])
    assert history["train_loss"][0] == pytest.approx((first.loss * 40 + second.loss * 30) / 70)
    assert history["train_accuracy"][0] == pytest.approx(
        (first.accuracy * 40 + second.accuracy * 30) / 70
    )


def test_full_batch_loss_is_taken_before_the_update_and_validation_after() -> None:
    net = network()
    before = net.evaluate(X, Y)
    history = em.train(net, X, Y, batch_size=None, epochs=1, learning_rate=0.1, l2=0.5,
                       validation_data=(X_VAL, Y_VAL))  # fmt: skip
    assert history["train_loss"] == [pytest.approx(before.loss, rel=1e-12)]
    assert history["val_loss"] == [net.evaluate(X_VAL, Y_VAL).loss]


def test_evaluate_train_measures_after_the_epoch() -> None:
    net = network()
    history = em.train(net, X, Y, epochs=3, evaluate_train=True, l2=0.1, rng=0)
    after = net.evaluate(X, Y)
    assert history["train_loss"][-1] == after.loss
    assert history["train_accuracy"][-1] == after.accuracy


def test_measuring_changes_no_bit_of_training() -> None:
    plain, measured = network(), network()
    em.train(plain, X, Y, epochs=5, rng=1)
    em.train(measured, X, Y, epochs=5, rng=1, evaluate_train=True, validation_data=(X_VAL, Y_VAL),
             callbacks=[em.callbacks.EarlyStopping(patience=9)], progress=True)  # fmt: skip
    assert np.array_equal(plain.get_flat_parameters(), measured.get_flat_parameters())


def test_the_schedule_is_asked_once_an_epoch() -> None:
    asked: list[int] = []

    def schedule(epoch: int) -> float:
        asked.append(epoch)
        return 0.1 / (1 + epoch)

    history = em.train(network(), X, Y, learning_rate=schedule, epochs=3, rng=0)
    assert asked == [0, 1, 2]
    assert history["learning_rate"] == [0.1, 0.05, 0.1 / 3]


def test_a_rate_of_zero_changes_nothing() -> None:
    net = network()
    before = net.get_flat_parameters()
    em.train(net, X, Y, learning_rate=0.0, epochs=2, rng=0)
    assert np.array_equal(net.get_flat_parameters(), before)


def test_zero_epochs() -> None:
    assert em.train(network(), X, Y, epochs=0).n_epochs == 0


def test_a_batch_larger_than_the_data_is_the_full_batch() -> None:
    full, large = network(), network()
    em.train(full, X, Y, batch_size=None, epochs=3)
    em.train(large, X, Y, batch_size=10**9, epochs=3)
    assert np.array_equal(full.get_flat_parameters(), large.get_flat_parameters())


@pytest.mark.parametrize("batch_size", [1, 16, 33, 69, None])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_same_seed_same_bits_for_any_number_of_threads(dtype: str, batch_size: int | None) -> None:
    results = set()
    for n_threads in (1, 1, 2, 3, None):
        net = em.Network([8, 12, 3], dtype=dtype, rng=0)
        history = em.train(net, X, Y, batch_size=batch_size, epochs=4, rng=5, n_threads=n_threads,
                           l2=0.01, validation_data=(X_VAL, Y_VAL))  # fmt: skip
        measured = [tuple(history[c]) for c in ("train_loss", "val_loss", "train_accuracy")]
        results.add((net.get_flat_parameters().tobytes(), *measured))
    assert len(results) == 1


def test_another_seed_another_order() -> None:
    first, second = network(), network()
    em.train(first, X, Y, epochs=1, batch_size=7, rng=1)
    em.train(second, X, Y, epochs=1, batch_size=7, rng=2)
    assert not np.array_equal(first.get_flat_parameters(), second.get_flat_parameters())


SCRIPT = """
import hashlib, numpy as np, eigenmlp as em
rng = np.random.default_rng(3)
X, y = rng.integers(0, 256, (300, 64)).astype(np.uint8), rng.integers(0, 5, 300)
net = em.Network([64, 33, 5], input_scale=1 / 255, rng=1)
em.train(net, X, y, epochs=5, rng=2, l2=0.01)
print(hashlib.sha256(net.get_flat_parameters().tobytes()).hexdigest())
"""


def test_same_bits_in_two_processes() -> None:
    digests = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT], check=True, capture_output=True, text=True
        ).stdout
        for _ in range(2)
    }
    assert len(digests) == 1


def test_the_same_optimizer_continues_where_it_stopped() -> None:
    whole, parts = network(), network()
    em.train(whole, X, Y, optimizer=em.optimizers.Adam(), epochs=6, batch_size=None)
    adam = em.optimizers.Adam()
    em.train(parts, X, Y, optimizer=adam, epochs=2, batch_size=None)
    em.train(parts, X, Y, optimizer=adam, epochs=4, batch_size=None)
    assert np.array_equal(whole.get_flat_parameters(), parts.get_flat_parameters())


def test_an_optimizer_starts_afresh_with_another_network() -> None:
    adam = em.optimizers.Adam()
    em.train(network(), X, Y, optimizer=adam, epochs=3, rng=0)
    reused, fresh = network(1), network(1)
    em.train(reused, X, Y, optimizer=adam, epochs=3, rng=0)
    em.train(fresh, X, Y, optimizer=em.optimizers.Adam(), epochs=3, rng=0)
    assert np.array_equal(reused.get_flat_parameters(), fresh.get_flat_parameters())


def test_l2_readings_translate_as_documented() -> None:
    """PyTorch's weight_decay penalizes biases too, scikit-learn's alpha is divided by the batch."""
    both, weights_only = network(), network()
    em.train(both, X, Y, l2=0.5, l2_biases=True, epochs=5, batch_size=None, learning_rate=0.1)
    em.train(weights_only, X, Y, l2=0.5, epochs=5, batch_size=None, learning_rate=0.1)
    assert np.abs(both.biases[0]).sum() < np.abs(weights_only.biases[0]).sum()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"batch_size": 0}, ValueError, "batch_size=0 is less than 1; pass 1 or more, or None"),
        ({"batch_size": 2.0}, TypeError, "batch_size=2.0 is not an integer"),
        ({"epochs": -1}, ValueError, "epochs=-1 is less than 0"),
        ({"l2": -0.1}, ValueError, "l2=-0.1 must be finite and >= 0"),
        ({"l2": "much"}, TypeError, "l2='much' is not a number"),
        ({"learning_rate": -1}, ValueError, "learning_rate=-1"),
        ({"learning_rate": np.nan}, ValueError, "learning_rate=nan"),
        ({"optimizer": "adam"}, TypeError, r"optimizer='adam' is not an optimizer; use SGD\(\)"),
        ({"optimizer": em.optimizers.Adam}, TypeError, "is not an optimizer"),
        ({"callbacks": [print]}, TypeError, "which is not a Callback object"),
        ({"callbacks": [em.callbacks.EarlyStopping]}, TypeError, "which is not a Callback object"),
        ({"validation_data": X_VAL}, TypeError, r"must be a pair \(X_val, y_val\)"),
        ({"validation_data": (X_VAL, Y_VAL[:3])}, ValueError,
         "validation_data: X has 20 rows, but y has 3 labels"),
        ({"validation_data": (X_VAL[:, :3], Y_VAL)}, ValueError,
         "validation_data: X has 3 features"),
        ({"n_threads": 0}, ValueError, "n_threads=0 is less than 1"),
    ],
)  # fmt: skip
def test_bad_arguments_train_nothing(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    net = network()
    before = net.get_flat_parameters()
    with pytest.raises(error, match=message):
        em.train(net, X, Y, **options)
    assert np.array_equal(net.get_flat_parameters(), before)


def test_something_else_than_a_network() -> None:
    with pytest.raises(TypeError, match=r"is not an eigenmlp\.Network"):
        em.train("net", X, Y)  # type: ignore[arg-type]


def test_divergence_keeps_the_last_finite_epoch() -> None:
    net, twin = network(), network()
    sgd = em.optimizers.SGD()
    rates = [0.1, 0.1, 1e200, 0.1]
    with pytest.raises(em.TrainingDivergedError) as caught:
        em.train(net, X, Y, optimizer=sgd, learning_rate=lambda t: rates[t], batch_size=10,
                 epochs=4, rng=0)  # fmt: skip
    error = caught.value
    history = em.train(twin, X, Y, optimizer=sgd, learning_rate=0.1, batch_size=10, epochs=2, rng=0)
    assert np.array_equal(net.get_flat_parameters(), twin.get_flat_parameters())
    assert (error.epoch, error.learning_rate) == (2, 1e200)
    assert error.batch >= 1
    assert error.last_finite_loss is not None
    assert np.isfinite(error.last_finite_loss)
    assert history.n_epochs == 2
    assert "epoch 2 (from 0)" in str(error)
    assert "learning rate 1e+200" in str(error)
    assert "Try a smaller learning rate" in str(error)


def test_a_validation_loss_that_is_not_finite_is_divergence() -> None:
    net = network()
    before = net.get_flat_parameters()
    with pytest.raises(em.TrainingDivergedError, match="epoch 0"):
        em.train(net, X, Y, epochs=3, rng=0, validation_data=(np.full((1, 8), 1e308), [0]))
    assert np.array_equal(net.get_flat_parameters(), before)


def test_a_parameter_that_overflows_is_told_of_the_last_batch() -> None:
    net = em.Network([8, 3], rng=0)
    with pytest.raises(em.TrainingDivergedError) as caught:
        em.train(net, X, Y, optimizer=em.optimizers.SGD(), learning_rate=1e300, batch_size=None,
                 epochs=1)  # fmt: skip
    assert caught.value.batch == 0


def test_divergence_survives_pickling() -> None:
    error = em.TrainingDivergedError(
        "it diverged", epoch=1, batch=2, learning_rate=0.5, last_finite_loss=None
    )
    copied = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert str(copied) == "it diverged"
    assert vars(copied) == vars(error)


def test_divergence_starts_the_moments_afresh() -> None:
    net, twin = network(), network()
    adam = em.optimizers.Adam()
    with pytest.raises(em.TrainingDivergedError):
        em.train(net, X, Y, optimizer=adam, learning_rate=1e308, epochs=3, rng=0)
    em.train(net, X, Y, optimizer=adam, epochs=3, rng=0)
    em.train(twin, X, Y, optimizer=em.optimizers.Adam(), epochs=3, rng=0)
    assert np.array_equal(net.get_flat_parameters(), twin.get_flat_parameters())


def test_one_training_run_at_a_time() -> None:
    net = network()
    started, release = threading.Event(), threading.Event()

    class Wait(em.callbacks.Callback):
        def on_epoch_end(self, state: em.callbacks.TrainingState) -> None:
            started.set()
            release.wait(30)

    thread = threading.Thread(target=lambda: em.train(net, X, Y, epochs=1, callbacks=[Wait()]))
    thread.start()
    started.wait(30)
    with pytest.raises(RuntimeError, match="is being trained already"):
        em.train(net, X, Y, epochs=1)
    release.set()
    thread.join()
    em.train(net, X, Y, epochs=1)


def test_several_networks_in_several_threads() -> None:
    expected = network()
    em.train(expected, X, Y, epochs=20, rng=0, n_threads=2)
    nets = [network() for _ in range(6)]
    threads = [
        threading.Thread(target=lambda net=net: em.train(net, X, Y, epochs=20, rng=0, n_threads=2))
        for net in nets
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for net in nets:
        assert np.array_equal(net.get_flat_parameters(), expected.get_flat_parameters())


@pytest.mark.parametrize("batch_size", [64, None])
def test_ctrl_c_stops_inside_an_epoch(batch_size: int | None) -> None:
    """The epoch would take minutes; its batches so far are kept."""
    n_samples = 400_000
    rows = np.broadcast_to(RNG.normal(size=600).astype(np.float32), (n_samples, 600))
    labels = np.zeros(n_samples, dtype=np.int64)
    net = em.Network([600, 800, 800, 10], rng=0)
    before = net.get_flat_parameters()
    with InTheCore(ctrl_c) as signals, pytest.raises(KeyboardInterrupt):
        em.train(net, rows, labels, batch_size=batch_size, epochs=1, rng=0, n_threads=1)
    # Once it has been heard, the core does not ask for signals again.
    assert signals.moments_since == 0
    after = net.get_flat_parameters()
    assert np.isfinite(after).all()
    # The full batch was its only step, and unfinished.
    assert np.array_equal(after, before) == (batch_size is None)
    em.train(net, rows[:100], labels[:100], epochs=1)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_training_in_a_forked_child() -> None:
    net = network()
    em.train(net, X, Y, epochs=2, rng=0, n_threads=3)
    child = os.fork()
    if child == 0:
        try:
            em.train(net, X, Y, epochs=2, rng=0, n_threads=3)
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"schedule_unit": "batch"}, ValueError, "schedule_unit='batch' is unknown"),
        ({"schedule_unit": ["step"]}, ValueError, r"schedule_unit=\['step'\] is unknown"),
        ({"shuffle": "yes"}, TypeError, "shuffle='yes' is not a bool"),
        ({"shuffle": None}, TypeError, "shuffle=None is not a bool"),
        ({"clip_norm": 0}, ValueError, "clip_norm=0 must be finite and > 0"),
        ({"clip_value": math.inf}, ValueError, "clip_value=inf must be finite and > 0"),
        ({"rate_factors": {9: 0.5}}, ValueError, "rate_factors has layer 9, but the network has "),
        ({"rate_factors": {True: 2}}, ValueError, "rate_factors has True; use 'weights', "),
        ({"rate_factors": {0: math.inf}}, ValueError, r"rate_factors\[0\]=inf must be finite"),
        ({"rate_factors": [0.5]}, TypeError, r"rate_factors=\[0.5\] is not a dict; pass one such"),
        ({"clip_norm": "1"}, TypeError, "clip_norm='1' is not a number"),
        ({"l2_biases": "no"}, TypeError, "l2_biases='no' is not a bool"),
        ({"penalized_loss": 1}, TypeError, "penalized_loss=1 is not a bool"),
        ({"loss": "mse"}, ValueError, "loss='mse' is unknown; use one of cross_entropy"),
        ({"loss": "huber"}, ValueError, "loss='huber' is for identity outputs, but"),
        ({"loss": 3}, TypeError, "loss=3 is not a loss"),
        ({"metrics": ["f1_macro"]}, ValueError, r"metrics=\['f1_macro'\] are measured of"),
        ({"metrics": None}, TypeError, r"metrics=None is not a list; pass a list, \[\] for none"),
        (
            {"callbacks": None},
            TypeError,
            r"callbacks=None is not a list; pass a list, \[\] for none",
        ),
        ({"metrics": "f1_macro"}, TypeError, "metrics='f1_macro' is a text"),
        ({"metrics": ["auc"]}, ValueError, "metrics has 'auc', which is unknown"),
        ({"shuffle": lambda _: [0, 99]}, ValueError, r"returned rows 0 to 99, but X has the rows"),
        ({"shuffle": lambda _: []}, TypeError, "must return a 1-D array of row numbers"),
        ({"class_weight": {7: 1.0}}, ValueError, "class_weight has the class 7"),
        ({"class_weight": {0.0: 1.0}}, ValueError, "class_weight has the class 0.0"),
        ({"class_weight": {0: -1.0}}, ValueError, r"class_weight\[0\]=-1.0 must be finite"),
        ({"class_weight": "even"}, ValueError, "class_weight='even' is unknown"),
        ({"class_weight": 2.0}, TypeError, "class_weight=2.0 is not a dict"),
        ({"validation_data": (1, 2, 3, 4)}, TypeError, "must be a pair"),
    ],
)
def test_options_that_say_nothing(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    net = em.Network([2, 3], rng=0)
    before = net.get_flat_parameters()
    with pytest.raises(error, match=message):
        em.train(net, np.eye(2), [0, 1], epochs=1, **options)
    assert np.array_equal(net.get_flat_parameters(), before)


def test_metrics_of_one_s_own() -> None:
    def loss(_y: Any, _predictions: Any) -> float:
        return 0.0

    def hits(y: Any, predictions: Any) -> float:
        return float(np.sum(y == predictions))

    net = em.Network([2, 2], rng=0)
    X, y = np.eye(2), np.array([0, 1])
    history = em.train(
        net, X, y, epochs=2, validation_data=(X, y), metrics=[hits, "balanced_accuracy"]
    )
    assert history["val_hits"][-1] == np.sum(net.predict(X) == y)
    assert history["val_balanced_accuracy"][-1] == history["val_accuracy"][-1]
    with pytest.raises(ValueError, match="one named 'loss', and val_loss is measured anyway"):
        em.train(net, X, y, epochs=1, validation_data=(X, y), metrics=[loss])
    with pytest.raises(ValueError, match="two of the name 'hits'"):
        em.train(net, X, y, epochs=1, validation_data=(X, y), metrics=[hits, hits])
