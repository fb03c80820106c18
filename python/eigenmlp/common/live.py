"""What shows progress while work goes on: on a terminal, or in the cell of a notebook."""

import contextlib
import contextvars
import errno
import io
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, Protocol

from rich.console import Console, Group, RenderableType
from rich.errors import LiveError
from rich.file_proxy import FileProxy
from rich.jupyter import JUPYTER_HTML_FORMAT
from rich.live import Live

__all__ = ["LiveDisplay", "progress_console"]

_CELL_COLUMNS = 80  # as many as every frontend shows without a scroll bar


class LiveDisplay:
    """Shows what `render` returns, again and again, from `start` to `stop`; the last stays.

    On a terminal it is drawn by rich; displays that are shown at once, in other threads or inside
    one another, stand one below the other, and lines printed meanwhile appear above them. In a
    notebook it is one output of the cell, replaced as a whole: no widgets are needed, and an
    exported notebook has the last one. Anywhere else nothing is shown.

    What is shown matters less than the work that it is about. Where it can't be drawn, as on a
    terminal that has gone, the display ends and the work goes on.

    Parameters
    ----------
    render : callable
        Returns what to draw; is called in a thread of the display's, too.
    console : rich.console.Console
        Where to draw, from `progress_console` or the user's own.
    per_second : float, default=4
        How often to draw.
    redirect : bool, default=False
        Whether what is printed to a standard stream appears above the display on a terminal.
    """

    def __init__(
        self,
        render: Callable[[], RenderableType],
        console: Console,
        *,
        per_second: float = 4,
        redirect: bool = False,
    ) -> None:
        self.render = render
        self._console = console
        self._interval = 1 / per_second
        self._redirect = redirect
        self._place: _Place | None = None
        self._over = threading.Event()
        self._drawing = threading.RLock()  # once over, a thread that is late draws no more

    def start(self) -> bool:
        """Begin to draw; return whether anything is shown."""
        with _terminals.lock:  # the last display of a terminal must not end in between
            place = _place_for(self._console, redirect=self._redirect)
            if place is None:
                return False
            try:
                place.begin(self)
            except _BROKEN:
                _quietly(place.end, self)
                return False
            except BaseException:  # Ctrl-C must not leave a terminal without its cursor
                _quietly(place.end, self)
                raise
        self._place = place
        # The context has the cell that the output belongs to.
        context = contextvars.copy_context()
        with contextlib.suppress(RuntimeError):  # no further thread: only begin and end are drawn
            threading.Thread(target=context.run, args=(self._repeat,), daemon=True).start()
        return True

    def stop(self) -> None:
        """Draw once more, and leave that."""
        self._over.set()
        with self._drawing:
            place, self._place = self._place, None
            if place is not None:
                _quietly(place.end, self)

    def _repeat(self) -> None:
        while not self._over.wait(self._interval):
            with self._drawing:
                if self._place is None or not _quietly(self._place.draw, self):
                    return


def progress_console(*, stderr: bool) -> Console:
    """Return a console on a standard stream, which knows every kind of notebook."""
    in_kernel = _in_kernel()
    known_width = "JUPYTER_COLUMNS" in os.environ
    return _ProgressConsole(
        stderr=stderr,
        highlight=False,
        force_jupyter=in_kernel or None,
        width=_CELL_COLUMNS if in_kernel and not known_width else None,
    )


class _ProgressConsole(Console):
    def on_broken_pipe(self) -> None:
        """Raise, where rich would end the process and lose what is printed later."""
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def _in_kernel() -> bool:
    """Whether this process is the kernel of a notebook, whichever application shows that.

    Kernels differ in the class of their shell (Jupyter's, Colab's, xeus's, JupyterLite's), but
    all of them have it know its kernel. IPython in a terminal has none.
    """
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None) is not None


class _Place(Protocol):
    """Where displays are drawn."""

    def begin(self, display: LiveDisplay) -> None: ...
    def draw(self, display: LiveDisplay) -> None: ...
    def end(self, display: LiveDisplay) -> None: ...


