"""The cores for several instruction sets, and the choice between them at import."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec

import pytest

from eigenmlp import _processor

LEVELS = _processor.supported_levels()
OBJDUMP = shutil.which("objdump")
X86 = LEVELS != ["baseline"]


def python(code: str, level: str | None) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if k != "EIGENMLP_ISA"}
    if level is not None:
        env["EIGENMLP_ISA"] = level
    return subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, env=env
    )


def refusal(level: str) -> str:
    result = python("import eigenmlp", level)
    assert result.returncode == 1
    return result.stderr.strip().splitlines()[-1]


def test_the_best_is_picked() -> None:
    result = python("import eigenmlp as em; print(em.instruction_set())", None)
    assert result.stdout.strip() == LEVELS[-1]


@pytest.mark.parametrize("level", LEVELS)
def test_any_that_the_processor_offers_can_be_asked_for(level: str) -> None:
    code = (
        "import eigenmlp as em; net = em.Network([2, 2]); net.predict([[1, 2]]);"
        "print(em.instruction_set(), 'works')"
    )
    result = python(code, level)
    assert result.stdout.startswith(f"{level} works"), result.stderr


def test_an_unknown_one_is_refused_by_name() -> None:
    assert re.fullmatch(
        r"ImportError: EIGENMLP_ISA='avx2' is not an instruction set that eigenmlp knows; unset "
        rf"it, or set it to {' or '.join(LEVELS)}",
        refusal("avx2"),
    )


@pytest.mark.skipif("v4" in LEVELS or not X86, reason="this processor has all of them")
def test_one_that_the_processor_lacks_is_refused() -> None:
    assert refusal("v4") == (
        "ImportError: EIGENMLP_ISA='v4' asks for instructions that this processor or operating "
        f"system lacks; unset it, or set it to {' or '.join(LEVELS)}"
    )


def test_a_processor_that_is_too_old_is_refused() -> None:
    result = python(
        "import sys, types; m = types.ModuleType('eigenmlp._processor');"
        "m.supported_levels = list; sys.modules['eigenmlp._processor'] = m; import eigenmlp",
        None,
    )
    assert "needs a processor of level x86-64-v2" in result.stderr


@pytest.mark.skipif(not X86, reason="not an x86-64 processor")
@pytest.mark.skipif(OBJDUMP is None, reason="objdump is not installed")
@pytest.mark.parametrize("module", ["_core_v2", "_processor"])
def test_nothing_beyond_the_oldest_level(module: str) -> None:
    spec = find_spec(f"eigenmlp.{module}")
    assert spec is not None
    assert spec.origin is not None
    listing = subprocess.run(
        [str(OBJDUMP), "-d", "--no-show-raw-insn", spec.origin],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    mnemonics = set(re.findall(r"^ +[0-9a-f]+:\t([a-z]\w*)", listing, re.MULTILINE))
    assert {"mov", "call", "ret"} <= mnemonics
    # AVX and later have an encoding of their own, with names in v; the others are of v3 too.
    newer = {
        "andn",
        "blsi",
        "blsmsk",
        "blsr",
        "bzhi",
        "bextr",
        "lzcnt",
        "movbe",
        "mulx",
        "pdep",
        "pext",
        "rorx",
        "sarx",
        "shlx",
        "shrx",
    }
    assert {m for m in mnemonics if m.startswith("v") or m in newer} <= {"verr", "verw"}
