"""Does the cost of an operation stay flat as the work grows? Time against width, batch, depth.

One variable grows at a time; training (Adam) and prediction are timed through the Python API and
told as GFLOP/s, so that a flat curve means a cost in proportion to the work.

    python benchmarks/scaling.py [--threads 1,2] [--quick]
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np

import charts
import eigenmlp as em
import machine
from harness import Timing
from problem import N_CLASSES, forward_flops, training_flops
from report import output_folder, save_json

mpl.use("Agg")
import matplotlib.pyplot as plt

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes

BATCH = 64
PREDICTED = 1024
WIDTH = 512
RATE = 1e-4

Task = tuple[tuple[int, ...], int, int]

# What grows, and what it makes: units of each layer, a batch of training, one of prediction.
SWEEPS: dict[str, tuple[str, list[int], Callable[[int], Task]]] = {
    "width": (
        f"units of two hidden layers (batch {BATCH}, prediction of {PREDICTED:,})",
        [2**power for power in range(5, 14)],
        lambda width: ((width, width, width, N_CLASSES), BATCH, PREDICTED),
    ),
    "batch": (
        f"samples in a batch (two hidden layers of {WIDTH})",
        [2**power for power in range(13)],
        lambda batch: ((WIDTH, WIDTH, WIDTH, N_CLASSES), batch, batch),
    ),
    "depth": (
        f"hidden layers of {WIDTH} (batch {BATCH}, prediction of {PREDICTED:,})",
        [1, 2, 4, 8, 16, 32],
        lambda depth: ((WIDTH, *(WIDTH for _ in range(depth)), N_CLASSES), BATCH, PREDICTED),
    ),
}
# A first look leaves out what takes longest, and every other value.
QUICK_WIDTH = 2048

# Inputs that an epoch may have, so that they fit into memory: 256 MiB.
MOST_VALUES = 2**26


@dataclass(frozen=True)
class Point:
    sweep: str
    value: int
    threads: int
    training: Timing  # of a step
    prediction: Timing  # of a batch
    training_gflops: float
    prediction_gflops: float


def main() -> None:
    arguments = parse_arguments()
    threads = machine.parse_threads(arguments.threads)
    facts = {**machine.facts(), "eigenmlp": em.__version__, "instruction_set": em.instruction_set()}
    rounds, seconds = (3, 0.05) if arguments.quick else (7, 0.5)
    # Before the process is pinned to some of them.
    cpus = {count: machine.cpus_for(count) for count in threads}
    points = []
    for sweep, (_, values, task) in SWEEPS.items():
        for value in chosen(sweep, values, quick=arguments.quick):
            for count in threads:
                print(f"{sweep} {value}, threads: {count}", file=sys.stderr, flush=True)
                if hasattr(os, "sched_setaffinity"):
                    os.sched_setaffinity(0, cpus[count])
                points.append(measure(sweep, value, task(value), count, rounds, seconds))
    output = output_folder(arguments.output, "scaling")
    save_json(output, {"machine": facts, "points": [asdict(point) for point in points]})
    text = markdown(facts, points)
    (output / "results.md").write_text(text + "\n", encoding="utf-8")
    plot(points, facts, output / "chart.png")
    print(f"{text}\n\nwritten to {output}")


def chosen(sweep: str, values: list[int], *, quick: bool) -> list[int]:
    if not quick:
        return values
    return [value for value in values[::2] if sweep != "width" or value <= QUICK_WIDTH]


def measure(
    sweep: str,
    value: int,
    task: Task,
    threads: int,
    rounds: int,
    seconds: float,
) -> Point:
    sizes, batch, predicted = task
    net = em.Network(sizes, rng=0)
    rule = em.optimizers.Adam()
    flops = training_flops(sizes) * batch
    rng = np.random.default_rng(0)

    def data(steps: int) -> tuple[np.ndarray, np.ndarray]:
        X = rng.standard_normal((steps * batch, sizes[0]), dtype=np.float32)
        return X, rng.integers(0, N_CLASSES, steps * batch)

    def train(X: np.ndarray, y: np.ndarray) -> None:
        em.train(
            net, X, y, optimizer=rule, learning_rate=RATE, batch_size=batch, epochs=1, rng=0,
            n_threads=threads,
        )  # fmt: skip

    # Steps enough for the wanted time, of which a first, longer one tells how many.
    X, y = data(2)
    train(X, y)
    steps = max(2, round(seconds / (seconds_of(lambda: train(X, y)) / 2)))
    # As much data as an epoch of that many steps has, but no more than memory should hold.
    steps = min(steps, max(2, MOST_VALUES // (batch * sizes[0])))
    X, y = data(steps)
    train(X, y)
    training = Timing([seconds_of(lambda: train(X, y)) / steps for _ in range(rounds)])

    rows = rng.standard_normal((predicted, sizes[0]), dtype=np.float32)
    once = seconds_of(lambda: net.predict_proba(rows, n_threads=threads))
    repeats = max(1, round(seconds / once / 4))

    def predict() -> None:
        for _ in range(repeats):
            net.predict_proba(rows, n_threads=threads)

    prediction = Timing([seconds_of(predict) / repeats for _ in range(rounds)])
    return Point(
        sweep,
        value,
        threads,
        training,
        prediction,
        flops / training.median / 1e9,
        forward_flops(sizes) * predicted / prediction.median / 1e9,
    )


def seconds_of(act: Callable[[], object]) -> float:
    begin = time.perf_counter()
    act()
    return time.perf_counter() - begin


def markdown(facts: dict[str, Any], points: list[Point]) -> str:
    counts = sorted({point.threads for point in points})
    lines = [
        "# GFLOP/s as the work grows",
        "",
        f"{machine.headline(facts)}; instruction set {facts['instruction_set']}.",
        "",
        "Medians; a flat column is a cost in proportion to the work.",
        "Compare within a column: absolute figures are those of this machine.",
    ]
    table = {(p.sweep, p.value, p.threads): p for p in points}
    for sweep, (title, _, _) in SWEEPS.items():
        heads = [f"{kind}, {count} thr." for kind in ("training", "prediction") for count in counts]
        lines += ["", f"## {sweep}: {title}", "", f"| {sweep} | " + " | ".join(heads) + " |"]
        lines.append("|---:|" + "---:|" * len(heads))
        for value in dict.fromkeys(p.value for p in points if p.sweep == sweep):
            cells = [table[sweep, value, count] for count in counts]
            figures = [p.training_gflops for p in cells] + [p.prediction_gflops for p in cells]
            lines.append(f"| {value} | " + " | ".join(f"{f:.1f}" for f in figures) + " |")
    return "\n".join(lines)


def plot(points: list[Point], facts: dict[str, Any], path: Path) -> None:
    with mpl.rc_context(charts.STYLE):
        figure, axes = plt.subplots(2, len(SWEEPS), figsize=(13, 7.4), sharey="row", squeeze=False)
        for column, sweep in enumerate(SWEEPS):
            mine = [point for point in points if point.sweep == sweep]
            for row, kind in enumerate(("training", "prediction")):
                curves(axes[row, column], mine, kind)
                axes[row, column].set_title(f"{kind} by {sweep}")
            axes[1, column].set_xlabel(SWEEPS[sweep][0])
        for ax in axes[:, 0]:
            ax.set_ylabel("GFLOP/s")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(
            handles, labels, loc="upper left", bbox_to_anchor=(0.005, 0.945), ncols=len(handles)
        )
        figure.tight_layout(rect=(0, 0.06, 1, 0.9))
        charts.titled(
            figure,
            "eigenmlp as the work grows: flat is a cost in proportion to the work",
            "Medians, bars: half the interquartile range. "
            f"Adam, float32, instruction set {facts['instruction_set']}.",
            facts,
        )
        charts.save(figure, path)


def curves(ax: Axes, points: list[Point], kind: str) -> None:
    colours = (charts.OURS, "#0072b2", "#009e73", "#e69f00")
    counts = sorted({point.threads for point in points})
    for i, count in enumerate(counts):
        chosen_points = [point for point in points if point.threads == count]
        x = [point.value for point in chosen_points]
        y = [float(getattr(point, f"{kind}_gflops")) for point in chosen_points]
        timings: list[Timing] = [getattr(point, kind) for point in chosen_points]
        spreads = [f * t.spread / t.median for f, t in zip(y, timings, strict=True)]
        ax.errorbar(
            x, y, spreads, marker="o", markersize=5, linewidth=1.8, elinewidth=1,
            color=colours[i % len(colours)], label=f"{count} thread{'s' if count > 1 else ''}",
        )  # fmt: skip
    ax.set_xscale("log", base=2)
    ticks = [point.value for point in points if point.threads == counts[0]]
    ax.set_xticks(ticks[:: max(1, len(ticks) // 6)])
    ax.xaxis.set_major_formatter("{x:.0f}")
    ax.set_ylim(bottom=0)
    ax.grid(visible=True, color=charts.GRID, linewidth=0.8)
    ax.set_axisbelow(True)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", default="1,2", help="default: %(default)s")
    parser.add_argument("--quick", action="store_true", help="fewer, smaller and shorter points")
    parser.add_argument("--output", type=Path, help="default: a new folder in benchmarks/results")
    return parser.parse_args()


if __name__ == "__main__":
    main()