class _Cell:
    """An output of a notebook's cell."""

    def __init__(self, handle: Any, width: int) -> None:
        self._handle = handle
        self._width = width
        self._shown: dict[str, str] = {}

    def begin(self, display: LiveDisplay) -> None:
        self._shown = self._picture(display)
        self._handle.display(self._shown, raw=True)

    def draw(self, display: LiveDisplay) -> None:
        picture = self._picture(display)
        if picture != self._shown:
            self._shown = picture
            self._handle.update(picture, raw=True)

    end = draw

    def _picture(self, display: LiveDisplay) -> dict[str, str]:
        """Return HTML, and text for all that shows none.

        Without a colour system the rest of a bar is left empty: it can be told without colours.
        """
        paper = Console(
            file=io.StringIO(),
            record=True,
            color_system=None,
            force_jupyter=False,
            width=self._width,
        )
        paper.print(display.render())
        html = paper.export_html(inline_styles=True, code_format=JUPYTER_HTML_FORMAT, clear=False)
        return {"text/plain": paper.export_text(), "text/html": html}


class _Terminal:
    """A terminal and the displays that share it."""

    def __init__(self, console: Console, *, redirect: bool) -> None:
        self._console = console
        self._displays: tuple[LiveDisplay, ...] = ()
        self._live = Live(
            console=console,
            auto_refresh=False,
            get_renderable=self._all,
            # A redirected stream must keep what is printed to it.
            redirect_stdout=redirect and _is_terminal(sys.stdout),
            redirect_stderr=redirect and _is_terminal(sys.stderr),
        )

    def begin(self, display: LiveDisplay) -> None:
        self._displays = (*self._displays, display)
        self._live.start()
        self._live.refresh()

    def draw(self, display: LiveDisplay) -> None:  # noqa: ARG002  all are drawn together
        self._live.refresh()

    def end(self, display: LiveDisplay) -> None:
        with _terminals.lock:
            others = tuple(other for other in self._displays if other is not display)
            if others:
                self._displays = others
                self._console.print(display.render())  # above those that go on
                return
            _terminals.forget(self)
            try:
                self._flush()
                self._live.stop()
            except BaseException:  # in the midst of it the cursor may not be back yet
                _quietly(self._console.show_cursor)
                raise

    def _all(self) -> RenderableType:
        return Group(*(display.render() for display in self._displays))

    def _flush(self) -> None:
        """Print what was begun on a redirected stream without ending its line."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, FileProxy):
                stream.flush()


class _Terminals:
    """The terminals in use, by the stream that they are written to."""

    def __init__(self, *, forked: bool = False) -> None:
        # Held while a display begins or ends; a signal's handler may show one of its own.
        self.lock = threading.RLock()
        self.forked = forked
        self._by_stream: dict[int, _Terminal] = {}

    def on(self, console: Console, *, redirect: bool) -> _Terminal:
        key = id(console.file)
        if key not in self._by_stream:
            self._by_stream[key] = _Terminal(console, redirect=redirect)
        return self._by_stream[key]

    def forget(self, terminal: _Terminal) -> None:
        self._by_stream = {
            key: other for key, other in self._by_stream.items() if other is not terminal
        }

    def after_fork(self) -> None:
        """Leave the parent's displays to the parent: no thread of this process draws them."""
        self.__init__(forked=True)  # type: ignore[misc]
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if isinstance(stream, FileProxy):
                setattr(sys, name, stream.rich_proxied_file)


_terminals = _Terminals()
os.register_at_fork(after_in_child=_terminals.after_fork)

# The stream is closed or gone, can't take these characters, or is another display's.
_BROKEN = (OSError, ValueError, LiveError)


def _place_for(console: Console, *, redirect: bool) -> _Place | None:
    if console.is_jupyter:
        ipython = sys.modules.get("IPython")
        if ipython is None or ipython.get_ipython() is None or _terminals.forked:
            return None  # a child after fork is not heard by the kernel's clients
        return _Cell(ipython.display.DisplayHandle(), console.width)
    return _terminals.on(console, redirect=redirect) if console.is_terminal else None


def _is_terminal(stream: Any) -> bool:
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):  # there is none, or it is closed
        return False


def _quietly(call: Callable[..., object], *arguments: object) -> bool:
    """Draw, and return whether that was possible."""
    try:
        call(*arguments)
    except _BROKEN:
        return False
    return True
