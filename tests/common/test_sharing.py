"""Calls at the same time share the cores, and threadpoolctl limits them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import eigenmlp as em
from eigenmlp._native import _core
from eigenmlp.common.threads import thread_limit
from eigenmlp.estimators import lbfgs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 6))
Y = RNG.integers(0, 3, 60)


class Held(em.callbacks.Callback):
    """Keeps a run of another thread in the middle, from `with` to its end."""

    def __init__(self, n_threads: int | None = None) -> None:
        self._there, self._go = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=train, args=(self,), kwargs={"n_threads": n_threads})

    def on_epoch_end(self, state: em.callbacks.TrainingState) -> None:
        self._there.set()
        assert self._go.wait(60)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._there.wait(60)
        return self

    def __exit__(self, *_: object) -> None:
        self._go.set()
        self._thread.join()


class Raises(em.callbacks.Callback):
    def __init__(self, error: BaseException) -> None:
        self.error = error

    def on_epoch_end(self, state: em.callbacks.TrainingState) -> None:
        raise self.error


def train(*callbacks: em.callbacks.Callback, **settings: Any) -> None:
    settings = {"epochs": 2, "rng": 0, **settings}
    em.train(em.Network([6, 5, 3], rng=0), X, Y, callbacks=callbacks, **settings)


def test_a_run_shares_from_its_beginning_to_its_end() -> None:
    """Also while it is in a callback. It counts once, whatever its callbacks train."""
    seen: list[int] = []

    class Looks(em.callbacks.Callback):
        def on_epoch_end(self, state: em.callbacks.TrainingState) -> None:
            train()
            seen.append(_core.sharing_threads())

    assert _core.sharing_threads() == 0
    with Held(), Held(n_threads=1), Held():
        assert _core.sharing_threads() == 2
        train(Looks())
        assert _core.sharing_threads() == 2
    assert seen == [3, 3]
    assert _core.sharing_threads() == 0


@pytest.mark.parametrize(("n_threads", "sharing"), [(None, 1), (2, 0)])
def test_so_does_a_fit_by_lbfgs(
    monkeypatch: pytest.MonkeyPatch, n_threads: int | None, sharing: int
) -> None:
    def minimize(*_: Any, **__: Any) -> None:
        assert _core.sharing_threads() == sharing
        raise ZeroDivisionError

    monkeypatch.setattr(lbfgs, "minimize", minimize)
    with pytest.raises(ZeroDivisionError):
        em.MLPClassifier(solver="lbfgs", n_threads=n_threads).fit(X, Y)
    assert _core.sharing_threads() == 0


@pytest.mark.parametrize(
    "how",
    [
        {"callbacks": Raises(ZeroDivisionError())},
        {"callbacks": Raises(KeyboardInterrupt())},
        {"learning_rate": 1e30, "optimizer": em.optimizers.SGD()},
        {"epochs": -1},
    ],
    ids=["raises", "Ctrl-C", "diverges", "refused"],
)
def test_however_a_run_ends_its_share_is_free(how: dict[str, Any]) -> None:
    callbacks = [how.pop("callbacks")] if "callbacks" in how else []
    with pytest.raises((ZeroDivisionError, KeyboardInterrupt, ArithmeticError, ValueError)) as kept:
        train(*callbacks, **how)
    assert _core.sharing_threads() == 0, kept  # whose traceback holds all frames


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_after_fork_shares_with_none_of_its_parents_threads() -> None:
    left: list[int] = []

    class Forks(em.callbacks.Callback):
        def on_epoch_end(self, state: em.callbacks.TrainingState) -> None:
            left.append(status_of_child(expected=1))

    def status_of_child(expected: int) -> int:
        if (child := os.fork()) == 0:
            shared = _core.sharing_threads()
            train()
            os._exit(0 if shared == _core.sharing_threads() == expected else 1)
        return os.waitpid(child, 0)[1]

    with Held(), Held():
        assert status_of_child(expected=0) == 0
        train(Forks(), epochs=1)
        assert left == [0]
        assert _core.sharing_threads() == 2


def limit() -> int:
    (ours,) = (entry for entry in threadpool_info() if entry["internal_api"] == "eigenmlp")
    assert ours["version"] == em.__version__
    assert Path(ours["filepath"]).name.startswith(f"_core_{em.instruction_set()}")
    number: int = ours["num_threads"]
    return number


@pytest.fixture
def _two(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("EIGENMLP_NUM_THREADS", "2")
    if thread_limit() < 2:
        pytest.skip("needs two cores")
    yield
    assert limit() == 2


@pytest.mark.usefixtures("_two")
def test_threadpoolctl_shows_and_sets_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    assert limit() == 2
    with threadpool_limits(1):
        assert limit() == 1
        with threadpool_limits(2):
            assert limit() == 2
        assert limit() == 1
        with threadpool_limits(0, user_api="eigenmlp"):
            assert limit() == 1
    for given in ({"eigenmlp": 1}, {f"_core_{em.instruction_set()}": 1}):
        with threadpool_limits(given):
            assert limit() == 1
    with threadpool_limits(1, user_api="blas"):
        assert limit() == 2
    with threadpool_limits(64):
        assert limit() == 2
    # A limit that has ended is none, also where the environment allows more by then.
    monkeypatch.setenv("EIGENMLP_NUM_THREADS", "1")
    with threadpool_limits(1):
        assert limit() == 1
    monkeypatch.setenv("EIGENMLP_NUM_THREADS", "2")


def test_threadpoolctl_is_spared_a_bad_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    every = limit()
    monkeypatch.setenv("EIGENMLP_NUM_THREADS", "many")
    assert limit() >= every
    with threadpool_limits(1):
        assert limit() == 1


# How many threads of the core a call starts, in a process where it has none yet.
PROGRAM = """
import os, sys, threading
import numpy as np
import eigenmlp as em
from threadpoolctl import threadpool_limits
from test_sharing import Held
X, y = np.random.default_rng(0).random((3000, 200)), np.arange(3000) % 10
before = len(os.listdir("/proc/self/task"))
def started(others=0):
    return len(os.listdir("/proc/self/task")) - before - others
