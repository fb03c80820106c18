"""`eigenmlp sweep`: a file of specs, data, and what comes of them."""

import csv
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris

import eigenmlp as em
from command_runs import Run
from eigenmlp.sweeps.spec_files import read_specs

SPECS = """
[base]
hidden_layers = [8]
epochs = 4
metrics = ["f1_macro"]

[grid]
learning_rate = [0.01, 1e30]
optimizer = [{kind = "adam"}, {kind = "sgd", momentum = 0.9}]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    iris = load_iris(as_frame=True)
    frame = iris.frame.drop(columns="target")
    frame["class"] = iris.target_names[iris.target]
    frame.to_csv(tmp_path / "iris.csv", index=False)
    (tmp_path / "specs.toml").write_text(SPECS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


ASKED = ("sweep", "specs.toml", "iris.csv", "--labels", "class", "--executor", "threads")


def test_a_sweep_writes_a_table_and_a_page_and_repeats_nothing(run: Run, folder: Path) -> None:
    code, out, err = run(*ASKED)
    assert code == 1  # some diverged
    assert "3 classes" in out
    assert "2 of 4 runs failed" in out
    assert "Lowest validation loss, of 4 runs" in out
    with (folder / "sweep" / "runs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["learning_rate"] for row in rows] == ["0.01", "0.01", "1e+30", "1e+30"]
    assert [row["optimizer"] for row in rows] == ["adam", "sgd"] * 2
    assert rows[2]["error"].startswith("diverged")
    network = em.load_network(folder / "sweep" / f"{rows[0]['name']}-seed0" / "best.safetensors")
    assert network.feature_names == (
        "sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)",
    )  # fmt: skip
    page = (folder / "sweep" / "runs.html").read_text("utf-8")
    assert page.endswith("</html>\n")
    assert page.count("<polyline") == 4
    assert not re.search(r"(src|href)=\"(?!data:)", page)
    assert "$" not in page
    _, out, err = run(*ASKED)
    assert "4 runs, 4 found on disk." in err


def test_numbers_are_predicted_by_a_loss_of_numbers(run: Run, folder: Path) -> None:
    (folder / "specs.toml").write_text(
        '[base]\nloss = "huber"\nepochs = 2\n[grid]\nseed = [0, 1]\n'
    )
    rng = np.random.default_rng(0)
    np.savez(folder / "numbers.npz", X=rng.normal(size=(60, 3)), y=rng.normal(size=60))
    code, out, _ = run("sweep", "specs.toml", "numbers.npz", "--labels", "y", "--test", 0)
    assert code == 0
    assert "numbers" in out


def test_text_from_files_is_escaped(run: Run, folder: Path) -> None:
    (folder / "specs.toml").rename(folder / "<b>&.toml")
    run("sweep", "<b>&.toml", *ASKED[2:])
    page = (folder / "sweep" / "runs.html").read_text("utf-8")
    assert "<b>" not in page
    assert "&lt;b&gt;&amp;.toml" in page


def test_a_range_is_drawn_from(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(
        "[base]\nepochs = 1\n[sample]\nn = 40\nseed = 3\n[sample.values]\n"
        "learning_rate = {low = 1e-4, high = 0.1, log = true}\n"
        "batch_size = {low = 2, high = 9, whole = true}\nl2 = {low = 0, high = 1}\n"
        "hidden_layers = [[4], [4, 4]]\n"
    )
    specs = read_specs(tmp_path / "s.toml")
    assert specs == read_specs(tmp_path / "s.toml")
    rates = [em.schedules.as_schedule(spec.learning_rate)(0) for spec in specs]
    assert 1e-4 < min(rates) < 1e-3
    assert 1e-2 < max(rates) < 0.1
    assert {spec.batch_size for spec in specs} <= set(range(2, 10))
    assert len({spec.l2 for spec in specs}) == 40
    assert {spec.hidden_layers for spec in specs} == {(4,), (4, 4)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[base", "is not TOML: "),
        ("base = 3", r"base is an int; write a table, \[base\]"),
        ("[bases]", r"\[bases\] is not a table of a sweep; those are \[base\], \[grid\]"),
        ("[base]\nrate = 1", "settings has .*'rate'"),
        ("[grid]\nl2 = 1", r"l2=1 is not a list of values"),
        ("[grid]\nl2 = [1]\n[sample]\nn = 1", r"there are \[grid\] and \[sample\]"),
        ("[sample]\nn = 1", r"\[sample\] has \['n'\]; it needs n and values"),
        ("[sample]\nn = 1\n[sample.values]\nl2 = {low = 1}", "l2 has .*write a list, or"),
        ("[sample]\nn = 1\n[sample.values]\nl2 = {low = 2, high = 1}", "low = 2 is not below"),
        ("[sample]\nn = 1\n[sample.values]\nl2 = {low = 0, high = 1, log = true}", "no logarithm"),
        ('[grid]\noptimizer = [{kind = "adagrad"}]', "kind='adagrad' is unknown"),
    ],
)
def test_a_file_that_describes_no_sweep_is_refused(
    text: str, message: str, run: Run, folder: Path
) -> None:
    (folder / "specs.toml").write_text(text)
    with pytest.raises(em.DataFileError, match=message):
        read_specs(folder / "specs.toml")
    code, _, err = run(*ASKED)
    assert code == 1
    assert err.startswith("error: specs.toml")
    assert not (folder / "sweep").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--validation", "0.6", "--test", "0.6"], "fractions"),
        (["--validation", "0"], "fractions"),
        (["--executor", "dusk"], "'dusk' is unknown"),
    ],
)
def test_bad_options_are_refused(
    arguments: list[Any], message: str, run: Run, folder: Path
) -> None:
    code, _, err = run(*ASKED, *arguments)
    assert code == 2
    assert message in err
    assert not (folder / "sweep").exists()
