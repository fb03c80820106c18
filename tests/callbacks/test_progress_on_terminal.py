"""The progress bar on a real terminal: every output, every width, and whatever goes wrong."""

import os
import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from terminal import Shown, run_on_terminal

if TYPE_CHECKING:
    import subprocess

_PROLOGUE = """
import sys, threading, warnings
import numpy as np
import eigenmlp as em

warnings.simplefilter("ignore")  # of too few epochs
X = np.random.default_rng(0).normal(size=(60, 4))
TARGETS = {
    "softmax": np.arange(60) % 3,
    "logistic": np.arange(60)[:, None] % 2 * np.ones(3),
    "identity": X[:, :3] ** 2,
    "exponential": np.exp(X[:, :3]),
}

def fit(output="identity", loss=None, epochs=3, **options):
    net = em.Network([4, 3], output=output, rng=0)
    options = {"progress": True, "learning_rate": 1e-3, "rng": 0, **options}
    return em.train(net, X, TARGETS[output], loss=loss, epochs=epochs, **options)

def half(y, predictions):
    return 0.5

class Call(em.callbacks.Callback):
    def __init__(self, function):
        self.function = function
    def on_epoch_end(self, state):
        self.function(state)
"""


def run(script: str, **options: object) -> Shown:
    shown = run_on_terminal(_PROLOGUE + script, **options)  # type: ignore[arg-type]
    assert "Exception in thread" not in shown.written
    assert not shown.cursor_hidden or "O_RDONLY" in script  # nobody could give it back then
    return shown


def test_every_output_and_loss_with_and_without_validation_data() -> None:
    shown = run(
        """
for loss, kind in em.losses.LOSSES.items():
    validation = {"validation_data": (X, TARGETS[kind.output])}
    for options in (
        {}, validation,
        {"evaluate_train": True, "penalized_loss": True, "l2": 0.1},
        {**validation, "metrics": [half]},
    ):
        print("of", kind.output, loss)
        fit(kind.output, loss, **options)
print("all done")
"""
    )
    assert shown.status == 0, shown.written
    assert shown.lines[-1] == "all done"
    for output in ("softmax", "logistic", "identity", "exponential"):
        assert f"of {output}" in shown.written


def test_every_estimator_with_a_bar() -> None:
    shown = run(
        """
several = (X[:, :2] > 0).astype(int)
for model, y in (
    (em.MLPRegressor, X[:, 0]), (em.MLPRegressor, X[:, :2]),
    (em.MLPClassifier, several[:, 0]), (em.MLPClassifier, np.arange(60) % 3),
    (em.MLPClassifier, several),
):
    for early_stopping in (False, True):
        for solver in ("adam", "sgd"):
            model(
                hidden_layer_sizes=3, max_iter=3, solver=solver,
                early_stopping=early_stopping, verbose="bar",
            ).fit(X, y)
print("all done")
"""
    )
    assert shown.status == 0, shown.written
    assert shown.lines[-1] == "all done"
    assert "val loss" in shown.written


@pytest.mark.parametrize(
    ("columns", "lines"),
    [
        (20, [r"epoch 3/3 ━+", r"train loss \d.\d{4}", r"val loss \d.\d{4}", "lr 0.001"]),
        (40, [r"epoch 3/3 .* took \d.\d s", r"train loss \d.\d{4}  val loss \d.\d{4}", "lr 0.001"]),
        (80, [r"epoch 3/3 ━+ .* samples/s  took .* s", r"train loss .*  val loss .*  lr 0.001"]),
    ],
)
def test_every_width(columns: int, lines: list[str]) -> None:
    """Nothing is cut, no name stands apart from its value, no line is left behind."""
    shown = run("fit(validation_data=(X, TARGETS['identity']))", columns=columns)
    assert shown.status == 0, shown.written
    assert len(shown.lines) == len(lines), shown.lines
    for line, pattern in zip(shown.lines, lines, strict=True):
        assert re.fullmatch(pattern, line), shown.lines


@pytest.mark.parametrize(
    "environment", [{"TERM": "dumb"}, {"PYTHONIOENCODING": "ascii"}, {"NO_COLOR": "1"}]
)
def test_poor_terminals_have_the_end_at_least(environment: dict[str, str]) -> None:
    shown = run("fit()", environment=environment)
    assert shown.status == 0, shown.written
    assert len(shown.lines) == 2
    assert shown.lines[0].startswith("epoch 3/3 ")


@pytest.mark.parametrize("closed", [(1,), (2,), (0, 1, 2)])
def test_streams_closed_from_the_start(closed: tuple[int, ...]) -> None:
    shown = run("import os; fit(); os._exit(7)", closed=closed)
    assert shown.status == 7
    assert ("epoch 3/3" in shown.written) == (2 not in closed)


