"""The sections of the report on the data and the models, and on how it was made.

A section that has nothing to show is None.
"""

import platform
import shlex
from html import escape
from importlib.metadata import version

import numpy as np

from eigenmlp._native import _core, instruction_set
from eigenmlp.common.version import __version__
from eigenmlp.study.report import findings, tables
from eigenmlp.study.report.figures import models_figure
from eigenmlp.study.report.markup import Column, Table, paragraph
from eigenmlp.study.report.page import Page, Sample, Section
from eigenmlp.study.report.score_figures import table1_figure
from eigenmlp.study.study import GROUPS, MODELS

__all__ = [
    "curves_section",
    "data_section",
    "failures_section",
    "reproduce_section",
    "restoring_section",
    "table1_section",
    "times_section",
]

MOST_CLASSES_SHOWN = 60


def data_section(page: Page) -> Section:
    """Say what the study ran on, and show an image of each class."""
    data = page.data
    counts = np.bincount(data.y, minlength=data.n_classes)
    shape = "" if data.image_shape is None else " ({} × {} pixels)".format(*data.image_shape)
    facts = {
        "data set": data.name,
        "images": f"{len(data.X):,} of {data.n_features} values{shape}",
        "classes": f"{data.n_classes}, with {counts.min()} to {counts.max()} images each",
        "split": " / ".join(f"{len(part):,}" for part in data.split)
        + " for training / validation / test",
        "fingerprint": f"SHA-256 {data.fingerprint}",
    }
    parts = [paragraph(data.description), _facts(facts), *map(paragraph, data.for_runs.absences)]
    if data.image_shape is not None and data.n_classes <= MOST_CLASSES_SHOWN:
        train = data.split[0]
        classes, first = np.unique(data.y[train], return_index=True)
        parts += [
            paragraph("The first training image of each class:"),
            page.samples(
                [
                    Sample(int(train[i]), data.class_names[label])
                    for label, i in zip(classes, first, strict=True)
                ],
                css="small",
            ),
        ]
    return Section("data", "The data", parts)


def table1_section(page: Page) -> Section | None:
    """Show Table 1 and how training ended."""
    study = page.study
    if not any(model.run in study.runs or model.run in study.failures for model in MODELS):
        return None
    parts = [
        paragraph(
            "Scores on the test set. The report's numbers are those of the last weights, because "
            "its code never restored better ones; the rows “best restored” really do, with the "
            "weights of the epoch of the lowest validation loss. Loss is the cross-entropy "
            "without penalty. Epochs count from 0."
        ),
        tables.table1(study).html(),
        *map(paragraph, findings.about_models(study)),
    ]
    if any(model.run in study.runs for model in MODELS):
        parts += [
            page.plot(
                "table1",
                table1_figure(study),
                alt="Test accuracy and test loss of M0 to M4, ours and published",
                caption="Table 1 at a glance; a line spans the seeds where there are several.",
            ),
            "<h3>At the last epoch</h3>",
            tables.end_of_training_table(study).html(),
        ]
    return Section("table1", "Table 1: the models", parts)


def curves_section(page: Page) -> Section | None:
    """Show loss and accuracy of the models against epochs."""
    study = page.study
    if not any(model.run in study.runs or model.run in study.failures for model in MODELS):
        return None
    titles = "; ".join(f"{model.run.upper()}: {model.title}" for model in MODELS)
    return Section(
        "curves",
        "Learning curves of the models",
        [
            paragraph(f"{titles}."),
            *(
                page.plot(
                    f"models-{quantity}",
                    models_figure(study, quantity),
                    alt=f"Training and validation {quantity} of M0 to M4 against epochs",
                    caption=caption,
                )
                for quantity, caption in (
                    ("loss", "Cross-entropy, without penalty, on one scale."),
                    (
                        "accuracy",
                        "Accuracy; the star marks the epoch of the lowest validation loss.",
                    ),
                )
            ),
        ],
    )


def restoring_section(page: Page) -> Section | None:
    """Explain why the published best weights were the last ones."""
    if not any(model.restored and model.run in page.study.runs for model in MODELS):
        return None
    return Section(
        "restoring",
        "Restoring the best weights",
        [
            paragraph(
                "The published code of M2, M3 and M4 means to keep the weights of the best epoch "
                "and to return to them at the end. What it keeps is a reference to the live "
                "weights, not a copy: every later step changes the kept ones as well, and "
                "restoring restores nothing. M0 and M1 never restore. So the published numbers "
                "are those of the last weights, and ours are given for both: the last, and a "
                "true copy of the best."
            ),
            tables.restored_table(page.study).html(),
            paragraph(findings.about_restoring(page.study)),
        ],
    )


