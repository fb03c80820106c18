r"""Update rules: how a step follows from a gradient.

The learning rate is not part of them: it is an argument of `eigenmlp.train` and of `step`, so that
every schedule works with every rule. What a rule remembers (Adam's moments and clock) is kept
in the object, for each network it has trained: training the same network again with the same object
continues where it stopped, and a network it has not met starts afresh.
"""

import dataclasses
import weakref
from abc import ABC, abstractmethod
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eigenmlp._native import _core
from eigenmlp.common.arguments import whole_number
from eigenmlp.common.array_likes import fill
from eigenmlp.common.options import Flag, Real, check_options, option
from eigenmlp.common.words import shown
from eigenmlp.network import Network

__all__ = ["SGD", "Adam", "AdamW", "Optimizer"]

# Further than anyone gets, and far enough from where the core's clock would overflow.
_LAST_CLOCK = 2**62

State = _core.Optimizer32 | _core.Optimizer64
CoreRule = _core.Sgd | _core.Momentum | _core.Adam | _core.AdamW


_RATE = Real(wanted="a learning rate, 0 or more")
_DECAY = Real(wanted="a decay, at least 0 and below 1", most=1.0)


@dataclass(frozen=True)
class Optimizer(ABC):
    """What the update rules share: their state, one for each network."""

    _states: weakref.WeakKeyDictionary[Network, State] = field(
        init=False, repr=False, compare=False, default_factory=weakref.WeakKeyDictionary
    )

    def __post_init__(self) -> None:
        check_options(self)

    def state_for(self, network: Network) -> State:
        """Return the core's state for a network, made when first asked for."""
        if network not in self._states:
            single = network.dtype.name == "float32"
            kind = _core.Optimizer32 if single else _core.Optimizer64
            self._states[network] = kind(self._core_rule(), network.n_parameters)
        return self._states[network]

    def step(
        self,
        network: Network,
        gradient: NDArray[Any],
        learning_rate: float,
    ) -> None:
        """Move a network's parameters by a gradient, as `eigenmlp.train` does after each batch.

        The same gradients give the same bits as there. Whatever the gradient is to have (a penalty,
        bounds, the mean over several machines) it has before.

        Parameters
        ----------
        network : Network
            Its parameters, and what is remembered of it here, change in place.
        gradient : (n_parameters,) or (n_values,) array
            Such as `Network.loss_and_gradient` returns; finite. With statistics of a batch behind
            the gradient (``batch_statistics=True``), the running ones move a tenth of the way to
            them.
        learning_rate : float
            Finite, >= 0.

        Raises
        ------
        TypeError, ValueError
            If an argument is of another type, shape or range. Nothing has changed then.
        ArithmeticError
            If a parameter, or the squares of the gradient that Adam keeps, are no longer finite
            after the step. The network is of no more use as it is then.

        Examples
        --------
        >>> import eigenmlp as em
        >>> net, rule = em.Network([2, 2], rng=0), em.optimizers.Adam()
        >>> for step in range(100):
        ...     loss, gradient = net.loss_and_gradient([[0, 1], [1, 0]], [0, 1])
        ...     rule.step(net, gradient, 0.1)
        >>> net.predict([[0, 1], [1, 0]])
        array([0, 1])
        """
        if not isinstance(network, Network):
            raise TypeError(f"network={shown(network)} is not an eigenmlp.Network")
        network._check_flat(gradient, "gradient")
        values = np.empty(gradient.shape, network.dtype)
        fill(values, gradient, "gradient")
        network._refuse_negative_variances(values, "gradient")
        rate = _RATE("learning_rate", learning_rate)
        # Of the same precision as the network's core: state_for() sees to that.
        state: Any = self.state_for(network)
        if not network._core.step(state, values, rate):
            raise ArithmeticError(
                f"a parameter or a square that {self!r} keeps is no longer finite after a step at "
                f"learning rate {rate:.6g}; go back to a copy of the parameters and of the state, "
                "and take a smaller rate or bound the gradient"
            )

    def state_dict(self, network: Network) -> dict[str, Any]:
        """Copy what the rule remembers of a network, to keep and to give back.

        Parameters
        ----------
        network : Network
            One that it has trained, or not yet.

        Returns
        -------
        dict
            ``"clock"``: finished steps; ``"moments"``: list of (n_parameters,) arrays, in the order
            of `Network.get_flat_parameters`: the velocity of momentum; Adam's first and second
            moments, and AMSGrad's largest second ones.

        Examples
        --------
        >>> import eigenmlp as em
        >>> net = em.Network([2, 2], rng=0)
        >>> em.optimizers.Adam().state_dict(net)["clock"]
        0
        """
        state = self.state_for(network)
        return {"clock": state.clock(), "moments": state.moments()}

    def load_state_dict(self, network: Network, state: dict[str, Any]) -> None:
        """Give back what `state_dict` returned, for this network or a copy of it.

        Parameters
        ----------
        network : Network
            Of as many parameters, and trained by the same rule.
        state : dict
            What `state_dict` returned.

        Raises
        ------
        TypeError, ValueError
            If it belongs to another rule or to a network of another size, or is damaged.
        """
        try:
            clock, given = state["clock"], list(state["moments"])
        except (TypeError, KeyError) as error:
            raise ValueError(
                "state is not what state_dict returned: it has no 'clock' and 'moments'"
            ) from error
        clock = whole_number("clock", clock, minimum=0, remedy="it counts steps")
        own = self.state_for(network)
        moments = [np.zeros(network.n_parameters, dtype=network.dtype) for _ in given]
        for i, (target, values) in enumerate(zip(moments, given, strict=True)):
            fill(target, values, f"moments[{i}]")
        if clock > _LAST_CLOCK:
            raise ValueError(f"the state's clock is beyond 2^62: {clock}; it is damaged")
        for i, values in enumerate(moments[1:], start=1):
            if (values < 0).any():
                raise ValueError(
                    f"moments[{i}] holds {values.min()}, but a second moment is negative nowhere; "
                    "the state is damaged"
                )
        try:
            own.restore(moments, clock)
        except ValueError as error:
            raise ValueError(f"this state is not one of {self!r}: {error}") from None

    @abstractmethod
    def _core_rule(self) -> CoreRule: ...

    def __reduce__(self) -> tuple[Any, ...]:
        # A pickled or copied rule keeps its constants; states belong to networks of this process.
        return _rebuild, (type(self), self._constants())

    def _constants(self) -> dict[str, Any]:
        return {
            option.name: getattr(self, option.name)
            for option in dataclasses.fields(self)
            if option.init
        }

    def __repr__(self) -> str:
        # Flags only where they are set.
        shown = ", ".join(
            f"{name}={value!r}" for name, value in self._constants().items() if value is not False
        )
        return f"{type(self).__name__}({shown})"


