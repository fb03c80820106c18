"""Tables of the experiments around the models: ablations, search, note 1, and the classes."""

from collections.abc import Sequence

import numpy as np

from eigenmlp.study.data import StudyData
from eigenmlp.study.noise import NOISE_LEVELS
from eigenmlp.study.published import FIG7_STOPPED_AT, TABLE1, VALIDATION
from eigenmlp.study.report.analysis import (
    accuracy_gap,
    best_validation,
    common_seeds,
    has_penalty_inside,
    label_of,
    spread,
    verdict,
)
from eigenmlp.study.report.markup import (
    MISSING,
    Column,
    Table,
    number,
    plus_minus,
    signed,
    with_spread,
)
from eigenmlp.study.report.score_figures import drawable
from eigenmlp.study.report.tables import OURS, PUBLISHED, absent, epochs_text, layers_text
from eigenmlp.study.results import StudyResults
from eigenmlp.study.study import MODELS, NOTE1, SEARCH, SPECS

__all__ = [
    "ablation_table",
    "class_tables",
    "noise_table",
    "note1_table",
    "question_table",
    "search_table",
]


def ablation_table(study: StudyResults, names: Sequence[str]) -> Table:
    """Return best validation loss, its epoch, and the accuracy then and at the end, by run."""
    penalised = has_penalty_inside(names)
    stops = any(SPECS[name].early_stopping for name in names)
    rows = []
    for name in names:
        published = VALIDATION.get(name)
        epoch = None if published is None else published.epoch
        beside = [
            number(None if published is None else published.val_loss),
            MISSING if epoch is None else str(epoch),
            *([str(FIG7_STOPPED_AT)] if stops else []),
        ]
        runs = study.runs.get(name)
        if not runs:
            ours = [absent(study, name), *[MISSING] * (3 + penalised + stops)]
        else:
            found = [best_validation(run, penalised=penalised) for run in runs]
            ours = [
                with_spread(best.loss for best in found),
                *([with_spread(best.cross_entropy for best in found)] if penalised else []),
                epochs_text([best.epoch for best in found]),
                with_spread(best.accuracy for best in found),
                with_spread(best.last_accuracy for best in found),
                *([epochs_text([run.n_epochs for run in runs])] if stops else []),
            ]
        rows.append([label_of(study, name), *ours, *beside])
    loss = "best validation loss" + (", penalty inside" if penalised else "")
    return Table(
        [
            Column("setting", numeric=False),
            Column(loss, OURS),
            *([Column("cross-entropy alone", OURS)] if penalised else []),
            Column("at epoch", OURS),
            Column("accuracy then", OURS),
            Column("accuracy at the last epoch", OURS),
            *([Column("epochs run", OURS)] if stops else []),
            Column(loss, PUBLISHED),
            Column("at epoch", PUBLISHED),
            *([Column("stopped at", PUBLISHED)] if stops else []),
        ],
        rows,
    )


def search_table(study: StudyResults) -> Table:
    """Return the search in order, each step judged by validation loss against the one before."""
    rows = []
    before: float | None = None
    for run, published in (("m2", "where it starts"), *((s.run, s.verdict) for s in SEARCH)):
        runs = study.runs.get(run)
        layers = layers_text(SPECS[run]) + (f" ({run.upper()})" if run in ("m2", "m3") else "")
        if not runs:
            rows.append([layers, absent(study, run), *[MISSING] * 4, published])
            before = None
            continue
        loss = spread(r.best.val_loss for r in runs).mean
        rows.append(
            [
                layers,
                with_spread(r.best.val_loss for r in runs),
                epochs_text([r.best_epoch for r in runs]),
                with_spread(r.best.val_accuracy for r in runs),
                MISSING
                if before is None
                else f"{signed(100 * (loss / before - 1), 1)}\N{NO-BREAK SPACE}%",
                MISSING if before is None else verdict(before, loss),
                published,
            ]
        )
        before = loss
    return Table(
        [
            Column("hidden layers", numeric=False),
            Column("best validation loss", OURS),
            Column("at epoch", OURS),
            Column("accuracy then", OURS),
            Column("change", OURS),
            Column("verdict", OURS, numeric=False),
            Column("verdict", PUBLISHED, numeric=False),
        ],
        rows,
    )


