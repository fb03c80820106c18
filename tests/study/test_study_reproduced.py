"""The command that a study's page prints: parsed from the page and run, it makes the page again."""

import csv
import html
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from eigenmlp.cli import main
from eigenmlp.study import conduct
from eigenmlp.study.data import StudyData, load_files, make_study_data, with_unlabelled
from eigenmlp.study.report import write_report
from eigenmlp.study.report.page import Page as ReportPage
from eigenmlp.study.report.sections import reproduce_section
from eigenmlp.study.study import select_groups
from page_reader import Page
from synthetic_study import make_study
from tiny_study import tiny_data

AWKWARD = "it's a “naïve” $HOME & <b>;\n`ls` \\ *.npy"


def command_of(page: str) -> str:
    (block,) = re.findall(r"<pre><code>(.*?)</code></pre>", page, flags=re.DOTALL)
    install, _, command = html.unescape(block).partition("\n")
    assert install.startswith("pip install ")
    return command


def section(data: StudyData, **settings: Any) -> str:
    """The part of a page that says how to make it again."""
    return reproduce_section(ReportPage(data, make_study(data, **settings), Path())).html()


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """A folder of an awkward name, and in it the same images and labels as files of many kinds."""
    folder = tmp_path / AWKWARD
    folder.mkdir()
    data = tiny_data(150)
    np.save(folder / "-x.npy", data.X)
    np.save(folder / "floats.npy", data.X.astype(float))
    np.save(folder / "y y.npy", data.y)
    arrays: dict[str, Any] = {"images": data.X, "the labels": data.y}
    np.savez(folder / "both.npz", **arrays)
    frame = pd.DataFrame(data.X).rename(columns="pixel {}".format)
    frame.assign(**{"-l": data.y}).to_csv(folder / "table.csv", index=False)
    frame.assign(**{"--quick": data.y}).to_csv(folder / "options.csv", index=False)
    frame.assign(**{"y y.npy": data.y}).to_parquet(folder / "table.parquet")
    frame.assign(y=data.y).to_csv(folder / "bare.csv", index=False, header=False)
    return folder


@pytest.mark.parametrize(
    "options",
    [
        ["--dataset", "digits", "--quick"],
        ["--images", "./-x.npy", "--labels", "y y.npy", "--predict", "-x.npy"],
        ["--images", "both.npz", "--labels", "the labels", "--seeds", "2"],
        ["--images", "table.csv", "--labels", "-l", "--only", "fig4a , m0"],
        ["--images", "table.csv", "--labels", "-l", "--header"],
        ["--images", "options.csv", "--labels", "--quick"],
        ["--images", "table.parquet", "--labels", "y y.npy"],  # a column, though there is a file
        ["--images", "bare.csv", "--labels", "17", "--no-header", "--quick"],
    ],
)
def test_it_loads_the_same_data_from_any_folder(
    options: list[str], tables: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []
    pages: list[str] = []

    def pretend(data: StudyData, *, only: Any, **settings: Any) -> Any:
        asked.append(
            {"data": data, "groups": select_groups(only)}
            | {name: settings[name] for name in ("n_seeds", "quick")}
        )
        pages.append(section(**asked[-1]))
        return make_study(data, groups=["m0"])

    monkeypatch.setattr(conduct, "conduct_study", pretend)

    def run(words: list[str], folder: Path) -> str:
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as caught:
            main()
        assert not caught.value.code
        return pages[-1]

    if "--only" not in options:
        options = [*options, "--only", "m0"]
    page = run(["eigenmlp", "study", *options], tables)
    command = command_of(page)
    (tmp_path / "elsewhere").mkdir()
    assert command_of(run(shlex.split(command), tmp_path / "elsewhere")) == command
    first, second = asked
    data, again = first.pop("data"), second.pop("data")
    assert first == second
    assert data.fingerprint == again.fingerprint
    assert data.name == again.name
    assert (data.unlabelled is None) == (again.unlabelled is None)
    if data.unlabelled is not None:
        np.testing.assert_array_equal(data.unlabelled, again.unlabelled)
    assert ("[study,parquet]" in page) == ("table.parquet" in options)


def test_run_by_a_shell_it_makes_the_page_again(tables: Path, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "eigenmlp").write_text(
        f"#!{sys.executable}\nimport sys\nfrom eigenmlp.cli import main\nmain()\n"
    )
    (tools / "eigenmlp").chmod(0o755)

    def study(command: str, folder: Path) -> Path:
        script = f"PATH={shlex.quote(str(tools))}:$PATH\n{command}"
        subprocess.run(["/bin/sh", "-ec", script], cwd=folder, check=True)
        (page,) = folder.glob("study/*/report.html")
        return page

    page = study("eigenmlp study --images both.npz --labels 'the labels' --only m0 --quick", tables)
    command = command_of(page.read_text("utf-8"))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    again = study(command, elsewhere)
    assert command_of(again.read_text("utf-8")) == command
    first, second = Page.read(page), Page.read(again)
    for part in ("data", "mistakes", "reproduce"):  # others tell times
        assert first.text[part] == second.text[part]
    rows = [
        [{**row, "seconds": ""} for row in csv.DictReader(path.read_text("utf-8").splitlines())]
        for path in (page.with_name("runs.csv"), again.with_name("runs.csv"))
    ]
    assert rows[0] == rows[1]


def test_where_no_command_makes_the_page_none_is_given(tables: Path) -> None:
    files = load_files(tables / "-x.npy", tables / "y y.npy")
    own = make_study_data(
        files.X,
        files.y,
        name="glyphs",
        description="Made by hand.",
        class_names=files.class_names,
        image_shape=(4, 4),
        input_scale=1.0,
    )
    bare = load_files(tables / "bare.csv", "17", header=False)
    for data, quick in (
        (own, False),
        (files, True),  # all of the data, but runs that are cut short
        (with_unlabelled(bare, tables / "floats.npy"), False),  # two answers about headers
    ):
        page = section(data, groups=["m0"], quick=quick)
        assert "<pre>" not in page
        assert f"only=[&#x27;m0&#x27;], n_seeds=1, quick={quick}" in page


@pytest.mark.skipif(sys.platform != "linux", reason="file names of any bytes")
def test_a_file_whose_name_is_no_text_has_a_page_without_a_command(
    tables: Path, tmp_path: Path
) -> None:
    odd = tables / os.fsdecode(b"no text \xff.npy")
    (tables / "-x.npy").rename(odd)
    data = load_files(odd, str(tables / "y y.npy"))
    study = make_study(data, groups=["m0"])
    page = write_report(tmp_path / "page", data, study).read_text("utf-8")
    assert "<pre>" not in page
    assert "is not a Unicode text, so that no command can be given" in page
    assert "no text \\udcff.npy" in page
