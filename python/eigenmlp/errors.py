"""Exceptions that eigenmlp raises on its own account.

Wrong arguments raise the built-in `TypeError` and `ValueError`; the classes here are for
failures a caller may want to catch by name.
"""

from functools import partial
from typing import Any

__all__ = [
    "CheckpointError",
    "DataFileError",
    "DownloadError",
    "EigenmlpError",
    "ModelFileError",
    "TrainingDivergedError",
]


class EigenmlpError(Exception):
    """Base class of the exceptions below."""


class TrainingDivergedError(EigenmlpError, ArithmeticError):
    """A loss or a parameter stopped being finite during training.

    The network holds the parameters of the last epoch that ended finite.

    Parameters
    ----------
    message : str
        The whole text, with the remedy.
    epoch : int
        Epoch, counted from 0, in which training diverged.
    batch : int
        Batch within the epoch, counted from 0; the last one where only a parameter or a loss
        measured after the epoch tells.
    learning_rate : float
        Learning rate of that epoch.
    last_finite_loss : float or None
        Mean training loss of the epoch's batches before, or else of the epoch before; None if there
        was none.
    """

    def __init__(
        self,
        message: str,
        *,
        epoch: int,
        batch: int,
        learning_rate: float,
        last_finite_loss: float | None,
    ) -> None:
        super().__init__(message)
        self.epoch = epoch
        self.batch = batch
        self.learning_rate = learning_rate
        self.last_finite_loss = last_finite_loss

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions are rebuilt from their positional arguments alone.
        rebuild = partial(
            TrainingDivergedError,
            epoch=self.epoch,
            batch=self.batch,
            learning_rate=self.learning_rate,
            last_finite_loss=self.last_finite_loss,
        )
        return rebuild, self.args


class DataFileError(EigenmlpError, ValueError):
    """A data file is truncated, mis-shaped, of an unknown kind, or contradicts its labels."""


class DownloadError(EigenmlpError, OSError):
    """A data set could not be downloaded or its checksum is wrong."""


class ModelFileError(EigenmlpError, ValueError):
    """A file is not a model file of eigenmlp, or contradicts itself."""


class CheckpointError(EigenmlpError, ValueError):
    """A checkpoint is damaged, or belongs to a training run of other data or settings."""
