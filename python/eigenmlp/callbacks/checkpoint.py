"""Keep training on the disk, so that a run that dies can go on."""

from __future__ import annotations

import errno
from os.path import realpath
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from eigenmlp.callbacks.base import Callback
from eigenmlp.common.arguments import whole_number
from eigenmlp.errors import CheckpointError
from eigenmlp.files import checkpoints
from eigenmlp.files.atomic import sweep
from eigenmlp.files.folder_lock import FolderLock

if TYPE_CHECKING:
    import os

    from eigenmlp.callbacks.base import TrainingState

__all__ = ["Checkpoint"]


class Checkpoint(Callback):
    """Write checkpoints from which ``eigenmlp.train(resume_from=folder)`` goes on.

    A checkpoint holds all that the rest of the run follows from: parameters, the optimizer's
    moments and clock, the place in the schedule, the random state of the order of samples, what
    other callbacks remember (early stopping with its best parameters), the history, and
    fingerprints of data and settings. A run that is killed at any moment and resumed ends with the
    same bits as one that never was.

    It begins before every other callback, and is written after all of them have seen the epoch,
    wherever in the list this one is: to a temporary file first, which reaches the disk before it
    takes its name. Whatever happens, a file of that name is whole; should the disk damage it later,
    its checksum tells.

    Parameters
    ----------
    folder : path-like
        Where to write ``epoch-00000001.checkpoint`` and so on, named by the number of finished
        epochs; made if it isn't there. One training run at a time may write there, and none where
        another's checkpoints are.
    every : int, default=1
        Epochs between checkpoints, >= 1. The last epoch gets one in any case.
    keep : int, default=2
        How many to keep, >= 1: when a new one is written, older ones beyond it are deleted. With 2
        or more there is another to fall back on.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type or out of range.
    OSError
        In training: if the folder can't be made or written to, if it vanishes, if the disk is full,
        or if another run writes there. Training then ends; earlier checkpoints are intact.
    CheckpointError
        When training begins, if the folder has checkpoints and the run doesn't resume from them, or
        if a link, a pipe or the like has the name of a checkpoint: the folder itself may be a link,
        but in it none is followed.

    Notes
    -----
    A file holds the parameters, one to three arrays of moments as large (plain SGD has none), and
    with early stopping the best parameters. After an error or Ctrl-C the newest checkpoint is that
    of the last epoch that was due. The file's format: docs/checkpoints.md.

    Examples
    --------
    One command that begins, and after a crash goes on:

    >>> import tempfile
    >>> import numpy as np
    >>> import eigenmlp as em
    >>> X, y = np.eye(4).repeat(10, axis=0), np.arange(4).repeat(10)
    >>> def run(folder, epochs):
    ...     return em.train(
    ...         em.Network([4, 8, 4], rng=0), X, y, epochs=epochs, rng=0,
    ...         callbacks=[em.callbacks.Checkpoint(folder)], resume_from=folder,
    ...     )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     first = run(folder, 3)
    ...     history = run(folder, 5)
    >>> history.n_epochs, history["train_loss"][:3] == first["train_loss"]
    (5, True)
    """

    def __init__(self, folder: str | os.PathLike[str], every: int = 1, keep: int = 2) -> None:
        self.folder = checkpoints.folder_of("folder", folder)
        self.every = whole_number(
            "every", every, minimum=1, remedy="pass the epochs between checkpoints, 1 or more"
        )
        self.keep = whole_number(
            "keep", keep, minimum=1, remedy="pass how many checkpoints to keep, 1 or more"
        )
        self._lock: FolderLock | None = None
        self._path: Path

    def __repr__(self) -> str:
        return f"Checkpoint({str(self.folder)!r}, every={self.every}, keep={self.keep})"

    def __getstate__(self) -> dict[str, Any]:
        # A copy is not the one that writes.
        return {**self.__dict__, "_lock": None}

    def on_train_begin(self, state: TrainingState) -> None:
        """Make the folder, and see that it is this run's."""
        if self._lock is not None:
            raise RuntimeError(
                f"{self!r} is in use by a training run already; give each run one of its own"
            )
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            # The path may be relative, and the working directory change.
            self._path = Path(realpath(self.folder))
            self._lock = FolderLock(self._path)
        except BlockingIOError as error:
            raise OSError(
                error.errno,
                "another training run, or another Checkpoint of this one, is writing there; pass a "
                "folder of its own",
                str(self.folder),
            ) from error
        except OSError as error:
            self._fail(error)
        try:
            checkpoints.refuse_others(self._path, written=range(1, state.epochs + 1))
            self._refuse_another_runs(state)
            # What a killed process was writing, and one of an earlier version.
            sweep(self._path)
            for path in self._path.glob(".epoch-*.checkpoint.*.part"):
                path.unlink(missing_ok=True)
        except BaseException:
            self._release()
            raise

    def on_epoch_end(self, state: TrainingState) -> None:
        """Write a checkpoint if one is due, and delete those beyond `keep`."""
        n_epochs = state.epoch + 1
        if n_epochs % self.every and n_epochs != state.epochs and not state.stopping:
            return
        snapshot = state.snapshot()
        try:
            if self._lock is None or not self._lock.holds():
                raise FileNotFoundError(
                    errno.ENOENT, "the folder is gone, or another is in its place"
                )
            checkpoints.write(self._path, snapshot)
            # A later one is damaged: the run has just fallen back behind it.
            earlier = [p for n, p in checkpoints.files_in(self._path).items() if n <= n_epochs]
            for path in earlier[: -self.keep]:
                path.unlink(missing_ok=True)
        except OSError as error:
            self._fail(error)

    def on_train_end(self, state: TrainingState) -> None:  # noqa: ARG002
        """Leave the folder to others."""
        self._release()

    def on_train_error(self, state: TrainingState, error: BaseException) -> None:  # noqa: ARG002
        """Leave the folder to others; its checkpoints stay."""
        self._release()

    def _refuse_another_runs(self, state: TrainingState) -> None:
        """Leave the folder alone if its checkpoints are not of the run that is resumed."""
        source = state.resumed_from
        if source is not None and realpath(source) == str(self._path):
            # To be compared when it is taken back.
            return
        found, _ = checkpoints.newest(self._path)
        if found is None:
            return
        ours = state.snapshot().record["fingerprint"]
        if source is None or found.record.get("fingerprint") != ours:
            raise CheckpointError(
                f"{self.folder} has checkpoints of another training run; to go on with that one "
                f"pass resume_from={str(self.folder)!r}, else choose another folder or delete them"
            )

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _fail(self, error: OSError) -> NoReturn:
        raise OSError(
            error.errno or errno.EIO,
            f"no checkpoint can be written ({error.strerror or error}); earlier ones are intact. "
            "Pass a folder on a disk with room that may be written, one for each training run",
            str(self.folder),
        ) from error
