"""The pictures: what all charts share, and the bars of compare.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

import machine
from peers import TITLES

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from report import Result

INK, MUTED, GRID = "#1f2430", "#6b7280", "#e5e7eb"
OURS = "#d1495b"
# Okabe and Ito's colours, which the colour-blind can tell apart.
COLOURS = {
    "eigenmlp": OURS,
    "numpy": "#b8bcc6",
    "sklearn": "#e69f00",
    "torch": "#56b4e9",
    "torch-fused": "#0072b2",
    "jax": "#009e73",
    "onnx": "#cc79a7",
}
STYLE: dict[Any, Any] = {
    "font.size": 10,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.titlesize": 11,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "legend.frameon": False,
}


def titled(figure: Figure, title: str, note: str, facts: dict[str, Any]) -> None:
    figure.suptitle(title, x=0.01, ha="left", fontsize=14, fontweight="bold")
    figure.text(0.01, 0.01, f"{note}\n{machine.headline(facts)}", fontsize=8, color=MUTED)


def save(figure: Figure, path: Path) -> None:
    figure.savefig(path, dpi=160, facecolor="white")
    plt.close(figure)


def bars(result: Result, path: Path) -> None:
    """Each peer's time in multiples of ours, a panel for each number of threads."""
    counts = sorted({cell.threads for cell in result.cells})
    with mpl.rc_context(STYLE):
        figure, axes = plt.subplots(
            len(counts), 1, figsize=(10.5, 1.2 + 3.1 * len(counts)), sharey=True, squeeze=False
        )
        for ax, count in zip(axes[:, 0], counts, strict=True):
            _bars_of(ax, result, count)
            ax.set_title(f"{count} thread{'s' if count > 1 else ''}", pad=10)
        handles, labels = axes[0, 0].get_legend_handles_labels()
        height = figure.get_figheight()
        figure.legend(
            handles,
            labels,
            loc="upper left",
            bbox_to_anchor=(0.005, 1 - 0.42 / height),
            ncols=len(result.peers),
            columnspacing=1.4,
            handlelength=1.0,
        )
        what = "an epoch" if result.kind == "training" else "a prediction"
        figure.tight_layout(rect=(0, 0.45 / height, 1, 1 - 0.75 / height), h_pad=1.5)
        titled(
            figure,
            f"Time of {what} in multiples of eigenmlp's (lower is faster)",
            "Medians of interleaved rounds; whiskers: half the interquartile range. Same data, "
            "weights, batches and order; results checked before timing.",
            result.machine,
        )
        save(figure, path)


def _bars_of(ax: Axes, result: Result, threads: int) -> None:
    cells = [cell for cell in result.cells if cell.threads == threads]
    width = 0.86 / len(result.peers)
    for i, peer in enumerate(result.peers):
        offset = (i - (len(result.peers) - 1) / 2) * width
        there = [(x, c.timings[peer], c) for x, c in enumerate(cells) if peer in c.timings]
        ours = [c.timings["eigenmlp"].median for _, _, c in there]
        ratios = [t.median / o for (_, t, _), o in zip(there, ours, strict=True)]
        spreads = [t.spread / o for (_, t, _), o in zip(there, ours, strict=True)]
        places = [x + offset for x, _, _ in there]
        ax.bar(places, ratios, width * 0.92, color=COLOURS[peer], label=TITLES[peer])
        ax.errorbar(places, ratios, spreads, fmt="none", ecolor=INK, elinewidth=0.8)
        for place, ratio, spread in zip(places, ratios, spreads, strict=True):
            ax.annotate(
                f"{ratio:.2f}" if peer != "eigenmlp" else "1",
                (place, ratio + spread),
                xytext=(0, 2),
                textcoords="offset points",
                ha="center",
                fontsize=8,
                color=INK,
            )
    ax.axhline(1, color=OURS, linewidth=0.8, zorder=0)
    ax.set_xticks(range(len(cells)), [cell.title for cell in cells], color=INK, fontsize=10)
    ax.tick_params(axis="x", length=0)
    ax.set_ylabel("times eigenmlp")
    ax.yaxis.grid(visible=True, color=GRID, linewidth=0.8)
    ax.set_axisbelow(True)
