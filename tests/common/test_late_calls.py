"""Calls late in a process's life, or in the middle of an import, import nothing themselves."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import joblib
import numpy as np
import pytest

import eigenmlp as em
from eigenmlp.common import threads

BEGINNING = r"""
import atexit, os, signal, sys, tempfile, threading
import numpy as np
import rich.console
import eigenmlp as em
callbacks = em.callbacks
X, y = np.random.default_rng(0).random((300, 20)), np.arange(300) % 3
net, folder = em.Network([20, 8, 3], dropout=0.1, rng=0), tempfile.mkdtemp()
terminal = rich.console.Console(file=open(os.devnull, "w"), force_terminal=True)
def constant(y, predictions):
    return 1.0
def train(**options):
    return em.train(em.Network([20, 8, 3], rng=0), X, y, epochs=2, rng=0, **options)
def use():
    net.predict(X), net.predict_proba(X), net.evaluate(X, y)
    net.split(net.loss_and_gradient(X, y)[1])
    train(class_weight="balanced", validation_data=(X, y), metrics=[constant], progress=True)
    net.save(folder + "/net"), em.load_network(folder + "/net"), em.load_model(folder + "/net")
    checkpoint, early = callbacks.Checkpoint(folder + "/run"), callbacks.EarlyStopping
    logs = callbacks.CSVLogger(folder + "/csv"), callbacks.JSONLinesLogger(folder + "/json")
    train(callbacks=[checkpoint, early(monitor="train_loss"), *logs])
    train(callbacks=[checkpoint, early(monitor="train_loss")], resume_from=folder + "/run")
    train(callbacks=[callbacks.ProgressBar(console=terminal)])
"""
LATE = {
    "another thread": """
def later():
    threading.main_thread().join()
    use()
    print("done", flush=True)
threading.Thread(target=later).start()
""",
    "at exit": """
def later():
    use()
    print("done", flush=True)
atexit.register(later)
""",
}
NAMED = """
def use():
    before = net.get_flat_parameters()
    try:
        em.train(net, X, y, validation_data=(X, y), metrics=["f1_macro"], epochs=1)
        print("trained")
    except RuntimeError as error:
        assert np.array_equal(net.get_flat_parameters(), before)
        print(error)
"""
ESTIMATORS = """
model = em.MLPClassifier((4,), max_iter=2)
def use():
    model.fit(X, y).score(X, y), model.predict_proba(X)
    model.save(folder + "/model"), em.load_model(folder + "/model")
    em.MLPClassifier((4,), max_iter=2, early_stopping=True, monitor="f1_macro").fit(X, y)
    em.MLPRegressor(hidden_layer_sizes=(4,), max_iter=2, solver="lbfgs").fit(X, y)
"""
# A handler that runs in the middle of the import of a package, when a part of it is looked for.
DURING = r"""
class Finder:
    @staticmethod
    def find_spec(name, path, target=None):
        if name == sys.argv[1]:
            signal.raise_signal(signal.SIGUSR1)
sys.meta_path.insert(0, Finder)
signal.signal(signal.SIGUSR1, lambda *_: use())
import sklearn.metrics
"""


# Further programs, each run to its end in a process of its own that has imported what is imported
# so far; a line of two dashes ends the output of each.
FORK = r"""
for program in sys.argv[1:]:
    sys.stdout.flush()
    if (child := os.fork()) == 0:
        break
    assert os.waitpid(child, 0)[1] == 0
    print("--")
else:
    program = ""
folder = tempfile.mkdtemp()
exec(program)
"""


def run(*parts: str, arguments: tuple[str, ...] = ()) -> list[str]:
    code = "".join([BEGINNING, *parts])
    command = [sys.executable, "-W", "ignore", "-c", code, *arguments]
    with tempfile.TemporaryDirectory() as folder:  # where the process makes its own
        result = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=120,
            env={**os.environ, "TMPDIR": folder},
        )  # fmt: skip
    assert result.stderr == ""
    return result.stdout.splitlines()


@pytest.mark.parametrize("when", LATE)
def test_the_first_call_may_come_late(when: str) -> None:
    assert run(LATE[when]) == ["done"]


def test_where_scikit_learn_is_imported_nothing_is_too_late() -> None:
    estimators, by_name = LATE.values(), NAMED + LATE["at exit"]
    done = ["done", "--"]
    assert run(ESTIMATORS, "import sklearn.metrics\n", FORK, arguments=(*estimators, by_name)) == [
        *done, *done, "trained", *done,
    ]  # fmt: skip


def test_calls_import_nothing() -> None:
    before = "import rich._emoji_codes\nbefore = set(sys.modules)\n"
    assert run(before, "use()\nprint(sorted(set(sys.modules) - before))") == ["[]"]


def test_what_must_be_imported_late_is_told_before_training() -> None:
    told, _ = run(NAMED, LATE["at exit"])
    assert told.startswith("metrics has 'f1_macro', for which scikit-learn is imported, and that")
    # As test_where_scikit_learn_is_imported_nothing_is_too_late does.
    assert told.endswith("Import sklearn.metrics when the program begins, or pass a function of "
                         "(y, predictions)")  # fmt: skip


@pytest.mark.parametrize("module", ["joblib.parallel", "sklearn.metrics._classification"])
def test_a_signal_handler_may_interrupt_an_import(module: str) -> None:
    assert run("def handled(): use(); print('handled')\n", DURING.replace("use()", "handled()"),
               arguments=(module,)) == ["handled"]  # fmt: skip


def test_a_signal_handler_that_interrupts_the_import_that_it_needs_is_told() -> None:
    told = run(NAMED, DURING, arguments=("sklearn.metrics._classification",))
    assert len(told) == 1
    assert told[0].startswith("metrics has 'f1_macro', for which scikit-learn is imported")


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, None),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu.max": "150000 100000\n"}, 2),
        ({"cpu.max": "1000 100000\n"}, 1),
        ({"cpu.max": "nonsense"}, None),
        ({"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "1\n", "cpu/cpu.cfs_period_us": "0\n"}, None),
    ],
)
def test_a_containers_quota(tmp_path: Path, files: dict[str, str], cores: int | None) -> None:
    (tmp_path / "cpu").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert threads._quota(tmp_path) == cores


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs affinities")
def test_cores_are_counted_as_joblib_counts_them(monkeypatch: pytest.MonkeyPatch) -> None:
    count = threads._cores.__wrapped__
    assert count() == joblib.cpu_count()
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert count() == 1
    finally:
        os.sched_setaffinity(0, allowed)
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    assert count() == joblib.cpu_count() == 1


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    from sklearn.utils.class_weight import compute_sample_weight

    from eigenmlp.training.weights import weighted_by_class

    labels = np.array(["b", "a", "b", "c", "b", "a"])
    ours = weighted_by_class("balanced", labels, np.unique(labels), None, "float64")
    assert np.array_equal(ours, compute_sample_weight("balanced", labels))
    assert em.metrics.metrics_by_name(["f1_macro"])["f1_macro"]([0, 1], [0, 0]) == 1 / 3
