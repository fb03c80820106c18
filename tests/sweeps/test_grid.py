"""Specs of many runs from one."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import loguniform, randint

import eigenmlp as em
from eigenmlp.sweeps import EarlyStoppingSpec, RunSpec, grid, sample

BASE = RunSpec(name="wide", hidden_layers=(8,), epochs=2)


def test_every_combination_the_last_option_fastest() -> None:
    specs = grid(BASE, learning_rate=[1e-3, 3e-3], dropout=[0, 0.2], seed=range(5))
    found = [(em.schedules.as_schedule(s.learning_rate)(0), s.dropout, s.seed) for s in specs]
    assert found == list(itertools.product([1e-3, 3e-3], [0, 0.2], range(5)))
    assert specs[0].name == "wide-learning-rate-0.001-dropout-0"
    assert specs[-1].label == "learning_rate = 0.003, dropout = 0.2"
    assert {spec.epochs for spec in specs} == {2}


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({"hidden_layers": [(), (100, 80)]}, ["hidden-layers-none", "hidden-layers-100x80"]),
        (
            {"optimizer": [em.optimizers.SGD(momentum=0.9), em.optimizers.Adam()]},
            ["optimizer-sgd-momentum-0.9", "optimizer-adam"],
        ),
        ({"learning_rate": [1e30, 1e-30]}, ["learning-rate-1e30", "learning-rate-1e-30"]),
        ({"l2": np.array([0.5, 1 / 3])}, ["l2-0.5", "l2-0.3333333333333333"]),
        (
            {"early_stopping": [None, EarlyStoppingSpec(patience=3)]},
            ["early-stopping-none", "early-stopping-earlystoppingspec-patience-3"],
        ),
        ({"activation": ["relu", ["tanh"]]}, ["activation-relu", "activation-tanh"]),
        (
            {"rate_factors": [None, {"biases": 0.1}]},
            ["rate-factors-none", "rate-factors-biases-0.1"],
        ),
        ({"loss": ["cross_entropy", em.losses.CrossEntropy()]},
         ["loss-cross-entropy", "loss-crossentropy"]),
    ],
)  # fmt: skip
def test_names_say_what_varies(values: dict[str, Any], names: list[str]) -> None:
    assert [spec.name for spec in grid(BASE, **values)] == [f"wide-{name}" for name in names]


def test_nothing_that_varies_is_the_run_itself() -> None:
    assert grid(BASE) == [BASE]
    assert [spec.name for spec in grid(BASE, seed=[1, 2])] == ["wide", "wide"]


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=8, unique=True))
def test_names_tell_any_values_apart(values: list[float]) -> None:
    assert len({spec.name for spec in grid(BASE, l2=values)}) == len(values)


def test_a_long_name_is_still_a_name_and_its_own() -> None:
    options = {name: [0.123456789, 0.987654321] for name in ("l2", "clip_norm", "clip_value")}
    specs = grid(BASE, **options, hidden_layers=[tuple(range(1, 40)), tuple(range(2, 41))])
    assert len({spec.name for spec in specs}) == len(specs) == 16
    assert max(len(spec.name) for spec in specs) < 200


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rate": [1]}, "'rate' is not an option that can vary; those are loss, optimizer"),
        ({"name": ["a"]}, "'name' is not an option that can vary"),
        ({"l2": 0.5}, r"l2=0.5 is not a list of values; pass \[0.5\]"),
        ({"activation": "relu"}, r"activation='relu' is not a list of values"),
        ({"l2": []}, "l2 has no values"),
        ({"l2": [0.5, 0.5]}, "l2 has 0.5 twice"),
        ({"l2": [-1.0]}, "l2=-1.0"),
        ({"dropout": [1.5]}, "dropout=1.5 is out of range"),
    ],
)
def test_what_is_no_grid_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        grid(BASE, **values)
    with pytest.raises(TypeError, match=r"base='m0' is not an eigenmlp\.sweeps\.RunSpec"):
        grid("m0")  # type: ignore[arg-type]


def test_samples_are_of_their_distributions_and_seed() -> None:
    drawn = {
        "learning_rate": loguniform(1e-4, 1e-1),
        "batch_size": randint(8, 65),
        "hidden_layers": [(4,), (4, 4)],
        "dropout": lambda rng: rng.uniform(0.1, 0.2),
    }
    specs = sample(BASE, drawn, 50, rng=0)
    assert specs == sample(BASE, drawn, 50, rng=np.random.default_rng(0))
    assert specs != sample(BASE, drawn, 50, rng=1)
    rates = [em.schedules.as_schedule(spec.learning_rate)(0) for spec in specs]
    assert 1e-4 < min(rates) < 1e-3
    assert 1e-2 < max(rates) < 1e-1
    assert {type(spec.batch_size) for spec in specs} == {int}
    assert {spec.hidden_layers for spec in specs} == {(4,), (4, 4)}
    assert all(0.1 < spec.dropout < 0.2 for spec in specs if isinstance(spec.dropout, float))
    assert [spec.name for spec in specs[:2]] == ["wide-01", "wide-02"]
    assert "batch_size = " in specs[0].label


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], 3), "distributions is a list; pass a dict"),
        (({"rate": [1]}, 3), "'rate' is not an option"),
        (({"l2": [1]}, 0), "n=0 is less than 1"),
        (({"l2": 1.0}, 1), "l2=1.0 is not a list of values"),
        (({"l2": lambda _: -1.0}, 1), "l2=-1.0"),
    ],
)
def test_what_can_not_be_drawn_is_refused(arguments: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        sample(BASE, *arguments)
