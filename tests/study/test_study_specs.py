"""The study as data, checked against the report's tables as a reader would copy them."""

import dataclasses
import json
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import eigenmlp as em
from eigenmlp.optimizers import SGD, Adam
from eigenmlp.schedules import as_schedule, exponential
from eigenmlp.study.published import TABLE1, VALIDATION
from eigenmlp.study.specs import STOPPED
from eigenmlp.study.study import (
    FIGURES,
    GROUPS,
    MODELS,
    NOTE1,
    SEARCH,
    SPECS,
    cut_short,
    select_groups,
    specs_of,
)
from eigenmlp.study.study_spec import StudySpec
from tiny_study import tiny_data

# name: hidden layers, optimizer, batch, λ, reading, epochs, (patience, min_delta), init
MODEL_TABLE: dict[str, tuple[Any, ...]] = {
    "m0": ((100, 80), SGD(), None, 0, None, 1500, None, "he_normal"),
    "m1": ((400, 100, 80), Adam(), 64, 0.01, "divided_by_batch", 300, (10, 1e-3), "he_normal"),
    "m2": ((400, 100, 80), Adam(), 64, 0.01, "weight_decay", 300, (10, 1e-4), "torch_linear"),
    "m3": ((2000, 1000), Adam(), 64, 0.01, "weight_decay", 300, (10, 1e-4), "torch_linear"),
    "m4": ((1000,) * 3, Adam(), 64, 0.01, "weight_decay", 300, (10, 1e-4), "torch_linear"),
}


def _stopping(spec: StudySpec) -> tuple[int, float] | None:
    stopping = spec.early_stopping
    return None if stopping is None else (stopping.patience, stopping.min_delta)


def _rates(spec: StudySpec, *epochs: int) -> list[float]:
    schedule = as_schedule(spec.learning_rate)
    return [schedule(epoch) for epoch in epochs]


@pytest.mark.parametrize("name", MODEL_TABLE)
def test_models_are_those_of_table_1(name: str) -> None:
    spec = SPECS[name]
    layers, optimizer, batch, l2, reading, epochs, stopping, init = MODEL_TABLE[name]
    assert (spec.hidden_layers, spec.optimizer, spec.batch_size) == (layers, optimizer, batch)
    assert (spec.l2, spec.epochs, spec.init) == (l2, epochs, init)
    assert _stopping(spec) == stopping
    if l2:
        assert spec.l2_reading == reading
        assert _rates(spec, 0, 1, 2) == pytest.approx([1e-3, 0.98e-3, 0.98**2 * 1e-3], rel=1e-12)
    else:
        assert _rates(spec, 0, 1499) == [0.1, 0.1]


def test_every_model_but_m0_has_a_restored_row() -> None:
    assert [(model.run, model.restored) for model in MODELS] == [
        ("m0", False),
        ("m1", True),
        ("m2", True),
        ("m3", True),
        ("m4", True),
    ]


@pytest.mark.parametrize(
    ("figure", "changed", "values", "epochs"),
    [
        ("fig1", "rate", [0.1], 1500),
        ("fig2", "rate", [0.1, 0.01, 0.001], 1500),
        ("fig3a", "gamma", [0.90, 0.95, 0.99], 1500),
        ("fig3b", "gamma", [0.90, 0.95, 0.99], 1500),
        ("fig4a", "batch_size", [32, 64, 96], 20),
        ("fig4b", "batch_size", [32, 64, 96], 20),
        ("fig5", "rate", [0.1, 0.01, 0.001], 200),
        ("fig6a", "l2", [1, 0.1, 0.01], 1500),
        ("fig6b", "l2", [1, 0.1, 0.01], 1500),
        ("fig7", "rate", [0.1], 1500),
    ],
)
def test_figures_are_m0_with_one_improvement(
    figure: str, changed: str, values: list[float], epochs: int
) -> None:
    specs = [SPECS[name] for name in GROUPS[figure]]
    assert [(spec.hidden_layers, spec.init) for spec in specs] == [((100, 80), "he_normal")] * len(
        values
    )
    assert {spec.epochs for spec in specs} == {epochs}
    rates = [_rates(spec, 0)[0] for spec in specs]
    if changed == "rate":
        assert rates == values
    elif changed == "gamma":
        assert [spec.learning_rate for spec in specs] == [
            exponential(rate, gamma) for rate, gamma in zip(rates, values, strict=True)
        ]
    else:
        assert [getattr(spec, changed) for spec in specs] == values
    if figure[-1] in "ab":
        assert set(rates) == {0.1 if figure.endswith("a") else 0.001}
    rule = Adam() if figure == "fig5" else SGD()
    assert all(spec.optimizer == rule for spec in specs)
    assert all((spec.batch_size is None) == (changed != "batch_size") for spec in specs)
    assert all((spec.l2 == 0) == (changed != "l2") for spec in specs)
    assert [_stopping(spec) for spec in specs] == [
        (10, 1e-3) if figure == "fig7" else None for _ in specs
    ]


