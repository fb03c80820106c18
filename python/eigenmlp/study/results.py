"""What a finished study is, as read back from disk.

`report.write_report(output, data, study)` renders a `StudyResults`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from eigenmlp.sweeps.results import RunFailure, RunResult

__all__ = ["StudyResults"]


@dataclass(frozen=True, kw_only=True)
class StudyResults:
    """A finished study.

    Parameters
    ----------
    groups : tuple of str
        Parts of the study that were asked for, in the study's order: "m0", "fig2", "search", ...
    runs : mapping of str to tuple of RunResult
        Spec name to its finished runs, one per seed; a spec whose every seed failed is missing.
    failures : mapping of str to tuple of RunFailure
        Spec name to its diverged runs; only specs that have any.
    n_seeds : int
        Seeds asked for.
    n_missing : int, default=0
        Runs that have not ended yet.
    quick : bool
        Whether runs and data were cut short for a first look.
    predicted_by : RunResult or None
        Run of the lowest validation loss, whose best weights made predictions.csv; None when
        there was nothing to predict or every run failed.
    """

    groups: tuple[str, ...]
    runs: Mapping[str, tuple[RunResult, ...]]
    failures: Mapping[str, tuple[RunFailure, ...]]
    n_seeds: int
    quick: bool
    predicted_by: RunResult | None
    n_missing: int = 0

    @cached_property
    def all_runs(self) -> tuple[RunResult, ...]:
        """Every finished run, in the study's order."""
        return tuple(run for runs in self.runs.values() for run in runs)

    @cached_property
    def all_failures(self) -> tuple[RunFailure, ...]:
        """Every diverged run, in the study's order."""
        return tuple(failure for failures in self.failures.values() for failure in failures)
