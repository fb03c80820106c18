"""Runs by any executor of `concurrent.futures`' kind, of which only `submit` is asked."""

from __future__ import annotations

import os
import socket
import threading
import uuid
from collections import Counter, deque
from concurrent.futures import CancelledError as FutureCancelledError
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from joblib.externals.loky.process_executor import ProcessPoolExecutor as LokyExecutor

from eigenmlp.sweeps.executors.engine import CancelledError, Done, Engine, Lost, Work
from eigenmlp.sweeps.executors.local import run_mapped
from eigenmlp.sweeps.executors.mapped import MappedData
from eigenmlp.sweeps.trial import run_spec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future

    from eigenmlp.sweeps.data import Data
    from eigenmlp.sweeps.finished import FinishedRun
    from eigenmlp.sweeps.specs import RunSpec
    from eigenmlp.sweeps.trial import Measure

__all__ = ["Futures", "Sent"]


class Futures(Engine):
    """Trains by an executor of somebody else's; those of a machine have the data at hand.

    Threads share them, and processes map them.
    """

    def __init__(self, work: Work, done: Done, executor: Any) -> None:
        super().__init__(work, done)
        self._executor = executor
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._waiting: dict[int, Future[Any]] = {}
        self._data = (
            MappedData(work.data)
            if isinstance(executor, (ProcessPoolExecutor, LokyExecutor))
            else None
        )

    @property
    def place(self) -> str:
        return f"by {type(self._executor).__name__}"

    def submit(self, row: int, spec: RunSpec) -> None:
        if self._data is not None:
            work = self.work
            self._call(row, partial(run_mapped, spec, self._data, work.measures, work.board, row))
        else:
            self._call(row, partial(self._run_here, row, spec))

    def _call(self, row: int, function: Callable[[], Any]) -> None:
        try:
            future = self._executor.submit(function)
        except Exception as error:  # noqa: BLE001  it is broken, or shut down, or can't send this
            self.done(row, Lost(f"it could not begin: {error}"))
            return
        with self._lock:
            self._waiting[row] = future
        future.add_done_callback(partial(self._end, row))

    def _run_here(self, row: int, spec: RunSpec) -> FinishedRun:
        def report(epochs: int, val_loss: float, val_accuracy: float) -> None:
            if self._closing.is_set():
                raise CancelledError
            self.work.board.post(row, epochs, val_loss, val_accuracy)

        return run_spec(spec, self.work.data, measures=self.work.measures, report=report)

    def _end(self, row: int, future: Future[Any]) -> None:
        with self._lock:
            if self._waiting.get(row) is future:
                del self._waiting[row]
        if self._closing.is_set():
            return
        try:
            answer = future.result()
        except (FutureCancelledError, CancelledError):
            self.done(row, Lost("it was cancelled"))
        except Exception as error:  # noqa: BLE001  of whatever kind, it has cost this run alone
            self.done(row, Lost(f"{type(error).__name__}: {error}"))
        else:
            self._answered(row, answer)

    def _answered(self, row: int, answer: Any) -> None:
        self.done(row, answer)

    def close(self) -> None:
        self._closing.set()
        with self._lock:
            waiting = [*self._waiting.values()]
        for future in waiting:
            future.cancel()
        if isinstance(self._executor, ThreadPoolExecutor):
            for future in waiting:  # to the end of the epoch that each is in
                if not future.cancelled():
                    future.exception()
        if self._data is not None:
            self._data.close()


class Sent(Futures):
    """Trains by an executor of which nothing is known, such as MPI's.

    A run is sent without data; a worker that has none says so, and they go with another run. Few
    runs are sent at a time, two for each worker that has been heard of, so that they don't travel
    twice.
    """

    def __init__(self, work: Work, done: Done, executor: Any) -> None:
        super().__init__(work, done, executor)
        self._name = uuid.uuid4().hex
        self._specs: dict[int, RunSpec] = {}
        self._queue: deque[int] = deque()
        self._workers: set[str] = set()
        self._misses: Counter[str] = Counter()  # since data were sent last
        self._asked: set[str] = set()
        self._n_sent = 0

    def submit(self, row: int, spec: RunSpec) -> None:
        self._specs[row] = spec
        self._queue.append(row)
        self._send()

    def _send(self) -> None:
        while True:
            with self._lock:
                if not self._queue or len(self._waiting) >= self._most_waiting():
                    return
                row = self._queue.popleft()
            self._begin(row, None)

    def _begin(self, row: int, data: Data | None) -> None:
        self._call(row, partial(_run_sent, self._name, self._specs[row], data, self.work.measures))

    def _answered(self, row: int, answer: Any) -> None:
        worker, finished = answer
        with self._lock:
            self._workers.add(worker)
            sends = finished is None and self._owes(worker)
        if finished is not None:
            self.done(row, finished)
        else:
            self._begin(row, self.work.data if sends else None)
        self._send()

    def _owes(self, worker: str) -> bool:
        """Whether to send the data for a worker that has none, and that may have them on the way.

        Another may have taken what was sent for it; it then asks for longer than any queue.
        """
        self._asked.add(worker)
        self._misses[worker] += 1
        if self._n_sent >= len(self._asked) and self._misses[worker] <= 2 * self._most_waiting():
            return False
        self._n_sent += 1
        self._misses.clear()
        return True

    def _most_waiting(self) -> int:
        return 2 * len(self._workers) + 4


# What a worker was sent: the data of the latest sweep, by its name.
_kept: dict[str, Data] = {}


def _run_sent(
    name: str, spec: RunSpec, data: Data | None, measures: Mapping[str, Measure]
) -> tuple[str, FinishedRun | None]:
    """Train a run on data that came with it or before; return who did, and None without data."""
    if data is not None:
        _kept.clear()
        _kept[name] = data
    found = _kept.get(name)
    finished = None if found is None else run_spec(spec, found, measures=measures)
    return f"{socket.gethostname()} {os.getpid()}", finished
