"""Exported C, compiled into a program that predicts, and what it answers."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

import eigenmlp as em

COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
STRICT = [
    "-std=c99",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-pedantic",
    "-Wconversion",
    "-Wdouble-promotion",
]

# Reads samples from the standard input until its end, and writes outputs and classes; buffers are
# as small as they may be, and full of what should not be read.
_MAIN = """
#include "{name}.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{{
    {given} *x = malloc({NAME}_N_INPUTS * sizeof *x);
    {result} *outputs = malloc({NAME}_N_OUTPUTS * sizeof *outputs);
    {real} *scratch = malloc({NAME}_SCRATCH * sizeof *scratch);
    memset(scratch, 0xff, {NAME}_SCRATCH * sizeof *scratch);
    while (fread(x, sizeof *x, {NAME}_N_INPUTS, stdin) == {NAME}_N_INPUTS) {{
        double chosen = {call};
        fwrite(&chosen, sizeof chosen, 1, stdout);
        fwrite(outputs, sizeof *outputs, {NAME}_N_OUTPUTS, stdout);
    }}
    free(x);
    free(outputs);
    free(scratch);
    return 0;
}}
"""


class Answer(NamedTuple):
    classes: npt.NDArray[np.float64]
    outputs: npt.NDArray[Any]


def compiled(main: str, sources: Sequence[Path], folder: Path, options: Sequence[str] = ()) -> Path:
    """Compile a program of exported sources without a single warning."""
    assert COMPILER is not None
    (folder / "main.c").write_text(main)
    program = folder / "program"
    files = [folder / "main.c", *sources]
    command: list[str | Path] = [COMPILER, *STRICT, *options]
    command += [*files, "-o", program, "-lm"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return program


def answer(
    model: object,
    X: npt.ArrayLike,
    folder: Path,
    *,
    options: Sequence[str] = (),
    **arguments: Any,
) -> Answer:
    """Export, compile and run; classes are NaN where none is picked."""
    export = em.export.to_c(model, folder, **arguments)
    name = export.header.stem
    header = export.header.read_text()
    declared = rf"void {name}_predict\(const (\w+) \*x, (\w+) \*outputs, (\w+) \*scratch"
    found = re.search(declared, header)
    assert found is not None
    given, result, real = found.groups()
    picks = f"{name}_predict_class(x, outputs, scratch)" in header
    call = f"{name}_predict_class(x, outputs, scratch)"
    if not picks:
        call = f"({name}_predict(x, outputs, scratch), -2.0)"
    main = _MAIN.format(
        name=name, NAME=name.upper(), given=given, result=result, real=real, call=call
    )
    program = compiled(main, [export.source], folder, options)
    dtypes = {"float": np.float32, "double": np.float64}
    samples = np.asarray(X, dtype=dtypes[given])
    done = subprocess.run([program], input=samples.tobytes(), check=True, capture_output=True)
    rows = np.frombuffer(done.stdout, np.uint8).reshape(len(samples), -1)
    return Answer(
        rows[:, :8].copy().view(np.float64).ravel(), rows[:, 8:].copy().view(dtypes[result])
    )
