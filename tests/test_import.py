"""The package as it is imported: without its core, without extras, and how much it loads."""

from __future__ import annotations

import subprocess
import sys

import pytest

import eigenmlp as em
from eigenmlp.common.extras import require


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)


def test_a_missing_core_says_how_to_build_it() -> None:
    result = python("import sys; sys.modules['eigenmlp._processor'] = None; import eigenmlp")
    assert result.returncode == 1
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: eigenmlp's compiled core can't be loaded")
    assert "python -m pip install" in last


def test_import_leaves_heavy_packages_alone() -> None:
    heavy = ["matplotlib", "pandas", "pooch", "pyarrow", "torch", "scipy", "sklearn", "joblib"]
    result = python(f"import sys, eigenmlp; print([m for m in {heavy} if m in sys.modules])")
    assert result.stdout.strip() == "[]", result.stderr


def test_a_missing_extra_is_named() -> None:
    with pytest.raises(
        ImportError, match=r'^Plots needs nosuchpackage, .*pip install "eigenmlp\[study\]"'
    ):
        require("nosuchpackage.part", extra="study", purpose="Plots")


def test_unknown_names() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = em.nothing
