"""What is kept of every epoch, and scikit-learn's rule of when to stop."""

from __future__ import annotations

import copy
import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from eigenmlp.callbacks import Callback
from eigenmlp.estimators.fitted import FittedNetwork
from eigenmlp.training.fingerprints import text_of
from eigenmlp.training.orders import without_arrays

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from eigenmlp.callbacks import TrainingState
    from eigenmlp.estimators.solver_state import SolverState
    from eigenmlp.network import Network

__all__ = ["NON_FINITE", "AfterEpoch", "TrainingRecord", "state_of"]

NON_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and "
    "need to be preprocessed."
)
_SMALLEST_ADAPTIVE_RATE = 1e-6
# What grows from epoch to epoch, as it is before the first.
_RECORD: dict[str, Any] = {
    "loss_curve_": [],
    "best_loss_": None,
    "validation_scores_": None,
    "best_validation_score_": None,
    "validation_loss_curve_": None,
    "_no_improvement_count": 0,
    "_best_parameters": None,
}


class AfterEpoch(Callback):
    """Calls a function after each epoch, which says whether to stop.

    Checkpoints keep the estimator's record through it.

    Attributes
    ----------
    stopped : bool
        Whether it has said so.
    """

    def __init__(
        self,
        estimator: TrainingRecord,
        judge: Callable[[TrainingState], bool],
        beginning: dict[str, Any],
    ) -> None:
        self._estimator = estimator
        self._judge = judge
        # What the fit began with: a fit that resumes begins with it as well.
        self._beginning = beginning
        self.stopped = False

    def __repr__(self) -> str:
        return self._estimator._training_settings()  # noqa: SLF001

    def on_epoch_end(self, state: TrainingState) -> bool:
        """Ask the function."""
        self.stopped = self._judge(state)
        return self.stopped

    def state_dict(self) -> dict[str, Any]:
        """Return the estimator's record."""
        return {
            **self._estimator._training_state(),  # noqa: SLF001
            "beginning": self._beginning,
            "stopped": self.stopped,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with another estimator's record."""
        self.stopped = state["stopped"]
        self._estimator._take_training_state(state)  # noqa: SLF001


class TrainingRecord(FittedNetwork):
    """The fitted attributes that grow by one entry an epoch, and what follows from them.

    All of them live on from fit to fit under ``warm_start``, and through ``partial_fit``.
    """

    n_iter_: int
    t_: int
    loss_: float
    loss_curve_: list[float]
    # A float; None where the validation score decides.
    best_loss_: Any
    # Lists of float and a float; None without validation data.
    validation_scores_: Any
    validation_loss_curve_: Any
    best_validation_score_: Any
    _no_improvement_count: int
    _best_parameters: Any
    _optimizer: SolverState
    _order: NDArray[Any]

    def _training_settings(self) -> str:
        """Represent the parameters that a resumed fit must share with the one that it goes on."""
        free = {"callbacks", "max_iter", "n_threads", "verbose", "warm_start"}
        own, neutral = self.get_params(deep=False), type(self)().get_params(deep=False)
        if isinstance(own.get("random_state"), np.random.RandomState):
            # Its state is taken back.
            own["random_state"] = None
        texts = {name: text_of(own[name]) for name in sorted(own.keys() - free)}
        given = [f"{n}={text}" for n, text in texts.items() if text != text_of(neutral[n])]
        return f"{type(self).__name__}({', '.join(given)})"

    def _training_state(self) -> dict[str, Any]:
        """Gather what a fit goes on with, besides the network and the rule's moments."""
        state = {name: _plain(getattr(self, name)) for name in (*_RECORD, "n_iter_", "t_", "loss_")}
        state["solver"] = self._optimizer.clocks()
        if hasattr(self, "_order"):
            state["_order"] = self._order
        return {**state, "random_state": state_of(self._random_state)}

    def _take_training_state(self, state: Mapping[str, Any]) -> None:
        for name in (*_RECORD, "n_iter_", "t_", "loss_"):
            setattr(self, name, state[name])
        self._optimizer.set_clocks(state["solver"])
        if "_order" in state:
            self._order = state["_order"]
        self._random_state.set_state(state["random_state"])

    def _forget_record(self) -> None:
        for name in _RECORD:
            self.__dict__.pop(name, None)

    def _continue_record(self, *, validates: bool) -> None:
        """Begin what isn't there yet."""
        for name, value in _RECORD.items():
            if not hasattr(self, name):
                setattr(self, name, copy.copy(value))
        if not hasattr(self, "loss_"):
            self.loss_ = math.nan
        if self.early_stopping:
            self.best_loss_ = None
        elif self.best_loss_ is None:
            self.best_loss_ = np.inf
        if validates and self.validation_scores_ is None:
            self.best_validation_score_ = -np.inf
            self.validation_scores_ = []
        if validates and self.validation_loss_curve_ is None:
            # A model of scikit-learn's has no losses for its scores.
            self.validation_loss_curve_ = [math.nan] * len(self.validation_scores_)
        if validates and self._best_parameters is None:
            # Until another is measured, the model at hand is the best.
            self._best_parameters = self._network.get_flat_parameters()

    def _end_epoch(
        self, state: TrainingState, score: Callable[[dict[str, float]], float] | None
    ) -> bool:
        """Keep an epoch's numbers and adapt the learning rate; True ends training."""
        row = state.history.last
        # First what can be interrupted, so that an epoch is recorded whole or not at all.
        measured = None if score is None else score(row)
        self.n_iter_ += 1
        self.t_ += state.n_samples
        self._optimizer.count_epoch(state.n_samples, state.batch_size)
        self.loss_ = self._reported_loss(row["train_penalized_loss"], row["train_penalty"])
        self.loss_curve_.append(self.loss_)
        self._say(f"Iteration {self.n_iter_}, loss = {self.loss_:.8f}")
        improved = self._loss_improves()
        if measured is not None:
            improved_score = self._score_improves(
                measured, self._reported_loss(row["val_loss"], 0.0), state.network
            )
            improved = improved_score if self.early_stopping else improved
        self._no_improvement_count = 0 if improved else self._no_improvement_count + 1
        if callable(self.learning_rate):
            self._optimizer.learning_rate = row["learning_rate"]
        elif self._learning_rate_kind() == "invscaling":
            self._optimizer.learning_rate = self._inverse_scaling_rate()
        return bool(self._no_improvement_count > self.n_iter_no_change) and self._stops()

    def _loss_improves(self) -> bool:
        if self.early_stopping:
            return False
        best = self.best_loss_
        self.best_loss_ = min(best, self.loss_)
        return bool(self.loss_ <= best - self.tol)

    def _score_improves(self, score: float, loss: float, network: Network) -> bool:
        self.validation_scores_.append(score)
        self.validation_loss_curve_.append(loss)
        self._say(f"Validation score: {score:f}")
        # Comparisons with NaN are false: it is no progress, other than in scikit-learn.
        improved = bool(score >= self.best_validation_score_ + self.tol)
        # As long as no score is a number, the latest model is the best.
        if score > self.best_validation_score_ or self.best_validation_score_ == -np.inf:
            self._best_parameters = network.get_flat_parameters()
        self.best_validation_score_ = max(self.best_validation_score_, score)
        return improved

    def _stops(self) -> bool:
        """Say why training ends, or, with the adaptive rate, goes on more slowly."""
        what = "Validation score" if self.early_stopping else "Training loss"
        reason = (
            f"{what} did not improve more than tol={self.tol:f} for "
            f"{self.n_iter_no_change} consecutive epochs."
        )
        if self._learning_rate_kind() != "adaptive":
            self._say(f"{reason} Stopping.")
            return True
        if self._optimizer.learning_rate <= _SMALLEST_ADAPTIVE_RATE:
            self._say(f"{reason} Learning rate too small. Stopping.")
            return True
        self._optimizer.learning_rate /= 5.0
        self._no_improvement_count = 0
        self._say(f"{reason} Setting learning rate to {self._optimizer.learning_rate:f}")
        return False

    def _warn_of_max_iter(self) -> None:
        warnings.warn(
            f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the "
            "optimization hasn't converged yet.",
            ConvergenceWarning,
            stacklevel=2,
        )

    def _end_by_divergence(self, n_samples: int) -> None:
        """Record an epoch that can't be measured, and go back to the best before it."""
        self.n_iter_ += 1
        self.t_ += n_samples
        self.loss_ = math.nan
        for curve in (self.loss_curve_, self.validation_scores_, self.validation_loss_curve_):
            curve.append(math.nan)
        warnings.warn(
            f"Stochastic Optimizer: training diverged in iteration {self.n_iter_}; the model has "
            "the parameters of the best validation score before, or the last finite ones. Lower "
            "learning_rate_init, or scale X.",
            ConvergenceWarning,
            stacklevel=2,
        )

    def _restore_best(self) -> None:
        if self.validation_scores_ and self.best_validation_score_ == -np.inf:
            warnings.warn(
                f"no validation score was a number: {self.validation_scores_[-1]} in the last "
                "epoch; the model has its last parameters. Pass more validation data, or another "
                "monitor",
                stacklevel=2,
            )
        self._network.set_flat_parameters(self._best_parameters)

    def _learning_rate_kind(self) -> str:
        """Schedule by name; other solvers than sgd pass it over, as in scikit-learn."""
        named = isinstance(self.learning_rate, str) and self.solver == "sgd"
        return str(self.learning_rate) if named else "constant"

    def _inverse_scaling_rate(self) -> float:
        return float(self.learning_rate_init / (self.t_ + 1) ** self.power_t)

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


def state_of(random_state: np.random.RandomState) -> dict[str, Any]:
    """Return a generator's state as JSON can hold it."""
    state: dict[str, Any] = without_arrays(random_state.get_state(legacy=False))
    return state


def _plain(value: Any) -> Any:
    """Turn NumPy's numbers into Python's; arrays stay."""
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    return value.item() if isinstance(value, np.generic) else value
