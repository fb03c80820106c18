"""`eigenmlp study`: what it writes, how it refuses, and how it survives being stopped."""

import csv
import html
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

import eigenmlp as em
from eigenmlp.cli import main
from eigenmlp.files.folder_lock import FolderLock
from eigenmlp.study import data as study_data
from eigenmlp.study import report
from tiny_study import content, tiny_data


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


Study = Callable[..., Outcome]


@pytest.fixture
def study(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Study:
    """Run `eigenmlp study` in this process, in a folder with images.npy and labels.npy."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    data = tiny_data(150)
    np.save("images.npy", data.X)
    np.save("labels.npy", data.y)
    np.save("more.npy", data.X[:9])

    def study(*args: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["eigenmlp", "study", *map(str, args)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            main()
        assert isinstance(caught.value.code, int)
        return Outcome(caught.value.code, *capsys.readouterr())

    return study


FILES = ("--images", "images.npy", "--labels", "labels.npy")


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_study_writes_its_page_and_its_tables(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = (*FILES, "--only", "fig4a,m0", "--seeds", 2, "--predict", "more.npy", "--quick")
    code, out, _ = study(*asked, "--jobs", 1)
    assert code == 0
    assert "eigenmlp study on images, a quick look: 8 runs, 8 to train, 1 at a time." in out
    folder = tmp_path / "study" / "images-quick"
    assert f"Report: {folder.relative_to(tmp_path) / 'report.html'}\n" in out
    assert (folder / "table1.md").exists()
    assert "M0" in (folder / "report.html").read_text("utf-8")

    runs = _table(folder / "runs.csv")
    assert [(run["run"], run["seed"]) for run in runs] == [
        (name, seed)
        for name in ("m0", "fig4a-batch32", "fig4a-batch64", "fig4a-batch96")
        for seed in "01"
    ]
    for run in runs:
        network = em.load_network(
            folder / "runs" / f"{run['run']}-seed{run['seed']}" / "best.safetensors"
        )
        data = study_data.load_files(tmp_path / "images.npy", "labels.npy")
        assert float(run["best_test_loss"]) == network.evaluate(*data.for_runs.parts["test"]).loss
        assert float(run["last_test_accuracy"]) <= 1
        assert run["epochs_run"] == run["epochs"] == ("20" if run["run"] == "m0" else "2")

    winner = min(runs, key=lambda run: float(run["best_val_loss"]))
    network = em.load_network(
        folder / "runs" / f"{winner['run']}-seed{winner['seed']}" / "best.safetensors"
    )
    predictions = _table(folder / "predictions.csv")
    assert list(predictions[0]) == ["probability_0", "probability_1", "probability_2"]
    np.testing.assert_array_equal(
        np.array([list(row.values()) for row in predictions], dtype=np.float32),
        network.predict_proba(np.load("more.npy")),
    )

    monkeypatch.setattr(report, "write_report", lambda *_: None)
    code, out, _ = study(*FILES, "--only", "m0", "--quick", "--output", folder)
    assert code == 0
    assert "1 run, 1 found on disk." in out


def test_columns_of_tables_go_by_name(study: Study, tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(60, 3))
    frame = pd.DataFrame(values, columns=["a", "b", "c"]).assign(y=np.arange(60) % 2)
    frame.to_csv("table.csv", index=False)
    frame[["c", "y", "a", "b"]].to_csv("moved.csv", index=False)
    asked = ("--images", "table.csv", "--labels", "y", "--only", "m0", "--quick", "--output", "o")
    code, _, err = study(*asked, "--predict", "moved.csv", "--jobs", 1)
    assert code == 0
    assert "moved.csv: left aside, for the study knows no such columns: y\n" in err
    network = em.load_network(tmp_path / "o" / "runs" / "m0-seed0" / "best.safetensors")
    assert network.feature_names == ("a", "b", "c")
    found = np.array([list(row.values()) for row in _table(tmp_path / "o" / "predictions.csv")])
    np.testing.assert_allclose(found.astype("f4"), network.predict_proba(values), rtol=1e-5)


def test_a_class_of_one_sample_is_told(study: Study, tmp_path: Path) -> None:
    y = np.load("labels.npy")
    y[0] = 3
    np.save("labels.npy", y)
    code, out, _ = study(*FILES, "--only", "m0", "--quick", "--output", "o", "--jobs", 1)
    assert code == 0
    page = html.unescape((tmp_path / "o" / "report.html").read_text("utf-8"))
    told = [line for line in out.splitlines() if line.startswith("No sample for ")]
    assert len(told) == 2
    for line in told:
        assert re.search(r"of 1 of the 4 classes: 3 \(of 1 sample\)\. ", line)
        assert line in page


def test_diverged_runs_are_named_and_the_report_is_made(study: Study, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    np.save("huge.npy", rng.normal(scale=1e30, size=(150, 16)))
    code, out, _ = study(
        "--images", "huge.npy", "--labels", "labels.npy", "--only", "m0", "--output", "o", "--quick"
    )
    assert code == 1
    assert "m0 (seed 0) diverged: training diverged in epoch" in out
    assert "These runs failed, see the report: m0." in out
    assert "diverged" in (tmp_path / "o" / "report.html").read_text("utf-8")
    (run,) = _table(tmp_path / "o" / "runs.csv")
    assert run["error"].startswith("training diverged in epoch")
    assert not (tmp_path / "o" / "predictions.csv").exists()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--only", "m0,fig9"], "no part called 'fig9'. Choose from: m0, m1, m2"),
        (["--only", ","], "no part without a name. Choose from: m0"),
        (["--dataset", "mnist"], "no data set called 'mnist'. Choose from: glyphs, digits"),
        (["--images", "images.npy"], "--images and --labels belong together"),
        (["--labels", "labels.npy"], "--images and --labels belong together"),
        ([*FILES, "--dataset", "digits"], "--images and --dataset exclude each other"),
        (["--seeds", "0"], "Invalid value for '--seeds'"),
        (["--jobs", "0"], "Invalid value for '--jobs'"),
        (["--output", "images.npy"], "is a file"),
        (["--speed", "1"], "No such option"),
    ],
)
def test_bad_usage_ends_with_code_2(study: Study, args: list[str], message: str) -> None:
    code, _, err = study(*args)
    assert code == 2
    assert message in err


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--images", "none.npy", "--labels", "labels.npy"], "none.npy"),
        (["--images", "images.npy", "--labels", "more.npy"], "more.npy"),
        ([*FILES, "--predict", "none.npy"], "none.npy"),
        ([*FILES, "--predict", "labels.npy"], "labels.npy"),
    ],
)
def test_bad_files_end_with_code_1_before_training(
    study: Study, tmp_path: Path, args: list[str], message: str
) -> None:
    code, _, err = study(*args)
    assert code == 1
    assert err.startswith("error: ")
    assert message in err
    assert not (tmp_path / "study").exists()


def test_a_missing_extra_is_named_before_anything_else(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setattr(study_data, "load_files", None)
    code, _, err = study(*FILES)
    assert code == 1
    assert "The study's report needs matplotlib, which is not installed." in err
    assert 'pip install "eigenmlp[study]"' in err


def test_a_study_that_could_not_be_reported_is_not_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r'needs matplotlib.*pip install "eigenmlp\[study\]"'):
        em.study.conduct_study(tiny_data(), output=tmp_path / "study")
    assert not (tmp_path / "study").exists()


def test_a_study_needs_at_least_one_seed_and_one_job(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="n_seeds=0 is not possible: it must be at least 1"):
        em.study.conduct_study(tiny_data(), output=tmp_path, n_seeds=0)
    with pytest.raises(ValueError, match="jobs=0 is less than 1; pass 1 or more, or None"):
        em.study.conduct_study(tiny_data(), output=tmp_path, jobs=0)


def test_a_folder_in_use_is_refused(study: Study, tmp_path: Path) -> None:
    (tmp_path / "busy").mkdir()
    lock = FolderLock(tmp_path / "busy")
    code, _, err = study(*FILES, "--output", "busy")
    lock.release()
    assert code == 1
    assert "another study is writing to busy" in err


def _start(*args: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", "from eigenmlp.cli import main; main()", "study", *args],
        start_new_session=True,  # as a terminal does: Ctrl-C then reaches the workers as well
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _finished(runs: Path) -> dict[str, tuple[int, int]]:
    """Which runs are on disk, and which folders exactly."""
    stats = {path.name: path.stat() for path in runs.glob("[!.]*")}
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in stats.items()}


def _wait_for_runs(runs: Path, process: "subprocess.Popen[str]", n_runs: int) -> None:
    while len(_finished(runs)) < n_runs:
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)


def _group_is_gone(process: "subprocess.Popen[str]") -> bool:
    """Whether no process of the study is left, workers included; waits up to half a minute."""
    for _ in range(300):
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def test_a_study_stopped_and_killed_continues_to_the_same_end(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "write_report", lambda *_: None)  # slow, and no part of this
    asked = (*FILES, "--only", "m0,fig2,fig3a", "--output")
    code, _, _ = study(*asked, "undisturbed", "--jobs", 1)
    assert code == 0
    runs = tmp_path / "disturbed" / "runs"

    process = _start(*asked, "disturbed", "--jobs", "2")
    _wait_for_runs(runs, process, 1)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    told = "interrupted; finished runs are kept, and the same command continues from there\n"
    # joblib's process that cleans up may have a warning of its own, after the study's end.
    assert err.startswith(told)
    assert "Traceback" not in err
    assert _group_is_gone(process)
    after_interrupt = _finished(runs)

    process = _start(*asked, "disturbed", "--jobs", "2")
    _wait_for_runs(runs, process, len(after_interrupt) + 1)
    process.kill()
    process.wait()
    after_kill = _finished(runs)
    assert after_interrupt.items() <= after_kill.items()
    # At once: the lock must have died with the process, and its workers must not matter.
    code, out, _ = study(*asked, "disturbed", "--jobs", 1)
    assert code == 0
    found = re.search(r"7 runs, (\d) found on disk", out)
    assert found is not None
    assert int(found[1]) >= len(after_kill)  # a worker may have finished its run within the moment
    assert "is run again" not in out
    assert after_kill.items() <= _finished(runs).items()
    assert _group_is_gone(process)
    process.communicate()

    for folder in (tmp_path / "undisturbed" / "runs").glob("[!.]*"):
        assert content(folder) == content(runs / folder.name)
    tables = [
        [
            {column: value for column, value in run.items() if column != "seconds"}
            for run in _table(tmp_path / name / "runs.csv")
        ]
        for name in ("undisturbed", "disturbed")
    ]
    assert tables[0] == tables[1]
    assert len(tables[0]) == 7


def test_a_study_by_threads_has_the_same_bits(study: Study, tmp_path: Path) -> None:
    for name in ("threads", "processes"):
        code, *_ = study(*FILES, "--only", "fig4a", "--quick", "--executor", name, "--output", name)
        assert code == 0
    for path in (tmp_path / "threads" / "runs").rglob("*.safetensors"):
        other = tmp_path / "processes" / path.relative_to(tmp_path / "threads")
        assert path.read_bytes() == other.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--executor", "dusk"], "'dusk' is unknown; use processes, threads, dask, dask=ADDRESS"),
        (["--executor", "threads=3"], "'threads=3' is unknown"),
        (["--executor", "ray", "--jobs", 2], "--jobs is for this machine; ray decides itself"),
        (["--executor", "dask=tcp://127.0.0.1:9", "--jobs", 2], "--jobs is for this machine"),
    ],
)
def test_where_to_train_is_checked_first(
    study: Study, arguments: list[Any], message: str, tmp_path: Path
) -> None:
    code, _, err = study(*FILES, "--output", "o", *arguments)
    assert code == 2
    assert message in " ".join(err.replace("│", " ").split())
    assert not (tmp_path / "o").exists()
