r"""Update rules: how a step follows from a gradient.

The learning rate is no part of them: it is an argument of `eigenmlp.train`, so that every schedule
works with every rule. What a rule remembers (Adam's moments and clock) is kept in the object, for
each network it has trained: training the same network again with the same object continues where it
stopped, and a network it has not met starts afresh.
"""

import math
import weakref
from abc import ABC, abstractmethod
from typing import Any

from eigenmlp._arguments import real_number
from eigenmlp._native import _core
from eigenmlp.network import Network

__all__ = ["SGD", "Adam", "Optimizer"]

State = _core.Optimizer32 | _core.Optimizer64


class Optimizer(ABC):
    """What the update rules share: their state, one for each network."""

    def __init__(self) -> None:
        self._states: weakref.WeakKeyDictionary[Network, State] = weakref.WeakKeyDictionary()

    def state_for(self, network: Network) -> State:
        """Return the core's state for a network, made when first asked for."""
        if network not in self._states:
            single = network.dtype.name == "float32"
            kind = _core.Optimizer32 if single else _core.Optimizer64
            self._states[network] = self._new_state(kind, network.n_parameters)
        return self._states[network]

    @abstractmethod
    def _new_state(
        self, kind: type[_core.Optimizer32 | _core.Optimizer64], n_parameters: int
    ) -> State: ...

    def __reduce__(self) -> tuple[Any, ...]:
        # A pickled or copied rule keeps its constants; states belong to networks of this process.
        return type(self), self._constants()

    @abstractmethod
    def _constants(self) -> tuple[float, ...]: ...

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Optimizer) or type(self) is not type(other):
            return NotImplemented
        return self._constants() == other._constants()

    def __hash__(self) -> int:
        return hash((type(self), self._constants()))


class SGD(Optimizer):
    r"""Gradient descent: :math:`\theta \leftarrow \theta - \eta\, g`.

    With batches of part of the data it is stochastic gradient descent; with ``batch_size=None``,
    plain gradient descent. g is the gradient of the mean loss of the batch, penalty included.

    Examples
    --------
    >>> import eigenmlp as em
    >>> em.optimizers.SGD()
    SGD()
    """

    def _new_state(
        self,
        kind: type[_core.Optimizer32 | _core.Optimizer64],
        n_parameters: int,  # noqa: ARG002  gradient descent remembers nothing
    ) -> State:
        return kind.sgd()

    def _constants(self) -> tuple[float, ...]:
        return ()

    def __repr__(self) -> str:
        return "SGD()"


class Adam(Optimizer):
    r"""Adam (Kingma & Ba, 2015, algorithm 1).

    .. math::

        m &\leftarrow \beta_1 m + (1 - \beta_1)\, g \\
        v &\leftarrow \beta_2 v + (1 - \beta_2)\, g^2 \\
        \theta &\leftarrow \theta - \eta\,
            \frac{m / (1 - \beta_1^t)}{\sqrt{v / (1 - \beta_2^t)} + \varepsilon}

    where t counts steps from 1. As in PyTorch, ε stands outside the root and is added after the
    bias correction; TensorFlow adds it before, scikit-learn folds the correction into η.

    Parameters
    ----------
    beta1 : float, default=0.9
        Decay of the mean of gradients, 0 <= beta1 < 1.
    beta2 : float, default=0.999
        Decay of the mean of squared gradients, 0 <= beta2 < 1.
    epsilon : float, default=1e-8
        Added to the root; >= 1e-37, finite.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not a number or outside its range.

    Examples
    --------
    >>> import eigenmlp as em
    >>> em.optimizers.Adam(beta2=0.99)
    Adam(beta1=0.9, beta2=0.99, epsilon=1e-08)
    """

    def __init__(self, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8) -> None:
        super().__init__()
        self._beta1 = _checked_decay("beta1", beta1)
        self._beta2 = _checked_decay("beta2", beta2)
        self._epsilon = real_number("epsilon", epsilon, "pass a small number such as 1e-8")
        if not 1e-37 <= self._epsilon < math.inf:
            raise ValueError(
                f"epsilon={epsilon} must be finite and at least 1e-37, so that float32 "
                "holds it; usual is 1e-8"
            )

    @property
    def beta1(self) -> float:
        """Decay of the mean of gradients."""
        return self._beta1

    @property
    def beta2(self) -> float:
        """Decay of the mean of squared gradients."""
        return self._beta2

    @property
    def epsilon(self) -> float:
        """What is added to the root."""
        return self._epsilon

    def _new_state(
        self, kind: type[_core.Optimizer32 | _core.Optimizer64], n_parameters: int
    ) -> State:
        return kind.adam(n_parameters, self._beta1, self._beta2, self._epsilon)

    def _constants(self) -> tuple[float, ...]:
        return self._beta1, self._beta2, self._epsilon

    def __repr__(self) -> str:
        return f"Adam(beta1={self.beta1}, beta2={self.beta2}, epsilon={self.epsilon})"


def _checked_decay(name: str, value: float) -> float:
    decay = real_number(name, value, "pass a decay, 0 <= decay < 1")
    if not 0 <= decay < 1:
        raise ValueError(f"{name}={value} is out of range: 0 <= {name} < 1")
    return decay
