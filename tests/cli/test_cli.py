"""`eigenmlp info`, help and version."""

import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import pytest

import eigenmlp as em
from command_runs import Run
from eigenmlp.study.study import GROUPS


def test_info(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def some_missing(name: str) -> str:
        if name in {"joblib", "pandas", "pyarrow"}:
            raise PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(sys.modules["eigenmlp.cli.info"], "version", some_missing)
    done = run("info")
    assert done.code == 0
    found = dict(line.split(maxsplit=1) for line in done.out.splitlines() if "  " in line)
    assert found["eigenmlp"] == em.__version__
    assert found["numpy"] == np.__version__
    assert found["joblib"] == "not installed"
    assert found["pandas"] == "not installed (extra study or parquet)"
    assert found["pyarrow"] == "not installed (extra parquet)"
    assert "instruction set" in done.out
    assert int(found["threads"]) >= 1


@pytest.mark.parametrize(
    "command", ["study", "train", "predict", "export", "convert", "inspect", "info"]
)
def test_help_has_examples(run: Run, command: str) -> None:
    done = run(command, "--help")
    assert done.code == 0
    assert re.search(rf"^ +eigenmlp {command}", done.out, re.MULTILINE)
    assert command in run("-h").out


def test_help_names_every_part_of_the_study(run: Run) -> None:
    named = re.findall(r"\w+", run("study", "--help").out)
    assert {name for name in GROUPS if not name.startswith("fig")} - {"m1", "m2", "m3"} <= {*named}


def test_version(run: Run) -> None:
    assert run("--version") == (0, f"eigenmlp {em.__version__}\n", "")


def test_help_comes_without_heavy_imports() -> None:
    code = (
        "import sys, eigenmlp.cli\n"
        "try: eigenmlp.cli.main()\n"
        "except SystemExit: pass\n"
        "heavy = {'sklearn', 'scipy', 'pandas', 'matplotlib', 'pooch', 'joblib', 'pyarrow'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code, "train", "--help"], check=True, capture_output=True)
