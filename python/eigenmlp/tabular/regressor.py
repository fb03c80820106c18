"""Regression of tables."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.validation import check_is_fitted

from eigenmlp.common.documentation import with_parameters_of
from eigenmlp.estimators.parameters import loss_of, store
from eigenmlp.losses import Huber
from eigenmlp.tabular.base import BaseTabular, constraints_of_tables
from eigenmlp.tabular.documentation import TabularParameters

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from eigenmlp.callbacks import Callback
    from eigenmlp.losses import Loss

__all__ = ["TabularRegressor"]

# A deviation of targets; half of it is still a number of all digits.
_LEAST = 4 * np.finfo(np.float64).tiny


@with_parameters_of(TabularParameters)
class TabularRegressor(RegressorMixin, BaseTabular):  # type: ignore[misc]
    """Numbers from a table as it is: numbers, words, booleans, gaps, names.

    The table is prepared as `TabularClassifier` prepares it. Targets are standardized for training,
    each output by its mean and standard deviation, and given back in their own unit.

    Parameters
    ----------
    loss : {'squared_error', 'absolute_error', 'huber', 'quantile', 'poisson'}, \
            default='squared_error'
        What training minimises; 'poisson' is for counts, which are not standardized.
    activation : str or list of str, default='mish'
        Of the hidden layers, one for all or one for each; see `eigenmlp.Network`.
    learning_rate_init : float, default=0.07
        Highest learning rate, > 0, of weights that stand in the network divided by √fan_in; biases
        learn at a tenth of it.
    monitor : str or callable, default='loss'
        What the best epoch is best in: "loss", the name of one of scikit-learn's scorers, or a
        function of (model, X, y), larger is better, to which X is the prepared rows.
    huber_delta : float, default=1.0
        Error at which 'huber' turns from squares to absolute values, > 0, in the unit of y; of
        several outputs, in that of their mean standard deviation.
    quantile : float, default=0.5
        Level of 'quantile', 0 < q < 1.
    <TabularParameters>

    Attributes
    ----------
    n_features_in_, feature_names_in_, networks_, histories_, n_iter_
        As for `TabularClassifier`.

    See Also
    --------
    TabularClassifier : where the preparation, the network and its training are told.
    MLPRegressor : in the place of scikit-learn's; reads numbers.

    Examples
    --------
    >>> import numpy as np
    >>> import eigenmlp as em
    >>> rng = np.random.default_rng(0)
    >>> table = {"size": rng.normal(100, 20, 300), "city": rng.choice(["Ulm", "Bonn"], 300)}
    >>> price = 1000 * table["size"] * np.where(table["city"] == "Ulm", 2, 3)
    >>> model = em.TabularRegressor(random_state=0).fit(table, price)
    >>> model.score(table, price) > 0.99
    True
    """

    _plain_monitor = "loss"
    _mean: NDArray[np.float64]
    _deviation: NDArray[np.float64]
    _flat: bool

    def __init__(
        self,
        loss: str = "squared_error",
        hidden_layer_sizes: int | Sequence[int] = (256, 256, 256),
        activation: str | Sequence[str] = "mish",
        *,
        n_estimators: int = 1,
        max_iter: int = 64,
        batch_size: int = 256,
        learning_rate_init: float = 0.07,
        dropout: float | Sequence[float] = 0.15,
        monitor: str | Callable[..., float] = "loss",
        validation_fraction: float = 0.2,
        huber_delta: float = 1.0,
        quantile: float = 0.5,
        categorical_features: Sequence[int | str] = (),
        max_categories: int = 32,
        callbacks: Sequence[Callback] = (),
        verbose: bool | int | str = False,
        n_threads: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        store(self, locals())

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = constraints_of_tables(__init__)

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Predict the numbers of a table's rows.

        Parameters
        ----------
        X : as in `fit`
            Columns in any order if they have names; further ones are left aside, with a warning.

        Returns
        -------
        (n_samples,) or (n_samples, n_outputs) array
            In the unit and the shape of y.

        Raises
        ------
        NotFittedError
            If the model isn't fitted.
        TypeError, ValueError
            If the table lacks columns, or they can't be read as in training.
        """
        check_is_fitted(self)
        numbers = self._outputs(X) * self._deviation + self._mean
        return numbers[:, 0] if self._flat else numbers

    def _refuse_lone(self, *, validates: bool, resume_from: str | os.PathLike[str] | None) -> None:
        if self.monitor == "accuracy":
            raise ValueError(
                "monitor='accuracy' is of classes, and this model predicts numbers; pass 'loss', "
                "'r2' or another of scikit-learn's scorers of numbers"
            )
        super()._refuse_lone(validates=validates, resume_from=resume_from)

    def _checked_y(self, y: Any) -> NDArray[np.float64]:
        if hasattr(y, "to_pylist"):  # Arrow
            y = y.to_numpy()
        numbers: NDArray[np.float64] = check_array(
            y, dtype=np.float64, ensure_2d=False, input_name="y", estimator=self
        )
        if numbers.ndim == 2 and numbers.shape[1] == 1:
            return np.asarray(column_or_1d(numbers, warn=True))
        return numbers

    def _learn_labels(self, labels: NDArray[Any]) -> None:
        self._flat = labels.ndim == 1

    def _learn_scale(self, labels: NDArray[Any], weights: NDArray[Any] | None) -> None:
        columns = labels.reshape(len(labels), -1)
        if self._loss().output == "exponential":
            self._mean = np.zeros(columns.shape[1])
            self._deviation = np.ones(columns.shape[1])
            return
        # In a unit, a power of two, in which no square is too large or too small.
        _, exponents = np.frexp(np.abs(columns).max(axis=0))
        unit = np.ldexp(columns, -exponents)
        mean = np.average(unit, axis=0, weights=weights)
        variance = np.average(np.square(unit - mean), axis=0, weights=weights)
        deviation = np.ldexp(np.sqrt(variance), exponents)
        close = (variance > 0) & (deviation < _LEAST)
        if close.any():
            raise ValueError(
                f"y varies by {deviation[close][0]:.4g}, less than float64 tells apart; multiply "
                "it by a power of ten"
            )
        self._mean = np.ldexp(mean, exponents)
        self._deviation = np.where(variance > 0, deviation, 1.0)

    def _targets(self, labels: NDArray[Any]) -> NDArray[Any]:
        columns: NDArray[Any] = labels.reshape(len(labels), -1)
        if not hasattr(self, "_mean"):
            return columns
        if columns.shape[1] != len(self._mean):
            raise ValueError(
                f"y_val has {columns.shape[1]} outputs, but y has {len(self._mean)}; pass the same"
            )
        # Halved, lest a difference be infinite.
        scaled: NDArray[Any] = (columns / 2 - self._mean / 2) / (self._deviation / 2)
        return scaled

    def _kinds(self, labels: NDArray[Any]) -> NDArray[Any] | None:  # noqa: ARG002
        return None

    def _first_bias(self, labels: NDArray[Any]) -> NDArray[Any]:
        if self._loss().output != "exponential":
            return np.zeros(self._n_outputs())
        means = labels.reshape(len(labels), -1).mean(axis=0)
        logs: NDArray[Any] = np.log(np.maximum(means, np.finfo(np.float32).tiny))
        return logs

    def _n_outputs(self) -> int:
        return len(self._mean)

    def _loss(self) -> Loss:
        loss = loss_of(self)
        if isinstance(loss, Huber) and hasattr(self, "_deviation"):
            return dataclasses.replace(loss, delta=loss.delta / float(self._deviation.mean()))
        return loss

    def _class_weighted(
        self,
        samples: tuple[NDArray[Any], ...],
        labels: NDArray[Any],  # noqa: ARG002
    ) -> tuple[NDArray[Any], ...]:
        return samples
