"""Files that are never seen half written."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import secrets
import stat
from pathlib import Path

__all__ = ["mode_of", "sweep", "sync", "write_atomically"]

# Of one length, whatever the file is called: names end at 255 bytes.
_TEMPORARY = re.compile(r"\.eigenmlp-[0-9a-f]{16}\.part")
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}


def write_atomically(path: str | os.PathLike[str], content: bytes, *, follow: bool = True) -> None:
    """Write a file so that the path holds, at every moment, the old content or the new, whole.

    When it returns, the new content is on the disk: a power cut doesn't take it back. A process
    that is killed leaves nothing but, at the very end or where files must have names, a temporary
    file, which the next one to write in the folder removes.

    Parameters
    ----------
    path : path-like
        File to write.
    content : bytes
        What to write.
    follow : bool, default=True
        Whether a link keeps pointing where it does, and what it points to is replaced; else a link
        is refused as what is not a file.

    Raises
    ------
    OSError
        If the folder can't be written to, or the path is a folder, a device or a pipe, or links
        that lead in a circle; what was there is then as it was.
    """
    target = Path(os.path.realpath(path) if follow else path)
    before = mode_of(target)
    if follow and before is not None and stat.S_ISLNK(before):
        raise OSError(errno.ELOOP, "links lead in a circle; choose another path", os.fspath(path))
    if before is not None and not stat.S_ISREG(before):
        raise OSError(f"{path} exists and is not a regular file; choose another path")
    sweep(target.parent)
    try:
        _replace(target, content, before)
    except OSError as error:
        if error.filename is None:
            raise
        # The temporary file's name would tell nothing.
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error


def mode_of(path: Path) -> int | None:
    """Tell what stands at a path, a link for itself; None for nothing."""
    try:
        return path.lstat().st_mode
    except FileNotFoundError:
        return None


def sweep(folder: Path) -> None:
    """Remove from a folder what processes that have died were writing there.

    Whoever writes holds a lock of the temporary file, which dies with the process.
    """
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _TEMPORARY.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                _remove_unless_locked(entry.path)


def sync(path: Path) -> None:
    """Ask the disk to keep a file, or a folder's list of files, which is kept for itself."""
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _replace(target: Path, content: bytes, before: int | None, *, hide: bool = True) -> None:
    temporary = target.with_name(f".eigenmlp-{secrets.token_hex(8)}.part")
    nameless = _nameless(target.parent) if hide else None
    try:
        descriptor = _named(temporary) if nameless is None else nameless
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            if before is not None:
                os.fchmod(descriptor, stat.S_IMODE(before))
            os.fsync(descriptor)
            if nameless is not None and not _gets_name(descriptor, temporary):
                _replace(target, content, before, hide=False)
                return
            # Not unlocked before it has its name.
            temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync(target.parent)


def _gets_name(descriptor: int, path: Path) -> bool:
    """Name a file that has none; False where the system forbids it."""
    try:
        # Without src_dir_fd Python doesn't follow the link of /proc to the file.
        link = f"/proc/self/fd/{descriptor}"
        os.link(link, path, src_dir_fd=descriptor, follow_symlinks=True)
    except OSError:
        return False
    return True


def _nameless(folder: Path) -> int | None:
    """Open a file that has no name yet and so vanishes with the process, where there are such."""
    flag = getattr(os, "O_TMPFILE", None)
    if flag is None or not Path("/proc/self/fd").is_dir():
        return None
    try:
        descriptor = os.open(folder, flag | os.O_RDWR, 0o666)
    except OSError:
        return None  # of this file system, or it can't be written to: then a named one tells
    _lock(descriptor)
    return descriptor


def _named(path: Path) -> int:
    """Open a new file that other processes know to be in use."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        _lock(descriptor)
        if os.fstat(descriptor).st_nlink:
            return descriptor
        # Another process took it for that of a dead one, before it was locked.
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        # Without locks nobody removes it, either.
        if error.errno not in _NO_LOCKS:
            raise


def _remove_unless_locked(path: str) -> None:
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(path)  # noqa: PTH108  as it was listed
        finally:
            os.close(descriptor)
