"""Every option is part of what a run is, so that it can't be resumed with another."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import eigenmlp as em
from eigenmlp.training.fingerprints import text_of
from resumable_run import X, Y, broken_off, network, train

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# What may be another when a run goes on; callbacks that remember something may not.
FREE = {"callbacks", "epochs", "n_threads", "progress", "resume_from"}
# Another value of each other option, and the name it has in a checkpoint.
OTHERS: dict[str, tuple[Any, str]] = {
    "network": (em.Network([6, 10, 3], dropout=0.3, normalization="batch"), "network"),
    "X": (X[::-1], "X"),
    "y": (Y[::-1], "y"),
    "loss": (em.losses.CrossEntropy(label_smoothing=0.1), "loss"),
    "optimizer": (em.optimizers.Adam(beta1=0.8), "optimizer"),
    "learning_rate": (em.schedules.exponential(0.02, gamma=0.8), "learning_rate"),
    "schedule_unit": ("step", "schedule_unit"),
    "batch_size": (None, "batch_size"),
    "l2": (0.1, "l2"),
    "l2_biases": (True, "l2_biases"),
    "l2_divided": (True, "l2_divided"),
    "clip_norm": (1.0, "clip_norm"),
    "clip_value": (1.0, "clip_value"),
    "rate_factors": ({"biases": 0.5}, "rate_factors"),
    "shuffle": (False, "shuffle"),
    "sample_weight": (np.full(150, 2.0), "weights"),
    "class_weight": ({0: 2.0}, "weights"),
    "validation_data": ((X[:30], Y[:30]), "X_val"),
    "metrics": (["f1_macro"], "metrics"),
    "evaluate_train": (True, "evaluate_train"),
    "penalized_loss": (True, "penalized_loss"),
    "rng": (3, "rng"),
}


def test_no_option_is_forgotten() -> None:
    assert OTHERS.keys() | FREE == set(inspect.signature(em.train).parameters)


@pytest.mark.parametrize("option", OTHERS)
def test_a_run_is_not_resumed_with_another(option: str, tmp_path: Path) -> None:
    broken_off(tmp_path, after=2)
    other, name = OTHERS[option]
    given = {"network": network(), option: other}
    before = given["network"].get_flat_parameters()
    with pytest.raises(em.CheckpointError, match=rf"other data or settings: {name} was "):
        train(resume_from=tmp_path, **given)
    assert np.array_equal(given["network"].get_flat_parameters(), before)


@pytest.mark.parametrize("option", OTHERS)
def test_a_run_is_resumed_with_the_same(option: str, tmp_path: Path) -> None:
    """So that it is the option's value that is refused above, and not its presence."""
    given: dict[str, Any] = {option: OTHERS[option][0]}
    if option == "network":
        given["network"] = em.Network([6, 10, 3], dropout=0.3, normalization="batch", rng=1)
    broken_off(tmp_path, after=2, epochs=5, **given)
    train(resume_from=tmp_path, epochs=5, **given)


# Another value of each argument of what makes a run.
ARGUMENTS: dict[Callable[..., Any], tuple[dict[str, Any], dict[str, Any]]] = {
    em.optimizers.SGD: ({"momentum": 0.5}, {"momentum": 0.6, "nesterov": True}),
    em.optimizers.Adam: (
        {},
        {"beta1": 0.8, "beta2": 0.9, "epsilon": 1e-7, "amsgrad": True, "epsilon_hat": True},
    ),
    em.optimizers.AdamW: (
        {},
        {
            "beta1": 0.8, "beta2": 0.9, "epsilon": 1e-7, "weight_decay": 0.1,
            "decay_biases": True, "amsgrad": True,
        },
    ),
    em.losses.CrossEntropy: ({}, {"label_smoothing": 0.1}),
    em.losses.Huber: ({}, {"delta": 2.0}),
    em.losses.Quantile: ({}, {"q": 0.9}),
    em.schedules.constant: ({"value": 0.1}, {"value": 0.2}),
    em.schedules.cosine: (
        {"initial": 1.0, "final": 0.1, "epochs": 9},
        {"initial": 2.0, "final": 0.2, "epochs": 8},
    ),
    em.schedules.coslog: (
        {"peak": 1.0, "epochs": 9, "cycles": 4},
        {"peak": 2.0, "epochs": 8, "cycles": 3},
    ),
    em.schedules.linear: (
        {"initial": 1.0, "final": 0.1, "epochs": 9},
        {"initial": 2.0, "final": 0.2, "epochs": 8},
    ),
    em.schedules.exponential: ({"initial": 1.0, "gamma": 0.9}, {"initial": 2.0, "gamma": 0.8}),
    em.schedules.step: (
        {"initial": 1.0, "gamma": 0.9, "every": 3},
        {"initial": 2.0, "gamma": 0.8, "every": 4},
    ),
    em.schedules.warmup: (
        {"epochs": 3, "schedule": em.schedules.constant(1.0)},
        {"epochs": 4, "schedule": em.schedules.constant(2.0)},
    ),
    em.schedules.join: (
        {"schedules": [em.schedules.constant(1.0)] * 2, "boundaries": [3]},
        {
            "schedules": [em.schedules.constant(1.0), em.schedules.constant(2.0)],
            "boundaries": [4],
        },
    ),
    em.Network: (
        {"layer_sizes": [2, 3, 2]},
        {
            "layer_sizes": [2, 4, 2], "activation": "tanh", "output": "logistic", "dropout": 0.5,
            "normalization": "layer", "dtype": "float64", "input_scale": 0.5,
        },
    ),
}  # fmt: skip
# A network's first parameters, which a checkpoint has as they have become.
NOT_TOLD: dict[Callable[..., Any], set[str]] = {em.Network: {"init", "rng"}}
MODULES = (em.optimizers, em.losses, em.schedules)
BASES = {"Optimizer", "Loss", "Schedule", "loss_for", "as_schedule", "rate_at"}


def test_no_argument_is_forgotten() -> None:
    made = {
        getattr(module, name) for module in MODULES for name in module.__all__ if name not in BASES
    }
    taking = {kind for kind in made if inspect.signature(kind).parameters}
    assert taking | {em.Network} == ARGUMENTS.keys()
    for kind, (_, others) in ARGUMENTS.items():
        assert others.keys() | NOT_TOLD.get(kind, set()) == set(inspect.signature(kind).parameters)


@pytest.mark.parametrize(
    ("kind", "argument"),
    [(kind, argument) for kind, (_, others) in ARGUMENTS.items() for argument in others],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_another_argument_is_another_text(kind: Callable[..., Any], argument: str) -> None:
    given, others = ARGUMENTS[kind]
    assert text_of(kind(**given)) == text_of(kind(**given))
    assert text_of(kind(**given)) != text_of(kind(**{**given, argument: others[argument]}))
