"""What the study shows, as data: models, figures, the search and note 1 of the published report.

All of them refer to runs by name, so a run that appears in two places (M0 is figure 1 as well, M3
the last step of the search) is one spec of `SPECS` and trained once.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from eigenmlp.study.specs import (
    ABLATIONS,
    PANEL_RATES,
    QUESTIONS,
    SEARCH_SPECS,
    SPECS,
    STOPPED,
)
from eigenmlp.study.study_spec import StudySpec
from eigenmlp.sweeps.specs import RunSpec

__all__ = [
    "FIGURES",
    "GROUPS",
    "MODELS",
    "NOTE1",
    "QUESTION_FIGURES",
    "SEARCH",
    "SPECS",
    "Figure",
    "Model",
    "Note1Step",
    "SearchStep",
    "cut_short",
    "group_of",
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


MODELS = (
    Model(run="m0", title="gradient descent, full batch", restored=False),
    Model(run="m1", title="every improvement together", restored=True),
    Model(run="m2", title="M1 as written for PyTorch", restored=True),
    Model(run="m3", title="the best of the search", restored=True),
    Model(run="m4", title="three wide layers, meant to overfit", restored=True),
)


def _names(group: str) -> tuple[str, ...]:
    return tuple(spec.name for spec in ABLATIONS[group])


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
        for panel, rate in PANEL_RATES.items()
    ),
    *(
        Figure(
            name=f"fig4{panel}",
            title=f"Mini-batches, η = {rate}",
            caption=f"M0 in mini-batches for 20 epochs, η = {rate}.",
            runs=_names(f"fig4{panel}"),
        )
        for panel, rate in PANEL_RATES.items()
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
        for panel, rate in PANEL_RATES.items()
    ),
    Figure(
        name="fig7",
        title="Early stopping",
        caption="M0 with η = 0.1, for at most 1500 epochs: patience 10, min_delta 0.001.",
        runs=_names("fig7"),
    ),
)

_LATER = {
    "dropout": (
        "Dropout",
        "M1, dropping hidden units with probability p in training, the others divided by 1 - p.",
    ),
    "norm": (
        "Normalization",
        "M1 with batch or layer normalization before each ReLU.",
    ),
    "smoothing": (
        "Label smoothing",
        (
            "M1, spreading a share s of each target over all classes. The losses drawn are without "
            "smoothing; early stopping watches the smoothed one."
        ),
    ),
    "clipping": (
        "Gradient clipping",
        "M1, its gradient scaled down wherever its norm over all parameters is larger.",
    ),
    "activations": (
        "Activations",
        "M1, which has ReLU, with another activation in every hidden layer.",
    ),
}
# What later editions of the assignment ask for: M1 is the first curve of each.
QUESTION_FIGURES = tuple(
    Figure(
        name=name,
        title=title,
        caption=caption,
        runs=("m1", *(spec.name for spec in QUESTIONS[name])),
    )
    for name, (title, caption) in _LATER.items()
)

SEARCH = tuple(
    SearchStep(run=run, verdict=verdict)
    for run, verdict in zip(
        (*(spec.name for spec in SEARCH_SPECS), "m3"),
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

_LINES = {
    "search": "Search",
    "note1": "Note 1",
    "dropout": "Dropout",
    "norm": "Norm",
    "smoothing": "Smooth",
    "clipping": "Clip",
    "activations": "Activ.",
}
GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        **{model.run: (model.run,) for model in MODELS},
        **{figure.name: figure.runs for figure in FIGURES},
        "search": tuple(step.run for step in SEARCH),
        "note1": tuple(step.run for step in NOTE1),
        **{figure.name: figure.runs for figure in QUESTION_FIGURES},
        "noise": tuple(model.run for model in MODELS),
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
    >>> from eigenmlp.study.study import select_groups
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


def specs_of(groups: Sequence[str]) -> tuple[StudySpec, ...]:
    """Return the specs to train for these parts of the study, each once, in the study's order."""
    wanted = {STOPPED.get(run, run) for group in groups for run in GROUPS[group]}
    return tuple(spec for name, spec in SPECS.items() if name in wanted)


def group_of(spec: RunSpec) -> str:
    """Name the line that a run has in tables of progress: names begin with the part of the study.

    None is longer than "Fig. 3a", so that the whole study fits a common terminal.
    """
    part, dash, _ = spec.name.partition("-")
    if not dash:
        return "Models"
    return _LINES.get(part, part.replace("fig", "Fig. "))


def cut_short(spec: StudySpec) -> StudySpec:
    """Return the run for a quick look: few epochs, everything else as it is."""
    return dataclasses.replace(spec, epochs=min(spec.epochs, 20 if spec.full_batch else 2))