@pytest.mark.parametrize(
    "gone",
    [
        "sys.stderr.close()",
        "sys.stderr = None",
        "os.dup2(os.open(os.devnull, os.O_RDONLY), 2)",  # every write is an error
    ],
)
def test_a_stream_lost_in_training_does_not_end_it(gone: str) -> None:
    shown = run(
        f"""
import os
def lose(state):
    if state.epoch == 1:
        {gone}
history = fit(callbacks=[Call(lose)])
os.write(1, b"epochs trained: %d" % history.n_epochs)
os._exit(0)
"""
    )
    assert shown.status == 0, shown.written
    assert "epochs trained: 3" in shown.written


def test_what_is_printed_meanwhile_stands_above_and_nothing_is_lost() -> None:
    shown = run(
        """
def talk(state):
    print("line", state.epoch)
    print("begun,", end="" if state.epoch == 2 else "\\n")
fit(callbacks=[Call(talk)])
print("after")
"""
    )
    assert shown.status == 0, shown.written
    words = [line for line in shown.lines if not line.startswith(("epoch", "train loss"))]
    assert words == ["line 0", "begun,", "line 1", "begun,", "line 2", "begun,", "after"]
    assert shown.lines[-1] == "after"
    assert shown.lines[-3].startswith("epoch 3/3")


def test_a_bar_inside_a_callback_leaves_the_other_one_whole() -> None:
    shown = run("fit(callbacks=[Call(lambda state: fit('softmax', epochs=5))])")
    assert shown.status == 0, shown.written
    epochs = [line.split(" ━")[0] for line in shown.lines if line.startswith("epoch")]
    assert epochs == ["epoch 5/5", "epoch 5/5", "epoch 5/5", "epoch 3/3"]
    assert len(shown.lines) == 8


def test_bars_of_several_threads_stand_below_one_another() -> None:
    """All are shown at once, for each waits in its second epoch for the others."""
    shown = run(
        """
together = threading.Barrier(3)
def train(epochs):
    def meet(state):
        if state.epoch == 1:
            together.wait()
    fit(epochs=epochs, callbacks=[Call(meet)])
threads = [threading.Thread(target=train, args=(epochs,)) for epochs in (4, 5)]
for thread in threads:
    thread.start()
train(6)
for thread in threads:
    thread.join()
print("out", sys.stdout is sys.__stdout__, sys.stderr is sys.__stderr__)
"""
    )
    assert shown.status == 0, shown.written
    assert shown.lines[-1] == "out True True"
    epochs = {line.split(" ━")[0] for line in shown.lines if line.startswith("epoch")}
    assert epochs == {"epoch 4/4", "epoch 5/5", "epoch 6/6"}
    assert len(shown.lines) == 7


def test_an_exception_gives_the_terminal_back() -> None:
    shown = run("fit(callbacks=[Call(lambda state: 1 / 0)])")
    assert shown.status == 1
    assert shown.lines[-1] == "ZeroDivisionError: division by zero"
    assert shown.lines[0].startswith("epoch")


def test_divergence_gives_the_terminal_back() -> None:
    shown = run("fit(learning_rate=1e30, optimizer=em.optimizers.SGD(), epochs=50)")
    assert shown.status == 1
    assert "TrainingDivergedError" in shown.written


def test_ctrl_c_gives_the_terminal_back() -> None:
    pressed: list[bool] = []

    def press(process: "subprocess.Popen[bytes]", written: str) -> None:
        if not pressed and "waiting" in written:
            pressed.append(True)
            os.killpg(process.pid, signal.SIGINT)

    shown = run(
        """
def wait(state):
    print("waiting")
    threading.Event().wait()
fit(callbacks=[Call(wait)])
""",
        watch=press,
    )
    assert shown.status != 0
    assert shown.lines[-1] == "KeyboardInterrupt"
    assert any(line.startswith("epoch") for line in shown.lines)


def test_a_child_after_fork_has_a_display_of_its_own() -> None:
    shown = run(
        """
import os
def fork(state):
    if state.epoch == 0:
        child = os.fork()
        if child == 0:
            print("in the child")
            fit(epochs=7)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
fit(callbacks=[Call(fork)])
print("all done")
"""
    )
    assert shown.status == 0, shown.written
    assert shown.lines[-1] == "all done"
    assert "in the child" in shown.written
    assert "epoch 7/7" in shown.written


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({}, "a quick look · 3 done"),
        ({"TERM": "dumb"}, "a quick look · 3 done"),
        ({"PYTHONIOENCODING": "ascii"}, "[3/3] fig4a-batch"),  # which lacks the table's characters
    ],
)
def test_a_study_on_every_terminal(environment: dict[str, str], words: str, tmp_path: Path) -> None:
    shown = run(
        f"""
from pathlib import Path
from eigenmlp import study, sweeps
from eigenmlp.study import report
report.write_report = lambda *_: None  # slow, and no part of this
data = study.load_dataset("digits", quick=True)
study.conduct_study(data, output=Path({str(tmp_path)!r}), only=["fig4a"], quick=True, jobs=1)
""",
        environment=environment,
    )
    assert shown.status == 0, shown.written
    assert words in "\n".join(shown.lines)
