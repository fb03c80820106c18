"""The section on what the best model gets wrong."""

from collections.abc import Sequence

import numpy as np
from sklearn.metrics import confusion_matrix

from eigenmlp.study.report.analysis import Misread, best_run, misread
from eigenmlp.study.report.experiment_tables import class_tables
from eigenmlp.study.report.markup import Column, Table, number, paragraph
from eigenmlp.study.report.page import Page, Sample, Section
from eigenmlp.study.report.score_figures import confusion_figure, recall_figure
from eigenmlp.sweeps.results import RunResult

__all__ = ["mistakes_section"]

MISREAD_SHOWN = 30


def mistakes_section(page: Page) -> Section | None:
    """Show the best model's confusion matrix, its surest mistakes, and its recall by class."""
    run = best_run(page.study)
    if run is None:
        return None
    data, probabilities = page.data, run.outputs("best")
    y = data.y[data.split[2]]
    matrix = confusion_matrix(y, probabilities.argmax(axis=1), labels=np.arange(data.n_classes))
    recall = run.best.test_recall
    return Section(
        "mistakes",
        "The best model and its mistakes",
        [
            paragraph(
                f"The model of the lowest validation loss is {run.spec.label}, seed "
                f"{run.spec.seed}, with the weights of epoch {run.best_epoch} restored. On the "
                "test set:"
            ),
            _scores(run, matrix).html(),
            "<h3>Confusion matrix</h3>",
            page.plot(
                "confusion",
                confusion_figure(matrix, data.class_names),
                alt="Confusion matrix of the best model on the test set",
                caption="Test images by true class (rows) and predicted class (columns): blue is "
                "right, orange is wrong, and the deeper the larger the share of the row.",
                css="square",
            ),
            "<h3>The surest mistakes</h3>",
            *_surest_mistakes(page, misread(data, probabilities, MISREAD_SHOWN)),
            "<h3>Recall of every class</h3>",
            page.plot(
                "recall",
                recall_figure(recall, data.class_names),
                alt="Recall of every class, highest first",
                caption="The share of each class's test images that were recognised. Their mean "
                "is the balanced accuracy.",
            ),
            '<div class="halves">',
            *(table.html() for table in class_tables(data, recall, matrix)),
            "</div>",
        ],
    )


def _scores(run: RunResult, matrix: np.ndarray) -> Table:
    metrics = run.best
    return Table(
        [
            Column("model", numeric=False),
            Column("accuracy"),
            Column("balanced accuracy"),
            Column("macro F1"),
            Column("loss"),
            Column("misread images"),
        ],
        [
            [
                run.spec.label,
                number(metrics.test_accuracy),
                number(metrics.test_balanced_accuracy),
                number(metrics.test_macro_f1),
                number(metrics.test_loss),
                f"{matrix.sum() - matrix.trace()} of {matrix.sum()}",
            ]
        ],
    )


def _surest_mistakes(page: Page, mistakes: Sequence[Misread]) -> list[str]:
    names = page.data.class_names
    if not mistakes:
        return [paragraph("No test image was misread.")]
    if page.data.image_shape is None:
        columns = [
            Column("row of the data"),
            Column("true class", numeric=False),
            Column("predicted class", numeric=False),
            Column("its probability"),
        ]
        rows = [
            [str(m.row), names[m.true], names[m.predicted], number(m.probability, 2)]
            for m in mistakes
        ]
        return [Table(columns, rows).html()]
    return [
        paragraph("Misread test images: true class → predicted class, and its probability."),
        page.samples(
            Sample(m.row, f"{names[m.true]} → {names[m.predicted]}", number(m.probability, 2))
            for m in mistakes
        ),
    ]
