"""Sweeps: many runs as plain data, the data they train on, a runner, and what it keeps.

Examples
--------
>>> from eigenmlp import sweeps
>>> schedule = sweeps.ScheduleSpec(kind="constant", initial=0.01)
>>> spec = sweeps.RunSpec(
...     name="wide", label="256 units", hidden_layers=(256,), optimizer="adam",
...     schedule=schedule, batch_size=64, epochs=5,
... )
>>> spec.layer_sizes(784, 10)
[784, 256, 10]
"""

from eigenmlp.sweeps.data import DATASETS, StudyData, load_dataset, load_files
from eigenmlp.sweeps.results import Metrics, RunFailure, RunResult, StudyResults
from eigenmlp.sweeps.specs import EarlyStoppingSpec, RunSpec, ScheduleSpec

__all__ = [
    "DATASETS",
    "EarlyStoppingSpec",
    "Metrics",
    "RunFailure",
    "RunResult",
    "RunSpec",
    "ScheduleSpec",
    "StudyData",
    "StudyResults",
    "load_dataset",
    "load_files",
]
