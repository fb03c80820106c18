"""What scikit-learn's callbacks see: a fit is a task, and each of its epochs one within it."""

from __future__ import annotations

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

    from numpy.typing import NDArray

    from eigenmlp.estimators.base import BaseMLP
    from eigenmlp.estimators.samples import FitSamples

__all__ = ["CallbackSupportMixin", "FitTasks", "tasks_of_network", "with_callbacks"]


class FitTasks:
    """Tasks of a fit, told to the callbacks that `set_callbacks` gave an estimator, if any.

    Begin one inside of a method that is wrapped by `with_callbacks`, which takes leave of them.

    Parameters
    ----------
    estimator : estimator of scikit-learn
    name : str
        What a step of the fit is called.
    n_steps : int
        The most there can be.
    X, y : callable
        Return the samples that are learnt from, which callbacks that ask for them get.
    sample_weight : (n_samples,) array or None
    fitted : callable
        Of the model that a step led to: the attributes of an estimator that has it.
    told : bool, default=True
        Whether callbacks are told at all.
    """

    def __init__(
        self,
        estimator: Any,
        name: str,
        *,
        n_steps: int,
        X: Callable[[], Any],
        y: Callable[[], Any],
        sample_weight: NDArray[Any] | None,
        fitted: Callable[[Any], dict[str, Any]],
        told: bool = True,
    ) -> None:
        self.told = told and bool(getattr(estimator, "_skl_callbacks", None))
        self._name = name
        self._fitted = fitted
        if not self.told:
            return
        self._passed = {
            "estimator": estimator,
            "X": functools.cache(X),
            "y": functools.cache(y),
            "metadata": None if sample_weight is None else {"sample_weight": sample_weight},
        }
        self._fit = estimator._init_callback_context(max_subtasks=n_steps)
        self._fit.call_on_fit_task_begin(**self._passed)

    def step_taken(self, model: Callable[[], Any]) -> bool:
        """Begin and end a step that has been taken: nobody knows before whether one follows.

        Parameters
        ----------
        model : callable
            Returns what the step led to, which training leaves alone; called if a callback asks for
            a fitted estimator.

        Returns
        -------
        bool
            Whether a callback asks to stop.
        """
        if not self.told:
            return False
        step = self._fit.subcontext(task_name=self._name)
        step.call_on_fit_task_begin(**self._passed)
        return bool(self._end(step, model))

    def end(self, model: Callable[[], Any]) -> None:
        """End the fit with its model."""
        if self.told:
            self._end(self._fit, model)

    def _end(self, task: Any, model: Callable[[], Any]) -> Any:
        return task.call_on_fit_task_end(
            **self._passed, reconstruction_attributes=lambda: self._fitted(model())
        )


def tasks_of_network(
    estimator: BaseMLP, samples: FitSamples, name: str, *, told: bool = True
) -> FitTasks:
    """Begin the fit of an estimator of one network, whose steps lead to networks."""
    return FitTasks(
        estimator,
        name,
        n_steps=estimator.max_iter,
        X=lambda: samples.X,
        y=lambda: estimator._labels(samples.y),
        sample_weight=samples.sample_weight,
        # Callbacks pass the checked X, whose columns have no names.
        fitted=lambda network: {**shown_as(network), "feature_names_in_": None},
        told=told,
    )
