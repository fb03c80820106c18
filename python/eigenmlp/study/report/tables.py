"""The tables of the models: our numbers beside the published ones.

With several seeds, our numbers are means with their standard deviation.
"""

from collections.abc import Sequence

import numpy as np

from eigenmlp.study.published import M0_DETAILS, M0_SECONDS, M4_TRAIN, TABLE1
from eigenmlp.study.report.analysis import label_of
from eigenmlp.study.report.markup import MISSING, Column, Table, duration, number, with_spread
from eigenmlp.study.results import StudyResults
from eigenmlp.study.study import MODELS, SPECS
from eigenmlp.sweeps.results import RunResult
from eigenmlp.sweeps.specs import RunSpec

__all__ = [
    "OURS",
    "PUBLISHED",
    "absent",
    "end_of_training_table",
    "epochs_text",
    "layers_text",
    "restored_table",
    "table1",
    "times_table",
]

OURS, PUBLISHED = "ours", "published"


def layers_text(spec: RunSpec) -> str:
    """Return the units of the hidden layers."""
    return ", ".join(map(str, spec.hidden_layers))


def epochs_text(epochs: Sequence[int]) -> str:
    """Return one number of epochs per seed: the only one, or the lowest and highest."""
    low, high = min(epochs), max(epochs)
    return str(low) if low == high else f"{low} to\N{NO-BREAK SPACE}{high}"


def absent(study: StudyResults, name: str) -> str:
    """Say why there are no numbers of a run."""
    if name in study.failures:
        return "diverged" if study.failures[name][0].kind == "diverged" else "failed"
    return "still to come" if study.n_missing else "not run"


def table1(study: StudyResults) -> Table:
    """Return Table 1: the test set, as published and with the best weights restored."""
    rows = []
    for model in MODELS:
        published = TABLE1[model.run]
        head = [label_of(study, model.run), layers_text(SPECS[model.run])]
        beside = [number(published.accuracy), number(published.loss)]
        runs = study.runs.get(model.run)
        if not runs:
            rows.append([*head, absent(study, model.run), *[MISSING] * 5, *beside])
            continue
        for restored in (False, True) if model.restored else (False,):
            metrics = [run.best if restored else run.last for run in runs]
            epochs = [run.best_epoch if restored else run.n_epochs - 1 for run in runs]
            rows.append(
                [
                    *head,
                    "best restored" if restored else "last, as published",
                    epochs_text(epochs),
                    with_spread(m.test_accuracy for m in metrics),
                    with_spread(m.test_loss for m in metrics),
                    with_spread(m.test_balanced_accuracy for m in metrics),
                    with_spread(m.test_macro_f1 for m in metrics),
                    *([MISSING, MISSING] if restored else beside),
                ]
            )
    return Table(
        [
            Column("model", numeric=False),
            Column("hidden layers", numeric=False),
            Column("weights", numeric=False),
            Column("of epoch", OURS),
            Column("accuracy", OURS),
            Column("loss", OURS),
            Column("balanced accuracy", OURS),
            Column("macro F1", OURS),
            Column("accuracy", PUBLISHED),
            Column("loss", PUBLISHED),
        ],
        rows,
    )


def end_of_training_table(study: StudyResults) -> Table:
    """Return loss and accuracy on training and validation data at the last epoch."""
    published = {
        "m0": [
            number(M0_DETAILS.train.loss),
            number(M0_DETAILS.train.accuracy),
            number(M0_DETAILS.val.loss),
            number(M0_DETAILS.val.accuracy),
        ],
        "m4": [f"≈ {M4_TRAIN.loss}", f"≈ {M4_TRAIN.accuracy}", MISSING, MISSING],
    }
    parts = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")
    headings = ("training loss", "training accuracy", "validation loss", "validation accuracy")
    rows = [
        [
            label_of(study, model.run),
            epochs_text([run.n_epochs for run in study.runs[model.run]]),
            *(with_spread(getattr(run.last, p) for run in study.runs[model.run]) for p in parts),
            *published.get(model.run, [MISSING] * 4),
        ]
        for model in MODELS
        if model.run in study.runs
    ]
    return Table(
        [
            Column("model", numeric=False),
            Column("epochs run", OURS),
            *(Column(name, OURS) for name in headings),
            *(Column(name, PUBLISHED) for name in headings),
        ],
        rows,
    )


def restored_table(study: StudyResults) -> Table:
    """Return what restoring the best weights changes for M1 to M4."""
    rows = []
    for model in MODELS:
        runs = study.runs.get(model.run)
        if not (model.restored and runs):
            continue
        rows.append(
            [
                label_of(study, model.run),
                epochs_text([run.best_epoch for run in runs]),
                epochs_text([run.n_epochs - 1 for run in runs]),
                *_both(runs, "val_loss"),
                *_both(runs, "test_loss"),
                *_both(runs, "test_accuracy"),
            ]
        )
    return Table(
        [
            Column("model", numeric=False),
            Column("best", "epoch"),
            Column("last", "epoch"),
            Column("restored", "validation loss"),
            Column("last", "validation loss"),
            Column("restored", "test loss"),
            Column("last", "test loss"),
            Column("restored", "test accuracy"),
            Column("last", "test accuracy"),
        ],
        rows,
    )


def _both(runs: Sequence[RunResult], metric: str) -> list[str]:
    return [
        with_spread(getattr(run.best, metric) for run in runs),
        with_spread(getattr(run.last, metric) for run in runs),
    ]


def times_table(study: StudyResults) -> Table:
    """Return the training time of the models and of all runs together."""
    rows = [
        [
            label_of(study, model.run),
            epochs_text([run.n_epochs for run in study.runs[model.run]]),
            duration(float(np.mean([run.seconds for run in study.runs[model.run]]))),
            duration(M0_SECONDS) if model.run == "m0" else MISSING,
        ]
        for model in MODELS
        if model.run in study.runs
    ]
    total = sum(run.seconds for run in study.all_runs)
    epochs = sum(run.n_epochs for run in study.all_runs)
    rows.append([f"all {len(study.all_runs)} runs", f"{epochs:,}", duration(total), MISSING])
    return Table(
        [
            Column("run", numeric=False),
            Column("epochs", OURS),
            Column("training time", OURS),
            Column("training time", PUBLISHED),
        ],
        rows,
    )