def net():
    return em.Network([200, 300, 10], rng=0)
uses = {
    "predict": lambda: net().predict(X),
    "evaluate": lambda: net().evaluate(X, y),
    "gradient": lambda: net().loss_and_gradient(X, y),
    "train": lambda: em.train(net(), X, y, batch_size=500, epochs=2, rng=0),
    "fit": lambda: em.MLPClassifier((300,), batch_size=500, max_iter=2, tol=0).fit(X, y),
}
"""


def run(code: str) -> None:
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM + code],
        check=False, capture_output=True, text=True, timeout=120,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])},
    )  # fmt: skip
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.usefixtures("_two")
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs /proc")
@pytest.mark.parametrize("use", ["predict", "evaluate", "gradient", "train", "fit"])
def test_two_calls_use_a_thread_each_and_one_alone_two(use: str) -> None:
    run(f"""
use = uses[{use!r}]
with Held():
    use()
    assert started(others=1) == 0, started()
with threadpool_limits(1):
    use()
    assert started() == 0, started()
with Held(n_threads=1):
    use()
    assert started(others=1) == 1, started()
""")


@pytest.mark.usefixtures("_two")
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs /proc")
def test_a_run_takes_the_cores_that_another_leaves() -> None:
    """And its bits are those of one thread."""
    run("""
class Leaves(em.callbacks.Callback):
    def on_epoch_end(self, state):
        others = 1 if state.epoch == 0 else 0
        assert started(others) == (0 if state.epoch < 1 else 1), (state.epoch, started(others))
        if state.epoch == 0:
            held.__exit__()
held = Held().__enter__()
nets = net(), net()
settings = {"batch_size": 500, "epochs": 2, "rng": 0}
em.train(nets[0], X, y, callbacks=[Leaves()], **settings)
em.train(nets[1], X, y, n_threads=1, **settings)
assert np.array_equal(*(net.get_flat_parameters() for net in nets))
""")
