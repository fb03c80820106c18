"""The study as data: every model, ablation and search step of the published report.

Nothing here trains. `SPECS` holds each run once under its name; the models, figures, search and
note 1 refer to runs by that name, so a run that appears in two places (M0 is figure 1 as well,
M3 the last step of the search) is trained once.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from eigenmlp.experiments.specs import EarlyStoppingSpec, RunSpec, ScheduleSpec

__all__ = [
    "FIGURES",
    "GROUPS",
    "MODELS",
    "NOTE1",
    "SEARCH",
    "SPECS",
    "Figure",
    "Model",
    "Note1Step",
    "SearchStep",
    "cut_short",
    "select_groups",
    "specs_of",
]


@dataclass(frozen=True, kw_only=True)
class Model:
    """A row of Table 1; `restored` asks for a second row with the best weights restored."""

    run: str
    title: str
    restored: bool


@dataclass(frozen=True, kw_only=True)
class Figure:
    """Train and validation loss against epochs, one colour a run."""

    name: str
    title: str
    caption: str
    runs: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class SearchStep:
    """One candidate of the search for M3 and M4, with the report's verdict on it."""

    run: str
    verdict: str


@dataclass(frozen=True, kw_only=True)
class Note1Step:
    """One run between M1 and M2, and what it changes."""

    run: str
    change: str


def _constant(rate: float) -> ScheduleSpec:
    return ScheduleSpec(kind="constant", initial=rate)


def _exponential(rate: float, gamma: float) -> ScheduleSpec:
    return ScheduleSpec(kind="exponential", initial=rate, gamma=gamma)


_M0 = RunSpec(
    name="m0",
    label="M0",
    hidden_layers=(100, 80),
    optimizer="sgd",
    schedule=_constant(0.1),
    batch_size=None,
    epochs=1500,
)
_M1 = RunSpec(
    name="m1",
    label="M1",
    hidden_layers=(400, 100, 80),
    optimizer="adam",
    schedule=_exponential(0.001, 0.98),
    batch_size=64,
    l2=0.01,
    l2_reading="divided_by_batch",
    epochs=300,
    early_stopping=EarlyStoppingSpec(patience=10, min_delta=1e-3),
)
_M2 = dataclasses.replace(
    _M1,
    name="m2",
    label="M2",
    l2_reading="weight_decay",
    early_stopping=EarlyStoppingSpec(patience=10, min_delta=1e-4),
    init="torch_linear",
)


def _layers(spec: RunSpec, hidden_layers: tuple[int, ...], name: str = "") -> RunSpec:
    """`spec` with other hidden layers; without a name it is a step of the search."""
    name = name or "search-" + "-".join(map(str, hidden_layers))
    label = name.upper() if name in ("m3", "m4") else ", ".join(map(str, hidden_layers))
    return dataclasses.replace(spec, name=name, label=label, hidden_layers=hidden_layers)


_M3 = _layers(_M2, (2000, 1000), "m3")
_M4 = _layers(_M2, (1000, 1000, 1000), "m4")


def _ablation(name: str, label: str, **changes: Any) -> RunSpec:
    """M0 plus one improvement."""
    return dataclasses.replace(_M0, name=name, label=label, **changes)


_RATES = (0.1, 0.01, 0.001)
_PANELS = {"a": 0.1, "b": 0.001}  # the learning rates of figures 3, 4 and 6
_ABLATIONS: dict[str, list[RunSpec]] = {
    "fig2": [
        _ablation(
            f"fig2-eta{rate}",
            f"η₀ = {rate}",
            schedule=ScheduleSpec(kind="linear", initial=rate, final=1e-4, epochs=1500),
        )
        for rate in _RATES
    ],
    **{
        f"fig3{panel}": [
            _ablation(f"fig3{panel}-k{k:.2f}", f"k = {k:.2f}", schedule=_exponential(rate, k))
            for k in (0.90, 0.95, 0.99)
        ]
        for panel, rate in _PANELS.items()
    },
    **{
        f"fig4{panel}": [
            _ablation(
                f"fig4{panel}-batch{batch}",
                f"batch {batch}",
                schedule=_constant(rate),
                batch_size=batch,
                epochs=20,
            )
            for batch in (32, 64, 96)
        ]
        for panel, rate in _PANELS.items()
    },
    "fig5": [
        _ablation(
            f"fig5-eta{rate}",
            f"η = {rate}",
            optimizer="adam",
            schedule=_constant(rate),
            epochs=200,
        )
        for rate in _RATES
    ],
    **{
        f"fig6{panel}": [
            _ablation(
                f"fig6{panel}-lambda{l2}",
                f"λ = {l2}",
                schedule=_constant(rate),
                l2=float(l2),
                l2_reading="divided_by_batch",
            )
            for l2 in ("1", "0.1", "0.01")
        ]
        for panel, rate in _PANELS.items()
    },
    "fig7": [
        _ablation(
            "fig7-early-stopping",
            "early stopping",
            early_stopping=EarlyStoppingSpec(patience=10, min_delta=1e-3),
        )
    ],
}

_SEARCH = [
    _layers(_M2, hidden_layers)
    for hidden_layers in ((700, 400, 100, 80), (100, 80), (200, 100), (400,), (2000,))
]

