"""Runs on a cluster of Dask's."""

from __future__ import annotations

import threading
import uuid
from functools import partial
from typing import TYPE_CHECKING, Any

from eigenmlp.common.extras import require
from eigenmlp.sweeps.executors.engine import CancelledError, Done, Engine, Lost, Seldom, Work
from eigenmlp.sweeps.trial import run_spec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eigenmlp.sweeps.data import Data
    from eigenmlp.sweeps.finished import FinishedRun
    from eigenmlp.sweeps.specs import RunSpec
    from eigenmlp.sweeps.trial import Measure

__all__ = ["Dask"]

_TRIES = 3


class Dask(Engine):
    """Trains by a `dask.distributed.Client`: the data are scattered to all workers, once.

    What a dead worker was doing is Dask's to repeat; what it alone had of the data is sent again.
    """

    def __init__(self, work: Work, done: Done, client: Any) -> None:
        super().__init__(work, done)
        require("distributed", extra="dask", purpose="A sweep on Dask")
        self._client = client
        self._topic = f"eigenmlp-{uuid.uuid4().hex}"
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._futures: dict[int, Any] = {}
        self._tries: dict[int, int] = {}
        self._data = self._scattered()
        client.subscribe_topic(self._topic, self._hear)

    @property
    def place(self) -> str:
        return f"by Dask at {self._client.scheduler.address}"

    def _scattered(self) -> Any:
        return self._client.scatter(self.work.data, broadcast=True, hash=False)

    def submit(self, row: int, spec: RunSpec) -> None:
        self._tries[row] = self._tries.get(row, 0) + 1
        future = self._client.submit(
            _run_on_worker,
            row,
            spec,
            self._data,
            self.work.measures,
            self._topic,
            pure=False,
            key=f"{spec.name}-seed{spec.seed}-{uuid.uuid4().hex}",
        )
        with self._lock:
            self._futures[row] = future
        future.add_done_callback(partial(self._end, row, spec))

    def _end(self, row: int, spec: RunSpec, future: Any) -> None:
        with self._lock:
            current = self._futures.get(row) is future
            if current:
                del self._futures[row]
        if self._closing.is_set() or not current:
            return
        try:
            if future.status in {"cancelled", "lost"}:
                self._again(row, spec)
            elif future.status == "error":
                error = future.exception()
                self.done(row, Lost(f"{type(error).__name__}: {error}"))
            else:
                self.done(row, future.result())
        except Exception as error:  # noqa: BLE001  the cluster has gone, or the result with it
            self.done(row, Lost(f"{type(error).__name__}: {error}"))

    def _again(self, row: int, spec: RunSpec) -> None:
        """Repeat a run of which Dask gave up, as where the only copy of the data was lost."""
        if self._tries[row] >= _TRIES:
            self.done(row, Lost(f"Dask gave it up {_TRIES} times"))
            return
        with self._lock:
            if self._data.status != "finished":
                self._data = self._scattered()
        self.work.board.clear(row)
        self.submit(row, spec)

    def _hear(self, event: tuple[float, Any]) -> None:
        _, (row, *report) = event
        with self._lock:
            running = row in self._futures
        if running and not self._closing.is_set():
            self.work.board.post(row, *report)

    def close(self) -> None:
        self._closing.set()
        with self._lock:
            futures = [*self._futures.values()]
        # From a client whose cluster has gone there is nothing to cancel.
        if self._client.status == "running":
            if futures:
                self._client.cancel(futures, force=True)
            self._client.unsubscribe_topic(self._topic)


def _run_on_worker(
    row: int, spec: RunSpec, data: Data, measures: Mapping[str, Measure], topic: str
) -> FinishedRun:
    from distributed import get_worker  # noqa: PLC0415  of the extra, and there on a worker

    worker = get_worker()
    key = worker.get_current_task()
    tell = Seldom(lambda *report: worker.log_event(topic, (row, *report)))

    def report(epochs: int, val_loss: float, val_accuracy: float) -> None:
        task = worker.state.tasks.get(key)
        if task is None or task.state == "cancelled":
            raise CancelledError
        tell(epochs, val_loss, val_accuracy)

    return run_spec(spec, data, measures=measures, report=report)
