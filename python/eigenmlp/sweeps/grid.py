"""Specs of many runs from one: every combination of values, or values drawn at random."""

import dataclasses
import hashlib
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from eigenmlp.common.arguments import whole_number
from eigenmlp.common.words import listed, shown, type_of
from eigenmlp.sweeps.specs import RunSpec

__all__ = ["grid", "sample"]

_MOST_CHARACTERS = 150  # of a name; a file's may have 255 bytes


def grid(base: RunSpec, **values: Iterable[Any]) -> list[RunSpec]:
    """Return a spec for every combination of values, the last option varying fastest.

    Parameters
    ----------
    base : RunSpec
        Has all other options.
    **values : iterable
        Values of options of `RunSpec`: ``learning_rate=[1e-3, 3e-3], seed=range(5)``.

    Returns
    -------
    list of RunSpec
        Named by what varies: "run-learning-rate-0.001-dropout-0.2". Seeds have the same name.

    Raises
    ------
    TypeError, ValueError
        If an option is unknown, has no values or the same twice, or refuses one.

    Examples
    --------
    >>> import eigenmlp as em
    >>> base = em.sweeps.RunSpec(name="wide", hidden_layers=(256,), epochs=5)
    >>> specs = em.sweeps.grid(base, learning_rate=[1e-3, 3e-3], dropout=[0, 0.2], seed=range(5))
    >>> len(specs), specs[-1].name, specs[-1].seed
    (20, 'wide-learning-rate-0.003-dropout-0.2', 4)
    """
    _check_base(base)
    for name in values:
        _check_option(name, base)
    options = {name: _listed(name, given) for name, given in values.items()}
    slugs = {name: _slugs(name, given) for name, given in options.items()}
    specs = []
    for places in itertools.product(*(range(len(given)) for given in options.values())):
        chosen = {name: options[name][at] for name, at in zip(options, places, strict=True)}
        named = {name: slugs[name][at] for name, at in zip(options, places, strict=True)}
        specs.append(_named(base, chosen, named))
    return specs


def sample(
    base: RunSpec,
    distributions: Mapping[str, Any],
    n: int,
    rng: int | np.random.Generator | None = None,
) -> list[RunSpec]:
    """Return specs of options drawn at random, for random search.

    Parameters
    ----------
    base : RunSpec
        Has all other options.
    distributions : dict of str to sequence, distribution or callable
        By option of `RunSpec`: values that are equally likely; an object with a method ``rvs``, as
        those of `scipy.stats`; or a function of a `numpy.random.Generator`.
    n : int
        Specs, >= 1.
    rng : int, numpy.random.Generator or None, default=None
        Seed or generator; the same seed gives the same specs.

    Returns
    -------
    list of RunSpec
        Named by their number: "run-001".

    Raises
    ------
    TypeError, ValueError
        If an option is unknown, or what is drawn is refused by it.

    Examples
    --------
    >>> import eigenmlp as em
    >>> from scipy.stats import loguniform
    >>> base = em.sweeps.RunSpec(epochs=5)
    >>> drawn = {"learning_rate": loguniform(1e-4, 1e-2), "hidden_layers": [(64,), (64, 64)]}
    >>> [spec.name for spec in em.sweeps.sample(base, drawn, 3, rng=0)]
    ['run-1', 'run-2', 'run-3']
    """
    _check_base(base)
    if not isinstance(distributions, Mapping):
        raise TypeError(f"distributions is {type_of(distributions)}; pass a dict by option")
    for name in distributions:
        _check_option(name, base)
    n = whole_number("n", n, minimum=1, remedy="pass how many specs to draw")
    drawing = {name: _drawing(name, given) for name, given in distributions.items()}
    generator = np.random.default_rng(rng)
    digits = len(str(n))
    specs = []
    for number in range(1, n + 1):
        chosen = {name: _plain(draw(generator)) for name, draw in drawing.items()}
        label = ", ".join(f"{name} = {_told(value)}" for name, value in chosen.items())
        name = f"{base.name}-{number:0{digits}}"
        specs.append(_replaced(base, {**chosen, "name": name, "label": label or name}))
    return specs


def _check_base(base: object) -> None:
    if not isinstance(base, RunSpec):
        raise TypeError(f"base={shown(base)} is not an eigenmlp.sweeps.RunSpec")


def _check_option(name: str, base: RunSpec) -> None:
    known = [field.name for field in dataclasses.fields(base)]
    if name not in known or name in {"name", "label"}:
        raise ValueError(
            f"{name!r} is not an option that can vary; those are "
            f"{listed([option for option in known if option not in {'name', 'label'}], most=99)}"
        )


def _listed(name: str, given: object) -> list[Any]:
    if isinstance(given, (str, Mapping)) or not isinstance(given, Iterable):
        raise TypeError(f"{name}={shown(given)} is not a list of values; pass [{shown(given)}]")
    values = [_plain(value) for value in given]
    if not values:
        raise ValueError(f"{name} has no values; pass at least one")
    return values


def _drawing(name: str, given: Any) -> Any:
    if hasattr(given, "rvs"):
        return lambda rng: given.rvs(random_state=rng)
    if callable(given):
        return given
    values = _listed(name, given)
    return lambda rng: values[rng.integers(len(values))]


def _plain(value: Any) -> Any:
    """Return a number or a list of Python's where NumPy or SciPy gave one of theirs."""
    return value.tolist() if isinstance(value, (np.generic, np.ndarray)) else value


def _slugs(name: str, values: Sequence[Any]) -> list[str]:
    slugs = [re.sub(r"[^a-z0-9.-]+", "-", _told(value).lower()).strip("-") for value in values]
    for place, slug in enumerate(slugs):
        if values[place] in values[:place]:
            raise ValueError(f"{name} has {shown(values[place])} twice")
        if slug in slugs[:place]:
            slugs[place] = f"{slug}-{place + 1}"
    return slugs


def _told(value: object) -> str:
    """Return a value as names and labels have it: "0.001", "100x80", "adam"."""
    if isinstance(value, float):
        short = f"{value:g}"
        return (short if float(short) == value else repr(value)).replace("e+", "e")
    if isinstance(value, (list, tuple)):
        return "x".join(map(_told, value)) or "none"
    if isinstance(value, Mapping):
        return " ".join(f"{key} {_told(each)}" for key, each in value.items()) or "none"
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        kept = [
            f"{field.name} {_told(getattr(value, field.name))}"
            for field in dataclasses.fields(value)
            if field.init and getattr(value, field.name) != field.default
        ]
        return " ".join([type(value).__name__, *kept])
    return "none" if value is None else str(value)


def _named(base: RunSpec, chosen: Mapping[str, Any], slugs: Mapping[str, str]) -> RunSpec:
    named = {name: slug for name, slug in slugs.items() if name != "seed"}
    parts = [f"{name.replace('_', '-')}-{slug}" for name, slug in named.items()]
    name = "-".join([base.name, *parts])
    if len(name) > _MOST_CHARACTERS:
        digest = hashlib.sha256(name.encode()).hexdigest()[:12]
        name = f"{name[:_MOST_CHARACTERS]}-{digest}"
    label = ", ".join(f"{option} = {_told(chosen[option])}" for option in named) or base.label
    return _replaced(base, {**chosen, "name": name, "label": label})


def _replaced(base: RunSpec, chosen: Mapping[str, Any]) -> RunSpec:
    try:
        return dataclasses.replace(base, **chosen)
    except TypeError as error:
        raise TypeError(f"{base.name!r} can't have {shown(dict(chosen))}: {error}") from error
