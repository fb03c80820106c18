"""The C++ programs beside this file: compiled for an instruction set when they are wanted."""

from __future__ import annotations

import importlib
import importlib.util
import shutil
import subprocess
import sysconfig
from collections import defaultdict
from pathlib import Path

from machine import REPOSITORY

_FOLDER = Path(__file__).resolve().parent
_CORE = REPOSITORY / "cpp" / "core"

# As in the top CMakeLists.txt.
_COMMON = ("-O3", "-DNDEBUG", "-std=c++20", "-pthread")
_CORE_FLAGS = (
    "-ffp-contract=off",
    "-DEIGEN_FAST_MATH=0",
    "-DEIGEN_MPL2_ONLY",
    "-Wno-ignored-attributes",
)


def levels() -> list[str]:
    """Instruction sets that this machine runs and that eigenmlp is built for, the best last."""
    # Through the package, so that a build without its core says so in its own words.
    importlib.import_module("eigenmlp")
    processor = importlib.import_module("eigenmlp._processor")
    return [
        level
        for level in processor.supported_levels()
        if importlib.util.find_spec(f"eigenmlp._core_{level}")
    ]


def compile_limits(level: str, folder: Path) -> Path:
    return _compile(
        folder / f"limits-{level}", [_FOLDER / "limits.cpp"], level, ("-ffp-contract=fast",)
    )


def compile_kernels(level: str, folder: Path) -> Path:
    # The core's own sources are what its library is made of, less what kernels don't need.
    sources = [_FOLDER / "kernels.cpp", *(_CORE / f"{name}.cpp" for name in ("layout", "threads"))]
    flags = (*_CORE_FLAGS, f"-I{_CORE}", f"-isystem{_eigen()}")
    return _compile(folder / f"kernels-{level}", sources, level, flags)


def run(program: Path, *arguments: object) -> dict[str, list[float]]:
    """Return the program's lines "name number …" by name, several of one name in a row."""
    done = subprocess.run(  # noqa: S603  compiled above
        [program, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"{program.name} failed ({done.returncode}): {done.stderr.strip()}")
    values: defaultdict[str, list[float]] = defaultdict(list)
    for line in done.stdout.splitlines():
        name, *numbers = line.split()
        values[name] += map(float, numbers)
    return values


def _compiler() -> str:
    for name in ("g++", "clang++"):
        path = shutil.which(name)
        if path:
            return path
    raise SystemExit("no C++ compiler: neither g++ nor clang++ is on PATH; install one of them")


def _eigen() -> Path:
    candidates = [
        Path(sysconfig.get_path("purelib")) / "cmeel.prefix" / "include" / "eigen3",
        Path("/usr/include/eigen3"),
    ]
    for candidate in candidates:
        if (candidate / "Eigen" / "Core").exists():
            return candidate
    raise SystemExit(
        f"Eigen's headers are in none of {', '.join(map(str, candidates))}; install them: "
        "python -m pip install cmeel-eigen"
    )


def _compile(program: Path, sources: list[Path], level: str, flags: tuple[str, ...]) -> Path:
    march = () if level == "baseline" else (f"-march=x86-64-{level}",)
    command = [_compiler(), *_COMMON, *march, *flags, *sources, "-o", program]
    done = subprocess.run(  # noqa: S603  a compiler, and what is written here
        command, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"{sources[0].name} can't be compiled for {level}:\n{done.stderr}")
    return program


def compiler_version() -> str:
    done = subprocess.run(  # noqa: S603  a compiler
        [_compiler(), "--version"], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()[0]
