"""What training takes of memory, and what happens without any, in processes of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CODE = r"""
import re
from pathlib import Path
import numpy as np
import eigenmlp as em

# Not getrusage: its peak is inherited from the process that started this one.
status = Path("/proc/self/status")
peak = lambda: 1024 * int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1])
before = peak()
rng = np.random.default_rng(0)
X = rng.integers(0, 256, (4000, 784), dtype=np.uint8)
y = rng.integers(0, 49, 4000)
net = em.Network([784, 2000, 1000, 49], input_scale=1 / 255, rng=0)
em.train(
    net, X, y, epochs=2, batch_size={batch_size}, n_threads=2, validation_data=(X[:500], y[:500])
)
allowed = X.nbytes + y.nbytes + {copies} * 4 * net.n_parameters + 40 * 2**20
print(peak() - before, allowed)
"""


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="needs /proc")
# A batch of more than one chunk adds a gradient to add up in.
@pytest.mark.parametrize(("batch_size", "copies"), [(64, 4), (2000, 5)])
def test_training_keeps_few_copies_of_the_parameters(batch_size: int, copies: int) -> None:
    code = CODE.format(batch_size=batch_size, copies=copies)
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    used, allowed = map(int, result.stdout.split())
    assert 4 * 3_619_049 * 3 < used < allowed


WITHOUT_MEMORY = r"""
import resource, sys
import numpy as np
import eigenmlp as em

X = np.random.default_rng(0).standard_normal((3000, 200)).astype(np.float32)
y = np.arange(3000) % 5
path = sys.argv[1]
options = {"normalization": "batch", "dropout": 0.1, "rng": 0}
def network(): return em.Network([200, 300, 300, 5], **options)
def trained(net):
    em.train(net, X, y, epochs=1, batch_size=None, n_threads=1, rng=0)
    return net.get_flat_parameters().tobytes()

expected = trained(network())
network().save(path)
uses = {
    "construct": lambda net: em.Network([5000, 5000], rng=0),
    "train": trained,
    "gradient": lambda net: net.loss_and_gradient(X, y, n_threads=1),
    "convert": lambda net: net.predict(np.broadcast_to(np.float16(1), (10**6, 200)), n_threads=1),
    "save": lambda net: net.save(path),
    "load": lambda net: em.load_network(path),
}
def size():
    with open("/proc/self/statm") as file: return int(file.read().split()[0]) * 4096
failed = set()
for name, use in uses.items():
    for extra in (0, 2**16, 2**18, 2**20, 2**22, 2**24):
        net = network()
        before = net.get_flat_parameters()
        resource.setrlimit(resource.RLIMIT_AS, (size() + extra, resource.RLIM_INFINITY))
        ended = False
        try:
            use(net)
            ended = True
        except MemoryError:
            failed.add(name)
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
        assert ended or np.array_equal(net.get_flat_parameters(), before)
        net.set_flat_parameters(before)
        assert trained(net) == expected
        assert np.array_equal(em.load_network(path).get_flat_parameters(), before)
print(*sorted(failed))
"""


@pytest.mark.skipif(not Path("/proc/self/statm").is_file(), reason="needs /proc")
def test_no_memory_is_a_memory_error_and_the_network_is_usable(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT_MEMORY, tmp_path / "model.safetensors"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.stderr == ""
    # The others need too little to fail for certain.
    assert {"construct", "train", "gradient", "convert"} <= set(result.stdout.split())
