"""What compare.py found: JSON with everything, a Markdown table with its summary, and a chart."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import geometric_mean
from typing import TYPE_CHECKING, Any

import charts
import machine
from peers import TITLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness import Timing

# Whom "the fastest peer" is chosen from; NumPy is there as the reference.
RIVALS = ("sklearn", "torch", "torch-fused", "jax", "onnx")
# The models that Adam trains.
ADAM_MODELS = ("m1", "m3", "m4")


@dataclass(frozen=True)
class Cell:
    """One network on one number of threads, all peers."""

    model: str
    threads: int
    samples: int | None  # of a prediction
    timings: dict[str, Timing]
    losses: dict[str, float]
    ways: dict[str, float]  # how far parameters are from ours, relative to the way from the start

    @property
    def title(self) -> str:
        if self.samples is None:
            return self.model
        return f"{self.model}, {self.samples:,} sample{'s' if self.samples > 1 else ''}"

    def ratio(self, peer: str) -> float | None:
        """How many times as long as ours a peer takes."""
        if peer not in self.timings:
            return None
        return self.timings[peer].median / self.timings["eigenmlp"].median

    def fastest_rival(self) -> tuple[str, float] | None:
        ratios = {peer: self.ratio(peer) for peer in RIVALS}
        known = {peer: ratio for peer, ratio in ratios.items() if ratio is not None}
        if not known:
            return None
        best = min(known, key=lambda peer: known[peer])
        return best, known[best]


@dataclass(frozen=True)
class Result:
    kind: str
    machine: dict[str, Any]
    details: dict[str, dict[str, str]]
    skipped: dict[str, str]
    failures: list[str]
    cells: list[Cell]

    @property
    def peers(self) -> list[str]:
        return [peer for peer in TITLES if any(peer in cell.timings for cell in self.cells)]

    @property
    def instruction_set(self) -> str:
        return self.details["eigenmlp"]["instruction set"]


def write(result: Result, output: Path | None) -> str:
    """Write all three into a folder, and return the text for the terminal."""
    folder = output_folder(output, f"compare-{result.kind}")
    rows = [asdict(cell) | {"ratios": _ratios(cell, result.peers)} for cell in result.cells]
    save_json(folder, {**asdict(result), "cells": rows, "summary": summary(result)})
    text = "\n".join([*_heading(result), "", *_table(result), "", *_summary_lines(result)])
    (folder / "results.md").write_text(text + "\n", encoding="utf-8")
    if result.cells:
        charts.bars(result, folder / "chart.png")
    return f"{text}\n\nwritten to {folder}"


def output_folder(output: Path | None, name: str) -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    folder = output or Path(__file__).resolve().parent / "results" / f"{stamp}-{name}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def save_json(folder: Path, values: dict[str, Any]) -> None:
    text = json.dumps(values, indent=1, ensure_ascii=False)
    (folder / "results.json").write_text(text + "\n", encoding="utf-8")


def _ratios(cell: Cell, peers: Sequence[str]) -> dict[str, float]:
    ratios = {peer: cell.ratio(peer) for peer in peers}
    return {peer: ratio for peer, ratio in ratios.items() if ratio is not None}


def _heading(result: Result) -> list[str]:
    what = "an epoch" if result.kind == "training" else "predict_proba"
    versions = dict(pair for details in result.details.values() for pair in details.items())
    lines = [
        f"# Time of {what}: eigenmlp beside its peers",
        "",
        f"{machine.headline(result.machine)}; instruction set {result.instruction_set}.",
        ", ".join(f"{name} {version}" for name, version in versions.items()) + ".",
        "",
        "Medians ± half the interquartile range; in brackets how many times as long as eigenmlp.",
        "Quote the ratios: absolute times are those of this machine.",
    ]
    lines += [f"Not there: {TITLES[peer]} ({why})." for peer, why in result.skipped.items()]
    lines += [f"**Failed, not reported: {failure}**" for failure in result.failures]
    return lines


def _table(result: Result) -> list[str]:
    lines = [
        "| network | threads | " + " | ".join(TITLES[peer] for peer in result.peers) + " |",
        "|---|---|" + "---:|" * len(result.peers),
    ]
    for cell in result.cells:
        columns = [_entry(cell, peer) for peer in result.peers]
        lines.append(f"| {cell.title} | {cell.threads} | " + " | ".join(columns) + " |")
    return lines


def _entry(cell: Cell, peer: str) -> str:
    timing = cell.timings.get(peer)
    if timing is None:
        return "–"
    unit, factor = ("ms", 1e3) if timing.median >= 1e-3 else ("µs", 1e6)
    text = f"{timing.median * factor:.1f} ± {timing.spread * factor:.1f} {unit}"
    return text if peer == "eigenmlp" else f"{text} ({cell.ratio(peer):.2f})"


def summary(result: Result) -> dict[str, Any]:
    """Compute the figures that the table is summed up in; None where it lacks what they need."""
    rivals = [(cell, cell.fastest_rival()) for cell in result.cells]

    def mean_ratio(peer: str, models: Sequence[str] | None = None) -> float | None:
        chosen = [c for c in result.cells if models is None or c.model in models]
        ratios = [ratio for c in chosen if (ratio := c.ratio(peer)) is not None]
        complete = models is None or {c.model for c in chosen} == set(models)
        return (
            geometric_mean(ratios) if ratios and complete and len(ratios) == len(chosen) else None
        )

    fastest = [best[1] for _, best in rivals if best]
    return {
        "fastest_rival": [
            {
                "model": cell.model,
                "samples": cell.samples,
                "threads": cell.threads,
                "peer": best[0],
                "ratio": best[1],
            }
            for cell, best in rivals
            if best
        ],
        "geometric_mean_to_fastest_rival": geometric_mean(fastest) if fastest else None,
        "geometric_mean_to_torch_fused_with_adam": mean_ratio("torch-fused", ADAM_MODELS),
        "geometric_means": {peer: mean_ratio(peer) for peer in result.peers if peer != "eigenmlp"},
        "speed_up": _speed_ups(result.cells),
    }


def _speed_ups(cells: Sequence[Cell]) -> list[dict[str, Any]]:
    """How many times faster than on one thread ours is on several."""
    ours = {(c.title, c.threads): c.timings["eigenmlp"].median for c in cells}
    return [
        {"network": title, "threads": threads, "speed_up": ours[title, 1] / seconds}
        for (title, threads), seconds in ours.items()
        if threads > 1 and (title, 1) in ours
    ]


def _summary_lines(result: Result) -> list[str]:
    figures = summary(result)
    titles = {(c.model, c.samples): c.title for c in result.cells}
    lines = ["How many times as long as eigenmlp the fastest other library takes:", ""]
    lines += [
        f"- {titles[best['model'], best['samples']]}, threads: {best['threads']}: "
        f"**{best['ratio']:.2f}** ({TITLES[best['peer']]})"
        for best in figures["fastest_rival"]
    ]
    lines += ["", "Geometric means over the cells:", ""]

    def mean(label: str, value: float | None) -> None:
        known = "not all cells are there" if value is None else f"**{value:.2f}**"
        lines.append(f"- {label}: {known}")

    mean("the fastest other library", figures["geometric_mean_to_fastest_rival"])
    if result.kind == "training":
        models = ", ".join(ADAM_MODELS)
        mean(f"PyTorch fused, {models}", figures["geometric_mean_to_torch_fused_with_adam"])
    for peer, value in figures["geometric_means"].items():
        mean(f"{TITLES[peer]}, all cells", value)
    if figures["speed_up"]:
        lines += ["", "eigenmlp on several threads, times as fast as on one:", ""]
        lines += [
            f"- {entry['network']}, threads: {entry['threads']}: **{entry['speed_up']:.2f}**"
            for entry in figures["speed_up"]
        ]
    return lines
