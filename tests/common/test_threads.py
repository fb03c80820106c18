"""How many threads are used, and that they keep out of the way: forks, callers, idle cores."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import joblib
import numpy as np
import pytest

import eigenmlp as em
from eigenmlp.common import threads

RNG = np.random.default_rng(0)
X = RNG.standard_normal((300, 20))
Y = RNG.integers(0, 4, 300)


def trained(n_threads: int = 2, epochs: int = 3) -> bytes:
    net = em.Network([20, 30, 4], rng=0)
    em.train(net, X, Y, epochs=epochs, batch_size=50, n_threads=n_threads, rng=0)
    return net.get_flat_parameters().tobytes()


def threads_of_this_process() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


@pytest.fixture(autouse=True)
def _no_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EIGENMLP_NUM_THREADS", raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


def test_the_environment_limits_what_none_means(monkeypatch: pytest.MonkeyPatch) -> None:
    assert threads.thread_limit() == joblib.cpu_count()
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert threads.thread_limit() == 1
    monkeypatch.setenv("EIGENMLP_NUM_THREADS", "2")
    assert threads.thread_limit() == min(2, joblib.cpu_count())
    monkeypatch.setenv("OMP_NUM_THREADS", "64")
    monkeypatch.setenv("EIGENMLP_NUM_THREADS", "1")
    assert threads.thread_limit() == 1
    assert threads.threads(None).count == 1
    assert threads.threads(3).count == 3


@pytest.mark.parametrize(("text", "limit"), [("1,4", 1), (" 1 ", 1), ("all", None), ("0", None)])
def test_openmp_lists_and_nonsense(
    monkeypatch: pytest.MonkeyPatch, text: str, limit: int | None
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", text)
    assert threads.thread_limit() == (limit or joblib.cpu_count())


@pytest.mark.parametrize("text", ["0", "-2", "two", "1.5"])
def test_a_bad_limit_is_named(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("EIGENMLP_NUM_THREADS", text)
    net = em.Network([20, 4], rng=0)
    with pytest.raises(
        ValueError,
        match=rf"^EIGENMLP_NUM_THREADS='{text}' is not a whole number of 1 or more; correct or",
    ):
        net.predict(X)
    net.predict(X, n_threads=1)


def inner_limit() -> int:
    return threads.thread_limit()


def test_workers_of_joblib_share_the_machine() -> None:
    with joblib.parallel_config("loky", n_jobs=2, inner_max_num_threads=1):
        limits = joblib.Parallel()(joblib.delayed(inner_limit)() for _ in range(2))
    assert limits == [1, 1]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs CPU affinity")
def test_affinity_is_honoured() -> None:
    code = (
        "import os, numpy as np, eigenmlp as em;"
        "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
        "net = em.Network([200, 500, 10], rng=0); net.predict(np.zeros((5000, 200)));"
        "print(len(os.listdir('/proc/self/task')))"
    )
    alone = subprocess.run(
        [sys.executable, "-c", code.replace("net.predict", "str")],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    result = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert int(result.stdout) == int(alone.stdout)


def ends_well(pid: int) -> bool:
    """Wait for a child, which must neither hang nor crash."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.01)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    pytest.fail("the child hangs")


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("busy", [0, 3])
def test_a_child_after_fork_trains_with_threads_of_its_own(busy: int) -> None:
    """Also where it was forked while other threads trained their networks."""
    expected = trained()
    done = threading.Event()

    def keep_training() -> None:
        while not done.is_set():
            trained(3)

    others = [threading.Thread(target=keep_training) for _ in range(busy)]
    for other in others:
        other.start()
    try:
        for _ in range(10 if busy else 1):
            pid = os.fork()
            if pid == 0:
                os._exit(0 if trained() == expected and trained(3) == expected else 1)
            assert ends_well(pid)
    finally:
        done.set()
        for other in others:
            other.join()
    assert trained() == expected


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_pool_of_forked_processes_trains() -> None:
    expected = trained(3)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map_async(trained, [1, 2, 3, 5]).get(timeout=60) == [expected] * 4


def test_several_python_threads_train_several_networks() -> None:
    expected = trained()
    results: list[bytes] = []
    callers = [
        threading.Thread(target=lambda n=n: results.append(trained(n))) for n in (1, 2, 3, 2, 5, 2)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert results == [expected] * len(callers)


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs /proc")
def test_threads_are_kept_for_the_next_call() -> None:
    trained(4)
    before = threads_of_this_process()
    for _ in range(5):
        trained(4)
    assert threads_of_this_process() == before


def test_nothing_is_busy_while_nothing_trains() -> None:
    trained(4)
    time.sleep(0.05)
    before = time.process_time()
    time.sleep(0.5)
    # Far less than the half second that one spinning thread would take.
    assert time.process_time() - before < 0.1


def ends(code: str) -> None:
    """Run code in an interpreter of its own, which has to end well."""
    result = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60
    )
    assert (result.returncode, result.stderr) == (0, "")


TRAINING = """
import threading, time, numpy as np, eigenmlp as em
net = em.Network([50, 200, 5], rng=0)
X, y = np.zeros((2000, 50)), np.zeros(2000, int)
options = {"epochs": 10**6, "n_threads": 2}
threading.Thread(target=em.train, args=(net, X, y), kwargs=options, daemon=True).start()
time.sleep(0.5)
"""


def test_the_interpreter_ends_while_a_thread_trains() -> None:
    ends(TRAINING)


def test_a_handler_at_exit_may_use_the_network_that_trains() -> None:
    ends("import atexit\natexit.register(lambda: net.get_flat_parameters())\n" + TRAINING)


def test_a_library_that_joins_its_own_thread_at_exit() -> None:
    ends("""
import atexit, queue, threading, numpy as np
tasks = queue.Queue()
def work():
    net = em.Network([50, 200, 5], rng=0)
    while (x := tasks.get()) is not None: net.predict(x, n_threads=1)
thread = threading.Thread(target=work, daemon=True)
def stop():
    tasks.put(None)
    thread.join()
atexit.register(stop)
import eigenmlp as em
thread.start()
for _ in range(50): tasks.put(np.zeros((20000, 50)))
""")
