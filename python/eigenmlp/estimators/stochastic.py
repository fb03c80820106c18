"""The stochastic solvers: `eigenmlp.train`, with scikit-learn's random numbers and rules."""

from __future__ import annotations

import warnings
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from sklearn.base import is_classifier
from sklearn.metrics import get_scorer

from eigenmlp.errors import TrainingDivergedError
from eigenmlp.estimators.record import NON_FINITE, AfterEpoch, TrainingRecord
from eigenmlp.estimators.solver_state import SolverState
from eigenmlp.optimizers import SGD, Adam, AdamW, Optimizer
from eigenmlp.training import train

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from numpy.typing import NDArray

    from eigenmlp.estimators.samples import Samples

__all__ = ["StochasticSolver"]


class StochasticSolver(TrainingRecord):
    """Fits by batches and epochs."""

    def _fit_stochastic(
        self,
        samples: Samples,
        held_out: Samples | None,
        *,
        incremental: bool,
        resume_from: str | os.PathLike[str] | None,
        beginning: dict[str, Any],
    ) -> None:
        if self.early_stopping and incremental:
            raise ValueError("partial_fit does not support early_stopping=True")
        if self.early_stopping and held_out is None:
            samples, held_out = samples.split(
                self.validation_fraction,
                self._random_state,
                stratified=is_classifier(self) and self.n_outputs_ == 1,
            )
        if held_out is None and self.monitor is not None:
            raise ValueError(
                f"monitor={self.monitor!r} needs validation data to measure; pass X_val and y_val "
                "to fit, or early_stopping=True, or leave monitor=None"
            )
        batch_size = self._batch_size_of(len(samples))
        self._continue_solver()
        # Of a fit that resumes, those of the first: a schedule goes on from there.
        self._optimizer.set_clocks(beginning.setdefault("clocks", self._optimizer.clocks()))
        self._continue_record(validates=held_out is not None)
        score = None
        if held_out is not None:
            score = self._score_of_epoch(held_out)
        self.n_iter_ = 0
        after = AfterEpoch(self, partial(self._end_epoch, score=score), beginning)
        epochs = 1 if incremental else self.max_iter
        try:
            self._train(samples, held_out, batch_size, epochs, after, resume_from)
            if self.n_iter_ == self.max_iter and not (after.stopped or incremental):
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
            self._show()

    def _train(
        self,
        samples: Samples,
        held_out: Samples | None,
        batch_size: int,
        epochs: int,
        after: AfterEpoch,
        resume_from: str | os.PathLike[str] | None,
    ) -> None:
        solver = self._optimizer
        own_schedule = callable(self.learning_rate)
        by_step = own_schedule and self.schedule_unit == "step"
        unit: Literal["epoch", "step"] = "step" if by_step else "epoch"
        validation_data: tuple[Any, ...] | None = None
        if held_out is not None:
            validation_data = (held_out.X, self._targets(held_out.y))
            if held_out.weights is not None:
                validation_data += (held_out.weights,)
        train(
            self._network,
            samples.X,
            self._targets(samples.y),
            loss=self._loss_function(),
            optimizer=solver.rule,
            learning_rate=(
                solver.shifted(self.learning_rate, unit) if own_schedule else solver.rate()
            ),
            schedule_unit=unit,
            batch_size=batch_size,
            epochs=epochs,
            l2=self.alpha,
            l2_divided=True,
            clip_norm=self.clip_norm,
            clip_value=self.clip_value,
            shuffle=self._shuffled(len(samples)) if self.shuffle else False,
            sample_weight=samples.weights,
            validation_data=validation_data,
            penalized_loss=True,
            callbacks=[after, *self.callbacks],
            resume_from=resume_from,
            n_threads=self.n_threads,
            progress=self.verbose == "bar",
        )

    def _forget_solver(self) -> None:
        for name in ("_optimizer", "_order"):
            self.__dict__.pop(name, None)

    def _continue_solver(self) -> None:
        """Make the solver's state, or go on with what `_optimizer` remembers."""
        rule = self._rule()
        if not hasattr(self, "_optimizer"):
            self._optimizer = SolverState(rule, self._network, float(self.learning_rate_init))
        else:
            self._optimizer.continues(rule, self._network, float(self.learning_rate_init))
        if self._learning_rate_kind() == "invscaling":
            self._optimizer.learning_rate = self._inverse_scaling_rate()
        elif self._learning_rate_kind() == "constant":
            self._optimizer.learning_rate = float(self.learning_rate_init)

    def _rule(self) -> Optimizer:
        if self.solver == "sgd":
            return SGD(self.momentum, nesterov=bool(self.nesterovs_momentum and self.momentum > 0))
        if self.solver == "adam":
            return Adam(
                self.beta_1, self.beta_2, self.epsilon, amsgrad=self.amsgrad, epsilon_hat=True
            )
        return AdamW(
            self.beta_1,
            self.beta_2,
            self.epsilon,
            weight_decay=self.weight_decay,
            amsgrad=self.amsgrad,
        )

    def _batch_size_of(self, n_samples: int) -> int:
        if isinstance(self.batch_size, str):
            return min(200, n_samples)
        if self.batch_size > n_samples:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be "
                "clipped",
                stacklevel=2,
            )
        return min(int(self.batch_size), n_samples)

    def _shuffled(self, n_samples: int) -> Callable[[int], NDArray[Any]]:
        """Orders as scikit-learn draws them: each shuffles the one before.

        A seed starts every fit afresh, as there. A generator goes on, and so does the order: thus
        n epochs and then m are n + m.
        """
        carried = getattr(self, "_order", None)
        goes_on = isinstance(self.random_state, np.random.RandomState)
        if not goes_on or carried is None or len(carried) != n_samples:
            carried = np.arange(n_samples)
        self._order = carried

        def draw(_epoch: int) -> NDArray[Any]:
            drawn = np.arange(n_samples)
            self._random_state.shuffle(drawn)
            order: NDArray[Any] = self._order[drawn]
            self._order = order
            return order

        return draw

    def _score_of_epoch(self, held_out: Samples) -> Callable[[dict[str, float]], float]:
        """Return a function from an epoch's row of the history to its score; larger is better."""
        if self.monitor == "loss":
            return lambda row: -self._reported_loss(row["val_loss"], 0.0)
        if self.monitor in {None, "accuracy"} and self._is_scored_by_accuracy(held_out):
            return lambda row: row["val_accuracy"]
        # Predicts from the same network, and doesn't miss the columns' names.
        nameless = object.__new__(type(self))
        nameless.__dict__.update(self.__dict__)
        nameless.__dict__.pop("feature_names_in_", None)
        scorer = type(self).score if self.monitor is None else get_scorer(self.monitor)
        y = self._labels(held_out.y)
        # A function of one's own takes no weights; scikit-learn's scorers do.
        weighs = held_out.weights is not None and self.monitor is not scorer
        weights = {"sample_weight": held_out.weights} if weighs else {}

        def score(_row: dict[str, float]) -> float:
            nameless._show()
            return float(scorer(nameless, held_out.X, y, **weights))

        return score

    def _is_scored_by_accuracy(self, held_out: Samples) -> bool:
        """Whether `score` is, to the bit, the accuracy that training measures anyway.

        A single class is predicted whatever the outputs are; smoothed targets may round to 0.5;
        weights are summed in another order; and a user's subclass may predict or score otherwise.
        """
        return (
            is_classifier(self)
            and type(self).__module__.partition(".")[0] == "eigenmlp"
            and held_out.weights is None
            and (self.out_activation_ == "softmax" or self.label_smoothing == 0)
            and (self.n_outputs_ > 1 or len(self.classes_) > 1)
        )