def note1_table(data: StudyData, study: StudyResults) -> Table:
    """Return the ladder from M1 to M2, one change a row, and M2 with M1's reading of λ."""
    base = study.runs.get("m1", ())
    rows = []
    for step in NOTE1:
        runs = study.runs.get(step.run)
        if not runs:
            rows.append([step.change, absent(study, step.run), *[MISSING] * 6])
            continue
        gap = MISSING
        if base and step.run != "m1" and common_seeds(runs, base):
            difference = accuracy_gap(data, runs, base)
            gap = plus_minus(signed(difference.value), number(difference.error))
        published = TABLE1.get(step.run)
        rows.append(
            [
                step.change,
                with_spread(run.last.train_accuracy for run in runs),
                with_spread(run.best.val_loss for run in runs),
                with_spread(run.last.test_loss for run in runs),
                with_spread(run.last.test_accuracy for run in runs),
                gap,
                number(None if published is None else published.accuracy),
                number(None if published is None else published.loss),
            ]
        )
    return Table(
        [
            Column("run", numeric=False),
            Column("training accuracy", OURS),
            Column("best validation loss", OURS),
            Column("test loss", OURS),
            Column("test accuracy", OURS),
            Column("difference from M1", OURS),
            Column("test accuracy", PUBLISHED),
            Column("test loss", PUBLISHED),
        ],
        rows,
    )


def question_table(data: StudyData, study: StudyResults, names: Sequence[str]) -> Table:
    """Return M1 and its changes: losses, accuracies, and the difference from M1."""
    base = study.runs.get("m1", ())
    rows = []
    for name in names:
        runs = study.runs.get(name)
        label = "M1" if name == "m1" else label_of(study, name)
        if not runs:
            rows.append([label, absent(study, name), *[MISSING] * 5])
            continue
        gap = MISSING
        if base and name != "m1" and common_seeds(runs, base):
            difference = accuracy_gap(data, runs, base)
            gap = plus_minus(signed(difference.value), number(difference.error))
        rows.append(
            [
                label,
                epochs_text([run.n_epochs for run in runs]),
                with_spread(run.last.train_accuracy for run in runs),
                with_spread(run.best.val_loss for run in runs),
                with_spread(run.last.test_loss for run in runs),
                with_spread(run.last.test_accuracy for run in runs),
                gap,
            ]
        )
    return Table(
        [
            Column("setting", numeric=False),
            Column("epochs run"),
            Column("training accuracy"),
            Column("best validation loss"),
            Column("test loss"),
            Column("test accuracy"),
            Column("difference from M1"),
        ],
        rows,
    )


def noise_table(study: StudyResults) -> Table:
    """Return the test accuracy of each model under noise of each size, last weights."""
    rows = []
    for model in MODELS:
        runs = study.runs.get(model.run)
        if not runs:
            missing = [MISSING] * (len(NOISE_LEVELS) - 1)
            rows.append([model.run.upper(), absent(study, model.run), *missing])
            continue
        by_level = zip(*(run.last.further["noise"] for run in runs), strict=True)
        rows.append([label_of(study, model.run), *map(with_spread, by_level)])
    return Table(
        [
            Column("model", numeric=False),
            *(Column(f"σ = {level:g}") for level in NOISE_LEVELS),
        ],
        rows,
    )


def class_tables(data: StudyData, recall: Sequence[float], matrix: np.ndarray) -> list[Table]:
    """Return recall and most frequent mistake of every class, lowest recall first, in two halves.

    `matrix` is the confusion matrix, rows the true classes.
    """
    names, short = data.class_names, drawable(data.class_names)
    columns = [
        Column("class", numeric=False),
        Column("in figures", numeric=False),
        Column("images"),
        Column("recall"),
        Column("most often taken for", numeric=False),
    ]
    rows = []
    # NaN, a class without test images, sorts last.
    for index in np.argsort(recall, kind="stable"):
        mistakes = matrix[index].copy()
        mistakes[index] = 0
        worst = int(mistakes.argmax())
        rows.append(
            [
                names[index],
                short[index],
                str(matrix[index].sum()),
                number(None if np.isnan(recall[index]) else recall[index], 2),
                f"{names[worst]} ({mistakes[worst]})" if mistakes[worst] else MISSING,
            ]
        )
    half = (len(rows) + 1) // 2
    return [Table(columns, part) for part in (rows[:half], rows[half:])]
