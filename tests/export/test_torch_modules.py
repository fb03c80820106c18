"""Modules of PyTorch with the parameters of networks; where it is installed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import eigenmlp as em
from architectures import GRID, made, samples
from torch_modules_problem import Module

torch: Any = pytest.importorskip("torch")

TOLERANCES = {"float32": 2e-6, "float64": 1e-14}


@pytest.mark.parametrize("index", range(len(GRID)))
def test_modules_compute_what_networks_do(index: int) -> None:
    from record_torch_modules import OUTPUTS, build

    net = made(GRID[index], index)
    module = build(
        Module(
            list(net.layer_sizes),
            list(net.activations),
            list(net.normalizations),
            list(net.dropouts),
            net.output,
            net.dtype.name,
        )
    )
    state = em.export.to_torch_state_dict(net)
    module.load_state_dict({name: torch.from_numpy(array) for name, array in state.items()})
    X = samples(net, 33, index)
    with torch.no_grad():
        found = OUTPUTS[net.output](module(torch.from_numpy(X))).numpy()
    expected = net.predict_outputs(X)
    assert found.dtype == expected.dtype
    scale = max(1.0, float(np.abs(expected).max()))
    assert np.abs(found - expected).max() < TOLERANCES[net.dtype.name] * scale

    back = em.export.from_torch_state_dict(
        module.state_dict(),
        activation=net.activations,
        output=net.output,
        normalization=net.normalizations,
    )
    assert np.array_equal(em.export.to_torch_state_dict(back)["0.weight"], state["0.weight"])
