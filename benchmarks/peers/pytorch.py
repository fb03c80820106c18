"""PyTorch, eager: the optimizer as it comes, or its fused kernel. Batches by plain indexing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from peers import base
from problem import BETA1, BETA2, EPSILON

if TYPE_CHECKING:
    from problem import Floats, Problem


def details() -> dict[str, str]:
    mkl = "with MKL" if torch.backends.mkl.is_available() else "without MKL"
    return {"PyTorch": f"{torch.__version__} {mkl}, {torch.backends.cpu.get_cpu_capability()}"}


def use_threads(count: int) -> None:
    torch.set_num_threads(count)


def _network(problem: Problem) -> Any:
    layers: list[Any] = []
    for w in problem.weights:
        layers += [nn.Linear(*w.shape), nn.ReLU()]
    net = nn.Sequential(*layers[:-1])
    _set_parameters(net, problem)
    return net


def _linear(net: Any) -> list[Any]:
    return [layer for layer in net if isinstance(layer, nn.Linear)]


def _set_parameters(net: Any, problem: Problem) -> None:
    with torch.no_grad():
        for layer, w, b in zip(_linear(net), problem.weights, problem.biases, strict=True):
            layer.weight.copy_(torch.from_numpy(w.T))
            layer.bias.copy_(torch.from_numpy(b))


class Trainer(base.Trainer):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.X, self.y = torch.from_numpy(problem.X), torch.from_numpy(problem.y)
        self.net = _network(problem)
        self.loss = nn.CrossEntropyLoss()
        model = problem.model
        groups = [
            {"params": [e.weight for e in _linear(self.net)], "weight_decay": model.l2},
            {"params": [e.bias for e in _linear(self.net)], "weight_decay": 0.0},
        ]
        options: dict[str, Any] = {"lr": model.learning_rate}
        if os.environ["BENCHMARK_PEER"] == "torch-fused":
            options["fused"] = True
        if model.rule == "adam":
            options |= {"betas": (BETA1, BETA2), "eps": EPSILON}
        rule: Any = torch.optim.Adam if model.rule == "adam" else torch.optim.SGD
        self.optimizer = rule(groups, **options)

    def reset(self) -> None:
        _set_parameters(self.net, self.problem)
        for state in self.optimizer.state.values():
            for value in state.values():
                if torch.is_tensor(value):
                    value.zero_()

    def epoch(self, turn: int) -> None:
        batch = self.problem.model.batch
        if self.problem.model.batch_size is None:
            self._step(self.X, self.y)
            return
        order = torch.from_numpy(self.problem.order(turn))
        for first in range(0, len(order), batch):
            chosen = order[first : first + batch]
            self._step(self.X[chosen], self.y[chosen])

    def parameters(self) -> tuple[list[Floats], list[Floats]]:
        layers = _linear(self.net)
        return (
            [layer.weight.detach().numpy().T for layer in layers],
            [layer.bias.detach().numpy() for layer in layers],
        )

    def _step(self, X: Any, y: Any) -> None:
        self.optimizer.zero_grad()
        self.loss(self.net(X), y).backward()
        self.optimizer.step()


class Predictor(base.Predictor):
    def __init__(self, problem: Problem) -> None:
        self.net = _network(problem).eval()

    def predict(self, X: Floats) -> Floats:
        with torch.inference_mode():
            probabilities: Floats = torch.softmax(self.net(torch.from_numpy(X)), dim=1).numpy()
        return probabilities
