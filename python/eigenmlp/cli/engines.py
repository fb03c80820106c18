"""The options that say where runs are trained, and the engines that they mean."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from eigenmlp.common.extras import require

__all__ = ["ExecutorName", "Jobs", "executor_of"]

_NAME = re.compile("(processes|threads|mpi|(?:dask|ray)(?:=(.+))?)")


def _checked(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise typer.BadParameter(
            f"{value!r} is unknown; use processes, threads, dask, dask=ADDRESS, ray, ray=ADDRESS "
            "or mpi"
        )
    return value


ExecutorName = Annotated[
    str,
    typer.Option(
        help="Where to train: processes or threads of this machine; dask or ray, a cluster of "
        "theirs at an address or else one on this machine; or mpi, the other ranks of mpiexec.",
        metavar="processes|threads|dask[=ADDRESS]|ray[=ADDRESS]|mpi",
        callback=_checked,
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        help="Runs at a time on this machine; by default one for each core.",
        min=1,
    ),
]


@contextmanager
def executor_of(name: str, jobs: int | None) -> Iterator[tuple[Any, int | None]]:
    """Yield an executor and the number of runs at a time, as `eigenmlp.sweeps.run` takes them.

    The executor is None where this process is a rank of MPI's that trained for another.

    Raises
    ------
    typer.BadParameter
        If a number of jobs is told to a cluster that decides itself.
    ImportError
        If the engine's package is not installed: names the extra.
    """
    kind, _, address = name.partition("=")
    if jobs is not None and (address or kind in {"ray", "mpi"}):
        raise typer.BadParameter(f"--jobs is for this machine; {kind} decides itself")
    if kind == "dask":
        with _dask(address, jobs) as client:
            yield client, None
    elif kind == "ray":
        from eigenmlp.sweeps import RayExecutor  # noqa: PLC0415  slow to import

        with RayExecutor(address or None) as executor:
            yield executor, None
    elif kind == "mpi":
        futures = require("mpi4py.futures", extra="mpi", purpose="Training on MPI")
        mpi = require("mpi4py.MPI", extra="mpi", purpose="Training on MPI")
        if mpi.COMM_WORLD.size < 2:
            raise typer.BadParameter(
                "--executor mpi needs a rank to give work to: mpiexec -n 3 eigenmlp … trains two "
                "runs at a time"
            )
        with futures.MPICommExecutor(mpi.COMM_WORLD, root=0) as executor:
            yield executor, None
    else:
        yield name, jobs


@contextmanager
def _dask(address: str, jobs: int | None) -> Iterator[Any]:
    distributed = require("distributed", extra="dask", purpose="Training on Dask")
    if address:
        try:
            client = distributed.Client(address, timeout=10)
        except (OSError, ValueError) as error:
            raise typer.BadParameter(
                f"there is no scheduler of Dask's at {address}: {error}"
            ) from error
        with client:
            yield client
        return
    from joblib import cpu_count  # noqa: PLC0415  slow to import

    with (
        distributed.LocalCluster(
            n_workers=jobs or cpu_count(),
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client
