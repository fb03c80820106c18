"""Fitted estimators for tables as model files."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.utils.validation import check_is_fitted

from eigenmlp.common.words import shown
from eigenmlp.estimators.saving import (
    refuse_own_class,
    refuse_unknown,
    restored_parameters,
    stored_parameters,
)
from eigenmlp.estimators.stored_values import array_from_json, array_to_json
from eigenmlp.network import model_file
from eigenmlp.tabular.preparation import CategoryFeatures, NumberFeatures, Preparation

if TYPE_CHECKING:
    import os

    from eigenmlp.network import Network

__all__ = ["SavableTable", "restored_table"]


class SavableTable(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A fitted estimator for tables that can be written to a model file."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted estimator to a safetensors file; `eigenmlp.load_model` reads it.

        The file holds the preparation of the table, the networks, the classes or the scale of the
        targets, and the constructor's parameters, and no pickles. `histories_` stay behind.

        Parameters
        ----------
        path : path-like
            File to write, by custom ``*.safetensors``. An existing one is replaced in one step.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator isn't fitted.
        TypeError
            If a parameter is one that a file can't hold (a function, a callback, a RandomState),
            or the estimator of a class of your own.
        ValueError
            If the model is beyond the limits of model files.
        OSError
            If the file can't be written.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> import eigenmlp as em
        >>> table = {"colour": ["red", "green"] * 20}
        >>> fruit = ["apple", "grape"] * 20
        >>> model = em.TabularClassifier(max_iter=5, random_state=0).fit(table, fruit)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.save(Path(folder) / "fruit.safetensors")
        ...     loaded = em.load_model(Path(folder) / "fruit.safetensors")
        >>> loaded.predict({"colour": ["green", "red"]})
        array(['grape', 'apple'], dtype='<U5')
        """
        check_is_fitted(self)
        refuse_own_class(self)
        description = {
            "kind": type(self).__name__,
            "parameters": stored_parameters(self),
            "n_iter": int(self.n_iter_),
            "table": _table_to_json(self._preparation),
        }
        if is_classifier(self):
            description["classes"] = array_to_json(self.classes_)
        else:
            scale = {"mean": self._mean.tolist(), "deviation": self._deviation.tolist()}
            description["target"] = {**scale, "flat": bool(self._flat)}
        # What a file holds, `load_model` shall be able to read.
        restored_table(type(self), description, self.networks_)
        layers = [network.split(network.get_flat_parameters()) for network in self.networks_]
        architecture = self.networks_[0]._architecture
        model_file.write(path, architecture, layers[0], description, others=layers[1:])


def restored_table(kind: type[Any], description: dict[str, Any], networks: list[Network]) -> Any:
    """Make the fitted estimator that `SavableTable.save` has described.

    Raises
    ------
    ValueError, TypeError, OverflowError
        If the description is of something else, or contradicts the networks.
    """
    classifies = is_classifier(kind())
    known = {"kind", "parameters", "n_iter", "table", "classes" if classifies else "target"}
    refuse_unknown("the description", description, known)
    model = kind(**restored_parameters(kind, description.get("parameters")))
    model._validate_params()
    n_iter = description.get("n_iter")
    if type(n_iter) is not int or n_iter < 0:
        raise ValueError(f"n_iter={shown(n_iter)} is no number of epochs")
    network = networks[0]
    if network.input_scale != 1:
        raise ValueError(f"the network's input_scale is {network.input_scale}, not 1")
    preparation = _table_from_json(description.get("table"))
    if preparation.n_features != network.layer_sizes[0]:
        raise ValueError(
            f"the table has {preparation.n_features} features, but the network reads "
            f"{network.layer_sizes[0]}"
        )
    if classifies:
        model.classes_ = array_from_json(description.get("classes"))
        if (model.classes_[1:] <= model.classes_[:-1]).any():
            raise ValueError("the classes are not sorted, or not each there once")
        fitting = network.output == "softmax" and len(model.classes_) > 0
    else:
        model._mean, model._deviation, model._flat = _target(description.get("target"))
        fitting = network.output in {"identity", "exponential"}
    if not fitting or model._n_outputs() != network.layer_sizes[-1]:
        raise ValueError(
            f"{network.layer_sizes[-1]} {network.output} outputs are not those of a {kind.__name__}"
        )
    model._preparation, model.networks_, model.n_iter_ = preparation, list(networks), n_iter
    model._name_features([column.name for column in preparation.columns], preparation.named)
    return model


def _table_to_json(preparation: Preparation) -> dict[str, Any]:
    columns: list[dict[str, Any]] = []
    for column in preparation.columns:
        if isinstance(column, NumberFeatures):
            learnt = {"median": column.median, "scale": column.scale, "gaps": column.gaps}
            borders = list(column.borders)
            columns.append({"number": column.name, **learnt, "borders": borders})
        else:
            kept = {"categories": list(column.categories), "rare": list(column.rare)}
            columns.append({"category": column.name, **kept})
    return {"named": preparation.named, "columns": columns}


def _table_from_json(stored: Any) -> Preparation:
    match stored:
        case {"named": bool(named), "columns": [_, *_] as columns, **rest} if not rest:
            pass
        case _:
            raise ValueError("the table is not described by its columns")
    learnt = tuple(_column_from_json(column) for column in columns)
    if len({column.name for column in learnt}) < len(learnt):
        raise ValueError("several columns of the table have the same name")
    return Preparation(learnt, named)


def _column_from_json(stored: Any) -> NumberFeatures | CategoryFeatures:
    match stored:
        case {
            "number": str(name),
            "median": float() | None as median,
            "scale": float(scale),
            "gaps": bool(gaps),
            "borders": list(borders),
            **rest,
        } if not rest and math.isfinite(median or 0) and 0 <= scale < math.inf and _ascend(borders):
            if median is None and (scale > 0 or borders or not gaps):
                raise ValueError(f"column {shown(name)} has a scale or borders, but no median")
            return NumberFeatures(name, median, scale, gaps, tuple(borders))
        case {
            "category": str(name),
            "categories": list(categories),
            "rare": list(rare),
            **rest,
        } if not rest and _are_distinct_texts([*categories, *rare]):
            return CategoryFeatures(name, tuple(categories), tuple(rare))
    raise ValueError(f"{shown(stored)} describes no column of a table")


def _ascend(borders: list[Any]) -> bool:
    """Tell whether borders of parts are none, or three or more ascending ones."""
    if not all(type(border) is float for border in borders) or len(borders) in {1, 2}:
        return False
    steps = all(low < high for low, high in pairwise(borders))
    return steps and (not borders or math.isfinite(borders[-1] - borders[0]))


def _are_distinct_texts(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values) and len(set(values)) == len(values)


def _target(stored: Any) -> tuple[Any, Any, bool]:
    match stored:
        case {
            "mean": list(means),
            "deviation": list(deviations),
            "flat": bool(flat),
            **rest,
        } if not rest and len(means) == len(deviations) and means:
            numbers = [*means, *deviations]
            if all(type(n) is float and math.isfinite(n) for n in numbers) and all(
                deviation > 0 for deviation in deviations
            ):
                if flat and len(means) > 1:
                    raise ValueError("the target is flat, but has several outputs")
                return np.array(means), np.array(deviations), flat
    raise ValueError(f"target={shown(stored)} is no scale of targets")
