"""Compare training and prediction of sparse inputs, eigenmlp beside its peers: time and memory.

Two problems, made up from a seed: "text" (11,314 documents of 130,107 words, a hidden layer of 100)
and "one-hot" (200,000 rows of 26 categories with 10 to 10,000 values, three hidden layers of 256).
Adam takes batches of 200. Checked first: an epoch of the sparse rows has the bits of the same rows
made dense, and scikit-learn and PyTorch predict the same after it. SparseAdam is another method,
whose moments rest where a batch has no inputs, and is there for information, as is our
MLPClassifier, which starts from weights of its own.

Each peer is a process of its own, and takes its turn while the others sleep. Peers that walk the
zeros train on some of the rows only; times are those of 1,000 rows. Memory is the peak of training
and prediction, without the libraries and the data. Dense rows are left out where they would
take more than 2 GiB, and PyTorch where it isn't installed; it may live in another environment.

    python benchmarks/sparse.py [--threads 1,2] [--quick] [--python torch=PATH/bin/python]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import eigenmlp as em
import machine
import sparse_problems
from harness import PeerError, Timing, Worker, interleave, start_workers
from report import output_folder, save_json
from sparse_problems import ALPHA, BATCH, Problem
from sparse_worker import N_CHECKED, PEERS

PROBLEMS = ("text", "one-hot")
MOST_DENSE_BYTES = 2 * 2**30
# How far another library's probabilities may be from ours, relative to how far ours differ from one
# another.
TOLERANCE = 1e-3


@dataclass(frozen=True)
class Cell:
    """A peer on a problem; seconds are those of 1,000 rows."""

    problem: str
    threads: int
    peer: str
    training: Timing
    prediction: Timing
    mib: float


def main() -> None:
    arguments = parse_arguments()
    threads = machine.parse_threads(arguments.threads)
    pythons = dict(pair.split("=", 1) for pair in arguments.python)
    facts = {**machine.facts(), "eigenmlp": em.__version__, "instruction_set": em.instruction_set()}
    cells: list[Cell] = []
    titles: dict[str, str] = {}
    skipped: dict[str, str] = {}
    versions: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.problems.split(","):
            problem = sparse_problems.make(name, quick=arguments.quick)
            titles[name] = str(problem)
            check_bits(problem)
            path = Path(folder) / f"{name}.npz"
            sparse_problems.save(path, problem)
            chosen, why = chosen_peers(problem)
            skipped |= {f"{PEERS[peer][1]}, {name}": reason for peer, reason in why.items()}
            for count in threads:
                print(f"{name}, threads: {count}", file=sys.stderr, flush=True)
                workers, missing = start_workers(chosen, count, pythons, "sparse_worker.py")
                skipped |= {PEERS[peer][1]: reason for peer, reason in missing.items()}
                for worker in workers.values():
                    versions |= worker.details
                try:
                    cells += measure(name, path, count, workers, arguments.rounds)
                finally:
                    for worker in workers.values():
                        worker.close()
    facts["versions"] = versions
    output = output_folder(arguments.output, "sparse")
    values = [asdict(cell) for cell in cells]
    save_json(output, {"machine": facts, "problems": titles, "skipped": skipped, "cells": values})
    text = markdown(facts, titles, skipped, cells)
    (output / "results.md").write_text(text + "\n", encoding="utf-8")
    print(f"{text}\n\nwritten to {output}")


def check_bits(problem: Problem) -> None:
    """Train a few batches as they are and made dense: the same parameters, to the bit."""
    X, y = problem.X[: 2 * BATCH], problem.y[: 2 * BATCH]
    parameters = []
    for rows in (X, X.toarray()):
        net = em.Network(problem.sizes, rng=0)
        em.train(net, rows, y, optimizer=em.optimizers.Adam(), batch_size=BATCH, epochs=1, rng=0)
        parameters.append(net.get_flat_parameters().tobytes())
    if parameters[0] != parameters[1]:
        raise SystemExit("sparse rows and the same rows made dense train to other bits")


def chosen_peers(problem: Problem) -> tuple[list[str], dict[str, str]]:
    skipped = {}
    dense = problem.n_trained * problem.X.shape[1] * 4
    if dense > MOST_DENSE_BYTES:
        skipped["eigenmlp-dense"] = f"{dense / 2**30:.1f} GiB"
    chosen = [peer for peer in PEERS if peer not in skipped]
    if problem.n_trained == problem.X.shape[0]:
        chosen.remove("eigenmlp-all")
    return chosen, skipped


def measure(
    name: str, path: Path, threads: int, workers: dict[str, Worker], rounds: int
) -> list[Cell]:
    # One after the other, so that peaks of memory don't meet.
    mib = {peer: worker.ask("load", path=str(path))["mib"] for peer, worker in workers.items()}
    check_peers(workers, path.parent)
    training = interleave(workers, rounds, "train")
    prediction = interleave(workers, rounds, "predict")
    return [
        Cell(name, threads, peer, Timing(training[peer]), Timing(prediction[peer]), mib[peer])
        for peer in workers
    ]


def check_peers(workers: dict[str, Worker], folder: Path) -> None:
    """Compare probabilities after an epoch from the same weights, in the same order."""

    def probabilities(peer: str, alpha: float) -> Any:
        path = folder / "probabilities.npy"
        workers[peer].ask("check", alpha=alpha, to=str(path))
        return np.load(path)

    for peer, alpha in (("sklearn", ALPHA), ("torch", 0.0)):
        if peer in workers:
            ours, theirs = probabilities("eigenmlp", alpha), probabilities(peer, alpha)
            far = np.linalg.norm(theirs - ours) / np.linalg.norm(ours - ours.mean(axis=0))
            print(f"{peer} is {far:.1e} from ours", file=sys.stderr, flush=True)
            if not far < TOLERANCE:
                raise PeerError(
                    f"{PEERS[peer][1]} predicts something else than eigenmlp after {N_CHECKED} "
                    f"rows: {far:.2g} is not less than {TOLERANCE}"
                )


def markdown(
    facts: dict[str, Any], titles: dict[str, str], skipped: dict[str, str], cells: list[Cell]
) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    lines = [
        "# Sparse inputs: eigenmlp beside its peers",
        "",
        f"{machine.headline(facts)}; instruction set {facts['instruction_set']}; {versions}.",
        "",
        "Milliseconds of 1,000 rows, medians ± half the interquartile range; in brackets how many",
        "times as long as eigenmlp. Memory is the peak beyond libraries and data.",
    ]
    lines += [f"Not there: {title} ({why})." for title, why in skipped.items()]
    for name, title in titles.items():
        mine = {(cell.threads, cell.peer): cell for cell in cells if cell.problem == name}
        lines += ["", f"## {name}: {title}", ""]
        lines += ["| threads | peer | training, ms | prediction, ms | memory, MiB |"]
        lines += ["|---:|---|---:|---:|---:|"]
        for (threads, peer), cell in mine.items():
            ours = mine[threads, "eigenmlp"]
            entries = [
                _entry(cell.training, ours.training),
                _entry(cell.prediction, ours.prediction),
            ]
            lines.append(
                f"| {threads} | {PEERS[peer][1]} | {' | '.join(entries)} | {cell.mib:,.0f} |"
            )
    return "\n".join(lines)


def _entry(timing: Timing, ours: Timing) -> str:
    ratio = timing.median / ours.median
    return f"{1e3 * timing.median:.4g} ± {1e3 * timing.spread:.2g} ({ratio:.3g})"


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", default="1,2", help="default: %(default)s")
    parser.add_argument("--problems", default=",".join(PROBLEMS), help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--quick", action="store_true", help="smaller problems")
    parser.add_argument(
        "--python", action="append", default=[], metavar="PEER=PATH", help="a peer's interpreter"
    )
    parser.add_argument("--output", type=Path, help="default: a new folder in benchmarks/results")
    return parser.parse_args()


if __name__ == "__main__":
    main()
