"""The published study: its data, its runs as specs of a sweep, and its report page.

Examples
--------
>>> from pathlib import Path
>>> from eigenmlp import study
>>> data = study.load_dataset("glyphs")
>>> study.conduct_study(data, output=Path("study"), only=["m0"])  # doctest: +SKIP
"""

from eigenmlp.study.conduct import conduct_study
from eigenmlp.study.data import DATASETS, StudyData, load_dataset, load_files
from eigenmlp.study.results import StudyResults
from eigenmlp.study.study import FIGURES, GROUPS, MODELS, NOTE1, SEARCH, SPECS

__all__ = [
    "DATASETS",
    "FIGURES",
    "GROUPS",
    "MODELS",
    "NOTE1",
    "SEARCH",
    "SPECS",
    "StudyData",
    "StudyResults",
    "conduct_study",
    "load_dataset",
    "load_files",
]
