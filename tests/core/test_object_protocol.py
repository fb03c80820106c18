"""The compiled modules' classes under whatever Python's object protocol allows: no abort."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import eigenmlp as em
from places import SUPPORT

MODULES = [f"eigenmlp._core_{em.instruction_set()}", "eigenmlp._processor"]
# All that there are, so that what is new is tried as well.
NAMES = [
    (module, name)
    for module in MODULES
    for name in vars(importlib.import_module(module))
    if not name.startswith("__")
]


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_no_use_of_the_object_protocol_ends_the_process(module: str, name: str) -> None:
    script = SUPPORT / "object_protocol.py"
    result = subprocess.run(
        [sys.executable, "-W", "ignore", script, module, name],
        check=False, capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    assert (result.returncode, result.stderr) == (0, "")


def test_every_kind_of_name_is_there() -> None:
    names = {name for _, name in NAMES}
    assert {"Network32", "Claim", "Layer", "Normalization", "instruction_set"} < names
    assert "supported_levels" in names


@pytest.mark.parametrize("name", ["Claim", "EpochResult", "Layer"])
def test_what_only_the_core_makes(name: str) -> None:
    cls = getattr(em._native._core, name)
    with pytest.raises(TypeError, match=rf"{name}: only eigenmlp itself makes objects of this"):
        cls()
