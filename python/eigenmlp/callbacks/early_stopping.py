"""Stop training when a measured quantity no longer improves."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

from eigenmlp.callbacks.base import Callback
from eigenmlp.common.arguments import flag, real_number, whole_number
from eigenmlp.common.words import shown
from eigenmlp.history import resolve_mode

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from eigenmlp.callbacks.base import TrainingState
    from eigenmlp.history import Mode

__all__ = ["EarlyStopping"]

_COUNTED: Any = {"minimum": 0, "remedy": "epochs count from 0"}


class EarlyStopping(Callback):
    r"""Stop when a column of the history has not improved for `patience` epochs in a row.

    With :math:`v_t` the monitored value after epoch :math:`t` and :math:`v^*` the best so
    far (:math:`+\infty` at first), epoch :math:`t` is an improvement, and :math:`v_t` the
    new best, if

    .. math:: v_t < v^* - \text{min\_delta}

    for mode "min", and :math:`v_t > v^* + \text{min\_delta}`, from :math:`-\infty`, for "max".
    Training stops after epoch :math:`e + \text{patience}` when :math:`e` is the last epoch
    that improved. NaN is never an improvement, nor is an infinity on the bad side.

    Parameters
    ----------
    monitor : str, default="val_loss"
        Column of the history to watch. The ``val_`` columns need `validation_data`.
    mode : {"auto", "min", "max"}, default="auto"
        Whether small or large values are good. "auto" means "min" for names ending in
        ``loss`` and "max" for names ending in ``accuracy``.
    patience : int, default=10
        Epochs without improvement to wait for, >= 1.
    min_delta : float, default=0.0
        An improvement must be larger than this, >= 0, in the unit of the column.
    last_of_best : bool, default=False
        Take an epoch for an improvement also where it equals the best, less `min_delta`: of equally
        good epochs, as of accuracies of few samples, the last counts.
    restore_best : bool, default=False
        Keep a copy of the parameters at each improvement, and put the best ones back into
        the network when training ends, also when it ends because all epochs are done. When
        an exception ends training, the network is left as it is; `best_parameters` still
        holds the copy.

    Attributes
    ----------
    best_epoch : int or None
        Last epoch that improved, counted from 0; None before any did.
    best_value : float or None
        The column's value then.
    best_parameters : (n_values,) array or None
        What `Network.get_flat_parameters` returned then; None unless `restore_best`.
    stopped_epoch : int or None
        Epoch after which this callback stopped training; None if it did not.

    Raises
    ------
    TypeError
        If an argument has the wrong type.
    ValueError
        If an argument is out of its range, or mode is "auto" and `monitor` tells nothing.
    KeyError
        At the end of the first epoch, if the history has no column `monitor`.

    Warns
    -----
    RuntimeWarning
        At the end of training, if the best parameters are to be restored but no epoch ever
        improved (every value was NaN): the network keeps its last parameters.

    Notes
    -----
    An improvement too small to count does not become the best either, so with
    ``min_delta > 0`` the smallest value of the column may lie after `best_epoch`. Keras'
    ``EarlyStopping`` counts and judges in the same way. scikit-learn's networks stop one
    epoch later (after more than ``n_iter_no_change`` epochs), measure against the smallest
    value even when it came by small steps, and take NaN for progress.

    References
    ----------
    L. Prechelt, "Early stopping - but when?", Neural Networks: Tricks of the Trade,
    Springer, 1998, doi:10.1007/3-540-49430-8_3.

    Examples
    --------
    >>> import eigenmlp as em
    >>> em.callbacks.EarlyStopping(patience=10, min_delta=1e-3, restore_best=True)
    EarlyStopping(monitor='val_loss', mode='min', patience=10, min_delta=0.001, restore_best=True)
    """

    best_epoch: int | None
    best_value: float | None
    best_parameters: NDArray[np.floating[Any]] | None
    stopped_epoch: int | None

    def __init__(
        self,
        monitor: str = "val_loss",
        *,
        mode: Mode = "auto",
        patience: int = 10,
        min_delta: float = 0.0,
        last_of_best: bool = False,
        restore_best: bool = False,
    ) -> None:
        if not isinstance(monitor, str):
            raise TypeError(f'monitor={shown(monitor)} is not a column name; pass one, "val_loss"')
        self.patience = whole_number(
            "patience", patience, minimum=1, remedy="pass the epochs to wait for, 1 or more"
        )
        self.min_delta = real_number("min_delta", min_delta, "pass 0.0 or more")
        if not (math.isfinite(self.min_delta) and self.min_delta >= 0):
            raise ValueError(
                f"min_delta={min_delta} is not a finite number >= 0; it is the size of the "
                "smallest change that counts, whatever the mode"
            )
        self.monitor = monitor
        self.mode = resolve_mode(monitor, mode)
        self.last_of_best = flag("last_of_best", last_of_best)
        self.restore_best = flag("restore_best", restore_best)
        self._start()

    def __repr__(self) -> str:
        last = "last_of_best=True, " if self.last_of_best else ""
        return (
            f"EarlyStopping(monitor={self.monitor!r}, mode={self.mode!r}, "
            f"patience={self.patience}, min_delta={self.min_delta}, {last}"
            f"restore_best={self.restore_best})"
        )

    def on_train_begin(self, state: TrainingState) -> None:  # noqa: ARG002
        """Forget the run before."""
        self._start()

    def on_epoch_end(self, state: TrainingState) -> bool:
        """Judge the epoch; True when patience has run out."""
        stops = self.judge(state.epoch, self._value(state))
        if self.restore_best and self.best_epoch == state.epoch:
            self.best_parameters = state.network.get_flat_parameters()
        return stops

    def _value(self, state: TrainingState) -> float:
        return state.history[self.monitor][-1]

    def judge(self, epoch: int, value: float) -> bool:
        """Judge an epoch by its value; True when patience has run out."""
        if self._improves(value):
            self.best_epoch = epoch
            self.best_value = value
            return False
        last_improvement = -1 if self.best_epoch is None else self.best_epoch
        if epoch - last_improvement < self.patience:
            return False
        self.stopped_epoch = epoch
        return True

    def on_train_end(self, state: TrainingState) -> None:
        """Put the best parameters back if asked to."""
        if not self.restore_best or state.epoch < 0:
            return
        if self.best_parameters is None:
            warnings.warn(
                f"no epoch improved {shown(self.monitor)}, so there are no best parameters to "
                "restore and the network keeps its last ones; lower the learning rate or "
                "look for NaN in the data",
                RuntimeWarning,
                stacklevel=2,
            )
            return
        state.network.set_flat_parameters(self.best_parameters)

    def state_dict(self) -> dict[str, Any]:
        """Return the best epoch so far, with its value and parameters."""
        names = ("best_epoch", "best_value", "stopped_epoch", "best_parameters")
        state = {name: getattr(self, name) for name in names}
        return {name: value for name, value in state.items() if value is not None}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from another run's best epoch."""
        if "best_epoch" in state:
            self.best_epoch = whole_number("best_epoch", state["best_epoch"], **_COUNTED)
            self.best_value = real_number("best_value", state["best_value"], "it is a value")
        if "stopped_epoch" in state:
            self.stopped_epoch = whole_number("stopped_epoch", state["stopped_epoch"], **_COUNTED)
        self.best_parameters = state.get("best_parameters")

    def _start(self) -> None:
        self.best_epoch = None
        self.best_value = None
        self.best_parameters = None
        self.stopped_epoch = None

    def _improves(self, value: float) -> bool:
        sign = 1 if self.mode == "min" else -1
        # Comparisons with NaN are false.
        if self.best_value is None:
            return sign * value < math.inf
        wanted = sign * self.best_value - self.min_delta
        return sign * value < wanted or (self.last_of_best and sign * value == wanted)
