"""The process of one of sparse.py's peers; worker.py tells how it is spoken to."""

from __future__ import annotations

import importlib
import resource
import sys
import time
from abc import ABC, abstractmethod
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

import sparse_problems
import worker
from sparse_problems import ALPHA, BATCH, RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sparse_problems import Indices

    Floats = NDArray[np.float32]
    Parameters = tuple[list[Floats], list[Floats]]

# Rows of the check: whole batches, so that a penalty divided by their length is the same for all.
N_CHECKED = 5 * BATCH

# The library of a peer, and what it is called.
PEERS = {
    "eigenmlp": ("eigenmlp", "eigenmlp"),
    "eigenmlp-all": ("eigenmlp", "eigenmlp, all rows"),
    "eigenmlp-classifier": ("eigenmlp", "eigenmlp's MLPClassifier"),
    "eigenmlp-dense": ("eigenmlp", "eigenmlp, dense rows"),
    "sklearn": ("sklearn", "scikit-learn"),
    "torch": ("torch", "PyTorch, fused Adam"),
    "torch-sparse": ("torch", "PyTorch, SparseAdam"),
}


class Peer(ABC):
    """A network that learns a matrix's rows, an epoch a call."""

    n_threads: int
    alpha = 0.0

    @abstractmethod
    def __init__(self, sizes: tuple[int, ...], shuffle: bool, alpha: float) -> None: ...

    def prepared(self, X: sparse.csr_matrix) -> Any:
        return X

    @abstractmethod
    def epoch(self, X: Any, y: Indices) -> None: ...

    @abstractmethod
    def probabilities(self, X: Any) -> Floats: ...


def start(sizes: tuple[int, ...]) -> Parameters:
    """Return the weights (fan_in, fan_out) and biases that all peers start from."""
    rng = np.random.default_rng(2)
    weights = [
        np.float32(np.sqrt(2 / (n + m))) * rng.standard_normal((n, m), dtype=np.float32)
        for n, m in pairwise(sizes)
    ]
    return weights, [np.zeros(size, np.float32) for size in sizes[1:]]


class Eigenmlp(Peer):
    def __init__(self, sizes: tuple[int, ...], shuffle: bool, alpha: float) -> None:
        self.em: Any = importlib.import_module("eigenmlp")
        self.net = self.em.Network(sizes, rng=0)
        self.net.set_parameters(*start(sizes))
        # Penalties are scikit-learn's here, and then so is the place of ε.
        self.rule = self.em.optimizers.Adam(epsilon_hat=alpha > 0)
        self.options = {"shuffle": shuffle, "l2": alpha, "l2_divided": True}

    def epoch(self, X: Any, y: Indices) -> None:
        self.em.train(
            self.net, X, y, optimizer=self.rule, learning_rate=RATE, batch_size=BATCH, epochs=1,
            rng=0, n_threads=self.n_threads, **self.options,
        )  # fmt: skip

    def probabilities(self, X: Any) -> Floats:
        found: Floats = self.net.predict_proba(X, n_threads=self.n_threads)
        return found


class EigenmlpDense(Eigenmlp):
    def prepared(self, X: sparse.csr_matrix) -> Floats:
        dense: Floats = X.toarray()
        return dense


class Classifier(Peer):
    """An estimator of ours or of scikit-learn's."""

    alpha = ALPHA
    module = "eigenmlp"

    def __init__(self, sizes: tuple[int, ...], shuffle: bool, alpha: float) -> None:
        options: dict[str, Any] = {"batch_size": BATCH, "learning_rate_init": RATE, "alpha": alpha}
        if self.module == "eigenmlp":
            options["n_threads"] = self.n_threads
        made = importlib.import_module(self.module).MLPClassifier
        self.model = made(sizes[1:-1], shuffle=shuffle, random_state=0, **options)
        self.classes = np.arange(sizes[-1])

    def epoch(self, X: Any, y: Indices) -> None:
        self.model.partial_fit(X, y, classes=self.classes)

    def probabilities(self, X: Any) -> Floats:
        found: Floats = self.model.predict_proba(X)
        return found


class ScikitLearn(Classifier):
    module = "sklearn.neural_network"

    def __init__(self, sizes: tuple[int, ...], shuffle: bool, alpha: float) -> None:
        super().__init__(sizes, shuffle, alpha)
        # The first call makes the arrays, which then take the weights that all peers start from;
        # Adam begins anew.
        one = sparse.csr_matrix(([np.float32(1)], ([0], [0])), shape=(1, sizes[0]))
        self.model.partial_fit(one, self.classes[:1], classes=self.classes)
        weights, biases = start(sizes)
        mlp = self.model
        for array, values in zip(mlp.coefs_ + mlp.intercepts_, weights + biases, strict=True):
            array[...] = values
        del mlp._optimizer
        mlp.t_ = 0


