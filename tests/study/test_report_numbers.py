"""The numbers on the report page, computed again from the results it was given."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    confusion_matrix,
    f1_score,
    recall_score,
)

from eigenmlp.study.report.analysis import misread
from eigenmlp.study.report.experiment_tables import search_table
from eigenmlp.study.results import StudyResults
from eigenmlp.study.study import FIGURES, GROUPS, MODELS, SPECS
from eigenmlp.sweeps.results import RunResult
from synthetic_study import make_study
from whole_report import DATA, FAILED, Report, whole_report


@pytest.fixture
def report() -> Report:
    return whole_report()


def markdown_rows(path: Path) -> list[list[str]]:
    lines = [line for line in path.read_text("utf-8").splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_table1_is_recomputed_from_the_probabilities(report: Report) -> None:
    y = DATA.y[DATA.split[2]]
    rows = iter(report.page.tables["table1"][0])
    for model in MODELS:
        (run,) = report.study.runs[model.run]
        moments = [("last, as published", run.n_epochs - 1, run.outputs("last"))]
        if model.restored:
            moments.append(("best restored", run.best_epoch, run.outputs("best")))
        for weights, epoch, probabilities in moments:
            predicted = probabilities.argmax(axis=1)
            loss = -np.log(probabilities[np.arange(len(y)), y].astype(np.float64)).mean()
            row = next(rows)
            assert row[0] == model.run.upper()
            assert row[1] == ", ".join(map(str, SPECS[model.run].hidden_layers))
            assert row[2:4] == [weights, str(epoch)]
            assert row[4] == f"{accuracy_score(y, predicted):.4f}"
            assert float(row[5]) == pytest.approx(loss, abs=1.01e-4)
            assert row[6] == f"{balanced_accuracy_score(y, predicted):.4f}"
            assert row[7] == f"{f1_score(y, predicted, average='macro'):.4f}"
    assert next(rows, None) is None


def test_table1_stands_beside_the_published_numbers(report: Report) -> None:
    published = {row[0]: row[8:] for row in report.page.tables["table1"][0] if "last" in row[2]}
    assert published == {
        "M0": ["0.6500", "1.8968"],
        "M1": ["0.6680", "1.7046"],
        "M2": ["0.5740", "1.8194"],
        "M3": ["0.6840", "1.4028"],
        "M4": ["0.5360", "1.9166"],
    }
    restored = [row[8:] for row in report.page.tables["table1"][0] if "best" in row[2]]
    assert restored == [["–", "–"]] * 4


def test_the_markdown_table_says_the_same(report: Report) -> None:
    path = report.folder / "table1.md"
    assert markdown_rows(path) == report.page.tables["table1"][0]
    assert "no published number is claimed as reproduced" in path.read_text("utf-8")


def test_the_end_of_training_beside_the_published_one(report: Report) -> None:
    rows = {row[0]: row for row in report.page.tables["table1"][1]}
    history = report.study.runs["m0"][0].history
    keys = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")
    assert rows["M0"][1:6] == ["1500", *(f"{history[key][-1]:.4f}" for key in keys)]
    assert rows["M0"][6:] == ["0.0974", "0.9958", "1.8312", "0.6220"]
    assert rows["M4"][6:] == ["≈ 0.6", "≈ 0.9", "–", "–"]


def test_every_ablation_has_its_best_epoch_and_both_accuracies(report: Report) -> None:
    for figure, rows in zip(FIGURES, report.page.tables["ablations"], strict=True):
        for name, row in zip(figure.runs, rows, strict=True):
            if name == FAILED:
                assert row == ["η = 0.1", "diverged", "–", "–", "–", "3.2867", "45"]
                continue
            history = report.study.runs[name][0].history
            losses, accuracies = history["val_loss"], history["val_accuracy"]
            expected = []
            if figure.name.startswith("fig6"):
                with_penalty = np.add(losses, history["l2_penalty"])
                best = int(with_penalty.argmin())
                expected = [f"{with_penalty[best]:.4f}"]
            else:
                best = losses.index(min(losses))
            expected += [f"{losses[best]:.4f}", str(best)]
            expected += [f"{accuracies[best]:.4f}", f"{accuracies[-1]:.4f}"]
            assert row[: len(expected) + 1] == [SPECS[name].label, *expected]


def test_published_validation_losses_stand_at_their_runs(report: Report) -> None:
    tables = dict(zip([f.name for f in FIGURES], report.page.tables["ablations"], strict=True))
    assert [row[-2:] for row in tables["fig1"]] == [["–", "–"]]
    assert [row[-2:] for row in tables["fig3a"]] == [
        ["3.8392", "314"],
        ["3.7275", "648"],
        ["2.4377", "1499"],
    ]
    assert [row[-2:] for row in tables["fig6a"]] == [
        ["2.1470", "493"],
        ["1.6149", "643"],
        ["1.5585", "636"],
    ]
    assert [row[-3:] for row in tables["fig7"]] == [["1.5952", "–", "427"]]


def with_best_losses(study: StudyResults, losses: Mapping[str, float]) -> StudyResults:
    runs = dict(study.runs)
    for name, loss in losses.items():
        (run,) = runs[name]
        best = dataclasses.replace(run.best, val_loss=loss)
        runs[name] = (dataclasses.replace(run, best=best),)
    return dataclasses.replace(study, runs=runs)


def test_the_search_judges_each_step_by_the_one_before() -> None:
    losses = {
        "m2": 2.0,
        "search-700-400-100-80": 2.3,
        "search-100-80": 2.3,
        "search-200-100": 2.2,
        "search-400": 2.31,
        "search-2000": 1.5,
        "m3": 1.49,
    }
    study = with_best_losses(make_study(DATA, groups=["m2", "search"]), losses)
    rows = search_table(study).rows
    assert [row[1] for row in rows] == [f"{loss:.4f}" for loss in losses.values()]
    changes = ["–", "+15.0", "+0.0", "−4.3", "+5.0", "−35.1", "−0.7"]
    assert [row[4].removesuffix("\N{NO-BREAK SPACE}%") for row in rows] == changes
    verdicts = ["–", "much worse", "no change", "better", "worse", "much better", "no change"]
    assert [row[5] for row in rows] == verdicts
    assert [row[6] for row in rows][1:3] == ["much worse", "better"]
    assert rows[-1][6] == "better still, taken as M3"


def test_the_search_goes_on_after_a_step_that_diverged() -> None:
    study = make_study(DATA, groups=["m2", "search"], failed=["search-200-100"])
    rows = search_table(study).rows
    assert rows[3][:3] == ["200, 100", "diverged", "–"]
    assert [rows[4][4], rows[4][5]] == ["–", "–"], "there is nothing to judge it by"
    assert rows[5][5] != "–"


def best_of_models(study: StudyResults) -> RunResult:
    runs = [study.runs[model.run][0] for model in MODELS]
    return min(runs, key=lambda run: min(run.history["val_loss"]))


def test_the_best_model_is_chosen_by_validation_loss(report: Report) -> None:
    run = best_of_models(report.study)
    y, predicted = DATA.y[DATA.split[2]], run.outputs("best").argmax(axis=1)
    row = report.page.tables["mistakes"][0][0]
    assert row[:2] == [run.spec.label, f"{accuracy_score(y, predicted):.4f}"]
    assert row[-1] == f"{(predicted != y).sum()} of {len(y)}"


def test_recall_and_the_usual_mistake_of_each_class(report: Report) -> None:
    run = best_of_models(report.study)
    y, predicted = DATA.y[DATA.split[2]], run.outputs("best").argmax(axis=1)
    recall = recall_score(y, predicted, average=None)
    matrix = confusion_matrix(y, predicted)
    np.fill_diagonal(matrix, 0)
    rows = [row for half in report.page.tables["mistakes"][1:] for row in half]
    assert [row[3] for row in rows] == [f"{value:.2f}" for value in sorted(recall)]
    for name, _, images, value, taken_for in rows:
        label = DATA.class_names.index(name)
        assert int(images) == (y == label).sum()
        assert value == f"{recall[label]:.2f}"
        worst = matrix[label].argmax()
        times = matrix[label, worst]
        assert taken_for == (f"{DATA.class_names[worst]} ({times})" if times else "–")


def mistakes(probabilities: np.ndarray) -> list[tuple[float, int, int, int]]:
    """Return minus the probability, row, true class and predicted class, surest first."""
    return sorted(
        (-float(row.max()), int(index), int(DATA.y[index]), int(row.argmax()))
        for row, index in zip(probabilities, DATA.split[2], strict=True)
        if row.argmax() != DATA.y[index]
    )


def test_the_surest_mistakes_come_first(report: Report) -> None:
    probabilities = report.study.runs["m0"][0].outputs("last")
    expected = mistakes(probabilities)
    assert len(expected) > 3
    found = misread(DATA, probabilities, 3)
    assert [(-m.probability, m.row, m.true, m.predicted) for m in found] == expected[:3]


def test_the_surest_mistakes_of_the_best_model_are_shown(report: Report) -> None:
    expected = mistakes(best_of_models(report.study).outputs("best"))[:30]
    shown = [image for image in report.page.images if image["section"] == "mistakes"]
    samples = [image["alt"] for image in shown if "png" in image["src"]]
    assert samples == [f"image {row}" for _, row, _, _ in expected]
    for probability, _, true, predicted in expected:
        names = f"{DATA.class_names[true]} → {DATA.class_names[predicted]}"
        assert f"{names}{-probability:.2f}" in report.page.text["mistakes"]


def test_times_beside_the_published_one(report: Report) -> None:
    (rows,) = report.page.tables["times"]
    runs = report.study.all_runs
    assert rows[0] == ["M0", "1500", f"{report.study.runs['m0'][0].seconds:.1f} s", "94.0 s"]
    minutes, seconds = divmod(round(sum(run.seconds for run in runs)), 60)
    epochs = sum(run.n_epochs for run in runs)
    total = [f"all {len(runs)} runs", f"{epochs:,}", f"{minutes} min {seconds:02d} s", "–"]
    assert rows[-1] == total


def test_what_restoring_changes(report: Report) -> None:
    (rows,) = report.page.tables["restoring"]
    (run,) = report.study.runs["m3"]
    assert rows[2] == [
        "M3",
        str(run.best_epoch),
        str(run.n_epochs - 1),
        f"{run.best.val_loss:.4f}",
        f"{run.last.val_loss:.4f}",
        f"{run.best.test_loss:.4f}",
        f"{run.last.test_loss:.4f}",
        f"{run.best.test_accuracy:.4f}",
        f"{run.last.test_accuracy:.4f}",
    ]
    assert "reference to the live weights, not a copy" in report.page.text["restoring"]


def test_the_ladder_from_m1_to_m2(report: Report) -> None:
    (rows,) = report.page.tables["lambda"]
    y = DATA.y[DATA.split[2]]
    for name, row in zip(GROUPS["note1"], rows, strict=True):
        (run,), (m1,) = report.study.runs[name], report.study.runs["m1"]
        assert row[1:5] == [
            f"{run.last.train_accuracy:.4f}",
            f"{min(run.history['val_loss']):.4f}",
            f"{run.last.test_loss:.4f}",
            f"{run.last.test_accuracy:.4f}",
        ]
        if name == "m1":
            assert row[5] == "–"
            continue
        hits = [r.outputs("last").argmax(axis=1) == y for r in (run, m1)]
        gap = float(np.mean(hits[0]) - np.mean(hits[1]))
        assert float(row[5].partition(" ±")[0].replace("−", "-")) == pytest.approx(gap, abs=6e-5)
    assert [row[6] for row in rows] == ["0.6680", "–", "–", "–", "0.5740", "–"]
