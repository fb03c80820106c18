"""A model as others see it, whichever kind it is: its network, its labels, its columns' names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from eigenmlp.network import Network

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ModelView", "view_of"]


class ModelView(NamedTuple):
    """A model as its network and what its classes and inputs are called.

    Attributes
    ----------
    network : Network
        Of an estimator the model's own: not to be changed.
    kind : {"network", "classifier", "regressor"}
    classes : (n_classes,) array or None
        Labels as `y` had them; None for a network and for a regressor.
    multilabel : bool
        Whether each output stands for a label of its own, several of which a sample may have.
    feature_names : tuple of str or None
        Names of the inputs, if they are known.
    """

    network: Network
    kind: str
    classes: NDArray[Any] | None
    multilabel: bool
    feature_names: tuple[str, ...] | None


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
        return ModelView(model, "network", None, False, model.feature_names)
    from sklearn.utils.validation import check_is_fitted

    from eigenmlp.estimators import MLPClassifier, MLPRegressor

    if not isinstance(model, (MLPClassifier, MLPRegressor)):
        raise TypeError(
            f"model={model!r} is neither an eigenmlp.Network nor an MLPClassifier or MLPRegressor "
            "of eigenmlp; of a Pipeline pass its last step"
        )
    check_is_fitted(model)
    network = model._model()
    columns = getattr(model, "feature_names_in_", None)
    names = None if columns is None else tuple(map(str, columns))
    if isinstance(model, MLPRegressor):
        return ModelView(network, "regressor", None, False, names)
    multilabel = model._label_binarizer.y_type_.startswith("multilabel")
    return ModelView(network, "classifier", model.classes_, multilabel, names)
