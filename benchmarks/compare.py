"""Ours beside NumPy, scikit-learn, PyTorch, JAX and ONNX Runtime: checked first, then timed.

All peers train the same network from the same weights on the same batches in the same order, one
process each, interleaved. After an epoch their losses and weights are compared with ours; who
differs is not reported. Quote ratios: absolute times are those of a machine.

    python benchmarks/compare.py [--models m0,m1] [--threads 1,2] [--rounds 9]
    python benchmarks/compare.py --predict
    python benchmarks/compare.py --python torch=PATH/bin/python,jax=PATH/bin/python
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import machine
import report
from harness import PeerError, Timing, Worker, interleave, start_workers
from peers import PREDICTORS, TITLES, TRAINERS
from problem import MODELS, make_problem, mean_loss, parse_models, save_problem

if TYPE_CHECKING:
    from problem import Problem

# Losses after an epoch; relative to ours.
LOSS_TOLERANCE = 1e-3
# Distance of all parameters from ours, relative to the way ours have gone from the start. Peers
# come within 1e-3; without the penalty or a step, or in another order, they'd be 1e-2 to 0.5 apart.
WAY_TOLERANCE = 5e-3
PROBABILITY_TOLERANCE = 1e-4

PREDICTED_MODEL = "m1"
PREDICTED_SAMPLES = (10_000, 1)
# Long enough for the clock and for a few switches of the processor's task.
SECONDS_OF_CALLS = 0.1


@dataclass
class Session:
    """What a run has so far: measured cells, peers that weren't there, peers that failed."""

    arguments: argparse.Namespace
    folder: Path
    cells: list[report.Cell]
    details: dict[str, dict[str, str]]
    skipped: dict[str, str]
    failures: list[str]

    def drop(self, workers: dict[str, Worker], peer: str, where: str, why: object) -> None:
        """Go on without a peer."""
        workers.pop(peer)
        self.failures.append(f"{TITLES[peer]}, {where}: {why}")
        print(f"  not reported: {self.failures[-1]}", file=sys.stderr, flush=True)


def main() -> None:
    arguments = parse_arguments()
    threads = machine.parse_threads(arguments.threads)
    models = [PREDICTED_MODEL] if arguments.predict else parse_models(arguments.models)
    facts = machine.facts()
    with tempfile.TemporaryDirectory() as folder:
        session = Session(arguments, Path(folder), [], {}, {}, [])
        for count in threads:
            workers, skipped = start_workers(arguments.peers, count, arguments.python)
            session.skipped |= skipped
            session.details |= {peer: worker.details for peer, worker in workers.items()}
            try:
                for name in models:
                    measure = predict if arguments.predict else train
                    measure(session, dict(workers), name, count)
            except PeerError as error:
                raise SystemExit(f"nothing is reported: {error}") from error
            finally:
                for worker in workers.values():
                    worker.close()
    result = report.Result(
        "prediction" if arguments.predict else "training",
        facts,
        session.details,
        session.skipped,
        session.failures,
        session.cells,
    )
    print(report.write(result, arguments.output))
    if session.failures:
        raise SystemExit("failed, and not reported: " + "; ".join(session.failures))


def train(session: Session, workers: dict[str, Worker], name: str, threads: int) -> None:
    where = f"{name}, {threads} thread{'s' if threads > 1 else ''}"
    print(where, file=sys.stderr, flush=True)
    rounds: int = session.arguments.rounds
    problem = make_problem(MODELS[name], rounds)
    path = session.folder / "problem.npz"
    save_problem(path, problem)
    ask_all(session, workers, where, "load_training", path=str(path))
    ask_all(session, workers, where, "epoch", turn=rounds - 1)
    losses, ways = check_epoch(session, workers, problem, where)
    seconds = interleave(workers, rounds, "epoch")
    # The last round had the order of the check: whatever was timed, computed the same.
    check_epoch(session, workers, problem, where)
    timings = {peer: Timing(seconds[peer]) for peer in workers}
    session.cells.append(report.Cell(name, threads, None, timings, losses, ways))


def ask_all(
    session: Session, workers: dict[str, Worker], where: str, do: str, **values: object
) -> None:
    """Tell every worker to do something; who can't is dropped."""
    for peer, worker in list(workers.items()):
        try:
            worker.ask(do, **values)
        except PeerError as error:
            if peer == "eigenmlp":
                raise SystemExit(f"eigenmlp, {where}: {error}") from error
            session.drop(workers, peer, where, error)


