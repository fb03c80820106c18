r"""The penalty of large weights, :math:`\frac{\lambda}{2} \sum_l \|W^l\|^2`."""

import math

from eigenmlp.common.arguments import real_number

__all__ = ["checked_l2"]


def checked_l2(l2: float) -> float:
    """Return a penalty's factor λ, finite and not negative."""
    value = real_number("l2", l2, "pass λ, 0 for no penalty")
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"l2={value} must be finite and >= 0; 0 means no penalty")
    return value
