"""The tables beside the report: every run in runs.csv, the unlabelled images in predictions.csv."""

import csv
import dataclasses
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eigenmlp.files.atomic import write_atomically
from eigenmlp.schedules import as_schedule
from eigenmlp.study.noise import NOISE_LEVELS
from eigenmlp.study.results import StudyResults
from eigenmlp.sweeps.results import Metrics, RunFailure, RunResult
from eigenmlp.sweeps.runs import columns_of
from eigenmlp.sweeps.specs import RunSpec

__all__ = ["write_predictions", "write_runs"]

# Of classes; R² is of numbers.
_SCORES = [
    field.name
    for field in dataclasses.fields(Metrics)
    if field.type is float and field.name != "test_r2"
]


def write_runs(path: Path, study: StudyResults) -> None:
    """Write one row per run and seed: its spec, its length, and its scores at both moments.

    A run that diverged has its message in the column `error` and no scores.
    """
    rows = [
        *({**_spec_columns(run.spec), **_result_columns(run)} for run in study.all_runs),
        *(
            {
                **_spec_columns(failure.spec),
                "epochs_run": failure.history.n_epochs,
                "error": failure.message,
            }
            for failure in study.all_failures
        ),
    ]
    outcomes: list[RunResult | RunFailure] = [*study.all_runs, *study.all_failures]
    specs = [_spec_columns(outcome.spec) for outcome in outcomes]
    header = list(dict.fromkeys(column for row in (*specs, *rows) for column in row))
    _write_table(path, header, ([row.get(column, "") for column in header] for row in rows))


def write_predictions(
    path: Path, run: RunResult, rows: np.ndarray, class_names: Sequence[str]
) -> None:
    """Write the probabilities by a run's best weights: a column per class, a row per image."""
    probabilities = run.network().predict_proba(rows)
    # astype(str) writes the shortest text that reads back as the same float32.
    header = [f"probability_{name}" for name in class_names]
    _write_table(path, header, probabilities.astype(str).tolist())


def _spec_columns(spec: RunSpec) -> dict[str, Any]:
    columns = {"run": spec.name, "seed": spec.seed, "label": spec.label, **columns_of(spec)}
    del columns["name"]
    schedule = as_schedule(spec.learning_rate)
    return columns | {
        "learning_rate": schedule(0),
        "schedule": type(schedule).__name__,
        "batch_size": "all" if spec.batch_size is None else spec.batch_size,
    }


def _result_columns(run: RunResult) -> dict[str, Any]:
    return {
        "epochs_run": run.n_epochs,
        "best_epoch": run.best_epoch,
        "seconds": run.seconds,
        **{f"last_{score}": getattr(run.last, score) for score in _SCORES},
        **{f"best_{score}": getattr(run.best, score) for score in _SCORES},
        **{
            f"{moment}_test_accuracy_noise_{level:g}": accuracy
            for moment, metrics in (("last", run.last), ("best", run.best))
            for level, accuracy in zip(NOISE_LEVELS, metrics.further.get("noise", ()), strict=False)
        },
    }


def _write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_atomically(path, text.getvalue().encode())
