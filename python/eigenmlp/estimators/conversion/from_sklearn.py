"""From scikit-learn's fitted estimators to ours."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from sklearn import neural_network
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from eigenmlp.common.words import shown
from eigenmlp.estimators.attributes import FITTED
from eigenmlp.estimators.classifier import MLPClassifier
from eigenmlp.estimators.regressor import MLPRegressor

if TYPE_CHECKING:
    from eigenmlp.estimators.base import BaseMLP

__all__ = ["from_sklearn"]


def from_sklearn(mlp: Any) -> MLPClassifier | MLPRegressor:
    """Make the equal fitted model of ours from a fitted one of scikit-learn.

    Its predictions are equal up to rounding. The optimizer's moments don't come along: training on
    starts with fresh ones.

    Parameters
    ----------
    mlp : sklearn.neural_network.MLPClassifier or sklearn.neural_network.MLPRegressor
        Fitted; it isn't changed.

    Returns
    -------
    MLPClassifier or MLPRegressor
        With the same parameters and fitted attributes.

    Raises
    ------
    TypeError
        If `mlp` is something else.
    sklearn.exceptions.NotFittedError
        If it isn't fitted.

    See Also
    --------
    MLPClassifier.to_sklearn : the way back.

    Examples
    --------
    >>> import eigenmlp as em
    >>> from sklearn.neural_network import MLPRegressor
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [0.0, 1.0, 2.0, 3.0]
    >>> theirs = MLPRegressor(solver="lbfgs", random_state=0).fit(X, y)
    >>> bool(abs(em.from_sklearn(theirs).predict(X) - theirs.predict(X)).max() < 1e-6)
    True
    """
    kind: type[BaseMLP]
    if isinstance(mlp, neural_network.MLPClassifier):
        kind = MLPClassifier
    elif isinstance(mlp, neural_network.MLPRegressor):
        kind = MLPRegressor
    else:
        raise TypeError(
            f"mlp={shown(mlp)} is neither an MLPClassifier nor an MLPRegressor of "
            "sklearn.neural_network; pass a fitted one"
        )
    check_is_fitted(mlp)
    model: Any = kind(**clone(mlp).get_params(deep=False))
    shared = [name for name, attribute in FITTED.items() if attribute.shared]
    for name in (*shared, "coefs_", "intercepts_"):
        if hasattr(mlp, name):
            setattr(model, name, copy.deepcopy(getattr(mlp, name)))
    # Now, since parameters that are set later shall not change what was fitted.
    model._model()
    return model  # type: ignore[no-any-return]
