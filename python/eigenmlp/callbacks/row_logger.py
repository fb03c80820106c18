"""What the loggers that write a text file share: the file, and one row per epoch."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from eigenmlp.callbacks.base import Callback
from eigenmlp.common.words import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from io import TextIOWrapper

    from eigenmlp.callbacks.base import TrainingState
    from eigenmlp.history import History

__all__ = ["RowLogger", "recorded_rows"]


def recorded_rows(history: History) -> Iterator[dict[str, float]]:
    """Yield the epochs of a history, the columns of each."""
    columns = history.to_dict()
    for epoch in range(history.n_epochs):
        yield {column: values[epoch] for column, values in columns.items()}


class RowLogger(Callback):
    """Base of loggers that write a text file, one row per epoch.

    A derived class says how a row is written: `_write`.
    """

    _default_name: str

    def __init__(self, path: str | os.PathLike[str]) -> None:
        if not isinstance(path, str | os.PathLike):
            raise TypeError(
                f'path={shown(path)} is not a path; pass a file name, "{self._default_name}"'
            )
        self.path = Path(path)
        self._file: TextIOWrapper | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r})"

    def on_train_begin(self, state: TrainingState) -> None:
        """Open the file, emptying it, and write the epochs that a resumed run has behind it."""
        self._close()
        try:
            self._file = self.path.open("w", encoding="utf-8", newline="")
        except OSError as error:
            raise self._failure(
                error, "pass the path of a file in a folder that exists and may be written"
            ) from error
        try:
            self._write_rows(self._file, enumerate(recorded_rows(state.history)))
        except BaseException as error:
            self.on_train_error(state, error)
            raise

    def on_epoch_end(self, state: TrainingState) -> None:
        """Write the epoch's row."""
        if self._file is None:
            raise RuntimeError("on_epoch_end() was called before on_train_begin()")
        self._write_rows(self._file, [(state.epoch, state.history.last)])

    def on_train_end(self, state: TrainingState) -> None:  # noqa: ARG002
        """Close the file."""
        self._close()

    def on_train_error(self, state: TrainingState, error: BaseException) -> None:  # noqa: ARG002
        """Close the file; the rows written stay."""
        # Every row was flushed: what can't be written now has been the error already.
        with contextlib.suppress(OSError):
            self._close()

    def _write_rows(
        self, file: TextIOWrapper, rows: Iterable[tuple[int, dict[str, float]]]
    ) -> None:
        try:
            for epoch, values in rows:
                self._write(file, {"epoch": epoch, **values})
            file.flush()
        except OSError as error:
            raise self._failure(
                error, "make room for it, or leave the logger out; rows of earlier epochs stay"
            ) from error

    def _write(self, file: TextIOWrapper, row: dict[str, float]) -> None:
        raise NotImplementedError

    def _failure(self, error: OSError, remedy: str) -> OSError:
        return OSError(
            error.errno,
            f"{type(self).__name__} cannot write its file ({error.strerror}); {remedy}",
            str(self.path),
        )

    def _close(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            file.close()
