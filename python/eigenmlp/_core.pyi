import enum
from typing import Any, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

_Float32: TypeAlias = np.float32
_Float64: TypeAlias = np.float64

def instruction_set() -> str: ...
def sharing_threads() -> int: ...
def constants() -> dict[str, float]: ...
def activations() -> list[str]: ...

class Normalization(enum.Enum):
    none = 0
    batch = 1
    layer = 2

class Output(enum.Enum):
    softmax = 0
    logistic = 1
    identity = 2
    exponential = 3

class TargetKind(enum.Enum):
    labels = 0
    probabilities = 1
    reals = 2
    counts = 3

def largest_weight(single: bool) -> float: ...

@final
class Threads:
    def __init__(self, count: int, exact: bool) -> None: ...
    @property
    def count(self) -> int: ...
    def __enter__(self) -> None: ...
    def __exit__(self, *args: object) -> None: ...

@final
class Samples:
    def __init__(
        self,
        x: Any,
        y: Any,
        kind: TargetKind,
        weights: Any,
        n_features: int,
        n_outputs: int,
        single: bool,
    ) -> None: ...
    def __len__(self) -> int: ...

@final
class HiddenLayer:
    def __init__(self, activation: str, normalization: Normalization, dropout: float) -> None: ...

@final
class Architecture:
    def __init__(
        self,
        sizes: list[int],
        hidden: list[HiddenLayer],
        output: Output,
        input_scale: float,
        dropout_seed: int,
    ) -> None: ...

@final
class Layer:
    @property
    def fan_in(self) -> int: ...
    @property
    def fan_out(self) -> int: ...
    @property
    def weights(self) -> int: ...
    @property
    def biases(self) -> int: ...
    @property
    def gains(self) -> int: ...
    @property
    def shifts(self) -> int: ...
    @property
    def means(self) -> int: ...
    @property
    def variances(self) -> int: ...

@final
class Loss:
    def __init__(self, kind: str, parameter: float) -> None: ...

@final
class Penalty:
    def __init__(self, l2: float, biases: bool, divided: bool) -> None: ...

@final
class Clipping:
    def __init__(self, value: float, norm: float) -> None: ...

@final
class EpochSettings:
    def __init__(
        self,
        batch_size: int,
        learning_rates: list[float],
        loss: Loss,
        penalty: Penalty,
        clipping: Clipping,
        objective: bool,
    ) -> None: ...

@final
class EpochResult:
    @property
    def diverged(self) -> bool: ...
    @property
    def loss(self) -> float: ...
    @property
    def correct(self) -> float: ...
    @property
    def weight(self) -> float: ...
    @property
    def objective(self) -> float: ...
    @property
    def penalty(self) -> float: ...
    @property
    def n_samples(self) -> int: ...
    @property
    def n_batches(self) -> int: ...

@final
class Sgd:
    def __init__(self) -> None: ...

@final
class Momentum:
    def __init__(self, momentum: float, nesterov: bool) -> None: ...

@final
class Adam:
    def __init__(
        self, beta1: float, beta2: float, epsilon: float, amsgrad: bool, epsilon_hat: bool
    ) -> None: ...

@final
class AdamW:
    def __init__(
        self,
        beta1: float,
        beta2: float,
        epsilon: float,
        amsgrad: bool,
        weight_decay: float,
        decay_biases: bool,
    ) -> None: ...

_Rule: TypeAlias = Sgd | Momentum | Adam | AdamW

@final
class Optimizer32:
    def __init__(self, rule: _Rule, n_parameters: int) -> None: ...
    def clock(self) -> int: ...
    def reset(self) -> None: ...
    def moments(self) -> list[NDArray[_Float32]]: ...
    def restore(self, moments: list[NDArray[_Float32]], clock: int) -> None: ...

@final
class Claim:
    def __enter__(self) -> None: ...
    def __exit__(self, *args: object) -> None: ...

@final
class Network32:
    def __init__(self, architecture: Architecture) -> None: ...
    @property
    def n_parameters(self) -> int: ...
    def layers(self) -> list[Layer]: ...
    def claim(self) -> Claim: ...
    def values(self) -> NDArray[_Float32]: ...
    def set_values(self, values: NDArray[_Float32]) -> None: ...
    def set_dropout_seed(self, seed: int) -> None: ...
    def predict(self, samples: Samples, threads: Threads) -> tuple[NDArray[np.int64], int]: ...
    def predict_outputs(
        self, samples: Samples, threads: Threads
    ) -> tuple[NDArray[_Float32], int]: ...
    def evaluate(
        self, samples: Samples, loss: Loss, threads: Threads
    ) -> tuple[float, float, float]: ...
    def loss_and_gradient(
        self,
        samples: Samples,
        loss: Loss,
        penalty: Penalty,
        dropout_step: int | None,
        dropout_first: int,
        statistics: bool,
        threads: Threads,
    ) -> tuple[float, NDArray[_Float32]]: ...
    def step(
        self, optimizer: Optimizer32, gradient: NDArray[_Float32], learning_rate: float
    ) -> bool: ...
    def penalty(self, penalty: Penalty) -> float: ...
    def train_epoch(
        self,
        optimizer: Optimizer32,
        samples: Samples,
        order: NDArray[np.int64] | None,
        settings: EpochSettings,
        threads: Threads,
    ) -> EpochResult: ...

@final
class Optimizer64:
    def __init__(self, rule: _Rule, n_parameters: int) -> None: ...
    def clock(self) -> int: ...
    def reset(self) -> None: ...
    def moments(self) -> list[NDArray[_Float64]]: ...
    def restore(self, moments: list[NDArray[_Float64]], clock: int) -> None: ...

@final
class Network64:
    def __init__(self, architecture: Architecture) -> None: ...
    @property
    def n_parameters(self) -> int: ...
    def layers(self) -> list[Layer]: ...
    def claim(self) -> Claim: ...
    def values(self) -> NDArray[_Float64]: ...
    def set_values(self, values: NDArray[_Float64]) -> None: ...
    def set_dropout_seed(self, seed: int) -> None: ...
    def predict(self, samples: Samples, threads: Threads) -> tuple[NDArray[np.int64], int]: ...
    def predict_outputs(
        self, samples: Samples, threads: Threads
    ) -> tuple[NDArray[_Float64], int]: ...
    def evaluate(
        self, samples: Samples, loss: Loss, threads: Threads
    ) -> tuple[float, float, float]: ...
    def loss_and_gradient(
        self,
        samples: Samples,
        loss: Loss,
        penalty: Penalty,
        dropout_step: int | None,
        dropout_first: int,
        statistics: bool,
        threads: Threads,
    ) -> tuple[float, NDArray[_Float64]]: ...
    def step(
        self, optimizer: Optimizer64, gradient: NDArray[_Float64], learning_rate: float
    ) -> bool: ...
    def penalty(self, penalty: Penalty) -> float: ...
    def train_epoch(
        self,
        optimizer: Optimizer64,
        samples: Samples,
        order: NDArray[np.int64] | None,
        settings: EpochSettings,
        threads: Threads,
    ) -> EpochResult: ...
