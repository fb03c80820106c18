"""The examples in the docstrings and in the README run and print what they say."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import warnings
from pathlib import Path

import pytest

import eigenmlp

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
MODULES = ["eigenmlp"] + [
    module.name
    for module in pkgutil.walk_packages(eigenmlp.__path__, "eigenmlp.")
    if "._core_" not in module.name
]


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name: str) -> None:
    module = importlib.import_module(name)
    assert doctest.testmod(module, optionflags=FLAGS).failed == 0


@pytest.mark.parametrize("package", ["losses", "optimizers", "schedules", "callbacks"])
def test_what_training_is_made_of_has_examples(package: str) -> None:
    module = getattr(eigenmlp, package)
    shared = {"Loss", "Optimizer", "Schedule", "TrainingState"}
    for name in set(module.__all__) - shared:
        assert ">>>" in getattr(module, name).__doc__, name


PAGES = [
    "README.md",
    "docs/checkpoints.md",
    "docs/c-export.md",
    "docs/export.md",
    "docs/from-scikit-learn.md",
    "docs/gallery.md",
    "docs/mlflow.md",
    "docs/optuna.md",
    "docs/out-of-core.md",
    "docs/searches.md",
    "docs/sweeps.md",
    "docs/tables.md",
    "docs/text.md",
    "docs/threads.md",
]


@pytest.mark.parametrize("page", PAGES)
def test_pages(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(__file__).parents[1] / page
    monkeypatch.chdir(tmp_path)
    # Pages find the data of the tests as in a clone's root.
    (tmp_path / "tests").symlink_to(path.parents[page.count("/")] / "tests")
    # Put back after the page that sets them.
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_ALLOW_FILE_STORE"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    with warnings.catch_warnings():
        results = doctest.testfile(str(path), module_relative=False, optionflags=FLAGS)
    assert results.attempted > 0
    assert results.failed == 0
