"""How far each run has got: a small table that every process maps into its memory."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

__all__ = ["Board"]

_COLUMNS = 4


@dataclass(frozen=True)
class Board:
    """One row per run; the process that trains it writes the row, the parent reads it.

    It travels to the workers as its path. A reader may catch a row half-written, which costs one
    wrong frame on the screen and nothing else.
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

    def post(
        self, row: int, *, started: float, epochs: int, val_loss: float, val_accuracy: float
    ) -> None:
        """Write a run's row: `time.time()` of its start, epochs done, latest validation scores."""
        self._rows[row] = (started, epochs, val_loss, val_accuracy)

    def read(self, row: int) -> tuple[float, int, float, float]:
        """Return what `post` wrote last; zeros before a run starts."""
        started, epochs, val_loss, val_accuracy = self._rows[row].tolist()
        return started, int(epochs), val_loss, val_accuracy
