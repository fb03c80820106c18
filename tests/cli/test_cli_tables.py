"""The command line on tables: headers, scales, and remedies that its user has."""

from pathlib import Path

import numpy as np
import pytest

import eigenmlp as em
from command_runs import N_CLASSES, N_FEATURES, Data, Run


def write_table(name: str, data: Data, header: str = "") -> None:
    rows = np.column_stack([data.X, data.y])
    np.savetxt(name, rows, fmt="%d", delimiter=",", header=header, comments="")


def test_a_table_without_a_header_is_asked_about_and_read(run: Run, data: Data) -> None:
    write_table("t.csv", data)
    label = str(N_FEATURES + 1)
    train = ("train", "t.csv", "-l", label, "--epochs", 1)
    done = run(*train)
    assert done.code == 1
    assert "t.csv has no header: its first line is" in done.err
    assert "pass --no-header" in done.err
    assert not Path("model.safetensors").exists()
    done = run(*train, "--no-header")
    assert done.code == 0, done.err
    assert "81 samples to train, 9 to validate" in done.out  # all 90
    done = run("predict", "model.safetensors", "t.csv", "-l", label, "--no-header")
    assert done.code == 0, done.err
    assert done.out.count("\n") == 1 + len(data.X)
    assert "pass --no-header" in run("predict", "model.safetensors", "t.csv", "-l", label).err


def test_numbers_may_be_names(run: Run, data: Data) -> None:
    write_table("t.csv", data, ",".join(map(str, range(N_FEATURES + 1))))
    train = ("train", "t.csv", "-l", N_FEATURES, "--epochs", 1)
    assert "if it holds names all the same, pass --header" in run(*train).err.lower()
    done = run(*train, "--header")
    assert done.code == 0, done.err
    assert "81 samples to train, 9 to validate" in done.out


def test_label_files_without_a_header(run: Run, data: Data) -> None:
    np.savetxt("y.csv", data.y, fmt="%d")
    train = ("train", "x.npy", "-l", "y.csv", "--epochs", 1)
    assert "y.csv has no header: its first line is" in run(*train).err
    assert run(*train, "--no-header").code == 0


@pytest.mark.parametrize("command", ["train", "predict", "study", "export"])
def test_every_command_that_reads_tables_takes_the_option(run: Run, command: str) -> None:
    assert "--no-header" in run(command, "--help").out


def test_the_samples_of_an_export_have_no_header(run: Run, network: em.Network, data: Data) -> None:
    np.savetxt("t.csv", data.X, fmt="%d", delimiter=",")
    export = ("export", "-f", "c", "--int8", "--data", "t.csv", "net.st", "out")
    assert "pass --no-header" in run(*export).err
    done = run(*export, "--no-header")
    assert done.code == 0, done.err
    assert "on 90 samples" in " ".join(done.out.split())
    done = run("export", "-f", "onnx", "--no-header", "net.st", "m.onnx")
    assert "the format onnx does not take it" in done.err
    assert network.layer_sizes[0] == N_FEATURES


def test_a_study_of_tables_without_a_header(run: Run, data: Data) -> None:
    np.savetxt("x.csv", data.X, fmt="%d", delimiter=",")
    np.savetxt("y.csv", data.y, fmt="%d")
    study = ("study", "--images", "x.csv", "--labels", "y.csv", "--predict", "x.csv")
    assert "pass --no-header" in run(*study).err
    from eigenmlp.study.data import load_files, with_unlabelled

    found = load_files(Path("x.csv"), "y.csv", header=False)
    assert len(found.X) == len(data.X)
    assert found.input_scale == 1
    assert with_unlabelled(found, Path("x.csv"), header=False).unlabelled is not None


def test_only_images_are_scaled_and_it_is_said(run: Run, data: Data) -> None:
    write_table("t.csv", data, ",".join([*"abcdefghijkl", "y"]))
    done = run("train", "t.csv", "-l", "y", "--epochs", 1, "-o", "t.st")
    assert em.load_network("t.st").input_scale == 1
    assert "float64, times 1 (auto for float64: only images of uint8 are scaled" in done.out
    done = run("train", "x.npy", "-l", "y.npy", "--epochs", 1, "-o", "x.st")
    assert em.load_network("x.st").input_scale == 1 / 255
    assert "uint8, times 1/255 (auto for uint8" in done.out
    np.save("wide.npy", data.X.astype(np.int64))
    done = run("train", "wide.npy", "-l", "y.npy", "--epochs", 1, "-o", "w.st")
    assert em.load_network("w.st").input_scale == 1
    assert "float64, times 1" in done.out


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1, 3], "read it from Python, by eigenmlp.datasets.read_arrays(..., n_classes=4)"),
        ([0.5, 1, 2], "quantities are predicted by eigenmlp.MLPRegressor, in Python"),
    ],
)
def test_remedies_are_what_the_reader_can_do(run: Run, labels: list[float], message: str) -> None:
    np.save("y.npy", np.resize(labels, 90))
    done = run("train", "x.npy", "-l", "y.npy")
    assert done.code == 1
    assert message in done.err
    assert N_CLASSES == 3
