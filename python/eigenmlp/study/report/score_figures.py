"""Figures of scores: Table 1 at a glance, the search, confusion matrix, recall of the classes."""

import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from eigenmlp.plots.confusion_matrix import draw_matrix
from eigenmlp.plots.palette import COLOURS, LINE
from eigenmlp.study.noise import NOISE_LEVELS
from eigenmlp.study.published import TABLE1
from eigenmlp.study.report.analysis import label_of, spread
from eigenmlp.study.report.figures import (
    DASHES,
    MARKERS,
    WIDTH,
    legend_above,
    new_figure,
    styled,
)
from eigenmlp.study.results import StudyResults
from eigenmlp.study.study import MODELS, SPECS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "confusion_figure",
    "drawable",
    "noise_figure",
    "recall_figure",
    "search_figure",
    "table1_figure",
]

BLUE, VERMILLION = COLOURS[:2]


def drawable(names: Sequence[str]) -> list[str]:
    """Return short class names that the figures' font can draw.

    Hiragana, which it lacks, are romanised (い: i); any other name that it cannot draw, or that is
    longer than six characters, becomes the class index with a number sign (#12).
    """
    from matplotlib.font_manager import findfont, get_font  # noqa: PLC0415

    charmap = get_font(findfont("DejaVu Sans")).get_charmap()
    result = []
    for index, name in enumerate(names):
        spoken = unicodedata.name(name, "") if len(name) == 1 else ""
        if spoken.startswith("HIRAGANA LETTER "):
            short = spoken.removeprefix("HIRAGANA LETTER ").lower()
        elif 0 < len(name) <= 6 and name.isprintable() and all(ord(c) in charmap for c in name):
            short = name
        else:
            short = f"#{index}"
        result.append(short)
    return result


def _dots(axes: "Axes", values: Sequence[float], y: float, **style: Any) -> None:
    """Draw the mean of the seeds as a dot, with a bar from the lowest to the highest."""
    mean = spread(values).mean
    if len(values) > 1:
        axes.plot([min(values), max(values)], [y, y], color=style["mec"], lw=1.2, zorder=1)
    axes.plot([mean], [y], ls="none", zorder=3, **style)


@styled
def table1_figure(study: StudyResults) -> "Figure":
    """Draw test accuracy and loss of M0 to M4: last weights, best weights, published."""
    from matplotlib.lines import Line2D  # noqa: PLC0415

    kinds: dict[str, dict[str, Any]] = {
        "last": {"marker": "o", "ms": 7, "mfc": BLUE, "mec": BLUE},
        "best": {"marker": "D", "ms": 6.5, "mfc": "white", "mec": VERMILLION, "mew": 1.6},
        "published": {"marker": "|", "ms": 13, "mec": "black", "mew": 2},
    }
    names = {
        "last": "ours, last weights",
        "best": "ours, best weights restored",
        "published": "published",
    }
    figure = new_figure(WIDTH, 2.7)
    panels = figure.subplots(1, 2, sharey=True)
    models = [model for model in MODELS if model.run in study.runs]
    for axes, quantity in zip(panels, ("accuracy", "loss"), strict=True):
        for row, model in enumerate(models):
            runs = study.runs[model.run]
            _dots(
                axes, [getattr(run.last, f"test_{quantity}") for run in runs], row, **kinds["last"]
            )
            if model.restored:
                values = [getattr(run.best, f"test_{quantity}") for run in runs]
                _dots(axes, values, row, **kinds["best"])
            _dots(axes, [getattr(TABLE1[model.run], quantity)], row, **kinds["published"])
        axes.set_xlabel("test accuracy" if quantity == "accuracy" else "test cross-entropy")
        axes.grid(visible=False, axis="x")
        axes.tick_params(left=False)
    panels[0].set_yticks(range(len(models)), [label_of(study, model.run) for model in models])
    panels[0].set_ylim(len(models) - 0.5, -0.5)
    legend_above(
        figure,
        [Line2D([], [], ls="none", label=names[kind], **style) for kind, style in kinds.items()],
    )
    return figure


