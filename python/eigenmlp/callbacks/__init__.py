"""Hooks into training: stop early, show progress, log to a file, or write your own.

Pass them to `eigenmlp.train` as ``callbacks=[...]``. They are called in that order, but each
`Checkpoint` begins before the others and sees an epoch after them, so that it keeps what they
remember of it. A callback of your own derives from `Callback` and overrides the hooks it needs.
"""

from eigenmlp.callbacks.base import Callback, TrainingState
from eigenmlp.callbacks.checkpoint import Checkpoint
from eigenmlp.callbacks.csv_logger import CSVLogger
from eigenmlp.callbacks.early_stopping import EarlyStopping
from eigenmlp.callbacks.json_lines_logger import JSONLinesLogger
from eigenmlp.callbacks.mlflow_logger import MLflowLogger
from eigenmlp.callbacks.optuna_pruning import OptunaPruning
from eigenmlp.callbacks.progress_bar import ProgressBar
from eigenmlp.callbacks.tensorboard_logger import TensorBoardLogger

__all__ = [
    "CSVLogger",
    "Callback",
    "Checkpoint",
    "EarlyStopping",
    "JSONLinesLogger",
    "MLflowLogger",
    "OptunaPruning",
    "ProgressBar",
    "TensorBoardLogger",
    "TrainingState",
]
