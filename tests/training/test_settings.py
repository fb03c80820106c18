"""Settings of training: checked when they are made, and the same again from plain data."""

from __future__ import annotations

import json
from typing import Any

import pytest

import eigenmlp as em
from eigenmlp.training import TrainingSettings

SETTINGS: dict[str, Any] = {
    "loss": em.losses.Huber(delta=0.3),
    "optimizer": em.optimizers.AdamW(beta2=0.99, amsgrad=True, weight_decay=0.1),
    "learning_rate": em.schedules.join(
        [em.schedules.warmup(2, em.schedules.constant(0.1)), em.schedules.cosine(0.1, 0.0, 9)], [5]
    ),
    "schedule_unit": "step",
    "batch_size": None,
    "epochs": 7,
    "l2": 0.1,
    "l2_biases": True,
    "l2_divided": True,
    "clip_norm": 1.0,
    "clip_value": 0.5,
    "rate_factors": {0: 0.5, "biases": 0.1},
    "shuffle": False,
    "metrics": ("r2",),
    "evaluate_train": True,
    "penalized_loss": True,
}


@pytest.mark.parametrize("name", SETTINGS)
def test_plain_data_and_back(name: str) -> None:
    settings = TrainingSettings(**{name: SETTINGS[name]})
    text = json.dumps(settings.to_dict())
    assert TrainingSettings.from_dict(json.loads(text)) == settings != TrainingSettings()


def test_every_setting_is_tried() -> None:
    assert SETTINGS.keys() == TrainingSettings().to_dict().keys()


def test_a_fixed_rate_is_a_number_in_plain_data() -> None:
    assert TrainingSettings(learning_rate=0.5).to_dict()["learning_rate"] == 0.5


def test_functions_have_no_plain_form() -> None:
    with pytest.raises(TypeError, match=r"shuffle: .* can't be written as plain data"):
        TrainingSettings(shuffle=lambda epoch: [epoch]).to_dict()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"momentum": 1}, "momentum"),
        ({"optimizer": {"kind": "adan"}}, "kind='adan' is unknown; use one of sgd, adam, adamw"),
        ({"clip_norm": 0}, "clip_norm=0 must be finite and > 0"),
        ({"rate_factors": {"bias": 1}}, "rate_factors has 'bias'; use 'weights', 'biases', "),
        ({"rate_factors": {"-1": 1}}, "rate_factors has '-1'; use .* or the number of a layer"),
        ({"rate_factors": {"biases": -1}}, r"rate_factors\['biases'\]=-1 must be finite and >= 0"),
    ],
)
def test_plain_data_are_checked(data: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrainingSettings.from_dict(data)
