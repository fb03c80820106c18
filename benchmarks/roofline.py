"""The share of the machine's limit that each kernel and each model reaches.

Measures what the machine allows (multiply-adds, roots and quotients, memory of every size) for each
instruction set it has and each number of threads, then the core's kernels one by one, and whole
epochs and predictions through the Python API. Needs a C++ compiler and Eigen's headers.

    python benchmarks/roofline.py [--threads 1,2] [--models m1,m3] [--quick]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import machine
import native
import roofline_charts
from harness import Timing, Worker, interleave
from limits import Limits, kernel_work, step_seconds
from problem import (
    MODELS,
    N_SAMPLES,
    make_problem,
    parse_models,
    save_problem,
    training_flops,
)
from report import output_folder, save_json

# Working sets whose bandwidth is measured: from the first-level cache to memory.
BANDWIDTH_BYTES = [2**power for power in range(14, 30, 2)]
# Whole chunks of the core's prediction.
PREDICTED_SAMPLES = 64 * 64
# More than this of a limit can't be explained by the inaccuracy of the clock.
MOST_SHARE = 1.05

TITLES = {
    "gather": "gather inputs",
    "forward": "forward",
    "loss": "softmax, loss",
    "backward": "backward",
    "gradient": "weight gradient",
    "gradient_update": "gradient + update",
    "update": "update alone",
    "epoch": "whole epoch",
    "epoch_flops": "whole epoch, of the FMA peak",
    "prediction": "prediction",
}


EXPLANATION = """\
A kernel's limit is the time of its multiply-adds, of its roots and quotients, or of its memory
traffic at the bandwidth of its working set, whichever is longest. A whole epoch's is the sum of its
kernels' limits. The update is that of the model, SGD or Adam. Kernels are warm and at their best,
epochs and predictions are medians through Python."""


@dataclass(frozen=True)
class Entry:
    """A kernel or a whole model on an instruction set and threads."""

    level: str
    threads: int
    model: str
    kernel: str  # of TITLES
    seconds: float
    limit_seconds: float
    flops: float
    intensity: float | None  # operations a byte

    @property
    def share(self) -> float:
        return self.limit_seconds / self.seconds


def main() -> None:
    arguments = parse_arguments()
    threads = machine.parse_threads(arguments.threads)
    models = parse_models(arguments.models)
    facts = {**machine.facts(), "compiler": native.compiler_version()}
    limits: dict[tuple[str, int], Limits] = {}
    entries: list[Entry] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for level in native.levels():
            limits_program = native.compile_limits(level, folder)
            kernels_program = native.compile_kernels(level, folder)
            for count in threads:
                print(f"{level}, threads: {count}", file=sys.stderr, flush=True)
                seconds, rounds = (0.15, 3) if arguments.quick else (0.6, 9)
                before = measure_limits(limits_program, count, seconds)
                kernels = {m: measure_kernels(kernels_program, m, count, seconds) for m in models}
                whole = measure_models(folder, (level, count), models, rounds)
                allowed = before.best(measure_limits(limits_program, count, seconds))
                limits[level, count] = allowed
                for model in models:
                    key = (level, count, model)
                    entries += kernel_entries(key, kernels[model], allowed)
                    entries += model_entries(key, whole[model], allowed)
    warn(entries)
    output = output_folder(arguments.output, "roofline")
    save_json(
        output,
        {
            "machine": facts,
            "limits": [
                {"level": level, "threads": count, **asdict(allowed)}
                for (level, count), allowed in limits.items()
            ],
            "entries": [{**asdict(entry), "share": entry.share} for entry in entries],
        },
    )
    text = markdown(facts, limits, entries)
    (output / "results.md").write_text(text + "\n", encoding="utf-8")
    roofline_charts.shares(entries, TITLES, facts, output / "shares.png")
    roofline_charts.roofline(entries, limits, facts, output / "roofline.png")
    print(f"{text}\n\nwritten to {output}")


def measure_limits(program: Path, threads: int, seconds: float) -> Limits:
    cpus = ",".join(map(str, machine.cpus_for(threads)))
    sizes = ",".join(map(str, BANDWIDTH_BYTES))
    values = native.run(program, seconds, cpus, sizes)
    pairs = values["bandwidth"]
    bandwidths = {int(size): rate for size, rate in zip(pairs[::2], pairs[1::2], strict=True)}
    return Limits(values["flops"][0], values["quotients"][0], bandwidths)


def measure_kernels(
    program: Path, name: str, threads: int, seconds: float
) -> dict[str, list[float]]:
    model = MODELS[name]
    cpus = ",".join(map(str, machine.cpus_for(threads)))
    return native.run(program, seconds, cpus, model.batch, ",".join(map(str, model.sizes)))


def measure_models(
    folder: Path, key: tuple[str, int], models: list[str], rounds: int
) -> dict[str, tuple[float, float]]:
    """Time an epoch and a prediction as a user of the package has them; medians."""
    level, threads = key
    path = folder / "problem.npz"
    medians = {}
    with Worker("eigenmlp", threads, sys.executable, {"EIGENMLP_ISA": level}) as worker:
        alone = {"eigenmlp": worker}
        for name in models:
            save_problem(path, make_problem(MODELS[name], rounds))
            worker.ask("load_training", path=str(path))
            epochs = interleave(alone, rounds, "epoch", settle=0.0)["eigenmlp"]
            worker.ask("load_prediction", path=str(path), samples=PREDICTED_SAMPLES)
            predictions = interleave(alone, rounds, "predict", settle=0.0, repeats=3)["eigenmlp"]
            medians[name] = Timing(epochs).median, Timing(predictions).median
    return medians


def kernel_entries(
    key: tuple[str, int, str], measured: dict[str, list[float]], limits: Limits
) -> list[Entry]:
    model = MODELS[key[2]]
    work = kernel_work(model.sizes, int(measured["samples"][0]))
    entries = []
    for name, needed in work.items():
        base, _, rule = name.partition("_")
        # Of the two rules, the model's own.
        if rule in ("", model.rule):
            kernel = "gradient_update" if rule and base == "gradient" else base
            intensity = needed.flops / needed.traffic if needed.flops else None
            (seconds,) = measured[name]
            limit = needed.seconds(limits)
            entries.append(Entry(*key, kernel, seconds, limit, needed.flops, intensity))
    return entries


def model_entries(
    key: tuple[str, int, str], medians: tuple[float, float], limits: Limits
) -> list[Entry]:
    model = MODELS[key[2]]
    epoch, prediction = medians
    training = float(training_flops(model.sizes) * N_SAMPLES)
    steps = N_SAMPLES / model.batch
    forward = kernel_work(model.sizes, PREDICTED_SAMPLES)["forward"]
    step = step_seconds(model, limits)
    return [
        Entry(*key, "epoch", epoch, steps * step, training, None),
        Entry(*key, "epoch_flops", epoch, training / limits.flops, training, None),
        Entry(*key, "prediction", prediction, forward.seconds(limits), forward.flops, None),
    ]


def warn(entries: list[Entry]) -> None:
    """Say so where a limit was passed, which can't be: something held its measurement up."""
    for entry in entries:
        if entry.share > MOST_SHARE:
            print(
                f"{entry.level}, threads: {entry.threads}: {TITLES[entry.kernel]} of {entry.model} "
                f"reaches {entry.share:.0%} of its limit, so the limit was measured too low; let "
                "nothing else run on this machine, and measure again",
                file=sys.stderr,
            )


