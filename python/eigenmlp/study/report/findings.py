"""What the numbers show, in words. Every statement here follows from the results at hand."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from eigenmlp.study.data import StudyData
from eigenmlp.study.noise import NOISE_LEVELS
from eigenmlp.study.published import TABLE1
from eigenmlp.study.report.analysis import Gap, accuracy_gap, common_seeds, label_of, spread
from eigenmlp.study.report.markup import number, signed, with_spread
from eigenmlp.study.results import StudyResults
from eigenmlp.study.study import MODELS, NOTE1, SPECS
from eigenmlp.sweeps.results import RunResult

__all__ = [
    "about_lambda",
    "about_models",
    "about_noise",
    "about_question",
    "about_restoring",
    "about_the_data",
]

MOST = 0.5
"""Share of the gap between M1 and M2 from which the reading of λ is called its cause."""

LADDER = {
    "note1-undivided": "λ undivided",
    "note1-weight-decay": "the penalty on the biases",
    "note1-init": "PyTorch's initialisation",
    "m2": "the smaller min_delta",
}
"""What each step from M1 to M2 changes."""
CUT_SHORT = "These runs were cut short: nothing can be concluded from them."


def about_the_data(data: StudyData) -> str:
    """Say how far the published numbers may be compared with ours."""
    if data.name == "kuzushiji49":
        return (
            "These images come from the same collection as the report's, but not in its own "
            "choice of 5,000 and its split: differences of a few hundredths of accuracy are to be "
            "expected from that alone."
        )
    return (
        f"This study ran on {data.name}, not on the report's images. The published numbers stand "
        "beside ours for orientation: no published number is claimed as reproduced."
    )


def about_models(study: StudyResults) -> list[str]:
    """Say which model is best, ours and the report's, and how M4 overfits."""
    found = [model for model in MODELS if model.run in study.runs]
    if not found:
        return []
    accuracies = {
        model.run: spread(run.last.test_accuracy for run in study.runs[model.run]).mean
        for model in found
    }
    texts = []
    if len(found) > 1:
        ours = max(accuracies, key=lambda run: accuracies[run])
        theirs = max(TABLE1, key=lambda run: TABLE1[run].accuracy)
        texts.append(
            f"Highest test accuracy with the last weights: {SPECS[ours].label} with "
            f"{number(accuracies[ours])} here, {SPECS[theirs].label} with "
            f"{number(TABLE1[theirs].accuracy)} in the report."
        )
    if "m4" in study.runs:
        runs = study.runs["m4"]
        texts.append(
            "M4 is meant to overfit: at its last epoch it reads "
            f"{with_spread(run.last.train_accuracy for run in runs)} of the training images and "
            f"{with_spread(run.last.val_accuracy for run in runs)} of the validation images."
        )
    return texts


def about_restoring(study: StudyResults) -> str:
    """Count what restoring the best weights changes on the test set."""
    names = [model.run for model in MODELS if model.restored and model.run in study.runs]
    if not names:
        return ""

    def gain(name: str, metric: str) -> float:
        runs = study.runs[name]
        return spread(getattr(r.best, metric) - getattr(r.last, metric) for r in runs).mean

    loss = [SPECS[name].label for name in names if gain(name, "test_loss") < 0]
    accuracy = [SPECS[name].label for name in names if gain(name, "test_accuracy") > 0]
    largest = max(names, key=lambda name: abs(gain(name, "test_accuracy")))
    return (
        f"Here, restoring lowers the test loss of {_which(loss, len(names))} and raises the test "
        f"accuracy of {_which(accuracy, len(names))}. The largest change in accuracy is "
        f"{signed(gain(largest, 'test_accuracy'))}, for {SPECS[largest].label}."
    )


def _which(labels: Sequence[str], n: int) -> str:
    if n > 1 and len(labels) == n:
        return "every model"
    return _joined(labels) if labels else "no model"


def about_lambda(data: StudyData, study: StudyResults) -> tuple[list[str], str]:
    """Return what note 1's runs show, and the conclusion that the numbers allow."""
    names = [step.run for step in NOTE1]
    missing = [name for name in names if name not in study.runs]
    if missing:
        return [], f"Without the runs {_joined(missing)} nothing can be concluded."
    runs = study.runs
    if not common_seeds(*(runs[name] for name in names)):
        return [], f"Without a seed that {_joined(names)} share nothing can be concluded."

    def gap(first: str, second: str) -> Gap:
        return accuracy_gap(data, runs[first], runs[second])

    total = gap("m2", "m1")
    in_m1 = gap("note1-undivided", "m1")
    in_m2 = gap("m2", "note1-m2-divided")
    ladder = {
        name: gap(name, before) for before, name in itertools.pairwise(names) if name in LADDER
    }
    m1, m2, undivided, divided = (
        runs[name] for name in ("m1", "m2", "note1-undivided", "note1-m2-divided")
    )
    apart = f"M1 reaches a test accuracy of {_accuracy(m1)}, M2 {_accuracy(m2)}"
    alone = f"M1 with nothing changed but λ undivided reaches {_accuracy(undivided)}"
    effect = (
        f"Its training accuracy goes from {_train(m1)} to {_train(undivided)}, its best validation "
        f"loss from {_loss(m1)} to {_loss(undivided)}."
    )
    back = f"M2 with nothing changed but λ divided by 64 reaches {_accuracy(divided)}"
    texts = [
        f"{apart}: {_size(total)}.",
        f"{alone}: {_size(in_m1)}. {effect}",
        f"{back}; undivided, as M2 is: {_size(in_m2)}.",
    ]
    if study.quick:
        return texts, CUT_SHORT
    return texts, _conclusion(total, in_m1, in_m2, ladder)