def times_section(page: Page) -> Section | None:
    """Show how long training took."""
    if not page.study.all_runs:
        return None
    return Section(
        "times",
        "Training times",
        [
            paragraph(
                "Each run trains on one thread, and as many at once as there are cores. With "
                "several seeds the time of a model is that of one seed on average. The report's "
                "time was taken on its own machine; the total adds up the runs as if they had "
                "run one after another."
            ),
            tables.times_table(page.study).html(),
        ],
    )


def failures_section(page: Page) -> Section | None:
    """List the runs that diverged, with what the error said."""
    failures = page.study.all_failures
    if not failures:
        return None
    columns = [
        Column("run", numeric=False),
        Column("setting", numeric=False),
        Column("seed"),
        Column("finite epochs"),
        Column("message", numeric=False),
    ]
    rows = [
        [
            failure.spec.name,
            failure.spec.label,
            str(failure.spec.seed),
            str(failure.history.n_epochs),
            failure.message,
        ]
        for failure in failures
    ]
    return Section(
        "diverged",
        "Runs that diverged",
        [
            paragraph(
                "Their loss or parameters stopped being finite. They count nowhere above: where "
                "only some seeds of a run diverged, its means are those of the others."
            ),
            Table(columns, rows).html(),
        ],
    )


def reproduce_section(page: Page) -> Section:
    """Give the command that makes this page, and what it was made with."""
    study = page.study
    seeds = sorted({run.spec.seed for runs in (study.all_runs, study.all_failures) for run in runs})
    facts = {
        "eigenmlp": __version__,
        "instruction set": f"{instruction_set()} ({_core.instruction_set()})",
        "numpy": version("numpy"),
        "scikit-learn": version("scikit-learn"),
        "Python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        "seeds": ", ".join(map(str, seeds)),
        "precision": "float32",
    }
    return Section(
        "reproduce",
        "How to reproduce this page",
        [
            *_command(page),
            paragraph(
                "The same version gives the same numbers to the last bit on every processor with "
                "AVX2 or AVX-512, whatever --jobs is. Beside this page lie the figures as PNG and "
                "SVG, table1.md, runs.csv with every run, and under runs the configuration, "
                "history, metrics and weights of each."
            ),
            _facts(facts),
        ],
    )


def _command(page: Page) -> list[str]:
    """Give the command for a shell, or say why there is none."""
    study, origin = page.study, page.data.origin
    obstacle = ""
    if origin is None or origin.quick != study.quick:
        obstacle = "These data were not loaded as eigenmlp study loads them"
    elif not _is_text(origin.words):
        obstacle = "The name of a file of these data is not a Unicode text"
    if origin is None or obstacle:
        return [
            paragraph(
                f"{obstacle}, so that no command can be given here. "
                "eigenmlp.study.conduct_study makes this page, called from Python with "
                f"only={list(study.groups)}, n_seeds={study.n_seeds}, quick={study.quick}."
            )
        ]
    words = ["eigenmlp", "study", *origin.words]
    if study.groups != tuple(GROUPS):
        words += ["--only", ",".join(study.groups)]
    if study.n_seeds > 1:
        words += ["--seeds", str(study.n_seeds)]
    if study.quick:
        words.append("--quick")
    install = f'pip install "eigenmlp[{",".join(origin.extras)}]"'
    return [
        f"<pre><code>{escape(install)}\n{escape(shlex.join(words))}</code></pre>",
        paragraph(
            "It may be run in any folder, for its paths are absolute: those of the machine that "
            "this page was made on."
            if origin.images or origin.predict
            else "It may be run in any folder."
        ),
    ]


def _is_text(words: list[str]) -> bool:
    """Whether a page can hold these; what the system says of files may be any bytes."""
    try:
        "".join(words).encode()
    except UnicodeEncodeError:
        return False
    return True


def _facts(facts: dict[str, str]) -> str:
    body = "\n".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in facts.items())
    return f'<dl class="facts">\n{body}\n</dl>'
