"""The regressor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from sklearn.base import RegressorMixin, _fit_context
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _check_y, check_is_fitted, validate_data

from eigenmlp.common.documentation import with_parameters_of
from eigenmlp.estimators.base import BaseMLP
from eigenmlp.estimators.classifier import MLPClassifier
from eigenmlp.estimators.fitted import OUTPUTS
from eigenmlp.estimators.parameters import constraints_of, loss_of, store
from eigenmlp.estimators.samples import refuse_what_is_no_array
from eigenmlp.estimators.whole_fits import whole_or_not_at_all

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from eigenmlp.callbacks import Callback
    from eigenmlp.losses import Loss

__all__ = ["MLPRegressor"]


@with_parameters_of(MLPClassifier)
class MLPRegressor(RegressorMixin, BaseMLP):  # type: ignore[misc]  # scikit-learn has no types
    r"""Multilayer perceptron for regression, in the place of scikit-learn's.

    A drop-in for `sklearn.neural_network.MLPRegressor`, as `MLPClassifier` is one; where it differs
    is told there. The networks minimise, over samples i of weight w and outputs o,

    .. math:: \frac{\sum_i w_i \sum_o \ell(y_{io}, \hat y_{io}) + \frac{\alpha}{2} \sum_l \|W^l\|^2}
        {\sum_i w_i}

    Parameters
    ----------
    loss : str, default='squared_error'
        'squared_error', 'absolute_error', 'huber', 'quantile' or 'poisson'.
        With the error :math:`e = \hat y - y`: :math:`\frac{1}{2} e^2`; :math:`|e|`;
        :math:`\frac{1}{2} e^2` up to `huber_delta` and linear beyond; :math:`-q e` below y and
        :math:`(1 - q) e` above it, with q = `quantile`; or half the Poisson deviance
        :math:`y \log(y / \hat y) - y + \hat y` with :math:`\hat y = \exp(z)`, which needs y >= 0.
        The first and the last are scikit-learn's.
    huber_delta : float, default=1.0
        Error, > 0 and in the unit of y, from which Huber's loss is linear.
    quantile : float, default=0.5
        Share of the targets that shall lie below the predictions of the loss 'quantile',
        0 < quantile < 1. Without validation data training follows that loss; for the best epoch by
        it, pass ``monitor='loss'``.
    <MLPClassifier>

    Attributes
    ----------
    out_activation_ : {'identity', 'exp'}
        Activation of the output layer.
    coefs_, intercepts_, n_iter_, t_, n_layers_, n_outputs_, n_features_in_, feature_names_in_
        As for `MLPClassifier`.
    validation_scores_, best_validation_score_
        As for `MLPClassifier`; without another `monitor` they are R².
    loss_, loss_curve_, best_loss_, validation_loss_curve_
        As for `MLPClassifier`. They are means over the outputs, as in scikit-learn, and sums for
        Poisson; the gradient is always that of the sum.

    See Also
    --------
    MLPClassifier : for classes; where it differs from scikit-learn is told there.
    eigenmlp.from_sklearn : makes one from a fitted model of scikit-learn's.

    Examples
    --------
    >>> import numpy as np
    >>> import eigenmlp as em
    >>> x = np.linspace(-3, 3, 200)[:, None]
    >>> y = np.sin(x[:, 0])
    >>> regressor = em.MLPRegressor(activation="tanh", solver="lbfgs", max_iter=500, random_state=0)
    >>> regressor.fit(x, y).score(x, y) > 0.999
    True
    """

    def __init__(
        self,
        loss: str = "squared_error",
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation: str | Sequence[str] = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str | Callable[[int], float] = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 1e-4,
        verbose: bool | int | str = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        huber_delta: float = 1.0,
        quantile: float = 0.5,
        dropout: float | Sequence[float] = 0.0,
        normalization: str | Sequence[str | None] | None = None,
        amsgrad: bool = False,
        weight_decay: float = 0.01,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        rate_factors: Mapping[str | int, float] | None = None,
        schedule_unit: str = "epoch",
        monitor: str | Callable[..., float] | None = None,
        callbacks: Sequence[Callback] = (),
        n_threads: int | None = None,
    ) -> None:
        store(self, locals())

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = constraints_of(__init__)

    @available_if(lambda estimator: estimator._check_solver())  # type: ignore[untyped-decorator]
    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Train for one epoch more, with the optimizer's moments, on these samples.

        A call that raises leaves all as it was.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.

        Returns
        -------
        MLPRegressor
            The estimator itself.

        Raises
        ------
        TypeError, ValueError
            As for `fit`, and with ``early_stopping=True``.
        """
        with whole_or_not_at_all(self):
            self._fit(X, y, sample_weight, None, incremental=True)
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Predict the values of samples.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        (n_samples,) or (n_samples, n_outputs) array
            Of the dtype that the model was fitted in.

        Raises
        ------
        ValueError
            If X is not numeric, of another width, or not finite.
        ArithmeticError
            If a prediction overflows.
        """
        check_is_fitted(self)
        outputs = self._outputs(X)
        return outputs.ravel() if outputs.shape[1] == 1 else outputs

    def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Coefficient of determination R², averaged over the outputs: 1 is perfect.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.

        Returns
        -------
        float

        Raises
        ------
        TypeError, ValueError, ArithmeticError
            As for `predict`, and if y or the weights are of another type, shape or range.
        """
        refuse_what_is_no_array(X=X, y=y, sample_weight=sample_weight)
        # As in a fit: scikit-learn's measure computes in float32 where only the predictions have a
        # dtype, which lists and tables haven't.
        y = _at_most_float64(_check_y(y, multi_output=True, y_numeric=True, estimator=self))
        return float(super().score(X, y, sample_weight))

    def _validate_input(
        self,
        X: Any,
        y: Any,
        *,
        incremental: bool,  # noqa: ARG002  matters to classes
        reset: bool,
        held_out: bool = False,  # noqa: ARG002
    ) -> tuple[Any, NDArray[Any]]:
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse="csr",
            multi_output=True,
            y_numeric=True,
            dtype=(np.float64, np.float32),
            reset=reset,
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return X, _at_most_float64(y).reshape(len(y), -1)

    def _output_activation(self) -> str:
        kind = loss_of(self).output
        return next(name for name, output in OUTPUTS.items() if output == kind)

    def _loss_function(self) -> Loss:
        return loss_of(self)

    def _targets(self, y: NDArray[Any]) -> NDArray[Any]:
        return y

    def _labels(self, y: NDArray[Any]) -> NDArray[Any]:
        return y.ravel() if y.shape[1] == 1 else y


def _at_most_float64(y: NDArray[Any]) -> NDArray[Any]:
    return y.astype(np.float64) if y.dtype.kind == "f" and y.dtype.itemsize > 8 else y
