"""Files that are never seen half written."""

import os
import secrets
from pathlib import Path

__all__ = ["sync", "write_atomically"]


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file so that the path holds, at every moment, the old content or the new, whole.

    When it returns, the new content is on the disk: a power cut doesn't take it back.

    Raises
    ------
    OSError
        If the folder can't be written to, or the path is a folder, a device or a pipe; what was
        there is then as it was.
    """
    # A link keeps pointing where it does: what it points to is replaced.
    target = Path(path).resolve()
    if target.exists() and not target.is_file():
        raise OSError(f"{path} exists and is not a regular file; choose another path")
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            temporary.chmod(target.stat().st_mode)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync(target.parent)


def sync(path: Path) -> None:
    """Ask the disk to keep a file, or a folder's list of files, which a file's own sync leaves out.

    Windows syncs no folders.
    """
    if os.name == "nt" and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
