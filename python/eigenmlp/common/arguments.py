"""Checks of single arguments, with one wording of their errors."""

from numbers import Integral, Real

from eigenmlp.common.words import shown

__all__ = ["flag", "real_number", "whole_number"]


def flag(name: str, value: object) -> bool:
    """Return `value`, which is True or False.

    Raises
    ------
    TypeError
        If it is anything else.
    """
    if not isinstance(value, bool):
        raise TypeError(f"{name}={shown(value)} is not a bool; pass True or False")
    return value


def real_number(name: str, value: object, remedy: str) -> float:
    """Return `value` as a float; NaN and infinities pass.

    Raises
    ------
    TypeError
        If it is not a real number; a bool is not one.
    ValueError
        If it is too large for a float.
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name}={shown(value)} is not a number; {remedy}")
    try:
        return float(value)
    except OverflowError as error:
        raise ValueError(f"{name}={shown(value)} is too large for a float; {remedy}") from error


def whole_number(name: str, value: object, *, minimum: int, remedy: str) -> int:
    """Return `value` as an int.

    Raises
    ------
    TypeError
        If it is not an integer; neither a bool nor a float such as 3.0 is one.
    ValueError
        If it is less than `minimum`.
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name}={shown(value)} is not an integer; {remedy}")
    if value < minimum:
        raise ValueError(f"{name}={value} is less than {minimum}; {remedy}")
    return int(value)
