"""The network: an architecture, its parameters, and what can be asked of it."""

import math
import os
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from eigenmlp import model_files
from eigenmlp._checks import (
    checked_dtype,
    checked_l2,
    checked_scale,
    checked_sizes,
    fill,
)
from eigenmlp._native import _core
from eigenmlp._threads import threads
from eigenmlp.errors import ModelFileError
from eigenmlp.initializers import INITIALIZERS

__all__ = ["Evaluation", "Network", "load_network"]

_CORES: dict[str, type[_core.Network32 | _core.Network64]] = {
    "float32": _core.Network32,
    "float64": _core.Network64,
}


@dataclass(frozen=True)
class Evaluation:
    """Scores of a network on labelled samples.

    Attributes
    ----------
    loss : float
        Mean cross-entropy in nats, without penalty, >= 0.
    accuracy : float
        Share of samples whose most probable class is the label, 0 to 1.
    """

    loss: float
    accuracy: float


class Network:
    r"""A multilayer perceptron for classification: dense layers, ReLU between them, softmax last.

    With :math:`a^0 = s\,x` (the input scale times a sample), :math:`z^l = W^l a^{l-1} + b^l`,
    :math:`a^l = \max(0, z^l)` for hidden layers, the class probabilities are
    :math:`\hat y = \mathrm{softmax}(z^L)` and the loss of a sample of class :math:`c` is
    :math:`-\log \hat y_c`.

    Parameters
    ----------
    layer_sizes : sequence of int
        Units of the input, of each hidden layer, and of the output (the number of classes): at
        least two numbers, each >= 1.
    dtype : {"float32", "float64"}, default="float32"
        Type of the parameters and of all arithmetic.
    init : {"he_normal", "he_uniform", "glorot_uniform", "torch_linear"}, default="he_normal"
        Distribution of the initial parameters. With n = fan_in: normal with variance 2/n; uniform
        within ±√(6/n); uniform within ±√(6/(n + fan_out)); uniform within ±1/√n. Biases start at
        zero, but with "torch_linear" are drawn like its weights, as PyTorch's ``nn.Linear`` does.
    input_scale : float, default=1.0
        Every input is multiplied by it inside the network, in training and prediction alike; 1/255
        brings 8-bit pixels to 0 … 1. Finite, not 0.
    rng : int, numpy.random.Generator or None, default=None
        Seed or generator of the initial parameters. The same seed gives the same bits; None draws
        fresh ones.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type or outside its range.
    MemoryError
        If the parameters don't fit into memory.

    Examples
    --------
    >>> import numpy as np
    >>> import eigenmlp as em
    >>> net = em.Network([784, 100, 80, 49], input_scale=1 / 255, rng=0)
    >>> net.n_parameters
    90549
    >>> images = np.zeros((3, 784), dtype=np.uint8)
    >>> net.predict_proba(images).shape
    (3, 49)
    """

    def __init__(
        self,
        layer_sizes: Sequence[int],
        *,
        dtype: DTypeLike = "float32",
        init: str = "he_normal",
        input_scale: float = 1.0,
        rng: int | np.random.Generator | None = None,
    ) -> None:
        sizes = checked_sizes(layer_sizes)
        if init not in INITIALIZERS:
            raise ValueError(f"init={init!r} is unknown; use one of {', '.join(INITIALIZERS)}")
        name = checked_dtype(dtype)
        self._allocate(sizes, name, checked_scale(input_scale, name))
        generator = np.random.default_rng(rng)
        layers = [
            INITIALIZERS[init](fan_in, fan_out, generator)
            for fan_in, fan_out, _, _ in self._core.layers()
        ]
        self.set_parameters([w for w, _ in layers], [b for _, b in layers])

    def _allocate(self, sizes: list[int], dtype: str, input_scale: float) -> None:
        self._layer_sizes = tuple(sizes)
        self._dtype = np.dtype(dtype)
        self._single = dtype == "float32"
        self._input_scale = input_scale
        # The core counts in 64 bits, and refuses far smaller sizes for lack of memory.
        self._core = _CORES[dtype]([min(size, 2**62) for size in sizes], input_scale)
        # Held for the length of a training run: see eigenmlp.training.
        self._training_lock = threading.Lock()

    def __repr__(self) -> str:
        scale = "" if self.input_scale == 1 else f", input_scale={self.input_scale!r}"
        return f"Network({list(self.layer_sizes)}, dtype={self.dtype.name!r}{scale})"

    def __reduce__(self) -> tuple[Any, ...]:
        state = (self.layer_sizes, self.dtype.name, self.input_scale, self.get_flat_parameters())
        return _rebuild, state

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Units of the input, of each hidden layer and of the output."""
        return self._layer_sizes

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the parameters and of all arithmetic: float32 or float64."""
        return self._dtype

    @property
    def input_scale(self) -> float:
        """Factor that every input is multiplied by."""
        return self._input_scale

    @property
    def n_parameters(self) -> int:
        """Number of weights and biases."""
        return sum((i + 1) * o for i, o, _, _ in self._core.layers())

    @property
    def weights(self) -> list[NDArray[Any]]:
        """Copies of the weights, one (fan_in, fan_out) array a layer."""
        return self._unflatten(self.get_flat_parameters())[0]

    @property
    def biases(self) -> list[NDArray[Any]]:
        """Copies of the biases, one (fan_out,) array a layer."""
        return self._unflatten(self.get_flat_parameters())[1]

    def set_parameters(self, weights: Iterable[ArrayLike], biases: Iterable[ArrayLike]) -> None:
        """Replace all weights and biases.

        Parameters
        ----------
        weights : sequence of (fan_in, fan_out) arrays
            One a layer, finite; converted to the network's dtype.
        biases : sequence of (fan_out,) arrays
            One a layer, finite; converted to the network's dtype.

        Raises
        ------
        ValueError
            If a number of arrays, a shape or a value is wrong. The network is then unchanged.

        Examples
        --------
        >>> import eigenmlp as em
        >>> source, copy = em.Network([4, 3], rng=0), em.Network([4, 3], rng=1)
        >>> copy.set_parameters(source.weights, source.biases)
        >>> bool((copy.weights[0] == source.weights[0]).all())
        True
        """
        weights, biases = list(weights), list(biases)
        layers = self._core.layers()
        for name, arrays in (("weights", weights), ("biases", biases)):
            if len(arrays) != len(layers):
                raise ValueError(
                    f"this network has {len(layers)} layers, but {name} has {len(arrays)} arrays"
                )
        flat = np.empty(self.n_parameters, dtype=self.dtype)
        flat_weights, flat_biases = self._unflatten(flat, copy=False)
        for layer in range(len(layers)):
            fill(flat_weights[layer], weights[layer], f"weights[{layer}]")
            fill(flat_biases[layer], biases[layer], f"biases[{layer}]")
        self._core.set_parameters(flat)

    def get_flat_parameters(self) -> NDArray[Any]:
        """Copy all parameters into one (n_parameters,) array, to keep and to give back."""
        return self._core.parameters()

    def set_flat_parameters(self, flat: NDArray[Any]) -> None:
        """Give back what `get_flat_parameters` returned.

        Parameters
        ----------
        flat : (n_parameters,) array
            Finite values of the network's dtype.

        Raises
        ------
        TypeError, ValueError
            If it is of another type or shape, or not finite.
        """
        values = np.empty(self.n_parameters, dtype=self.dtype)
        fill(values, flat, "flat")
        self._core.set_parameters(values)

    def predict_proba(self, X: ArrayLike, *, n_threads: int | None = None) -> NDArray[Any]:
        """Probability of each class.

        Parameters
        ----------
        X : (n_samples, n_features) array
            Real numbers; uint8, float32 and float64 are read where they lie.
        n_threads : int or None, default=None
            Threads to compute with; None decides by the size of the work and the cores at hand,
            up to the environment variable EIGENMLP_NUM_THREADS if it is set. The result has the
            same bits whatever the number.

        Returns
        -------
        (n_samples, n_classes) array of the network's dtype
            Rows sum to 1.

        Raises
        ------
        TypeError, ValueError
            If X is not numeric, not of the network's width, empty, or holds NaN or infinity.
        ArithmeticError
            If a row overflows the network's dtype on its way.

        Examples
        --------
        >>> import eigenmlp as em
        >>> net = em.Network([2, 3], rng=0)
        >>> net.set_parameters([[[0, 0, 0], [0, 0, 0]]], [[0, 0, 0]])
        >>> net.predict_proba([[1.0, 2.0]]).round(3)
        array([[0.333, 0.333, 0.333]], dtype=float32)
        """
        probabilities, bad_row = self._core.predict_proba(self._check_rows(X), threads(n_threads))
        self._refuse_overflow(bad_row)
        return probabilities

    def predict(self, X: ArrayLike, *, n_threads: int | None = None) -> NDArray[np.int64]:
        """Most probable class of each sample.

        Parameters
        ----------
        X, n_threads
            As for `predict_proba`.

        Returns
        -------
        (n_samples,) array of int64
            Class indices; the first one where several are equally probable.

        Raises
        ------
        TypeError, ValueError, ArithmeticError
            As for `predict_proba`.

        Examples
        --------
        >>> import eigenmlp as em
        >>> net = em.Network([2, 2])
        >>> net.set_parameters([[[1, 0], [0, 1]]], [[0, 0]])
        >>> net.predict([[3.0, 1.0], [1.0, 3.0]])
        array([0, 1])
        """
        classes, bad_row = self._core.predict(self._check_rows(X), threads(n_threads))
        self._refuse_overflow(bad_row)
        return classes

    def evaluate(self, X: ArrayLike, y: ArrayLike, *, n_threads: int | None = None) -> Evaluation:
        """Mean cross-entropy, without penalty, and accuracy.

        Parameters
        ----------
        X, n_threads
            As for `predict_proba`.
        y : (n_samples,) array of int
            Class indices, 0 to n_classes - 1.

        Returns
        -------
        Evaluation
            With ``.loss`` and ``.accuracy``.

        Raises
        ------
        TypeError, ValueError
            As for `predict_proba`, and if y is not integer, of another length, or out of range.
        ArithmeticError
            As for `predict_proba`.

        Examples
        --------
        >>> import eigenmlp as em
        >>> net = em.Network([2, 2])
        >>> net.set_parameters([[[0, 0], [0, 0]]], [[0, 0]])
        >>> net.evaluate([[1.0, 2.0], [3.0, 4.0]], [0, 1])
        Evaluation(loss=0.6931471824645996, accuracy=0.5)
        """
        evaluation = self._evaluate_samples(self._check_samples(X, y), threads(n_threads))
        if not math.isfinite(evaluation.loss):
            raise ArithmeticError(self._overflow(f"the loss is {evaluation.loss}"))
        return evaluation

    def loss_and_gradients(
        self,
        X: ArrayLike,
        y: ArrayLike,
        l2: float = 0.0,
        l2_biases: bool = False,
        *,
        n_threads: int | None = None,
    ) -> tuple[float, list[NDArray[Any]], list[NDArray[Any]]]:
        r"""Loss with penalty, and its gradient by backpropagation.

        The loss is the mean cross-entropy plus :math:`\frac{\lambda}{2} \sum_l \|W^l\|^2`; its
        gradient adds :math:`\lambda W^l`.

        Parameters
        ----------
        X, y, n_threads
            As for `evaluate`.
        l2 : float, default=0.0
            λ, >= 0; not divided by anything. See `eigenmlp.train`.
        l2_biases : bool, default=False
            Penalize the biases as well.

        Returns
        -------
        loss : float
        weight_gradients : list of (fan_in, fan_out) arrays
        bias_gradients : list of (fan_out,) arrays

        Raises
        ------
        TypeError, ValueError
            As for `evaluate`, and if l2 is negative or not finite.
        ArithmeticError
            If the loss or the penalty overflows.

        Examples
        --------
        >>> import eigenmlp as em
        >>> net = em.Network([2, 2], dtype="float64")
        >>> net.set_parameters([[[0, 0], [0, 0]]], [[0, 0]])
        >>> loss, dW, db = net.loss_and_gradients([[1.0, 2.0]], [0])
        >>> dW[0]
        array([[-0.5,  0.5],
               [-1. ,  1. ]])
        """
        loss, flat = self._core.loss_and_gradient(
            self._check_samples(X, y), checked_l2(l2), bool(l2_biases), threads(n_threads)
        )
        if not math.isfinite(loss):
            raise ArithmeticError(self._overflow(f"the loss is {loss}"))
        return (loss, *self._unflatten(flat))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to a safetensors file; `load_network` reads it.

        The file holds the parameters as arrays ``layers.0.weight`` (fan_in, fan_out),
        ``layers.0.bias`` (fan_out,), …, and in its metadata the architecture, input scale and
        format version. It replaces an existing file in one step: whatever happens, the path holds
        the old model or the new one, whole.

        Parameters
        ----------
        path : path-like
            File to write, by custom ``*.safetensors``.

        Raises
        ------
        OSError
            If the file can't be written.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> import eigenmlp as em
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     em.Network([4, 3], rng=0).save(Path(folder) / "model.safetensors")
        ...     em.load_network(Path(folder) / "model.safetensors")
        Network([4, 3], dtype='float32')
        """
        model = model_files.Model(
            self.layer_sizes, self.dtype.name, self.input_scale, self.weights, self.biases
        )
        model_files.write(path, model)

    def _check_rows(self, X: ArrayLike) -> _core.Samples:
        return self._gate(X, None)

    def _check_samples(self, X: ArrayLike, y: ArrayLike) -> _core.Samples:
        if y is None:
            raise TypeError("y is None; pass (n_samples,) integer class indices")
        return self._gate(X, y)

    def _gate(self, X: ArrayLike, y: ArrayLike | None) -> _core.Samples:
        return _core.Samples(X, y, self._layer_sizes[0], self._layer_sizes[-1], self._single)

    def _refuse_overflow(self, bad_row: int) -> None:
        if bad_row >= 0:
            raise ArithmeticError(self._overflow(f"row {bad_row} has no finite outputs"))

    def _overflow(self, what: str) -> str:
        return (
            f"{what}: numbers overflow {self.dtype} on their way through the network; scale the "
            "inputs (input_scale) or the parameters down"
        )

    def _evaluate_samples(
        self, samples: _core.Samples, allowed_threads: _core.Threads
    ) -> Evaluation:
        loss, correct = self._core.evaluate(samples, allowed_threads)
        return Evaluation(loss / len(samples), correct / len(samples))

    def _unflatten(
        self, flat: NDArray[Any], *, copy: bool = True
    ) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
        """Weights (fan_in, fan_out) and biases (fan_out,) of a flat array, copies or views."""
        weights, biases = [], []
        for fan_in, fan_out, weight, bias in self._core.layers():
            # The core keeps weights fan_out × fan_in.
            weights.append(flat[weight:bias].reshape(fan_out, fan_in).T)
            biases.append(flat[bias : bias + fan_out])
        if copy:
            return [np.ascontiguousarray(w) for w in weights], [b.copy() for b in biases]
        return weights, biases


def load_network(path: str | os.PathLike[str]) -> Network:
    """Read a model that `Network.save` wrote.

    Loading runs no code from the file, and checks every name, shape and value.

    Parameters
    ----------
    path : path-like
        A safetensors file.

    Returns
    -------
    Network
        Of the same bits as the one saved.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ModelFileError
        If the file is not a model of eigenmlp, is damaged, or contradicts itself.

    Examples
    --------
    See `Network.save`.
    """
    model = model_files.read(path)
    network = Network.__new__(Network)
    network._allocate(list(model.layer_sizes), model.dtype, model.input_scale)
    try:
        network.set_parameters(model.weights, model.biases)
    except ValueError as error:
        raise ModelFileError(f"{os.fspath(path)}: {error}") from error
    return network


def _rebuild(sizes: tuple[int, ...], dtype: str, input_scale: float, flat: NDArray[Any]) -> Network:
    network = Network.__new__(Network)
    network._allocate(list(sizes), dtype, input_scale)
    network.set_flat_parameters(flat)
    return network
