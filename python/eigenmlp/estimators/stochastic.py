"""The stochastic solvers: `eigenmlp.train`, with scikit-learn's random numbers and rules."""

from __future__ import annotations

import copy
import math
import warnings
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning

from eigenmlp.callbacks import Callback
from eigenmlp.errors import TrainingDivergedError
from eigenmlp.estimators.attributes import begin_record, names_of
from eigenmlp.estimators.fit_tasks import FitTasks, tasks_of_network
from eigenmlp.estimators.parameters import passed_on, rule_of
from eigenmlp.estimators.solver_state import SolverState
from eigenmlp.estimators.validation_score import score_of_epoch
from eigenmlp.training import train
from eigenmlp.training.fingerprints import text_of
from eigenmlp.training.opened_checkpoint import OpenedCheckpoint
from eigenmlp.training.orders import without_arrays

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from eigenmlp.callbacks import TrainingState
    from eigenmlp.estimators.base import BaseMLP
    from eigenmlp.estimators.samples import FitSamples
    from eigenmlp.network import Network

__all__ = ["NON_FINITE", "StochasticFit"]

NON_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and "
    "need to be preprocessed."
)
_SMALLEST_ADAPTIVE_RATE = 1e-6


class StochasticFit(Callback):
    """One fit by batches and epochs: its beginning, what it records of an epoch, and its end.

    Training tells it of every epoch, and checkpoints keep through it what the fit goes on with.

    Parameters
    ----------
    estimator : BaseMLP
        Its `_random_state` is put where the fit begins; to resume, where it began the first time.
    resume_from : path-like or None
    incremental : bool
        Whether to train for one epoch more.
    """

    def __init__(
        self,
        estimator: BaseMLP,
        resume_from: str | os.PathLike[str] | None,
        *,
        incremental: bool,
    ) -> None:
        self._estimator = estimator
        self._incremental = incremental
        self._score: Callable[[dict[str, float]], float] | None = None
        self._tasks: FitTasks
        self._stopped = False
        self._opened: OpenedCheckpoint | None = None
        if resume_from is not None:
            self._opened = OpenedCheckpoint(resume_from, estimator.callbacks)
        self._beginning = self._begin()

    def _begin(self) -> dict[str, Any]:
        """Return what the fit begins with; to resume, what it began with the first time."""
        estimator = self._estimator
        # Training keeps what its first callback, which this is, remembers.
        kept = {} if self._opened is None else self._opened.memory(0)
        if "beginning" not in kept:
            return {"random_state": _state_of(estimator._random_state)}
        if not isinstance(estimator.random_state, np.random.RandomState):
            # Not NumPy's own, which is everyone's.
            estimator._random_state = np.random.RandomState()
        estimator._random_state.set_state(kept["beginning"]["random_state"])
        return dict(kept["beginning"])

    def run(self, samples: FitSamples, held_out: FitSamples | None) -> None:
        """Train the estimator's network."""
        estimator = self._estimator
        if estimator.early_stopping and self._incremental:
            raise ValueError("partial_fit does not support early_stopping=True")
        if estimator.early_stopping and held_out is None:
            samples, held_out = samples.split(
                estimator.validation_fraction,
                estimator._random_state,
                stratified=is_classifier(estimator) and estimator.n_outputs_ == 1,
            )
        if held_out is None and estimator.monitor is not None:
            raise ValueError(
                f"monitor={estimator.monitor!r} needs validation data to measure; pass X_val and "
                "y_val to fit, or early_stopping=True, or leave monitor=None"
            )
        batch_size = _batch_size_of(estimator.batch_size, len(samples))
        self._continue_solver()
        self._continue_record(validates=held_out is not None)
        if held_out is not None:
            self._score = score_of_epoch(estimator, held_out)
        estimator.n_iter_ = 0
        self._tasks = tasks_of_network(estimator, samples, "epoch", told=not self._incremental)
        try:
            self._train(samples, held_out, batch_size)
            ended = self._stopped or self._incremental
            if estimator.n_iter_ == estimator.max_iter and not ended:
                self._warn_of_max_iter()
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=2)
        except TrainingDivergedError as error:
            if held_out is None:
                raise ValueError(NON_FINITE) from error
            self._end_by_divergence(len(samples))
        finally:
            if held_out is not None:
                self._restore_best()
            estimator._show()
        self._tasks.end(lambda: copy.deepcopy(estimator._network))

    def _train(self, samples: FitSamples, held_out: FitSamples | None, batch_size: int) -> None:
        estimator, solver = self._estimator, self._estimator._optimizer
        own_schedule = callable(estimator.learning_rate)
        by_step = own_schedule and estimator.schedule_unit == "step"
        unit: Literal["epoch", "step"] = "step" if by_step else "epoch"
        validation_data: tuple[Any, ...] | None = None
        if held_out is not None:
            validation_data = (held_out.X, estimator._targets(held_out.y))
            if held_out.weights is not None:
                validation_data += (held_out.weights,)
        settings: dict[str, Any] = {**passed_on(estimator), "schedule_unit": unit}
        train(
            estimator._network,
            samples.X,
            estimator._targets(samples.y),
            loss=estimator._loss_function(),
            optimizer=solver.rule,
            learning_rate=(
                solver.shifted(estimator.learning_rate, unit) if own_schedule else solver.rate()
            ),
            batch_size=batch_size,
            epochs=1 if self._incremental else estimator.max_iter,
            l2=estimator.alpha,
            l2_divided=True,
            shuffle=self._shuffled(len(samples)) if estimator.shuffle else False,
            sample_weight=samples.weights,
            validation_data=validation_data,
            penalized_loss=True,
            callbacks=[self, *estimator.callbacks],
            resume_from=self._opened,
            n_threads=estimator.n_threads,
            progress=estimator.verbose == "bar",
            **settings,
        )

    def _continue_solver(self) -> None:
        """Make the solver's state, or go on with what it remembers."""
        estimator = self._estimator
        rule, rate = rule_of(estimator), float(estimator.learning_rate_init)
        if not hasattr(estimator, "_optimizer"):
            estimator._optimizer = SolverState(rule, estimator._network, rate)
        else:
            estimator._optimizer.continues(rule, estimator._network, rate)
        solver = estimator._optimizer
        if self._learning_rate_kind() == "invscaling":
            solver.learning_rate = self._inverse_scaling_rate()
        elif self._learning_rate_kind() == "constant":
            solver.learning_rate = rate
        # Of a fit that resumes, those of the first: a schedule goes on from there.
        solver.set_clocks(self._beginning.setdefault("clocks", solver.clocks()))

    def _continue_record(self, *, validates: bool) -> None:
        """Begin what isn't there yet."""
        estimator = self._estimator
        begin_record(estimator)
        if not hasattr(estimator, "loss_"):
            estimator.loss_ = math.nan
        if estimator.early_stopping:
            estimator.best_loss_ = None
        elif estimator.best_loss_ is None:
            estimator.best_loss_ = np.inf
        if validates and estimator.validation_scores_ is None:
            estimator.best_validation_score_ = -np.inf
            estimator.validation_scores_ = []
        if validates and estimator.validation_loss_curve_ is None:
            # A model of scikit-learn's has no losses for its scores.
            estimator.validation_loss_curve_ = [math.nan] * len(estimator.validation_scores_)
        if validates and estimator._best_parameters is None:
            # Until another is measured, the model at hand is the best.
            estimator._best_parameters = estimator._network.get_flat_parameters()

    def _shuffled(self, n_samples: int) -> Callable[[int], NDArray[Any]]:
        """Orders as scikit-learn draws them: each shuffles the one before.

        A seed starts every fit afresh, as there. A generator goes on, and so does the order: thus
        n epochs and then m are n + m.
        """
        estimator, solver = self._estimator, self._estimator._optimizer
        goes_on = isinstance(estimator.random_state, np.random.RandomState)
        if not goes_on or solver.order is None or len(solver.order) != n_samples:
            solver.order = np.arange(n_samples)

        def draw(_epoch: int) -> NDArray[Any]:
            drawn = np.arange(n_samples)
            estimator._random_state.shuffle(drawn)
            assert solver.order is not None  # noqa: S101
            order: NDArray[Any] = solver.order[drawn]
            solver.order = order
            return order

        return draw

    def __repr__(self) -> str:
        """Represent the parameters that a resumed fit must share with the one that it goes on."""
        estimator = self._estimator
        free = {"callbacks", "max_iter", "n_threads", "verbose", "warm_start"}
        own = estimator.get_params(deep=False)
        neutral = type(estimator)().get_params(deep=False)
        if isinstance(own.get("random_state"), np.random.RandomState):
            # Its state is taken back.
            own["random_state"] = None
        texts = {name: text_of(own[name]) for name in sorted(own.keys() - free)}
        given = [f"{n}={text}" for n, text in texts.items() if text != text_of(neutral[n])]
        return f"{type(estimator).__name__}({', '.join(given)})"

    def state_dict(self) -> dict[str, Any]:
        """Gather what the fit goes on with, besides the network and the rule's moments."""
        estimator, solver = self._estimator, self._estimator._optimizer
        state = {name: _plain(getattr(estimator, name)) for name in _kept_per_epoch()}
        state["solver"] = solver.clocks()
        if solver.order is not None:
            state["order"] = solver.order
        state["random_state"] = _state_of(estimator._random_state)
        return {**state, "beginning": self._beginning, "stopped": self._stopped}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with the record of the estimator that the checkpoint is of."""
        estimator, solver = self._estimator, self._estimator._optimizer
        self._stopped = state["stopped"]
        for name in _kept_per_epoch():
            setattr(estimator, name, state[name])
        solver.set_clocks(state["solver"])
        solver.order = state.get("order", solver.order)
        estimator._random_state.set_state(state["random_state"])

    def on_train_begin(self, state: TrainingState) -> None:
        """Show the callbacks that follow what the user asked for."""
        state.options = self._estimator.get_params(deep=False)

    def on_epoch_end(self, state: TrainingState) -> bool:
        """Keep an epoch's numbers and adapt the learning rate; True ends training."""
        estimator, solver = self._estimator, self._estimator._optimizer
        row = state.history.last
        # First what can be interrupted, so that an epoch is recorded whole or not at all.
        measured = None if self._score is None else self._score(row)
        estimator.n_iter_ += 1
        estimator.t_ += state.n_samples
        solver.count_epoch(state.n_samples, state.batch_size)
        estimator.loss_ = estimator._reported_loss(
            row["train_penalized_loss"], row["train_penalty"]
        )
        estimator.loss_curve_.append(estimator.loss_)
        estimator._say(f"Iteration {estimator.n_iter_}, loss = {estimator.loss_:.8f}")
        improved = self._loss_improves()
        if measured is not None:
            improved_score = self._score_improves(
                measured, estimator._reported_loss(row["val_loss"], 0.0), state.network
            )
            improved = improved_score if estimator.early_stopping else improved
        estimator._no_improvement_count = 0 if improved else estimator._no_improvement_count + 1
        if callable(estimator.learning_rate):
            solver.learning_rate = row["learning_rate"]
        elif self._learning_rate_kind() == "invscaling":
            solver.learning_rate = self._inverse_scaling_rate()
        impatient = bool(estimator._no_improvement_count > estimator.n_iter_no_change)
        self._stopped = impatient and self._stops()
        return self._tasks.step_taken(lambda: copy.deepcopy(state.network)) or self._stopped

    def _loss_improves(self) -> bool:
        estimator = self._estimator
        if estimator.early_stopping:
            return False
        best = estimator.best_loss_
        estimator.best_loss_ = min(best, estimator.loss_)
        return bool(estimator.loss_ <= best - estimator.tol)

    def _score_improves(self, score: float, loss: float, network: Network) -> bool:
        estimator = self._estimator
        estimator.validation_scores_.append(score)
        estimator.validation_loss_curve_.append(loss)
        estimator._say(f"Validation score: {score:f}")
        best = estimator.best_validation_score_
        # Comparisons with NaN are false: unlike in scikit-learn, it is not progress.
        improved = bool(score >= best + estimator.tol)
        # As long as no score is a number, the latest model is the best.
        if score > best or best == -np.inf:
            estimator._best_parameters = network.get_flat_parameters()
        estimator.best_validation_score_ = max(best, score)
        return improved

    def _stops(self) -> bool:
        """Say why training ends, or, with the adaptive rate, goes on more slowly."""
        estimator, solver = self._estimator, self._estimator._optimizer
        what = "Validation score" if estimator.early_stopping else "Training loss"
        reason = (
            f"{what} did not improve more than tol={estimator.tol:f} for "
            f"{estimator.n_iter_no_change} consecutive epochs."
        )
        if self._learning_rate_kind() != "adaptive":
            estimator._say(f"{reason} Stopping.")
            return True
        if solver.learning_rate <= _SMALLEST_ADAPTIVE_RATE:
            estimator._say(f"{reason} Learning rate too small. Stopping.")
            return True
        solver.learning_rate /= 5.0
        estimator._no_improvement_count = 0
        estimator._say(f"{reason} Setting learning rate to {solver.learning_rate:f}")
        return False

    def _warn_of_max_iter(self) -> None:
        warnings.warn(
            f"Stochastic Optimizer: Maximum iterations ({self._estimator.max_iter}) reached and "
            "the optimization hasn't converged yet.",
            ConvergenceWarning,
            stacklevel=2,
        )

    def _end_by_divergence(self, n_samples: int) -> None:
        """Record an epoch that can't be measured, and go back to the best before it."""
        estimator = self._estimator
        estimator.n_iter_ += 1
        estimator.t_ += n_samples
        estimator.loss_ = math.nan
        for curve in ("loss_curve_", "validation_scores_", "validation_loss_curve_"):
            getattr(estimator, curve).append(math.nan)
        warnings.warn(
            f"Stochastic Optimizer: training diverged in iteration {estimator.n_iter_}; the model "
            "has the parameters of the best validation score before, or the last finite ones. "
            "Lower learning_rate_init, or scale X.",
            ConvergenceWarning,
            stacklevel=2,
        )

    def _restore_best(self) -> None:
        estimator = self._estimator
        if estimator.validation_scores_ and estimator.best_validation_score_ == -np.inf:
            warnings.warn(
                f"no validation score was a number: {estimator.validation_scores_[-1]} in the last "
                "epoch; the model has its last parameters. Pass more validation data, or another "
                "monitor",
                stacklevel=2,
            )
        estimator._network.set_flat_parameters(estimator._best_parameters)

    def _learning_rate_kind(self) -> str:
        """Schedule by name; other solvers than sgd pass it over, as in scikit-learn."""
        estimator = self._estimator
        named = isinstance(estimator.learning_rate, str) and estimator.solver == "sgd"
        return str(estimator.learning_rate) if named else "constant"

    def _inverse_scaling_rate(self) -> float:
        estimator = self._estimator
        return float(estimator.learning_rate_init / (estimator.t_ + 1) ** estimator.power_t)


def _batch_size_of(asked: Any, n_samples: int) -> int:
    if isinstance(asked, str):
        return min(200, n_samples)
    if asked > n_samples:
        warnings.warn(
            "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped",
            stacklevel=2,
        )
    return min(int(asked), n_samples)


def _kept_per_epoch() -> tuple[str, ...]:
    return tuple(names_of(lambda attribute: attribute.per_epoch))


def _state_of(random_state: np.random.RandomState) -> dict[str, Any]:
    """Return a generator's state as JSON can hold it."""
    state: dict[str, Any] = without_arrays(random_state.get_state(legacy=False))
    return state


def _plain(value: Any) -> Any:
    """Turn NumPy's numbers into Python's; arrays stay."""
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    return value.item() if isinstance(value, np.generic) else value
