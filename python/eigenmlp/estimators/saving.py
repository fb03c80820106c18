"""Fitted estimators as model files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.validation import check_is_fitted

from eigenmlp.common.words import shown
from eigenmlp.estimators.attributes import FITTED
from eigenmlp.estimators.fitted import OUTPUTS, FittedNetwork
from eigenmlp.estimators.parameters import check_entries
from eigenmlp.estimators.stored_values import (
    array_from_json,
    array_to_json,
    from_json,
    to_json,
)
from eigenmlp.network import model_file

if TYPE_CHECKING:
    import os

    from eigenmlp.network import Network

__all__ = [
    "Savable",
    "refuse_own_class",
    "refuse_unknown",
    "restored",
    "restored_parameters",
    "stored_parameters",
]

# Each call of `predict` would start as many as it has rows for.
_MOST_THREADS = 1024


# What a model file keeps beside the network; some of it is not there after every fit.
_RECORD = {name: attribute.fits for name, attribute in FITTED.items() if attribute.fits}


class Savable(FittedNetwork):
    """A fitted estimator that can be written to a model file."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted estimator to a safetensors file; `eigenmlp.load_model` reads it.

        The file holds the network, the constructor's parameters and the fitted attributes, and no
        pickles. The optimizer's moments and the place in a learning rate schedule don't come
        along: training on starts with fresh ones. `eigenmlp.load_network` reads the network alone.

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
            If a parameter is out of its range, or the model beyond the limits of model files.
        OSError
            If the file can't be written.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> import eigenmlp as em
        >>> X, y = [[0.0], [1.0], [2.0], [3.0]], ["low", "low", "high", "high"]
        >>> clf = em.MLPClassifier(solver="lbfgs", random_state=0).fit(X, y)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     clf.save(Path(folder) / "model.safetensors")
        ...     loaded = em.load_model(Path(folder) / "model.safetensors")
        >>> loaded.predict([[-1.0], [4.0]])
        array(['low', 'high'], dtype='<U4')
        """
        check_is_fitted(self)
        refuse_own_class(self)
        network = self._model()
        description = self._description()
        # What a file holds, `load_model` shall be able to read.
        restored(type(self), description, network)
        layers = network.split(network.get_flat_parameters())
        model_file.write(path, network._architecture, layers, description)

    def _description(self) -> dict[str, Any]:
        description: dict[str, Any] = {
            "kind": type(self).__name__,
            "parameters": stored_parameters(self),
            "record": {
                name: to_json(getattr(self, name)) for name in _RECORD if hasattr(self, name)
            },
        }
        if hasattr(self, "feature_names_in_"):
            description["feature_names"] = [str(name) for name in self.feature_names_in_]
        if is_classifier(self):
            binarizer = self._label_binarizer
            description["classes"] = array_to_json(self.classes_)
            description["target"] = binarizer.y_type_
            description["sparse_target"] = bool(binarizer.sparse_input_)
        return description


def refuse_own_class(estimator: Any) -> None:
    """Refuse to store what is of a user's class."""
    if type(estimator).__module__.partition(".")[0] != "eigenmlp":
        raise TypeError(
            f"{type(estimator).__name__} is a class of your own, and a model file holds no code; "
            "export its network, or copy what was fitted into a class of eigenmlp"
        )


def stored_parameters(estimator: Any) -> dict[str, Any]:
    """Return an estimator's parameters as JSON.

    Raises
    ------
    TypeError
        If one is code, or the state of a generator.
    """
    stored = {}
    for name, value in estimator.get_params(deep=False).items():
        try:
            stored[name] = to_json(value)
        except TypeError as error:
            raise TypeError(
                f"{name}={shown(value)} can't be stored in a model file, which holds no code "
                "and no state of generators; predictions don't depend on it: set the default "
                f"first with set_params, and again after loading ({error})"
            ) from error
    return stored


