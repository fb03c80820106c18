"""Ctrl-C at any moment, and handlers of other signals: the network stays usable."""

from __future__ import annotations

import contextlib
import dis
import functools
import itertools
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import eigenmlp as em
from core_signals import InTheCore, ctrl_c
from eigenmlp._native import _core
from places import SUPPORT

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType

RNG = np.random.default_rng(0)
X = RNG.standard_normal((30, 6))
Y = RNG.integers(0, 3, 30)
PACKAGE = str(Path(em.__file__).parent)

# After these the interpreter looks for signals, and runs their handlers.
LOOKS_FOR_SIGNALS = {"RESUME", "CALL", "CALL_KW", "CALL_FUNCTION_EX", "JUMP_BACKWARD", "SEND"}


@functools.cache
def interruptible(code: CodeType) -> frozenset[int]:
    """Offsets of the instructions before which Ctrl-C may come."""
    names = [(i.offset, i.opname) for i in dis.get_instructions(code)]
    return frozenset(
        offset for (_, name), (offset, _) in itertools.pairwise(names) if name in LOOKS_FOR_SIGNALS
    )


class CtrlC:
    """Raises KeyboardInterrupt at the n-th moment of our Python code where it may come."""

    def __init__(self, n: int) -> None:
        self.left = n
        self.where = ""

    def __call__(self, frame: FrameType, event: str, arg: Any) -> Any:
        # contextlib runs our context managers.
        if not frame.f_code.co_filename.startswith((PACKAGE, contextlib.__file__)):
            return None
        # Python 3.13 looks for opcodes in frames that have their trace function already.
        frame.f_trace = self.at
        frame.f_trace_opcodes = True
        return self.at

    def at(self, frame: FrameType, event: str, arg: Any) -> Any:
        if event != "opcode" or frame.f_lasti not in interruptible(frame.f_code):
            return self.at
        self.left -= 1
        if self.left:
            return self.at
        self.where = f"{frame.f_code.co_qualname}, line {frame.f_lineno}"
        sys.settrace(None)
        raise KeyboardInterrupt


def train(net: em.Network, _: Path) -> object:
    return em.train(
        net, X, Y, epochs=2, validation_data=(X, Y), rng=0,
        callbacks=[em.callbacks.EarlyStopping(patience=9)],
    )  # fmt: skip


INTERRUPTED: dict[str, Callable[[em.Network, Path], object]] = {
    "train": train,
    "predict": lambda net, _: net.predict(X, n_threads=1),
    "evaluate": lambda net, _: net.evaluate(X, Y, n_threads=1),
    "save": lambda net, path: net.save(path),
    "load": lambda _, path: em.load_network(path),
}


