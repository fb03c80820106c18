"""The constructor's parameters: what each may be, said once, and which don't go together."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterable, Mapping
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
from eigenmlp.common import options
from eigenmlp.common.options import check_of
from eigenmlp.common.words import shown
from eigenmlp.losses import LOSSES, Huber, Loss, Quantile
from eigenmlp.network.architecture import ACTIVATIONS, NORMALIZATIONS
from eigenmlp.optimizers import OPTIMIZERS, SGD, Adam, AdamW
from eigenmlp.training import TrainingSettings
from eigenmlp.training.weights import checked_class_weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eigenmlp.optimizers import Optimizer

__all__ = [
    "OPTIONS_OF_LOSSES",
    "SKLEARN_ACTIVATIONS",
    "STOCHASTIC_SOLVERS",
    "check_entries",
    "constraints_of",
    "hidden_sizes",
    "loss_of",
    "passed_on",
    "per_layer",
    "refuse_for_lbfgs",
    "rule_of",
    "store",
]

STOCHASTIC_SOLVERS = tuple(OPTIMIZERS)
SKLEARN_ACTIVATIONS = ("identity", "logistic", "tanh", "relu")


class _Number(Interval):  # type: ignore[misc]  # scikit-learn has no types
    """A range of numbers. Python counts True as the number 1; nobody means that."""

    def is_satisfied_by(self, val: Any) -> bool:
        return not isinstance(val, bool) and bool(super().is_satisfied_by(val))


_AT_LEAST_0 = _Number(Real, 0, None, closed="left")
_ABOVE_0 = _Number(Real, 0, None, closed="neither")
_BELOW_1 = _Number(Real, 0, 1, closed="left")
_COUNT = _Number(Integral, 1, None, closed="left")

_ACTIVATION = StrOptions({*ACTIVATIONS})
_NORMALIZATION = [StrOptions({*NORMALIZATIONS} - {None}), None]

_REGRESSION_LOSSES: dict[str, type[Loss]] = {
    name: kind for name, kind in LOSSES.items() if kind.output in {"identity", "exponential"}
}
# Options of losses by the names of the parameters that they are.
OPTIONS_OF_LOSSES: dict[str, tuple[type[Loss], str]] = {
    "huber_delta": (Huber, "delta"),
    "quantile": (Quantile, "q"),
}

# As scikit-learn has them.
_SKLEARN: dict[str, list[Any]] = {
    "hidden_layer_sizes": ["array-like", _COUNT],
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
}
_CONSTRAINTS: dict[str, list[Any]] = {
    **_SKLEARN,
    "activation": [_ACTIVATION, list, tuple],
    "solver": [StrOptions({"lbfgs", *STOCHASTIC_SOLVERS})],
    "loss": [StrOptions({*_REGRESSION_LOSSES})],
    "label_smoothing": [_BELOW_1],
    "class_weight": [dict, StrOptions({"balanced"}), None],
    "dropout": [_BELOW_1, list, tuple],
    "normalization": [*_NORMALIZATION, list, tuple],
    "monitor": [StrOptions({"loss", *get_scorer_names()}), callable, None],
    "callbacks": [list, tuple],
    "n_threads": [_COUNT, None],
    "n_estimators": [_COUNT],
    "max_categories": [_Number(Integral, 2, None, closed="left")],
    "categorical_features": ["array-like"],
}

# Of the entries of a list.
_ENTRIES: dict[str, list[Any]] = {
    "hidden_layer_sizes": [_COUNT],
    "activation": [_ACTIVATION],
    "dropout": [_BELOW_1],
    "normalization": _NORMALIZATION,
    "callbacks": [Callback],
}
_SETTINGS = {field.name for field in dataclasses.fields(TrainingSettings)}


def constraints_of(constructor: Callable[..., None]) -> dict[str, list[Any]]:
    """Say what each parameter of a constructor may be, for scikit-learn to check.

    What isn't listed here is an option of a loss, of an update rule, or of training, of the same
    name, and may be what that may be.
    """
    names = [*inspect.signature(constructor).parameters][1:]
    return {name: _CONSTRAINTS.get(name) or _constraints(_check_of(name)) for name in names}


def _check_of(name: str) -> Any:
    if name in OPTIONS_OF_LOSSES:
        return check_of(*OPTIONS_OF_LOSSES[name])
    kinds: list[Any] = [TrainingSettings, *OPTIMIZERS.values()]
    return next(check_of(kind, name) for kind in kinds if name in kind.__dataclass_fields__)


def _constraints(check: Any) -> list[Any]:
    """Return an option's check as scikit-learn has such; what it hasn't, training refuses."""
    optional: list[Any] = [None] if getattr(check, "optional", False) else []
    match check:
        case options.Real():
            least = "left" if not check.beyond_least else "neither"
            closed = {"left": "both", "neither": "right"}[least] if check.up_to_most else least
            most = check.most if np.isfinite(check.most) else None
            return [_Number(Real, check.least, most, closed=closed), *optional]
        case options.Whole():
            return [_Number(Integral, check.least, None, closed="left"), *optional]
        case options.Flag():
            return ["boolean"]
        case options.Choice():
            return [StrOptions({*check.names})]
        case options.Table():
            return [dict, None]
    return ["no_validation"]


def store(estimator: Any, arguments: Mapping[str, Any]) -> None:
    """Keep a constructor's arguments, its ``locals()``, as attributes, untouched."""
    for name in estimator._parameter_constraints:
        if name in arguments:
            setattr(estimator, name, arguments[name])


