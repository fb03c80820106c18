"""Workers side by side: one process a peer, each taking its turn while the others sleep."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

import numpy as np

from machine import cpus_for

if TYPE_CHECKING:
    from collections.abc import Sequence

_FOLDER = Path(__file__).resolve().parent

# Some libraries' threads go on spinning for up to 0.2 s after their work; the next peer waits.
SETTLE_SECONDS = 0.25


class PeerError(Exception):
    """A peer failed, or computed something else than the others."""


class MissingPeerError(Exception):
    """A peer isn't installed."""


@dataclass(frozen=True)
class Timing:
    """Seconds of all rounds, their median, and half their interquartile range."""

    seconds: list[float]
    median: float = field(init=False)
    spread: float = field(init=False)

    def __post_init__(self) -> None:
        low, median, high = np.percentile(self.seconds, [25, 50, 75])
        object.__setattr__(self, "median", float(median))
        object.__setattr__(self, "spread", float(high - low) / 2)


class Worker:
    """The process of a peer, from this side."""

    def __init__(
        self,
        peer: str,
        threads: int,
        python: str,
        variables: dict[str, str] | None = None,
        program: str = "worker.py",
    ) -> None:
        self.peer = peer
        cpus = ",".join(map(str, cpus_for(threads)))
        try:
            self._process = subprocess.Popen(  # noqa: S603  an interpreter of the user's choice
                [python, str(_FOLDER / program), peer, str(threads), cpus],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=_environment(threads) | (variables or {}),
            )
        except OSError as error:
            raise MissingPeerError(f"its interpreter {python} can't be run: {error}") from error
        hello = self._read()
        if "missing" in hello:
            self.close()
            raise MissingPeerError(hello["missing"])
        self.details: dict[str, str] = hello["details"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, do: str, **values: object) -> dict[str, Any]:
        print(json.dumps({"do": do, **values}), file=self._pipe("stdin"), flush=True)
        answer = self._read()
        if "error" in answer:
            raise PeerError(f"{self.peer} failed to {do}:\n{answer['error']}")
        return answer

    def close(self) -> None:
        for name in ("stdin", "stdout"):
            self._pipe(name).close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _read(self) -> dict[str, Any]:
        line = self._pipe("stdout").readline()
        if not line:
            raise PeerError(f"the process of {self.peer} ended; what it printed is above")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _pipe(self, name: str) -> IO[str]:
        pipe: IO[str] = getattr(self._process, name)
        return pipe


def _environment(threads: int) -> dict[str, str]:
    # An instruction set or a number of threads that the caller asked for elsewhere stays out.
    kept = {
        name: value
        for name, value in os.environ.items()
        if name != "EIGENMLP_ISA" and not name.endswith("_NUM_THREADS")
    }
    limits = ("OMP", "OPENBLAS", "MKL", "BLIS", "VECLIB", "EIGENMLP")
    return {
        **kept,
        **{f"{name}_NUM_THREADS": str(threads) for name in limits},
        # XLA takes a pool of the process's cores; for one there is no need of a pool.
        "XLA_FLAGS": f"--xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'}",
        "JAX_PLATFORMS": "cpu",
    }


def start_workers(
    peers: Sequence[str], threads: int, pythons: dict[str, str], program: str = "worker.py"
) -> tuple[dict[str, Worker], dict[str, str]]:
    """Workers of the peers that are installed, and why the others are not there."""
    workers: dict[str, Worker] = {}
    skipped: dict[str, str] = {}
    for peer in peers:
        python = pythons.get(peer) or pythons.get(peer.partition("-")[0]) or sys.executable
        try:
            workers[peer] = Worker(peer, threads, python, program=program)
        except MissingPeerError as error:
            skipped[peer] = str(error)
    if "eigenmlp" in skipped:
        raise SystemExit(f"eigenmlp can't be measured: {skipped['eigenmlp']}; install it first")
    return workers, skipped


def interleave(
    workers: dict[str, Worker],
    rounds: int,
    do: str,
    settle: float = SETTLE_SECONDS,
    **values: dict[str, object] | int,
) -> dict[str, list[float]]:
    """Seconds of each worker in each round; the order within a round rotates."""
    seconds: dict[str, list[float]] = {peer: [] for peer in workers}
    for turn in range(rounds):
        names = list(workers)
        shift = turn % len(names)
        for peer in names[shift:] + names[:shift]:
            time.sleep(settle)
            arguments = {k: v[peer] if isinstance(v, dict) else v for k, v in values.items()}
            if do == "epoch":
                arguments["turn"] = turn
            seconds[peer].append(float(workers[peer].ask(do, **arguments)["seconds"]))
    return seconds
