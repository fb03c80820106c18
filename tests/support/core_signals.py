"""Signals in the middle of a call of the core, whenever that is: by events, not by the clock."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, TracebackType


class InTheCore:
    """Calls `act` in the main thread, by a handler, while it is in a long call of the core.

    SIGUSR1 is sent again and again, each after the one before was handled. The core looks for
    signals from time to time; there, the Python code doesn't move on between them. So after some
    at one place, work of the core lies between two of them.

    Attributes
    ----------
    moments_since : int
        How often that same call has looked for signals after `act`.
    """

    AT_ONE_PLACE = 4

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act
        self._handled = threading.Event()
        self._left = threading.Event()
        self._sender = threading.Thread(target=self._send, daemon=True)
        self._place: tuple[int, int] | None = None
        self._times_there = 0
        self._acted = False
        self.moments_since = 0

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGUSR1, self._handle)
        self._sender.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._left.set()
        self._handled.set()
        self._sender.join()
        signal.signal(signal.SIGUSR1, self._before)

    def _send(self) -> None:
        while not self._left.is_set():
            os.kill(os.getpid(), signal.SIGUSR1)
            self._handled.wait()
            self._handled.clear()

    def _handle(self, _: int, frame: FrameType | None) -> None:
        if self._left.is_set() or frame is None:
            return
        place = (id(frame), frame.f_lasti)
        self.moments_since += self._acted and place == self._place
        ours = f"{os.sep}eigenmlp{os.sep}" in frame.f_code.co_filename
        self._times_there = self._times_there + 1 if ours and place == self._place else 0
        self._place = place
        try:
            if self._times_there == self.AT_ONE_PLACE:
                self._acted = True
                self._act()
        finally:
            self._handled.set()


def ctrl_c() -> None:
    """Send what Ctrl-C does, whose handler raises at once."""
    signal.raise_signal(signal.SIGINT)
