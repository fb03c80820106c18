"""`train --target` and `predict` on tables as people have them: one file for each trait."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import eigenmlp as em
from places import DATA
from terminal import run_on_terminal

if TYPE_CHECKING:
    from command_runs import Run

TABLES = DATA / "tables"
PLAIN = {"size": "number", "town": "category", "lift": "category"}
READ: dict[str, tuple[list[str], list[str], dict[str, str]]] = {
    # Options, what is said of the reading, and what the columns are read as.
    "words.csv": ([], [], PLAIN),
    "gaps.csv": ([], [], PLAIN),
    "question-marks.csv": ([], [], PLAIN),
    "own-mark.csv": (["--missing", "-999 unknown"], [], PLAIN),
    "semicolons.csv": ([], ["read as semicolon-separated"], PLAIN),
    "tabs.tsv": ([], ["read as tab-separated"], PLAIN),
    "blanks.txt": ([], ["read as blank-separated"], PLAIN),
    "decimal-commas.csv": ([], ["column 'size' read with decimal commas"], PLAIN),
    "thousands.csv": ([], ["column 'price' read with ',' between thousands"], PLAIN),
    "ambiguous-commas.csv": (["--decimal", "."], ["read with ',' between thousands"], PLAIN),
    "byte-order-mark.csv": ([], [], PLAIN),
    "latin-1.csv": (["--encoding", "latin-1"], [], PLAIN),
    "utf-16.csv": ([], ["read as UTF-16"], PLAIN),
    "comments.csv": ([], ["the first 2 lines left out, as comments"], PLAIN),
    "no-header.csv": (["--no-header"], [], {"1": "number", "2": "category", "3": "category"}),
    "quotes.csv": ([], [], PLAIN),
    "index.csv": ([], [], {"index": "number", **PLAIN}),
    "packed.csv.gz": ([], [], PLAIN),
    "line-ends.csv": ([], [], PLAIN),
    "lines-in-cells.csv": ([], [], PLAIN),
    "trailing-separators.csv": ([], ["1 columns left out that have neither name nor"], PLAIN),
    "trailing-separators-above.csv": ([], [], PLAIN),
    "trailing-separators-below.csv": ([], ["an empty cell at the end of every row left"], PLAIN),
    "marks-of-gaps.csv": ([], [], PLAIN),
    "percentages.csv": ([], ["column 'size' read as numbers, without '%'"], PLAIN),
    "prices.csv": ([], ["column 'price' read as numbers, without '$'"], PLAIN),
    "booleans.csv": ([], [], PLAIN),
    "unnamed-index.csv": ([], ["is an index that pandas"], {"Unnamed: 0": "number", **PLAIN}),
    "excel.csv": ([], ["read as semicolon-separated"], PLAIN),
    "numpy.txt": ([], ["names of the columns taken from the comment '# size town"], PLAIN),
    "names.csv": ([], [], {"größe": "number", "город": "category", "昇降機": "category"}),
    "one-value.csv": ([], [], {**PLAIN, "one": "number", "none": "number", "same": "category"}),
    "columns.npz": ([], [], PLAIN),
    "nullable.parquet": ([], [], PLAIN),
    "named-index.parquet": ([], [], {**PLAIN, "number": "number"}),
    "decimals.parquet": ([], [], PLAIN),
    "parts.parquet": ([], [], PLAIN),
    "words.feather": ([], [], PLAIN),
}


def kinds_of(model: Any) -> dict[str, str]:
    kinds = {"NumberFeatures": "number", "CategoryFeatures": "category"}
    return {column.name: kinds[type(column).__name__] for column in model._preparation.columns}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", READ)
def test_a_table_is_trained_on_and_predicted(name: str, run: Run) -> None:
    options, said, kinds = READ[name]
    target = "4" if name == "no-header.csv" else "price"
    code, out, err = run(
        "train", TABLES / name, "--target", target, "--epochs", 40, "-o", "m.st", *options
    )
    assert code == 0, err
    assert "numbers, " in out
    assert "always " in out
    for line in said:
        assert line in err
    model = em.load_model("m.st")
    assert isinstance(model, em.TabularRegressor)
    assert dict(sorted(kinds_of(model).items())) == dict(sorted(kinds.items()))
    code, out, err = run("predict", "m.st", TABLES / name, "--labels", target, *options)
    assert code == 0, err
    (header, *cells) = csv.reader(io.StringIO(out))
    assert header == ["prediction"]
    prices = np.array(cells, float)[:, 0]
    assert len(prices) == 40
    assert 30_000 < np.median(prices) < 250_000
    assert float(err.split("R² ")[1].split()[0]) > 0.5


REFUSED = {
    "no-header.csv": (
        [],
        "has no header, it seems: its first line is 99.0, Bonn, .*pass --no-header",
    ),
    "latin-1.csv": ([], "is not text in UTF-8 (invalid start byte in line 4). If it comes"),
    "ambiguous-commas.csv": (
        [],
        "whose comma may stand between thousands or before decimals (rows count",
    ),
    "a-word-among-numbers.csv": (
        [],
        "column 'size' holds numbers, but 'large' in row 7 (rows count",
    ),
    "own-mark.csv": (
        [],
        "If '-999 unknown' stands for a gap, pass --missing '-999 unknown'; else correct",
    ),
    "ragged.csv": ([], "line 10 has another number of cells than the first line"),
    "dates.csv": ([], "column 'sold' holds dates or times, such as '30.01.2020' in row 1"),
    "open-quote.csv": ([], "quotes that begin in line 2 or below are never closed"),
    "same-names.csv": ([], "several columns are called 'size'"),
    "dates.parquet": ([], "column 'sold' holds dates, which no network reads as they are"),
    "words.csv": (["--missing", "yes,no"], ""),
}


@pytest.mark.parametrize("value", ["3.5", "yes"])
def test_a_target_that_is_the_same_everywhere(value: str, run: Run) -> None:
    pd.DataFrame({"a": range(9), "y": [None, *[value] * 8]}).to_csv("a.csv", index=False)
    code, _, err = run("train", "a.csv", "--target", "y")
    assert code == 1
    assert f"a.csv: column 'y' holds {value} in every row, so that there is nothing to" in err


def test_rows_are_told_as_the_file_has_them(run: Run) -> None:
    """Some rows have no target, and some are held out."""
    frame = pd.DataFrame({"a": np.arange(60.0), "y": np.arange(60.0)})
    frame.loc[57, "a"] = np.inf
    frame.loc[:9, "y"] = np.nan
    frame.to_feather("a.feather")
    code, _, err = run("train", "a.feather", "--target", "y")
    assert code == 1
    assert "column 'a' holds infinity in row 58 (rows count from 1" in err


def test_dates_are_no_target(run: Run) -> None:
    code, _, err = run("train", TABLES / "dates.parquet", "--target", "sold", "-o", "m.st")
    assert code == 1
    assert "column 'sold' holds dates, which no network reads as they are" in err


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_plain_is_asked_about(name: str, run: Run) -> None:
    options, message = REFUSED[name]
    code, _, err = run(
        "train", TABLES / name, "--target", "price", "--epochs", 1, "-o", "m.st", *options
    )
    if message:
        assert code == 1
        assert message.split(".*")[0] in err
        assert message.split(".*")[-1] in err
        assert "Traceback" not in err
    else:
        assert code == 0


@pytest.mark.parametrize(
    ("name", "labels", "why"),
    [
        ("classes.csv", ["cheap", "dear"], "classes, as it holds cheap, dear"),
        ("minus-one.csv", ["-1", "1"], "classes, as it holds -1, 1 (--task regression predicts"),
        ("grades.csv", ["1", "2", "3"], "classes, as it holds 1, 2, 3 (--task regression"),
    ],
)
def test_classes_are_given_back_by_name(name: str, labels: list[str], why: str, run: Run) -> None:
    code, out, err = run("train", TABLES / name, "--target", "class", "-o", "m.st")
    assert code == 0, err
    assert why in out
    assert "accuracy" in out
    code, out, err = run("predict", "m.st", TABLES / name, "--id", "town", "--labels", "class")
    assert code == 0, err
    header, *cells = csv.reader(io.StringIO(out))
    assert header == ["town", "class", *(f"probability_{label}" for label in labels)]
    assert {row[1] for row in cells} <= set(labels)
    given = pd.read_csv(TABLES / name)
    assert [row[0] for row in cells] == given["town"].tolist()
    right = np.mean(np.array(cells)[:, 1] == given["class"].astype(str).to_numpy())
    assert right > 0.75
    assert f"accuracy {right:.4f} on 40 rows" in err


def test_the_task_can_be_said(run: Run) -> None:
    table = TABLES / "grades.csv"
    code, out, _ = run(
        "train", table, "--target", "class", "--task", "regression", "--epochs", 1, "-o", "m.st"
    )
    assert code == 0
    assert "numbers, 1 to 3" in out
    assert isinstance(em.load_model("m.st"), em.TabularRegressor)
    code, _, err = run(
        "train", TABLES / "classes.csv", "--target", "class", "--task", "regression", "-o", "n.st"
    )
    assert code == 2
    assert "of which no numbers can be predicted" in err


def made_up(kind: str, n: int, seed: int) -> pd.DataFrame:
    """Tables like those that everybody knows, with their words and gaps."""
    rng = np.random.default_rng(seed)
    if kind == "titanic":
        sex, age = rng.choice(["male", "female"], n), rng.integers(1, 80, n).astype(float)
        place = rng.choice([1, 2, 3], n)
        alive = (sex == "female") * 2.0 + (place == 1) + (age < 12) + rng.normal(0, 0.5, n) > 1.7
        frame = pd.DataFrame(
            {"Sex": sex, "Age": age, "Pclass": place, "Survived": alive.astype(int)}
        )
        frame["Cabin"] = pd.Series("C12", index=frame.index).where(rng.random(n) > 0.7)
    elif kind == "penguins":
        species = rng.choice(["Adelie", "Gentoo", "Chinstrap"], n)
        shift = pd.Series(species).map({"Adelie": 0.0, "Gentoo": 15.0, "Chinstrap": 5.0}).to_numpy()
        frame = pd.DataFrame(
            {
                "species": species,
                "island": np.where(species == "Gentoo", "Biscoe", rng.choice(["Dream", "Torg"], n)),
                "flipper": 190 + shift + rng.normal(0, 3, n),
                "bill": 38 + np.where(species == "Chinstrap", 10, 0) + rng.normal(0, 2, n),
            }
        )
    else:
        education = rng.choice(["HS-grad", "Bachelors", "Masters"], n)
        hours = rng.integers(10, 70, n)
        rich = (education == "Masters") * 2 + hours / 25 + rng.normal(0, 0.4, n) > 3
        frame = pd.DataFrame(
            {"education": education, "hours": hours, "income": np.where(rich, ">50K", "<=50K")}
        )
    gaps = str(list(frame)[rng.integers(1, 3)])
    if gaps not in {"Survived", "species", "income"}:
        frame[gaps] = frame[gaps].where(rng.random(n) > 0.1)
    return frame


@pytest.mark.parametrize(
    ("kind", "target"), [("titanic", "Survived"), ("penguins", "species"), ("adult", "income")]
)
def test_well_known_kinds_of_tables(kind: str, target: str, run: Run) -> None:
    made_up(kind, 400, 0).to_csv("table.csv", index=False)
    code, _, err = run("train", "table.csv", "--target", target)
    assert code == 0, err
    later = made_up(kind, 200, 1)
    answers = later.pop(target).astype(str)
    shuffled = later.sample(frac=1, axis=1, random_state=0)
    shuffled.iloc[::9, 0] = None
    shuffled.to_csv("later.csv", index=False)
    code, out, err = run("predict", "model.safetensors", "later.csv", "--columns", "class")
    assert code == 0, err
    predicted = out.split()[1:]
    assert np.mean([a == b for a, b in zip(predicted, answers, strict=True)]) > 0.75


def test_columns_that_are_missing_and_further_ones(run: Run) -> None:
    table = pd.read_csv(TABLES / "words.csv")
    run("train", TABLES / "words.csv", "--target", "price", "--epochs", 2, "-o", "m.st")
    table.drop(columns="town").to_csv("less.csv", index=False)
    code, _, err = run("predict", "m.st", "less.csv")
    assert code == 1
    assert "lacks 1 of the 3 columns of training: 'town'" in err
    table.assign(colour="red").to_csv("more.csv", index=False)
    code, out, err = run("predict", "m.st", "more.csv", "--labels", "price", "-o", "out.csv")
    assert code == 0
    assert "columns that were not there in training, which are left aside: 'colour'" in err
    assert "'price'" not in err
    assert out == ""
    code, _, err = run("predict", "m.st", "more.csv", "--id", "name")
    assert code == 2
    assert "has no column 'name'; it has size, town, lift, price, colour" in err


def test_categories_that_look_like_numbers_stay_what_they_were(run: Run) -> None:
    codes = [f"0{k % 3}" if k % 7 else "none" for k in range(60)]
    pd.DataFrame({"code": codes, "y": [k % 3 * 10.5 for k in range(60)]}).to_csv(
        "a.csv", index=False
    )
    run("train", "a.csv", "--target", "y", "-o", "m.st", "--missing", "none")
    run("train", "a.csv", "--target", "y", "-o", "n.st")
    assert kinds_of(em.load_model("m.st")) == {"code": "number"}
    assert kinds_of(em.load_model("n.st")) == {"code": "category"}
    run(
        "train", "a.csv", "--target", "y", "-o", "o.st", "--missing", "none", "--categories", "code"
    )
    assert kinds_of(em.load_model("o.st")) == {"code": "category"}
    pd.DataFrame({"code": ["00", "01", "02"]}).to_csv("b.csv", index=False)
    code, out, err = run("predict", "n.st", "b.csv")
    assert (code, err) == (0, "")
    assert np.argsort(np.array(out.split()[1:], float)).tolist() == [0, 1, 2]


def test_columns_of_parquet_have_their_types(run: Run) -> None:
    table = TABLES / "named-index.parquet"
    code, _, err = run("train", table, "--target", "price", "--missing", "yes")
    assert code == 1
    assert "is a Parquet table, whose columns have names and types; leave out --missing" in err
    run("train", table, "--target", "price", "--epochs", 1, "--categories", "number")
    assert kinds_of(em.load_model("model.safetensors"))["number"] == "category"
    code, _, err = run("predict", "model.safetensors", table, "--labels", "price")
    assert code == 0, err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--target", "nope"], "words.csv has no column 'nope'; it has size, town, lift, price"),
        (["--target", "price", "--ignore", "id"], "has no column 'id'"),
        (["--target", "price", "--categories", "zip"], "has no column 'zip'"),
        (
            ["--target", "price", "--ignore", "size,town,lift"],
            "has no other column to learn from than",
        ),
        (["--target", "price", "--hidden", "5"], "find their own settings"),
        (["--target", "price", "--labels", "town"], "both are given"),
        ([], "neither is given"),
        (["--labels", "town", "--task", "regression"], "it belongs to --target"),
        (["--target", "price", "--task", "magic"], "'magic' is unknown; use one of auto, class"),
        (["--target", "price", "--decimal", ";"], "';' is neither . nor ,"),
        (["--target", "price", "--validation", "1"], "leaves nothing to train on"),
    ],
)
def test_options_that_do_not_go_together(arguments: list[str], message: str, run: Run) -> None:
    code, _, err = run("train", TABLES / "words.csv", *arguments)
    assert code == 2
    assert message in " ".join(err.replace("│", "").split())


def test_options_of_tables_are_refused_for_other_models(run: Run) -> None:
    em.Network([3, 2], rng=0).save("net.st")
    code, _, err = run("predict", "net.st", TABLES / "words.csv", "--id", "town")
    assert code == 2
    assert "net.st is no model of one" in " ".join(err.replace("│", "").split())


def test_columns_are_inspected(run: Run) -> None:
    run("train", TABLES / "gaps.csv", "--target", "price", "--epochs", 1, "--networks", 2)
    code, out, _ = run("inspect", "model.safetensors")
    assert code == 0
    model: Any = em.load_model("model.safetensors")
    n_features = len(model.get_feature_names_out())
    assert f"TabularRegressor of 2 networks of {n_features}-256-256-256-1 units" in out
    rows = {line.split()[0]: line for line in out.splitlines() if line.strip()}
    assert "numbers" in rows["size"]
    assert "with gaps" in rows["size"]
    assert "3: Bonn, Köln, Ulm" in rows["town"]


def test_the_package_is_a_program() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "eigenmlp", "--version"], check=True, capture_output=True, text=True
    )
    assert done.stdout == f"eigenmlp {em.__version__}\n"


def test_nothing_is_asked_about_columns_that_are_left_aside(run: Run) -> None:
    table = pd.read_csv(TABLES / "words.csv")
    table["sold"] = pd.date_range("2020-01-01", periods=len(table)).strftime("%Y-%m-%d")
    table["room"] = [*range(len(table) - 1), "none"]
    table.to_csv("a.csv", index=False)
    code, _, err = run("train", "a.csv", "--target", "price", "--epochs", 2)
    assert code == 1
    assert (
        "column 'sold' holds dates or times, such as '2020-01-01' in row 1; column 'room' " in err
    )
    ignored = ["--ignore", "sold,room"]
    code, _, err = run("train", "a.csv", "--target", "price", "--epochs", 2, *ignored)
    assert (code, err) == (0, "")
    code, out, err = run("predict", "model.safetensors", "a.csv", "--labels", "price")
    assert code == 0, err
    assert len(out.splitlines()) == len(table) + 1
    assert "which are left aside: 'sold', 'room'" in err
    table["size"] = table["size"].astype(object)
    table.loc[4, "size"] = "large"
    table.to_csv("a.csv", index=False)
    code, _, err = run("predict", "model.safetensors", "a.csv")
    assert code == 1
    assert "column 'size' was of numbers, but 'large' in row 5 (rows count" in err
    assert "--ignore" not in err  # which `predict` doesn't have


def test_identifiers_are_carried_as_they_stand(run: Run) -> None:
    table = pd.read_csv(TABLES / "words.csv").head(3)
    run("train", TABLES / "words.csv", "--target", "price", "--epochs", 1)
    ids = ["007", "1234567890123456789012", "1.50"]
    table.assign(id=ids).to_csv("a.csv", index=False)
    code, out, err = run("predict", "model.safetensors", "a.csv", "--id", "id")
    assert code == 0, err
    assert [line.split(",")[0] for line in out.splitlines()] == ["id", *ids]


def test_values_that_come_after_gaps_alone_are_told(run: Run) -> None:
    table = pd.read_csv(TABLES / "words.csv").assign(note=None)
    table.to_csv("a.csv", index=False)
    code, _, err = run("train", "a.csv", "--target", "price", "--epochs", 1)
    assert (code, err) == (0, "")
    run("predict", "model.safetensors", "a.csv", "-o", "gaps.csv")
    for note in ("none", "7"):
        table.assign(note=note).to_csv("b.csv", index=False)
        code, _, err = run("predict", "model.safetensors", "b.csv", "-o", "b-out.csv", "--force")
        assert code == 0, err
        assert f"column 'note' holds '{note}' in row 1" in err
        assert "but held nothing but gaps in training: its values can't be used" in err
        assert pd.read_csv("b-out.csv").equals(pd.read_csv("gaps.csv"))
    code, out, _ = run("inspect", "model.safetensors")
    assert code == 0
    assert "nothing but gaps, so that no value is read" in out


PROGRESS = """
import sys
from eigenmlp.cli import main, table_reading
table_reading._PATIENCE = {patience}
sys.argv = ["eigenmlp", "predict", "model.safetensors", {table!r}, "-o", "out.csv", "--force"]
main()
"""


def test_progress_of_reading_is_shown_on_a_terminal_alone(run: Run) -> None:
    table = str(TABLES / "words.csv")
    run("train", table, "--target", "price", "--epochs", 1)
    patient = run_on_terminal(PROGRESS.format(patience=1e9, table=table))
    assert patient.status == 0
    assert "Reading" not in patient.written
    shown = run_on_terminal(PROGRESS.format(patience=0, table=table), columns=200)
    assert shown.status == 0
    assert not shown.cursor_hidden
    (line,) = [line for line in shown.lines if "Reading" in line]
    assert line.startswith(f"Reading {table} ")
    assert line.endswith("100%")
    done = subprocess.run(
        [sys.executable, "-c", PROGRESS.format(patience=0, table=table)],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "the table has columns that were not there in training, which are left aside: 'price'",
        "Predictions of 40 rows written to out.csv.",
    ]


@pytest.mark.parametrize("value", ["1e120", "9223372036854775808", "1.5"])
def test_numbers_that_are_no_classes(value: str, run: Run) -> None:
    rows = "".join(f"{k},{0 if k < 60 else value}\n" for k in range(120))
    Path("table.csv").write_text(f"x,y\n{rows}")
    asked = ("train", "table.csv", "--target", "y", "--epochs", 1)
    code, _, err = run(*asked, "--task", "classification")
    assert code == 2
    assert "numbers that are classes are whole, and 2^53 at most" in " ".join(
        err.replace("│", "").split()
    )
    code, out, err = run(*asked)
    assert (code, err) == (0, "")
    assert "Target   y: numbers, 0 to" in out


def test_identifiers_beside_columns_without_names_are_carried_as_they_stand(run: Run) -> None:
    X = np.random.default_rng(0).normal(size=(60, 2))
    em.TabularClassifier(max_iter=1).fit(X, (X[:, 0] > 0).astype(int)).save("unnamed.st")
    Path("new.csv").write_text("a,id,b\n1.5,007,0.2\n-1.5,9007199254740993,0.3\n")
    code, out, _ = run("predict", "unnamed.st", "new.csv", "--id", "id")
    assert code == 0
    assert [row.split(",")[0] for row in out.splitlines()] == ["id", "007", "9007199254740993"]


def test_a_new_file_without_decimals_is_asked_about(run: Run) -> None:
    rows = "".join(f"{k},5;{k + 1}.500;{'ja' if k > 30 else 'nein'}\n" for k in range(60))
    Path("old.csv").write_text(f"size;price;y\n{rows}")
    assert run("train", "old.csv", "--target", "y", "--epochs", 1).code == 0
    Path("new.csv").write_text("size;price\n12;8.500\n13;2.100\n")
    code, _, err = run("predict", "model.safetensors", "new.csv")
    assert code == 1
    assert "'price' holds '8.500' in row 1, whose point may stand" in " ".join(err.split())
    assert run("predict", "model.safetensors", "new.csv", "--decimal", ",").code == 0
