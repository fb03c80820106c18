"""SHA-256 of what eigenmlp computes, case by case, to see that a change of the code changes no bit.

python benchmarks/digests.py > before.txt
python benchmarks/digests.py --against before.txt

Parameters, losses, predictions and gradients over architectures, losses, optimizers, options of
training, checkpoints, model files, estimators, exports and a quick study, each on one and on more
threads, which must agree. Processors without fused multiply-add round differently (`eigenmlp info`
names the instruction set), and L-BFGS and exports are the work of SciPy and ONNX as well: compare
outputs of one machine and one environment.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy
from sklearn.exceptions import ConvergenceWarning

import eigenmlp as em
import estimator_cases
import training_cases

if TYPE_CHECKING:
    from collections.abc import Iterator

    from training_cases import Case

MADE_ON = f"# {em.instruction_set()}, NumPy {np.__version__}, SciPy {scipy.__version__}"


def digest(*values: Any) -> str:
    """Return the SHA-256 of arrays, numbers and what JSON can hold."""
    sha = hashlib.sha256()
    for value in values:
        if isinstance(value, np.ndarray):
            sha.update(f"{value.dtype.str}{value.shape}".encode())
            sha.update(np.ascontiguousarray(value).tobytes() if value.dtype.kind != "O" else b"")
            if value.dtype.kind == "O":
                sha.update(repr(value.tolist()).encode())
        elif isinstance(value, bytes):
            sha.update(value)
        else:
            sha.update(json.dumps(value, sort_keys=True).encode())
    return sha.hexdigest()


def files(folder: Path) -> Iterator[Case]:
    """Yield what is written and read."""
    X = training_cases.samples()
    y = training_cases.targets("softmax", len(X), 5)
    net = em.Network([9, 17, 5], activation="gelu", normalization="batch", rng=1)
    em.train(net, X, y, epochs=2, rng=2, n_threads=1)
    net.save(folder / "model.safetensors")
    loaded = em.load_network(folder / "model.safetensors")
    yield "a model file", training_cases.state(loaded, X, 1)
    for name, int8 in (("C", False), ("C in 8 bits", True)):
        em.export.to_c(net, folder / name, int8=int8)
        yield name, [path.read_bytes() for path in sorted((folder / name).iterdir())]
    parts = em.export.to_torch_state_dict(net)
    yield "PyTorch's names", [[*parts], *(np.asarray(array) for array in parts.values())]
    try:
        em.export.to_onnx(net, folder / "model.onnx")
    except ImportError:
        return
    yield "ONNX", [(folder / "model.onnx").read_bytes()]


def study(folder: Path) -> Iterator[Case]:
    """Yield the results of a quick study on digits."""
    command = "import sys; from eigenmlp.cli import main; sys.argv[0] = 'eigenmlp'; main()"
    parts = "m0,m1,m2,fig3b,clipping,norm"
    options = ["--dataset", "digits", "--quick", "--only", parts, "--jobs", "1"]
    subprocess.run(  # noqa: S603  this Python
        [sys.executable, "-c", command, "study", *options, "--output", str(folder / "study")],
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "COLUMNS": "200"},
    )
    with (folder / "study" / "runs.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            name = f"{row['run']}-seed{row['seed']}"
            columns = [*row]
            measured = columns[columns.index("epochs_run") :]
            scored = sorted([column, row[column]] for column in measured if column != "seconds")
            kept = [
                folder / "study/runs" / name / f"{which}.safetensors" for which in ("last", "best")
            ]
            yield name, [scored, *(em.load_network(path).get_flat_parameters() for path in kept)]


def everything() -> dict[str, str]:
    """Return the digest of every case by its name, in the order of names."""
    # That few epochs are too few.
    warnings.simplefilter("ignore", ConvergenceWarning)
    found: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for n_threads in (1, 2, 3):
            for cases in (training_cases.cases, estimator_cases.cases):
                for name, values in cases(n_threads, folder):
                    value = digest(*values)
                    if found.setdefault(name, value) != value:
                        found[f"{name}, on {n_threads} threads"] = value
        found |= {f"file, {name}": digest(*values) for name, values in files(folder)}
        found |= {f"study, {name}": digest(*values) for name, values in study(folder)}
    return dict(sorted(found.items()))


def recorded(path: str) -> dict[str, str]:
    """Return the digests of an earlier output by their names.

    Raises
    ------
    argparse.ArgumentTypeError
        If there is none, or it was made where other bits are right.
    """
    try:
        made_on, *lines, _ = Path(path).read_text(encoding="utf-8").splitlines()
        before = {name: value for value, name in (line.split("  ", 1) for line in lines)}
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(
            f"{path} is not an output of this script: {error}"
        ) from error
    if made_on != MADE_ON:
        raise argparse.ArgumentTypeError(
            f'the first line of {path} is "{made_on}" and not "{MADE_ON}"; record it anew here'
        )
    return before


def main() -> int:
    """Print the digests, or how they differ from others; 1 if they do."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--against", type=recorded, metavar="FILE", help="an earlier output to compare with"
    )
    before: dict[str, str] | None = parser.parse_args().against
    found = everything()
    total = f"{digest(found)}  all {len(found)}"
    if before is None:
        print(MADE_ON, *(f"{value}  {name}" for name, value in found.items()), total, sep="\n")
        return 0
    names = sorted(before.keys() | found.keys())
    differing = [name for name in names if before.get(name) != found.get(name)]
    for name in differing:
        print(f"{name}: {before.get(name, 'not there')} before, {found.get(name, 'not there')} now")
    print(f"{total}\n{len(differing)} of {len(names)} cases differ")
    return bool(differing)


if __name__ == "__main__":
    sys.exit(main())