def check_epoch(
    session: Session, workers: dict[str, Worker], problem: Problem, where: str
) -> tuple[dict[str, float], dict[str, float]]:
    """Losses after the epoch, and distances from our parameters; who differs is dropped."""
    start = np.concatenate([a.ravel() for a in problem.weights + problem.biases])
    start_loss = mean_loss(problem.X, problem.y, problem.weights, problem.biases)
    losses: dict[str, float] = {}
    ways: dict[str, float] = {}
    path = session.folder / "parameters.npy"
    for peer, worker in sorted(workers.items(), key=lambda item: item[0] != "eigenmlp"):
        losses[peer] = worker.ask("scores", parameters_to=str(path))["loss"]
        parameters = np.load(path)
        if peer == "eigenmlp":
            ours = parameters
        ways[peer] = float(np.linalg.norm(parameters - ours) / np.linalg.norm(ours - start))
        difference = abs(losses[peer] - losses["eigenmlp"])
        # Written so that NaN fails.
        if not (difference <= LOSS_TOLERANCE * losses["eigenmlp"] and ways[peer] <= WAY_TOLERANCE):
            session.drop(
                workers,
                peer,
                where,
                f"loss {losses[peer]:.6g} after an epoch from {start_loss:.6g}, ours "
                f"{losses['eigenmlp']:.6g}; its parameters are {ways[peer]:.2g} of the way apart",
            )
    return losses, ways


def predict(session: Session, workers: dict[str, Worker], name: str, threads: int) -> None:
    path = session.folder / "problem.npz"
    save_problem(path, make_problem(MODELS[name], 1))
    everyone = workers
    for samples in PREDICTED_SAMPLES:
        workers = dict(everyone)
        where = f"{name}, {samples} samples, {threads} thread{'s' if threads > 1 else ''}"
        print(where, file=sys.stderr, flush=True)
        ask_all(session, workers, where, "load_prediction", path=str(path), samples=samples)
        check_probabilities(session, workers, where)
        once = interleave(workers, 1, "predict", repeats=3)
        repeats: dict[str, object] = {
            peer: max(1, round(SECONDS_OF_CALLS / seconds[0])) for peer, seconds in once.items()
        }
        seconds = interleave(workers, session.arguments.rounds, "predict", repeats=repeats)
        timings = {peer: Timing(seconds[peer]) for peer in workers}
        session.cells.append(report.Cell(name, threads, samples, timings, {}, {}))


def check_probabilities(session: Session, workers: dict[str, Worker], where: str) -> None:
    path = session.folder / "probabilities.npy"
    for peer, worker in sorted(workers.items(), key=lambda item: item[0] != "eigenmlp"):
        worker.ask("probabilities", to=str(path))
        probabilities = np.load(path)
        if peer == "eigenmlp":
            ours = probabilities
        difference = float(np.abs(probabilities - ours).max())
        if not difference <= PROBABILITY_TOLERANCE:
            session.drop(
                workers, peer, where, f"a probability differs from ours by {difference:.2g}"
            )


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    everyone = ",".join(dict.fromkeys(TRAINERS + PREDICTORS))
    parser.add_argument("--peers", help=f"default: {everyone}, as far as they train or predict")
    parser.add_argument("--models", default=",".join(MODELS), help="default: %(default)s")
    parser.add_argument("--threads", default="1,2", help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=9, help="default: %(default)s")
    parser.add_argument("--predict", action="store_true", help="time predictions instead of epochs")
    parser.add_argument(
        "--python",
        default="",
        metavar="PEER=PATH,…",
        help="interpreters of peers that live in environments of their own",
    )
    parser.add_argument("--output", type=Path, help="default: a new folder in benchmarks/results")
    arguments = parser.parse_args()
    if arguments.rounds < 1:
        parser.error(f"--rounds={arguments.rounds} is too few; pass 1 or more")
    known = PREDICTORS if arguments.predict else TRAINERS
    names = arguments.peers.split(",") if arguments.peers else list(known)
    for name in names:
        if name not in known:
            parser.error(f"--peers: {name!r} is not one of {', '.join(known)}")
    # Ours is what the others are compared with.
    arguments.peers = list(dict.fromkeys(["eigenmlp", *names]))
    pairs = [pair.partition("=") for pair in arguments.python.split(",") if pair]
    for peer, _, path in pairs:
        if peer not in TITLES or not path:
            parser.error(f"--python: {peer!r} is not PEER=PATH of one of {', '.join(TITLES)}")
    arguments.python = {peer: path for peer, _, path in pairs}
    return arguments


if __name__ == "__main__":
    main()
