"""Sweeps: many runs as plain data, the data they train on, a runner, and what it keeps.

Examples
--------
>>> from eigenmlp import sweeps
>>> spec = sweeps.RunSpec("wide", hidden=(256,), epochs=5)
>>> spec.hidden
(256,)
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