def markdown(
    facts: dict[str, Any], limits: dict[tuple[str, int], Limits], entries: list[Entry]
) -> str:
    small, large = min(BANDWIDTH_BYTES), max(BANDWIDTH_BYTES)
    columns = (
        "instruction set",
        "threads",
        "GFLOP/s",
        "roots and quotients, 10⁹/s",
        f"GB/s within {small // 2**10} KiB",
        f"GB/s within {large // 2**20} MiB",
    )
    lines = [
        "# Share of the machine's limit",
        "",
        f"{machine.headline(facts)}; {facts['compiler']}.",
        "",
        "## What the machine allows",
        "",
        "| " + " | ".join(columns) + " |",
        "|---|---|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {level} | {count} | {allowed.flops / 1e9:.0f} | {allowed.quotients / 1e9:.2f} | "
        f"{allowed.bandwidths[small] / 1e9:.0f} | {allowed.bandwidths[large] / 1e9:.0f} |"
        for (level, count), allowed in limits.items()
    ]
    models = list(dict.fromkeys(entry.model for entry in entries))
    table = {(e.level, e.threads, e.model, e.kernel): e for e in entries}
    for level, count in limits:
        lines += [
            "",
            f"## {level}, threads: {count}",
            "",
            "| share of the limit | " + " | ".join(models) + " |",
            "|---|" + "---:|" * len(models),
        ]
        for kernel, title in TITLES.items():
            shares = [f"{table[level, count, model, kernel].share:.0%}" for model in models]
            lines.append(f"| {title} | " + " | ".join(shares) + " |")
    return "\n".join([*lines, "", EXPLANATION])


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", default=",".join(MODELS), help="default: %(default)s")
    parser.add_argument("--threads", default="1,2", help="default: %(default)s")
    parser.add_argument("--quick", action="store_true", help="short measurements, for a first look")
    parser.add_argument("--output", type=Path, help="default: a new folder in benchmarks/results")
    return parser.parse_args()


if __name__ == "__main__":
    main()