@pytest.mark.parametrize(
    ("group", "field", "values"),
    [
        ("dropout", "dropout", [0.1, 0.3, 0.5]),
        ("norm", "normalization", ["batch", "layer"]),
        ("smoothing", "loss", [em.losses.CrossEntropy(s) for s in (0.05, 0.1, 0.2)]),
        ("clipping", "clip_norm", [1.0, 0.5, 0.1]),
        ("activations", "activation", ["leaky_relu", "elu", "silu", "gelu", "tanh", "logistic"]),
    ],
)
def test_later_questions_are_m1_with_one_change(group: str, field: str, values: list[Any]) -> None:
    assert GROUPS[group][0] == "m1"
    specs = [SPECS[name] for name in GROUPS[group][1:]]
    assert [getattr(spec, field) for spec in specs] == values
    same = {field: getattr(SPECS["m1"], field), "name": "m1"}
    assert all(dataclasses.replace(spec, **same).same_run(SPECS["m1"]) for spec in specs)


def test_noise_needs_the_models_and_no_run_of_its_own() -> None:
    assert GROUPS["noise"] == tuple(model.run for model in MODELS)


def test_schedules_of_the_figures() -> None:
    linear = _rates(SPECS["fig2-eta0.01"], 0, 750, 1499)
    assert linear == pytest.approx([0.01, 0.005, 1e-4], rel=1e-12)  # saturated at the end
    exponential = _rates(SPECS["fig3b-k0.95"], 0, 1, 10)
    assert exponential == pytest.approx([0.001, 0.00095, 0.001 * 0.95**10], rel=1e-12)


def test_full_batch_penalty_is_divided_by_the_training_samples() -> None:
    spec = SPECS["fig6a-lambda0.1"]
    assert spec.effective_l2(4000) == 0.1 / 4000
    assert spec.effective_l2(800) == 0.1 / 800
    assert SPECS["m1"].effective_l2(4000) == 0.01 / 64
    assert SPECS["m1"].effective_l2(40) == 0.01 / 40  # a batch has no more than all samples
    assert SPECS["m2"].effective_l2(4000) == 0.01


def test_readings_of_lambda_add_to_the_gradient_what_the_note_says() -> None:
    """Against the core: gradient with minus gradient without penalty, for each run of note 1."""
    data = tiny_data(96)
    X, y = data.for_runs.train
    expected = {
        "m1": (0.01 / 64, 0.0),
        "note1-undivided": (0.01, 0.0),
        "note1-weight-decay": (0.01, 0.01),
        "note1-init": (0.01, 0.01),
        "m2": (0.01, 0.01),
        "note1-m2-divided": (0.01 / 64, 0.0),
    }
    assert [step.run for step in NOTE1] == list(expected)
    for name, (on_weights, on_biases) in expected.items():
        spec = SPECS[name]
        net = em.Network([16, 7, 3], dtype="float64", init="torch_linear", rng=0)
        l2 = spec.effective_l2(len(X))
        settings = spec.for_samples(len(X))
        assert settings.l2 == l2
        _, penalized = net.loss_and_gradient(X, y, l2=settings.l2, l2_biases=settings.l2_biases)
        _, plain = net.loss_and_gradient(X, y)
        for layer, arrays in enumerate(net.split(penalized - plain)):
            np.testing.assert_allclose(
                arrays["weight"], on_weights * net.weights[layer], atol=1e-12
            )
            np.testing.assert_allclose(arrays["bias"], on_biases * net.biases[layer], atol=1e-12)


