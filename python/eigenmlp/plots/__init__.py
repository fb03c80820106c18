"""Pictures of models and of their training, in the style of scikit-learn's displays.

Each display is made by a ``from_…`` method, which draws it. It keeps the numbers drawn, the axes as
``ax_`` and the figure as ``figure_``, and ``plot`` draws it again. All draw on ``ax`` if that is
given. They need matplotlib, which the extra ``study`` installs.
"""

from eigenmlp.plots.confusion_matrix import ConfusionMatrixDisplay
from eigenmlp.plots.first_layer import FirstLayerDisplay
from eigenmlp.plots.importance import ImportanceDisplay
from eigenmlp.plots.learning_curve import LearningCurveDisplay
from eigenmlp.plots.predictions import PredictionDisplay
from eigenmlp.plots.reliability import ReliabilityDisplay

__all__ = [
    "ConfusionMatrixDisplay",
    "FirstLayerDisplay",
    "ImportanceDisplay",
    "LearningCurveDisplay",
    "PredictionDisplay",
    "ReliabilityDisplay",
]
