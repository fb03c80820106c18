"""Specs of a sweep in a TOML file: a base, and what varies."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from eigenmlp.common.plain import from_plain
from eigenmlp.common.words import listed, shown, type_of
from eigenmlp.errors import DataFileError
from eigenmlp.sweeps.grid import grid, sample
from eigenmlp.sweeps.specs import RunSpec

__all__ = ["read_specs"]

_TABLES = ("base", "grid", "sample")


def read_specs(path: str | Path) -> list[RunSpec]:
    """Read the specs of a file.

    It has a table ``[base]`` of options of `RunSpec`, and a table ``[grid]`` of lists, every
    combination of which is a spec; or a table ``[sample]`` with ``n``, ``seed`` (default 0) and,
    in ``[sample.values]``, lists of equally likely values, or ``{low = 1e-4, high = 0.1, log =
    true}``, a range from which numbers are drawn, ``whole = true`` for whole ones.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    DataFileError
        If it is not TOML, or doesn't describe specs.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from eigenmlp.sweeps.spec_files import read_specs
    >>> text = '''
    ... [base]
    ... hidden_layers = [32]
    ... optimizer = {kind = "sgd", momentum = 0.9}
    ... [grid]
    ... learning_rate = [0.01, 0.1]
    ... seed = [0, 1, 2]
    ... '''
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "specs.toml"
    ...     _ = path.write_text(text)
    ...     specs = read_specs(path)
    >>> len(specs), specs[-1].name
    (6, 'run-learning-rate-0.1')
    """
    path = Path(path)
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataFileError(f"{path} is not TOML: {error}") from error
    try:
        return _specs(tables)
    except (TypeError, ValueError) as error:
        raise DataFileError(f"{path}: {error}") from error


def _specs(tables: Mapping[str, Any]) -> list[RunSpec]:
    unknown = [name for name in tables if name not in _TABLES]
    if unknown:
        raise ValueError(
            f"[{unknown[0]}] is not a table of a sweep; those are "
            f"{listed([f'[{name}]' for name in _TABLES])}"
        )
    for name, table in tables.items():
        if not isinstance(table, Mapping):
            raise TypeError(f"{name} is {type_of(table)}; write a table, [{name}]")
    if "grid" in tables and "sample" in tables:
        raise ValueError("there are [grid] and [sample]; leave one out")
    base = RunSpec.from_dict(tables.get("base", {}))
    if "sample" not in tables:
        return grid(base, **{name: _values(each) for name, each in tables.get("grid", {}).items()})
    drawing = {"seed": 0, **tables["sample"]}
    if drawing.keys() != {"n", "seed", "values"}:
        raise ValueError(f"[sample] has {shown([*tables['sample']])}; it needs n and values")
    distributions = {name: _distribution(name, each) for name, each in drawing["values"].items()}
    return sample(base, distributions, drawing["n"], drawing["seed"])


def _values(values: Any) -> Any:
    if not isinstance(values, list):
        return values
    return [from_plain(value, RunSpec._kinds) for value in values]


def _distribution(name: str, values: Any) -> Any:
    if not isinstance(values, Mapping):
        return _values(values)
    known = {"low", "high", "log", "whole"}
    if not {"low", "high"} <= values.keys() <= known:
        raise ValueError(
            f"{name} has {shown([*values])}; write a list, or {{low = …, high = …}} with log or "
            "whole = true"
        )
    low, high = values["low"], values["high"]
    log, whole = values.get("log", False), values.get("whole", False)
    if not all(type(bound) in {int, float} for bound in (low, high)) or not low < high:
        raise ValueError(f"{name}: low = {shown(low)} is not below high = {shown(high)}")
    if log and low <= 0:
        raise ValueError(f"{name}: low = {low} has no logarithm; it must be above 0")

    def draw(rng: np.random.Generator) -> float | int:
        if log:
            value = float(np.exp(rng.uniform(np.log(low), np.log(high))))
        else:
            value = float(rng.uniform(low, high))
        return round(value) if whole else value

    return draw
