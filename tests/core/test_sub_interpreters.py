"""Sub-interpreters: an ImportError in words, and nothing of it stays."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

import eigenmlp as em

# 3.11 and 3.12, or 3.13 and later. `run` returns the error's text, or None.
MODERN = importlib.util.find_spec("_interpreters") is not None
SETUP = (
    """
import threading, numpy as np
import _interpreters
def create(isolated): return _interpreters.create("isolated" if isolated else "legacy")
def run(interpreter, code):
    error = _interpreters.exec(interpreter, code)
    return error and error.formatted
destroy = _interpreters.destroy
"""
    if MODERN
    else """
import threading, numpy as np
import _xxsubinterpreters
def create(isolated): return _xxsubinterpreters.create(isolated=isolated)
def run(interpreter, code):
    try:
        _xxsubinterpreters.run_string(interpreter, code)
    except _xxsubinterpreters.RunFailedError as error:
        return str(error)
destroy = _xxsubinterpreters.destroy
"""
)
SETUP += """
def attempt(code):
    interpreter = create(ISOLATED)
    print(run(interpreter, code))
    print(run(interpreter, "1 + 1"))
    destroy(interpreter)
def work():
    import eigenmlp as em
    net = em.Network([3, 8, 2], rng=0)
    em.train(net, np.eye(3), [0, 1, 0], epochs=2, n_threads=2)
    net.predict(np.eye(3))
"""
needs_interpreters = pytest.mark.skipif(
    not MODERN and importlib.util.find_spec("_xxsubinterpreters") is None,
    reason="Python code can't reach sub-interpreters here",
)
ORDERS = {
    "first": "attempt(CODE); attempt(CODE); work()",
    "after": "work(); attempt(CODE); work()",
    "between": "import eigenmlp; attempt(CODE); work(); attempt(CODE)",
    "in a thread": "t = threading.Thread(target=attempt, args=(CODE,)); t.start(); t.join()",
}


def outcome(order: str, code: str, isolated: bool) -> list[str]:
    result = subprocess.run(
        [sys.executable, "-c", f"{SETUP}\nISOLATED, CODE = {isolated}, {code!r}\n{ORDERS[order]}"],
        check=False, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout.splitlines()


@needs_interpreters
@pytest.mark.parametrize("isolated", [False, True])
@pytest.mark.parametrize("order", ORDERS)
def test_the_import_is_refused_in_words(order: str, isolated: bool) -> None:
    lines = outcome(order, "import eigenmlp", isolated)
    errors = lines[::2]
    assert len(errors) == ORDERS[order].count("CODE")
    for error in errors:
        assert "ImportError" in error
        assert "eigenmlp can't be imported in a sub-interpreter" in error
        assert "in threads" in error
        assert "pip install" not in error
    assert set(lines[1::2]) == {"None"}


@needs_interpreters
@pytest.mark.parametrize(
    "name",
    [
        "eigenmlp.cli", "eigenmlp.estimators", "eigenmlp._processor",
        f"eigenmlp._core_{em.instruction_set()}",
    ],
)  # fmt: skip
def test_so_is_every_module_of_the_package(name: str) -> None:
    assert "can't be imported in a sub-interpreter" in outcome("after", f"import {name}", False)[0]


@needs_interpreters
def test_so_are_the_compiled_modules_alone() -> None:
    for module in (em._native._core, sys.modules["eigenmlp._processor"]):
        code = (
            "import importlib.util as u\n"
            f"s = u.spec_from_file_location({module.__name__!r}, {module.__file__!r})\n"
            "u.module_from_spec(s)"
        )
        assert "can't be imported in a sub-interpreter" in outcome("after", code, False)[0]
