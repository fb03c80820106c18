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
    plain: bool = False  # no bias before a normalization, which then has less than its default


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
    "plain layer": Module([3, 4, 2], ["tanh"], ["layer"], [0.0], "identity", "float64", plain=True),
}

# Modules that no network is, by the state dicts of which PyTorch tells no more than shapes.
STRANGERS = {
    "PReLU of one slope": "Linear(2, 1), PReLU(), Linear(1, 2)",
    "PReLU of a slope per unit": "Linear(2, 3), PReLU(3), Linear(3, 2)",
    "RMSNorm": "Linear(2, 3), RMSNorm(3), ReLU(), Linear(3, 2)",
    "LayerNorm": "Linear(2, 3), LayerNorm(3), ReLU(), Linear(3, 2)",
    "LayerNorm without bias": "Linear(2, 3), LayerNorm(3, bias=False), ReLU(), Linear(3, 2)",
    "GroupNorm": "Linear(2, 4), GroupNorm(2, 4), ReLU(), Linear(4, 2)",
    "InstanceNorm1d": "Linear(2, 3), InstanceNorm1d(3, affine=True), ReLU(), Linear(3, 2)",
    "BatchNorm1d without statistics": "Linear(2, 3), BatchNorm1d(3, track_running_stats=False), "
    "ReLU(), Linear(3, 2)",
    "BatchNorm1d behind the activation": "Linear(2, 3), ReLU(), BatchNorm1d(3), Linear(3, 2)",
    "LayerNorm behind the activation": "Linear(2, 3), ReLU(), LayerNorm(3), Linear(3, 2)",
    "LayerNorm and PReLU": "Linear(2, 3), LayerNorm(3), PReLU(3), Linear(3, 2)",
    "LayerNorm first": "LayerNorm(2), Linear(2, 3)",
    "LayerNorm last": "Linear(2, 3), LayerNorm(3)",
    "Embedding": "Embedding(4, 4), Linear(4, 2)",
    "Embedding alone": "Embedding(5, 3)",
    "EmbeddingBag": "EmbeddingBag(5, 3), Linear(3, 2)",
    "Conv1d": "Linear(2, 3), Conv1d(3, 3, 1), Linear(3, 2)",
    "Bilinear": "Bilinear(2, 2, 3)",
    "LSTM": "LSTM(2, 3)",
    "MultiheadAttention": "MultiheadAttention(2, 1)",
    "weight_norm": "utils.parametrizations.weight_norm(Linear(2, 3)), ReLU(), Linear(3, 2)",
    "spectral_norm": "Linear(2, 3), utils.spectral_norm(Linear(3, 2))",
    "two heads": "Linear(2, 3), Linear(3, 2), Linear(3, 4)",
}
