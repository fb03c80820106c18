"""What training takes of memory, measured in a process of its own."""

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
