"""Multilayer perceptrons trained at the speed the processor allows.

The pieces: `Network` is the model, `train` trains it, `History` is what training measured.
`optimizers`, `schedules` and `callbacks` are the parts that training is put together from,
`datasets` has data to try it on, and `sweeps` trains many networks.

Examples
--------
>>> import eigenmlp as em
>>> glyphs = em.datasets.load_glyphs(n_samples=500, n_classes=5)
>>> train, val, test = em.datasets.split(glyphs.X, glyphs.y, (0.8, 0.1, 0.1), rng=0)
>>> net = em.Network([784, 64, 5], input_scale=1 / 255, rng=0)
>>> history = em.train(
...     net, glyphs.X[train], glyphs.y[train], epochs=20, rng=0,
...     validation_data=(glyphs.X[val], glyphs.y[val]),
... )
>>> net.evaluate(glyphs.X[test], glyphs.y[test]).accuracy > 0.8
True
"""

import importlib
from typing import TYPE_CHECKING, Any

from eigenmlp._native import instruction_set  # isort: skip
from eigenmlp.common.version import __version__ as __version__  # isort: skip
from eigenmlp import callbacks, datasets, losses, optimizers, schedules
from eigenmlp.errors import (
    CheckpointError,
    DataFileError,
    DownloadError,
    EigenmlpError,
    ModelFileError,
    TrainingDivergedError,
)
from eigenmlp.history import History
from eigenmlp.loading import load_model
from eigenmlp.network import Evaluation, Network, load_network
from eigenmlp.training import train

if TYPE_CHECKING:
    from eigenmlp import export, plots, study, sweeps
    from eigenmlp.estimators import MLPClassifier, MLPRegressor, from_sklearn
    from eigenmlp.tabular import TabularClassifier, TabularRegressor

__all__ = [
    "CheckpointError",
    "DataFileError",
    "DownloadError",
    "EigenmlpError",
    "Evaluation",
    "History",
    "MLPClassifier",
    "MLPRegressor",
    "ModelFileError",
    "Network",
    "TabularClassifier",
    "TabularRegressor",
    "TrainingDivergedError",
    "callbacks",
    "datasets",
    "export",
    "from_sklearn",
    "instruction_set",
    "load_model",
    "load_network",
    "losses",
    "optimizers",
    "plots",
    "schedules",
    "study",
    "sweeps",
    "train",
]


# Training alone shouldn't pay for what only studies and the estimators need.
_LAZY = {
    "study": None,
    "sweeps": None,
    "export": None,
    "MLPClassifier": "eigenmlp.estimators",
    "MLPRegressor": "eigenmlp.estimators",
    "from_sklearn": "eigenmlp.estimators",
    "TabularClassifier": "eigenmlp.tabular",
    "TabularRegressor": "eigenmlp.tabular",
    "plots": None,
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'eigenmlp' has no attribute {name!r}")
    module = _LAZY[name]
    if module is None:
        return importlib.import_module(f"eigenmlp.{name}")
    return getattr(importlib.import_module(module), name)
