"""The whole study: from data to the report page and the tables beside it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from eigenmlp.common.extras import require
from eigenmlp.common.live import progress_console
from eigenmlp.errors import EigenmlpError
from eigenmlp.files.folder_lock import FolderLock
from eigenmlp.study import report
from eigenmlp.study.data import StudyData
from eigenmlp.study.noise import accuracy_under_noise
from eigenmlp.study.outputs import write_predictions, write_runs
from eigenmlp.study.results import StudyResults
from eigenmlp.study.study import cut_short, group_of, select_groups, specs_of
from eigenmlp.sweeps.display import Display
from eigenmlp.sweeps.results import RunFailure, RunResult
from eigenmlp.sweeps.runner import run_specs
from eigenmlp.sweeps.store import Outcome, Store

__all__ = ["conduct_study", "require_study_extra"]


def require_study_extra() -> None:
    """Raise an ImportError that names the extra `study` if the report could not be drawn."""
    require("matplotlib", extra="study", purpose="The study's report")


def conduct_study(
    data: StudyData,
    *,
    output: Path,
    only: Sequence[str] | None = None,
    n_seeds: int = 1,
    jobs: int | None = None,
    quick: bool = False,
    console: Console | None = None,
) -> StudyResults:
    """Train what the study needs and is not in `output` yet, and write the report there.

    A study that was interrupted, even killed, continues where it was: every finished run is in
    `output`/runs and is not repeated unless its specification, the data or the version of
    eigenmlp has changed. The same call always gives the same results, whatever `jobs` is.

    Parameters
    ----------
    data : StudyData
        What to train on, from `load_dataset` or `load_files`.
    output : Path
        Folder for the runs, report.html, the figures, runs.csv, table1.md and, if the data has
        unlabelled images, predictions.csv.
    only : sequence of str or None, default None
        Parts of the study, names of `GROUPS`: "m0", "fig4a", "search". None means all.
    n_seeds : int, default 1
        Trainings of each run, which differ in initial weights and order of the samples.
    jobs : int or None, default None
        Runs at a time, each on one thread; None means one for each core this process may use.
    quick : bool, default False
        Cut each run short: 20 epochs in full batch, 2 in mini-batches.
    console : rich.console.Console or None, default None
        Where to show progress; None means standard output, or the cell of a notebook.

    Returns
    -------
    StudyResults
        Everything the report shows.

    Raises
    ------
    ValueError
        If `only` names an unknown part, or `n_seeds` or `jobs` is less than 1.
    ImportError
        If the extra `study` is not installed.
    EigenmlpError
        If another study is writing to `output`, or a training process died.
    """
    groups = select_groups(only)
    for option, value in (("n_seeds", n_seeds), ("jobs", jobs)):
        if value is not None and value < 1:
            raise ValueError(f"{option}={value} is not possible: it must be at least 1")
    require_study_extra()
    specs = [
        spec.with_seed(spec.seed + k)
        for spec in (cut_short(spec) if quick else spec for spec in specs_of(groups))
        for k in range(n_seeds)
    ]
    title = f"eigenmlp study on {data.name}" + (", a quick look" if quick else "")
    display = Display(console or progress_console(stderr=False), title, group_of)
    with _held(output):
        for line in data.absences:
            display.note(line)
        outcomes = run_specs(
            specs,
            data,
            Store(output, data.fingerprint),
            jobs=jobs,
            display=display,
            measures={"noise": accuracy_under_noise},
        )
        study = _collect(groups, outcomes, data, n_seeds=n_seeds, quick=quick)
        write_runs(output / "runs.csv", study)
        if data.unlabelled is not None and study.predicted_by is not None:
            write_predictions(
                output / "predictions.csv", study.predicted_by, data.unlabelled, data.class_names
            )
        report.write_report(output, data, study)
    return study


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold the folder for this study alone, creating it if needed.

    Raises
    ------
    EigenmlpError
        If another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        lock = FolderLock(folder)
    except BlockingIOError:
        raise EigenmlpError(
            f"another study is writing to {folder}: wait until it ends, "
            "or give this one a folder of its own with --output"
        ) from None
    try:
        yield
    finally:
        lock.release()


def _collect(
    groups: tuple[str, ...],
    outcomes: Sequence[Outcome],
    data: StudyData,
    *,
    n_seeds: int,
    quick: bool,
) -> StudyResults:
    runs: dict[str, tuple[RunResult, ...]] = {}
    failures: dict[str, tuple[RunFailure, ...]] = {}
    for outcome in outcomes:
        name = outcome.spec.name
        if isinstance(outcome, RunResult):
            runs[name] = (*runs.get(name, ()), outcome)
        else:
            failures[name] = (*failures.get(name, ()), outcome)
    finished = [run for results in runs.values() for run in results]
    wanted = data.unlabelled is not None and finished
    return StudyResults(
        groups=groups,
        runs=runs,
        failures=failures,
        n_seeds=n_seeds,
        quick=quick,
        predicted_by=min(finished, key=lambda run: run.best.val_loss) if wanted else None,
    )
