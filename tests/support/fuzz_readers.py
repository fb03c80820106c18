"""Fuzz the readers and the array gate with atheris, guided by coverage of the package.

    python tests/support/fuzz_readers.py TARGET [CORPUS FOLDER] [libFuzzer's options]

The targets are those of `fuzz_targets.py`, whose seeds are put into the corpus.
"""

from __future__ import annotations

import gc
import sys
import tempfile
from pathlib import Path
from types import FunctionType

import atheris

from fuzz_targets import TARGETS

# What reads bytes from strangers.
READERS = ("eigenmlp", "gzip", "json", "numpy.lib", "pandas.io", "safetensors", "zipfile")


def instrument() -> None:
    """Count what is covered of the readers.

    Not by atheris.instrument_imports(), which does not see the imports of an editable installation.
    """
    for function in gc.get_objects():
        if isinstance(function, FunctionType) and (function.__module__ or "").startswith(READERS):
            atheris.instrument_func(function)


def main() -> None:
    name, *options = sys.argv[1:]
    target = TARGETS[name]
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        if not options or options[0].startswith("-"):
            options.insert(0, str(work / "corpus"))
        corpus = Path(options[0])
        corpus.mkdir(parents=True, exist_ok=True)
        for i, seed in enumerate(target.seeds):
            (corpus / f"seed-{i}").write_bytes(seed)
        instrument()
        atheris.Setup([sys.argv[0], *options], lambda data: target.run(data, work))
        atheris.Fuzz()


if __name__ == "__main__":
    main()
