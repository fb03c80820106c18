"""How far each run has got: a small table, which processes of one machine map into their memory."""

import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

__all__ = ["Board"]

_COLUMNS = 4


@dataclass(frozen=True)
class Board:
    """One row per run; who trains it, or hears of it, writes the row, and the display reads it.

    It travels to workers of this machine as its path. A reader may catch a row half-written, which
    costs one wrong frame on the screen and nothing else.
    """

    path: Path

    @classmethod
    def create(cls, path: Path, n_runs: int) -> "Board":
        """Make an empty board."""
        np.lib.format.open_memmap(path, mode="w+", dtype=np.float64, shape=(n_runs, _COLUMNS))
        return cls(path)

    def __reduce__(self) -> tuple[type["Board"], tuple[Path]]:
        return Board, (self.path,)  # without the mapping

    @cached_property
    def _rows(self) -> np.ndarray:
        return np.lib.format.open_memmap(self.path, mode="r+")

    def post(self, row: int, epochs: int, val_loss: float, val_accuracy: float) -> None:
        """Write how many epochs of a run were done, and its latest validation scores."""
        started = self._rows[row, 0] if epochs else 0.0
        self._rows[row] = (started or time.time(), epochs, val_loss, val_accuracy)

    def clear(self, row: int) -> None:
        """Put a run back among those that wait."""
        self._rows[row] = 0.0

    def read(self, row: int) -> tuple[float, int, float, float]:
        """Return `time.time()` of a run's start and what `post` wrote last; zeros before."""
        started, epochs, val_loss, val_accuracy = self._rows[row].tolist()
        return started, int(epochs), val_loss, val_accuracy
