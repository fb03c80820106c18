"""One sweep, wherever it is trained, and the SHA-256 of all weights and probabilities of it.

As a program it trains by the engine that is named, prints the digest, and says how many runs it
found on disk.
"""

import hashlib
import importlib
import os
import signal
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eigenmlp.sweeps import RayExecutor, Runs, RunSpec, grid, run
from tiny_study import tiny_runs_data, tiny_spec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np

    import eigenmlp as em

SPECS = grid(
    tiny_spec(epochs=20, dropout=0.2), learning_rate=[0.01, 0.1, 1e30], hidden_layers=[(6,), (7, 5)]
)


def digest(runs: Runs) -> str:
    """Return the SHA-256 of what runs have computed."""
    sha = hashlib.sha256()
    for result in runs.results:
        for moment in ("last", "best"):
            sha.update(result.load(moment).tobytes())
            sha.update(result.outputs(moment).tobytes())
    return sha.hexdigest()


def sweep(folder: Path, executor: Any, specs: list[RunSpec] = SPECS) -> Runs:
    """Train the sweep."""
    return run(specs, tiny_runs_data(), folder, executor=executor, progress=False)


class KillOnce:
    """A measure that kills the process that it is called in, the first time of all.

    Parameters
    ----------
    flag : Path
        A file that says that it has.
    parent : int
        A process that it does not kill.
    """

    def __init__(self, flag: Path, parent: int) -> None:
        self._flag = flag
        self._parent = parent

    def __call__(self, _network: "em.Network", _X: "np.ndarray", _y: "np.ndarray") -> list[float]:
        if not self._flag.exists() and os.getpid() != self._parent:
            self._flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return [1.0]


def blocks_ctrl_c(_network: "em.Network", _X: "np.ndarray", _y: "np.ndarray") -> list[float]:
    """Measure whether the process leaves Ctrl-C to another."""
    return [float(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()))]


def sweep_with_a_death(folder: Path, executor: Any) -> Runs:
    """Train the sweep while a worker dies in the middle of it."""
    runs = measured_sweep(
        folder, executor, {"death": KillOnce(folder.parent / "killed", os.getpid())}
    )
    assert (folder.parent / "killed").exists()
    return runs


def measured_sweep(folder: Path, executor: Any, measures: "Mapping[str, Any]") -> Runs:
    """Train the sweep, and measure more of its networks."""
    from rich.console import Console

    from eigenmlp.sweeps import Store
    from eigenmlp.sweeps.display import Display
    from eigenmlp.sweeps.executors import engine_for
    from eigenmlp.sweeps.runner import run_specs

    data = tiny_runs_data()
    jobs = 2 if isinstance(executor, str) else None
    return Runs(
        run_specs(
            SPECS,
            data,
            Store(folder),
            make_engine=engine_for(executor, jobs, data, len(SPECS)),
            display=Display(Console(quiet=True), ""),
            measures=measures,
        )
    )


@contextmanager
def engine(name: str) -> "Iterator[Any]":
    """Yield an executor; None where this process is a worker of another's."""
    if name == "dask":
        distributed: Any = importlib.import_module("distributed")
        options = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
        with (
            distributed.LocalCluster(n_workers=2, threads_per_worker=1, **options) as cluster,
            distributed.Client(cluster) as client,
        ):
            yield client
    elif name == "ray":
        with RayExecutor() as executor:
            yield executor
    elif name == "mpi":
        from mpi4py import MPI
        from mpi4py.futures import MPICommExecutor

        with MPICommExecutor(MPI.COMM_WORLD, root=0) as executor:
            yield executor
    else:
        yield name


def main(name: str, folder: str, death: str = "") -> None:
    """Train by an engine, and print the digest and what was on disk before."""
    with engine(name) as executor:
        if executor is None:
            return
        found = len(list(Path(folder).glob("*-seed*")))
        train = partial(sweep_with_a_death if death else sweep, Path(folder), executor)
        print(digest(train()), found, flush=True)  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