def _conclusion(total: Gap, in_m1: Gap, in_m2: Gap, ladder: Mapping[str, Gap]) -> str:
    """Conclude from M2 less M1, what undividing λ changes in each, and each step between them."""
    undividing = f"Undividing λ changes M1 by {_brief(in_m1)} and M2 by {_brief(in_m2)}."
    if not total.is_clear:
        same = "On these images M1 and M2 are not told apart, so there is no gap to explain."
        return f"{same} {undividing}"

    def share(part: Gap) -> float:
        return part.value / total.value if part.is_clear else 0

    ahead = "M1" if total.value < 0 else "M2"
    start = (
        f"On these images {ahead} is ahead, and both were trained by the same code: no library is "
        f"the reason. {undividing}"
    )
    if min(share(in_m1), share(in_m2)) >= MOST:
        return f"{start} The reading of λ is the cause."
    part = max(share(in_m1), share(in_m2)) > 0
    verdict = "part of the cause" if part else "not shown to be the cause"
    largest = max(ladder, key=lambda name: share(ladder[name]))
    if share(ladder[largest]) > 0:
        step = f"The largest step is {LADDER[largest]}, {signed(ladder[largest].value)}."
    else:
        step = "No single step from M1 to M2 is clear."
    return f"{start} The reading of λ is {verdict}. {step}"


def about_question(data: StudyData, study: StudyResults, names: Sequence[str]) -> str:
    """Say which changes of M1 are clear in test accuracy, and which has the lowest loss."""
    base = study.runs.get("m1", ())
    changed = [
        name
        for name in names
        if name != "m1" and name in study.runs and common_seeds(study.runs[name], base)
    ]
    if not changed:
        return "Without M1 and a change of it beside it there is nothing to compare."
    if study.quick:
        return CUT_SHORT
    gaps = {name: accuracy_gap(data, study.runs[name], base) for name in changed}
    clear = {name: gap.value for name, gap in gaps.items() if gap.is_clear}
    better = [label_of(study, name) for name, value in clear.items() if value > 0]
    worse = [label_of(study, name) for name, value in clear.items() if value < 0]
    verdicts = []
    if better:
        verdicts.append(f"clearly better than M1 on the test set: {_joined(better)}")
    if worse:
        verdicts.append(f"clearly worse: {_joined(worse)}")
    said = "; ".join(verdicts) or "no difference from M1 in test accuracy is clear"
    lowest = min(
        ("m1", *changed),
        key=lambda name: spread(run.best.val_loss for run in study.runs[name]).mean,
    )
    loss = f"M1 has the lowest validation loss, {_val_loss(base)}"
    if lowest != "m1":
        loss = (
            f"The lowest validation loss is that of {label_of(study, lowest)}, "
            f"{_val_loss(study.runs[lowest])}; M1 has {_val_loss(base)}"
        )
    return f"{said[0].upper()}{said[1:]}. {loss}."


def about_noise(study: StudyResults) -> str:
    """Say which model keeps most of its accuracy."""
    if study.quick:
        return CUT_SHORT
    kept = {}
    for model in MODELS:
        runs = study.runs.get(model.run)
        if runs:
            accuracies = np.mean([run.last.further["noise"] for run in runs], axis=0)
            kept[model.run] = accuracies / max(accuracies[0], 1e-12)
    level = NOISE_LEVELS.index(0.3)
    most = max(kept, key=lambda name: kept[name][level])
    least = min(kept, key=lambda name: kept[name][level])
    if most == least:
        return f"At σ = 0.3 {most.upper()} keeps {kept[most][level]:.0%} of its accuracy."
    return (
        f"At σ = 0.3 {most.upper()} keeps the largest share of its accuracy, "
        f"{kept[most][level]:.0%}, and {least.upper()} the smallest, {kept[least][level]:.0%}."
    )


def _val_loss(runs: Sequence[RunResult]) -> str:
    return number(spread(run.best.val_loss for run in runs).mean)


def _size(gap: Gap) -> str:
    size = f"{number(abs(gap.value))} {'lower' if gap.value < 0 else 'higher'}"
    doubt = "" if gap.is_clear else ", no clear difference"
    return f"{size}, standard error {number(gap.error)}{doubt}"


def _brief(gap: Gap) -> str:
    return signed(gap.value) + ("" if gap.is_clear else " (not clear)")


def _accuracy(runs: Sequence[RunResult]) -> str:
    return with_spread(run.last.test_accuracy for run in runs)


def _train(runs: Sequence[RunResult]) -> str:
    return with_spread(run.last.train_accuracy for run in runs)


def _loss(runs: Sequence[RunResult]) -> str:
    return with_spread(run.best.val_loss for run in runs)


def _joined(names: Sequence[str]) -> str:
    """Join names as a sentence does.

    Examples
    --------
    >>> from eigenmlp.study.report.findings import _joined
    >>> _joined(["M1"]), _joined(["M1", "M2", "M3"])
    ('M1', 'M1, M2 and M3')
    """
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
