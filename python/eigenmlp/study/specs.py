"""Every run of the study, once, under its name: the published report's settings as data."""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from eigenmlp.losses import CrossEntropy
from eigenmlp.optimizers import SGD, Adam
from eigenmlp.schedules import constant, exponential, linear
from eigenmlp.study.study_spec import StudySpec
from eigenmlp.sweeps.specs import EarlyStoppingSpec

__all__ = ["ABLATIONS", "PANEL_RATES", "QUESTIONS", "SEARCH_SPECS", "SPECS", "STOPPED"]


_M0 = StudySpec(
    name="m0",
    label="M0",
    hidden_layers=(100, 80),
    optimizer=SGD(),
    learning_rate=constant(0.1),
    batch_size=None,
    epochs=1500,
)
_M1 = StudySpec(
    name="m1",
    label="M1",
    hidden_layers=(400, 100, 80),
    optimizer=Adam(),
    learning_rate=exponential(0.001, 0.98),
    batch_size=64,
    l2=0.01,
    l2_reading="divided_by_batch",
    epochs=300,
    evaluate_train=True,
    early_stopping=EarlyStoppingSpec(patience=10, min_delta=1e-3),
)
# M2 to M4 and the search ran in PyTorch, where the mean over the batches is the custom: another
# pass over the training set each epoch would cost the wide networks a quarter of their time.
_M2 = dataclasses.replace(
    _M1,
    name="m2",
    label="M2",
    l2_reading="weight_decay",
    evaluate_train=False,
    early_stopping=EarlyStoppingSpec(patience=10, min_delta=1e-4),
    init="torch_linear",
)


def _layers(spec: StudySpec, hidden_layers: tuple[int, ...], name: str = "") -> StudySpec:
    """`spec` with other hidden layers; without a name it is a step of the search."""
    name = name or "search-" + "-".join(map(str, hidden_layers))
    label = name.upper() if name in ("m3", "m4") else ", ".join(map(str, hidden_layers))
    return dataclasses.replace(spec, name=name, label=label, hidden_layers=hidden_layers)


_M3 = _layers(_M2, (2000, 1000), "m3")
_M4 = _layers(_M2, (1000, 1000, 1000), "m4")


def _ablation(name: str, label: str, **changes: Any) -> StudySpec:
    """M0 plus one improvement."""
    return dataclasses.replace(_M0, name=name, label=label, **changes)


_RATES = (0.1, 0.01, 0.001)
PANEL_RATES = {"a": 0.1, "b": 0.001}  # the learning rates of figures 3, 4 and 6
ABLATIONS: dict[str, list[StudySpec]] = {
    "fig2": [
        _ablation(
            f"fig2-eta{rate}",
            f"η₀ = {rate}",
            learning_rate=linear(rate, final=1e-4, epochs=1500),
        )
        for rate in _RATES
    ],
    **{
        f"fig3{panel}": [
            _ablation(f"fig3{panel}-k{k:.2f}", f"k = {k:.2f}", learning_rate=exponential(rate, k))
            for k in (0.90, 0.95, 0.99)
        ]
        for panel, rate in PANEL_RATES.items()
    },
    **{
        f"fig4{panel}": [
            _ablation(
                f"fig4{panel}-batch{batch}",
                f"batch {batch}",
                learning_rate=constant(rate),
                batch_size=batch,
                epochs=20,
                evaluate_train=True,
            )
            for batch in (32, 64, 96)
        ]
        for panel, rate in PANEL_RATES.items()
    },
    "fig5": [
        _ablation(
            f"fig5-eta{rate}",
            f"η = {rate}",
            optimizer=Adam(),
            learning_rate=constant(rate),
            epochs=200,
        )
        for rate in _RATES
    ],
    **{
        f"fig6{panel}": [
            _ablation(
                f"fig6{panel}-lambda{l2}",
                f"λ = {l2}",
                learning_rate=constant(rate),
                l2=float(l2),
                l2_reading="divided_by_batch",
            )
            for l2 in ("1", "0.1", "0.01")
        ]
        for panel, rate in PANEL_RATES.items()
    },
    "fig7": [
        _ablation(
            "fig7-early-stopping",
            "early stopping",
            early_stopping=EarlyStoppingSpec(patience=10, min_delta=1e-3),
        )
    ],
}

SEARCH_SPECS = [
    _layers(_M2, hidden_layers)
    for hidden_layers in ((700, 400, 100, 80), (100, 80), (200, 100), (400,), (2000,))
]

# A ladder from M1 to M2, one change in training a step, and M2 with nothing changed but λ.
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


def _question(name: str, label: str, **change: Any) -> StudySpec:
    """M1 plus one change."""
    return dataclasses.replace(_M1, name=name, label=label, **change)


QUESTIONS: dict[str, list[StudySpec]] = {
    "dropout": [_question(f"dropout-{p}", f"p = {p}", dropout=p) for p in (0.1, 0.3, 0.5)],
    "norm": [
        _question("norm-batch", "batch", normalization="batch"),
        _question("norm-layer", "layer", normalization="layer"),
    ],
    "smoothing": [
        _question(f"smoothing-{s}", f"s = {s}", loss=CrossEntropy(s)) for s in (0.05, 0.1, 0.2)
    ],
    "clipping": [
        _question(f"clipping-{c}", f"‖g‖ ≤ {c}", clip_norm=float(c)) for c in ("1", "0.5", "0.1")
    ],
    "activations": [
        _question(f"activations-{name.replace('_', '-')}", label, activation=name)
        for name, label in (
            ("leaky_relu", "leaky ReLU"),
            ("elu", "ELU"),
            ("silu", "SiLU"),
            ("gelu", "GELU"),
            ("tanh", "tanh"),
            ("logistic", "logistic"),
        )
    ],
}

SPECS: Mapping[str, StudySpec] = MappingProxyType(
    {
        spec.name: spec
        for spec in (
            *(_M0, _M1, _M2, _M3, _M4),
            *(spec for specs in ABLATIONS.values() for spec in specs),
            *SEARCH_SPECS,
            *_NOTE1,
            *(spec for specs in QUESTIONS.values() for spec in specs),
        )
    }
)

STOPPED: Mapping[str, str] = MappingProxyType({"fig7-early-stopping": "m0"})
"""Runs that need not be trained, for they are the beginning of another."""
