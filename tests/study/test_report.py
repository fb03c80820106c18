"""The report page: self-contained, complete, and what it says of what is missing."""

import base64
import dataclasses
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from eigenmlp.study.data import StudyData
from eigenmlp.study.origin import Origin
from eigenmlp.study.report import write_report
from eigenmlp.study.report.analysis import misread
from eigenmlp.study.report.markup import Column, Table
from eigenmlp.study.report.tables import table1
from eigenmlp.study.results import StudyResults
from eigenmlp.study.study import FIGURES, QUESTION_FIGURES
from page_reader import Page
from synthetic_study import make_study
from whole_report import DATA, FAILED, Report, whole_report

SECTIONS = [
    "data",
    "table1",
    "curves",
    "ablations",
    "search",
    "lambda",
    "questions",
    "noise",
    "restoring",
    "mistakes",
    "times",
    "diverged",
    "reproduce",
]


@pytest.fixture
def report() -> Report:
    return whole_report()


def write(folder: Path, study: StudyResults, data: StudyData = DATA) -> Page:
    return Page.read(write_report(folder, data, study))


def test_the_page_is_self_contained(report: Report) -> None:
    assert {reference.partition(",")[0] for reference in report.page.references} == {
        "data:",
        "data:image/svg+xml;base64",
        "data:image/png;base64",
        *(f"#{anchor}" for anchor in SECTIONS),
    }
    assert "script" not in report.page.tags
    assert "url(" not in report.page.style
    assert "@import" not in report.page.style
    for image in report.page.images:
        kind, _, code = image["src"].partition(";base64,")
        content = base64.b64decode(code)
        if kind == "data:image/svg+xml":
            links = re.findall(rb'(?:href|src)="([^"]*)"', content)
            assert all(link.startswith((b"#", b"data:")) for link in links)
        else:
            assert content.startswith(b"\x89PNG")


def test_the_page_holds_every_section_and_figure(report: Report) -> None:
    figures = [figure.name for figure in (*FIGURES, *QUESTION_FIGURES)]
    assert [name for name in report.page.ids if name not in figures] == SECTIONS
    assert [name for name in report.page.ids if name in figures] == figures
    drawn = [image for image in report.page.images if "svg" in image["src"]]
    names = {path.stem for path in (report.folder / "figures").iterdir()}
    assert len(drawn) == len(names) == len(figures) + 8
    assert all(image["alt"] for image in drawn)
    for name in names:
        for kind in ("png", "svg"):
            assert (report.folder / "figures" / f"{name}.{kind}").stat().st_size > 1000


def test_sample_images_are_those_of_the_data(report: Report, tmp_path: Path) -> None:
    import matplotlib.image

    (image, *_) = [i for i in report.page.images if i["section"] == "data"]
    path = tmp_path / "image.png"
    path.write_bytes(base64.b64decode(image["src"].partition(",")[2]))
    row = int(image["alt"].removeprefix("image "))
    assert DATA.y[row] == 0
    assert row in DATA.split[0]
    pixels = DATA.X[row].reshape(8, 8).astype(float)
    scaled = (pixels - pixels.min()) / (pixels.max() - pixels.min())
    np.testing.assert_allclose(matplotlib.image.imread(path)[..., 0], scaled, atol=1 / 128)


def test_diverged_runs_are_listed_with_their_message(report: Report) -> None:
    message = "the loss became inf in epoch 7: try a smaller learning rate"
    assert report.page.tables["diverged"] == [[[FAILED, "η = 0.1", "0", "7", message]]]


def test_on_other_images_no_published_number_is_claimed(report: Report) -> None:
    assert "This study ran on glyphs, not on the report's images" in report.page.text[""]
    assert "A quick look" not in report.page.text[""]


def test_a_quick_look_says_so_first(tmp_path: Path) -> None:
    data = dataclasses.replace(DATA, origin=Origin(dataset="glyphs", quick=True))
    text = write(tmp_path, make_study(data, groups=["fig4a"], quick=True), data).text
    assert "A quick look: not results." in text[""]
    assert "to 20 epochs at most, on 100 images" in text[""]
    assert "eigenmlp study --dataset glyphs --only fig4a --quick" in text["reproduce"]


def test_on_kuzushiji49_the_images_are_of_the_same_collection(tmp_path: Path) -> None:
    data = dataclasses.replace(DATA, name="kuzushiji49")
    text = write(tmp_path, make_study(data, groups=["fig4a"]), data).text[""]
    assert "These images come from the same collection as the report's" in text
    assert "not on the report's images" not in text


