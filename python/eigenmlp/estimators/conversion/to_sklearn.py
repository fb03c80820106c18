"""From a fitted estimator to scikit-learn's."""

from __future__ import annotations

import copy
from typing import Any

from sklearn import neural_network
from sklearn.base import clone, is_classifier
from sklearn.utils.validation import check_is_fitted

from eigenmlp.estimators.attributes import FITTED
from eigenmlp.estimators.fitted import FittedNetwork
from eigenmlp.estimators.parameters import (
    OPTIONS_OF_LOSSES,
    SKLEARN_ACTIVATIONS,
    per_layer,
)

__all__ = ["Convertible"]

# Told of in another way, of no effect on the model, or of none without another that is told of.
_TOLD_OTHERWISE = {
    *("dropout", "normalization", "n_threads", "schedule_unit", "weight_decay"),
    *OPTIONS_OF_LOSSES,
}
_SKLEARN_LOSSES = {"log_loss", "squared_error", "poisson"}


class Convertible(FittedNetwork):
    """A fitted estimator that scikit-learn's classes can stand in for."""

    def to_sklearn(self) -> Any:
        """Make the equal fitted model of scikit-learn.

        Its predictions are equal up to rounding. The optimizer's moments don't go along: training
        on, scikit-learn's starts with fresh ones.

        Returns
        -------
        sklearn.neural_network.MLPClassifier or sklearn.neural_network.MLPRegressor

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator isn't fitted.
        ValueError
            If the model or one of the parameters is of a kind that scikit-learn hasn't.

        Examples
        --------
        >>> import eigenmlp as em
        >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1]
        >>> clf = em.MLPClassifier(solver="lbfgs", random_state=0).fit(X, y)
        >>> clf.to_sklearn().predict([[-1.0], [4.0]])
        array([0, 1])
        """
        check_is_fitted(self)
        network = self._model()
        kind = _equal_of(self)
        self._refuse_what_only_we_have()
        copied = clone(self)
        parameters = {name: getattr(copied, name) for name in kind().get_params(deep=False)}
        # Without hidden layers it acts on nothing, and may be one that scikit-learn lacks.
        parameters["activation"] = (*network.activations, "relu")[0]
        if self.verbose == "bar":
            parameters["verbose"] = True
        model = kind(**parameters)
        for name, attribute in FITTED.items():
            if attribute.shared and hasattr(self, name):
                setattr(model, name, copy.deepcopy(getattr(self, name)))
        model.coefs_, model.intercepts_ = network.weights, network.biases
        # Those that its early stopping returns to where no later score is better.
        model._best_coefs, model._best_intercepts = network.weights, network.biases
        return model

    def _refuse_what_only_we_have(self) -> None:
        network = self._model()
        fixed = []
        if len(set(network.activations)) > 1 or set(network.activations) - {*SKLEARN_ACTIVATIONS}:
            fixed.append(f"activation={list(network.activations)}")
        if any(network.normalizations):
            fixed.append(f"normalization={list(network.normalizations)}")
        if fixed:
            raise ValueError(
                f"scikit-learn's networks have no {', '.join(fixed)}, which the predictions of "
                "this model depend on; fit one without"
            )
        given, neutral = self.get_params(deep=False), type(self)().get_params(deep=False)
        # A class of the user's may have parameters of its own.
        ours = given.keys() & self._parameter_constraints.keys()
        beyond = ours - _equal_of(self)().get_params(deep=False).keys() - _TOLD_OTHERWISE
        names = [n for n in sorted(beyond) if given[n] not in (neutral[n], [])]
        names += ["dropout"] * any(p != 0 for p in per_layer(self.dropout, 1))
        names += ["learning_rate"] * callable(self.learning_rate)
        names += ["solver"] * (self.solver == "adamw")
        names += ["loss"] * (self.loss not in _SKLEARN_LOSSES)
        if names:
            told = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
            raise ValueError(
                f"scikit-learn's networks have no {told}; "
                "where only the predictions matter, which don't depend on it, set the default "
                "first (set_params)"
            )


def _equal_of(estimator: Any) -> Any:
    return neural_network.MLPClassifier if is_classifier(estimator) else neural_network.MLPRegressor
