"""What the two estimators for tables share: how a fit runs, and how a table is predicted."""

from __future__ import annotations

import copy
import threading
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import _safe_indexing, check_consistent_length, check_random_state
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from eigenmlp.callbacks import Checkpoint
from eigenmlp.common.threads import thread_limit
from eigenmlp.errors import TrainingDivergedError
from eigenmlp.estimators.fit_tasks import CallbackSupportMixin, FitTasks, with_callbacks
from eigenmlp.estimators.parameters import constraints_of, hidden_sizes
from eigenmlp.estimators.samples import given_validation_data
from eigenmlp.estimators.whole_fits import whole_or_not_at_all
from eigenmlp.tabular.columns import chosen_by, columns_of
from eigenmlp.tabular.held_out import held_out_rows
from eigenmlp.tabular.judge import Judge, Prepared, value_of
from eigenmlp.tabular.members import Member, Recipe, train_in_turn, trained, trained_side_by_side
from eigenmlp.tabular.preparation import Preparation, learnt_from
from eigenmlp.tabular.saving import SavableTable
from eigenmlp.training.weights import NO_WEIGHT

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

    from eigenmlp.callbacks import TrainingState
    from eigenmlp.history import History
    from eigenmlp.network import Network
    from eigenmlp.tabular.columns import Column

__all__ = ["INTERRUPTED", "BaseTabular", "constraints_of_tables"]

INTERRUPTED = "Training interrupted by user."


def constraints_of_tables(constructor: Callable[..., None]) -> dict[str, list[Any]]:
    """Say what each parameter of a constructor may be: as elsewhere, but for two without a way out.

    A model for tables has a size of batches and a monitor of its own by default.
    """
    found = constraints_of(constructor)
    sizes = [one for one in found["batch_size"] if not isinstance(one, StrOptions)]
    monitors = [one for one in found["monitor"] if one is not None]
    return {**found, "batch_size": sizes, "monitor": monitors}


