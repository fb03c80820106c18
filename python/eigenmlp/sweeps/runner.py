"""Trains the specs of a sweep that are not on disk yet, wherever it is told to."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from rich.console import Console

from eigenmlp._native import instruction_set
from eigenmlp.common.arguments import flag
from eigenmlp.common.live import progress_console
from eigenmlp.common.words import shown, type_of
from eigenmlp.errors import EigenmlpError
from eigenmlp.files.folder_lock import FolderLock
from eigenmlp.history import History
from eigenmlp.sweeps.board import Board
from eigenmlp.sweeps.data import Data
from eigenmlp.sweeps.display import Display
from eigenmlp.sweeps.executors import Done, Engine, Lost, Work, engine_for
from eigenmlp.sweeps.finished import FinishedRun, why_stale
from eigenmlp.sweeps.results import Outcome, RunFailure, RunResult
from eigenmlp.sweeps.runs import Runs
from eigenmlp.sweeps.specs import RunSpec
from eigenmlp.sweeps.store import Stale, Store
from eigenmlp.sweeps.trial import Measure, training_cost

__all__ = ["checked_specs", "held", "run", "run_specs"]


def run(
    specs: Sequence[RunSpec],
    data: Data,
    folder: str | Path = "runs",
    *,
    executor: Any = None,
    jobs: int | None = None,
    progress: bool = True,
) -> Runs:
    """Train specs, each on one thread, and keep every run in a folder.

    Runs that are in the folder already are read, if their spec, the data and the version of
    eigenmlp are the same; the others are trained, the longest first. Each is on disk the moment it
    arrives, so that after Ctrl-C, or worse, the same call continues. Wherever they are trained, and
    in whatever order, they have the same bits.

    Parameters
    ----------
    specs : sequence of RunSpec
        No two with the same name and seed: see `grid` and `sample`.
    data : Data
        What to train on.
    folder : path-like, default="runs"
        Where runs are kept, each in a folder of its own.
    executor : object, default=None
        Where to train. "processes" of this machine, which map the data; "threads" of this process,
        which share them; None is "processes", but "threads" if the data have 200 MB or more. An
        executor of `concurrent.futures`, a `dask.distributed.Client`, a `RayExecutor` or an
        `mpi4py.futures.MPIPoolExecutor`: each is sent the data once for each worker, and decides
        how many runs there are at a time.
    jobs : int or None, default=None
        Runs at a time on this machine; None is one for each core that this process may use.
    progress : bool, default=True
        Show a table while runs are trained, in a terminal or a notebook; elsewhere, lines.

    Returns
    -------
    Runs
        In the order of the specs. A run that diverged or raised an error is among them, and doesn't
        stop the others.

    Warns
    -----
    UserWarning
        If runs were trained without fused multiply-add, on other machines or here, and others with
        it: their bits differ.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type or out of its range, or a spec's loss is not for the
        data's targets. Nothing has then been trained.
    EigenmlpError
        If another sweep is using the folder, or it is a file.
    ImportError
        If a package of an engine, named by its extra, is not installed.
    KeyboardInterrupt
        On Ctrl-C; runs that have ended are kept.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import eigenmlp as em
    >>> X = np.random.default_rng(0).normal(size=(300, 3))
    >>> y = (X[:, 0] * X[:, 1] > 0).astype(int)
    >>> data = em.sweeps.Data(train=(X[:200], y[:200]), validation=(X[200:], y[200:]))
    >>> base = em.sweeps.RunSpec(hidden_layers=(16,), epochs=20)
    >>> specs = em.sweeps.grid(base, learning_rate=[1e-5, 1e-2], seed=range(2))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     runs = em.sweeps.run(specs, data, folder, executor="threads", progress=False)
    ...     runs.best("val_loss").spec.learning_rate.value
    0.01
    """
    specs = checked_specs(specs, data)
    data = data.looked_at_again()
    folder = Path(folder)
    make_engine = engine_for(executor, jobs, data, len(specs))
    title = f"{len(specs)} run{'' if len(specs) == 1 else 's'} in {folder}"
    console = progress_console(stderr=True) if flag("progress", progress) else Console(quiet=True)
    display = Display(console, title)
    with held(folder, "sweep"):
        outcomes = run_specs(specs, data, Store(folder), make_engine=make_engine, display=display)
    return Runs(outcomes)


def checked_specs(specs: Sequence[RunSpec], data: Data) -> list[RunSpec]:
    """Return the specs as a list.

    Raises
    ------
    TypeError, ValueError
        If one is not a spec, two would be in one folder, or one has a loss for other data.
    """
    if not isinstance(data, Data):
        raise TypeError(f"data is {type_of(data)}; pass eigenmlp.sweeps.Data")
    if isinstance(specs, RunSpec):
        raise TypeError("specs is a single RunSpec; pass a list, [spec]")
    found: dict[tuple[str, int], int] = {}
    losses: dict[str, RunSpec] = {}
    specs = list(specs)
    if not specs:
        raise ValueError("specs is empty; pass at least one RunSpec")
    for place, spec in enumerate(specs):
        if not isinstance(spec, RunSpec):
            raise TypeError(f"specs[{place}]={shown(spec)} is not an eigenmlp.sweeps.RunSpec")
        first = found.setdefault((spec.name, spec.seed), place)
        if first != place:
            raise ValueError(
                f"specs[{first}] and specs[{place}] are both called {spec.name!r} and have seed "
                f"{spec.seed}, and would lie in one folder; give one another name or seed"
            )
        losses.setdefault(repr(spec.build_loss()), spec)
    for spec in losses.values():
        try:
            data.check_for(spec.build_loss())
        except (TypeError, ValueError) as error:
            raise type(error)(f"{spec.name!r} can't be trained on these data: {error}") from error
    return specs


@contextmanager
def held(folder: Path, what: str) -> Iterator[None]:
    """Hold a folder for this sweep alone, creating it if needed.

    Raises
    ------
    EigenmlpError
        If another process holds it, or it is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise EigenmlpError(f"{folder} is a file; name a folder for the runs of this {what}")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        lock = FolderLock(folder)
    except BlockingIOError:
        raise EigenmlpError(
            f"another {what} is writing to {folder}: wait until it ends, or give this one a folder "
            "of its own"
        ) from None
    try:
        yield
    finally:
        lock.release()


