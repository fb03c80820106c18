r"""The penalty of large weights, :math:`\frac{\lambda}{2} \sum_l \|W^l\|^2`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eigenmlp._native import _core
from eigenmlp.common.options import Real

if TYPE_CHECKING:
    from eigenmlp.network.network import Network

__all__ = ["L2", "penalty_of"]

# What its factor λ may be.
L2 = Real(wanted="λ, 0 for no penalty", refusal="must be finite and >= 0; 0 means no penalty")


def penalty_of(network: Network, l2: float, *, biases: bool = False) -> float:
    """Return the penalty of a network's weights, or of all its parameters, as the loss has it.

    Examples
    --------
    >>> import eigenmlp as em
    >>> from eigenmlp.network.penalty import penalty_of
    >>> net = em.Network([2, 1], output="identity")
    >>> net.set_parameters([[[3], [4]]], [[5]])
    >>> penalty_of(net, 0.1), penalty_of(net, 0.1, biases=True)
    (1.25, 2.5)
    """
    return network._core.penalty(_core.Penalty(l2, biases, False))