def test_note_1_changes_one_thing_at_a_time_from_m1_to_m2() -> None:
    ladder = [SPECS[step.run].to_dict() for step in NOTE1[:-1]]
    changes = [
        {key for key in before if before[key] != after[key]} - {"name", "label"}
        for before, after in pairwise(ladder)
    ]
    # The way of measuring goes with PyTorch, and changes nothing in training.
    last = {"early_stopping", "evaluate_train"}
    assert changes == [{"l2_reading"}, {"l2_reading"}, {"init"}, last]
    m2, divided = SPECS["m2"].to_dict(), SPECS[NOTE1[-1].run].to_dict()
    assert {key for key in m2 if m2[key] != divided[key]} == {"name", "label", "l2_reading"}


def test_search_runs_the_candidates_in_order_with_the_settings_of_m2() -> None:
    specs = [SPECS[step.run] for step in SEARCH]
    assert [spec.hidden_layers for spec in specs] == [
        (700, 400, 100, 80),
        (100, 80),
        (200, 100),
        (400,),
        (2000,),
        (2000, 1000),
    ]
    for spec in specs:
        assert {**SPECS["m2"].to_dict(), "name": "", "label": "", "hidden_layers": []} == {
            **spec.to_dict(),
            "name": "",
            "label": "",
            "hidden_layers": [],
        }


def test_a_run_that_appears_twice_is_one_spec() -> None:
    assert GROUPS["fig1"] == GROUPS["m0"] == ("m0",)
    assert GROUPS["search"][-1] == "m3"
    everything = specs_of(select_groups(None))
    assert [spec.name for spec in everything] == [name for name in SPECS if name not in STOPPED]
    assert len(everything) == 55
    assert all(
        not first.same_run(second.__class__(**{**vars(second), "name": first.name}))
        for i, first in enumerate(everything)
        for second in everything[:i]
    )


def test_published_numbers_belong_to_runs() -> None:
    assert list(TABLE1) == [model.run for model in MODELS]
    ablations = [name for figure in FIGURES[1:] for name in figure.runs]
    assert list(VALIDATION) == ablations


@pytest.mark.parametrize("name", SPECS)
def test_specs_survive_json(name: str) -> None:
    spec = SPECS[name]
    assert StudySpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


def test_a_reading_of_lambda_that_there_is_not() -> None:
    with pytest.raises(ValueError, match="l2_reading='halved' is unknown; use 'undivided', "):
        dataclasses.replace(SPECS["m0"], l2_reading="halved")  # type: ignore[arg-type]


def test_another_reading_is_another_run() -> None:
    assert not SPECS["m1"].same_run(dataclasses.replace(SPECS["m1"], l2_reading="undivided"))


def test_parts_are_selected_by_name() -> None:
    assert select_groups(None) == tuple(GROUPS)
    assert select_groups(["search", "m0", "m0"]) == ("m0", "search")
    assert specs_of(("search", "m3"))[0].name == "m3"
    with pytest.raises(
        ValueError, match=r"no part called 'm9', 'fig4'\. Choose from: m0, m1, .*note1"
    ):
        select_groups(["m9", "m0", "fig4"])
    with pytest.raises(ValueError, match=r"no part without a name\. Choose from: m0"):
        select_groups([])


def test_a_quick_look_cuts_epochs_and_nothing_else() -> None:
    for spec in SPECS.values():
        short = cut_short(spec)
        assert short.epochs == (20 if spec.batch_size is None else 2)
        assert {**short.to_dict(), "epochs": spec.epochs} == spec.to_dict()
