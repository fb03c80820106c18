"""The progress bar in the cells of a notebook that a kernel executes."""

import re
from typing import Any

import pytest

from notebook import Recorder, execute

_PROLOGUE = """
import threading
import numpy as np
import eigenmlp as em

X = np.random.default_rng(0).normal(size=(60, 4))

class Call(em.callbacks.Callback):
    def __init__(self, function):
        self.function = function
    def on_epoch_end(self, state):
        self.function(state)

def fit(epochs=3, **options):
    net = em.Network([4, 1], output="identity", rng=0)
    options = {"progress": True, "learning_rate": 1e-3, **options}
    return em.train(net, X, X[:, 0] ** 2, epochs=epochs, rng=0, **options)
"""
_CELLS = {
    "train": "history = fit(validation_data=(X, X[:, 0] ** 2))",
    "regressor": "em.MLPRegressor(max_iter=3, tol=0, verbose='bar').fit(X, X[:, 0]).n_iter_",
    "classifier": "em.MLPClassifier(max_iter=3, verbose='bar').fit(X, X[:, 0] > 0).n_iter_",
    "thread": "thread = threading.Thread(target=fit); thread.start(); thread.join()",
    "redirected": """
import contextlib, io
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    fit()
""",
    "captured": """
from IPython.utils.capture import capture_output
with capture_output() as captured:
    fit()
print(len(captured.outputs) > 0)
""",
    "nested": "history = fit(callbacks=[Call(lambda state: fit(4))])",
    "stopped": """
def stop(state):
    if state.epoch == 1:
        raise RuntimeError
try:
    fit(callbacks=[Call(stop)])
except RuntimeError:
    pass
""",
    "interrupted": """
import _thread, signal
def interrupt(state):
    if state.epoch == 1:
        signal.raise_signal(signal.SIGINT)
try:
    fit(callbacks=[Call(interrupt)])
except KeyboardInterrupt:
    pass
""",
    "consoles": """
from rich.console import Console
history = fit(progress=False, callbacks=[em.callbacks.ProgressBar(console=Console(width=60))])
""",
    "study": """
from pathlib import Path
from eigenmlp import study, sweeps
data = study.load_dataset("digits", quick=True)
results = study.conduct_study(data, output=Path("out"), only=["fig4a"], quick=True)
""",
    "download": """
import http.server, functools, hashlib, dataclasses, os
from eigenmlp.datasets import remote
names = ("k49-test-imgs.npz", "k49-test-labels.npz")
os.makedirs("served")
np.savez(f"served/{names[0]}", np.zeros((3, 28, 28), np.uint8))
np.savez(f"served/{names[1]}", np.arange(3, dtype=np.uint8))
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory="served")
handler.func.log_message = lambda *_: None
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ.update(EIGENMLP_DATA="cache", NO_PROXY="127.0.0.1")
remote._KUZUSHIJI49 = dataclasses.replace(
    remote._KUZUSHIJI49,
    base_url=f"http://127.0.0.1:{server.server_port}/",
    md5={name: hashlib.md5(Path("served", name).read_bytes()).hexdigest() for name in names},
)
images = em.datasets.fetch_kuzushiji49("test")
server.shutdown(); server.server_close()
""",
    "forked": """
import os, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # of forks where threads are, since Python 3.12
child = os.fork()
if child == 0:
    os._exit(fit().n_epochs)
os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
""",
    "colab": """
# A shell of another class, as Colab, VS Code's interactive window and others have.
shell = get_ipython()
shell.__class__ = type("Shell", (type(shell),), {})
history = fit()
""",
    "drawn": """
# Waits for a drawing of the display's own thread: it shows the first epoch while it runs.
from eigenmlp.common import live
drawn = threading.Event()
draw = live._Cell.draw
def told(self, display):
    draw(self, display)
    if threading.current_thread() is not threading.main_thread():
        drawn.set()
live._Cell.draw = told
def wait(state):
    if state.epoch == 1:
        drawn.clear()
        assert drawn.wait(60)
history = fit(callbacks=[Call(wait)])
""",
}


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, list[Any]], Recorder]:
    """All cells, each with its outputs, executed by one kernel."""
    notebook, client = execute(tmp_path_factory.mktemp("notebook"), _PROLOGUE, *_CELLS.values())
    outputs = [cell.outputs for cell in notebook.cells[1:]]
    return dict(zip(_CELLS, outputs, strict=True)), client


