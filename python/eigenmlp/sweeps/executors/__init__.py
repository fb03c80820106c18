"""Where the runs of a sweep are trained: threads and processes of this machine, and engines."""

from eigenmlp.sweeps.executors.engine import Done, Engine, Lost, Work
from eigenmlp.sweeps.executors.engines import engine_for
from eigenmlp.sweeps.executors.ray import RayExecutor

__all__ = ["Done", "Engine", "Lost", "RayExecutor", "Work", "engine_for"]
