"""Classification of tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_y, check_is_fitted

from eigenmlp.common.documentation import with_parameters_of
from eigenmlp.common.words import listed, shown, type_of
from eigenmlp.estimators.parameters import store
from eigenmlp.losses import CrossEntropy
from eigenmlp.tabular.base import BaseTabular, constraints_of_tables
from eigenmlp.tabular.cells import is_gap
from eigenmlp.tabular.documentation import TabularParameters
from eigenmlp.tabular.judge import scores_labels

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from eigenmlp.callbacks import Callback
    from eigenmlp.losses import Loss

__all__ = ["TabularClassifier"]

_SMOOTHING = 0.1


@with_parameters_of(TabularParameters)
class TabularClassifier(ClassifierMixin, BaseTabular):  # type: ignore[misc]
    r"""Classes from a table as it is: numbers, words, booleans, gaps, names.

    What has to be done before a network can read a table is done inside, learnt from the training
    samples alone, and kept with the model. A column of numbers is centred by its median, divided by
    the distance of its quartiles, and clipped smoothly, :math:`z / \sqrt{1 + (z / 3)^2}`; further
    features rise within a part of its range each, by which the network can bend and step there
    (piecewise linear encoding [2]_); a gap is 0, and a feature of its own tells of gaps if there
    were any. A column of words, booleans or
    categories is a feature for each category, ±1 where there are two, and 0 for gaps and for
    categories that training hadn't. Types decide, never values.

    The network and its training are those of RealMLP's simple form [1]_, with dropout, in a quarter
    of its epochs.

    Parameters
    ----------
    activation : str or list of str, default='selu'
        Of the hidden layers, one for all or one for each; see `eigenmlp.Network`.
    learning_rate_init : float, default=0.04
        Highest learning rate, > 0, of weights that stand in the network divided by √fan_in; biases
        learn at a tenth of it.
    monitor : str or callable, default='accuracy'
        What the best epoch is best in: "accuracy", "loss", the name of one of scikit-learn's
        scorers, or a function of (model, X, y), larger is better, to which X is the prepared rows.
        Targets are smoothed by 0.1 where labels are scored, as by "accuracy" and "f1_macro", and
        not where probabilities are, as by "loss" and "roc_auc".
    class_weight : dict, 'balanced' or None, default=None
        Weights of classes, >= 0, which multiply those of samples.
    <TabularParameters>

    Attributes
    ----------
    classes_ : (n_classes,) array
        Labels, sorted.
    n_features_in_ : int
        Columns of the table.
    feature_names_in_ : (n_features_in_,) array of str
        Names of the columns, if the table had some. Predictions then go by names, in whatever order
        they come.
    networks_ : list of Network
        They read prepared rows, whose features `get_feature_names_out` names.
    histories_ : list of History
        What was measured in training, for each network.
    n_iter_ : int
        Epochs trained, the largest of all networks.

    See Also
    --------
    MLPClassifier : in the place of scikit-learn's; reads numbers.

    References
    ----------
    .. [1] D. Holzmüller, L. Grinsztajn, I. Steinwart, "Better by Default: Strong Pre-Tuned MLPs and
       Boosted Trees on Tabular Data", NeurIPS 2024, arXiv:2407.04491.
    .. [2] Y. Gorishniy, I. Rubachev, A. Babenko, "On Embeddings for Numerical Features in Tabular
       Deep Learning", NeurIPS 2022, arXiv:2203.05556.

    Examples
    --------
    >>> import eigenmlp as em
    >>> table = {
    ...     "colour": ["red", "green", None, "red"] * 25,
    ...     "weight": [1.5, 0.3, 0.2, float("nan")] * 25,
    ... }
    >>> fruit = ["apple", "grape", "grape", "apple"] * 25
    >>> model = em.TabularClassifier(max_iter=20, random_state=0).fit(table, fruit)
    >>> model.predict({"weight": [0.25, 1.4], "colour": ["green", "red"]})
    array(['grape', 'apple'], dtype='<U5')
    """

    classes_: NDArray[Any]
    _plain_monitor = "accuracy"

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (256, 256, 256),
        activation: str | Sequence[str] = "selu",
        *,
        n_estimators: int = 1,
        max_iter: int = 64,
        batch_size: int = 256,
        learning_rate_init: float = 0.04,
        dropout: float | Sequence[float] = 0.15,
        monitor: str | Callable[..., float] = "accuracy",
        validation_fraction: float = 0.2,
        class_weight: Mapping[Any, float] | str | None = None,
        categorical_features: Sequence[int | str] = (),
        max_categories: int = 32,
        callbacks: Sequence[Callback] = (),
        verbose: bool | int | str = False,
        n_threads: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        store(self, locals())

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = constraints_of_tables(__init__)

    def predict(self, X: Any) -> NDArray[Any]:
        """Predict the classes of a table's rows.

        Parameters
        ----------
        X : as in `fit`
            Columns in any order if they have names; further ones are left aside, with a warning.

        Returns
        -------
        (n_samples,) array
            The labels of `classes_`.

        Raises
        ------
        NotFittedError
            If the model isn't fitted.
        TypeError, ValueError
            If the table lacks columns, or they can't be read as in training.
        """
        check_is_fitted(self)
        labels: NDArray[Any] = self.classes_[self._outputs(X).argmax(axis=1)]
        return labels

    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Predict the probabilities of classes, (n_samples, n_classes), in the order of `classes_`.

        Parameters
        ----------
        X : as in `fit`

        Returns
        -------
        (n_samples, n_classes) array
        """
        outputs = self._outputs(X)
        probabilities: NDArray[Any] = outputs / outputs.sum(axis=1, keepdims=True)
        return probabilities

    def _checked_y(self, y: Any) -> NDArray[Any]:
        labels = column_or_1d(_as_array(y), warn=True)
        if labels.dtype.kind == "O":
            gaps = np.flatnonzero([is_gap(label) for label in labels])
            if len(gaps):
                raise ValueError(
                    f"y has no label in row {gaps[0] + 1} (rows count from 1; {len(gaps)} lack "
                    "it): drop those rows"
                )
            labels = _of_one_type(labels)
        else:
            labels = _check_y(labels, estimator=self)
        check_classification_targets(labels)
        return np.asarray(labels)

    def _learn_labels(self, labels: NDArray[Any]) -> None:
        self.classes_ = np.unique(labels)

    def _targets(self, labels: NDArray[Any]) -> NDArray[Any]:
        places = np.searchsorted(self.classes_, labels).clip(max=len(self.classes_) - 1)
        strangers = self.classes_[places] != labels
        if strangers.any():
            row = int(strangers.argmax())
            raise ValueError(
                f"y_val has {shown(labels.tolist()[row])} in row {row + 1} (rows count from 1), "
                f"which is none of the classes of y: {listed([*map(repr, self.classes_.tolist())])}"
            )
        return places

    def _kinds(self, labels: NDArray[Any]) -> NDArray[Any] | None:
        return labels

    def _learn_scale(self, labels: NDArray[Any], weights: NDArray[Any] | None) -> None:
        """Nothing: classes have none."""

    def _first_bias(self, labels: NDArray[Any]) -> NDArray[Any]:  # noqa: ARG002
        return np.zeros(self._n_outputs())

    def _n_outputs(self) -> int:
        # One class needs a second that never is, for a softmax.
        return max(len(self.classes_), 2)

    def _loss(self) -> Loss:
        return CrossEntropy(label_smoothing=_SMOOTHING if scores_labels(self.monitor) else 0.0)

    def _class_weighted(
        self, samples: tuple[NDArray[Any], ...], labels: NDArray[Any]
    ) -> tuple[NDArray[Any], ...]:
        if self.class_weight is None:
            return samples
        of_classes = compute_sample_weight(self.class_weight, labels)
        X, targets, *weights = samples
        return X, targets, of_classes * weights[0] if weights else of_classes

    def _outputs(self, X: Any) -> NDArray[Any]:
        return super()._outputs(X)[:, : len(self.classes_)]


def _as_array(y: Any) -> NDArray[Any]:
    """Return labels as an array: of pandas', polars' and Arrow's words too."""
    if hasattr(y, "to_pylist"):
        y = y.to_pylist()
    if hasattr(y, "iloc") and getattr(y, "ndim", 1) == 1 and not isinstance(y.dtype, np.dtype):
        y = y.to_list()
    array = np.asarray(y)
    return np.asarray(y, dtype=object) if array.dtype.kind in "US" and _mixed(y) else array


def _of_one_type(labels: NDArray[Any]) -> NDArray[Any]:
    found = np.asarray(labels.tolist())
    if found.dtype.kind in "US" and not all(isinstance(label, str) for label in labels):
        kinds = {type(label).__name__: label for label in labels}
        some = " and ".join(f"{shown(label)}, {type_of(label)}" for label in kinds.values())
        raise ValueError(f"y holds labels of several types, {some}; make all of them texts")
    return found


def _mixed(y: Any) -> bool:
    return isinstance(y, (list, tuple)) and not all(isinstance(label, str) for label in y)
