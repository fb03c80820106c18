"""The picture of tables.py: errors on each table, and mean ranks over seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl

from charts import GRID, INK, MUTED, OURS, STYLE, save, titled

mpl.use("Agg")
import matplotlib.pyplot as plt

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

    from tables import Comparison

TITLES = {
    "ours": "eigenmlp",
    "ours-5": "eigenmlp, 5 networks",
    "mlp": "scikit-learn's MLP",
    "trees": "scikit-learn's boosted trees",
    "lightgbm": "LightGBM",
    "realmlp-td-s": "RealMLP-TD-S",
    "realmlp-td": "RealMLP-TD",
    "tabm": "TabM",
}
# Okabe and Ito's colours, which the colour-blind can tell apart.
COLOURS = {
    "ours": OURS,
    "ours-5": "#8c1c2f",
    "mlp": "#e69f00",
    "trees": "#b8bcc6",
    "lightgbm": "#6b7280",
    "realmlp-td-s": "#56b4e9",
    "realmlp-td": "#0072b2",
    "tabm": "#009e73",
}


def draw(found: Comparison, facts: dict[str, Any], path: Path) -> None:
    """Draw what is lost on each table, and mean ranks over CPU seconds."""
    with mpl.rc_context(STYLE):
        height = 2.2 + 0.33 * len(found.tables)
        figure, (left, right) = plt.subplots(
            1, 2, figsize=(11.5, height), gridspec_kw={"width_ratios": [1.5, 1]}
        )
        _errors(left, found)
        _ranks(right, found)
        handles, labels = left.get_legend_handles_labels()
        figure.legend(
            handles, labels, loc="upper left", bbox_to_anchor=(0.005, 1 - 0.4 / height), ncols=4
        )
        figure.tight_layout(rect=(0, 0.5 / height, 1, 1 - 0.95 / height), w_pad=3)
        titled(
            figure,
            "Models for tables, from their defaults",
            f"Means of {found.n_splits} splits, the same for all; each fit alone in a process, on "
            "one thread.",
            facts,
        )
        save(figure, path)


def _errors(ax: Axes, found: Comparison) -> None:
    """Errors as shares of ours: of classes, wrong ones; of numbers, the root of 1 - R²."""
    places = range(len(found.tables))
    for peer in found.peers:
        shares = [
            found.error(peer, table) / max(found.error("ours", table), 1e-12)
            for table in found.tables
        ]
        ax.scatter(shares, places, s=34, color=COLOURS[peer], label=TITLES[peer], zorder=3)
    ax.axvline(1, color=OURS, linewidth=0.8, zorder=1)
    ax.set_yticks(places, found.tables, color=INK)
    ax.invert_yaxis()
    ax.set_xscale("log")
    ticks = [0.7, 0.8, 0.9, 1, 1.2, 1.5, 2]
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.xaxis.set_minor_locator(mpl.ticker.NullLocator())
    ax.yaxis.grid(visible=True, color=GRID, linewidth=0.8)
    ax.set_xlabel("error, in multiples of eigenmlp's (left is better)")


def _ranks(ax: Axes, found: Comparison) -> None:
    ranks = found.mean_ranks()
    for peer in found.peers:
        at = (found.seconds(peer), ranks[peer])
        ax.scatter(*at, s=60, color=COLOURS[peer], zorder=3)
        ax.annotate(
            TITLES[peer], at, xytext=(0, 8), textcoords="offset points", ha="center", fontsize=8
        )
    ax.set_xscale("log")
    ax.invert_yaxis()
    ax.margins(0.25, 0.12)
    ax.grid(visible=True, color=GRID, linewidth=0.8)
    ax.set_xlabel("CPU seconds of a fit, geometric mean")
    ax.set_ylabel("mean rank (up is better)")
    ax.tick_params(colors=MUTED)
