"""Estimators in the place of scikit-learn's multilayer perceptrons, over `eigenmlp.train`."""

from eigenmlp.estimators.classifier import MLPClassifier
from eigenmlp.estimators.conversion.from_sklearn import from_sklearn
from eigenmlp.estimators.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor", "from_sklearn"]
