"""Runs on this machine: in threads of this process, or in processes of its own."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Mapping
from concurrent.futures import CancelledError as FutureCancelledError
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing import resource_tracker

from joblib.externals.loky.process_executor import ProcessPoolExecutor, TerminatedWorkerError

from eigenmlp.sweeps.board import Board
from eigenmlp.sweeps.executors.engine import CancelledError, Done, Engine, Lost, Work
from eigenmlp.sweeps.executors.mapped import MappedData
from eigenmlp.sweeps.finished import FinishedRun
from eigenmlp.sweeps.specs import RunSpec
from eigenmlp.sweeps.trial import Measure, run_spec

__all__ = ["Processes", "Threads", "run_mapped"]

_PARENT_CHECK_SECONDS = 0.5
_TRIES = 3
# A run has one thread, and so have the libraries that its measures use.
_ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "BLIS")}


class _Local(Engine):
    """Trains so many runs at a time, each of which a thread of this process waits for or trains."""

    def __init__(self, work: Work, done: Done, jobs: int) -> None:
        super().__init__(work, done)
        self._jobs = jobs
        self._closing = threading.Event()
        self._pool = ThreadPoolExecutor(jobs, "eigenmlp-run", _leave_ctrl_c_to_the_main_thread)

    @property
    def place(self) -> str:
        return f"{self._jobs} at a time"

    def submit(self, row: int, spec: RunSpec) -> None:
        future = self._pool.submit(self._run, row, spec)
        future.add_done_callback(lambda ended: self._tell(row, ended))

    def _run(self, row: int, spec: RunSpec) -> FinishedRun | Lost:
        raise NotImplementedError

    def _tell(self, row: int, future: Future[FinishedRun | Lost]) -> None:
        with contextlib.suppress(CancelledError, FutureCancelledError):
            try:
                self.done(row, future.result())
            except (CancelledError, FutureCancelledError):
                raise
            except Exception as error:  # noqa: BLE001  of whatever kind, it has cost this run alone
                self.done(row, Lost(f"{type(error).__name__}: {error}"))

    def close(self) -> None:
        self._closing.set()
        self._pool.shutdown(wait=True, cancel_futures=True)


class Threads(_Local):
    """Trains in threads of this process, which share the data; the core lets go of the GIL."""

    def _run(self, row: int, spec: RunSpec) -> FinishedRun | Lost:
        def report(epochs: int, val_loss: float, val_accuracy: float) -> None:
            if self._closing.is_set():
                raise CancelledError
            self.work.board.post(row, epochs, val_loss, val_accuracy)

        return run_spec(spec, self.work.data, measures=self.work.measures, report=report)


class Processes(_Local):
    """Trains in processes, which map the data.

    Each thread has a process of its own, so that one that dies costs its run alone, which is tried
    again in a new one.
    """

    def __init__(self, work: Work, done: Done, jobs: int) -> None:
        # Its start lets Ctrl-C through to the thread that starts it, up to Python 3.12 at least, so
        # that must be none that a worker inherits its signals from.
        resource_tracker.ensure_running()
        super().__init__(work, done, jobs)
        self._data = MappedData(work.data)
        self._workers: dict[int, ProcessPoolExecutor] = {}
        self._lock = threading.Lock()

    def _run(self, row: int, spec: RunSpec) -> FinishedRun | Lost:
        for _ in range(_TRIES):
            try:
                worker = self._worker()
                arguments = (spec, self._data, self.work.measures, self.work.board, row)
                finished: FinishedRun = worker.submit(run_mapped, *arguments).result()
            except TerminatedWorkerError:
                if self._closing.is_set():
                    raise CancelledError from None
                self._discard()
                self.work.board.clear(row)
            else:
                return finished
        return Lost(
            f"its process died {_TRIES} times, most often because the machine ran out of memory; "
            "one run at a time needs the least"
        )

    def _worker(self) -> ProcessPoolExecutor:
        with self._lock:
            if self._closing.is_set():
                raise CancelledError
            key = threading.get_ident()
            if key not in self._workers:
                self._workers[key] = ProcessPoolExecutor(
                    1,
                    initializer=_end_with_parent,
                    initargs=(os.getpid(),),
                    env=_ONE_THREAD,
                )
            return self._workers[key]

    def _discard(self) -> None:
        with self._lock:
            worker = self._workers.pop(threading.get_ident())
        worker.shutdown(wait=False, kill_workers=True)

    def close(self) -> None:
        self._closing.set()
        with self._lock:
            workers = [*self._workers.values()]
        for worker in workers:
            worker.shutdown(wait=True, kill_workers=True)
        super().close()
        self._data.close()


def run_mapped(
    spec: RunSpec, data: MappedData, measures: Mapping[str, Measure], board: Board, row: int
) -> FinishedRun:
    """Train a run in a process of this machine."""

    def report(epochs: int, val_loss: float, val_accuracy: float) -> None:
        # Its folder goes when the sweep ends, and then nobody reads it.
        with contextlib.suppress(OSError):
            board.post(row, epochs, val_loss, val_accuracy)

    return run_spec(spec, data.open(), measures=measures, report=report)


def _leave_ctrl_c_to_the_main_thread() -> None:
    """Block the signal in this thread, and so in the processes that it starts.

    A terminal sends Ctrl-C to all processes, but it is for the parent alone to end the workers.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def _end_with_parent(parent: int) -> None:
    """End with the process that this one works for, even if that is killed.

    It would train for nobody otherwise, beside the sweep's next attempt.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_PARENT_CHECK_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