def restored(kind: type[Any], description: dict[str, Any], network: Network) -> Any:
    """Make the fitted estimator that `Savable.save` has described.

    Parameters
    ----------
    kind : type
        The class that the description names.
    description : dict
        JSON.
    network : Network
        The estimator's from now on.

    Raises
    ------
    ValueError, TypeError, OverflowError
        If the description is of something else, or contradicts the network.
    """
    allowed = {"kind", "parameters", "record", "feature_names"}
    if is_classifier(kind()):
        allowed |= {"classes", "target", "sparse_target"}
    refuse_unknown("the description", description, allowed)
    model = kind(**restored_parameters(kind, description.get("parameters")))
    model._validate_params()
    check_entries(model.get_params(deep=False))
    output, n_outputs = network.output, network.layer_sizes[-1]
    if network.input_scale != 1:
        raise ValueError(f"the network's input_scale is {network.input_scale}, not 1")
    _restore_record(model, description.get("record"))
    _restore_feature_names(model, description.get("feature_names"), network.layer_sizes[0])
    if is_classifier(model):
        _restore_labels(model, description, output, n_outputs)
    elif output not in {"identity", "exponential"}:
        raise ValueError(f"a regressor has no output={shown(output)}")
    model.n_features_in_ = network.layer_sizes[0]
    model.n_layers_ = len(network.layer_sizes)
    model.n_outputs_ = n_outputs
    model.out_activation_ = next(name for name, of in OUTPUTS.items() if of == output)
    model._network = network
    model._show()
    return model


def refuse_unknown(what: str, given: Any, known: Any) -> None:
    """Refuse what is no object of JSON, or has other entries than the known ones."""
    if not isinstance(given, dict):
        raise TypeError(f"{what} is not an object of JSON")
    unknown = sorted(given.keys() - set(known))
    if unknown:
        raise ValueError(f"{what} has unknown entries: {unknown[:6]}")


def restored_parameters(kind: type[Any], stored: Any) -> dict[str, Any]:
    """Return the parameters of an estimator's kind that a file has stored."""
    refuse_unknown("the set of parameters", stored, kind().get_params(deep=False))
    parameters = {name: from_json(value) for name, value in stored.items()}
    n_threads = parameters.get("n_threads")
    if isinstance(n_threads, int) and n_threads > _MOST_THREADS:
        raise ValueError(
            f"n_threads={n_threads} is more than {_MOST_THREADS}, the most that a file may ask for"
        )
    return parameters


def _restore_record(model: Any, stored: Any) -> None:
    refuse_unknown("the record", stored, _RECORD)
    for name, value in stored.items():
        restored_value = from_json(value)
        if not _RECORD[name](restored_value):
            raise ValueError(f"the record has {name}={shown(restored_value)}")
        setattr(model, name, restored_value)
    if not {"n_iter_", "t_"} <= stored.keys():
        raise ValueError("the record has no n_iter_ or no t_")
    scores, best = stored.get("validation_scores_"), stored.get("best_validation_score_")
    if (scores is None) != (best is None):
        raise ValueError("the record has validation scores without a best one, or the reverse")


def _restore_feature_names(model: Any, names: Any, n_features: int) -> None:
    if names is None:
        return
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise TypeError("the feature names are not a list of texts")
    if len(names) != n_features:
        raise ValueError(f"there are {len(names)} feature names for {n_features} features")
    model.feature_names_in_ = np.array(names, dtype=object)


def _restore_labels(model: Any, description: dict[str, Any], output: str, n_outputs: int) -> None:
    classes = array_from_json(description.get("classes"))
    target, sparse = description.get("target"), description.get("sparse_target")
    fitting = {
        "binary": output == "logistic" and n_outputs == 1 and len(classes) in {1, 2},
        "multiclass": output == "softmax" and n_outputs == len(classes),
        "multilabel-indicator": output == "logistic" and n_outputs == len(classes),
    }
    if not isinstance(target, str) or not fitting.get(target, False):
        raise ValueError(
            f"target={shown(target)} with {len(classes)} classes doesn't fit {n_outputs} {output} "
            "outputs"
        )
    if not isinstance(sparse, bool):
        raise TypeError(f"sparse_target={shown(sparse)} is not a bool")
    if (classes[1:] <= classes[:-1]).any():
        raise ValueError("the classes are not sorted, or not each there once")
    binarizer = LabelBinarizer()
    binarizer.classes_, binarizer.y_type_, binarizer.sparse_input_ = classes, target, sparse
    model.classes_, model._label_binarizer = classes, binarizer
