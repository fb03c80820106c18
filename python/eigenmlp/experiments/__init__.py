"""The study: every run of the published report as data, a runner, and the report page.

Examples
--------
>>> from pathlib import Path
>>> from eigenmlp import experiments
>>> data = experiments.load_dataset("glyphs")
>>> experiments.conduct_study(data, output=Path("study"), only=["m0"])  # doctest: +SKIP
"""

from eigenmlp.experiments.conduct import conduct_study
from eigenmlp.experiments.data import DATASETS, StudyData, load_dataset, load_files
from eigenmlp.experiments.results import Metrics, RunFailure, RunResult, StudyResults
from eigenmlp.experiments.specs import EarlyStoppingSpec, RunSpec, ScheduleSpec
from eigenmlp.experiments.study import FIGURES, GROUPS, MODELS, NOTE1, SEARCH, SPECS

__all__ = [
    "DATASETS",
    "FIGURES",
    "GROUPS",
    "MODELS",
    "NOTE1",
    "SEARCH",
    "SPECS",
    "EarlyStoppingSpec",
    "Metrics",
    "RunFailure",
    "RunResult",
    "RunSpec",
    "ScheduleSpec",
    "StudyData",
    "StudyResults",
    "conduct_study",
    "load_dataset",
    "load_files",
]
