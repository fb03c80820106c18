"""Write the history to a CSV file while training runs."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import TYPE_CHECKING

from eigenmlp.callbacks.base import Callback

if TYPE_CHECKING:
    from io import TextIOWrapper

    from eigenmlp.callbacks.base import TrainingState

__all__ = ["CSVLogger"]


class CSVLogger(Callback):
    """Write one CSV row an epoch: the epoch, counted from 0, and every history column.

    The file follows RFC 4180 (commas, CRLF, one header row) in UTF-8; numbers have the
    digits that give the same float64 back. Each row reaches the file as its epoch ends, so
    a run that is killed leaves all the epochs it finished.

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
        When training begins, if the file cannot be opened for writing.

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

    def __init__(self, path: str | os.PathLike[str]) -> None:
        if not isinstance(path, str | os.PathLike):
            raise TypeError(f'path={path!r} is not a path; pass a file name, "log.csv"')
        self.path = Path(path)
        self._file: TextIOWrapper | None = None

    def __repr__(self) -> str:
        return f"CSVLogger({str(self.path)!r})"

    def on_train_begin(self, state: TrainingState) -> None:  # noqa: ARG002
        """Open the file, emptying it."""
        self._close()
        try:
            self._file = self.path.open("w", encoding="utf-8", newline="")
        except OSError as error:
            raise OSError(
                error.errno,
                f"CSVLogger cannot write its file ({error.strerror}); pass the path of a file "
                "in a folder that exists and may be written",
                str(self.path),
            ) from error

    def on_epoch_end(self, state: TrainingState) -> None:
        """Write the epoch's row, and the header before the first."""
        if self._file is None:
            raise RuntimeError("on_epoch_end() was called before on_train_begin()")
        row = {"epoch": state.epoch, **state.history.last}
        writer = csv.DictWriter(self._file, fieldnames=list(row))
        if state.epoch == 0:
            writer.writeheader()
        writer.writerow(row)
        self._file.flush()

    def on_train_end(self, state: TrainingState) -> None:  # noqa: ARG002
        """Close the file."""
        self._close()

    def on_train_error(self, state: TrainingState, error: BaseException) -> None:  # noqa: ARG002
        """Close the file; the rows written stay."""
        self._close()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
