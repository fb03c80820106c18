"""What the two estimators share: how a fit runs, from the arguments to the fitted model."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.validation import _check_sample_weight

from eigenmlp.callbacks import Checkpoint
from eigenmlp.common.words import shown
from eigenmlp.estimators import lbfgs
from eigenmlp.estimators.attributes import forget_record
from eigenmlp.estimators.conversion.to_sklearn import Convertible
from eigenmlp.estimators.fit_tasks import CallbackSupportMixin, with_callbacks
from eigenmlp.estimators.initial import glorot
from eigenmlp.estimators.parameters import STOCHASTIC_SOLVERS, hidden_sizes, refuse_for_lbfgs
from eigenmlp.estimators.samples import (
    FitSamples,
    by_rows,
    given_validation_data,
    refuse_what_is_no_array,
)
from eigenmlp.estimators.saving import Savable
from eigenmlp.estimators.stochastic import NON_FINITE, StochasticFit
from eigenmlp.estimators.whole_fits import whole_or_not_at_all

if TYPE_CHECKING:
    import os

    from numpy.typing import ArrayLike, NDArray

    from eigenmlp.estimators.solver_state import SolverState
    from eigenmlp.losses import Loss

__all__ = ["BaseMLP"]


class BaseMLP(CallbackSupportMixin, Convertible, Savable):  # type: ignore[misc]
    """A multilayer perceptron with scikit-learn's interface.

    What a fit leaves on it is told in `eigenmlp.estimators.attributes`. All of it lives on from fit
    to fit under ``warm_start``, and through ``partial_fit``.
    """

    n_features_in_: int
    n_layers_: int
    n_outputs_: int
    n_iter_: int
    t_: int
    loss_: float
    loss_curve_: list[float]
    best_loss_: Any
    validation_scores_: Any
    validation_loss_curve_: Any
    best_validation_score_: Any
    _no_improvement_count: int
    _best_parameters: Any
    _optimizer: SolverState

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: ArrayLike | None = None,
        resume_from: str | os.PathLike[str] | None = None,
    ) -> Self:
        """Fit the model to samples.

        A fit that raises leaves all as it was: the fitted attributes, what the optimizer remembers,
        and a RandomState given as `random_state`. One that Ctrl-C interrupts in training doesn't
        raise; it warns, and the model is what it had come to.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The samples. float32 is computed with in float32, anything else in float64. A sparse
            matrix stays sparse, and the first layer costs what its stored values cost; in another
            format than CSR it is converted once.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Class labels, or an indicator matrix of several labels per sample; or numbers.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, >= 0. A weight of 2 acts as the sample twice in its batch, and a weight of 0 as
            if the sample weren't there, but for its class in `classes_`.
        X_val, y_val : as X and y, default=None
            Validation data, measured after each epoch: see `validation_scores_` and
            `validation_loss_curve_`. The model ends with the parameters of the best score. In a
            Pipeline, ``transform_input=["X_val"]`` sends it through the steps before.
        sample_weight_val : array-like of shape (n_val_samples,), default=None
            Weights of the validation samples.
        resume_from : path-like, default=None
            Folder of a `eigenmlp.callbacks.Checkpoint` to go on from, with the same data and
            parameters; `max_iter` counts the epochs before as well. The fitted model has the same
            bits as one whose fit was never interrupted. See `eigenmlp.train`.

        Returns
        -------
        object
            The estimator itself.

        Raises
        ------
        TypeError, ValueError
            If an argument or a parameter is of another type, shape or range, or if training
            diverges without validation data.
        FileNotFoundError, CheckpointError
            If there is nothing to resume from, or it is damaged, or was made with other data or
            parameters.
        """
        given = given_validation_data(X_val, y_val, sample_weight_val)
        with whole_or_not_at_all(self):
            self._fit(X, y, sample_weight, given, incremental=False, resume_from=resume_from)
        return self

    # Inside of what undoes a fit, which would take away the callbacks that are to be ended.
    @with_callbacks  # type: ignore[untyped-decorator]
    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None,
        given: tuple[Any, Any, ArrayLike | None] | None,
        *,
        incremental: bool,
        resume_from: str | os.PathLike[str] | None = None,
    ) -> None:
        self._refuse_no_arrays(X, y, sample_weight)
        hidden = hidden_sizes(self.hidden_layer_sizes)
        if incremental and any(isinstance(callback, Checkpoint) for callback in self.callbacks):
            raise ValueError(
                "partial_fit trains for one epoch a call, and has no run for a Checkpoint to keep; "
                "leave it out of callbacks, or use fit"
            )
        if self.solver == "lbfgs":
            refuse_for_lbfgs(self, validates=given is not None, resume_from=resume_from)
        self._random_state = check_random_state(self.random_state)
        by_epochs = None
        if self.solver != "lbfgs":
            by_epochs = StochasticFit(self, resume_from, incremental=incremental)
        first = not hasattr(self, "coefs_") or not (self.warm_start or incremental)
        X, y = self._validate_input(by_rows(X), y, incremental=incremental, reset=first)
        samples = self._weighted(X, y, sample_weight, incremental=incremental).present()
        held_out = None if given is None else self._held_out(*given, dtype=X.dtype)
        self.n_outputs_ = y.shape[1]
        sizes = [X.shape[1], *hidden, self.n_outputs_]
        if first:
            self._initialize(sizes, X.dtype)
        else:
            self._continue_network(sizes)
        if by_epochs is None:
            lbfgs.fit(self, samples)
        else:
            by_epochs.run(samples, held_out)
        if not all(np.isfinite(array).all() for array in [*self.coefs_, *self.intercepts_]):
            raise ValueError(NON_FINITE)

    def _refuse_no_arrays(self, X: Any, y: Any, sample_weight: ArrayLike | None) -> None:
        refuse_what_is_no_array(X=X, sample_weight=sample_weight)
        if y is not None:  # scikit-learn has its own words for targets that are missing
            refuse_what_is_no_array(y=y)

    def _initialize(self, sizes: list[int], dtype: Any) -> None:
        self.n_layers_ = len(sizes)
        self.out_activation_ = self._output_activation()
        network = self._new_network(sizes, dtype, rng=0)
        weights, biases = glorot(self._random_state, sizes, network.activations, dtype)
        if any(network.dropouts):
            network = self._new_network(sizes, dtype, rng=self._drawn_seed())
        self._network = network
        self._network.set_parameters(weights, biases)
        self._show()
        self.n_iter_ = 0
        self.t_ = 0
        forget_record(self)
        self.__dict__.pop("_optimizer", None)

    def _loss_grad_lbfgs(
        self,
        packed_coef_inter: NDArray[Any],
        X: NDArray[Any],
        y: NDArray[Any],
        sample_weight: NDArray[Any] | None,
        *_buffers: object,
    ) -> tuple[float, NDArray[Any]]:
        """Loss with penalty and its gradient, packed as scikit-learn packs them."""
        return lbfgs.packed_loss_and_gradient(self, packed_coef_inter, X, y, sample_weight)

    def _reported_loss(self, loss: float, penalty: float) -> float:
        """Scikit-learn's loss: the mean over outputs of those that a sum of squares is made of.

        The gradient is that of the sum, there as here.
        """
        if self.out_activation_ != "identity":
            return loss
        return (loss - penalty) / int(self.n_outputs_) + penalty

    def _say(self, message: str) -> None:
        if self.verbose and self.verbose != "bar":
            print(message)  # noqa: T201  as scikit-learn does

    def _weighted(
        self,
        X: NDArray[Any],
        y: NDArray[Any],
        sample_weight: ArrayLike | None,
        *,
        incremental: bool,
    ) -> FitSamples:
        weights = None
        if sample_weight is not None:
            weights = _check_sample_weight(sample_weight, X, ensure_non_negative=True)
        of_both = self._class_weighted(y, weights, X.dtype, incremental=incremental)
        return FitSamples(X, y, of_both, weights)

    def _held_out(self, X: Any, y: Any, weights: ArrayLike | None, *, dtype: Any) -> FitSamples:
        refuse_what_is_no_array(X_val=X, y_val=y, sample_weight_val=weights)
        X, y = self._validate_input(by_rows(X), y, incremental=False, reset=False, held_out=True)
        checked = None
        if weights is not None:
            checked = _check_sample_weight(weights, X, ensure_non_negative=True)
        X = X.astype(dtype, copy=False)
        return FitSamples(X, y, checked, checked).present()

    def _check_solver(self) -> bool:
        if self.solver not in STOCHASTIC_SOLVERS:
            raise AttributeError(
                "partial_fit is only available for stochastic optimizers. "
                f"{self.solver} is not stochastic."
            )
        return True

    @abstractmethod
    def _validate_input(
        self, X: Any, y: Any, *, incremental: bool, reset: bool, held_out: bool = False
    ) -> tuple[Any, NDArray[Any]]:
        """Check samples; return X and y of shape (n_samples, n_outputs)."""

    @abstractmethod
    def _output_activation(self) -> str:
        """Name the activation of the output layer, as `out_activation_` has it."""

    @abstractmethod
    def _loss_function(self) -> Loss:
        """Return the loss that training follows."""

    @abstractmethod
    def _targets(self, y: NDArray[Any]) -> NDArray[Any]:
        """Turn a checked y into what the network learns."""

    @abstractmethod
    def _labels(self, y: NDArray[Any]) -> NDArray[Any]:
        """Turn a checked y back into what the user passes to `score`."""

    def _class_weighted(
        self,
        y: NDArray[Any],  # noqa: ARG002  for classifiers
        weights: NDArray[Any] | None,
        dtype: np.dtype[Any],  # noqa: ARG002
        *,
        incremental: bool,  # noqa: ARG002
    ) -> NDArray[Any] | None:
        return weights

    def _validate_params(self) -> None:
        try:
            super()._validate_params()
        except InvalidParameterError as error:
            # scikit-learn writes out the whole value.
            message = str(error)
            for value in self.get_params(deep=False).values():
                message = message.replace(repr(value), shown(value))
            raise InvalidParameterError(message) from None

    def __sklearn_clone__(self) -> Any:
        # What is called is what the user passed: it may remember, and someone may read that.
        called = {name: f for name, f in self.get_params(deep=False).items() if callable(f)}
        without = object.__new__(type(self))
        without.__dict__ = {**self.__dict__, **dict.fromkeys(called)}
        cloned = BaseEstimator.__sklearn_clone__(without)
        cloned.__dict__.update(called)
        return cloned

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
