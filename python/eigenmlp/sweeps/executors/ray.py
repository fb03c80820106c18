"""Runs on a cluster of Ray's."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import Executor, Future
from functools import partial
from typing import TYPE_CHECKING, Any

from eigenmlp.common.extras import require
from eigenmlp.sweeps.executors.engine import Done, Engine, Lost, Seldom, Work
from eigenmlp.sweeps.trial import run_spec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from eigenmlp.sweeps.data import Data
    from eigenmlp.sweeps.finished import FinishedRun
    from eigenmlp.sweeps.specs import RunSpec
    from eigenmlp.sweeps.trial import Measure

__all__ = ["Ray", "RayExecutor"]

_RETRIES = 3  # of a run whose worker died
_POLL_SECONDS = 0.5


class RayExecutor(Executor):
    """A cluster of Ray's as an executor, for `eigenmlp.sweeps.run`.

    Parameters
    ----------
    address : str or None, default=None
        Of the cluster; None takes the one that this process is connected to, or that the
        environment variable RAY_ADDRESS names, and else starts one on this machine.

    Raises
    ------
    ImportError
        If Ray, of the extra `ray`, is not installed.
    ConnectionError
        If there is no cluster at the address.

    Examples
    --------
    >>> import eigenmlp as em
    >>> with em.sweeps.RayExecutor() as executor:  # doctest: +SKIP
    ...     runs = em.sweeps.run(specs, data, executor=executor)
    """

    def __init__(self, address: str | None = None) -> None:
        self.ray = require("ray", extra="ray", purpose="A sweep on Ray")
        # What it connects to or starts, it leaves or ends.
        self._own = not self.ray.is_initialized()
        if self._own:
            self.ray.init(address=address, log_to_driver=False, logging_level="warning")

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call a function on the cluster, as `concurrent.futures.Executor.submit` does."""
        call = self.ray.remote(max_retries=_RETRIES)(fn)
        future: Future[Any] = call.remote(*args, **kwargs).future()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002
        """Disconnect from the cluster, and end it if it was started here."""
        if self._own and self.ray.is_initialized():
            self.ray.shutdown()


class Ray(Engine):
    """Trains by a `RayExecutor`: the data are put into Ray's memory, once for each machine."""

    def __init__(self, work: Work, done: Done, executor: RayExecutor) -> None:
        super().__init__(work, done)
        self._ray = executor.ray
        self._call = self._ray.remote(max_retries=_RETRIES)(_run_on_worker)
        self._progress = self._ray.remote(num_cpus=0)(_Progress).remote()
        self._data = self._ray.put(work.data)
        self._lock = threading.Lock()
        self._references: dict[int, Any] = {}
        self._closing = threading.Event()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def place(self) -> str:
        n_cpus = self._ray.cluster_resources().get("CPU", 0)
        return f"by Ray on {n_cpus:g} processors"

    def submit(self, row: int, spec: RunSpec) -> None:
        reference = self._call.remote(row, spec, self._data, self.work.measures, self._progress)
        with self._lock:
            self._references[row] = reference
        reference.future().add_done_callback(partial(self._end, row))

    def _end(self, row: int, future: Future[FinishedRun]) -> None:
        with self._lock:
            self._references.pop(row, None)
        if self._closing.is_set():
            return
        try:
            finished = future.result()
        except Exception as error:  # noqa: BLE001  of whatever kind, it has cost this run alone
            self.done(row, Lost(f"{type(error).__name__}: {error}"))
        else:
            self.done(row, finished)

    def _listen(self) -> None:
        while not self._closing.wait(_POLL_SECONDS):
            heard: dict[int, tuple[int, float, float]] = {}
            with contextlib.suppress(Exception):  # no news of a cluster that is gone or busy
                heard = self._ray.get(self._progress.read.remote(), timeout=_POLL_SECONDS * 20)
            for row, report in heard.items():
                with self._lock:
                    running = row in self._references
                if running:
                    self.work.board.post(row, *report)

    def close(self) -> None:
        self._closing.set()
        self._listener.join()
        if not self._ray.is_initialized():
            return
        with self._lock:
            references = [*self._references.values()]
        for reference in references:
            self._ray.cancel(reference, force=True)
        self._ray.kill(self._progress)


class _Progress:
    """Keeps the latest report of each run, for the driver to fetch."""

    def __init__(self) -> None:
        self._latest: dict[int, tuple[float, ...]] = {}

    def post(self, row: int, *report: float) -> None:
        self._latest[row] = report

    def read(self) -> dict[int, tuple[float, ...]]:
        latest, self._latest = self._latest, {}
        return latest


def _run_on_worker(
    row: int, spec: RunSpec, data: Data, measures: Mapping[str, Measure], progress: Any
) -> FinishedRun:
    report = Seldom(lambda *report: progress.post.remote(row, *report))
    return run_spec(spec, data, measures=measures, report=report)
