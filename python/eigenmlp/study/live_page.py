"""The report while the study still runs: written as soon as there is something to see."""

import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from eigenmlp.sweeps.results import Outcome

__all__ = ["LivePage"]

_FIRST_AFTER_SECONDS = 10.0  # a study that ends sooner needs no page before its end
_REST = 5.0  # after each writing, so many times as long as it took


class LivePage:
    """Writes a page anew while runs end, in a thread of its own, so that no run waits for it.

    Parameters
    ----------
    write : callable
        Writes what is known of the runs that have ended.
    begins : callable
        Whether these runs are worth a page.
    """

    def __init__(
        self,
        write: Callable[[Sequence[Outcome]], object],
        begins: Callable[[Sequence[Outcome]], bool],
    ) -> None:
        self._write = write
        self._begins = begins
        self._outcomes: list[Outcome] = []
        self._changed = threading.Condition()
        self._closing = False
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()
        if self._error is not None and error is None:
            raise self._error

    def ended(self, outcome: Outcome) -> None:
        """Tell of a run."""
        with self._changed:
            self._outcomes.append(outcome)
            self._changed.notify()

    def _run(self) -> None:
        rests_until = time.monotonic() + _FIRST_AFTER_SECONDS
        shown = 0
        while True:
            with self._changed:
                while not self._closing and (
                    len(self._outcomes) == shown
                    or not self._begins(self._outcomes)
                    or time.monotonic() < rests_until
                ):
                    rest = max(0.0, rests_until - time.monotonic())
                    self._changed.wait(rest or None)
                if self._closing:
                    return
                outcomes = [*self._outcomes]
            shown = len(outcomes)
            began = time.monotonic()
            try:
                self._write(outcomes)
            except Exception as error:  # noqa: BLE001  raised where the study ends
                self._error = error
                return
            rests_until = time.monotonic() + _REST * (time.monotonic() - began)
