"""State dicts of PyTorch's other layers, whose names and shapes may be those of ours."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import eigenmlp as em
from places import DATA
from torch_modules_problem import STRANGERS

RECORDS: dict[str, dict[str, Any]] = json.loads(
    (DATA / "torch_strangers.json").read_text(encoding="utf-8")
)


def stranger(name: str) -> dict[str, Any]:
    return {key: np.array(values, np.float32) for key, values in RECORDS[name].items()}


ALONE = "'1' has a weight of shape .* alone, as PReLU, RMSNorm or LayerNorm without bias would"
BOTH = "'1' has weight and bias of shape .* alone, as LayerNorm, GroupNorm, InstanceNorm1d or Batch"
BEHIND = "'2' is not directly behind '0': .* normalizes before the activation.* name it '1'"
EMBEDDING = "'0' is a matrix of shape .* without a bias, as Linear or Embedding would have"
REFUSED = {
    "PReLU of one slope": ALONE,
    "PReLU of a slope per unit": ALONE,
    "RMSNorm": ALONE,
    "LayerNorm": BOTH,
    "LayerNorm without bias": ALONE,
    "GroupNorm": BOTH,
    "InstanceNorm1d": BOTH,
    "BatchNorm1d without statistics": BOTH,
    "BatchNorm1d behind the activation": BEHIND,
    "LayerNorm behind the activation": BEHIND,
    "LayerNorm and PReLU": "'2' follows no Linear layer, but '1'",
    "LayerNorm first": "'0' follows no Linear layer",
    "LayerNorm last": "the state dict ends with no Linear layer",
    "Embedding": EMBEDDING,
    "Embedding alone": EMBEDDING,
    "EmbeddingBag": "'1' takes 3 inputs, but the layer before it has 5 units",
    "Conv1d": "'1' has a gain of shape",
    "Bilinear": "'0' follows no Linear layer",
    "LSTM": "'0.weight_ih_l0' is of no layer that a network of eigenmlp has",
    "MultiheadAttention": "'0.in_proj_weight' is of no layer",
    "weight_norm": "undo weight_norm, .* as torch.nn.utils.parametrize.remove_parametrizations",
    "spectral_norm": "'1.weight_orig' is of no layer .* undo weight_norm, spectral_norm",
    "two heads": "'2' takes 3 inputs, but the layer before it has 2 units",
}


@pytest.mark.parametrize("name", STRANGERS)
def test_what_cant_be_told_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=REFUSED[name]):
        em.export.from_torch_state_dict(stranger(name))


@pytest.mark.parametrize("name", ["LayerNorm", "LayerNorm without bias"])
@pytest.mark.parametrize("said", ["layer", ["layer"]])
def test_an_argument_tells_layer_normalization(name: str, said: str | list[str]) -> None:
    network = em.export.from_torch_state_dict(stranger(name), normalization=said)
    assert network.normalizations == ("layer",)
    arrays = em.export.to_torch_state_dict(network)
    assert np.array_equal(arrays["1.weight"], stranger(name)["1.weight"])
    assert np.array_equal(arrays["1.bias"], stranger(name).get("1.bias", np.zeros(3)))


@pytest.mark.parametrize(
    ("name", "said", "message"),
    [
        ("GroupNorm", "batch", "'1' has no running statistics: a BatchNorm1d without them"),
        ("PReLU of a slope per unit", "batch", "'1' has no running statistics"),
        ("GroupNorm", "group", "normalization='group' is unknown; use one of None, 'batch', "),
        ("LayerNorm", ["layer", None], "has 2 entries, but there are 1 hidden layers"),
        ("LayerNorm behind the activation", "layer", BEHIND),
        ("LayerNorm and PReLU", "layer", "'2' follows no Linear layer, but '1'"),
    ],
)
def test_an_argument_does_not_make_other_layers_ours(name: str, said: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        em.export.from_torch_state_dict(stranger(name), normalization=said)


def test_a_slope_for_all_units_is_no_gain() -> None:
    ones = np.ones((3, 3), np.float32)
    state = {"0.weight": ones, "0.bias": ones[0], "1.weight": ones[0, :1], "2.weight": ones}
    for said in (None, "layer", "batch"):
        with pytest.raises(ValueError, match="'1' has a single number as its weight, as PReLU"):
            em.export.from_torch_state_dict(state, normalization=said)


def test_an_argument_must_not_contradict_the_state() -> None:
    state = em.export.to_torch_state_dict(em.Network([2, 3, 3, 2], normalization=["batch", None]))
    with pytest.raises(
        ValueError, match="'1' has running statistics, so that it is not a LayerNorm"
    ):
        em.export.from_torch_state_dict(state, normalization="layer")
    with pytest.raises(ValueError, match=r"normalization='batch' is said of '3', but .* has none"):
        em.export.from_torch_state_dict(state, normalization="batch")
    for said in (None, ["batch", None], [None, None]):  # None leaves it to the statistics
        network = em.export.from_torch_state_dict(state, normalization=said)
        assert network.normalizations == ("batch", None)


def test_an_unbiased_matrix_that_can_be_no_embedding_is_a_linear() -> None:
    state = {"0.weight": np.ones((3, 2)), "2.weight": np.ones((3, 3)), "4.weight": np.ones((1, 3))}
    network = em.export.from_torch_state_dict(state)
    assert network.layer_sizes == (2, 3, 3, 1)
    assert not any(bias.any() for bias in network.biases)
    square = stranger("Embedding") | {"0.bias": np.zeros(4)}
    assert em.export.from_torch_state_dict(square).layer_sizes == (4, 4, 2)


class Module:
    def state_dict(self) -> dict[str, Any]:
        return {}


class Meta:
    """A tensor that can't be read."""

    def detach(self) -> Meta:
        return self

    def cpu(self) -> Any:
        raise NotImplementedError("Cannot copy out of meta tensor; no data!")


