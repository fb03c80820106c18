"""The process of one peer: does what it is told on standard input, and sleeps in between.

    python worker.py PEER THREADS CPUS

A line of JSON comes in, a line of JSON goes out. NumPy and the peer are all it needs, so that every
peer may live in a virtual environment of its own.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
import time
import traceback
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def main(make: Callable[[str, int], Any]) -> None:
    peer, threads, cpus = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    # Before anything is imported: libraries count the cores when they are loaded.
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(cpu) for cpu in cpus.split(",")})
    os.environ["BENCHMARK_PEER"], os.environ["BENCHMARK_THREADS"] = peer, str(threads)
    # What libraries print must not mix with the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    warnings.simplefilter("ignore")

    def answer(**values: object) -> None:
        print(json.dumps(values), file=answers, flush=True)

    try:
        worker = make(peer, threads)
    except ModuleNotFoundError as error:
        answer(missing=f"{error.name} is not installed for {sys.executable}")
        return
    answer(details=worker.details())
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer(**getattr(worker, command.pop("do"))(**command))
        except Exception:  # noqa: BLE001  whatever it was, the driver tells
            answer(error=traceback.format_exc())


class Worker:
    def __init__(self, peer: str, threads: int) -> None:
        self.problem_module = importlib.import_module("problem")
        modules = importlib.import_module("peers").MODULES
        self.module = importlib.import_module(f"peers.{modules[peer]}")
        self.module.use_threads(threads)

    def details(self) -> dict[str, str]:
        numpy = importlib.import_module("numpy")
        return {
            "Python": platform.python_version(),
            "NumPy": numpy.__version__,
            **self.module.details(),
        }

    def load_training(self, path: str) -> dict[str, Any]:
        self.problem = self.problem_module.load_problem(Path(path))
        self.trainer = self.module.Trainer(self.problem)
        # Compiles, allocates, starts threads.
        self.trainer.reset()
        self.trainer.epoch(0)
        return {}

    def epoch(self, turn: int) -> dict[str, Any]:
        """Time an epoch from the initial weights, after an untimed one that wakes the core up."""
        self.trainer.reset()
        self.trainer.epoch(turn)
        self.trainer.reset()
        begin = time.perf_counter()
        self.trainer.epoch(turn)
        return {"seconds": time.perf_counter() - begin}

    def scores(self, parameters_to: str) -> dict[str, Any]:
        """Loss of the parameters as they are now; the parameters go to a file."""
        weights, biases = self.trainer.parameters()
        numpy = importlib.import_module("numpy")
        flat = numpy.concatenate([numpy.ravel(a) for a in [*weights, *biases]])
        numpy.save(parameters_to, flat)
        p = self.problem
        return {"loss": self.problem_module.mean_loss(p.X, p.y, weights, biases)}

    def load_prediction(self, path: str, samples: int) -> dict[str, Any]:
        self.problem = self.problem_module.load_problem(Path(path))
        self.predictor = self.module.Predictor(self.problem)
        numpy = importlib.import_module("numpy")
        X = self.problem.X
        self.inputs = numpy.ascontiguousarray(numpy.resize(X, (samples, X.shape[1])))
        self.predictor.predict(self.inputs)
        return {}

    def predict(self, repeats: int) -> dict[str, Any]:
        """Time calls in a row, after untimed ones; the time of one."""
        for _ in range(max(1, repeats // 4)):
            self.predictor.predict(self.inputs)
        begin = time.perf_counter()
        for _ in range(repeats):
            self.predictor.predict(self.inputs)
        return {"seconds": (time.perf_counter() - begin) / repeats}

    def probabilities(self, to: str) -> dict[str, Any]:
        importlib.import_module("numpy").save(to, self.predictor.predict(self.inputs))
        return {}


if __name__ == "__main__":
    main(Worker)
