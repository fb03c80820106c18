"""The published study: its runs as specs of a sweep, and its report page.

Examples
--------
>>> from pathlib import Path
>>> from eigenmlp import study, sweeps
>>> data = sweeps.load_dataset("glyphs")
>>> study.conduct_study(data, output=Path("study"), only=["m0"])  # doctest: +SKIP
"""

from eigenmlp.study.conduct import conduct_study
from eigenmlp.study.study import FIGURES, GROUPS, MODELS, NOTE1, SEARCH, SPECS

__all__ = ["FIGURES", "GROUPS", "MODELS", "NOTE1", "SEARCH", "SPECS", "conduct_study"]
