"""The checkpoint that a run resumes from, opened once for everyone who needs it."""

from __future__ import annotations

import os
from os.path import realpath
from typing import TYPE_CHECKING, Any

from eigenmlp.callbacks import Callback, Checkpoint
from eigenmlp.files import checkpoints

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["OpenedCheckpoint"]


class OpenedCheckpoint(os.PathLike[str]):
    """The newest checkpoint of a folder, in the place of the folder's path.

    Who needs to know how the run began opens it, and gives it to training as `resume_from`.

    Parameters
    ----------
    resume_from : path-like
        The folder.
    callbacks : sequence of Callback
        Of the run.

    Attributes
    ----------
    folder : pathlib.Path
    snapshot : Snapshot or None
        None if there is none yet, and one of the callbacks writes there.
    damage : list of str
        What is wrong with later ones that were passed over.

    Raises
    ------
    FileNotFoundError
        If there is none, and no callback writes any there.
    CheckpointError
        If all are damaged.
    """

    def __init__(self, resume_from: str | os.PathLike[str], callbacks: Sequence[Callback]) -> None:
        self.folder: Path = checkpoints.folder_of("resume_from", resume_from)
        self.snapshot, self.damage = checkpoints.newest(self.folder)
        if self.snapshot is None and not any(self._is_written_by(hook) for hook in callbacks):
            raise FileNotFoundError(
                f"resume_from={str(self.folder)!r} has no checkpoints; pass the folder of a "
                "Checkpoint callback. For a run that begins there and goes on there, pass such a "
                "callback too"
            )

    def __fspath__(self) -> str:
        return str(self.folder)

    def memory(self, index: int) -> Mapping[str, Any]:
        """Return the plain part of what one of the callbacks remembered, empty if there is none.

        Parameters
        ----------
        index : int
            Its place among those of the run that remember something, from 0.
        """
        callbacks = [] if self.snapshot is None else self.snapshot.record.get("callbacks", [])
        return callbacks[index] if index < len(callbacks) else {}

    def _is_written_by(self, hook: Callback) -> bool:
        return isinstance(hook, Checkpoint) and realpath(hook.folder) == realpath(self.folder)
