"""`eigenmlp inspect`: what files hold, and what is wrong with them."""

import contextlib
import hashlib
import io
import json
import os
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import safetensors.numpy
from hypothesis import example, given
from hypothesis import strategies as st

import eigenmlp as em
from command_runs import Data, Run
from eigenmlp.cli.inspect import inspect
from eigenmlp.network import model_file


def facts(out: str) -> dict[str, str]:
    """Names and values of the first block."""
    lines = out.partition("\n\n")[0].splitlines()
    return {line.split("  ")[0]: line.split("  ", 1)[1].strip() for line in lines}


def cells(out: str, heading: str) -> list[list[str]]:
    """Cells of the table that begins with a heading; empty ones are not there."""
    lines = out.splitlines()
    start = next(i for i, line in enumerate(lines) if line.lstrip().startswith(heading))
    block = "\n".join(lines[start:]).partition("\n\n")[0].splitlines()
    return [[cell for cell in line.split("  ") if cell.strip()] for line in block]


def test_a_network(run: Run, network: em.Network) -> None:
    done = run("inspect", "net.st")
    assert (done.code, done.err) == (0, "")
    told = facts(done.out)
    assert told["File"] == f"net.st, {Path('net.st').stat().st_size:,} bytes"
    assert told["Model"] == "Network of 12-8-3 units, 131 parameters"
    assert told["Format"] == f"version {model_file.FORMAT_VERSION}"
    assert told["Written by"] == f"eigenmlp {em.__version__}"
    assert told["Numbers"] == "float32"
    assert told["Inputs"] == "12, times 0.00392157"
    assert told["Outputs"] == "3, softmax"
    _, first, last = cells(done.out, "layer")
    weights = network.weights[0]
    extent = f"{weights.min():.3g} to {weights.max():.3g}"
    assert [cell.strip() for cell in first] == ["0", "8", "104", extent, "relu"]
    assert [cell.strip() for cell in last][:3] == ["1", "3", "27"]
    assert done.out.count("ok  ") == 3


@pytest.mark.usefixtures("data")
def test_layers_show_what_they_are_made_of(run: Run) -> None:
    network = em.Network(
        [12, 5, 4, 3],
        activation=["tanh", "gelu"],
        normalization=["batch", "layer"],
        dropout=[0.25, 0],
        output="logistic",
        rng=0,
    )
    network.save("net.st")
    _, *rows = [[cell.strip() for cell in row] for row in cells(run("inspect", "net.st").out, "la")]
    assert [row[1:3] + row[4:] for row in rows] == [
        ["5", str(12 * 5 + 3 * 5), "tanh", "batch", "0.25"],
        ["4", str(5 * 4 + 3 * 4), "gelu", "layer"],
        ["3", str(4 * 3 + 3), "logistic"],
    ]
    assert sum(int(row[2]) for row in rows) == network.n_parameters


def test_an_estimator(run: Run, data: Data) -> None:
    names = np.array(["ape", "bee", "\x1b[31mred"])[data.y]
    model = em.MLPClassifier((4,), solver="lbfgs", max_iter=5, alpha=0.5, random_state=0)
    with pytest.warns(match="converge"):
        model.fit(data.X / 255, names)
    model.save("clf.st")
    done = run("inspect", "clf.st")
    told = facts(done.out)
    assert told["Model"] == "MLPClassifier of 12-4-3 units, 67 parameters"
    assert "alpha=0.5" in told["Estimator"]
    assert told["Labels"] == "3: \\x1b[31mred, ape, bee"
    assert "\x1b" not in done.out
    assert done.out.count("ok  ") == 4


