"""The program of docs/data-parallel.md on two ranks, beside one process."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import eigenmlp as em
from loopback import alone

if TYPE_CHECKING:
    from numpy.typing import NDArray

pytest.importorskip("mpi4py", reason="the page's program needs mpi4py")

PAGE = (Path(__file__).parents[1] / "docs" / "data-parallel.md").read_text()
PROGRAM = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
GLYPHS = em.datasets.load_glyphs(n_samples=1000, n_classes=10)
EPOCHS, BATCH, N_RANKS = 5, 64, 2


def on_ranks(folder: Path, **network: Any) -> list[NDArray[Any]]:
    """Run the page's program, with further arguments of the network; return what ranks hold."""
    beside = Path(sys.executable).with_name("mpirun")
    mpirun = str(beside) if beside.exists() else shutil.which("mpirun")
    if mpirun is None:
        pytest.skip("mpi4py is here, but no mpirun")
    assert PROGRAM is not None
    arguments = "".join(f", {name}={value!r}" for name, value in network.items())
    program, changed = re.subn(r"(dropout=0\.2)", rf"\1{arguments}", PROGRAM[1])
    assert changed == 1
    (folder / "train.py").write_text(
        program + "np.save(f'{ranks.rank}.npy', network.get_flat_parameters())\n"
    )
    environment = {
        **os.environ,
        "EIGENMLP_NUM_THREADS": "1",
        "MPIEXEC_TIMEOUT": "100",
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        "OMPI_MCA_mpi_yield_when_idle": "1",
        "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    subprocess.run(
        alone([mpirun, "-n", str(N_RANKS), sys.executable, "train.py"]),
        cwd=folder, env=environment, check=True, timeout=120,
    )  # fmt: skip
    return [np.load(folder / f"{rank}.npy") for rank in range(N_RANKS)]


def network(**options: Any) -> em.Network:
    return em.Network([784, 64, 10], input_scale=1 / 255, dropout=0.2, rng=0, **options)


@pytest.mark.parametrize(
    ("options", "tolerance"),
    [({}, 1e-6), ({"normalization": "layer", "dtype": "float64"}, 1e-14)],
    ids=["the page's", "normalized"],
)
def test_two_ranks_are_one_process(
    tmp_path: Path, options: dict[str, Any], tolerance: float
) -> None:
    first, second = on_ranks(tmp_path, **options)
    assert first.tobytes() == second.tobytes()
    alone_trained = network(**options)
    before = alone_trained.get_flat_parameters()
    em.train(alone_trained, GLYPHS.X, GLYPHS.y, epochs=EPOCHS, rng=0)
    flat = alone_trained.get_flat_parameters()
    np.testing.assert_allclose(first, flat, rtol=0, atol=tolerance)
    assert abs(flat - before).max() > 1e-2
    saved = em.load_network(tmp_path / "model.safetensors")
    assert saved.get_flat_parameters().tobytes() == first.tobytes()
    assert saved.evaluate(GLYPHS.X, GLYPHS.y).accuracy > 0.5


def test_batch_normalization_goes_by_the_parts(tmp_path: Path) -> None:
    first, second = on_ranks(tmp_path, normalization="batch", dtype="float64")
    assert first.tobytes() == second.tobytes()
    net, rule = network(normalization="batch", dtype="float64"), em.optimizers.Adam()
    rng, step = np.random.default_rng(0), 0
    running = net.split(net.get_flat_parameters())[0]
    for _ in range(EPOCHS):
        order = rng.permutation(len(GLYPHS.X))
        for batch in np.split(order, range(BATCH, len(order), BATCH)):
            parts = np.array_split(batch, N_RANKS)
            gradients = [
                net.loss_and_gradient(
                    GLYPHS.X[part], GLYPHS.y[part], dropout_step=step, dropout_first=place
                )[1]
                for part, place in zip(parts, (0, len(parts[0])), strict=True)
            ]
            # Of parts of the same size; the statistics are NumPy's own.
            z = [GLYPHS.X[part] / 255 @ net.weights[0] + net.biases[0] for part in parts]
            mean = np.mean([values.mean(axis=0) for values in z], axis=0)
            variance = np.mean([values.var(axis=0, ddof=1) for values in z], axis=0)
            running["running_mean"] += 0.1 * (mean - running["running_mean"])
            running["running_variance"] += 0.1 * (variance - running["running_variance"])
            rule.step(net, np.mean(gradients, axis=0), 1e-3)
            step += 1
    n = net.n_parameters
    np.testing.assert_allclose(first[:n], net.get_flat_parameters()[:n], rtol=0, atol=1e-12)
    found = net.split(first)[0]
    for name in ("running_mean", "running_variance"):
        np.testing.assert_allclose(found[name], running[name], rtol=1e-10, atol=1e-12)
