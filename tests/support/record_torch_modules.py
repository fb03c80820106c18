"""Record state dicts and outputs of PyTorch; run by hand, with PyTorch 2.13 installed.

python tests/support/record_torch_modules.py
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import torch

from places import DATA
from torch_modules_problem import MODULES, STRANGERS, Module

if TYPE_CHECKING:
    from collections.abc import Callable

TARGET = DATA / "torch_modules.json"
STRANGERS_TARGET = TARGET.with_name("torch_strangers.json")

ACTIVATIONS: dict[str, Callable[[], torch.nn.Module]] = {
    "identity": torch.nn.Identity,
    "logistic": torch.nn.Sigmoid,
    "tanh": torch.nn.Tanh,
    "relu": torch.nn.ReLU,
    "leaky_relu": torch.nn.LeakyReLU,
    "elu": torch.nn.ELU,
    "silu": torch.nn.SiLU,
    "gelu": torch.nn.GELU,
    "selu": torch.nn.SELU,
    "mish": torch.nn.Mish,
}
OUTPUTS: dict[str, Callable[[Any], Any]] = {
    "softmax": lambda z: torch.softmax(z, dim=1),
    "logistic": torch.sigmoid,
    "identity": lambda z: z,
    "exponential": torch.exp,
}


def build(module: Module) -> torch.nn.Sequential:
    parts: list[torch.nn.Module] = []
    n_hidden = len(module.activations)
    for layer in range(n_hidden + 1):
        fan_in, fan_out = module.sizes[layer : layer + 2]
        parts.append(torch.nn.Linear(fan_in, fan_out, bias=not module.plain or layer == n_hidden))
        if layer == n_hidden:
            break
        if module.normalizations[layer] == "batch":
            parts.append(torch.nn.BatchNorm1d(fan_out, affine=not module.plain))
        if module.normalizations[layer] == "layer":
            parts.append(torch.nn.LayerNorm(fan_out, bias=not module.plain))
        parts.append(ACTIVATIONS[module.activations[layer]]())
        if module.dropouts[layer] > 0:
            parts.append(torch.nn.Dropout(module.dropouts[layer]))
    return torch.nn.Sequential(*parts).to(getattr(torch, module.dtype)).eval()


def record(module: Module) -> dict[str, Any]:
    built = build(module)
    state = built.state_dict()
    for name, tensor in state.items():
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 2.0)
        elif tensor.is_floating_point():
            tensor.normal_(0.0, 0.7)
    built.load_state_dict(state)
    X = torch.randn(6, module.sizes[0], dtype=getattr(torch, module.dtype))
    with torch.no_grad():
        outputs = OUTPUTS[module.output](built(X))
    return {
        "state": {name: tensor.tolist() for name, tensor in state.items()},
        "X": X.tolist(),
        "outputs": outputs.tolist(),
    }


def record_stranger(layers: str) -> dict[str, Any]:
    module = torch.nn.Sequential(*eval(f"[{layers}]", vars(torch.nn)))  # noqa: S307
    return {name: tensor.tolist() for name, tensor in module.state_dict().items()}


if __name__ == "__main__":
    torch.manual_seed(0)
    records = {name: record(module) for name, module in MODULES.items()}
    TARGET.write_text(json.dumps(records) + "\n", encoding="utf-8")
    strangers = {name: record_stranger(layers) for name, layers in STRANGERS.items()}
    STRANGERS_TARGET.write_text(json.dumps(strangers) + "\n", encoding="utf-8")
