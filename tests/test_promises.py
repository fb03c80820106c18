"""The table of promises names tests that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
ROOT = TESTS.parent
PAGE = ROOT / "docs" / "promises.md"
ROWS = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
PROMISES = [row for row in ROWS if not row.startswith("| promise |")]
NATIVE = set(re.findall(r"^TEST\((\w+)\)", "".join(
    path.read_text() for path in (ROOT / "cpp" / "tests").glob("*.cpp")
), re.MULTILINE))  # fmt: skip


def functions_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


@pytest.mark.parametrize("row", PROMISES)
def test_a_promise_names_tests_that_exist(row: str) -> None:
    _, _, tests, _ = row.split("|")
    names = re.findall(r"`([^`]+)`", tests)
    assert names
    for name in names:
        file, _, test = name.partition("::")
        if test:
            assert test in functions_of(TESTS / file), name
        elif file.endswith(".py"):
            assert functions_of(TESTS / file), name
        elif "/" in file:
            assert (ROOT / file).is_dir(), name
        else:
            assert file in NATIVE, name


def test_there_are_promises() -> None:
    assert len(PROMISES) > 40