def run_specs(
    specs: Sequence[RunSpec],
    data: Data,
    store: Store,
    *,
    make_engine: Callable[[Work, Done], Engine],
    display: Display,
    measures: Mapping[str, Measure] | None = None,
    early: Sequence[str] = (),
    ended: Callable[[Outcome], None] = lambda _: None,
) -> list[Outcome]:
    """Return the outcome of every spec, in the order given.

    Parameters
    ----------
    specs : sequence of RunSpec
        No two with the same name and seed.
    data : Data
        What to train on.
    store : Store
        Where finished runs are, and are put.
    make_engine : callable
        What trains them: see `engine_for`.
    display : Display
        Is told what happens.
    measures : mapping of str to callable, default=None
        What else to measure of every network at both moments: functions of a network, the test
        samples and their labels, which other processes can import.
    early : sequence of str, default=()
        Names of runs to begin with, in this order. Of the others the longest is first.
    ended : callable, default=none
        Is told of every run once it is on disk.
    """
    store.prepare()
    board = Board.create(store.runs / ".board.npy", len(specs))
    outcomes: dict[int, Outcome] = {}
    waiting: list[int] = []
    with display.watching(specs, board):
        for row, spec in enumerate(specs):
            found = store.load(spec, data)
            if isinstance(found, Stale):
                display.stale(spec, found.reason)
            if found is None or isinstance(found, Stale):
                waiting.append(row)
            else:
                outcomes[row] = found
                display.found(row, found)
                ended(found)
        # The longest first, so that all workers end at about the same time.
        costs = {row: training_cost(specs[row], data) for row in waiting}
        place = {name: number for number, name in enumerate(early)}
        waiting.sort(key=lambda row: (place.get(specs[row].name, len(place)), -costs[row]))
        if waiting:
            arrived: SimpleQueue[tuple[int, FinishedRun | Lost]] = SimpleQueue()
            work = Work(data, measures or {}, board)
            engine = make_engine(work, lambda row, result: arrived.put((row, result)))
            try:
                display.training(len(waiting), engine.place)
                for row in waiting:
                    engine.submit(row, specs[row])
                for _ in waiting:
                    row, result = arrived.get()
                    outcomes[row] = _kept(result, specs[row], data, store)
                    display.finished(row, outcomes[row])
                    ended(outcomes[row])
            finally:
                engine.close()
        else:
            display.training(0, "")
    _warn_of_other_bits([*outcomes.values()])
    return [outcomes[row] for row in range(len(specs))]


def _kept(result: FinishedRun | Lost, spec: RunSpec, data: Data, store: Store) -> Outcome:
    """Put a run on disk, if it is one."""
    if isinstance(result, FinishedRun):
        reason = None if result.failed else why_stale(result.files, spec, data)
        if reason is None:
            return store.add(result)
        result = Lost(f"what came back is not this run: {reason}")
    return RunFailure(spec=spec, kind="lost", message=result.message, history=History())


def _warn_of_other_bits(outcomes: Sequence[Outcome]) -> None:
    """Name the machines whose results differ in their bits from the others'."""
    results = [run for run in outcomes if isinstance(run, RunResult)]
    kinds = {"v3": "v4"}
    ours = kinds.get(instruction_set(), instruction_set())
    others = {
        f"{run.place.host} ({run.place.instruction_set})"
        for run in results
        if kinds.get(run.place.instruction_set, run.place.instruction_set) != ours
    }
    if others:
        warnings.warn(
            f"runs were trained on {', '.join(sorted(others))}, and here by {instruction_set()}: "
            "with and without fused multiply-add their last bits differ. Set EIGENMLP_ISA=v2 on "
            "all machines, or leave those out, if they must not",
            UserWarning,
            stacklevel=3,
        )
