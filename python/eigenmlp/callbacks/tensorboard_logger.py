"""Write the history for TensorBoard while training runs."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eigenmlp.callbacks.base import Callback
from eigenmlp.callbacks.row_logger import recorded_rows
from eigenmlp.common.extras import require
from eigenmlp.common.words import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eigenmlp.callbacks.base import TrainingState

__all__ = ["TensorBoardLogger"]


class TensorBoardLogger(Callback):
    """Write every history column as a scalar of TensorBoard, one value per epoch.

    Needs the extra ``log``, which brings tensorboardX; neither PyTorch nor TensorFlow is
    needed. Look at it with ``tensorboard --logdir folder``, of the package tensorboard.

    Tags are the names of the columns, the step is the epoch, counted from 0; TensorBoard keeps
    numbers as float32. Each epoch reaches the disk as it ends. Each training run writes an
    event file of its own, which tells TensorBoard to show it instead of earlier ones in the
    same folder; these are left as they are. To see runs side by side, give each a folder in the
    one that TensorBoard shows. A run that is resumed begins with the epochs that it has behind
    it.

    Parameters
    ----------
    folder : str or os.PathLike
        Where to write; made, with those above it, when training begins.

    Raises
    ------
    TypeError
        If `folder` is not a path.
    ImportError
        When training begins, if tensorboardX is not installed.
    OSError
        In training, if the folder or the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> import eigenmlp as em
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     logger = em.callbacks.TensorBoardLogger(Path(folder, "run-1"))
    ...     history = em.train(
    ...         em.Network([2, 2], rng=0), np.eye(2), np.arange(2), epochs=3, callbacks=[logger],
    ...     )
    ...     [path.name[:19] for path in Path(folder, "run-1").iterdir()]
    ['events.out.tfevents']
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        if not isinstance(folder, str | os.PathLike):
            raise TypeError(
                f'folder={shown(folder)} is not a path; pass the name of one, "runs/first"'
            )
        self.folder = Path(folder)
        self._writer: Any = None

    def __repr__(self) -> str:
        return f"TensorBoardLogger({str(self.folder)!r})"

    def on_train_begin(self, state: TrainingState) -> None:
        """Open an event file, and write the epochs that a resumed run has behind it."""
        self._close()
        events = _required("proto.event_pb2")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            path = self.folder / _file_name()
            self._writer = _required("record_writer").RecordWriter(str(path))
        except OSError as error:
            raise self._failure(error, "pass a folder that may be written") from error
        started = events.SessionLog(status=events.SessionLog.START)
        beginning = [
            events.Event(wall_time=time.time(), file_version="brain.Event:2"),
            events.Event(wall_time=time.time(), session_log=started),
        ]
        rows = enumerate(recorded_rows(state.history))
        try:
            self._write([*beginning, *(_scalars(epoch, row) for epoch, row in rows)])
        except BaseException as error:
            self.on_train_error(state, error)
            raise

    def on_epoch_end(self, state: TrainingState) -> None:
        """Write the epoch's values."""
        if self._writer is None:
            raise RuntimeError("on_epoch_end() was called before on_train_begin()")
        self._write([_scalars(state.epoch, state.history.last)])

    def on_train_end(self, state: TrainingState) -> None:  # noqa: ARG002
        """Close the event file."""
        self._close()

    def on_train_error(self, state: TrainingState, error: BaseException) -> None:  # noqa: ARG002
        """Close the event file; the epochs written stay."""
        # Every epoch was flushed: what can't be written now has been the error already.
        with contextlib.suppress(OSError):
            self._close()

    def _write(self, events: Sequence[Any]) -> None:
        try:
            for event in events:
                self._writer.write(event.SerializeToString())
            self._writer.flush()
        except OSError as error:
            raise self._failure(error, "make room for it, or leave the logger out") from error

    def _failure(self, error: OSError, remedy: str) -> OSError:
        message = f"TensorBoardLogger cannot write its events ({error.strerror}); {remedy}"
        return OSError(error.errno, message, str(self.folder))

    def _close(self) -> None:
        if self._writer is not None:
            writer, self._writer = self._writer, None
            writer.close()


def _file_name() -> str:
    """Name an event file so that names have the order of their making, as TensorBoard asks."""
    now = time.time_ns()
    return f"events.out.tfevents.{now // 10**9}.{socket.gethostname()}.{now}.{os.getpid()}"


def _scalars(epoch: int, row: dict[str, float]) -> Any:
    """Make the event of an epoch."""
    summary = _required("proto.summary_pb2").Summary
    values = [summary.Value(tag=column, simple_value=value) for column, value in row.items()]
    event = _required("proto.event_pb2").Event
    return event(step=epoch, wall_time=time.time(), summary=summary(value=values))


def _required(module: str) -> Any:
    return require(f"tensorboardX.{module}", extra="log", purpose="TensorBoardLogger")
