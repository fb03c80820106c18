"""Threads that wait for a network: Ctrl-C ends the wait, and everybody gets a turn."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest

import eigenmlp as em

if TYPE_CHECKING:
    from pathlib import Path

# A thread trains in the background. Its one epoch would take minutes; what the main thread does
# meanwhile waits for it. A third thread sends a signal when the main thread has come no further for
# a while.
WAITING = """
import signal, sys, threading, time
import numpy as np, eigenmlp as em
net = em.Network([50, 2000, 2000, 5], rng=0)
X, y = np.zeros((100_000, 50), np.float32), np.zeros(100_000, int)
adam = em.optimizers.Adam()
calls = {
    "predict": lambda: net.predict(X[:1], n_threads=1),
    "predict_proba": lambda: net.predict_proba(X[:200], n_threads=1),
    "evaluate": lambda: net.evaluate(X[:9], y[:9], n_threads=1),
    "gradient": lambda: net.loss_and_gradient(X[:9], y[:9], n_threads=1),
    "read": net.get_flat_parameters,
    "write": lambda: net._core.set_values(zeros),
    "save": lambda: net.save(sys.argv[2]),
    "moments": lambda: adam.state_dict(net),
    "train": lambda: net._core.train_epoch(*epoch),
}
zeros = np.zeros(net.n_parameters, np.float32)
core = em._native._core
settings = core.EpochSettings(9, [0.1], em.losses.CrossEntropy()._core_loss(),
    core.Penalty(0.0, False, False), core.Clipping(np.inf, np.inf), False)
samples = net._check_samples(X[:9], y[:9], em.losses.CrossEntropy(), None)
epoch = adam.state_for(net), samples, None, settings, core.Threads(1, True)
ended = threading.Event()
def train():
    em.train(net, X, y, epochs=1, optimizer=adam, n_threads=1)
    ended.set()
threading.Thread(target=train, daemon=True).start()
done = 0
def watch():
    while True:
        seen = -1
        while seen != done:
            seen = done
            time.sleep(0.5)
        signal.pthread_kill(threading.main_thread().ident, getattr(signal, sys.argv[3]))
        if sys.argv[3] == "SIGINT": break
"""

CTRL_C = (
    WAITING
    + """
threading.Thread(target=watch, daemon=True).start()
try:
    while True:
        calls[sys.argv[1]]()
        done += 1
except KeyboardInterrupt:
    print("interrupted", "after" if ended.is_set() else "before", "the epoch's end")
"""
)


def output(code: str, *arguments: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        check=False, capture_output=True, text=True, timeout=220,
    )  # fmt: skip
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


posix = pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs POSIX signals")


@posix
@pytest.mark.parametrize(
    "call",
    [
        "predict", "predict_proba", "evaluate", "gradient", "read", "write", "save", "moments",
        "train",
    ],
)  # fmt: skip
def test_ctrl_c_ends_the_wait_for_another_threads_epoch(call: str, tmp_path: Path) -> None:
    printed = output(CTRL_C, call, str(tmp_path / "model.safetensors"), "SIGINT")
    assert printed == "interrupted before the epoch's end\n"
    assert all(not path.name.startswith(".") for path in tmp_path.iterdir())


HANDLER = (
    WAITING
    + """
class Done(Exception): pass
uses = {"read": net.get_flat_parameters, "write": lambda: net._core.set_values(zeros)}
def handler(*_):
    # Interrupted in turn, where it waits.
    timer = threading.Timer(1, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT))
    timer.start()
    try:
        uses[sys.argv[2]]()
    except RuntimeError as error:
        print(error)
        raise Done
    except KeyboardInterrupt:
        # Where the signal came just before the wait, the next one will come in it.
        if sys.argv[1:3] == ["predict", "read"]: raise
    finally:
        timer.cancel()
signal.signal(signal.SIGUSR1, handler)
threading.Thread(target=watch, daemon=True).start()
try:
    while True:
        calls[sys.argv[1]]()
        done += 1
except (Done, KeyboardInterrupt) as error:
    print(type(error).__name__, ended.is_set())
"""
)


@posix
@pytest.mark.parametrize(
    ("call", "use", "expected"),
    [
        ("predict", "read", "KeyboardInterrupt False\n"),
        ("predict", "write", "a signal handler can't use the network"),
        ("write", "read", "a signal handler can't use the network"),
    ],
)
def test_a_handler_that_comes_while_its_thread_waits(call: str, use: str, expected: str) -> None:
    assert output(HANDLER, call, use, "SIGUSR1").startswith(expected)


def test_predictions_without_a_pause_dont_keep_training_from_its_turn() -> None:
    net = em.Network([60, 300, 5], rng=0)
    X = np.zeros((30_000, 60), np.float32)
    predictions = [0] * 4
    trained = threading.Event()
    # Where training never gets its turn, the test shall fail, not hang.
    patience = 200

    def predict(caller: int) -> None:
        while not trained.is_set() and predictions[caller] < patience:
            net.predict(X, n_threads=1)
            predictions[caller] += 1

    callers = [threading.Thread(target=predict, args=(n,)) for n in range(4)]
    for caller in callers:
        caller.start()
    while min(predictions) < 1:
        trained.wait(0.01)
    em.train(net, X[:20], np.zeros(20, int), epochs=10, n_threads=1)
    trained.set()
    for caller in callers:
        caller.join()
    # About one a caller and epoch, since each that comes later waits behind the epoch.
    assert max(predictions) < patience


def test_training_without_a_pause_doesnt_keep_predictions_from_their_turn() -> None:
    net = em.Network([60, 300, 5], rng=0)
    X, y = np.zeros((3_000, 60), np.float32), np.zeros(3_000, int)
    epochs = 0
    ended = threading.Event()

    class Counter(em.callbacks.Callback):
        def on_epoch_end(self, state: em.callbacks.TrainingState) -> bool:
            nonlocal epochs
            epochs += 1
            return ended.is_set()

    trainer = threading.Thread(
        target=em.train, args=(net, X, y), kwargs={"epochs": 2_000, "callbacks": [Counter()]}
    )
    trainer.start()
    for _ in range(10):
        net.predict(X[:1], n_threads=1)
    ended.set()
    trainer.join()
    assert epochs < 1_000