@styled
def noise_figure(study: StudyResults) -> "Figure":
    """Draw the test accuracy of M0 to M4 against the noise's standard deviation."""
    figure = new_figure(WIDTH, 3.4)
    axes = figure.subplots()
    handles = []
    for index, model in enumerate(MODELS):
        runs = study.runs.get(model.run)
        if not runs:
            continue
        accuracies = np.mean([run.last.further["noise"] for run in runs], axis=0)
        handles += axes.plot(
            NOISE_LEVELS,
            accuracies,
            color=COLOURS[index],
            marker=MARKERS[index],
            mfc="white",
            label=label_of(study, model.run),
        )
    axes.set_xlabel("standard deviation of the noise, pixels' range = 1")
    axes.set_ylabel("test accuracy")
    axes.set_ylim(bottom=0)
    legend_above(figure, handles)
    return figure


@styled
def search_figure(study: StudyResults, names: Sequence[str]) -> "Figure":
    """Draw the best validation loss of each step of the search, in order."""
    figure = new_figure(WIDTH, 0.36 * len(names) + 0.8)
    axes = figure.subplots()
    means = []
    for row, name in enumerate(names):
        values = [run.best.val_loss for run in study.runs[name]]
        _dots(axes, values, row, marker="o", ms=7, mfc=BLUE, mec=BLUE)
        means.append(spread(values).mean)
        # The values stand in a column beside the axes, clear of the lines.
        place = axes.get_yaxis_transform()
        axes.text(1.01, row, f"{means[-1]:.4f}", va="center", transform=place)
    axes.plot(means, range(len(names)), color=LINE, lw=1, zorder=0)
    layers = [", ".join(map(str, SPECS[name].hidden_layers)) for name in names]
    labels = [
        f"{label_of(study, name)}: {text}" if name in ("m2", "m3", "m4") else text
        for name, text in zip(names, layers, strict=True)
    ]
    axes.set_yticks(range(len(names)), labels)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel("best validation cross-entropy")
    axes.tick_params(left=False)
    return figure


@styled
def confusion_figure(matrix: np.ndarray, names: Sequence[str]) -> "Figure":
    """Draw a confusion matrix (rows: true class), hits blue, mistakes orange, counts inside."""
    n = len(names)
    side = float(np.clip(0.19 * n + 1, 4, 10.4))
    figure = new_figure(side + 0.15, side)
    axes = figure.subplots()
    size = float(np.clip(32 * side / n, 4.5, 10))
    draw_matrix(axes, matrix, zip(*np.nonzero(matrix), strict=True), size)
    ticks = drawable(names)
    axes.set_xticks(range(n), ticks, size=min(size + 1.5, 9), rotation=90 if n > 20 else 0)
    axes.set_yticks(range(n), ticks, size=min(size + 1.5, 9))
    axes.tick_params(which="both", length=0, pad=2, labelright=n > 20, labeltop=n > 20)
    return figure


@styled
def recall_figure(recall: Sequence[float], names: Sequence[str]) -> "Figure":
    """Draw the recall of every class, best first; a class without test images has none."""
    values = np.array(recall, dtype=np.float64)
    order = np.argsort(-np.nan_to_num(values, nan=-1), kind="stable")
    order = order[np.isfinite(values[order])]
    figure = new_figure(WIDTH, 2.6)
    axes = figure.subplots()
    axes.bar(range(len(order)), values[order], color=BLUE, width=0.72)
    mean = float(values[order].mean())
    axes.axhline(mean, color=VERMILLION, lw=1.4, ls=DASHES)
    axes.text(len(order) - 0.4, mean + 0.02, f"mean {mean:.4f}", color="black", ha="right")
    ticks = drawable(names)
    many = len(order) > 20
    axes.set_xticks(
        range(len(order)),
        [ticks[i] for i in order],
        size=7 if many else 9,
        rotation=90 if many else 0,
    )
    axes.set_xlim(-0.7, len(order) - 0.3)
    axes.set_ylim(0, 1.05)
    axes.set_ylabel("recall")
    axes.grid(visible=False, axis="x")
    axes.tick_params(axis="x", length=0)
    return figure
