"""The study's figures, drawn with matplotlib's objects: no pyplot, no global state.

Colours are those of Okabe and Ito, told apart by the colour-blind; markers tell them apart in
grey print. Training is solid, validation dashed, a star marks the best epoch of validation.
"""

import functools
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec

import numpy as np

from eigenmlp.common.extras import require
from eigenmlp.plots.palette import AXIS, COLOURS, GREY, GRID, INK
from eigenmlp.study.report.analysis import best_validation, curve, label_of
from eigenmlp.study.report.scales import epoch_axis, loss_scale
from eigenmlp.study.results import StudyResults
from eigenmlp.study.study import MODELS
from eigenmlp.sweeps.results import RunFailure, RunResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

__all__ = [
    "DASHES",
    "MARKERS",
    "WIDTH",
    "legend_above",
    "loss_figure",
    "models_figure",
    "new_figure",
    "readings_figure",
    "save",
    "styled",
]

P = ParamSpec("P")

MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = (0, (4, 1.6))
WIDTH = 8.6  # inches, of every figure as wide as the page
STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same figure on every machine
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.labelcolor": INK,
    "axes.edgecolor": AXIS,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "text.parse_math": False,  # labels may come from files: a dollar sign is a dollar sign
    "svg.hashsalt": "eigenmlp",
    "svg.fonttype": "path",
    "path.simplify_threshold": 0.3,
}


def styled(draw: Callable[P, "Figure"]) -> Callable[P, "Figure"]:
    """Decorate a function that draws a figure: it draws in the study's style."""

    @functools.wraps(draw)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> "Figure":
        matplotlib = require("matplotlib", extra="study", purpose="Drawing the study's figures")
        with matplotlib.rc_context(STYLE):
            return draw(*args, **kwargs)

    return wrapper


def new_figure(width: float, height: float) -> "Figure":
    """Return an empty figure, inches wide and high."""
    require("matplotlib", extra="study", purpose="Drawing the study's figures")
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save(figure: "Figure", folder: Path, name: str) -> str:
    """Write NAME.png and NAME.svg to `folder` and return the SVG; equal figures, equal bytes."""
    matplotlib = require("matplotlib", extra="study", purpose="Drawing the study's figures")
    svg = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with matplotlib.rc_context(STYLE):
        figure.draw_without_rendering()  # lays it out, once for both files
        figure.set_layout_engine(None)
        figure.savefig(svg, format="svg", metadata=nothing)
        figure.savefig(folder / f"{name}.png", dpi=150, metadata={"Software": None})
    (folder / f"{name}.svg").write_text(svg.getvalue(), encoding="utf-8")
    return svg.getvalue()


def legend_above(figure: "Figure", handles: Sequence["Line2D"]) -> None:
    """Put a legend above the axes, where it hides nothing: in one line if it is short."""
    figure.legend(
        handles,
        [str(handle.get_label()) for handle in handles],
        loc="outside upper left",
        ncols=min(len(handles), 7),
        columnspacing=1.4,
    )


