"""Modules of PyTorch that networks are made of, for the record and for the tests."""

from __future__ import annotations

from typing import NamedTuple


class Module(NamedTuple):
    """A ``torch.nn.Sequential``, in the words of `Network`."""

    sizes: list[int]
    activations: list[str]
    normalizations: list[str | None]
    dropouts: list[float]
    output: str
    dtype: str
    plain: bool = False  # no bias before batch normalization, and no weight and bias in it


MODULES = {
    "no hidden layer": Module([4, 3], [], [], [], "softmax", "float32"),
    "relu": Module([4, 5, 3], ["relu"], [None], [0.0], "softmax", "float32"),
    "batch": Module([3, 6, 1], ["silu"], ["batch"], [0.2], "logistic", "float64"),
    "layer": Module([3, 6, 2], ["gelu"], ["layer"], [0.0], "identity", "float64"),
    "all": Module(
        [2, 3, 4, 5, 4, 3, 2, 3, 4, 2],
        ["identity", "logistic", "tanh", "relu", "leaky_relu", "elu", "silu", "gelu"],
        [None, "batch", "layer", None, "batch", "layer", None, None],
        [0.0, 0.5, 0.0, 0.1, 0.0, 0.25, 0.0, 0.0],
        "exponential",
        "float64",
    ),
    "plain": Module([3, 4, 2], ["relu"], ["batch"], [0.0], "logistic", "float64", plain=True),
}
