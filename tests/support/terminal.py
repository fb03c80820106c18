"""Scripts run on a terminal of their own, and what its screen shows of them."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pyte

__all__ = ["Shown", "run_on_terminal"]

_LINES = 48


@dataclass(frozen=True)
class Shown:
    """How a script ended: its exit status, all that it wrote, and the screen at the end."""

    status: int
    written: str
    screen: pyte.Screen

    @property
    def lines(self) -> list[str]:
        """Lines of the screen, without the empty ones."""
        return [line.rstrip() for line in self.screen.display if line.strip()]

    @property
    def cursor_hidden(self) -> bool:
        return bool(self.screen.cursor.hidden)


def run_on_terminal(
    script: str,
    *,
    columns: int = 80,
    environment: Mapping[str, str] | None = None,
    closed: tuple[int, ...] = (),
    watch: Callable[["subprocess.Popen[bytes]", str], None] | None = None,
) -> Shown:
    """Run Python code whose standard streams are a terminal of that width.

    File descriptors in `closed` are closed from the start. `watch` is called with the process and
    all that it wrote, whenever it has written more.
    """
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", _LINES, columns, 0, 0))

    def prepare() -> None:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that Ctrl-C reaches it
        for descriptor in closed:
            os.close(descriptor)

    unwanted = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE")
    inherited = {name: value for name, value in os.environ.items() if name not in unwanted}
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env={**inherited, "TERM": "xterm-256color", **(environment or {})},
        preexec_fn=prepare,  # noqa: PLW1509  no other thread of ours forks
    )
    os.close(follower)
    screen = pyte.Screen(columns, _LINES)
    stream = pyte.ByteStream(screen)
    written = b""
    try:
        while data := _read(leader):
            written += data
            stream.feed(data)
            if watch is not None:
                watch(process, written.decode(errors="replace"))
        status = process.wait(timeout=60)
    finally:
        process.kill()
        process.wait()
        os.close(leader)
    return Shown(status, written.decode(errors="replace"), screen)


def _read(leader: int) -> bytes:
    try:
        return os.read(leader, 65536)
    except OSError:  # Linux's way to say that the last process has left the terminal
        return b""