class BaseTabular(CallbackSupportMixin, SavableTable):  # type: ignore[misc]
    """A model for tables: their preparation, and one network or several that are averaged."""

    n_features_in_: int
    n_iter_: int
    networks_: list[Network]
    histories_: list[History]
    _preparation: Preparation

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
        """Fit the model to a table.

        A fit that raises leaves all as it was. One that Ctrl-C interrupts after an epoch doesn't
        raise; it warns, and the model is the best that it had come to.

        Parameters
        ----------
        X : DataFrame of pandas or polars, Table of Arrow, dict of arrays, or 2-D array-like
            One row for each sample. Numbers, texts, booleans, categories, with gaps.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            What to predict.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, >= 0. A sample of weight 0 is absent.
        X_val, y_val : as X and y, default=None
            Validation data, by which the best epoch is found; in their place
            `validation_fraction` of the samples is held out.
        sample_weight_val : array-like of shape (n_val_samples,), default=None
            Weights of the validation samples.
        resume_from : path-like, default=None
            Folder of a `eigenmlp.callbacks.Checkpoint` to go on from, with the same data and
            parameters. The model has the same bits as one that was never interrupted.

        Returns
        -------
        object
            The estimator itself.

        Raises
        ------
        TypeError, ValueError
            If an argument or a parameter is of another type, shape or range, if columns can't be
            read, or if training diverges before there is anything to keep.
        FileNotFoundError, CheckpointError
            If there is nothing to resume from, or it is damaged or of another fit.

        Warns
        -----
        ConvergenceWarning
            If training diverged, and the model is that of the best epoch before.
        UserWarning
            If Ctrl-C ended training.
        """
        given = given_validation_data(X_val, y_val, sample_weight_val)
        with whole_or_not_at_all(self):
            self._fit(X, y, sample_weight, given, resume_from)
        return self

    # Inside of what undoes a fit, which would take away the callbacks that are to be ended.
    @with_callbacks  # type: ignore[untyped-decorator]
    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None,
        given: tuple[Any, Any, ArrayLike | None] | None,
        resume_from: str | os.PathLike[str] | None,
    ) -> None:
        self._refuse_lone(validates=given is not None, resume_from=resume_from)
        for name in ("_preparation", "_mean", "_deviation"):  # of an earlier fit
            self.__dict__.pop(name, None)
        columns, named, labels = self._read(X, y)
        self._learn_labels(labels)
        weights = self._weights(sample_weight, labels)
        learnt = np.arange(len(labels))
        if weights is not None and not weights.all():
            present = weights != 0
            if not present.any():
                raise ValueError(NO_WEIGHT)
            columns = [column.rows(present) for column in columns]
            labels, weights, learnt = labels[present], weights[present], learnt[present]
        random_state = check_random_state(self.random_state)
        held_out = None
        if given is not None:
            held_out = self._given(*given)
        elif self.validation_fraction > 0:
            kept, apart = held_out_rows(
                self._kinds(labels),
                len(labels),
                self.validation_fraction,
                random_state,
                name="validation_fraction",
            )
            apart_weights = None if weights is None else weights[apart]
            held_out = ([c.rows(apart) for c in columns], named, labels[apart], apart_weights)
            columns, labels = [c.rows(kept) for c in columns], labels[kept]
            learnt = learnt[kept]
            weights = None if weights is None else weights[kept]
        self._preparation = learnt_from(columns, named=named, max_categories=self.max_categories)
        if not self._preparation.n_features:
            raise ValueError(
                "the table's columns of words hold nothing but gaps: there is nothing to learn from"
            )
        self._name_features([column.name for column in columns], named)
        self._learn_scale(labels, weights)
        samples = self._samples(self._prepared(columns, named=named), labels, weights)
        validation = None
        if held_out is not None:
            theirs, names, their_y, their_weights = held_out
            prepared = self._prepared(theirs, named=names)
            validation = (prepared, their_y, their_weights)
        tasks = FitTasks(
            self,
            "epoch",
            n_steps=self.max_iter * self.n_estimators,
            X=lambda: _rows_of(X, learnt),
            y=lambda: labels,
            sample_weight=weights,
            fitted=lambda networks: {"networks_": networks},
        )
        self._train(samples, labels, validation, random_state, resume_from, tasks)
        tasks.end(lambda: copy.deepcopy(self.networks_))

    def _read(self, X: Any, y: Any) -> tuple[list[Column], bool, NDArray[Any]]:
        columns, named = columns_of(X, categorical=chosen_by(self.categorical_features))
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None"
            )
        labels = self._checked_y(y)
        check_consistent_length(columns[0].cells, labels)
        return columns, named, labels

    def _refuse_lone(self, *, validates: bool, resume_from: str | os.PathLike[str] | None) -> None:
        keeps = any(isinstance(callback, Checkpoint) for callback in self.callbacks)
        if self.n_estimators > 1 and (keeps or resume_from is not None):
            raise ValueError(
                f"n_estimators={self.n_estimators}: checkpoints keep one run, and resume one; pass "
                "n_estimators=1, or leave them out"
            )
        if not validates and self.validation_fraction == 0 and self.monitor != self._plain_monitor:
            raise ValueError(
                f"monitor={self.monitor!r} needs validation data to measure; pass X_val and y_val "
                "to fit, or validation_fraction=0.2"
            )

    def _weights(self, sample_weight: ArrayLike | None, labels: NDArray[Any]) -> Any:
        if sample_weight is None:
            return None
        stand_in = np.zeros((len(labels), 1))
        return _check_sample_weight(sample_weight, stand_in, ensure_non_negative=True)

    def _given(
        self, X: Any, y: Any, weights: ArrayLike | None
    ) -> tuple[list[Column], bool, NDArray[Any], Any]:
        columns, named, labels = self._read(X, y)
        self._targets(labels)  # which refuses strangers
        return columns, named, labels, self._weights(weights, labels)

    def _name_features(self, names: Sequence[str], named: bool) -> None:
        self.n_features_in_ = len(names)
        self.__dict__.pop("feature_names_in_", None)
        if named:
            self.feature_names_in_ = np.array(names, dtype=object)

    def _prepared(self, columns: Sequence[Column], *, named: bool) -> Prepared:
        return Prepared(self._preparation.features(columns, named=named, owner=type(self).__name__))

    def _samples(
        self, prepared: Prepared, labels: NDArray[Any], weights: NDArray[Any] | None
    ) -> tuple[NDArray[Any], ...]:
        samples = (prepared.features, self._targets(labels))
        return samples if weights is None else (*samples, weights)

    def _train(
        self,
        samples: tuple[NDArray[Any], ...],
        labels: NDArray[Any],
        validation: tuple[Prepared, NDArray[Any], NDArray[Any] | None] | None,
        random_state: np.random.RandomState,
        resume_from: str | os.PathLike[str] | None,
        tasks: FitTasks,
    ) -> None:
        loss = self._loss()
        recipe = Recipe(
            sizes=(
                samples[0].shape[1],
                *hidden_sizes(self.hidden_layer_sizes),
                self._n_outputs(),
            ),
            fan_in=samples[0].shape[1] - self._preparation.n_parts,
            activation=self.activation,
            dropout=self.dropout,
            output=loss.output,
            loss=loss,
            rate=float(self.learning_rate_init),
            batch_size=min(int(self.batch_size), len(samples[1])),
            epochs=int(self.max_iter),
        )
        samples = self._class_weighted(samples, labels)
        seeds = random_state.randint(2**31 - 1, size=(self.n_estimators,)).tolist()
        cancelled = threading.Event()
        alone = len(seeds) == 1
        measured = None
        if validation is not None:
            measured = self._class_weighted(self._samples(*validation), validation[1])

        members: list[Member] = []

        def stops(state: TrainingState) -> bool:
            networks = [*(one.network for one in members), state.network]
            if tasks.step_taken(lambda: copy.deepcopy(networks)):
                cancelled.set()
            return cancelled.is_set()

        def member(seed: int) -> Member:
            value = None if validation is None else value_of(self, *validation)
            return trained(
                recipe,
                seed,
                samples,
                measured,
                judge=Judge(value, stops),
                callbacks=self.callbacks,
                first_bias=self._first_bias(labels),
                resume_from=resume_from,
                n_threads=self.n_threads if alone else 1,
                progress=self.verbose == "bar" and alone,
            )

        try:
            if alone or self.callbacks or tasks.told:
                train_in_turn(members, member, seeds, cancelled)
            else:
                members = trained_side_by_side(
                    member, seeds, cancelled, self.n_threads or thread_limit()
                )
        except TrainingDivergedError as error:
            raise ValueError(
                f"training diverged before there was a model to keep ({error}); lower "
                f"learning_rate_init={self.learning_rate_init}"
            ) from error
        self.networks_ = [one.network for one in members]
        self.histories_ = [one.history for one in members]
        self.n_iter_ = max(history.n_epochs for history in self.histories_)
        self._warn_of(members)

    def _warn_of(self, members: list[Member]) -> None:
        ended = [one.ended for one in members if one.ended is not None]
        if any(isinstance(error, KeyboardInterrupt) for error in ended):
            warnings.warn(INTERRUPTED, UserWarning, stacklevel=5)
        diverged = [error for error in ended if isinstance(error, TrainingDivergedError)]
        if diverged:
            warnings.warn(
                f"training diverged, and the model is that of the best epoch before "
                f"({diverged[0]})",
                ConvergenceWarning,
                stacklevel=5,
            )

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:  # noqa: ARG002
        """Name what the networks read: numbers, gaps, and categories as one feature each.

        Parameters
        ----------
        input_features : None
            Ignored.

        Returns
        -------
        (n_features,) array of str
        """
        check_is_fitted(self)
        return np.array(self._preparation.feature_names, dtype=object)

    def _outputs(self, X: Any) -> NDArray[Any]:
        """Return the mean of the networks' outputs, float64 of shape (n_samples, n_outputs)."""
        check_is_fitted(self)
        if not isinstance(X, Prepared):
            preparation = self._preparation
            wanted = {column.name for column in preparation.columns} if preparation.named else None
            columns, named = columns_of(X, categorical=preparation.categories_of, wanted=wanted)
            X = self._prepared(columns, named=named)
        outputs = [
            network.predict_outputs(X.features, n_threads=self.n_threads)
            for network in self.networks_
        ]
        mean: NDArray[np.float64] = np.mean(outputs, axis=0, dtype=np.float64)
        return mean

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags


def _rows_of(table: Any, rows: NDArray[Any]) -> Any:
    """Return some rows of a table, as a table of the same kind."""
    if isinstance(table, Mapping):
        return {name: _safe_indexing(values, rows) for name, values in table.items()}
    if hasattr(table, "take") and hasattr(table, "column_names"):  # Arrow
        return table.take(rows)
    return _safe_indexing(table, rows)
