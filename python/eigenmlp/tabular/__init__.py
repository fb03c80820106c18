"""Estimators that take a table as it is: words, gaps, names."""

from eigenmlp.tabular.classifier import TabularClassifier
from eigenmlp.tabular.regressor import TabularRegressor

__all__ = ["TabularClassifier", "TabularRegressor"]
