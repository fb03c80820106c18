"""The study's figures, judged by the objects they are drawn with."""

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from eigenmlp.history import History
from eigenmlp.study.report import figures, score_figures
from eigenmlp.study.results import StudyResults
from eigenmlp.study.study import GROUPS, MODELS, SPECS
from synthetic_study import KANA, make_data, make_study

DATA = make_data()


def lines(axes: Axes, start: str) -> dict[str, Line2D]:
    """Return the first line of every label that starts so, by what follows."""
    found: dict[str, Line2D] = {}
    for line in axes.get_lines():
        kind, _, label = str(line.get_label()).partition(" ")
        if kind == start:
            found.setdefault(label, line)
    return found


def x_of(line: Line2D) -> list[float]:
    return [float(x) for x in np.asarray(line.get_xdata())]


def y_of(line: Line2D) -> list[float]:
    return [float(y) for y in np.asarray(line.get_ydata())]


def column(study: StudyResults, name: str, key: str, seed: int = 0) -> list[float]:
    return study.runs[name][seed].history[key]


def with_losses(study: StudyResults, name: str, losses: Sequence[float]) -> StudyResults:
    """Return the study with other losses, in training and validation, of one run."""
    (run,) = study.runs[name]
    columns = run.history.to_dict()
    columns = {key: values[: len(losses)] for key, values in columns.items()}
    columns |= {"train_loss": list(losses), "val_loss": list(losses)}
    changed = dataclasses.replace(run, history=History.from_dict(columns))
    return dataclasses.replace(study, runs={**study.runs, name: (changed,)})


@pytest.mark.parametrize("group", ["fig2", "fig4a"])
def test_every_run_has_a_solid_training_line_and_a_dashed_validation_line(group: str) -> None:
    study = make_study(DATA, groups=[group])
    (axes,) = figures.loss_figure(study, GROUPS[group]).axes
    training, validation = lines(axes, "training"), lines(axes, "validation")
    assert list(training) == list(validation) == [SPECS[name].label for name in GROUPS[group]]
    for name in GROUPS[group]:
        solid, dashed = training[SPECS[name].label], validation[SPECS[name].label]
        assert (solid.get_linestyle(), dashed.get_linestyle()) == ("-", "--")
        assert solid.get_color() == dashed.get_color()
        assert y_of(solid) == column(study, name, "train_loss")
        assert y_of(dashed) == column(study, name, "val_loss")
        assert x_of(solid) == list(range(SPECS[name].epochs))
    assert len({line.get_color() for line in training.values()}) == 3
    assert len({line.get_marker() for line in validation.values()}) == 3, "told apart in grey"
    assert axes.get_xlabel() == "epoch"
    assert axes.get_ylabel() == "cross-entropy"


def test_a_star_marks_the_best_epoch_of_validation() -> None:
    study = make_study(DATA, groups=["fig5"])
    (axes,) = figures.loss_figure(study, GROUPS["fig5"]).axes
    for name in GROUPS["fig5"]:
        star = lines(axes, "best")[SPECS[name].label]
        losses = column(study, name, "val_loss")
        assert star.get_marker() == "*"
        assert y_of(star) == [min(losses)]
        assert x_of(star) == [losses.index(min(losses))]


def test_losses_with_the_penalty_inside() -> None:
    study = make_study(DATA, groups=["fig6a"])
    (axes,) = figures.loss_figure(study, GROUPS["fig6a"], penalised=True).axes
    for name in GROUPS["fig6a"]:
        label, penalty = SPECS[name].label, column(study, name, "l2_penalty")
        for kind, key in (("training", "train_loss"), ("validation", "val_loss")):
            expected = [a + b for a, b in zip(column(study, name, key), penalty, strict=True)]
            assert y_of(lines(axes, kind)[label]) == pytest.approx(expected, rel=1e-15)
        (lowest,) = y_of(lines(axes, "best")[label])
        assert lowest == min(y_of(lines(axes, "validation")[label]))
    assert axes.get_ylabel() == "cross-entropy + L2 penalty"


@pytest.mark.parametrize(
    ("losses", "scale"), [([4.0, 0.39], "log"), ([4.0, 0.41], "linear"), ([0.0, 4.0], "linear")]
)
def test_the_loss_axis_is_logarithmic_from_a_decade_on(losses: list[float], scale: str) -> None:
    study = with_losses(make_study(DATA, groups=["m0"]), "m0", losses)
    (axes,) = figures.loss_figure(study, ["m0"]).axes
    assert axes.get_yscale() == scale


