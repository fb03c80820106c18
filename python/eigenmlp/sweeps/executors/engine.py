"""What a sweep asks of whatever trains its runs."""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from eigenmlp.sweeps.board import Board
from eigenmlp.sweeps.data import Data
from eigenmlp.sweeps.finished import FinishedRun
from eigenmlp.sweeps.specs import RunSpec
from eigenmlp.sweeps.trial import Measure

__all__ = ["CancelledError", "Done", "Engine", "Lost", "Seldom", "Work"]


@dataclass(frozen=True)
class Lost:
    """A run that came back from nowhere: what trained it died, or could not begin."""

    message: str


# Of a run's row and what became of it; called by any thread.
Done = Callable[[int, FinishedRun | Lost], None]


@dataclass(frozen=True)
class Work:
    """What all runs of a sweep share.

    Parameters
    ----------
    data : Data
        What they train on.
    measures : dict of str to callable
        What else to measure.
    board : Board
        How far they have got.
    """

    data: Data
    measures: Mapping[str, Measure]
    board: Board


class CancelledError(Exception):
    """Ends a run that nobody waits for."""


class Engine(ABC):
    """Trains runs; `submit` returns at once, and `done` is called when a run has ended."""

    def __init__(self, work: Work, done: Done) -> None:
        self.work = work
        self.done = done

    @property
    @abstractmethod
    def place(self) -> str:
        """Where runs are trained, in words: "2 at a time", "by Dask at tcp://…"."""

    @abstractmethod
    def submit(self, row: int, spec: RunSpec) -> None:
        """Begin a run, or put it in the queue."""

    @abstractmethod
    def close(self) -> None:
        """Cancel what waits, end what runs, and leave nothing behind."""


class Seldom:
    """Calls a function at most so often, first at once: for reports that travel."""

    def __init__(self, function: Callable[..., None], seconds: float = 0.25) -> None:
        self._function = function
        self._seconds = seconds
        self._next = 0.0
        self._lock = threading.Lock()

    def __call__(self, *arguments: float) -> None:
        with self._lock:
            if time.monotonic() < self._next:
                return
            self._next = time.monotonic() + self._seconds
        self._function(*arguments)
