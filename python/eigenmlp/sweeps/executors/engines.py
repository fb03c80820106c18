"""Which engine an argument `executor` means."""

import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

from joblib import cpu_count
from joblib.externals.loky.process_executor import ProcessPoolExecutor as LokyExecutor

from eigenmlp.common.arguments import whole_number
from eigenmlp.common.sparse_arrays import stored_arrays
from eigenmlp.common.words import shown
from eigenmlp.sweeps.data import Data
from eigenmlp.sweeps.executors.dask import Dask
from eigenmlp.sweeps.executors.engine import Done, Engine, Work
from eigenmlp.sweeps.executors.futures import Futures, Sent
from eigenmlp.sweeps.executors.local import Processes, Threads
from eigenmlp.sweeps.executors.ray import Ray, RayExecutor

__all__ = ["engine_for"]

_LARGE_BYTES = 200_000_000
_LOCAL: dict[str, type[Processes | Threads]] = {"processes": Processes, "threads": Threads}

_WANTED = (
    "None, 'processes', 'threads', an executor of concurrent.futures, a dask.distributed.Client, "
    "an eigenmlp.sweeps.RayExecutor or an mpi4py.futures.MPIPoolExecutor"
)


def engine_for(
    executor: Any, jobs: int | None, data: Data, n_runs: int
) -> Callable[[Work, Done], Engine]:
    """Return what makes the engine that is meant.

    Parameters
    ----------
    executor : object
        As of `eigenmlp.sweeps.run`.
    jobs : int or None
        Runs at a time on this machine; None is one for each core.
    data : Data
        Large ones are shared by threads rather than mapped by processes.
    n_runs : int
        More at a time there need not be.

    Raises
    ------
    TypeError, ValueError
        If there is no such engine, or it is told what it decides itself.
    """
    if executor is None:
        arrays = stored_arrays(*(values for part in data.parts.values() for values in part))
        n_bytes = sum(array.nbytes for array in arrays)
        executor = "threads" if n_bytes >= _LARGE_BYTES else "processes"
    if isinstance(executor, str):
        if executor not in _LOCAL:
            raise ValueError(f"executor={shown(executor)} is unknown; use {_WANTED}")
        kind = _LOCAL[executor]
        at_a_time = whole_number(
            "jobs",
            cpu_count() if jobs is None else jobs,
            minimum=1,
            remedy="pass 1 or more, or None",
        )
        return lambda work, done: kind(work, done, min(at_a_time, n_runs))
    if jobs is not None:
        raise ValueError(
            f"jobs={shown(jobs)} is for runs on this machine; {type(executor).__name__} decides "
            "itself how many there are at a time"
        )
    engine = _kind_of(executor)
    return lambda work, done: engine(work, done, executor)


def _kind_of(executor: Any) -> Callable[[Work, Done, Any], Engine]:
    distributed = sys.modules.get("distributed")
    if distributed is not None and isinstance(executor, distributed.Client):
        if executor.asynchronous:
            raise ValueError("executor is an asynchronous Client of Dask's; pass one that waits")
        return Dask
    if isinstance(executor, RayExecutor):
        return Ray
    if isinstance(executor, (ThreadPoolExecutor, ProcessPoolExecutor, LokyExecutor)):
        return Futures
    if isinstance(executor, type) or not callable(getattr(executor, "submit", None)):
        raise TypeError(f"executor={shown(executor)} has no method submit; pass {_WANTED}")
    return Sent