def _rebuild(kind: type[Optimizer], constants: dict[str, Any]) -> Optimizer:
    return kind(**constants)


@dataclass(frozen=True, repr=False)
class SGD(Optimizer):
    r"""Gradient descent: :math:`\theta \leftarrow \theta - \eta\, g`, with momentum if wanted.

    With batches of part of the data it is stochastic gradient descent; with ``batch_size=None``,
    plain gradient descent. g is the gradient of the mean loss of the batch, penalty included. With
    momentum μ (Sutskever et al., 2013; as scikit-learn and Keras)

    .. math::

        v &\leftarrow \mu v - \eta\, g \\
        \theta &\leftarrow \theta + v
            \quad\text{or, with Nesterov's,}\quad \theta + \mu v - \eta\, g

    PyTorch keeps :math:`-v/\eta` instead, which differs where the learning rate changes.

    Parameters
    ----------
    momentum : float, default=0.0
        μ, 0 <= momentum <= 1.
    nesterov : bool, default=False
        Look ahead by the momentum. Only with momentum > 0.

    Raises
    ------
    TypeError, ValueError
        If a parameter is of another type or outside its range.

    Examples
    --------
    >>> import eigenmlp as em
    >>> em.optimizers.SGD(momentum=0.9, nesterov=True)
    SGD(momentum=0.9, nesterov=True)
    """

    momentum: float = field(
        default=0.0,
        metadata=option(
            Real(wanted="a share, 0 to 1", most=1.0, up_to_most=True),
            "Share of each step that the next one keeps.",
        ),
    )
    nesterov: bool = field(default=False, metadata=option(Flag(), "Look ahead by the momentum."))

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov=True looks ahead by the momentum, which is 0; pass momentum")

    def _core_rule(self) -> CoreRule:
        return _core.Momentum(**self._constants()) if self.momentum else _core.Sgd()

    def __repr__(self) -> str:
        return super().__repr__() if self.momentum else "SGD()"