def test_training_and_validation_apart() -> None:
    study = make_study(DATA, groups=["norm"])
    left, right = figures.loss_figure(study, GROUPS["norm"], apart=True).axes
    assert [axes.get_title(loc="left") for axes in (left, right)] == ["training", "validation"]
    labels = [SPECS[name].label for name in GROUPS["norm"]]
    assert list(lines(left, "training")) == list(lines(right, "validation")) == labels
    assert list(lines(right, "best")) == labels
    assert not lines(left, "validation")
    assert not lines(right, "training")
    for name in GROUPS["norm"]:
        assert y_of(lines(left, "training")[SPECS[name].label]) == column(study, name, "train_loss")
        assert y_of(lines(right, "validation")[SPECS[name].label]) == column(
            study, name, "val_loss"
        )


@pytest.mark.parametrize(
    ("quantity", "scales"), [("train", ("log", "linear")), ("val", ("linear", "log"))]
)
def test_apart_each_panel_has_its_own_loss_scale(quantity: str, scales: tuple[str, str]) -> None:
    study = with_losses(make_study(DATA, groups=["m0"]), "m0", [4.0, 3.0, 2.0])
    (run,) = study.runs["m0"]
    columns = run.history.to_dict() | {f"{quantity}_loss": [4.0, 0.1, 0.2]}
    changed = dataclasses.replace(run, history=History.from_dict(columns))
    study = dataclasses.replace(study, runs={"m0": (changed,)})
    panels = figures.loss_figure(study, ["m0"], apart=True).axes
    assert tuple(axes.get_yscale() for axes in panels) == scales


@pytest.mark.parametrize(("epochs", "scale"), [(9, "linear"), (10, "function")])
def test_epochs_lie_by_their_root_where_lengths_differ_widely(
    epochs: int, scale: str, tmp_path: Path
) -> None:
    study = make_study(DATA, groups=["norm"])
    for name, length in zip(GROUPS["norm"], (3, epochs, 4), strict=True):
        study = with_losses(study, name, [2.0] * length)
    figure = figures.loss_figure(study, GROUPS["norm"], apart=True)
    for axes in figure.axes:
        assert axes.get_xscale() == scale
        assert ("square-root" in axes.get_xlabel()) == (scale == "function")
    figures.save(figure, tmp_path, "norm")
    (together,) = figures.loss_figure(study, GROUPS["norm"]).axes
    assert together.get_xscale() == "linear"


def test_further_seeds_are_thin_and_without_markers() -> None:
    study = make_study(DATA, groups=["fig4b"], n_seeds=3)
    (axes,) = figures.loss_figure(study, GROUPS["fig4b"]).axes
    drawn = [line for line in axes.get_lines() if str(line.get_label()).startswith("validation")]
    assert len(drawn) == 9
    assert [line.get_linewidth() for line in drawn] == [1.5, 0.7, 0.7] * 3
    assert [line.get_marker() for line in drawn[:3]] == ["o", "None", "None"]
    assert y_of(drawn[2]) == column(study, "fig4b-batch32", "val_loss", seed=2)
    assert len(lines(axes, "best")) == 3


def test_a_diverged_run_ends_with_a_cross() -> None:
    study = make_study(DATA, groups=["fig5"], failed=["fig5-eta0.1"])
    figure = figures.loss_figure(study, GROUPS["fig5"])
    (axes,) = figure.axes
    cross = lines(axes, "diverged")["η = 0.1"]
    assert cross.get_marker() == "x"
    assert x_of(cross) == [6]
    assert "η = 0.1" not in lines(axes, "best")
    assert "diverged" in [text.get_text() for text in figure.legends[0].get_texts()]


def test_a_run_that_diverged_at_once_has_nothing_to_draw(tmp_path: Path) -> None:
    study = make_study(DATA, groups=["fig7"], failed=["fig7-early-stopping"])
    (failure,) = study.failures["fig7-early-stopping"]
    failure = dataclasses.replace(failure, history=History())
    study = dataclasses.replace(study, failures={"fig7-early-stopping": (failure,)})
    figure = figures.loss_figure(study, GROUPS["fig7"])
    assert not lines(figure.axes[0], "diverged")
    figures.save(figure, tmp_path, "fig7")


def test_the_models_stand_side_by_side_on_one_scale() -> None:
    study = make_study(DATA, groups=["m0", "m3"])
    for quantity, scale in (("loss", "log"), ("accuracy", "linear")):
        panels = figures.models_figure(study, quantity).axes
        assert [axes.get_title(loc="left") for axes in panels[:5]] == [
            m.run.upper() for m in MODELS
        ]
        assert {axes.get_yscale() for axes in panels[:5]} == {scale}
        assert len({axes.get_ylim() for axes in panels[:5]}) == 1
        assert [text.get_text() for text in panels[1].texts] == ["not run"]
        drawn = y_of(lines(panels[3], "validation")["M3"])
        assert drawn == column(study, "m3", f"val_{quantity}")
        (epoch,) = x_of(lines(panels[3], "best")["M3"])
        assert epoch == study.runs["m3"][0].best_epoch