@pytest.mark.parametrize(
    ("y", "told"),
    [
        (["no", "yes"], "1, logistic: the probability of yes"),
        ([1, -1], "1, logistic: the probability of 1"),
        (["only", "only"], "1, logistic: what the probability of only lacks to 1"),
        ([[0, 1], [1, 0]], "2, logistic: the probability of each label, of which a sample may"),
        ([3, 5, 7], "3, softmax: the probability of each class"),
        (None, "1, identity"),
    ],
)
def test_outputs_are_told_as_what_they_are(run: Run, data: Data, y: Any, told: str) -> None:
    X = pd.DataFrame(data.X / 255).add_prefix("pixel ")
    model: Any = em.MLPRegressor(hidden_layer_sizes=(), solver="lbfgs", random_state=0)
    targets: Any = data.X[:, 0]
    if y is not None:
        model = em.MLPClassifier((), solver="lbfgs", random_state=0)
        targets = np.array(y)[np.arange(90) % len(y)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, targets).save("model.st")
    shown = facts(run("inspect", "model.st").out)
    assert shown["Outputs"].startswith(told)
    assert shown["Features"].startswith("12: pixel 0, pixel 1")
    assert ("Labels" in shown) == (y is not None)


def test_the_names_of_a_networks_features(run: Run, network: em.Network) -> None:
    assert "Features" not in facts(run("inspect", "net.st").out)
    network.feature_names = [f"n{i}\x1b" for i in range(12)]
    network.save("named.st")
    done = run("inspect", "named.st")
    assert facts(done.out)["Features"].startswith("12: n0\\x1b, n1\\x1b")
    assert "\x1b" not in done.out
    run("convert", "named.st", "again.st")
    assert em.load_network("again.st").feature_names == network.feature_names


@pytest.mark.usefixtures("data")
def test_many_layers_and_labels_are_cut(run: Run) -> None:
    em.Network([2, *[1] * 60, 2], rng=0).save("deep.st")
    done = run("inspect", "deep.st")
    assert "21 more" in done.out
    assert len(cells(done.out, "layer")) == 42
    X = np.arange(30.0)[:, None]
    model = em.MLPClassifier((), solver="lbfgs", max_iter=3)
    with pytest.warns(match="converge"):
        model.fit(X, np.arange(30))
    model.save("many.st")
    assert facts(run("inspect", "many.st").out)["Labels"].startswith("30: 0, 1, 2")
    assert facts(run("inspect", "many.st").out)["Labels"].endswith("11, …")


# --- checkpoints -------------------------------------------------------------------------------


@pytest.fixture
def run_folder(data: Data) -> Path:
    em.train(
        em.Network([12, 4, 3], rng=0),
        data.X,
        data.y,
        epochs=3,
        rng=0,
        callbacks=[em.callbacks.Checkpoint("run", keep=2)],
    )
    return Path("run")


def test_a_checkpoint(run: Run, run_folder: Path) -> None:
    path = run_folder / "epoch-00000003.checkpoint"
    done = run("inspect", path)
    assert (done.code, done.err) == (0, "")
    told = facts(done.out)
    assert told["Checkpoint"] == "after 3 epochs"
    assert told["Parameters"] == f"{12 * 4 + 4 + 4 * 3 + 3} of float32"
    assert float(told["train loss"]) > 0
    assert "Network([12, 4, 3], dtype='float32')" in done.out
    assert done.out.count("ok  ") == 2


def test_a_folder_of_checkpoints(run: Run, run_folder: Path) -> None:
    done = run("inspect", run_folder)
    assert done.code == 0
    assert [row[0].strip() for row in cells(done.out, "epochs")] == ["epochs", "2", "3"]
    assert done.out.count("whole") == 2


