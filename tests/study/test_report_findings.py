"""What the report concludes on the two readings of λ follows from the numbers."""

import dataclasses
import re
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from eigenmlp.study.report.analysis import accuracy_gap
from eigenmlp.study.report.experiment_tables import note1_table
from eigenmlp.study.report.findings import about_lambda, about_noise, about_question
from eigenmlp.study.results import StudyResults
from synthetic_study import make_data, make_study

BIG = make_data(n_samples=2000)
BIG = dataclasses.replace(BIG, split=(*BIG.split[:2], np.arange(1000)))


def with_accuracies(
    accuracies: Mapping[str, float | Sequence[float]], *, quick: bool = False, group: str = "note1"
) -> StudyResults:
    """Return a part of the study with runs that read so many test images, one per seed."""
    values = {name: np.atleast_1d(value) for name, value in accuracies.items()}
    study = make_study(BIG, groups=[group], n_seeds=len(values["m1"]), quick=quick)
    y = BIG.y[BIG.split[2]]
    runs = dict(study.runs)
    for name, per_seed in values.items():
        changed = []
        for run, accuracy in zip(runs[name], per_seed, strict=True):
            hits = round(accuracy * len(y))
            predicted = np.where(np.arange(len(y)) < hits, y, (y + 1) % BIG.n_classes)
            probabilities = np.eye(BIG.n_classes, dtype=np.float32)[predicted]
            last = dataclasses.replace(run.last, test_accuracy=hits / len(y))
            changed.append(dataclasses.replace(run, last=last, test_outputs_last=probabilities))
        runs[name] = tuple(changed)
    return dataclasses.replace(study, runs=runs)


BOTH = r"M1 is ahead, and both were trained by the same code: no library is the reason\. "


@pytest.mark.parametrize(
    ("ladder", "m2_divided", "conclusion"),
    [
        # M1, λ undivided, biases penalised, PyTorch's initialisation, min_delta: M2
        ([0.67, 0.58, 0.58, 0.57, 0.57], 0.66, BOTH + r".*λ is the cause\.$"),
        ([0.67, 0.58, 0.58, 0.57, 0.57], 0.66, r"M1 by −0\.0900 and M2 by −0\.0900\."),
        ([0.67, 0.64, 0.64, 0.57, 0.57], 0.66, r"part of .* is PyTorch's init.*, −0\.0700\.$"),
        ([0.67, 0.58, 0.58, 0.57, 0.57], 0.60, r"part of .* is λ undivided, −0\.0900\.$"),
        ([0.67, 0.67, 0.60, 0.57, 0.57], 0.66, r"part of .* penalty on the biases, −0\.0700\.$"),
        (
            [0.67, 0.70, 0.70, 0.57, 0.57],
            0.57,
            r"\+0\.0300 .* not shown to be the cause\..*−0\.1300\.$",
        ),
        (
            [0.67, 0.67, 0.67, 0.67, 0.57],
            0.57,
            r"\(not clear\)\. .* smaller min_delta, −0\.1000",
        ),
        ([0.67, 0.77, 0.77, 0.77, 0.77], 0.67, r"M2 is ahead.* \+0\.1000\. .*λ is the cause\.$"),
        ([0.670, 0.669, 0.669, 0.669, 0.669], 0.67, r"not told apart, so there is no gap"),
    ],
)
def test_the_conclusion_on_lambda_follows_from_the_numbers(
    ladder: list[float], m2_divided: float, conclusion: str
) -> None:
    names = ("m1", "note1-undivided", "note1-weight-decay", "note1-init", "m2")
    accuracies = dict(zip(names, ladder, strict=True))
    study = with_accuracies({**accuracies, "note1-m2-divided": m2_divided})
    texts, found = about_lambda(BIG, study)
    assert re.search(conclusion, found), found
    assert f"accuracy of {ladder[0]:.4f}, M2 {ladder[-1]:.4f}" in texts[0]
    assert f"λ undivided reaches {ladder[1]:.4f}" in texts[1]
    assert f"divided by 64 reaches {m2_divided:.4f}" in texts[2]


def test_steps_too_small_to_be_clear() -> None:
    steps = {"m1": 0.5, "note1-undivided": 0.498, "note1-weight-decay": 0.496, "note1-init": 0.494}
    study = with_accuracies({**steps, "m2": 0.492, "note1-m2-divided": 0.492})
    assert about_lambda(BIG, study)[1].endswith(
        "λ is not shown to be the cause. No single step from M1 to M2 is clear."
    )


