"""What a processor allows, and how much of it a kernel needs: the arithmetic of the roofline."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from problem import n_parameters

if TYPE_CHECKING:
    from problem import Model

_FLOAT = 4  # bytes

# Operations of an update, a parameter; root and quotient count one each.
_UPDATE_FLOPS = {"sgd": 4, "adam": 14}
# Reads and writes of an update, a parameter: θ, and Adam's two moments.
_UPDATE_STREAMS = {"sgd": 2, "adam": 6}


@dataclass(frozen=True)
class Limits:
    """An instruction set on some threads, measured: each per second."""

    flops: float
    quotients: float  # x / √y
    bandwidths: dict[int, float]  # bytes read and written, by the bytes of the working set

    def best(self, other: Limits) -> Limits:
        """Join two measurements: whatever disturbs only slows down."""
        bandwidths = {b: max(v, other.bandwidths[b]) for b, v in self.bandwidths.items()}
        return Limits(
            max(self.flops, other.flops), max(self.quotients, other.quotients), bandwidths
        )

    def bandwidth(self, working_set: float) -> float:
        sizes = sorted(self.bandwidths)
        values = [self.bandwidths[size] for size in sizes]
        return float(np.interp(np.log(working_set), np.log(sizes), values))


@dataclass(frozen=True)
class Work:
    """What a kernel can't do without: operations, and each value read or written once."""

    flops: float = 0.0
    quotients: float = 0.0
    traffic: float = 0.0  # bytes
    working_set: float = 0.0  # bytes

    def seconds(self, limits: Limits) -> float:
        """Whichever limit is reached first: arithmetic and memory overlap."""
        return max(
            self.flops / limits.flops,
            self.quotients / limits.quotients,
            self.traffic / limits.bandwidth(self.working_set) if self.traffic else 0.0,
        )


def kernel_work(sizes: tuple[int, ...], samples: int) -> dict[str, Work]:
    """Work of each kernel of benchmarks/kernels.cpp for all layers and so many samples."""
    layers = list(pairwise(sizes))
    units = sum(sizes)
    parameters = n_parameters(sizes)
    upper = parameters - (sizes[0] + 1) * sizes[1]  # parameters above the first layer
    hidden = sum(sizes[1:-1])

    def moved(flops: float, floats: float) -> Work:
        return Work(flops, 0.0, _FLOAT * floats, _FLOAT * floats)

    work = {
        # Rows in; a panel, and a copy for the weight gradient out.
        "gather": moved(0, 3 * samples * sizes[0]),
        "forward": moved(2 * samples * parameters, parameters + samples * units),
        # Logits in, δ out; hidden activations copied for the weight gradient.
        "loss": moved(0, samples * 2 * (hidden + sizes[-1])),
        # δ in, activations replaced by δ.
        "backward": moved(
            2 * samples * upper, upper + samples * sum(o + 2 * i for i, o in layers[1:])
        ),
        "gradient": moved(2 * samples * parameters, samples * sum(i + o for i, o in layers)),
    }
    gradient = work["gradient"]
    for rule, flops in _UPDATE_FLOPS.items():
        streams = _UPDATE_STREAMS[rule]
        quotients = parameters if rule == "adam" else 0
        state = _FLOAT * parameters * streams // 2
        # From a gradient in memory, which is one stream more; and as the end of a gradient's tile.
        work[f"update_{rule}"] = Work(
            flops * parameters,
            quotients,
            _FLOAT * parameters * (streams + 1),
            state + _FLOAT * parameters,
        )
        work[f"gradient_{rule}"] = Work(
            gradient.flops + flops * parameters,
            quotients,
            gradient.traffic + _FLOAT * parameters * streams,
            gradient.working_set + state,
        )
    return work


def step_seconds(model: Model, limits: Limits) -> float:
    """Tell the least time of a training step, kernel after kernel."""
    work = kernel_work(model.sizes, model.batch)
    kernels = ("gather", "forward", "loss", "backward", f"gradient_{model.rule}")
    return sum(work[kernel].seconds(limits) for kernel in kernels)