# A ladder from M1 to M2 that changes one thing a step, and M2 with nothing changed but λ.
_NOTE1 = [
    dataclasses.replace(_M1, name="note1-undivided", label="λW", l2_reading="undivided"),
    dataclasses.replace(
        _M1, name="note1-weight-decay", label="λW and λb", l2_reading="weight_decay"
    ),
    dataclasses.replace(
        _M1,
        name="note1-init",
        label="λW and λb, PyTorch's init",
        l2_reading="weight_decay",
        init="torch_linear",
    ),
    dataclasses.replace(
        _M2, name="note1-m2-divided", label="M2 with (λ/64) W", l2_reading="divided_by_batch"
    ),
]

SPECS: Mapping[str, RunSpec] = MappingProxyType(
    {
        spec.name: spec
        for spec in (
            *(_M0, _M1, _M2, _M3, _M4),
            *(spec for specs in _ABLATIONS.values() for spec in specs),
            *_SEARCH,
            *_NOTE1,
        )
    }
)

MODELS = (
    Model(run="m0", title="gradient descent, full batch", restored=False),
    Model(run="m1", title="every improvement together", restored=True),
    Model(run="m2", title="M1 as written for PyTorch", restored=True),
    Model(run="m3", title="the best of the search", restored=True),
    Model(run="m4", title="three wide layers, meant to overfit", restored=True),
)


def _names(group: str) -> tuple[str, ...]:
    return tuple(spec.name for spec in _ABLATIONS[group])


_FULL_BATCH = "M0 (100, 80 hidden units, gradient descent, full batch, 1500 epochs)"
FIGURES = (
    Figure(
        name="fig1",
        title="M0, the basic model",
        caption=f"{_FULL_BATCH} with η = 0.1.",
        runs=("m0",),
    ),
    Figure(
        name="fig2",
        title="Linear learning rate schedule",
        caption=f"{_FULL_BATCH} with η(t) = max(0.0001, η₀ (1 - t/1500)).",
        runs=_names("fig2"),
    ),
    *(
        Figure(
            name=f"fig3{panel}",
            title=f"Exponential learning rate schedule, η₀ = {rate}",
            caption=f"{_FULL_BATCH} with η(t) = {rate} kᵗ.",
            runs=_names(f"fig3{panel}"),
        )
        for panel, rate in _PANELS.items()
    ),
    *(
        Figure(
            name=f"fig4{panel}",
            title=f"Mini-batches, η = {rate}",
            caption=f"M0 in mini-batches for 20 epochs, η = {rate}.",
            runs=_names(f"fig4{panel}"),
        )
        for panel, rate in _PANELS.items()
    ),
    Figure(
        name="fig5",
        title="Adam",
        caption="M0 with Adam on the full batch for 200 epochs, β₁ = 0.9, β₂ = 0.999, ε = 1e-8.",
        runs=_names("fig5"),
    ),
    *(
        Figure(
            name=f"fig6{panel}",
            title=f"L2 penalty, η = {rate}",
            caption=(
                f"{_FULL_BATCH} with η = {rate} and an L2 penalty on the weights; "
                "λ is divided by the number of training samples."
            ),
            runs=_names(f"fig6{panel}"),
        )
        for panel, rate in _PANELS.items()
    ),
    Figure(
        name="fig7",
        title="Early stopping",
        caption="M0 with η = 0.1, for at most 1500 epochs: patience 10, min_delta 0.001.",
        runs=_names("fig7"),
    ),
)

SEARCH = tuple(
    SearchStep(run=run, verdict=verdict)
    for run, verdict in zip(
        (*(spec.name for spec in _SEARCH), "m3"),
        (
            "much worse",
            "better",
            "better",
            "better",
            "much better",
            "better still, taken as M3",
        ),
        strict=True,
    )
)

NOTE1 = (
    Note1Step(run="m1", change="M1 as published: the gradient adds (λ/64) W"),
    Note1Step(run="note1-undivided", change="M1, but λ undivided: the gradient adds λW"),
    Note1Step(run="note1-weight-decay", change="… and λb: the biases are penalised too"),
    Note1Step(run="note1-init", change="… and PyTorch's default initialisation"),
    Note1Step(run="m2", change="… and min_delta 0.0001: this is M2 as published"),
    Note1Step(run="note1-m2-divided", change="M2, but λ as M1 reads it: (λ/64) W"),
)

GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        **{model.run: (model.run,) for model in MODELS},
        **{figure.name: figure.runs for figure in FIGURES},
        "search": tuple(step.run for step in SEARCH),
        "note1": tuple(step.run for step in NOTE1),
    }
)


def select_groups(only: Sequence[str] | None) -> tuple[str, ...]:
    """Return the parts of the study that `only` names, in the study's order; None means all.

    Raises
    ------
    ValueError
        If `only` is empty or names a part that the study does not have.

    Examples
    --------
    >>> from eigenmlp.experiments.study import select_groups
    >>> select_groups(["fig4a", "m0"])
    ('m0', 'fig4a')
    """
    if only is None:
        return tuple(GROUPS)
    unknown = [name for name in only if name not in GROUPS]
    if unknown or not only:
        named = f"called {', '.join(map(repr, unknown))}" if unknown else "without a name"
        raise ValueError(f"the study has no part {named}. Choose from: {', '.join(GROUPS)}")
    return tuple(name for name in GROUPS if name in only)


def specs_of(groups: Sequence[str]) -> tuple[RunSpec, ...]:
    """Return the specs that these parts of the study need, each once, in the study's order."""
    wanted = {run for group in groups for run in GROUPS[group]}
    return tuple(spec for name, spec in SPECS.items() if name in wanted)


def cut_short(spec: RunSpec) -> RunSpec:
    """Return the run for a quick look: few epochs, everything else as it is."""
    return dataclasses.replace(spec, epochs=min(spec.epochs, 20 if spec.full_batch else 2))
