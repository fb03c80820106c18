"""Labels: checked, and turned into what a network learns and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import type_of_target, unique_labels
from sklearn.utils.validation import validate_data

from eigenmlp.common.words import shortened, shown
from eigenmlp.estimators.base import BaseMLP
from eigenmlp.losses import BinaryCrossEntropy, CrossEntropy, Loss
from eigenmlp.training.weights import weighted_by_class

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LabelledMLP"]

_MOST_OF_CLASSES = 200  # characters in a message
# For scikit-learn, which compares labels with integers. Of NumPy's type, to which half precision is
# widened.
_TOO_LARGE = np.float64(2**63)


class LabelledMLP(BaseMLP):
    """A multilayer perceptron whose y are labels of classes."""

    classes_: NDArray[Any]
    _label_binarizer: Any

    def _validate_input(
        self, X: Any, y: Any, *, incremental: bool, reset: bool, held_out: bool = False
    ) -> tuple[Any, NDArray[Any]]:
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse="csr",
            multi_output=True,
            dtype=(np.float64, np.float32),
            reset=reset,
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        _refuse_no_labels(y)
        if not hasattr(self, "classes_") or not (self.warm_start or incremental or held_out):
            self._label_binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._label_binarizer.classes_
        else:
            # Validation data may lack classes.
            self._check_classes(y, all_of_them=self.warm_start and not held_out)
        return X, self._label_binarizer.transform(y).astype(bool)

    def _check_classes(self, y: NDArray[Any], *, all_of_them: bool) -> None:
        classes = unique_labels(y)
        known, found = (shortened(names, _MOST_OF_CLASSES) for names in (self.classes_, classes))
        if all_of_them and set(classes) != set(self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {known}, `y` has {found}"
            )
        if len(np.setdiff1d(classes, self.classes_, assume_unique=True)):
            raise ValueError(
                "`y` has classes not in `self.classes_`. "
                f"`self.classes_` has {known}. 'y' has {found}."
            )

    def _output_activation(self) -> str:
        return "softmax" if self._label_binarizer.y_type_ == "multiclass" else "logistic"

    def _loss_function(self) -> Loss:
        if self.out_activation_ == "softmax":
            return CrossEntropy(self.label_smoothing)
        return BinaryCrossEntropy()

    def _targets(self, y: NDArray[Any]) -> NDArray[Any]:
        if self.out_activation_ == "softmax":
            classes: NDArray[Any] = y.argmax(axis=1)
            return classes
        smoothed: NDArray[Any] = (1 - self.label_smoothing) * y + self.label_smoothing / 2
        return smoothed

    def _labels(self, y: NDArray[Any]) -> NDArray[Any]:
        labels: NDArray[Any] = self._label_binarizer.inverse_transform(y)
        return labels

    def _class_weighted(
        self,
        y: NDArray[Any],
        weights: NDArray[Any] | None,
        dtype: np.dtype[Any],
        *,
        incremental: bool,
    ) -> NDArray[Any] | None:
        if self.class_weight is None:
            return weights
        if incremental and self.class_weight == "balanced":
            raise ValueError(
                "class_weight='balanced' needs all samples to count, but partial_fit sees a part; "
                "pass the weights as a dict: see sklearn.utils.class_weight.compute_class_weight"
            )
        if self._label_binarizer.y_type_.startswith("multilabel"):
            raise ValueError(
                f"class_weight={shown(self.class_weight)} weighs a sample by its class, but y is "
                "multilabel, and a sample has any number of labels; pass sample_weight to fit"
            )
        return weighted_by_class(self.class_weight, self._labels(y), self.classes_, weights, dtype)


def _refuse_no_labels(y: NDArray[Any]) -> None:
    """Refuse what names no classes, of which scikit-learn tells no place and shows the whole array.

    Its checks look for the words "Unknown label type".
    """
    if y.dtype == object and y.ndim == 1:
        _refuse_objects(y)
    if y.dtype.kind == "f" and not sparse.issparse(y):
        _refuse_quantities(y)
    if y.ndim == 1 and y.dtype.kind in "biufUSO":
        return
    if type_of_target(y, input_name="y") == "unknown":
        raise ValueError(
            f"Unknown label type: y has shape {y.shape} and dtype {y.dtype}; pass (n_samples,) "
            "numbers or texts, or (n_samples, n_labels) zeros and ones"
        )


def _refuse_quantities(y: NDArray[Any]) -> None:
    quantities = (y != np.trunc(y)) | (np.abs(y) >= _TOO_LARGE)
    if quantities.any():
        place = tuple(np.argwhere(quantities)[0])
        raise ValueError(
            f"Unknown label type: y[{', '.join(map(str, place))}] is {shortened(y[place])}, but "
            "labels are whole numbers below 2**63, or texts. Quantities are predicted by "
            "MLPRegressor; if the decimals are names of classes, pass y.astype(str)"
        )


def _refuse_objects(y: NDArray[Any]) -> None:
    """Refuse objects but texts, and bytes, of which scikit-learn tells."""
    kinds = {type(label) for label in y}
    if all(issubclass(kind, str) for kind in kinds) or all(kind is bytes for kind in kinds):
        return
    if type(None) in kinds:
        row = next(row for row, label in enumerate(y) if label is None)
        raise ValueError(
            f"y[{row}] is None: the label is missing; put it there, or leave the sample out"
        )
    row = next(row for row, label in enumerate(y) if not isinstance(label, str))
    raise ValueError(
        f"Unknown label type: y is an array of objects, of which y[{row}] is {shown(y[row])} of "
        f"type {type(y[row]).__name__}; pass an array of one type, as y.astype(str) makes of any "
        "labels, and np.array(y.tolist()) of numbers"
    )