def _curves(
    axes: "Axes",
    runs: Sequence[RunResult | RunFailure],
    index: int,
    label: str,
    *,
    quantity: str = "loss",
    penalised: bool = False,
    validation: "Axes | None" = None,
) -> list[np.ndarray]:
    """Draw one setting: its first seed in full, the others thin; return what was drawn.

    Validation goes to axes of its own if they are given; training and validation alternate in
    what is returned. A diverged run ends with a cross. The lines are labelled "training …",
    "validation …", "best …" and "diverged …".
    """
    beside = axes if validation is None else validation
    colour, marker = COLOURS[index % len(COLOURS)], MARKERS[index % len(MARKERS)]
    drawn = []
    for number, run in enumerate(runs):
        first = number == 0
        style: dict[str, Any] = {
            "color": colour,
            "lw": 1.5 if first else 0.7,
            "alpha": 1.0 if first else 0.5,
        }
        train, val = (
            curve(run, f"{part}_{quantity}", penalised=penalised) for part in ("train", "val")
        )
        drawn += [train, val]
        epochs = np.arange(len(val))
        if not first:  # 300 points are enough for a hair line, and keep the page small
            epochs = epochs[:: max(1, len(val) // 300)]
        axes.plot(epochs, train[epochs], label=f"training {label}", **style)
        step = max(1, len(val) // 8)  # about eight markers, each setting's at other epochs
        beside.plot(
            epochs,
            val[epochs],
            ls=DASHES,
            marker=marker if first else None,
            markevery=(min(index * step // 3, max(len(val) - 1, 0)), step),
            ms=4.5,
            mfc="white",
            label=f"validation {label}",
            **style,
        )
        if not (first and len(val)):
            continue
        if isinstance(run, RunFailure):
            end, kind = len(val) - 1, "diverged"
            mark: dict[str, Any] = {"marker": "x", "ms": 8, "mec": colour, "mew": 2}
        else:
            end, kind = best_validation(run, penalised=penalised).epoch, "best"
            mark = {"marker": "*", "ms": 12, "mfc": colour, "mec": "black", "mew": 0.8}
        beside.plot([end], [val[end]], ls="none", zorder=5, label=f"{kind} {label}", **mark)
    return drawn


def _style_handles(runs: Sequence[RunResult | RunFailure]) -> list["Line2D"]:
    """Explain solid, dashed, star and cross, in grey."""
    from matplotlib.lines import Line2D  # noqa: PLC0415

    star: dict[str, Any] = {"marker": "*", "ms": 11, "mfc": "white", "mec": "black", "ls": "none"}
    cross: dict[str, Any] = {"marker": "x", "ms": 7, "mew": 2, "color": GREY, "ls": "none"}
    handles = [
        Line2D([], [], color=GREY, lw=1.5, label="training"),
        Line2D([], [], color=GREY, lw=1.5, ls=DASHES, label="validation"),
        Line2D([], [], label="best epoch", **star),
    ]
    if any(isinstance(run, RunFailure) for run in runs):
        handles.append(Line2D([], [], label="diverged", **cross))
    return handles


def _setting_handle(index: int, label: str) -> "Line2D":
    from matplotlib.lines import Line2D  # noqa: PLC0415

    colour, marker = COLOURS[index % len(COLOURS)], MARKERS[index % len(MARKERS)]
    return Line2D([], [], color=colour, lw=2, marker=marker, ms=5, mfc="white", label=label)


def _runs(study: StudyResults, name: str) -> tuple[RunResult | RunFailure, ...]:
    """Return the finished runs of a spec, or where all failed those that diverged."""
    return study.runs.get(name) or study.failures.get(name, ())


@styled
def loss_figure(
    study: StudyResults, names: Sequence[str], *, penalised: bool = False, apart: bool = False
) -> "Figure":
    """Draw train and validation loss of these runs against epochs, one colour a run.

    `apart` gives each a panel and a scale of its own: for runs that fit the training set so well
    that its losses would press those of validation into a line, and some much longer than others.
    """
    figure = new_figure(WIDTH, 3.7)
    panels = figure.subplots(1, 2 if apart else 1, squeeze=False)[0]
    drawn: list[np.ndarray] = []
    handles: list[Line2D] = []
    everything: list[RunResult | RunFailure] = []
    for index, name in enumerate(names):
        label, runs = label_of(study, name), _runs(study, name)
        drawn += _curves(panels[0], runs, index, label, penalised=penalised, validation=panels[-1])
        handles.append(_setting_handle(index, label))
        everything += runs
    for number, axes in enumerate(panels):
        loss_scale(axes, drawn[number :: len(panels)])
        epoch_axis(axes, drawn if apart else ())
        axes.set_ylabel("cross-entropy + L2 penalty" if penalised else "cross-entropy")
        if apart:
            axes.set_title(("training", "validation")[number])
    legend_above(figure, [*handles, *_style_handles(everything)])
    return figure


@styled
def models_figure(study: StudyResults, quantity: str) -> "Figure":
    """Draw M0 to M4 side by side on one scale; `quantity` is "loss" or "accuracy"."""
    figure = new_figure(WIDTH, 5.2)
    panels = figure.subplots(2, 3, sharey=True).flat
    drawn: list[np.ndarray] = []
    everything: list[RunResult | RunFailure] = []
    for index, (model, axes) in enumerate(zip(MODELS, panels, strict=False)):
        runs = _runs(study, model.run)
        label = label_of(study, model.run)
        axes.set_title(label)
        drawn += _curves(axes, runs, index, label, quantity=quantity)
        everything += runs
        if not runs:
            axes.set_axis_off()
            axes.text(0.5, 0.5, "not run", ha="center", va="center", transform=axes.transAxes)
        epoch_axis(axes)
        axes.tick_params(labelleft=True)
    if quantity == "loss":
        loss_scale(panels[0], drawn)
    for axes in (panels[0], panels[3]):
        axes.set_ylabel("cross-entropy" if quantity == "loss" else "accuracy")
    panels[5].axis("off")
    panels[5].legend(handles=_style_handles(everything), loc="center left")
    return figure


@styled
def readings_figure(study: StudyResults, pairs: Sequence[tuple[str, str, str]]) -> "Figure":
    """Draw both readings of λ, a panel for each (title, divided run, undivided run)."""
    figure = new_figure(WIDTH, 3.7)
    panels = figure.subplots(1, len(pairs), sharey=True, squeeze=False)[0]
    drawn: list[np.ndarray] = []
    everything: list[RunResult | RunFailure] = []
    labels = ("(λ/64) W", "λW")
    for axes, (title, *names) in zip(panels, pairs, strict=True):
        axes.set_title(title)
        for index, (name, label) in enumerate(zip(names, labels, strict=True)):
            runs = _runs(study, name)
            drawn += _curves(axes, runs, index, label)
            everything += runs
        epoch_axis(axes)
        axes.tick_params(labelleft=True)
    loss_scale(panels[0], drawn)
    panels[0].set_ylabel("cross-entropy")
    settings = [_setting_handle(index, label) for index, label in enumerate(labels)]
    legend_above(figure, [*settings, *_style_handles(everything)])
    return figure
