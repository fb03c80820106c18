"""The constructor's parameters: what each may be, said once, and which don't go together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.metrics import get_scorer_names
from sklearn.utils._param_validation import (
    Interval,
    Options,
    StrOptions,
    validate_parameter_constraints,
)

from eigenmlp.callbacks import Callback
from eigenmlp.common.words import shown
from eigenmlp.training.weights import checked_class_weights

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "ACTIVATIONS_BEYOND",
    "CLASSIFIER_CONSTRAINTS",
    "CONSTRAINTS",
    "REGRESSOR_CONSTRAINTS",
    "STOCHASTIC_SOLVERS",
    "check_entries",
    "hidden_sizes",
    "per_layer",
    "refuse_for_lbfgs",
    "store",
]

STOCHASTIC_SOLVERS = ("sgd", "adam", "adamw")
ACTIVATIONS_BEYOND = ("leaky_relu", "elu", "silu", "gelu")


class _Number(Interval):  # type: ignore[misc]  # scikit-learn has no types
    """A range of numbers. Python counts True as the number 1; nobody means that."""

    def is_satisfied_by(self, val: Any) -> bool:
        return not isinstance(val, bool) and bool(super().is_satisfied_by(val))


_AT_LEAST_0 = _Number(Real, 0, None, closed="left")
_ABOVE_0 = _Number(Real, 0, None, closed="neither")
_BELOW_1 = _Number(Real, 0, 1, closed="left")
_COUNT = _Number(Integral, 1, None, closed="left")

_ACTIVATION = StrOptions({"identity", "logistic", "tanh", "relu", *ACTIVATIONS_BEYOND})
_NORMALIZATION = StrOptions({"batch", "layer"})

CONSTRAINTS: dict[str, list[Any]] = {
    # scikit-learn's
    "hidden_layer_sizes": ["array-like", _COUNT],
    "activation": [_ACTIVATION, list, tuple],
    "solver": [StrOptions({"lbfgs", *STOCHASTIC_SOLVERS})],
    "alpha": [_AT_LEAST_0],
    "batch_size": [StrOptions({"auto"}), _COUNT],
    "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"}), callable],
    "learning_rate_init": [_ABOVE_0],
    "power_t": [_AT_LEAST_0],
    "max_iter": [_COUNT],
    "shuffle": ["boolean"],
    "random_state": [_Number(Integral, 0, 2**32 - 1, closed="both"), np.random.RandomState, None],
    "tol": [_AT_LEAST_0],
    "verbose": ["verbose", StrOptions({"bar"})],
    "warm_start": ["boolean"],
    "momentum": [_Number(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [_BELOW_1],
    "beta_1": [_BELOW_1],
    "beta_2": [_BELOW_1],
    "epsilon": [_ABOVE_0],
    "n_iter_no_change": [_COUNT, Options(Real, {np.inf})],
    "max_fun": [_COUNT],
    # and beyond
    "dropout": [_BELOW_1, list, tuple],
    "normalization": [_NORMALIZATION, list, tuple, None],
    "amsgrad": ["boolean"],
    "weight_decay": [_AT_LEAST_0],
    "clip_norm": [_ABOVE_0, None],
    "clip_value": [_ABOVE_0, None],
    "schedule_unit": [StrOptions({"epoch", "step"})],
    "monitor": [StrOptions({"loss", *get_scorer_names()}), callable, None],
    "callbacks": [list, tuple],
    "n_threads": [_COUNT, None],
}

# Of the entries of a list.
_ENTRIES: dict[str, list[Any]] = {
    "hidden_layer_sizes": [_COUNT],
    "activation": [_ACTIVATION],
    "dropout": [_BELOW_1],
    "normalization": [_NORMALIZATION, None],
    "callbacks": [Callback],
}

CLASSIFIER_CONSTRAINTS: dict[str, list[Any]] = {
    **CONSTRAINTS,
    "label_smoothing": [_BELOW_1],
    "class_weight": [dict, StrOptions({"balanced"}), None],
}

REGRESSOR_CONSTRAINTS: dict[str, list[Any]] = {
    **CONSTRAINTS,
    "loss": [StrOptions({"squared_error", "absolute_error", "huber", "poisson"})],
    "huber_delta": [_ABOVE_0],
}


def store(estimator: Any, arguments: Mapping[str, Any]) -> None:
    """Keep a constructor's arguments, its ``locals()``, as attributes, untouched."""
    for name in CLASSIFIER_CONSTRAINTS | REGRESSOR_CONSTRAINTS:
        if name in arguments:
            setattr(estimator, name, arguments[name])


def check_entries(parameters: Mapping[str, Any]) -> None:
    """Check the entries of lists, and the weights of classes, one by one.

    Raises
    ------
    TypeError, ValueError
        Naming the parameter and the entry's place.
    """
    for name, constraints in _ENTRIES.items():
        value = parameters[name]
        if isinstance(value, Mapping):
            raise TypeError(f"{name}={shown(value)} is a dict; pass one value, or a list")
        for index, entry in enumerate(value if isinstance(value, (list, tuple)) else ()):
            validate_parameter_constraints(
                {f"{name}[{index}]": constraints}, {f"{name}[{index}]": entry}, "a model"
            )
    if isinstance(parameters.get("class_weight"), Mapping):
        checked_class_weights(parameters["class_weight"])


def hidden_sizes(value: int | Sequence[int]) -> list[int]:
    """Units of the hidden layers, from a number or a sequence of them."""
    sizes: list[Any] = list(value) if isinstance(value, Iterable) else [value]
    for index, size in enumerate(sizes):
        if isinstance(size, bool) or not isinstance(size, Integral):
            raise TypeError(
                f"hidden_layer_sizes[{index}]={shown(size)} is not an integer; pass the units of "
                "each hidden layer, such as (100, 50)"
            )
    if any(size <= 0 for size in sizes):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {shown(sizes)}.")
    return sizes


def per_layer(value: Any, n_layers: int) -> tuple[Any, ...]:
    """One value a hidden layer, from one for all or a list of them."""
    return tuple(value) if isinstance(value, (list, tuple)) else (value,) * n_layers


def refuse_for_lbfgs(
    parameters: Mapping[str, Any], *, validates: bool, resume_from: object
) -> None:
    """Refuse what needs batches or epochs, which L-BFGS hasn't.

    scikit-learn's own parameters are passed over, as there.

    Raises
    ------
    ValueError
        Naming the parameters and their values.
    """
    dropout = parameters["dropout"]
    normalization = parameters["normalization"]
    refused = {
        "dropout": any(p != 0 for p in per_layer(dropout, 1)),
        "normalization": "batch" in per_layer(normalization, 1),
        "learning_rate": callable(parameters["learning_rate"]),
        "clip_norm": parameters["clip_norm"] is not None,
        "clip_value": parameters["clip_value"] is not None,
        "monitor": parameters["monitor"] is not None,
        "callbacks": len(parameters["callbacks"]) > 0,
        "verbose": parameters["verbose"] == "bar",
    }
    names = [f"{name}={parameters[name]!r}" for name, is_so in refused.items() if is_so]
    names += ["X_val"] * validates + ["resume_from"] * (resume_from is not None)
    if names:
        raise ValueError(
            f"solver='lbfgs' works on all samples at once, without batches and epochs, and can't "
            f"use {', '.join(names)}; take one of the solvers {', '.join(STOCHASTIC_SOLVERS)}, or "
            "leave these at their defaults"
        )
