"""Programs that open sockets on all interfaces, run where there is but the loopback interface."""

from __future__ import annotations

import functools
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

_ALONE = ["unshare", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"]), "--net"]
_SHELL = ["sh", "-c", 'ip link set lo up && exec "$@"', "sh"]


def alone(command: Sequence[str]) -> list[str]:
    """Return a command that runs another one in a network namespace of its own.

    Skips the test where there can't be one.
    """
    refused = _refusal()
    if refused:
        pytest.skip(f"no network namespace to run {command[0]} in: {refused}")
    return [*_ALONE, *_SHELL, *command]


@functools.cache
def _refusal() -> str:
    try:
        subprocess.run(
            [*_ALONE, *_SHELL, "true"], check=True, capture_output=True, text=True, timeout=20
        )
    except (OSError, subprocess.SubprocessError) as error:
        return f"{error} {getattr(error, 'stderr', '')}"
    return ""
