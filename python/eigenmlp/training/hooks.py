"""Callbacks in a training run: checked, its own while it lasts, each begun and ended once."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from eigenmlp.callbacks import Callback, Checkpoint
from eigenmlp.common.words import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from eigenmlp.training.run import Run

__all__ = ["ask", "called", "checked", "claimed"]

# The callbacks in use, by their identities, of each run in the order of their beginnings. Not kept
# in the callbacks, for they may be frozen, and a copy of one isn't in use.
_runs: dict[object, dict[int, Callback]] = {}
# The threads of the other runs are not in the child.
os.register_at_fork(after_in_child=_runs.clear)


def checked(callbacks: Sequence[Callback]) -> list[Callback]:
    """Return callbacks as a list.

    Raises
    ------
    TypeError
        If it is none, or holds anything else.
    """
    if isinstance(callbacks, Callback):
        raise TypeError(f"callbacks={shown(callbacks)} is a single one; pass a list of it")
    if not isinstance(callbacks, Iterable):
        raise TypeError(f"callbacks={shown(callbacks)} is not a list; pass a list, [] for none")
    hooks = list(callbacks)
    for hook in hooks:
        if not isinstance(hook, Callback):
            raise TypeError(f"callbacks holds {shown(hook)}, which is not a Callback object")
    return hooks


@contextlib.contextmanager
def claimed(hooks: Sequence[Callback]) -> Iterator[None]:
    """Keep callbacks for one run: two at once would mix what they remember.

    Raises
    ------
    RuntimeError
        If one is another run's at present.
    """
    run, ours = object(), {id(hook): hook for hook in hooks}
    try:
        # In one step and without a lock, which a signal's handler might wait for.
        _runs[run] = ours
        for other, theirs in list(_runs.items()):
            if other is run:
                break
            if shared := [hook for key, hook in ours.items() if key in theirs]:
                raise RuntimeError(
                    f"{shown(shared[0])} is in use by a training run already; give each run "
                    "one of its own: in a search that fits in several threads, or in a callback "
                    "that trains"
                )
        yield
    finally:
        # In one step too: Ctrl-C leaves no callback claimed.
        _runs.pop(run, None)


@contextlib.contextmanager
def called(run: Run) -> Iterator[None]:
    """Begin the hooks, and end each that began in exactly one way.

    Checkpoints begin first: a run that they refuse shall not empty the others' files.
    """
    begun: list[Callback] = []
    try:
        for hook in run.hooks:
            if isinstance(hook, Checkpoint):
                hook.on_train_begin(run.state)
                begun.append(hook)
        remembered = run.resume()
        for hook in run.hooks:
            if not isinstance(hook, Checkpoint):
                hook.on_train_begin(run.state)
                begun.append(hook)
        run.remind(remembered)
        yield
        while begun:
            begun.pop(0).on_train_end(run.state)
    except BaseException as error:
        for hook in begun:
            try:
                hook.on_train_error(run.state, error)
            except Exception as another:  # noqa: BLE001  the first is the one to tell
                error.add_note(f"{hook!r}.on_train_error raised {another!r}")
        raise


def ask(run: Run) -> None:
    """Show an epoch to the hooks; one that answers True stops training."""
    for hook in run.hooks:
        answer = hook.on_epoch_end(run.state)
        if answer is not None and not isinstance(answer, (bool, np.bool_)):
            raise TypeError(
                f"{type(hook).__name__}.on_epoch_end returned {shown(answer)}; return True to "
                "stop, False or None to go on"
            )
        if answer:
            run.stop(hook)
