"""Sweeps: many runs as plain data, trained on this machine or on others, and kept.

Examples
--------
>>> from eigenmlp import sweeps
>>> spec = sweeps.RunSpec(name="wide", hidden_layers=(256,), learning_rate=0.01, epochs=5)
>>> spec.layer_sizes(784, 10)
[784, 256, 10]
"""

from eigenmlp.sweeps.data import Data
from eigenmlp.sweeps.executors import RayExecutor
from eigenmlp.sweeps.finished import FinishedRun
from eigenmlp.sweeps.grid import grid, sample
from eigenmlp.sweeps.results import Metrics, Place, RunFailure, RunResult
from eigenmlp.sweeps.runner import run
from eigenmlp.sweeps.runs import Runs
from eigenmlp.sweeps.specs import EarlyStoppingSpec, RunSpec
from eigenmlp.sweeps.store import Store
from eigenmlp.sweeps.trial import run_spec

__all__ = [
    "Data",
    "EarlyStoppingSpec",
    "FinishedRun",
    "Metrics",
    "Place",
    "RayExecutor",
    "RunFailure",
    "RunResult",
    "RunSpec",
    "Runs",
    "Store",
    "grid",
    "run",
    "run_spec",
    "sample",
]