def test_parts_that_were_not_asked_for_are_left_out(tmp_path: Path) -> None:
    page = write(tmp_path, make_study(DATA, groups=["fig7", "m1"]))
    sections = ["data", "table1", "curves", "ablations", "restoring", "mistakes", "times"]
    assert page.ids == [*sections[:4], "fig7", *sections[4:], "reproduce"]
    rows = page.tables["table1"][0]
    assert rows[0] == ["M0", "100, 80", "not run", *["–"] * 5, "0.6500", "1.8968"]
    assert [row[0] for row in rows] == ["M0", "M1", "M1", "M2", "M3", "M4"]


def test_a_study_whose_every_run_diverged(tmp_path: Path) -> None:
    page = write(tmp_path, make_study(DATA, groups=["m0", "fig1"], failed=["m0"]))
    sections = ["data", "table1", "curves", "ablations", "fig1", "diverged", "reproduce"]
    assert page.ids == sections
    assert page.tables["table1"][0][0][2] == "diverged"


def test_several_seeds_give_mean_and_deviation(tmp_path: Path) -> None:
    accuracies = [
        r.last.test_accuracy for r in make_study(DATA, groups=["m0"], n_seeds=3).runs["m0"]
    ]
    mean, deviation = np.mean(accuracies), np.std(accuracies, ddof=1)
    row = table1(make_study(DATA, groups=["m0"], n_seeds=3)).rows[0]
    assert row[4] == f"{mean:.4f} ±\N{NO-BREAK SPACE}{deviation:.4f}"
    study = make_study(DATA, groups=["fig4a"], n_seeds=3)
    page = write(tmp_path, study)
    losses = [min(run.history["val_loss"]) for run in study.runs["fig4a-batch32"]]
    row = page.tables["ablations"][0][0]
    assert row[1] == f"{np.mean(losses):.4f} ±\N{NO-BREAK SPACE}{np.std(losses, ddof=1):.4f}"
    epochs = sorted(run.best_epoch for run in study.runs["fig4a-batch32"])
    assert row[2] == f"{epochs[0]} to\N{NO-BREAK SPACE}{epochs[-1]}"
    assert "means over 3 seeds" in page.text[""]
    assert "--seeds 3" in page.text["reproduce"]
    assert "means over 3 seeds" in (tmp_path / "table1.md").read_text("utf-8").lower()


def test_text_from_outside_is_escaped(tmp_path: Path) -> None:
    evil = '<script>alert("1")</script>&amp;$title'
    data = dataclasses.replace(
        DATA,
        name=evil,
        description=evil,
        class_names=(evil, *DATA.class_names[1:]),
        origin=Origin(images=Path("/", evil), labels=evil),
    )
    study = make_study(data, groups=["fig4a"], failed=["fig4a-batch64"])
    (failure,) = study.failures["fig4a-batch64"]
    failure = dataclasses.replace(failure, message=evil)
    page = write(tmp_path, dataclasses.replace(study, failures={"fig4a-batch64": (failure,)}), data)
    assert "script" not in page.tags
    assert page.tables["diverged"][0][0][-1] == evil
    assert evil in page.text["mistakes"]
    assert f"--images '/{evil}' --labels '{evil}' --only" in page.text["reproduce"]


def test_rows_that_are_no_images_are_listed_instead(tmp_path: Path) -> None:
    data = dataclasses.replace(DATA, image_shape=None)
    study = make_study(data, groups=["fig7"])
    page = write(tmp_path, study, data)
    assert not [image for image in page.images if "png" in image["src"]]
    (run,) = study.runs["fig7-early-stopping"]
    worst = misread(data, run.outputs("best"), 1)[0]
    assert page.tables["mistakes"][1][0] == [
        str(worst.row),
        data.class_names[worst.true],
        data.class_names[worst.predicted],
        f"{worst.probability:.2f}",
    ]


def test_the_same_results_give_the_same_files(tmp_path: Path) -> None:
    written = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        write_report(folder, DATA, make_study(DATA, groups=["fig7"]))
        written.append({p.relative_to(folder): p.read_bytes() for p in folder.rglob("*.*")})
    assert written[0] == written[1]
    assert not [path for path in written[0] if path.name.startswith(".")]


def test_without_matplotlib_the_error_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.image", None)
    with pytest.raises(ImportError, match=r'needs matplotlib.*"eigenmlp\[study\]"'):
        write_report(tmp_path, DATA, make_study(DATA, groups=["fig7"]))


def test_a_row_that_does_not_fit_its_table() -> None:
    with pytest.raises(
        ValueError, match=r"a row has 2 cells and the table 1 columns: \['a', 'b'\]"
    ):
        Table([Column("one")], [["a", "b"]])
