"""State dicts of PyTorch, there and back, and parameters as Keras names them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

import eigenmlp as em
from architectures import GRID, made
from places import DATA
from torch_modules_problem import MODULES

RECORDS: dict[str, Any] = json.loads((DATA / "torch_modules.json").read_text(encoding="utf-8"))


def recorded_state(name: str) -> dict[str, Any]:
    dtype = MODULES[name].dtype
    return {
        key: np.array(values, np.int64 if key.endswith("tracked") else dtype)
        for key, values in RECORDS[name]["state"].items()
    }


def network_of(name: str) -> em.Network:
    module = MODULES[name]
    network: em.Network = em.export.from_torch_state_dict(
        recorded_state(name),
        activation=module.activations,
        output=module.output,
        dropout=module.dropouts,
        normalization=module.normalizations,
    )
    return network


@pytest.mark.parametrize("name", MODULES)
def test_networks_compute_what_pytorch_does(name: str) -> None:
    module = MODULES[name]
    network = network_of(name)
    assert network.dtype == module.dtype
    assert list(network.layer_sizes) == module.sizes
    assert list(network.normalizations) == module.normalizations
    X = np.array(RECORDS[name]["X"], module.dtype)
    expected = np.array(RECORDS[name]["outputs"])
    tolerance = 3e-7 if module.dtype == "float32" else 1e-15
    error = np.abs(network.predict_outputs(X) - expected).max()
    assert error < tolerance * max(1.0, expected.max())


@pytest.mark.parametrize("name", [name for name in MODULES if not MODULES[name].plain])
def test_a_state_dict_comes_back(name: str) -> None:
    state, back = recorded_state(name), em.export.to_torch_state_dict(network_of(name))
    assert list(back) == list(state)
    for key, array in state.items():
        assert back[key].dtype == array.dtype
        assert back[key].shape == array.shape
        assert np.array_equal(back[key], array)
        assert back[key].flags.c_contiguous
        assert back[key].flags.writeable


@pytest.mark.parametrize("index", range(len(GRID)))
def test_round_trip_of_the_grid(index: int) -> None:
    net = made({**GRID[index], "input_scale": 1.0}, index)
    back = em.export.from_torch_state_dict(
        em.export.to_torch_state_dict(net),
        activation=net.activations,
        output=net.output,
        dropout=net.dropouts,
        normalization=net.normalizations,
    )
    assert repr(back) == repr(net)
    assert np.array_equal(back.get_flat_parameters(), net.get_flat_parameters())


class Tensor:
    """As much of a tensor on an accelerator, which NumPy can't read, as is asked of one."""

    def __init__(self, array: Any, place: str = "cuda") -> None:
        self._array, self._place = array, place

    def detach(self) -> Tensor:
        return Tensor(self._array, "detached")

    def cpu(self) -> Any:
        assert self._place == "detached"
        return self._array


def test_tensors_are_taken() -> None:
    state = {key: Tensor(array) for key, array in recorded_state("relu").items()}
    network = em.export.from_torch_state_dict(state)
    assert np.array_equal(network.get_flat_parameters(), network_of("relu").get_flat_parameters())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_input_scale_is_folded_in(dtype: str) -> None:
    network = em.Network([5, 7, 3], normalization="batch", input_scale=1 / 255, dtype=dtype, rng=0)
    X = np.random.default_rng(0).integers(0, 256, (20, 5)).astype(dtype)
    em.train(network, X, np.arange(20) % 3, epochs=3, rng=0)
    folded = em.export.from_torch_state_dict(em.export.to_torch_state_dict(network))
    assert folded.input_scale == 1
    tolerance = 1e-6 if dtype == "float32" else 1e-14
    assert np.abs(folded.predict_proba(X) - network.predict_proba(X)).max() < tolerance
    kernel = em.export.to_arrays(network)["dense_0/kernel"]
    assert np.array_equal(kernel, folded.weights[0])


def test_the_input_scale_can_be_given() -> None:
    network = em.export.from_torch_state_dict(recorded_state("relu"), input_scale=0.5)
    X = np.array(RECORDS["relu"]["X"], np.float32)
    assert np.array_equal(network.predict_proba(2 * X), network_of("relu").predict_proba(X))


def test_a_scaled_weight_that_overflows() -> None:
    network = em.Network([1, 1], output="identity", input_scale=1e30)
    network.set_parameters([[[1e10]]], [[0]])
    for export in (em.export.to_torch_state_dict, em.export.to_arrays):
        with pytest.raises(ValueError, match=r"first layer times input_scale=1e\+30 holds"):
            export(network)


