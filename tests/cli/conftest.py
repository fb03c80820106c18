"""Fixtures: the command line in this process, data for it, and a network."""

import sys
from pathlib import Path

import numpy as np
import pytest

import eigenmlp as em
from command_runs import N_CLASSES, N_FEATURES, Data, Outcome, Run
from eigenmlp.cli import main


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command line in this process."""
    monkeypatch.setenv("COLUMNS", "200")

    def run(*args: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["eigenmlp", *map(str, args)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            main()
        code = caught.value.code
        assert isinstance(code, int)
        return Outcome(code, *capsys.readouterr())

    return run


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Data:
    """Three classes that can be told apart, in x.npy and y.npy of the current folder."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    y = rng.integers(0, N_CLASSES, 90)
    X = rng.integers(0, 120, (90, N_FEATURES), dtype=np.uint8)
    X[np.arange(90), y] += 100
    np.save("x.npy", X)
    np.save("y.npy", y)
    return Data(X, y)


@pytest.fixture
def network(data: Data) -> em.Network:
    network = em.Network([N_FEATURES, 8, N_CLASSES], input_scale=1 / 255, rng=0)
    network.save("net.st")
    assert len(data.X) == 90
    return network
