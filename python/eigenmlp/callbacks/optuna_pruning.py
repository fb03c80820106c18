"""Let Optuna end trials that are worse than others were."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from eigenmlp.callbacks.base import Callback
from eigenmlp.common.extras import require
from eigenmlp.common.words import shown, type_of
from eigenmlp.history import resolve_mode

if TYPE_CHECKING:
    from eigenmlp.callbacks.base import TrainingState

__all__ = ["OptunaPruning"]


class OptunaPruning(Callback):
    """Report a column of the history to a trial of Optuna's, and end the trial when it says so.

    Needs the extra ``optuna``. After each epoch the value is reported, and where the study's pruner
    finds that the trial is not worth its time, `optuna.TrialPruned` is raised, which Optuna takes
    for the trial's end.

    Parameters
    ----------
    trial : optuna.Trial
        What the objective was called with.
    monitor : str, default="val_loss"
        Column of the history to report. The ``val_`` columns need `validation_data`, or
        `early_stopping` of an estimator.

    Raises
    ------
    TypeError
        If `trial` is not a trial, or `monitor` not a text.
    ValueError
        If the study looks for large values and the column is good when small, or the other way
        round.
    ImportError
        If Optuna is not installed.
    KeyError
        At the end of the first epoch, if the history has no column `monitor`.
    optuna.TrialPruned
        In training, when the pruner says so.

    Notes
    -----
    The step that is reported is the epoch, counted from 0. Where the trial trains several times, as
    over the folds of a cross-validation, the steps of each follow those before, also with a new
    object for each. In scikit-learn's cross-validation pass ``error_score="raise"``, or it takes
    the end of the trial for a failed fit and goes on. Folds must be trained one after the other and
    in this process: in another, the trial would not hear of them, so that the object can't be
    pickled.

    Examples
    --------
    >>> import numpy as np
    >>> import optuna
    >>> import eigenmlp as em
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> y = (X[:, 0] > 0).astype(int)
    >>> def objective(trial):
    ...     rate = trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True)
    ...     history = em.train(
    ...         em.Network([2, 8, 2], rng=0), X[:100], y[:100], learning_rate=rate, epochs=5,
    ...         validation_data=(X[100:], y[100:]), rng=0,
    ...         callbacks=[em.callbacks.OptunaPruning(trial)],
    ...     )
    ...     return history["val_loss"][-1]
    >>> study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    >>> study.optimize(objective, n_trials=4)
    >>> study.best_params["learning_rate"] > 1e-3
    True
    """

    def __init__(self, trial: Any, monitor: str = "val_loss") -> None:
        if not all(callable(getattr(trial, name, None)) for name in ("report", "should_prune")):
            raise TypeError(
                f"trial is {type_of(trial)}; pass the trial that the objective was called with"
            )
        if not isinstance(monitor, str):
            raise TypeError(f"monitor={shown(monitor)} is not the name of a column")
        self._optuna = require("optuna", extra="optuna", purpose="OptunaPruning")
        _refuse_other_direction(trial, monitor)
        self.trial = trial
        self.monitor = monitor
        self._behind = 0
        self._reported = _n_reported(trial)

    def __repr__(self) -> str:
        return f"OptunaPruning(monitor={self.monitor!r})"

    def __getstate__(self) -> NoReturn:
        raise TypeError(
            "OptunaPruning reports to a trial of this process, so that it can't be copied or sent "
            "to another; pass n_jobs=1 to what trains with it: Optuna runs trials side by side"
        )

    def on_train_begin(self, state: TrainingState) -> None:
        """Count on from the epochs of earlier fits, less those that a resumed one brings along."""
        self._behind = max(0, self._reported - (state.epoch + 1))

    def on_epoch_end(self, state: TrainingState) -> None:
        """Report the epoch; raise where the trial is to end."""
        step = self._behind + state.epoch
        self.trial.report(state.history[self.monitor][-1], step)
        self._reported = step + 1
        if self.trial.should_prune():
            raise self._optuna.TrialPruned(f"pruned after epoch {state.epoch} (from 0)")


def _n_reported(trial: Any) -> int:
    if not hasattr(trial, "study"):  # a FixedTrial keeps nothing
        return 0
    kept = trial.study.get_trials(deepcopy=False)[trial.number].intermediate_values
    return max(kept, default=-1) + 1


def _refuse_other_direction(trial: Any, monitor: str) -> None:
    directions = [one.name for one in getattr(getattr(trial, "study", None), "directions", [])]
    try:
        mode = resolve_mode(monitor, "auto")
    except ValueError:
        return  # nothing is known of this column
    wanted = {"min": "MINIMIZE", "max": "MAXIMIZE"}[mode]
    if len(directions) == 1 and directions[0] != wanted:
        raise ValueError(
            f"the study's direction is {directions[0].lower()!r}, but {monitor!r} is better "
            f"{'small' if mode == 'min' else 'large'}; create the study with "
            f"direction={wanted.lower()!r}, or monitor another column"
        )