def test_estimators_show_their_network() -> None:
    X, y = np.arange(8.0).reshape(-1, 1), np.array(["a", "b"] * 4)
    model = em.MLPClassifier((), solver="lbfgs").fit(X, y)
    state = em.export.to_torch_state_dict(model)
    logits = X @ state["0.weight"].T + state["0.bias"]
    assert np.allclose(1 / (1 + np.exp(-logits)), model.predict_proba(X)[:, 1:], rtol=1e-12)
    for export in (em.export.to_torch_state_dict, em.export.to_arrays):
        with pytest.raises(NotFittedError):
            export(em.MLPClassifier())
        with pytest.raises(TypeError, match="is neither an eigenmlp"):
            export(state)


def test_the_model_is_not_touched() -> None:
    network = em.Network([2, 3, 2], input_scale=0.5, rng=0)
    before = network.get_flat_parameters()
    for array in em.export.to_torch_state_dict(network).values():
        array[...] = 0
    assert np.array_equal(network.get_flat_parameters(), before)


def test_arrays_as_keras_names_them() -> None:
    network = network_of("all")
    arrays = em.export.to_arrays(network)
    assert list(arrays)[2:8] == [
        "dense_1/kernel",
        "dense_1/bias",
        "batch_normalization_1/gamma",
        "batch_normalization_1/beta",
        "batch_normalization_1/moving_mean",
        "batch_normalization_1/moving_variance",
    ]
    assert list(arrays)[8:12] == [
        "dense_2/kernel",
        "dense_2/bias",
        "layer_normalization_2/gamma",
        "layer_normalization_2/beta",
    ]
    state = recorded_state("all")
    assert np.array_equal(arrays["dense_1/kernel"], state["2.weight"].T)
    assert np.array_equal(arrays["batch_normalization_1/moving_variance"], state["3.running_var"])
    assert np.array_equal(arrays["layer_normalization_2/gamma"], state["7.weight"])


LINEAR = {"0.weight": np.ones((3, 2)), "0.bias": np.ones(3)}
OUT = {"2.weight": np.ones((1, 3)), "2.bias": np.ones(1)}
NORM = {"1.weight": np.ones(3), "1.bias": np.ones(3)}
STATISTICS = {"1.running_mean": np.ones(3), "1.running_var": np.ones(3)}


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({}, "the state dict ends with no Linear layer"),
        (NORM, "'1' follows no Linear layer"),
        (LINEAR | NORM, "the state dict ends with no Linear layer"),
        (LINEAR | NORM | {"n.weight": np.ones(3)} | OUT, "'n' follows no Linear layer"),
        (LINEAR | {"2.weight": np.ones((1, 4))}, "'2' takes 4 inputs, but .* has 3 units"),
        (LINEAR | {"0.bias": np.ones(2)} | OUT, r"'0' has a bias of shape \(2,\), but \(3,\)"),
        (LINEAR | {"1.weight": np.ones(2)} | OUT, r"'1' has a gain of shape \(2,\), but \(3,\)"),
        (LINEAR | {"1.weight": np.ones((3, 2, 1))} | OUT, r"a gain of shape \(3, 2, 1\)"),
        (LINEAR | NORM | {"1.running_mean": np.ones(3)} | OUT, "'1' has only weight, bias, runn"),
        (LINEAR | {"1.bias": np.ones(3)} | OUT, "'1' has only bias"),
        (LINEAR | {"0.running_mean": np.ones(3)}, "'0' has a matrix and running statistics"),
        ({"rnn.weight_ih_l0": np.ones((2, 2))}, "'rnn.weight_ih_l0' is of no layer"),
        (LINEAR | {"0.bias": np.array([0, np.nan, 0])} | OUT, "the state dict holds NaN"),
        (
            LINEAR | NORM | STATISTICS | {"1.running_var": -np.ones(3)} | OUT,
            "the state dict holds a negative running variance of layer 0",
        ),
        ({"0.weight": np.ones((0, 2))}, r"layer_sizes\[1\]=0 is less than 1"),
    ],
)
def test_states_of_other_modules(state: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        em.export.from_torch_state_dict(state)


def test_states_that_are_none() -> None:
    with pytest.raises(TypeError, match="state is a list, not a state dict"):
        em.export.from_torch_state_dict([])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"'0\.weight' must hold real numbers, got dtype <U1"):
        em.export.from_torch_state_dict({"0.weight": [["a"]]})
    with pytest.raises(ValueError, match=r"activation=.* has 2 entries, but there are 1 hidden"):
        em.export.from_torch_state_dict(LINEAR | OUT, activation=["relu", "tanh"])
