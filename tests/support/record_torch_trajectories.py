"""Record the trajectories of `torch_trajectories.json`; run by hand, with PyTorch 2.13 installed.

python tests/support/record_torch_trajectories.py
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import torch

from places import DATA
from torch_problem import BATCH_SIZE, LAYER_SIZES, N_STEPS, SETTINGS, initial_parameters, samples

TARGET = DATA / "torch_trajectories.json"


def trajectory(kind: str, learning_rate: float, weight_decay: float) -> dict[str, Any]:
    """Losses of every step and the parameters after the last."""
    X, y = (torch.from_numpy(array) for array in samples())
    layers: list[torch.nn.Module] = []
    for layer, (w, b) in enumerate(zip(*initial_parameters(), strict=True)):
        linear = torch.nn.Linear(*w.shape, dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(w.T.copy()))
            linear.bias.copy_(torch.from_numpy(b))
        layers += [linear, torch.nn.ReLU()] if layer + 2 < len(LAYER_SIZES) else [linear]
    model = torch.nn.Sequential(*layers)
    rule = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[kind]
    optimizer = rule(model.parameters(), lr=learning_rate, weight_decay=weight_decay)
    losses = []
    for step in range(N_STEPS):
        first = step * BATCH_SIZE % len(X)
        batch = slice(first, first + BATCH_SIZE)
        loss = torch.nn.functional.cross_entropy(model(X[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    linears = [layer for layer in model if isinstance(layer, torch.nn.Linear)]
    return {
        "losses": losses,
        "weights": [layer.weight.detach().numpy().T.tolist() for layer in linears],
        "biases": [layer.bias.detach().numpy().tolist() for layer in linears],
    }


if __name__ == "__main__":
    recorded = {name: trajectory(*setting) for name, setting in SETTINGS.items()}
    content = {"torch": torch.__version__, "numpy": np.__version__, "trajectories": recorded}
    TARGET.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
