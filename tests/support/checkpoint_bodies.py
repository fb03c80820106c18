"""What stands in a checkpoint behind its checksum, for those that make one up."""

from __future__ import annotations

import functools
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import safetensors.numpy

from eigenmlp.files import checkpoints
from resumable_run import broken_off, stopping

if TYPE_CHECKING:
    from eigenmlp.files.checkpoints import Snapshot


@functools.cache
def snapshot() -> Snapshot:
    with tempfile.TemporaryDirectory() as name:
        broken_off(Path(name), stopping(), after=3)
        found, _ = checkpoints.newest(Path(name))
    assert found is not None
    return found


def body_of(record: Any, arrays: dict[str, Any]) -> bytes:
    return json.dumps(record).encode() + b"\n" + safetensors.numpy.save(arrays)
