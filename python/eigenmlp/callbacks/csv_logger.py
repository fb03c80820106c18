"""Write the history to a CSV file while training runs."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from eigenmlp.callbacks.row_logger import RowLogger

if TYPE_CHECKING:
    from io import TextIOWrapper

    from eigenmlp.callbacks.base import TrainingState

__all__ = ["CSVLogger"]


class CSVLogger(RowLogger):
    """Write one CSV row per epoch: the epoch, counted from 0, and every history column.

    The file follows RFC 4180 (commas, CRLF, one header row) in UTF-8; numbers have the
    digits that give the same float64 back. Each row reaches the file as its epoch ends, so
    a run that is killed leaves all the epochs it finished. A run that is resumed begins with the
    rows of the epochs that it has behind it, so that the file is always the whole run's.

    Parameters
    ----------
    path : str or os.PathLike
        File to write, in a folder that exists. A file that is there is overwritten when
        training begins, also by a second training run with the same object.

    Raises
    ------
    TypeError
        If `path` is not a path.
    OSError
        In training, if the file cannot be written.

    References
    ----------
    Y. Shafranovich, "Common Format and MIME Type for CSV Files", RFC 4180, 2005.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> import eigenmlp as em
    >>> X, y = np.eye(2), np.arange(2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     log = Path(folder, "log.csv")
    ...     history = em.train(
    ...         em.Network([2, 2], rng=0), X, y, optimizer=em.optimizers.SGD(),
    ...         learning_rate=0.1, epochs=3, callbacks=[em.callbacks.CSVLogger(log)],
    ...     )
    ...     lines = log.read_text().splitlines()
    >>> lines[0]
    'epoch,train_loss,train_accuracy,learning_rate,seconds'
    >>> len(lines)
    4
    """

    _default_name = "log.csv"

    def on_train_begin(self, state: TrainingState) -> None:
        """Open the file, emptying it, and write the epochs that a resumed run has behind it."""
        self._writer: csv.DictWriter[str] | None = None
        super().on_train_begin(state)

    def _write(self, file: TextIOWrapper, row: dict[str, float]) -> None:
        if self._writer is None:
            self._writer = csv.DictWriter(file, fieldnames=list(row))
            self._writer.writeheader()
        self._writer.writerow(row)