def passed_on(estimator: Any) -> dict[str, Any]:
    """Return the parameters that are options of `eigenmlp.train`, under the same name."""
    shared = _SETTINGS - _CONSTRAINTS.keys()
    names = [name for name in estimator._parameter_constraints if name in shared]
    return {name: getattr(estimator, name) for name in names}


def loss_of(estimator: Any) -> Loss:
    """Return the loss of a regressor, with its options."""
    kind = _REGRESSION_LOSSES[estimator.loss]
    return kind(
        **{
            option: getattr(estimator, name)
            for name, (of, option) in OPTIONS_OF_LOSSES.items()
            if of is kind
        }
    )


def rule_of(estimator: Any) -> Optimizer:
    """Return the update rule of a stochastic solver, with its options."""
    if estimator.solver == "sgd":
        nesterov = bool(estimator.nesterovs_momentum and estimator.momentum > 0)
        return SGD(estimator.momentum, nesterov=nesterov)
    decays = estimator.beta_1, estimator.beta_2, estimator.epsilon
    if estimator.solver == "adam":
        return Adam(*decays, amsgrad=estimator.amsgrad, epsilon_hat=True)
    return AdamW(*decays, weight_decay=estimator.weight_decay, amsgrad=estimator.amsgrad)


def check_entries(parameters: Mapping[str, Any]) -> None:
    """Check the entries of lists and of dicts, one by one.

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
    for name in (_SETTINGS - _CONSTRAINTS.keys()) & parameters.keys():
        check_of(TrainingSettings, name)(name, parameters[name])
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
    """One value per hidden layer, from one for all or a list of them."""
    return tuple(value) if isinstance(value, (list, tuple)) else (value,) * n_layers


def refuse_for_lbfgs(estimator: Any, *, validates: bool, resume_from: object) -> None:
    """Refuse what needs batches or epochs, which L-BFGS hasn't.

    scikit-learn's own parameters are passed over, as there.

    Raises
    ------
    ValueError
        Naming the parameters and their values.
    """
    parameters = vars(estimator)
    dropout = parameters["dropout"]
    normalization = parameters["normalization"]
    switched_on = [
        name
        for name, value in passed_on(estimator).items()
        if TrainingSettings.__dataclass_fields__[name].default is None and value is not None
    ]
    refused = {
        "dropout": any(p != 0 for p in per_layer(dropout, 1)),
        "normalization": "batch" in per_layer(normalization, 1),
        "learning_rate": callable(parameters["learning_rate"]),
        **dict.fromkeys(switched_on, True),
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