@dataclass(frozen=True, repr=False)
class _Moments(Optimizer):
    """What the rules with two moments share."""

    beta1: float = field(
        default=0.9, metadata=option(_DECAY, "Decay of the mean of gradients, below 1.")
    )
    beta2: float = field(
        default=0.999, metadata=option(_DECAY, "Decay of the mean of squared gradients, below 1.")
    )
    epsilon: float = field(
        default=1e-8,
        metadata=option(
            Real(
                wanted="a small number such as 1e-8",
                least=1e-37,
                refusal="must be finite and at least 1e-37, so that float32 holds it; usual is "
                "1e-8",
            ),
            "Added to the root of the mean of squares.",
        ),
    )
    _: KW_ONLY
    amsgrad: bool = field(
        default=False, metadata=option(Flag(), "Divide by the largest mean of squares so far.")
    )


@dataclass(frozen=True, repr=False)
class Adam(_Moments):
    r"""Adam (Kingma & Ba, 2015, algorithm 1).

    .. math::

        m &\leftarrow \beta_1 m + (1 - \beta_1)\, g \\
        v &\leftarrow \beta_2 v + (1 - \beta_2)\, g^2 \\
        \theta &\leftarrow \theta - \eta\,
            \frac{m / (1 - \beta_1^t)}{\sqrt{v / (1 - \beta_2^t)} + \varepsilon}

    where t counts steps from 1. As in PyTorch, ε stands outside the root and is added after the
    bias correction; TensorFlow and scikit-learn add it before, which `epsilon_hat` asks for.

    Parameters
    ----------
    beta1 : float, default=0.9
        Decay of the mean of gradients, 0 <= beta1 < 1.
    beta2 : float, default=0.999
        Decay of the mean of squared gradients, 0 <= beta2 < 1.
    epsilon : float, default=1e-8
        Added to the root; >= 1e-37, finite.
    amsgrad : bool, default=False
        Take the largest v so far in the place of v (Reddi et al., 2018), bias correction after it
        as in PyTorch.
    epsilon_hat : bool, default=False
        Use ε̂ of the paper's section 2: :math:`\theta \leftarrow \theta - \eta
        \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t} \frac{m}{\sqrt v + \hat\varepsilon}`.

    Raises
    ------
    TypeError, ValueError
        If a parameter is of another type or outside its range.

    Examples
    --------
    >>> import eigenmlp as em
    >>> em.optimizers.Adam(beta2=0.99)
    Adam(beta1=0.9, beta2=0.99, epsilon=1e-08)
    """

    epsilon_hat: bool = field(
        default=False, metadata=option(Flag(), "Add epsilon before the bias correction.")
    )

    def _core_rule(self) -> CoreRule:
        return _core.Adam(**self._constants())


@dataclass(frozen=True, repr=False)
class AdamW(_Moments):
    r"""Adam with decoupled weight decay (Loshchilov & Hutter, 2019).

    Before each of Adam's steps, :math:`\theta \leftarrow \theta - \eta \lambda\, \theta`, so
    that the decay is not divided by the gradients' size, as a penalty's is.

    Parameters
    ----------
    beta1, beta2, epsilon, amsgrad
        As for `Adam`.
    weight_decay : float, default=0.01
        λ, >= 0 and finite.
    decay_biases : bool, default=False
        Decay biases, gains and shifts as well, as PyTorch does by default.

    Raises
    ------
    TypeError, ValueError
        If a parameter is of another type or outside its range.

    Examples
    --------
    >>> import eigenmlp as em
    >>> em.optimizers.AdamW(weight_decay=0.1)
    AdamW(beta1=0.9, beta2=0.999, epsilon=1e-08, weight_decay=0.1)
    """

    weight_decay: float = field(
        default=0.01,
        metadata=option(
            Real(wanted="λ, 0 or more"),
            "Before each step, weights shrink by this times the learning rate.",
        ),
    )
    decay_biases: bool = field(default=False, metadata=option(Flag(), "Decay biases, too."))

    def _core_rule(self) -> CoreRule:
        return _core.AdamW(**self._constants())


# By the names that stand for them in plain data, on the command line, and as solvers.
OPTIMIZERS: dict[str, type[Optimizer]] = {"sgd": SGD, "adam": Adam, "adamw": AdamW}
