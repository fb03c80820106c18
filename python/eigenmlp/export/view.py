"""A model as others see it, whichever kind it is: its network, its labels, its inputs' names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from eigenmlp.common.words import shown
from eigenmlp.network import Network

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "ModelView",
    "feature_names_of",
    "is_of_tables",
    "names_as_metadata",
    "networks_of",
    "view_of",
]


class ModelView(NamedTuple):
    """A model as its network and what the classes are called.

    Attributes
    ----------
    network : Network
        Of an estimator the model's own: not to be changed.
    kind : {"network", "classifier", "regressor"}
    classes : (n_classes,) array or None
        Labels as `y` had them; None for a network and for a regressor.
    multilabel : bool
        Whether each output stands for a label of its own, several of which a sample may have.
    """

    network: Network
    kind: str
    classes: NDArray[Any] | None
    multilabel: bool


def is_of_tables(model: object) -> bool:
    """Tell an estimator for tables, which prepares them, and may have several networks."""
    if isinstance(model, Network):
        return False
    from eigenmlp.tabular import TabularClassifier, TabularRegressor

    return isinstance(model, (TabularClassifier, TabularRegressor))


def view_of(model: object) -> ModelView:
    """Look at a network or a fitted estimator as what can be exported.

    Raises
    ------
    TypeError
        If `model` is neither.
    sklearn.exceptions.NotFittedError
        If it is an estimator that isn't fitted.
    """
    if isinstance(model, Network):
        return ModelView(model, "network", None, multilabel=False)
    from sklearn.utils.validation import check_is_fitted

    from eigenmlp.estimators import MLPClassifier, MLPRegressor

    if is_of_tables(model):
        raise TypeError(
            f"model is a {type(model).__name__}, whose networks read rows that it has prepared; "
            "em.export.to_onnx and to_c write all of it; else export one of model.networks_, which "
            "reads what model.get_feature_names_out() names"
        )
    if not isinstance(model, (MLPClassifier, MLPRegressor)):
        raise TypeError(
            f"model={shown(model)} is neither an eigenmlp.Network nor an MLPClassifier or "
            "MLPRegressor of eigenmlp; of a Pipeline pass its last step"
        )
    check_is_fitted(model)
    network = model._model()
    if isinstance(model, MLPRegressor):
        return ModelView(network, "regressor", None, multilabel=False)
    multilabel = model._label_binarizer.y_type_.startswith("multilabel")
    return ModelView(network, "classifier", model.classes_, multilabel)


def networks_of(model: Any) -> list[Network]:
    """Return a model's networks, of which only a model for tables may have several.

    Raises
    ------
    TypeError, sklearn.exceptions.NotFittedError
        As `view_of`.
    """
    if not is_of_tables(model):
        return [view_of(model).network]
    from sklearn.utils.validation import check_is_fitted

    check_is_fitted(model)
    return list(model.networks_)


def feature_names_of(model: Any) -> tuple[str, ...] | None:
    """Return the names of a model's inputs, if they are known."""
    if isinstance(model, Network):
        return model.feature_names
    names = getattr(model, "feature_names_in_", None)
    return None if names is None else tuple(map(str, names))


def names_as_metadata(model: Any) -> dict[str, str]:
    """Return the names that are known as JSON, for files that keep texts beside a model."""
    known: dict[str, str] = {}
    classes, names = getattr(model, "classes_", None), feature_names_of(model)
    if classes is not None:
        known["classes"] = json.dumps([str(label) for label in classes])
    if names is not None:
        known["feature_names"] = json.dumps(names)
    return known