@pytest.mark.skipif(sys.gettrace() is not None, reason="needs the trace function")
# A file that Ctrl-C kept from its `with` is closed by the garbage collector, which warns.
@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning",
    "ignore::ResourceWarning",
)
@pytest.mark.parametrize("name", INTERRUPTED)
def test_ctrl_c_wherever_it_may_come(name: str, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    em.Network([6, 5, 3], rng=0).save(path)
    # Python 3.12 shows opcodes only where a frame wanted them before the function was set.
    sys._getframe().f_trace_opcodes = True
    for n in itertools.count(1):
        net = em.Network([6, 5, 3], rng=0)
        interrupt = CtrlC(n)
        sys.settrace(interrupt)
        try:
            INTERRUPTED[name](net, path)
        except KeyboardInterrupt:
            sys.settrace(None)
            # Here, where the error still holds all frames, as an interactive session does.
            assert _core.sharing_threads() == 0, interrupt.where
            em.train(net, X, Y, epochs=1, n_threads=1, rng=0)
            assert list(tmp_path.iterdir()) == [path], interrupt.where
            assert em.load_network(path).layer_sizes == (6, 5, 3)
        else:
            break
        finally:
            sys.settrace(None)
    assert not interrupt.where
    assert n > 10


SLOW = """
import os, signal, sys, threading, time
import numpy as np
import eigenmlp as em

net = em.Network([50, 600, 600, 5], rng=0)
X, y = np.zeros((40000, 50), np.float32), np.zeros(40000, int)
calls = {
    "train": lambda: em.train(net, X, y, epochs=1000, n_threads=2),
    "predict": lambda: [net.predict(X, n_threads=2) for _ in range(1000)],
    "evaluate": lambda: [net.evaluate(X, y, n_threads=2) for _ in range(1000)],
    "save": lambda: [net.save(sys.argv[2]) for _ in range(10**6)],
}
"""

RANDOM_CTRL_C = (
    SLOW
    + """
rng = np.random.default_rng(0)
for _ in range(8):
    pause, main = rng.uniform(0, 0.1), threading.main_thread().ident
    try:
        threading.Timer(pause, signal.pthread_kill, (main, signal.SIGINT)).start()
        calls[sys.argv[1]]()
    except KeyboardInterrupt:
        assert np.isfinite(net.get_flat_parameters()).all()
        em.train(net, X[:100], y[:100], epochs=1)
        net.predict(X[:100])
        net.save(sys.argv[2])
        em.load_network(sys.argv[2])
assert os.listdir(os.path.dirname(sys.argv[2])) == [os.path.basename(sys.argv[2])]
"""
)


def run(code: str, *arguments: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        check=False, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs POSIX signals")
@pytest.mark.parametrize("name", ["train", "predict", "evaluate", "save"])
def test_ctrl_c_in_the_middle_of_the_core(name: str, tmp_path: Path) -> None:
    run(RANDOM_CTRL_C, name, str(tmp_path / "model.safetensors"))


HANDLER = (
    SLOW
    + f"sys.path.append({str(SUPPORT)!r})"
    + """
from core_signals import InTheCore
uses = {
    "read": net.get_flat_parameters,
    "predict": lambda: net.predict(X[:9]),
    "write": lambda: net.set_flat_parameters(np.zeros(net.n_parameters, np.float32)),
    "train": lambda: em.train(net, X[:9], y[:9], epochs=1),
}
class Done(Exception): pass
def handler():
    try:
        uses[sys.argv[2]]()
    except RuntimeError as error:
        print(error)
    raise Done
# One call, in whose middle the signal comes.
many = np.broadcast_to(X[:1], (10**6, 50))
try:
    with InTheCore(handler):
        if sys.argv[1] == "train": em.train(net, many, np.zeros(10**6, int), epochs=1, n_threads=1)
        else: net.predict(many, n_threads=1)
except Done:
    net.predict(X[:1])
    net.get_flat_parameters()
    print("usable")
"""
)


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="needs POSIX signals")
@pytest.mark.parametrize(
    ("call", "use", "message"),
    [
        ("train", "read", "a signal handler can't use the network whose training"),
        ("train", "predict", "raise an exception in the handler, as Ctrl-C does"),
        ("train", "train", "this network is being trained already"),
        ("predict", "write", "a signal handler can't use the network whose training"),
        ("predict", "train", "a signal handler can't use the network whose training"),
        ("predict", "read", ""),
        ("predict", "predict", ""),
    ],
)
def test_a_signal_handler_never_waits_for_its_own_thread(call: str, use: str, message: str) -> None:
    output = run(HANDLER, call, use)
    assert output.endswith("usable\n")
    assert message in output
    assert bool(message) == (output != "usable\n")


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs POSIX signals")
def test_ctrl_c_while_rows_are_checked() -> None:
    net = em.Network([4, 2], rng=0)
    # Without memory: one row, again and again, for more than a minute of checking.
    rows = np.broadcast_to(np.zeros((1, 4)), (2 * 10**10, 4))
    with InTheCore(ctrl_c) as signals, pytest.raises(KeyboardInterrupt):
        net._check_rows(rows)
    assert signals.moments_since == 0
    net.predict(rows[:3])


@pytest.mark.parametrize("rule", [em.optimizers.Adam, em.optimizers.SGD])
def test_training_on_after_ctrl_c_is_as_if_the_epoch_had_ended_there(rule: Any) -> None:
    """The optimizer's clock counts the finished batches: of corrections, masks and schedules."""
    n_samples, batch_size = 400_000, 64
    rows = np.broadcast_to(RNG.normal(size=600).astype(np.float32), (n_samples, 600))
    labels = np.zeros(n_samples, dtype=np.int64)
    nets = [em.Network([600, 800, 800, 10], dropout=0.5, rng=0) for _ in range(2)]
    optimizers = [rule(), rule()]
    with InTheCore(ctrl_c), pytest.raises(KeyboardInterrupt):
        em.train(
            nets[0], rows, labels, optimizer=optimizers[0], batch_size=batch_size, epochs=1,
            shuffle=False, n_threads=1,
        )  # fmt: skip
    n_batches = optimizers[0].state_dict(nets[0])["clock"]
    assert 0 < n_batches < n_samples // batch_size
    kept = n_batches * batch_size
    em.train(
        nets[1], rows[:kept], labels[:kept], optimizer=optimizers[1], batch_size=batch_size,
        epochs=1, shuffle=False,
    )  # fmt: skip
    for net, optimizer in zip(nets, optimizers, strict=True):
        em.train(
            net, rows[:200], labels[:200], optimizer=optimizer, batch_size=batch_size, epochs=2,
            rng=1,
        )  # fmt: skip
    assert np.array_equal(nets[0].get_flat_parameters(), nets[1].get_flat_parameters())


def test_ctrl_c_stops_a_prediction() -> None:
    # Rows that lie as the core reads them: it would copy them before it looked for signals.
    rows = np.broadcast_to(np.ones(600, np.float32), (2_000_000, 600))
    net = em.Network([600, 800, 800, 10], rng=0)
    with InTheCore(ctrl_c) as signals, pytest.raises(KeyboardInterrupt):
        net.predict(rows)
    assert signals.moments_since == 0
