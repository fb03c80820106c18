"""What a result was measured on: processor, memory, versions, commit."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent


def available_cpus() -> list[int]:
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def cpus_for(threads: int) -> list[int]:
    """As many CPUs as threads, no two on one core while there are cores left."""
    cpus = available_cpus()
    if threads > len(cpus):
        raise SystemExit(
            f"{threads} threads are asked for, but this process may use {len(cpus)} CPUs; lower "
            "--threads, or widen its CPU affinity"
        )
    firsts: list[int] = []
    siblings: list[int] = []
    seen: set[str] = set()
    for cpu in cpus:
        topology = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        core = topology.read_text() if topology.exists() else str(cpu)
        (siblings if core in seen else firsts).append(cpu)
        seen.add(core)
    return (firsts + siblings)[:threads]


def parse_threads(text: str) -> list[int]:
    counts = [int(count) if count.isdecimal() else 0 for count in text.split(",")]
    if 0 in counts:
        raise SystemExit(f"--threads={text!r} is not a list of whole numbers such as 1,2")
    for count in counts:
        cpus_for(count)
    return counts


def facts() -> dict[str, Any]:
    return {
        "processor": _processor(),
        "cores": _n_cores(),
        "cpus": len(available_cpus()),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "caches": _caches(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "commit": _commit(),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "load_average": os.getloadavg()[0],
    }


def headline(machine: dict[str, Any]) -> str:
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']:.0f} GiB, "
        f"commit {machine['commit']}"
    )


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _n_cores() -> int:
    pattern = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
    paths = [Path(pattern.format(cpu)) for cpu in available_cpus()]
    if not all(path.exists() for path in paths):
        return len(paths)
    return len({path.read_text() for path in paths})


def _caches() -> dict[str, str]:
    caches = {}
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = (
            (index / name).read_text().strip() for name in ("level", "type", "size")
        )
        if kind != "Instruction":
            caches[f"L{level}"] = size
    return caches


def _commit() -> str:
    def git(*arguments: str) -> str:
        done = subprocess.run(  # noqa: S603  what it runs is written here
            ["git", "-C", str(REPOSITORY), *arguments],  # noqa: S607  wherever it is installed
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "--short=12", "HEAD") + (" with changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
