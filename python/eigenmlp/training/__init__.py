"""Training: what a run of it is told, does in every epoch, and remembers."""

from eigenmlp.training.settings import TrainingSettings
from eigenmlp.training.train import train

__all__ = ["TrainingSettings", "train"]
