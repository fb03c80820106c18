"""Specs of runs: checked when they are made, and the same again from plain data."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import eigenmlp as em
from eigenmlp.sweeps.specs import EarlyStoppingSpec, RunSpec
from eigenmlp.training import TrainingSettings
from tiny_study import TINY, tiny_spec


@given(
    rate=st.floats(1e-6, 10),
    gamma=st.floats(0.1, 1),
    l2=st.floats(0, 10),
    layers=st.lists(st.integers(1, 3000), max_size=5),
    batch=st.none() | st.integers(1, 5000),
    stopping=st.none()
    | st.builds(EarlyStoppingSpec, patience=st.integers(1, 99), min_delta=st.floats(0, 1)),
    seed=st.integers(0, 2**32),
)
def test_any_spec_survives_json(
    rate: float,
    gamma: float,
    l2: float,
    layers: list[int],
    batch: int | None,
    stopping: EarlyStoppingSpec | None,
    seed: int,
) -> None:
    spec = tiny_spec(
        hidden_layers=tuple(layers),
        learning_rate=em.schedules.exponential(rate, gamma),
        l2=l2,
        batch_size=batch,
        early_stopping=stopping,
        seed=seed,
    )
    assert RunSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


# Another value of each option of a run.
OTHERS: dict[str, Any] = {
    "loss": em.losses.Quantile(0.9),
    "optimizer": em.optimizers.AdamW(weight_decay=0.1),
    "learning_rate": em.schedules.warmup(2, em.schedules.cosine(0.1, 0.01, 9)),
    "schedule_unit": "step",
    "batch_size": None,
    "epochs": 9,
    "l2": 0.5,
    "l2_biases": True,
    "l2_divided": True,
    "clip_norm": 1.0,
    "clip_value": 0.5,
    "rate_factors": {"biases": 0.1, 0: 2.0},
    "shuffle": False,
    "metrics": ("r2",),
    "evaluate_train": False,
    "penalized_loss": True,
    "hidden_layers": (5, 6),
    "activation": ("selu", "mish"),
    "dropout": 0.5,
    "normalization": ("batch", None),
    "init": "torch_linear",
    "dtype": "float64",
    "class_weight": {0: 2.0},
    "early_stopping": EarlyStoppingSpec(patience=1),
    "seed": 1,
}


def test_a_run_has_every_setting_of_training() -> None:
    assert {"name", "label", *OTHERS} == set(TINY.to_dict())
    assert set(TrainingSettings().to_dict()) < set(OTHERS)


@pytest.mark.parametrize("field", OTHERS)
def test_only_the_label_may_differ_in_the_same_run(field: str) -> None:
    assert TINY.same_run(tiny_spec(label="other"))
    other = tiny_spec(**{field: OTHERS[field]})
    assert not TINY.same_run(other)
    assert RunSpec.from_dict(json.loads(json.dumps(other.to_dict()))) == other


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "a/b"}, "run name 'a/b' is not usable as a folder name"),
        ({"name": ".hidden"}, "run name '.hidden' is not usable"),
        ({"epochs": 0}, "run 'tiny' has 0 epochs: it needs at least 1"),
        ({"activation": "sine"}, "activation='sine' is unknown; use one of 'identity', "),
        ({"init": "he"}, "init='he' is unknown; use 'he_normal', "),
        ({"loss": "hinge"}, "loss='hinge' is unknown; use one of cross_entropy, "),
        ({"clip_norm": -1.0}, "clip_norm=-1.0 must be finite and > 0"),
        ({"seed": -1}, "seed=-1"),
        ({"dtype": "float16"}, "dtype='float16' is unknown; use 'float32' or 'float64'"),
        ({"class_weight": {0: -1.0}}, r"class_weight\[0\]=-1.0 must be finite and >= 0"),
        ({"class_weight": {-1: 1.0}}, "class of class_weight=-1 is less than 0"),
    ],
)
def test_bad_specs_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tiny_spec(**{"name": "tiny", **changes})


@pytest.mark.parametrize(
    "change",
    [{"learning_rate": lambda _: 0.1}, {"metrics": [len]}, {"shuffle": lambda _: [0]}],
)
def test_a_function_is_not_plain_data(change: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="plain data"):
        tiny_spec(**change)


def test_a_spec_travels_in_less_than_two_kilobytes() -> None:
    assert all(len(pickle.dumps(tiny_spec(**{name: OTHERS[name]}))) < 2000 for name in OTHERS)
