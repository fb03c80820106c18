"""Compare what fits in several Python threads cost, each with defaults, with one after the other.

CPU seconds of all threads and seconds by the clock, medians of several rounds in turn. Calls that
share the cores cost at the same time what they cost one after the other: a ratio of about 1. Each
of the fits is checked first: its parameters have the same bits either way.

    python benchmarks/sharing.py [--callers 2] [--rounds 5]
"""

from __future__ import annotations

import argparse
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
from sklearn.exceptions import ConvergenceWarning

import eigenmlp as em
import machine

if TYPE_CHECKING:
    from collections.abc import Callable

# Hidden units, samples and epochs: from steps that are worth one thread to such that are worth all.
FITS = {
    "tiny": ((64, 64), 2_000, 60),
    "small": ((100,), 20_000, 12),
    "medium": ((400, 100), 10_000, 8),
    "large": ((1000, 1000), 4_000, 3),
}
N_FEATURES, N_CLASSES = 200, 10


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--callers", type=int, default=2, help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    facts = {**machine.facts(), "instruction_set": em.instruction_set()}
    print(f"{machine.headline(facts)}; instruction set {facts['instruction_set']}\n")
    print(f"| fits | CPU s in turn | CPU s of {arguments.callers} threads | ratio | wall ratio |")
    print("|---|---:|---:|---:|---:|")
    for name in FITS:
        turns, threads = measure(name, arguments.callers, arguments.rounds)
        cpu = threads[0] / turns[0], threads[1] / turns[1]
        print(f"| {name} | {turns[0]:.2f} | {threads[0]:.2f} | {cpu[0]:.2f} | {cpu[1]:.2f} |")


def measure(
    name: str, callers: int, rounds: int
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return CPU seconds and seconds of fits in turn, and of fits in as many threads."""
    hidden, n_samples, epochs = FITS[name]
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_samples, N_FEATURES), dtype=np.float32)
    y = rng.integers(0, N_CLASSES, n_samples)

    def fit(seed: int) -> bytes:
        model = em.MLPClassifier(
            hidden, max_iter=epochs, n_iter_no_change=epochs, random_state=seed
        )
        model.fit(X, y)
        return b"".join(coefs.tobytes() for coefs in model.coefs_)

    def in_turn() -> list[bytes]:
        return [fit(seed) for seed in range(callers)]

    with ThreadPoolExecutor(callers) as pool:

        def in_threads() -> list[bytes]:
            return list(pool.map(fit, range(callers)))

        if in_turn() != in_threads():
            raise SystemExit(f"{name}: fits at the same time have other parameters")
        pairs = [(seconds_of(in_turn), seconds_of(in_threads)) for _ in range(rounds)]
    turns, threads = zip(*pairs, strict=True)
    return medians(turns), medians(threads)


def seconds_of(act: Callable[[], object]) -> tuple[float, float]:
    cpu, wall = time.process_time(), time.perf_counter()
    act()
    return time.process_time() - cpu, time.perf_counter() - wall


def medians(seconds: tuple[tuple[float, float], ...]) -> tuple[float, float]:
    cpu, wall = zip(*seconds, strict=True)
    return median(cpu), median(wall)


if __name__ == "__main__":
    main()
