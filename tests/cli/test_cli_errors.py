"""How the command line refuses and fails."""

import os
from pathlib import Path

import numpy as np
import pytest

import eigenmlp as em
from command_runs import Run


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            "--hidden 10,,3",
            "--hidden: '10,,3' is not a list of layer sizes such as 100,80, nor none",
        ),
        ("--hidden 0", "--hidden: '0' is not a list of layer sizes"),
        ("--init he", "--init: 'he' is unknown; use one of he_normal, he_uniform, glorot_uniform"),
        ("--dtype int8", "--dtype: 'int8' is unknown; use one of float32, float64"),
        ("--optimizer lion", "--optimizer: 'lion' is unknown; use one of sgd, adam, adamw"),
        ("--input-scale 1/0", "--input-scale: '1/0' is not a number such as 0.5 or 1/255"),
        ("--input-scale nan", "--input-scale: 'nan' is not a number"),
        ("--input-scale 0", "--input-scale: 0 makes all inputs alike"),
        ("--batch-size 0", "--batch-size: '0' is not a whole number, 1 or more, nor full"),
        ("--batch-size all", "--batch-size: 'all' is not a whole number, 1 or more, nor full"),
        ("--epochs 0", "--epochs"),
        ("--l2 -1", "--l2"),
        ("--learning-rate -1", "--learning-rate: value=-1.0 is not a learning rate"),
        ("--schedule warm", "--schedule: 'warm' is unknown; use one of constant, linear, exp"),
        ("--schedule exponential", "--schedule: exponential needs --gamma"),
        ("--schedule step --gamma 0.5", "--schedule: step needs --every"),
        ("--gamma 0.9", "--gamma: the schedule constant does not take it"),
        ("--schedule linear --final-rate 1", "--learning-rate, --final-rate: final=1.0 is larger"),
        ("--schedule {", "--schedule: Expecting property name"),
        ('--schedule {"kind":"sine"}', "--schedule: kind='sine' is unknown; use one of constant, "),
        ("--schedule constant --warmup 0", "--warmup: epochs=0 "),
        ("--schedule-unit batch", "--schedule-unit: schedule_unit='batch' is unknown; use 'epoch'"),
        ("--clip-norm 0", "--clip-norm: clip_norm=0.0 must be finite and > 0"),
        ("--rate-factors biases", "--rate-factors: 'biases' is not a name with its number, such"),
        (
            "--rate-factors bias=2",
            "--rate-factors: rate_factors has 'bias'; use 'weights', 'biases'",
        ),
        ("--rate-factors biases=-1", "--rate-factors: rate_factors['biases']=-1.0 must be finite"),
        ("--momentum 0.9", "--momentum: the optimizer adam does not take it; leave it out or ch"),
        ("--optimizer sgd --momentum 2", "--momentum, --nesterov: momentum=2.0 is out of range"),
        ("--loss hinge", "--loss: 'hinge' is unknown; use one of cross_entropy, binary_cross_ent"),
        ("--delta 2", "--delta: the loss cross_entropy does not take it; leave it out or choose "),
        ("--metrics mse", "--metrics: metric"),
        ("--activation sine", "--activation: 'sine' is unknown; use one of identity, logistic"),
        ("--hidden 3 --activation relu,elu", "activation=['relu', 'elu'] has 2 entries, but there"),
        ("--dropout half", "--dropout: 'half' is not a number such as 0.5"),
        ("--dropout 1", "dropout=1.0 is out of range: 0 <= dropout < 1"),
        ("--normalization group", "--normalization: 'group' is unknown; use one of none, batch"),
        ("--validation 1", "--validation: 1 leaves nothing to train on"),
        ("--validation 0.001", "--validation: fractions=[0.999, 0.001] of 90 samples leave part 1"),
        ("--patience 3 --validation 0", "--patience: stopping early needs validation data"),
        ("--min-delta 0.1", "--min-delta: it needs --patience"),
        ("--output no/m.st", "--output: there is no folder no; make it first"),
        ("--output .", "--output: . is a folder; name a file in it"),
        ("--history m.st --output m.st", "--history: m.st is the model file"),
        ("--historie h.csv", "No such option: --historie"),
    ],
)
@pytest.mark.usefixtures("data")
def test_bad_usage_is_told_before_any_work(run: Run, options: str, message: str) -> None:
    done = run("train", "x.npy", "-l", "y.npy", *options.split())
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err
    assert not done.out
    assert sorted(path.name for path in Path().iterdir()) == ["x.npy", "y.npy"]


@pytest.mark.usefixtures("data")
def test_only_regular_files_are_overwritten(run: Run) -> None:
    os.mkfifo("pipe")
    done = run("train", "x.npy", "-l", "y.npy", "-o", "pipe", "--force", "--epochs", 1)
    assert done.code == 2
    assert "--output: pipe is a device or pipe; name a file" in done.err
    assert Path("pipe").is_fifo()


@pytest.mark.usefixtures("data")
def test_bad_usage_of_other_commands(run: Run) -> None:
    assert run("predict", "net.st", "x.npy", "--columns", "all").code == 2
    assert run("trane").code == 2
    assert "neither is given; name the column" in run("train", "x.npy").err
    assert run().code == 2


@pytest.mark.usefixtures("network")
@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("train no.npy -l y.npy", "no.npy: there is no such file. Check the path"),
        ("train x.npy -l x.npy", "x.npy has shape (90, 12), but labels have shape (90,)"),
        ("train x.npy -l zeros.npy", "zeros.npy: every label is 0. Give samples of two classes"),
        ("predict net.st wide.npy", "X has 13 features a row, but the network's input has 12"),
        ("predict x.npy x.npy", "x.npy is not a readable safetensors file"),
        ("predict no.st x.npy", "no model file no.st"),
        (
            "train x.npy -l y.npy --optimizer sgd --learning-rate 1e9 --epochs 20",
            "training diverged in epoch",
        ),
    ],
)
def test_failures_end_in_one_line(run: Run, args: str, message: str) -> None:
    np.save("zeros.npy", np.zeros(90, int))
    np.save("wide.npy", np.zeros((2, 13)))
    done = run(*args.split())
    assert done.code == 1
    assert done.err.startswith("error: ")
    assert message in done.err
    assert done.err.count("\n") == 1
    assert not Path("model.safetensors").exists()
    if args.startswith("predict"):
        assert not done.out


@pytest.mark.parametrize(
    ("raised", "code", "message"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (MemoryError("std::bad_alloc"), 1, "error: out of memory; use a smaller network or fewer"),
        (PermissionError(13, "Permission denied", "a.st"), 1, "error: a.st: Permission denied"),
        (em.DownloadError("no connection"), 1, "error: no connection"),
        (ImportError('needs pandas: pip install "eigenmlp[study]"'), 1, "error: needs pandas"),
        (TypeError("not a number"), 1, "error: not a number"),
    ],
)
def test_foreseen_failures_of_any_kind(
    run: Run, monkeypatch: pytest.MonkeyPatch, raised: BaseException, code: int, message: str
) -> None:
    def load_model(_path: Path) -> em.Network:
        raise raised

    monkeypatch.setattr(em, "load_model", load_model)
    done = run("predict", "a.st", "x.npy")
    assert done.code == code
    assert done.err.startswith(message)
    assert done.err.count("\n") == 1


def test_mistakes_of_our_own_are_not_hidden(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(em, "load_model")
    with pytest.raises(AttributeError):
        run("predict", "a.st", "x.npy")