class Torch(Peer):
    """An EmbeddingBag whose sums of weighted rows are the first layer's products."""

    is_sparse = False

    def __init__(self, sizes: tuple[int, ...], shuffle: bool, alpha: float) -> None:
        if alpha:
            raise ValueError("penalties are not compared with PyTorch's")
        self.torch: Any = importlib.import_module("torch")
        torch, nn, weights = self.torch, self.torch.nn, start(sizes)[0]
        torch.set_num_threads(self.n_threads)
        self.shuffle, self.rng = shuffle, np.random.default_rng(0)
        self.bag = nn.EmbeddingBag(
            *sizes[:2], mode="sum", include_last_offset=True, sparse=self.is_sparse,
            _weight=torch.from_numpy(weights[0]),
        )  # fmt: skip
        self.bias = nn.Parameter(torch.zeros(sizes[1]))
        layers: list[Any] = [nn.ReLU()]
        for w in weights[1:]:
            layers += [nn.Linear(*w.shape), nn.ReLU()]
            with torch.no_grad():
                layers[-2].weight.copy_(torch.from_numpy(w.T))
                layers[-2].bias.zero_()
        self.rest = nn.Sequential(*layers[:-1])
        others, adam = [self.bias, *self.rest.parameters()], torch.optim.Adam
        if self.is_sparse:
            first = torch.optim.SparseAdam(self.bag.parameters(), lr=RATE)
            self.optimizers = [first, adam(others, lr=RATE, fused=True)]
        else:
            self.optimizers = [adam([*self.bag.parameters(), *others], lr=RATE, fused=True)]

    def _logits(self, X: sparse.csr_matrix) -> Any:
        arrays = (X.indices, X.indptr, X.data)
        indices, offsets, values = (self.torch.from_numpy(array) for array in arrays)
        sums = self.bag(indices, offsets, per_sample_weights=values)
        return self.rest(sums + self.bias)

    def epoch(self, X: Any, y: Indices) -> None:
        n = len(y)
        order = self.rng.permutation(n) if self.shuffle else np.arange(n)
        for first in range(0, n, BATCH):
            rows = order[first : first + BATCH]
            loss = self.torch.nn.functional.cross_entropy(
                self._logits(X[rows]), self.torch.from_numpy(y[rows])
            )
            for optimizer in self.optimizers:
                optimizer.zero_grad()
            loss.backward()
            for optimizer in self.optimizers:
                optimizer.step()

    def probabilities(self, X: Any) -> Floats:
        with self.torch.inference_mode():
            found: Floats = self.torch.softmax(self._logits(X), dim=1).numpy()
        return found


class TorchSparse(Torch):
    is_sparse = True


MAKERS: dict[str, type[Peer]] = {
    "eigenmlp": Eigenmlp,
    "eigenmlp-all": Eigenmlp,
    "eigenmlp-classifier": Classifier,
    "eigenmlp-dense": EigenmlpDense,
    "sklearn": ScikitLearn,
    "torch": Torch,
    "torch-sparse": TorchSparse,
}


class Worker:
    def __init__(self, peer: str, threads: int) -> None:
        self.library = importlib.import_module(PEERS[peer][0])
        self.make = MAKERS[peer]
        self.make.n_threads = threads
        self.takes_all = peer == "eigenmlp-all"
        self.walks_zeros = peer == "eigenmlp-dense"

    def details(self) -> dict[str, str]:
        return {self.library.__name__: self.library.__version__}

    def load(self, path: str) -> dict[str, Any]:
        """Load the problem, train an epoch and predict; tell the MiB that this took."""
        # What libraries load and start when first used is no part of that.
        tiny = self.make((3, 3, 3), True, self.make.alpha)
        tiny.epoch(tiny.prepared(sparse.csr_matrix(np.eye(3, dtype=np.float32))), np.arange(3))
        self.problem = sparse_problems.load(Path(path))
        self.n_rows = self.problem.X.shape[0] if self.takes_all else self.problem.n_trained
        before = _peak_mib()
        self.peer = self.make(self.problem.sizes, True, self.make.alpha)
        self.X = self.peer.prepared(self.problem.X[: self.n_rows])
        self.y = self.problem.y[: self.n_rows]
        # The dense rows of all would not fit.
        self.predicted = self.X if self.walks_zeros else self.problem.X
        self.train()
        self.predict()
        return {"mib": _peak_mib() - before}

    def train(self) -> dict[str, Any]:
        """Return the seconds of an epoch, for 1,000 rows."""
        begin = time.perf_counter()
        self.peer.epoch(self.X, self.y)
        return {"seconds": (time.perf_counter() - begin) * 1000 / self.n_rows}

    def predict(self) -> dict[str, Any]:
        """Return the seconds of all rows' probabilities, for 1,000 rows."""
        begin = time.perf_counter()
        self.peer.probabilities(self.predicted)
        return {"seconds": (time.perf_counter() - begin) * 1000 / self.predicted.shape[0]}

    def check(self, alpha: float, to: str) -> dict[str, Any]:
        """Train an epoch of the first rows in their order; the probabilities go to a file."""
        peer = self.make(self.problem.sizes, False, alpha)
        X, y = peer.prepared(self.problem.X[:N_CHECKED]), self.problem.y[:N_CHECKED]
        peer.epoch(X, y)
        np.save(to, peer.probabilities(X))
        return {}


def _peak_mib() -> float:
    # A new process's ru_maxrss is its parent's where that is more; Linux tells its own, too.
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) / 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2 ** (20 if sys.platform == "darwin" else 10)


if __name__ == "__main__":
    worker.main(Worker)
