"""What a fit leaves on an estimator: every attribute once, with all that is done with it."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["FITTED", "FittedAttribute", "begin_record", "forget_record", "names_of"]

_NOT_BEGUN: Any = object()


@dataclass(frozen=True, kw_only=True)
class FittedAttribute:
    """What is done with an attribute of a fitted estimator.

    Attributes
    ----------
    shared : bool
        Whether scikit-learn's models have it as well, so that conversions copy it.
    per_epoch : bool
        Whether it changes from epoch to epoch, so that checkpoints keep it.
    first : object
        Before the first epoch of a fit by epochs; without it, such a fit begins nothing.
    fits : callable or None
        Whether a value from the record of a model file can be one of it; None if that record
        doesn't hold it.
    """

    shared: bool = False
    per_epoch: bool = False
    first: Any = _NOT_BEGUN
    fits: Callable[[Any], bool] | None = None


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_number(value: Any) -> bool:
    return type(value) in {int, float}


def _is_curve(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_number, value))


def _is_number_or_none(value: Any) -> bool:
    return value is None or _is_number(value)


def _is_curve_or_none(value: Any) -> bool:
    return value is None or _is_curve(value)


# The network itself, `coefs_` and `intercepts_` are not part of it: see `FittedNetwork`.
FITTED: dict[str, FittedAttribute] = {
    "classes_": FittedAttribute(shared=True),
    "n_features_in_": FittedAttribute(shared=True),
    "feature_names_in_": FittedAttribute(shared=True),
    "n_outputs_": FittedAttribute(shared=True),
    "n_layers_": FittedAttribute(shared=True),
    "out_activation_": FittedAttribute(shared=True),
    "_label_binarizer": FittedAttribute(shared=True),
    "n_iter_": FittedAttribute(shared=True, per_epoch=True, fits=_is_count),
    "t_": FittedAttribute(shared=True, per_epoch=True, fits=_is_count),
    "loss_": FittedAttribute(shared=True, per_epoch=True, fits=_is_number),
    "loss_curve_": FittedAttribute(shared=True, per_epoch=True, first=[], fits=_is_curve),
    # None where the validation score decides.
    "best_loss_": FittedAttribute(shared=True, per_epoch=True, first=None, fits=_is_number_or_none),
    # None without validation data.
    "validation_scores_": FittedAttribute(
        shared=True, per_epoch=True, first=None, fits=_is_curve_or_none
    ),
    "best_validation_score_": FittedAttribute(
        shared=True, per_epoch=True, first=None, fits=_is_number_or_none
    ),
    "validation_loss_curve_": FittedAttribute(per_epoch=True, first=None, fits=_is_curve_or_none),
    "_no_improvement_count": FittedAttribute(shared=True, per_epoch=True, first=0, fits=_is_count),
    "_best_parameters": FittedAttribute(per_epoch=True, first=None),
}


def names_of(which: Callable[[FittedAttribute], object]) -> Iterator[str]:
    """Name the attributes that something is true of."""
    return (name for name, attribute in FITTED.items() if which(attribute))


def _is_begun(attribute: FittedAttribute) -> bool:
    return attribute.first is not _NOT_BEGUN


def begin_record(estimator: Any) -> None:
    """Give an estimator what a fit by epochs begins with and isn't there yet."""
    for name in names_of(_is_begun):
        if not hasattr(estimator, name):
            setattr(estimator, name, copy.copy(FITTED[name].first))


def forget_record(estimator: Any) -> None:
    """Take away what grew from epoch to epoch."""
    for name in names_of(_is_begun):
        estimator.__dict__.pop(name, None)
