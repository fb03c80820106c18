"""The problems that PyTorch was recorded on: every operation in a small network, and short runs."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from torch_problem import waves

if TYPE_CHECKING:
    from numpy.typing import NDArray

ACTIVATIONS = (
    *("identity", "logistic", "tanh", "relu", "leaky_relu", "elu", "silu", "gelu"),
    *("selu", "mish"),
)
# One vector and a bit of units and of samples.
HIDDEN = (17, 5)
N_FEATURES = 3
N_SAMPLES = 19
N_RUN_SAMPLES = 40
RUN_BATCH = 12
RUN_EPOCHS = 5
N_STEPS = RUN_EPOCHS * -(-N_RUN_SAMPLES // RUN_BATCH)


class Case(NamedTuple):
    """A network, its loss, and what is done to it."""

    activations: tuple[str, str] = ("tanh", "tanh")
    output: str = "softmax"
    n_outputs: int = 4
    loss: str = "cross_entropy"
    parameter: float = 0.0  # label smoothing, or Huber's δ
    normalizations: tuple[str | None, str | None] = (None, None)
    weighted: bool = False
    l2: float = 0.0
    l2_biases: bool = False

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        return (N_FEATURES, *HIDDEN, self.n_outputs)


def regression(loss: str = "squared_error", parameter: float = 0.0, **more: Any) -> Case:
    return Case(output="identity", loss=loss, parameter=parameter, **more)


def logistic(n_outputs: int = 4, **more: Any) -> Case:
    return Case(output="logistic", n_outputs=n_outputs, loss="binary_cross_entropy", **more)


def counts(**more: Any) -> Case:
    return Case(output="exponential", n_outputs=3, loss="poisson", **more)


CASES: dict[str, Case] = {
    **{activation: Case(activations=(activation, activation)) for activation in ACTIVATIONS},
    "relu, gelu": regression(activations=("relu", "gelu")),
    "silu, identity": counts(activations=("silu", "identity")),
    "elu, logistic": logistic(activations=("elu", "logistic")),
    "smooth": Case(parameter=0.1),
    "smooth, weighted": Case(parameter=0.3, weighted=True),
    "cross-entropy, weighted": Case(weighted=True),
    "multilabel": logistic(),
    "multilabel, weighted": logistic(weighted=True),
    "binary": logistic(1),
    "binary, weighted": logistic(1, weighted=True),
    "squared error": regression(),
    "squared error, one output": regression(n_outputs=1),
    "squared error, weighted": regression(weighted=True),
    "absolute error": regression("absolute_error"),
    "absolute error, weighted": regression("absolute_error", weighted=True),
    "Huber": regression("huber", 0.7),
    "Huber, weighted": regression("huber", 0.7, weighted=True),
    "quantile": regression("quantile", 0.8),
    "quantile, weighted": regression("quantile", 0.2, weighted=True),
    "Poisson": counts(),
    "Poisson, weighted": counts(weighted=True),
    "batch norm": Case(normalizations=("batch", "batch"), activations=("relu", "relu")),
    "batch norm, then none": regression(normalizations=("batch", None)),
    "layer norm": Case(normalizations=("layer", "layer"), activations=("gelu", "gelu")),
    "layer norm, weighted": logistic(normalizations=("layer", None), weighted=True),
    "batch and layer norm": counts(normalizations=("batch", "layer"), activations=("elu", "silu")),
    "penalty": regression(normalizations=("layer", "batch"), l2=0.3),
    "penalty on biases": regression(normalizations=("layer", "batch"), l2=0.3, l2_biases=True),
}


class Run(NamedTuple):
    """A short training run."""

    case: Case
    rule: str
    learning_rate: float
    options: dict[str, Any] = {}  # of the rule  # noqa: RUF012
    decay: float = 1.0  # of the learning rate, a step
    clip_norm: float | None = None
    clip_value: float | None = None

    def rate(self, step: int) -> float:
        return self.learning_rate * self.decay**step


# A bias before batch normalization has no gradient but roundings, which a usual ε would let Adam
# magnify.
LARGE: dict[str, Any] = {"epsilon": 1e-3}
NORMALIZED = Case(normalizations=("batch", "layer"), activations=("relu", "silu"))

RUNS: dict[str, Run] = {
    "momentum": Run(Case(), "SGD", 0.1, {"momentum": 0.9}),
    "Nesterov": Run(logistic(l2=0.01), "SGD", 0.1, {"momentum": 0.8, "nesterov": True}),
    "gradient descent, norm clipped": Run(regression(l2=0.2), "SGD", 0.05, clip_norm=5.5),
    "momentum, values clipped": Run(
        Case(l2=0.2, l2_biases=True), "SGD", 0.1, {"momentum": 0.9}, clip_value=0.2
    ),
    "Adam": Run(counts(weighted=True), "Adam", 0.02),
    "Adam, other constants": Run(
        regression("huber", 0.7), "Adam", 0.02, {"beta1": 0.8, "beta2": 0.9, "epsilon": 1e-2}
    ),
    "Adam, a rate a step": Run(Case(parameter=0.1), "Adam", 0.05, decay=0.9),
    "Adam, norm clipped": Run(Case(weighted=True), "Adam", 0.02, clip_norm=1.0),
    "AMSGrad": Run(regression(l2=0.01), "Adam", 0.05, {"beta2": 0.8, "amsgrad": True}),
    "AdamW": Run(logistic(1), "AdamW", 0.03, {"weight_decay": 0.5}),
    "AdamW, biases": Run(
        NORMALIZED,
        "AdamW",
        0.03,
        {"weight_decay": 0.5, "decay_biases": True, "amsgrad": True, **LARGE},
    ),
    "AdamW, not biases": Run(NORMALIZED, "AdamW", 0.03, {"weight_decay": 0.5, **LARGE}),
    "batch norm, Adam": Run(
        NORMALIZED._replace(normalizations=("batch", "batch")), "Adam", 0.02, LARGE
    ),
    "batch norm, Nesterov": Run(NORMALIZED, "SGD", 0.05, {"momentum": 0.9, "nesterov": True}),
}


class Layer(NamedTuple):
    """Parameters of a layer; gain, shift and running statistics are None where it has none."""

    weight: NDArray[np.float64]  # (fan_out, fan_in)
    bias: NDArray[np.float64]
    gain: NDArray[np.float64] | None = None
    shift: NDArray[np.float64] | None = None
    running_mean: NDArray[np.float64] | None = None
    running_variance: NDArray[np.float64] | None = None


def initial_layers(case: Case) -> list[Layer]:
    layers = []
    kinds = [*case.normalizations, None]
    for (fan_in, fan_out), kind in zip(itertools.pairwise(case.layer_sizes), kinds, strict=True):
        weight = 1.5 * waves((fan_out, fan_in), float(fan_in)) * (2 / fan_in) ** 0.5
        made = [weight, 0.3 * waves((fan_out,), 10.0 + fan_out)]
        if kind is not None:
            made += [1 + 0.3 * waves((fan_out,), 2.0), 0.2 * waves((fan_out,), 3.0)]
        if kind == "batch":
            made += [0.2 * waves((fan_out,), 4.0), 1 + 0.5 * waves((fan_out,), 5.0)]
        layers.append(Layer(*made))
    return layers


def flat(layers: list[Layer]) -> NDArray[np.float64]:
    """All that is trained, layer by layer, then the running statistics."""
    arrays = [array for layer in layers for array in layer[:4]]
    arrays += [array for layer in layers for array in layer[4:]]
    return np.concatenate([array.ravel() for array in arrays if array is not None])


def samples(case: Case, n_samples: int) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Inputs and targets: both kinds of errors, label 0 and count 0 among them."""
    X = 1.5 * waves((n_samples, N_FEATURES), 1.0)
    if case.output == "softmax":
        return X, np.arange(n_samples) * 7 % 13 % case.n_outputs
    y = 2 * waves((n_samples, case.n_outputs), 6.0)
    if case.output == "logistic":
        # The last ones are not decisions but probabilities.
        return X, np.where(np.arange(n_samples)[:, None] < n_samples - 3, y > 0.5, abs(y) / 2)
    return X, np.rint(abs(2 * y)) if case.output == "exponential" else y


def sample_weights(case: Case, n_samples: int) -> NDArray[np.float64] | None:
    return 0.1 + 2 * abs(waves((n_samples,), 7.0)) if case.weighted else None
