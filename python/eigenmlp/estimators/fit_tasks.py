"""What scikit-learn's callbacks see: a fit is a task, and each of its epochs one within it."""

from __future__ import annotations

import copy
import functools
from typing import TYPE_CHECKING, Any

from eigenmlp.estimators.fitted import shown_as

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn before 1.9 has no callbacks, and sets none

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Nothing."""

    def with_callbacks(method: Any) -> Any:
        """Return a method as it is."""
        return method


if TYPE_CHECKING:
    from collections.abc import Callable

    from eigenmlp.estimators.base import BaseMLP
    from eigenmlp.estimators.samples import FitSamples
    from eigenmlp.network import Network

__all__ = ["CallbackSupportMixin", "FitTasks", "with_callbacks"]


class FitTasks:
    """Tasks of a fit, told to the callbacks that `set_callbacks` gave an estimator, if any.

    Begin one inside of a method that is wrapped by `with_callbacks`, which takes leave of them.

    Parameters
    ----------
    estimator : BaseMLP
    samples : FitSamples
        Those that are learnt from, which callbacks get with every task.
    name : str
        What a step of the fit is called.
    told : bool, default=True
        Whether callbacks are told at all.
    """

    def __init__(
        self, estimator: BaseMLP, samples: FitSamples, name: str, *, told: bool = True
    ) -> None:
        self._estimator = estimator
        self._name = name
        self._fit: Any = None
        if not (told and getattr(estimator, "_skl_callbacks", None)):
            return
        weights = samples.sample_weight
        self._passed = {
            "estimator": estimator,
            "X": samples.X,
            "y": functools.cache(lambda: estimator._labels(samples.y)),
            "metadata": None if weights is None else {"sample_weight": weights},
        }
        self._fit = estimator._init_callback_context(max_subtasks=estimator.max_iter)
        self._fit.call_on_fit_task_begin(**self._passed)

    def step_taken(self, network: Callable[[], Network]) -> bool:
        """Begin and end a step that has been taken: nobody knows before whether one follows.

        Parameters
        ----------
        network : callable
            Returns what the step led to, a network that training leaves alone; called if a callback
            asks for a fitted estimator.

        Returns
        -------
        bool
            Whether a callback asks to stop.
        """
        if self._fit is None:
            return False
        step = self._fit.subcontext(task_name=self._name)
        step.call_on_fit_task_begin(**self._passed)
        return bool(self._end(step, network))

    def end(self) -> None:
        """End the fit, whose model the estimator shows."""
        if self._fit is not None:
            self._end(self._fit, lambda: copy.deepcopy(self._estimator._network))

    def _end(self, task: Any, network: Callable[[], Network]) -> Any:
        def fitted() -> dict[str, Any]:
            # Callbacks pass the checked X, whose columns have no names.
            return {**shown_as(network()), "feature_names_in_": None}

        return task.call_on_fit_task_end(**self._passed, reconstruction_attributes=fitted)
