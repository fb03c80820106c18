"""The pictures of roofline.py: shares of the limit, and the roofline itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.lines import Line2D

import charts

mpl.use("Agg")
import matplotlib.pyplot as plt

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

    from limits import Limits
    from roofline import Entry

# Dark to light by share; the text turns dark where the ground is light.
SHARE_COLOURS = "YlGnBu"
LEVEL_COLOURS = {"v2": "#e69f00", "v3": "#0072b2", "v4": "#009e73", "baseline": "#0072b2"}
LEVEL_NAMES = {"v2": "v2 (SSE)", "v3": "v3 (AVX2)", "v4": "v4 (AVX-512)", "baseline": "baseline"}
MARKERS = {
    "forward": "o",
    "backward": "s",
    "gradient": "^",
    "gradient_update": "D",
    "update": "v",
}


def shares(entries: list[Entry], titles: dict[str, str], facts: dict[str, Any], path: Path) -> None:
    """Draw a map of kernels by models for each instruction set and number of threads."""
    levels = list(dict.fromkeys(entry.level for entry in entries))
    counts = sorted({entry.threads for entry in entries})
    with mpl.rc_context(charts.STYLE):
        figure, axes = plt.subplots(
            len(counts),
            len(levels),
            figsize=(2.4 + 4.2 * len(levels), 1.4 + 4.1 * len(counts)),
            squeeze=False,
            sharex=True,
            sharey=True,
        )
        for row, count in enumerate(counts):
            for column, level in enumerate(levels):
                chosen = [e for e in entries if (e.level, e.threads) == (level, count)]
                ax = axes[row, column]
                _share_map(ax, chosen, titles)
                ax.set_title(f"{LEVEL_NAMES[level]}, {count} thread{'s' if count > 1 else ''}")
        height = figure.get_figheight()
        figure.tight_layout(rect=(0, 0.5 / height, 1, 1 - 0.45 / height), h_pad=2)
        charts.titled(
            figure,
            "Share of the machine's limit that eigenmlp reaches",
            "Limit: multiply-adds, roots and quotients, or memory traffic, whichever is longest.",
            facts,
        )
        charts.save(figure, path)


def _share_map(ax: Axes, entries: list[Entry], titles: dict[str, str]) -> None:
    models = list(dict.fromkeys(entry.model for entry in entries))
    values = np.full((len(titles), len(models)), np.nan)
    kernels = list(titles)
    for entry in entries:
        values[kernels.index(entry.kernel), models.index(entry.model)] = entry.share
    ax.imshow(values, cmap=SHARE_COLOURS, vmin=0, vmax=1, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        colour = "white" if value > 0.55 else charts.INK
        ax.text(column, row, f"{value:.0%}", ha="center", va="center", color=colour, fontsize=9)
    ax.set_xticks(range(len(models)), models, color=charts.INK)
    ax.set_yticks(range(len(kernels)), list(titles.values()), color=charts.INK)
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    # White lines between the cells.
    ax.set_xticks(np.arange(-0.5, len(models)), minor=True)
    ax.set_yticks(np.arange(-0.5, len(kernels)), minor=True)
    ax.grid(which="minor", color="white", linewidth=2)
    ax.tick_params(which="minor", length=0)


def roofline(
    entries: list[Entry],
    limits: dict[tuple[str, int], Limits],
    facts: dict[str, Any],
    path: Path,
) -> None:
    """Draw the kernels' speed against operations a byte, under each instruction set's roofs."""
    counts = sorted({count for _, count in limits})
    with mpl.rc_context(charts.STYLE):
        figure, axes = plt.subplots(
            1, len(counts), figsize=(1 + 5.4 * len(counts), 5.6), squeeze=False, sharey=True
        )
        for ax, count in zip(axes[0], counts, strict=True):
            for (level, threads), allowed in limits.items():
                if threads == count:
                    chosen = [e for e in entries if (e.level, e.threads) == (level, count)]
                    _roof(ax, level, allowed, chosen)
            ax.set_title(f"{count} thread{'s' if count > 1 else ''}")
            ax.set_xscale("log")
            ax.set_yscale("log")
            ax.set_xlabel("operations a byte of traffic")
            ax.grid(visible=True, color=charts.GRID, linewidth=0.8)
            ax.set_axisbelow(True)
        axes[0, 0].set_ylabel("GFLOP/s")
        levels = list(dict.fromkeys(level for level, _ in limits))
        handles = [Line2D([], [], color=LEVEL_COLOURS[e], label=LEVEL_NAMES[e]) for e in levels]
        handles += [
            Line2D([], [], color=charts.MUTED, marker=marker, ls="none", label=kernel)
            for kernel, marker in (
                (name.replace("_", " + "), marker) for name, marker in MARKERS.items()
            )
        ]
        figure.legend(
            handles=handles, loc="upper left", bbox_to_anchor=(0.005, 0.925), ncols=len(handles),
            columnspacing=1.2, handletextpad=0.5,
        )  # fmt: skip
        figure.tight_layout(rect=(0, 0.08, 1, 0.88))
        charts.titled(
            figure,
            "Kernels of eigenmlp under the machine's roof",
            "A point a model. Solid roofs: first-level cache; dashed: memory.",
            facts,
        )
        charts.save(figure, path)


def _roof(ax: Axes, level: str, limits: Limits, entries: list[Entry]) -> None:
    colour = LEVEL_COLOURS[level]
    points = [e for e in entries if e.kernel in MARKERS and e.intensity]
    intensities = [e.intensity for e in points if e.intensity]
    x = np.geomspace(min(intensities) / 2, max(intensities) * 2, 200)
    sizes = limits.bandwidths
    for size, style in ((min(sizes), "-"), (max(sizes), "--")):
        roof = np.minimum(limits.flops, x * sizes[size]) / 1e9
        ax.plot(x, roof, style, color=colour, linewidth=1.5)
    for entry in points:
        ax.plot(
            entry.intensity or 0.0,
            entry.flops / entry.seconds / 1e9,
            MARKERS[entry.kernel],
            color=colour,
            markersize=6,
            markeredgecolor="white",
            markeredgewidth=0.6,
        )