def test_the_gap_and_its_standard_error() -> None:
    study = with_accuracies({"m1": [0.7, 0.6], "m2": [0.5, 0.6]})
    gap = accuracy_gap(BIG, study.runs["m1"], study.runs["m2"])
    # Over the seeds, 200 of the 1,000 images are read half more often by M1, and none less often.
    differences = np.repeat([0.5, 0.0], [200, 800])
    assert gap.value == pytest.approx(0.1, rel=1e-12)
    assert gap.error == pytest.approx(differences.std(ddof=1) / np.sqrt(1000), rel=1e-12)
    assert accuracy_gap(BIG, study.runs["m1"][1:], study.runs["m2"]).value == 0


def test_no_conclusion_without_the_runs_or_from_a_quick_look() -> None:
    study = with_accuracies({"m1": 0.7}, quick=True)
    assert about_lambda(BIG, study)[1] == (
        "These runs were cut short: nothing can be concluded from them."
    )
    runs = {name: runs for name, runs in study.runs.items() if name not in ("m1", "m2")}
    texts, conclusion = about_lambda(BIG, dataclasses.replace(study, runs=runs))
    assert (texts, conclusion) == ([], "Without the runs m1 and m2 nothing can be concluded.")


def test_runs_without_a_seed_in_common_are_not_compared() -> None:
    study = with_accuracies({"m1": [0.7, 0.6], "m2": [0.5, 0.6]})
    runs = {**study.runs, "m1": study.runs["m1"][:1], "m2": study.runs["m2"][1:]}
    study = dataclasses.replace(study, runs=runs)
    with pytest.raises(ValueError, match="no seed in common"):
        accuracy_gap(BIG, runs["m1"], runs["m2"])
    assert [row[5] for row in note1_table(BIG, study).rows][4] == "–"
    texts, conclusion = about_lambda(BIG, study)
    assert texts == []
    assert re.search(r"Without a seed that m1, .* and note1-m2-divided share nothing", conclusion)


NAMES = ("m1", "dropout-0.1", "dropout-0.3", "dropout-0.5")


@pytest.mark.parametrize(
    ("accuracies", "said"),
    [
        ([0.6, 0.6, 0.7, 0.601], "Clearly better than M1 on the test set: p = 0.3. "),
        ([0.6, 0.5, 0.7, 0.5], "p = 0.3; clearly worse: p = 0.1 and p = 0.5. "),
        ([0.6, 0.601, 0.6, 0.599], "No difference from M1 in test accuracy is clear. "),
    ],
)
def test_what_a_change_of_m1_does(accuracies: list[float], said: str) -> None:
    study = with_accuracies(dict(zip(NAMES, accuracies, strict=True)), group="dropout")
    text = about_question(BIG, study, NAMES)
    assert said in text
    losses = {name: study.runs[name][0].best.val_loss for name in NAMES}
    lowest = min(losses, key=losses.__getitem__)
    assert f"{losses[lowest]:.4f}" in text


def test_without_m1_there_is_nothing_to_compare() -> None:
    study = make_study(BIG, groups=["dropout"], failed=["m1"])
    assert "nothing to compare" in about_question(BIG, study, NAMES)


def test_a_quick_look_answers_no_later_question() -> None:
    study = make_study(BIG, groups=["dropout", "noise"], quick=True)
    assert "nothing can be concluded" in about_question(BIG, study, NAMES)
    assert "nothing can be concluded" in about_noise(study)


def test_who_keeps_most_under_noise() -> None:
    study = make_study(BIG, groups=["noise"])
    runs = dict(study.runs)
    for name, kept in (("m0", 0.5), ("m1", 0.9), ("m2", 0.6), ("m3", 0.7), ("m4", 0.8)):
        last = dataclasses.replace(
            runs[name][0].last, further={"noise": (0.8, 0.8, 0.8, 0.8, 0.8 * kept, 0.1, 0.1)}
        )
        runs[name] = (dataclasses.replace(runs[name][0], last=last),)
    text = about_noise(dataclasses.replace(study, runs=runs))
    assert "M1 keeps the largest share of its accuracy, 90%, and M0 the smallest, 50%." in text