def shown(outputs: list[Any]) -> list[str]:
    return [output.data["text/plain"] for output in outputs if output.output_type == "display_data"]


@pytest.mark.parametrize(
    "cell", ["train", "regressor", "classifier", "thread", "redirected", "consoles", "colab"]
)
def test_a_cell_keeps_the_last_state(
    executed: tuple[dict[str, list[Any]], Recorder], cell: str
) -> None:
    outputs = executed[0][cell]
    (text,) = shown(outputs)
    assert text.startswith("epoch 3/3 ━")
    assert re.search(r"took \d+\.\d s\ntrain loss \d\.\d{4}  ", text)
    assert ("val loss" in text) == (cell == "train")
    assert ("accuracy" in text) == (cell == "classifier")
    assert "\x1b" not in text
    (output,) = (output for output in outputs if output.output_type == "display_data")
    html = output.data["text/html"]
    assert html.startswith("<pre ")
    assert "epoch 3/3" in html
    assert "script" not in html


def test_it_is_one_output_that_changes(executed: tuple[dict[str, list[Any]], Recorder]) -> None:
    (last,) = shown(executed[0]["drawn"])
    (states,) = (
        states for states in executed[1].shown.values() if states[-1]["text/plain"] == last
    )
    texts = [state["text/plain"] for state in states]
    assert texts[0].splitlines()[1] == "first epoch"
    assert any(text.startswith("epoch 1/3") for text in texts[1:-1])
    assert last.startswith("epoch 3/3")


def test_a_bar_inside_a_callback_is_an_output_of_its_own(
    executed: tuple[dict[str, list[Any]], Recorder],
) -> None:
    texts = shown(executed[0]["nested"])
    assert [text.split(" ━")[0] for text in texts] == ["epoch 3/3", *["epoch 4/4"] * 3]


@pytest.mark.parametrize("cell", ["stopped", "interrupted"])
def test_training_that_ends_early_leaves_where_it_was(
    executed: tuple[dict[str, list[Any]], Recorder], cell: str
) -> None:
    (text,) = shown(executed[0][cell])
    assert text.startswith("epoch 1/3")
    assert "took" in text


def test_what_is_captured_is_not_shown(
    executed: tuple[dict[str, list[Any]], Recorder],
) -> None:
    (output,) = executed[0]["captured"]
    assert output.text == "True\n"


def test_a_child_after_fork_trains_without(
    executed: tuple[dict[str, list[Any]], Recorder],
) -> None:
    (output,) = executed[0]["forked"]
    assert output.data["text/plain"] == "3"


def test_a_study_shows_its_table(executed: tuple[dict[str, list[Any]], Recorder]) -> None:
    (text,) = shown(executed[0]["study"])
    assert "eigenmlp study on digits, a quick look · 3 done" in text
    assert re.search(r"✓ batch 32 0\.\d{3}   ✓ batch 64 0\.\d{3}", text)
    assert all(len(line) <= 80 for line in text.splitlines())


def test_a_download_shows_its_files(executed: tuple[dict[str, list[Any]], Recorder]) -> None:
    texts = shown(executed[0]["download"])
    assert [text.split(" ━")[0] for text in texts] == ["k49-test-imgs.npz", "k49-test-labels.npz"]
    assert all(re.search(r" (\d[\d.]*)/\1 (kB|bytes) ", text) for text in texts)
