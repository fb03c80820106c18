"""Does the cost of an operation stay flat as the work grows? Time against width, batch, depth.

One variable grows at a time; training (Adam) and prediction are timed through the Python API and
told as GFLOP/s, so that a flat curve means a cost in proportion to the work. The last variable is
the stored numbers of sparse inputs, whose zeros are no work; these are trained by plain SGD, which
leaves the weights of other inputs alone.

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
from scipy import sparse

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

SPARSE_FEATURES, SPARSE_UNITS, SPARSE_BATCH = 20_000, 128, 200


@dataclass(frozen=True)
class Task:
    """Units of each layer, samples in a batch of training, and in one of prediction."""

    sizes: tuple[int, ...]
    batch: int
    predicted: int
    stored: int = 0  # numbers that a row stores; 0: rows are dense
    steps: int = 0  # of an epoch; 0: as many as take the wanted time

    @property
    def walked(self) -> tuple[int, ...]:
        """The layers' units, of the inputs those that a row has."""
        return (self.stored or self.sizes[0], *self.sizes[1:])


def stored_task(value: int) -> Task:
    """Make an epoch of value × 10⁵ products of a stored number and a unit, by rows and density."""
    stored = round(20 * value**0.25)
    rows = round(value * 1e5 / SPARSE_UNITS / stored)
    batch = min(SPARSE_BATCH, rows)
    steps = rows // batch
    return Task((SPARSE_FEATURES, SPARSE_UNITS, 2), batch, steps * batch, stored, steps)


# What grows, and the task that it makes.
SWEEPS: dict[str, tuple[str, list[int], Callable[[int], Task]]] = {
    "width": (
        f"units of two hidden layers (batch {BATCH}, prediction of {PREDICTED:,})",
        [2**power for power in range(5, 14)],
        lambda width: Task((width, width, width, N_CLASSES), BATCH, PREDICTED),
    ),
    "batch": (
        f"samples in a batch (two hidden layers of {WIDTH})",
        [2**power for power in range(13)],
        lambda batch: Task((WIDTH, WIDTH, WIDTH, N_CLASSES), batch, batch),
    ),
    "depth": (
        f"hidden layers of {WIDTH} (batch {BATCH}, prediction of {PREDICTED:,})",
        [1, 2, 4, 8, 16, 32],
        lambda depth: Task((WIDTH, *(WIDTH for _ in range(depth)), N_CLASSES), BATCH, PREDICTED),
    ),
    "stored numbers": (
        f"10⁵ stored numbers × units ({SPARSE_FEATURES:,} inputs, {SPARSE_UNITS} units)",
        [10**power for power in range(5)],
        stored_task,
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
    sizes, batch = task.sizes, task.batch
    net = em.Network(sizes, rng=0)
    rule = em.optimizers.SGD() if task.stored else em.optimizers.Adam()
    rng = np.random.default_rng(0)

    def rows(count: int) -> Any:
        if not task.stored:
            return rng.standard_normal((count, sizes[0]), dtype=np.float32)
        # One in each of as many equal parts of the columns.
        part = sizes[0] // task.stored
        columns = rng.integers(0, part, (count, task.stored)) + part * np.arange(task.stored)
        values = rng.standard_normal(columns.size, dtype=np.float32)
        firsts = np.arange(0, columns.size + 1, task.stored)
        return sparse.csr_array((values, columns.ravel(), firsts), shape=(count, sizes[0]))

    def trainer(steps: int) -> Callable[[], object]:
        X, y = rows(steps * batch), rng.integers(0, sizes[-1], steps * batch)
        return lambda: em.train(
            net, X, y, optimizer=rule, learning_rate=RATE, batch_size=batch, epochs=1, rng=0,
            n_threads=threads,
        )  # fmt: skip

    steps = task.steps
    if not steps:
        # Steps enough for the wanted time, of which a first, longer one tells how many.
        train = trainer(2)
        train()
        steps = max(2, round(seconds / (seconds_of(train) / 2)))
        # As much data as an epoch of that many steps has, but no more than memory should hold.
        steps = min(steps, max(2, MOST_VALUES // (batch * sizes[0])))
    epoch = timed(trainer(steps), rounds, seconds if task.steps else 0)
    training = Timing([value / steps for value in epoch])

    X = rows(task.predicted)
    prediction = Timing(timed(lambda: net.predict_proba(X, n_threads=threads), rounds, seconds / 4))
    return Point(
        sweep,
        value,
        threads,
        training,
        prediction,
        training_flops(task.walked) * batch / training.median / 1e9,
        forward_flops(task.walked) * task.predicted / prediction.median / 1e9,
    )


def timed(act: Callable[[], object], rounds: int, seconds: float) -> list[float]:
    """Return the time of a call in each round, in which calls are repeated for some seconds."""
    act()
    repeats = max(1, round(seconds / seconds_of(act)))

    def acts() -> None:
        for _ in range(repeats):
            act()

    return [seconds_of(acts) / repeats for _ in range(rounds)]


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
        figure, axes = plt.subplots(2, len(SWEEPS), figsize=(17, 7.4), squeeze=False)
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
            f"Adam, for stored numbers SGD; float32, instruction set {facts['instruction_set']}.",
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