def test_damaged_checkpoints_are_told(run: Run, run_folder: Path) -> None:
    path = run_folder / "epoch-00000003.checkpoint"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    for target in (path, run_folder):
        done = run("inspect", target)
        assert done.code == 1
        assert f"{path} is damaged" in done.err
    assert "whole" in done.out
    path.write_bytes(b"")
    assert "is not a checkpoint of eigenmlp, or it is damaged" in run("inspect", path).err
    elsewhere = Path("renamed")
    elsewhere.write_bytes(content)
    assert "renamed is damaged" in run("inspect", elsewhere).err


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(
    history=JSON | st.dictionaries(st.text(), st.lists(st.integers() | st.floats(), max_size=2)),
    fingerprint=JSON,
    n_epochs=st.integers(1, 2) | JSON,
)
@example(history={"a": [10**400]}, fingerprint={}, n_epochs=1)
@example(history={"a\x1b[2J": [0.5]}, fingerprint={"\x1b": "[bold]\x1b"}, n_epochs=1)
def test_made_up_checkpoints_are_shown_or_refused(
    history: Any, fingerprint: Any, n_epochs: Any
) -> None:
    record = {"n_epochs": n_epochs, "history": history, "fingerprint": fingerprint}
    body = json.dumps(record).encode() + b"\n" + safetensors.numpy.save({"a": np.zeros(2)})
    digest = hashlib.sha256(body).hexdigest().encode()
    shown = io.StringIO()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(shown):
        path = Path(folder, "epoch-00000001.checkpoint")
        path.write_bytes(b"\n".join([b"eigenmlp checkpoint 1", digest, body]))
        with contextlib.suppress(em.CheckpointError):
            inspect(path)
            assert len(next(iter(history.values()))) == n_epochs
    assert "\x1b" not in shown.getvalue()


# --- other files -------------------------------------------------------------------------------


@pytest.mark.usefixtures("data")
def test_a_state_dict(run: Run) -> None:
    arrays: dict[str, Any] = {"0.weight": np.zeros((2, 3), "f4"), "n": np.array(1)}
    arrays["evil\x1b[2J[bold]"] = np.zeros(2)
    safetensors.numpy.save_file(arrays, "state.st", metadata={"format": "pt"})
    done = run("inspect", "state.st")
    assert done.code == 0
    assert facts(done.out)["Metadata"] == "format: pt"
    rows = [[cell.strip() for cell in row] for row in cells(done.out, "array")]
    assert ["0.weight", "F32", "2 × 3"] in rows
    assert ["n", "I64", "a number"] in rows
    assert ["evil\\x1b[2J[bold]", "F64", "2"] in rows
    assert "\x1b" not in done.out


def damaged(name: str) -> None:
    content = bytearray(Path("net.st").read_bytes())
    if name == "cut":
        del content[-10:]
    elif name == "longer":
        content += b"more"
    elif name == "not finite":
        content[-4:] = np.float32(np.nan).tobytes()
    elif name == "renamed":
        content = bytearray(content.replace(b"layers.1.bias", b"layers.1.bios"))
    elif name == "other sizes":
        content = bytearray(content.replace(b"[12, 8, 3]", b"[12, 3, 8]"))
    elif name == "terminal":
        content = bytearray(content.replace(b"float32", rb"\\u001b"))
    Path("damaged").write_bytes(content)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cut", "its arrays should take 524 bytes, but take 514"),
        ("longer", "its arrays should take 524 bytes, but take 528"),
        ("not finite", "holds NaN, infinity"),
        ("renamed", "missing or unexpected: layers.1.bias, layers.1.bios"),
        ("other sizes", "but the architecture [12, 3, 8] in float32 needs"),
        ("terminal", r"dtype=\x1b is not supported"),
    ],
)
@pytest.mark.usefixtures("network")
def test_what_is_wrong_with_a_model_file_is_told(run: Run, name: str, message: str) -> None:
    damaged(name)
    done = run("inspect", "damaged")
    assert done.code == 1
    assert done.err.startswith("error: damaged")
    assert message in done.err
    assert done.err.count("\n") == 1
    assert "\x1b" not in done.err
    assert not done.out


@pytest.mark.usefixtures("network")
def test_what_is_no_file_of_ours_is_told(run: Run) -> None:
    Path("empty").touch()
    Path("folder").mkdir()
    os.mkfifo("pipe")
    for name, message in {
        "x.npy": "x.npy is not a readable safetensors file",
        "empty": "empty is not a readable safetensors file",
        "missing": "there is no file missing",
        "folder": "folder is a folder without checkpoints; name a file",
        "pipe": "it is not a regular file",
    }.items():
        done = run("inspect", name)
        assert done.code == 1
        assert message in done.err
        assert not done.out
