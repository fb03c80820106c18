"""Sweeps: many runs as plain data, the data they train on, a runner, and what it keeps.

Examples
--------
>>> from eigenmlp import sweeps
>>> spec = sweeps.RunSpec(
...     name="wide", label="256 units", hidden_layers=(256,), learning_rate=0.01, epochs=5
... )
>>> spec.layer_sizes(784, 10)
[784, 256, 10]
"""

from eigenmlp.sweeps.data import Data
from eigenmlp.sweeps.results import Metrics, RunFailure, RunResult
from eigenmlp.sweeps.specs import EarlyStoppingSpec, RunSpec

__all__ = ["Data", "EarlyStoppingSpec", "Metrics", "RunFailure", "RunResult", "RunSpec"]