LINEAR = {"0.weight": np.array([[0.1, 0.2]]), "0.bias": np.zeros(1)}


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (Module(), r"state is a Module, not a state dict; pass its state_dict\(\)"),
        ("model.pt", "state is a str, not a state dict"),
        (LINEAR | {"0.weight": Meta()}, "'0.weight' can't be read as an array of numbers: Cannot"),
        (LINEAR | {"0.weight": [[1.0, 2.0], [3.0]]}, "'0.weight' can't be read as an array"),
        (LINEAR | {"0.weight": np.ones((1, 2), np.int8)}, "'0.weight' is of int8, as the codes"),
        (
            LINEAR | {"0.bias": np.ones(1, np.int32)},
            "'0.bias' is of int32, as the codes of a quant",
        ),
        (LINEAR | {"0.bias": np.ones(1, complex)}, "'0.bias' must hold real numbers, got dtype co"),
        (LINEAR | {"0.bias": np.ones(1, "V2")}, "'0.bias' must hold real numbers, got dtype |V2"),
    ],
)
def test_what_is_no_state_dict_of_numbers(state: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        em.export.from_torch_state_dict(state)


def test_a_checkpoint_of_training_is_told() -> None:
    state = {"epoch": 3, "model_state_dict": LINEAR, "optimizer_state_dict": {}}
    with pytest.raises(
        ValueError, match="dicts under 'model_state_dict', 'optimizer_state_dict', "
    ):
        em.export.from_torch_state_dict(state)


@pytest.mark.parametrize("dtype", ["<f8", ">f8", np.longdouble])
def test_no_dtype_loses_digits(dtype: Any) -> None:
    state = {name: array.astype(dtype) for name, array in LINEAR.items()}
    network = em.export.from_torch_state_dict(state, output="identity")
    assert network.dtype == np.float64
    assert np.array_equal(network.weights[0], LINEAR["0.weight"].T)


class BFloat16:
    """As much of a tensor of bfloat16, which NumPy lacks, as is asked of one."""

    dtype = "torch.bfloat16"

    def __init__(self, array: Any) -> None:
        self._array = array

    def detach(self) -> BFloat16:
        return self

    def cpu(self) -> BFloat16:
        return self

    def float(self) -> Any:
        return self._array

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError("Got unsupported ScalarType BFloat16")


@pytest.mark.parametrize("make", [BFloat16, np.float16])
def test_sixteen_bits_become_the_same_numbers_of_float32(make: Any) -> None:
    values = np.array([[0.5, -1.25]], np.float32)
    state = {"0.weight": make(values), "0.bias": make(np.array([3.0], np.float32))}
    network = em.export.from_torch_state_dict(state, output="identity")
    assert network.dtype == np.float32
    assert np.array_equal(network.weights[0], values.T)
    assert network.biases[0] == 3
