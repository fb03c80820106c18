"""The whole study: from data to the report page and the tables beside it."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

from rich.console import Console

from eigenmlp.common.extras import require
from eigenmlp.common.live import progress_console
from eigenmlp.study import report
from eigenmlp.study.data import StudyData
from eigenmlp.study.live_page import LivePage
from eigenmlp.study.noise import accuracy_under_noise
from eigenmlp.study.outputs import write_predictions, write_runs
from eigenmlp.study.results import StudyResults
from eigenmlp.study.specs import SPECS, STOPPED
from eigenmlp.study.stopping import stopped
from eigenmlp.study.study import GROUPS, MODELS, cut_short, group_of, select_groups, specs_of
from eigenmlp.study.study_spec import StudySpec
from eigenmlp.sweeps.data import Data
from eigenmlp.sweeps.display import Display
from eigenmlp.sweeps.executors import engine_for
from eigenmlp.sweeps.results import Outcome, RunFailure, RunResult
from eigenmlp.sweeps.runner import held, run_specs
from eigenmlp.sweeps.store import Store
from eigenmlp.sweeps.trial import training_cost

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
    executor: Any = None,
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
    executor, jobs
        Where to train, and how many runs at a time on this machine, as of `eigenmlp.sweeps.run`.
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
    if n_seeds < 1:
        raise ValueError(f"n_seeds={n_seeds} is not possible: it must be at least 1")
    require_study_extra()
    specs = [
        spec.with_seed(spec.seed + k)
        for spec in (cut_short(spec) if quick else spec for spec in specs_of(groups))
        for k in range(n_seeds)
    ]
    title = f"eigenmlp study on {data.name}" + (", a quick look" if quick else "")
    display = Display(console or progress_console(stderr=False), title, group_of)
    models = {model.run for model in MODELS}
    make_engine = engine_for(executor, jobs, data.for_runs, len(specs))
    with held(output, "study"):
        for line in data.for_runs.absences:
            display.note(line)

        def results_of(outcomes: Sequence[Outcome]) -> StudyResults:
            order = {(spec.name, spec.seed): place for place, spec in enumerate(specs)}
            ordered = sorted(outcomes, key=lambda run: order[run.spec.name, run.spec.seed])
            return _collect(
                groups,
                ordered,
                data,
                n_seeds=n_seeds,
                n_missing=len(specs) - len(outcomes),
                quick=quick,
            )

        with LivePage(
            lambda outcomes: report.write_report(output, data, results_of(outcomes)),
            begins=lambda outcomes: any(run.spec.name in models for run in outcomes),
        ) as page:
            outcomes = run_specs(
                specs,
                data.for_runs,
                Store(output / "runs"),
                make_engine=make_engine,
                display=display,
                measures={"noise": accuracy_under_noise},
                early=_early(specs, data.for_runs),
                ended=page.ended,
            )
        study = results_of(outcomes)
        write_runs(output / "runs.csv", study)
        if data.unlabelled is not None and study.predicted_by is not None:
            write_predictions(
                output / "predictions.csv", study.predicted_by, data.unlabelled, data.class_names
            )
        report.write_report(output, data, study)
    return study


def _early(specs: Sequence[StudySpec], data: Data) -> list[str]:
    """Name the runs to begin with: M0, M1 and M2, and all that takes less than M0."""
    most = training_cost(SPECS["m0"], data)
    cheap = sorted(specs, key=lambda spec: training_cost(spec, data))
    names = [spec.name for spec in cheap if training_cost(spec, data) < most]
    return list(dict.fromkeys(["m0", "m1", "m2", *names]))


def _has_begun(group: str, ended: AbstractSet[str]) -> bool:
    """Whether there is a run to show of a part of the study, beside the models it starts from."""
    own = {*GROUPS[group]} - {model.run for model in MODELS}
    return not ended.isdisjoint(own or GROUPS[group])


def _collect(
    groups: tuple[str, ...],
    outcomes: Sequence[Outcome],
    data: StudyData,
    *,
    n_seeds: int,
    n_missing: int,
    quick: bool,
) -> StudyResults:
    wanted = {run for group in groups for run in GROUPS[group]}
    found = [outcome for outcome in outcomes if outcome.spec.name in wanted]
    for name, whole in STOPPED.items():
        if name in wanted:
            found += [
                stopped(outcome, SPECS[name]) for outcome in outcomes if outcome.spec.name == whole
            ]
    runs: dict[str, tuple[RunResult, ...]] = {}
    failures: dict[str, tuple[RunFailure, ...]] = {}
    for outcome in found:
        name = outcome.spec.name
        if isinstance(outcome, RunResult):
            runs[name] = (*runs.get(name, ()), outcome)
        else:
            failures[name] = (*failures.get(name, ()), outcome)
    trained = [
        run for results in runs.values() for run in results if run.test_outputs_best is not None
    ]
    predicts = data.unlabelled is not None and trained
    if n_missing:
        groups = tuple(group for group in groups if _has_begun(group, {*runs, *failures}))
    return StudyResults(
        groups=groups,
        runs=runs,
        failures=failures,
        n_seeds=n_seeds,
        n_missing=n_missing,
        quick=quick,
        predicted_by=min(trained, key=lambda run: run.best.val_loss) if predicts else None,
    )
