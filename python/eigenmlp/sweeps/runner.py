"""Runs specs side by side, one process and one thread each, and repeats none that is on disk."""

import contextlib
import os
import signal
import threading
import time
import warnings
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

from joblib import Parallel, cpu_count, delayed
from joblib.externals.loky.process_executor import TerminatedWorkerError

from eigenmlp.errors import EigenmlpError
from eigenmlp.sweeps.board import Board
from eigenmlp.sweeps.data import Data
from eigenmlp.sweeps.display import Display
from eigenmlp.sweeps.specs import RunSpec
from eigenmlp.sweeps.store import Outcome, Stale, Store
from eigenmlp.sweeps.trial import Measure, run_trial, training_cost

__all__ = ["run_specs"]

_PARENT_CHECK_SECONDS = 0.5


def run_specs(
    specs: Sequence[RunSpec],
    data: Data,
    store: Store,
    *,
    jobs: int | None,
    display: Display,
    measures: Mapping[str, Measure] | None = None,
) -> list[Outcome]:
    """Return the outcome of every spec, in the order given.

    Runs that the store holds are read; the others are trained, the longest first so that all
    processes end at about the same time, and each is on disk the moment it ends.

    Parameters
    ----------
    specs : sequence of RunSpec
        No two with the same name and seed.
    data : Data
        What to train on.
    store : Store
        Where finished runs are.
    jobs : int or None
        Runs at a time; None means one for each core this process may use.
    display : Display
        Is told what happens.
    measures : mapping of str to callable, default=None
        What else to measure of every network at both moments: functions of a network, the test
        samples and their labels, which other processes can import.
    """
    store.prepare()
    board = Board.create(store.runs / ".board.npy", len(specs))
    outcomes: dict[int, Outcome] = {}
    waiting: list[int] = []
    with display.watching(specs, board):
        for row, spec in enumerate(specs):
            found = store.load(spec)
            if isinstance(found, Outcome):
                outcomes[row] = found
                display.found(row, found)
            else:
                waiting.append(row)
                if isinstance(found, Stale):
                    display.stale(spec, found.reason)
        waiting.sort(key=lambda row: training_cost(specs[row], data), reverse=True)
        jobs = max(1, min(jobs or cpu_count(), len(waiting)))
        display.training(len(waiting), jobs)
        calls = [
            delayed(run_trial)(specs[row], data.for_runs(), store, board, row, measures or {})
            for row in waiting
        ]
        with contextlib.closing(_train(calls, jobs)) as finished:
            for row in finished:
                outcome = store.load(specs[row])
                if not isinstance(outcome, Outcome):
                    folder = store.folder(specs[row])
                    raise EigenmlpError(f"{folder} was written but cannot be read: {outcome}")
                outcomes[row] = outcome
                display.finished(row, outcome)
    return [outcomes[row] for row in range(len(specs))]


def _train(calls: Sequence[Any], jobs: int) -> Generator[int]:
    """Train and store runs in this order; yield the row of each as it ends."""
    parallel = Parallel(
        n_jobs=jobs,
        backend="loky",
        return_as="generator_unordered",
        batch_size=1,
        max_nbytes=100_000,  # larger arrays are mapped into all processes, not sent
        initializer=_exit_with_parent,
        initargs=(os.getpid(),),
    )
    with _interrupts_ignored():
        finished = parallel(calls)
    try:
        for row in finished:  # noqa: UP028  "yield from" would close without the filter below
            yield row
    except TerminatedWorkerError as error:
        raise EigenmlpError(
            "a training process died, most often because the machine ran out of memory. "
            "Finished runs are kept: the same command continues; --jobs 1 needs the least memory"
        ) from error
    finally:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*tasks which were still being processed.*")
            finished.close()  # ends the workers if the sweep is interrupted


@contextlib.contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Ignore Ctrl-C for the moment it takes to start the workers, which inherit that for good.

    A terminal sends Ctrl-C to all processes, but it is for the parent alone to end the workers.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Ctrl-C is none of this thread's business, and Python lets it change nothing
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _exit_with_parent(parent: int) -> None:
    """Make this worker end with the process it works for, even if that is killed.

    It would train for nobody otherwise, beside the sweep's next attempt.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_PARENT_CHECK_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
