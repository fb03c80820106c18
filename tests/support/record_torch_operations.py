"""Record what PyTorch computes of `operations_problem`; run by hand, with PyTorch 2.13 installed.

python tests/support/record_torch_operations.py
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional

from operations_problem import (
    CASES,
    N_RUN_SAMPLES,
    N_SAMPLES,
    N_STEPS,
    RUN_BATCH,
    RUNS,
    Case,
    Layer,
    Run,
    flat,
    initial_layers,
    sample_weights,
    samples,
)
from places import DATA

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

TARGET = DATA / "torch_operations.json"

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


def build(case: Case) -> torch.nn.Sequential:
    modules: list[torch.nn.Module] = []
    layers = initial_layers(case)
    with torch.no_grad():
        for index, layer in enumerate(layers):
            fan_out, fan_in = layer.weight.shape
            linear = torch.nn.Linear(fan_in, fan_out, dtype=torch.float64)
            linear.weight.copy_(torch.from_numpy(layer.weight))
            linear.bias.copy_(torch.from_numpy(layer.bias))
            modules.append(linear)
            if layer.gain is not None and layer.shift is not None:
                modules.append(normalization(layer, layer.gain, layer.shift))
            if index + 1 < len(layers):
                modules.append(ACTIVATIONS[case.activations[index]]())
    return torch.nn.Sequential(*modules)


def normalization(
    layer: Layer, gain: NDArray[np.float64], shift: NDArray[np.float64]
) -> torch.nn.Module:
    norm: Any
    if layer.running_mean is None or layer.running_variance is None:
        norm = torch.nn.LayerNorm(len(gain), dtype=torch.float64)
    else:
        norm = torch.nn.BatchNorm1d(len(gain), dtype=torch.float64)
        norm.running_mean.copy_(torch.from_numpy(layer.running_mean))
        norm.running_var.copy_(torch.from_numpy(layer.running_variance))
    norm.weight.copy_(torch.from_numpy(gain))
    norm.bias.copy_(torch.from_numpy(shift))
    return norm


def mean_loss(case: Case, z: Any, y: Any, weights: Any) -> Any:
    """Sum over outputs, then the weighted mean over samples."""
    if case.loss == "cross_entropy":
        each = functional.cross_entropy(z, y, label_smoothing=case.parameter, reduction="none")
    elif case.loss == "binary_cross_entropy":
        each = functional.binary_cross_entropy_with_logits(z, y, reduction="none")
    elif case.loss == "squared_error":
        each = functional.mse_loss(z, y, reduction="none") / 2
    elif case.loss == "absolute_error":
        each = functional.l1_loss(z, y, reduction="none")
    elif case.loss == "quantile":
        each = torch.maximum(case.parameter * (y - z), (case.parameter - 1) * (y - z))
    elif case.loss == "huber":
        each = functional.huber_loss(z, y, delta=case.parameter, reduction="none")
    else:
        each = functional.poisson_nll_loss(z, y, log_input=True, reduction="none")
        each = each + torch.xlogy(y, y) - y
    if each.ndim == 2:
        each = each.sum(dim=1)
    return (weights * each).sum() / weights.sum()


def penalty(case: Case, model: torch.nn.Sequential) -> Any:
    penalized = [p for p in model.parameters() if p.ndim == 2 or case.l2_biases]
    return case.l2 / 2 * sum((p**2).sum() for p in penalized)


def outputs(case: Case, model: torch.nn.Sequential, X: Any) -> list[list[float]]:
    """Predictions, by running statistics."""
    model.eval()
    with torch.no_grad():
        z = model(X)
    model.train()
    if case.output == "softmax":
        z = z.softmax(dim=1)
    elif case.output == "logistic":
        z = z.sigmoid()
    elif case.output == "exponential":
        z = z.exp()
    predicted: list[list[float]] = z.tolist()
    return predicted


def flattened(model: torch.nn.Sequential, *, running: bool) -> list[float]:
    """Parameters in the order of `operations_problem.flat`."""
    arrays = [p.detach() for p in model.parameters()]
    if running:
        arrays += [b for b in model.buffers() if b.ndim]
    values: list[float] = torch.cat([array.flatten() for array in arrays]).tolist()
    return values


def tensors(case: Case, n_samples: int) -> tuple[Any, Any, Any]:
    X, y = samples(case, n_samples)
    weights = sample_weights(case, n_samples)
    return (
        torch.from_numpy(X),
        torch.from_numpy(y if case.output == "softmax" else y.astype(np.float64)),
        torch.from_numpy(np.ones(n_samples) if weights is None else weights),
    )


def operation(case: Case) -> dict[str, Any]:
    """Predictions, the loss of training and its gradient; with batch norm, after one step too."""
    X, y, weights = tensors(case, N_SAMPLES)
    model = build(case)
    assert flattened(model, running=True) == flat(initial_layers(case)).tolist()
    recorded: dict[str, Any] = {"outputs": outputs(case, model, X)}
    model.eval()
    recorded["evaluated"] = mean_loss(case, model(X), y, weights).item()
    model.train()
    loss = mean_loss(case, model(X), y, weights) + penalty(case, model)
    loss.backward()
    recorded["loss"] = loss.item()
    recorded["gradient"] = torch.cat([p.grad.flatten() for p in model.parameters()]).tolist()
    if "batch" in case.normalizations:
        # Mean and variance, layer by layer.
        recorded["running"] = [b.tolist() for b in model.buffers() if b.ndim]
        recorded["outputs_after"] = outputs(case, model, X)
    return recorded


def rule_of(run: Run, model: torch.nn.Sequential) -> torch.optim.Optimizer:
    options = dict(run.options)
    decay = options.pop("weight_decay", 0.0)
    biases = options.pop("decay_biases", False)
    if run.rule != "SGD":
        betas = options.pop("beta1", 0.9), options.pop("beta2", 0.999)
        options = {"betas": betas, "eps": options.pop("epsilon", 1e-8), **options}
    groups = [
        {"params": [p], "weight_decay": decay if biases or p.ndim == 2 else 0.0}
        for p in model.parameters()
    ]
    rule = {"SGD": torch.optim.SGD, "Adam": torch.optim.Adam, "AdamW": torch.optim.AdamW}[run.rule]
    optimizer: torch.optim.Optimizer = rule(groups, lr=run.learning_rate, **options)
    return optimizer


def clip(run: Run, model: torch.nn.Sequential) -> bool:
    """Bound the gradient; whether that changed it."""
    gradient = [p.grad for p in model.parameters()]
    norm = torch.cat([g.flatten() for g in gradient]).norm()
    largest = max(g.abs().max() for g in gradient)
    if run.clip_value is not None:
        torch.nn.utils.clip_grad_value_(model.parameters(), run.clip_value)
        return bool(largest > run.clip_value)
    if run.clip_norm is not None and norm > run.clip_norm:
        # Not clip_grad_norm_, which divides by ‖g‖ + 1e-6.
        for g in gradient:
            g.mul_(run.clip_norm / norm)
        return True
    return False


def trajectory(run: Run) -> dict[str, Any]:
    """Losses of every step, without penalty; parameters and predictions after the last."""
    X, y, weights = tensors(run.case, N_RUN_SAMPLES)
    model = build(run.case)
    optimizer = rule_of(run, model)
    losses = []
    n_clipped = 0
    for step in range(N_STEPS):
        first = step % -(-N_RUN_SAMPLES // RUN_BATCH) * RUN_BATCH
        batch = slice(first, first + RUN_BATCH)
        loss = mean_loss(run.case, model(X[batch]), y[batch], weights[batch])
        optimizer.zero_grad()
        (loss + penalty(run.case, model)).backward()
        n_clipped += clip(run, model)
        for group in optimizer.param_groups:
            group["lr"] = run.rate(step)
        optimizer.step()
        losses.append(loss.item())
    if run.clip_norm is not None or run.clip_value is not None:
        assert 2 < n_clipped < N_STEPS - 2, n_clipped
    return {
        "losses": losses,
        "parameters": flattened(model, running=True),
        "outputs": outputs(run.case, model, X[:RUN_BATCH]),
    }


def main() -> None:
    lines = [f'"torch": "{torch.__version__}", "numpy": "{np.__version__}"']
    for key, recorded in (
        ("operations", {name: operation(case) for name, case in CASES.items()}),
        ("runs", {name: trajectory(run) for name, run in RUNS.items()}),
    ):
        entries = [
            f"{json.dumps(name)}: {json.dumps(value, separators=(',', ':'))}"
            for name, value in recorded.items()
        ]
        lines.append(f'"{key}": {{\n' + ",\n".join(entries) + "\n}")
    TARGET.write_text("{" + ",\n".join(lines) + "}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