def test_both_readings_of_lambda_in_two_panels() -> None:
    study = make_study(DATA, groups=["note1"])
    pairs = (("M1", "m1", "note1-undivided"), ("M2", "note1-m2-divided", "m2"))
    panels = figures.readings_figure(study, pairs).axes
    for axes, (title, divided, undivided) in zip(panels, pairs, strict=True):
        assert axes.get_title(loc="left") == title
        drawn = lines(axes, "validation")
        assert y_of(drawn["(λ/64) W"]) == column(study, divided, "val_loss")
        assert y_of(drawn["λW"]) == column(study, undivided, "val_loss")


def test_table1_at_a_glance() -> None:
    study = make_study(DATA, groups=["m0", "m1"], n_seeds=2)
    figure = score_figures.table1_figure(study)
    accuracy, loss = figure.axes
    dots = [line for line in accuracy.get_lines() if line.get_marker() != "None"]
    m0, m1 = study.runs["m0"], study.runs["m1"]
    expected = [
        ("o", np.mean([run.last.test_accuracy for run in m0])),
        ("|", 0.65),
        ("o", np.mean([run.last.test_accuracy for run in m1])),
        ("D", np.mean([run.best.test_accuracy for run in m1])),
        ("|", 0.668),
    ]
    assert [(dot.get_marker(), x_of(dot)[0]) for dot in dots] == expected
    assert [x_of(dot)[0] for dot in loss.get_lines()][-1] == 1.7046
    assert [label.get_text() for label in accuracy.get_yticklabels()] == ["M0", "M1"]


def test_the_search_from_top_to_bottom() -> None:
    names = ["m2", "search-400", "m3"]
    study = make_study(DATA, groups=["search", "m2"])
    (axes,) = score_figures.search_figure(study, names).axes
    best = [study.runs[name][0].best.val_loss for name in names]
    assert [text.get_text() for text in axes.texts] == [f"{loss:.4f}" for loss in best]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["M2: 400, 100, 80", "400", "M3: 2000, 1000"]
    assert axes.yaxis_inverted()


@pytest.mark.parametrize("n_classes", [2, 10, 49])
def test_the_confusion_matrix_shows_every_count_in_its_cell(n_classes: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    matrix = rng.poisson(0.1, (n_classes, n_classes)) + np.diag(rng.integers(0, 12, n_classes))
    figure = score_figures.confusion_figure(matrix, list(KANA[:n_classes]))
    (axes,) = figure.axes
    shown = np.zeros_like(matrix)
    for text in axes.texts:
        column_, row = text.get_position()
        shown[int(row), int(column_)] = int(text.get_text())
    np.testing.assert_array_equal(shown, matrix)
    image = np.asarray(axes.images[0].get_array())
    for row, column_ in zip(*np.nonzero(matrix), strict=True):
        red, _, blue = image[row, column_]
        assert (blue > red) == (row == column_), "hits blue, mistakes orange"
    assert (image[matrix == 0] == 1).all()
    figures.save(figure, tmp_path, "confusion")  # raises if a glyph is missing


def test_recall_of_the_classes_that_have_test_images() -> None:
    (axes,) = score_figures.recall_figure([0.5, np.nan, 1.0], ["a", "b", "c"]).axes
    bars: list[Any] = list(axes.patches)
    assert [bar.get_height() for bar in bars] == [1.0, 0.5]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["c", "a"]
    assert [text.get_text() for text in axes.texts] == ["mean 0.7500"]


def test_class_names_that_the_font_cannot_draw() -> None:
    names = ["い", "ゝ", "7", "漢", "$x$", "a very long name", "", "é", "a\u202e"]
    expected = ["i", "#1", "7", "#3", "$x$", "#5", "#6", "é", "#8"]
    assert score_figures.drawable(names) == expected


def test_files_are_the_same_for_the_same_figure(tmp_path: Path) -> None:
    written = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        figure = figures.loss_figure(make_study(DATA, groups=["fig4a"]), GROUPS["fig4a"])
        svg = figures.save(figure, folder, "fig4a")
        assert svg == (folder / "fig4a.svg").read_text("utf-8")
        written.append([(folder / f"fig4a.{kind}").read_bytes() for kind in ("png", "svg")])
    assert written[0] == written[1]
    assert b"<dc:date>" not in written[0][1]


def test_figures_need_neither_pyplot_nor_change_global_style(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    figure = figures.loss_figure(make_study(DATA, groups=["fig7"]), GROUPS["fig7"])
    figures.save(figure, tmp_path, "fig7")
    assert dict(mpl.rcParams) == before


def test_without_matplotlib_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r'figures needs matplotlib.*"eigenmlp\[study\]"'):
        figures.loss_figure(make_study(DATA, groups=["fig7"]), GROUPS["fig7"])
