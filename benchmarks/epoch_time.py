"""Seconds an epoch takes, ours beside scikit-learn's, on the networks of the study.

Both train the same network from the same weights on the same batches in the same order; their
losses after one epoch are compared before anything is timed. Rounds are interleaved; the table
gives medians, their spread (half the interquartile range) and ratios. Quote the ratios: absolute
times are those of a machine.

    python benchmarks/epoch_time.py [--models m0-batch,m1] [--rounds 7] [--threads 1]
"""

from __future__ import annotations

import argparse
import math
import platform
import time
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

import eigenmlp as em
from eigenmlp._native import _core

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

N_SAMPLES, N_FEATURES, N_CLASSES = 4000, 784, 49
RATE = 1e-3


@dataclass(frozen=True)
class Model:
    hidden: tuple[int, ...]
    rule: str
    batch_size: int | None


MODELS = {
    "m0": Model((100, 80), "sgd", None),
    "m0-batch": Model((100, 80), "sgd", 64),
    "m1": Model((400, 100, 80), "adam", 64),
    "m3": Model((2000, 1000), "adam", 64),
    "m4": Model((1000, 1000, 1000), "adam", 64),
}


@dataclass(frozen=True)
class Peer:
    epoch: Callable[[], object]
    loss: Callable[[], float]
    start: em.Network


def ours(model: Model, X: NDArray[np.float32], y: NDArray[np.int64], threads: int) -> Peer:
    net = em.Network([N_FEATURES, *model.hidden, N_CLASSES], init="glorot_uniform", rng=0)
    rule = em.optimizers.Adam() if model.rule == "adam" else em.optimizers.SGD()

    def epoch() -> None:
        em.train(
            net, X, y, optimizer=rule, learning_rate=RATE, batch_size=model.batch_size,
            epochs=1, shuffle=False, n_threads=threads,
        )  # fmt: skip

    return Peer(epoch, lambda: net.evaluate(X, y).loss, net)


def scikit_learn(
    model: Model, X: NDArray[np.float32], y: NDArray[np.int64], start: em.Network
) -> Peer:
    mlp = MLPClassifier(
        model.hidden,
        solver=model.rule,
        learning_rate_init=RATE,
        batch_size=model.batch_size or N_SAMPLES,
        alpha=0.0,
        momentum=0.0,
        nesterovs_momentum=False,
        shuffle=False,
        max_iter=1,
        random_state=0,
    )
    # The first call makes the arrays; then it starts from our weights.
    mlp.partial_fit(X[:1], y[:1], classes=np.arange(N_CLASSES))
    for array, values in zip(
        mlp.coefs_ + mlp.intercepts_, start.weights + start.biases, strict=True
    ):
        array[...] = values
    del mlp._optimizer
    mlp.t_ = 0

    def loss() -> float:
        p = mlp.predict_proba(X)[np.arange(N_SAMPLES), y]
        return -float(np.log(np.maximum(p, 1e-30)).mean())

    return Peer(lambda: mlp.partial_fit(X, y), loss, start)


def measure(name: str, model: Model, rounds: int, threads: int) -> str:
    rng = np.random.default_rng(0)
    X = rng.random((N_SAMPLES, N_FEATURES), dtype=np.float32)
    y = np.concatenate([np.arange(N_CLASSES), rng.integers(0, N_CLASSES, N_SAMPLES - N_CLASSES)])
    we = ours(model, X, y, threads)
    they = scikit_learn(model, X, y, we.start)
    losses = []
    for peer in (we, they):
        peer.epoch()
        losses.append(peer.loss())
    if not math.isclose(*losses, rel_tol=1e-3):
        raise SystemExit(f"{name}: losses after an epoch differ, {losses}: nothing was timed")
    seconds: list[list[float]] = [[], []]
    for _ in range(rounds):
        for peer, column in zip((we, they), seconds, strict=True):
            begin = time.perf_counter()
            peer.epoch()
            column.append(time.perf_counter() - begin)
    cells = []
    for column in seconds:
        low, median, high = np.percentile(column, [25, 50, 75]) * 1e3
        cells.append(f"{median:8.1f} ± {(high - low) / 2:.1f} ms")
    ratio = np.median(seconds[1]) / np.median(seconds[0])
    return f"| {name} | {cells[0]} | {cells[1]} | {ratio:.1f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", default="m0,m0-batch,m1", help=", ".join(MODELS))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1, help="ours; scikit-learn's are BLAS's")
    arguments = parser.parse_args()
    for category in (ConvergenceWarning, UserWarning):  # one epoch, and a batch clipped to one row
        warnings.simplefilter("ignore", category)
    print(f"{platform.processor() or platform.machine()}, {_core.instruction_set()}\n")
    print("| network | eigenmlp | scikit-learn | ratio |\n|---|---|---|---|")
    for name in arguments.models.split(","):
        print(measure(name, MODELS[name], arguments.rounds, arguments.threads), flush=True)


if __name__ == "__main__":
    main()
