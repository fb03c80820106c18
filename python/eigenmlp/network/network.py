"""The network: an architecture, its parameters, and what can be asked of it."""

import dataclasses
import math
import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from eigenmlp._native import _core
from eigenmlp.common.arguments import flag, whole_number
from eigenmlp.common.array_likes import WANTED_X, fill, refuse_no_array
from eigenmlp.common.columns import checked_names, in_order, refuse_repeated
from eigenmlp.common.threads import threads
from eigenmlp.common.words import type_of
from eigenmlp.files.atomic import write_atomically
from eigenmlp.losses import Loss, loss_for
from eigenmlp.network import model_file
from eigenmlp.network.architecture import Architecture
from eigenmlp.network.initializers import initializers
from eigenmlp.network.layout import split
from eigenmlp.network.penalty import L2
from eigenmlp.network.samples import checked_samples, refuse_no_arrays

__all__ = ["Evaluation", "Network"]

_CORES: dict[str, type[_core.Network32 | _core.Network64]] = {
    "float32": _core.Network32,
    "float64": _core.Network64,
}

# So many places have masks of their own.
_MOST_OF_A_BATCH = 2**32


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Scores of a network on samples with targets.

    Attributes
    ----------
    loss : float
        Mean loss, without penalty, weighted by the samples' weights; cross-entropies in nats.
    accuracy : float
        Share of samples whose most probable class is the label, or all of whose logistic outputs
        are on the right side of 0.5; 0 to 1. NaN where outputs aren't probabilities.
    """

    loss: float
    accuracy: float


class Network:
    r"""A multilayer perceptron: dense layers with an activation between them.

    With :math:`a^0 = s\,x` (the input scale times a sample), a layer is
    :math:`z^l = W^l a^{l-1} + b^l`; a hidden one goes on with its normalization, its activation and
    its dropout, in this order, to :math:`a^l`; the last one with the output's function to
    :math:`\hat y`.

    Parameters
    ----------
    layer_sizes : sequence of int
        Units of the input, of each hidden layer, and of the output (the number of classes): at
        least two numbers, each >= 1.
    activation : str or sequence of str, default="relu"
        Of the hidden layers, one for all or one for each: "identity"; "logistic", 1/(1 + exp(-z));
        "tanh"; "relu", max(0, z); "leaky_relu", z or 0.01 z below zero; "elu", z or exp(z) - 1
        below zero; "silu", z/(1 + exp(-z)); "gelu", z Φ(z) with the normal distribution's Φ;
        "selu", λ z or λ α (exp(z) - 1) below zero, with λ ≈ 1.0507 and α ≈ 1.6733 (Klambauer et
        al., 2017); "mish", z tanh(log(1 + exp(z))) (Misra, 2019).
    output : {"softmax", "logistic", "identity", "exponential"}, default="softmax"
        Probabilities of classes that exclude each other; a probability for each output (one for
        binary, several for multilabel classification); real numbers; or means of counts, exp(z).
    dropout : float or sequence of float, default=0.0
        Probability of a hidden unit to be dropped in training, 0 <= p < 1, one for all layers or
        one for each. Kept units are divided by 1 - p (inverted dropout), so that predictions need
        nothing. Which units are dropped follows from `dropout_seed`, the optimizer's step, the
        layer, the place of the sample in its batch, and the unit.
    normalization : {None, "batch", "layer"} or sequence of them, default=None
        Of hidden pre-activations, one for all layers or one for each, with a gain and a shift per
        unit and ε = 1e-5. "batch" (Ioffe & Szegedy, 2015) takes the mean and variance of each unit
        over the batch (by sample weight), and in predictions running ones, which every step moves a
        tenth of the way; as in PyTorch, the running variance is the unbiased one, which for n
        samples of total weight W is m/(m - 1) times as large, with m the larger of n and W. "layer"
        (Ba et al., 2016) takes those of each sample over the layer's units.
    dtype : {"float32", "float64"}, default="float32"
        Type of the parameters and of all arithmetic.
    init : {"he_normal", "he_uniform", "lecun_normal", "glorot_uniform", "torch_linear"} or list, \
            default="he_normal"
        Distribution of the initial parameters, of all layers or, in a list, of each, the output
        layer last. With n = fan_in: normal with variance 2/n; uniform within ±√(6/n); normal with
        variance 1/n; uniform within ±√(6/(n + fan_out)); uniform within ±1/√n. Biases start at
        zero, but with "torch_linear" are drawn like its weights, as PyTorch's ``nn.Linear`` does.
        The last of a list may be "zeros": all outputs then begin alike.
    input_scale : float, default=1.0
        Every input is multiplied by it inside the network, in training and prediction alike; 1/255
        brings 8-bit pixels to 0 … 1. Finite, not 0.
    rng : int, numpy.random.Generator or None, default=None
        Seed or generator of the initial parameters, and after them of `dropout_seed` if there is
        dropout. The same seed gives the same bits; None draws fresh ones.

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

    A regression with two outputs, tanh and dropout:

    >>> net = em.Network([4, 30, 2], activation="tanh", dropout=0.2, output="identity", rng=0)
    >>> net.predict(np.zeros((3, 4))).shape
    (3, 2)
    """

    def __init__(
        self,
        layer_sizes: Sequence[int],
        *,
        activation: str | Sequence[str] = "relu",
        output: str = "softmax",
        dropout: float | Sequence[float] = 0.0,
        normalization: str | Sequence[str | None] | None = None,
        dtype: DTypeLike = "float32",
        init: str | Sequence[str] = "he_normal",
        input_scale: float = 1.0,
        rng: int | np.random.Generator | None = None,
    ) -> None:
        architecture = Architecture.of(
            layer_sizes,
            activation=activation,
            dropout=dropout,
            normalization=normalization,
            output=output,
            dtype=dtype,
            input_scale=input_scale,
        )
        draw = initializers(init, len(architecture.layer_sizes) - 1)
        self._allocate(architecture, None)
        generator = np.random.default_rng(rng)
        layers = [
            draw_layer(layer.fan_in, layer.fan_out, generator)
            for draw_layer, layer in zip(draw, self._core.layers(), strict=True)
        ]
        if any(architecture.dropouts):
            seed = int(generator.integers(2**63))
            self._use_dropout_seed(seed)
        self.set_parameters([w for w, _ in layers], [b for _, b in layers])

    @classmethod
    def _of(cls, architecture: Architecture, feature_names: tuple[str, ...] | None) -> "Network":
        """Make a network whose parameters are still to be set."""
        network = cls.__new__(cls)
        network._allocate(architecture, feature_names)
        return network

    def _allocate(self, architecture: Architecture, feature_names: tuple[str, ...] | None) -> None:
        self._architecture = architecture
        self._feature_names = feature_names
        self._dtype = np.dtype(architecture.dtype)
        self._core = _CORES[architecture.dtype](architecture.to_core())

    def _use_dropout_seed(self, seed: int) -> None:
        self._core.set_dropout_seed(seed)
        self._architecture = dataclasses.replace(self._architecture, dropout_seed=seed)

    def __repr__(self) -> str:
        return f"Network({self._architecture.arguments()})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self._architecture, self.get_flat_parameters(), self._feature_names)

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """Names of the features, one per input, each different; None where they aren't known.

        `train` takes them from a table with named columns, as pandas', polars' and Arrow's have
        them. From then on, columns of tables are put in this order wherever the network gets X;
        missing ones are an error, and further ones are left aside with a warning. Arrays name no
        columns: they go by places. Model files keep the names. They may be assigned, and None
        forgets them.
        """
        return self._feature_names

    @feature_names.setter
    def feature_names(self, names: Sequence[str] | None) -> None:
        if names is not None:
            names = checked_names(names, self._architecture.layer_sizes[0])
            refuse_repeated(names)
        self._feature_names = names

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Units of the input, of each hidden layer and of the output."""
        return self._architecture.layer_sizes

    @property
    def activations(self) -> tuple[str, ...]:
        """Activation of each hidden layer."""
        return self._architecture.activations

    @property
    def output(self) -> str:
        """Kind of output."""
        return self._architecture.output

    @property
    def dropouts(self) -> tuple[float, ...]:
        """Probability of a unit to be dropped in training, for each hidden layer."""
        return self._architecture.dropouts

    @property
    def normalizations(self) -> tuple[str | None, ...]:
        """Normalization of each hidden layer."""
        return self._architecture.normalizations

    @property
    def dropout_seed(self) -> int:
        """What the masks of dropout follow from, besides step, layer, sample and unit."""
        return self._architecture.dropout_seed

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the parameters and of all arithmetic: float32 or float64."""
        return self._dtype

    @property
    def input_scale(self) -> float:
        """Factor that every input is multiplied by."""
        return self._architecture.input_scale

    @property
    def n_parameters(self) -> int:
        """Number of weights, biases, gains and shifts."""
        return self._core.n_parameters

    @property
    def weights(self) -> list[NDArray[Any]]:
        """Copies of the weights, one (fan_in, fan_out) array per layer."""
        return self._copies("weight")

    @property
    def biases(self) -> list[NDArray[Any]]:
        """Copies of the biases, one (fan_out,) array per layer."""
        return self._copies("bias")

    @property
    def gains(self) -> list[NDArray[Any] | None]:
        """Copies of the normalizations' gains, a (units,) array or None per hidden layer."""
        return self._copies_or_none("gain")

    @property
    def shifts(self) -> list[NDArray[Any] | None]:
        """Copies of the normalizations' shifts, a (units,) array or None per hidden layer."""
        return self._copies_or_none("shift")

    @property
    def running_means(self) -> list[NDArray[Any] | None]:
        """Copies of batch normalization's running means, (units,) or None per hidden layer."""
        return self._copies_or_none("running_mean")

    @property
    def running_variances(self) -> list[NDArray[Any] | None]:
        """Copies of batch normalization's running variances, (units,) or None per hidden layer."""
        return self._copies_or_none("running_variance")

    def set_parameters(self, weights: Iterable[ArrayLike], biases: Iterable[ArrayLike]) -> None:
        """Replace all weights and biases.

        Parameters
        ----------
        weights : sequence of (fan_in, fan_out) arrays
            One per layer, finite; converted to the network's dtype.
        biases : sequence of (fan_out,) arrays
            One per layer, finite; converted to the network's dtype.

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
        given = {"weights": list(weights), "biases": list(biases)}
        flat = self.get_flat_parameters()
        layers = self.split(flat)
        for name, arrays in given.items():
            if len(arrays) != len(layers):
                raise ValueError(
                    f"this network has {len(layers)} layers, but {name} has {len(arrays)} arrays"
                )
        for layer, views in enumerate(layers):
            fill(views["weight"], given["weights"][layer], f"weights[{layer}]")
            fill(views["bias"], given["biases"][layer], f"biases[{layer}]")
        self._core.set_values(flat)

    def get_flat_parameters(self) -> NDArray[Any]:
        """Copy all parameters into one array, to keep and to give back.

        Returns
        -------
        (n_values,) array
            The n_parameters, layer by layer: weights (fan_out × fan_in, row by row), biases, and of
            normalized layers gains and shifts. Behind them the running statistics of batch
            normalization, means and variances, layer by layer.
        """
        return self._core.values()

    def set_flat_parameters(self, flat: NDArray[Any]) -> None:
        """Give back what `get_flat_parameters` returned.

        Parameters
        ----------
        flat : (n_values,) array
            Finite values of the network's dtype.

        Raises
        ------
        TypeError, ValueError
            If it is of another type or shape, or not finite.
        """
        values = self.get_flat_parameters()
        fill(values, flat, "flat")
        self._set_values(values, "flat")

    def split(self, flat: NDArray[Any]) -> list[dict[str, NDArray[Any]]]:
        """Find each layer's arrays in a flat array of parameters or of their gradient.

        Parameters
        ----------
        flat : (n_parameters,) or (n_values,) array
            Such as `get_flat_parameters` and `loss_and_gradient` return.

        Returns
        -------
        list of dict of str to array
            Of each layer ``"weight"`` (fan_in, fan_out) and ``"bias"`` (fan_out,); where it is
            normalized ``"gain"`` and ``"shift"`` (units,); where by the batch, and if `flat` has
            n_values, ``"running_mean"`` and ``"running_variance"`` (units,). Views: what is
            written to them is written to `flat`.

        Raises
        ------
        TypeError, ValueError
            If `flat` is not an array, or of another shape.

        Examples
        --------
        >>> import eigenmlp as em
        >>> net = em.Network([2, 3, 1], normalization="layer", output="identity", rng=0)
        >>> flat = net.get_flat_parameters()
        >>> for layer in net.split(flat):
        ...     print({name: array.shape for name, array in layer.items()})
        {'weight': (2, 3), 'bias': (3,), 'gain': (3,), 'shift': (3,)}
        {'weight': (3, 1), 'bias': (1,)}
        >>> net.split(flat)[0]["gain"][:] = 2
        >>> net.set_flat_parameters(flat)
        >>> net.gains
        [array([2., 2., 2.], dtype=float32)]
        """
        self._check_flat(flat, "flat")
        return split(flat, self._architecture, self._core.layers())

    def predict_outputs(self, X: ArrayLike, *, n_threads: int | None = None) -> NDArray[Any]:
        """Values of the output layer: probabilities, real numbers or means of counts.

        Parameters
        ----------
        X : (n_samples, n_features) array, sparse array or table
            Real numbers; uint8, float32 and float64 are read where they lie. SciPy's sparse arrays
            and matrices stay sparse, and those not in CSR are converted. A table's columns go by
            name, if the network knows `feature_names`.
        n_threads : int or None, default=None
            Threads to compute with, >= 1; None decides by the size of the work and the call's share
            of the cores, which calls at the same time split evenly, up to the environment variable
            EIGENMLP_NUM_THREADS and the limit of `threadpoolctl`. The result has the same bits
            whatever the number.

        Returns
        -------
        (n_samples, n_outputs) array of the network's dtype

        Raises
        ------
        TypeError, ValueError
            If X is not numeric, not of the network's width, empty, or holds NaN or infinity, or a
            table lacks columns.
        ArithmeticError
            If a row overflows the network's dtype on its way.

        Examples
        --------
        >>> import eigenmlp as em
        >>> net = em.Network([2, 1], output="exponential", rng=0)
        >>> net.set_parameters([[[1], [1]]], [[0]])
        >>> net.predict_outputs([[0.5, -0.5]])
        array([[1.]], dtype=float32)
        """
        return self._outputs_of(self._check_rows(X), threads(n_threads))

    def predict_proba(self, X: ArrayLike, *, n_threads: int | None = None) -> NDArray[Any]:
        """Probability of each class, or of each logistic output.

        Parameters
        ----------
        X, n_threads
            As for `predict_outputs`.

        Returns
        -------
        (n_samples, n_outputs) array of the network's dtype
            Rows of softmax outputs sum to 1.

        Raises
        ------
        TypeError
            If the network's outputs aren't probabilities.
        TypeError, ValueError, ArithmeticError
            As for `predict_outputs`.

        Examples
        --------
        >>> import eigenmlp as em
        >>> net = em.Network([2, 3], rng=0)
        >>> net.set_parameters([[[0, 0, 0], [0, 0, 0]]], [[0, 0, 0]])
        >>> net.predict_proba([[1.0, 2.0]]).round(3)
        array([[0.333, 0.333, 0.333]], dtype=float32)
        """
        if not self._architecture.classifies:
            raise TypeError(
                f"a network with output={self.output!r} predicts no probabilities; use "
                "predict_outputs"
            )
        return self.predict_outputs(X, n_threads=n_threads)

    def predict(self, X: ArrayLike, *, n_threads: int | None = None) -> NDArray[Any]:
        """Most probable class of each sample, or the values of other outputs.

        Parameters
        ----------
        X, n_threads
            As for `predict_outputs`.

        Returns
        -------
        (n_samples,) array of int64
            With softmax outputs: class indices; the first one where several are equally probable.
        (n_samples, n_outputs) array of int64
            With logistic outputs: 1 where the probability is above 0.5, else 0.
        (n_samples, n_outputs) array of the network's dtype
            With other outputs: their values.

        Raises
        ------
        TypeError, ValueError, ArithmeticError
            As for `predict_outputs`.

        Examples
        --------
        >>> import eigenmlp as em
        >>> net = em.Network([2, 2])
        >>> net.set_parameters([[[1, 0], [0, 1]]], [[0, 0]])
        >>> net.predict([[3.0, 1.0], [1.0, 3.0]])
        array([0, 1])
        """
        return self._predictions_of(self._check_rows(X), threads(n_threads))

    def evaluate(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        loss: str | Loss | None = None,
        sample_weight: ArrayLike | None = None,
        n_threads: int | None = None,
    ) -> Evaluation:
        """Mean loss, without penalty, and accuracy.

        Parameters
        ----------
        X, n_threads
            As for `predict_outputs`.
        y : (n_samples,) array of int, or (n_samples, n_outputs) array
            Class indices, 0 to n_outputs - 1, for softmax outputs; for others what the loss says.
            With one output (n_samples,) will do.
        loss : str, Loss or None, default=None
            One of `eigenmlp.losses`; None is the output's own.
        sample_weight : (n_samples,) array or None, default=None
            Finite, >= 0; None is 1 for all. A weight of 2 counts a sample twice.

        Returns
        -------
        Evaluation
            With ``.loss`` and ``.accuracy``.

        Raises
        ------
        TypeError, ValueError
            As for `predict_outputs`, and if y or the weights are of another type, shape or range,
            or the loss is not for this output.
        ArithmeticError
            As for `predict_outputs`.

        Examples
        --------
        >>> import eigenmlp as em
        >>> net = em.Network([2, 2])
        >>> net.set_parameters([[[0, 0], [0, 0]]], [[0, 0]])
        >>> net.evaluate([[1.0, 2.0], [3.0, 4.0]], [0, 1])
        Evaluation(loss=0.6931471824645996, accuracy=0.5)
        """
        checked = loss_for(loss, self.output)
        samples = self._check_samples(X, y, checked, sample_weight)
        evaluation = self._evaluate_samples([samples], checked, threads(n_threads))
        if not math.isfinite(evaluation.loss):
            raise ArithmeticError(self._overflow(f"the loss is {evaluation.loss}"))
        return evaluation

    def loss_and_gradient(
        self,
        X: ArrayLike,
        y: ArrayLike,
        l2: float = 0.0,
        l2_biases: bool = False,
        *,
        loss: str | Loss | None = None,
        sample_weight: ArrayLike | None = None,
        dropout_step: int | None = None,
        dropout_first: int = 0,
        batch_statistics: bool = False,
        n_threads: int | None = None,
    ) -> tuple[float, NDArray[Any]]:
        r"""Loss with penalty, and its gradient by backpropagation.

        The loss is the mean loss of the samples plus :math:`\frac{\lambda}{2} \sum_l \|W^l\|^2`;
        its gradient adds :math:`\lambda W^l`.

        Parameters
        ----------
        X, y, loss, sample_weight, n_threads
            As for `evaluate`. Batch normalization goes by the statistics of these samples.
        l2 : float, default=0.0
            λ, >= 0; not divided by anything. See `eigenmlp.train`.
        l2_biases : bool, default=False
            Penalize the biases, gains and shifts as well.
        dropout_step : int or None, default=None
            Drop the units that training would drop in this step of an optimizer, counted from 0,
            were this its batch. None drops none.
        dropout_first : int, default=0
            Drop those of a batch in which these samples stand behind so many others, those of
            weight 0 not counted: of rows a to b of a batch, the gradient with ``dropout_first=a``
            has the units dropped that the whole batch's has. 0 to 2³² - 1.
        batch_statistics : bool, default=False
            Return the means and variances by which batch normalization went as well, behind the
            gradient.

        Returns
        -------
        loss : float
        gradient : (n_parameters,) array
            In the order of `get_flat_parameters`; `split` finds the layers' arrays in it. With
            `batch_statistics` an (n_values,) array, where the statistics of these samples are in
            the places of the running ones: the means, and the variances as running ones have them.
            `eigenmlp.optimizers.Optimizer.step` takes either.

        Raises
        ------
        TypeError, ValueError
            As for `evaluate`, and if l2 is negative or not finite, or `dropout_first` is given
            where nothing is dropped.
        ArithmeticError
            If the loss or the penalty overflows.

        Examples
        --------
        >>> import eigenmlp as em
        >>> net = em.Network([2, 2], dtype="float64")
        >>> net.set_parameters([[[0, 0], [0, 0]]], [[0, 0]])
        >>> loss, gradient = net.loss_and_gradient([[1.0, 2.0]], [0])
        >>> gradient
        array([-0.5, -1. ,  0.5,  1. , -0.5,  0.5])
        >>> net.split(gradient)[0]["weight"]
        array([[-0.5,  0.5],
               [-1. ,  1. ]])
        """
        if dropout_step is not None:
            dropout_step = whole_number(
                "dropout_step", dropout_step, minimum=0, remedy="pass a step, or None"
            )
        dropout_first = _checked_first(dropout_first, dropout_step)
        checked = loss_for(loss, self.output)
        value, flat = self._core.loss_and_gradient(
            self._check_samples(X, y, checked, sample_weight),
            checked._core_loss(),
            _core.Penalty(L2("l2", l2), flag("l2_biases", l2_biases), False),
            dropout_step,
            dropout_first,
            flag("batch_statistics", batch_statistics),
            threads(n_threads),
        )
        if not math.isfinite(value):
            raise ArithmeticError(self._overflow(f"the loss is {value}"))
        return value, flat

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to a safetensors file; `load_network` and `load_model` read it.

        The file holds the parameters as arrays ``layers.0.weight`` (fan_in, fan_out),
        ``layers.0.bias`` (fan_out,), …, of normalized layers also ``gain``, ``shift``,
        ``running_mean`` and ``running_variance`` (fan_out,), and in its metadata the architecture,
        the names of the features, format version and library version. It replaces an existing file
        in one step: whatever happens, the path holds the old model or the new one, whole.

        Parameters
        ----------
        path : path-like
            File to write, usually named ``*.safetensors``.

        Raises
        ------
        OSError
            If the file can't be written.
        ValueError
            If the network has more than 10,000 layers, which no file may have.

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
        write_atomically(path, self._file())

    def _file(self) -> bytes:
        """Return what `save` writes."""
        layers = self.split(self.get_flat_parameters())
        return model_file.content(self._architecture, layers, feature_names=self._feature_names)

    def _check_flat(self, flat: NDArray[Any], name: str) -> None:
        if not isinstance(flat, np.ndarray):
            raise TypeError(f"{name} is {type_of(flat)}, not a NumPy array")
        hidden = zip(self.layer_sizes[1:-1], self.normalizations, strict=True)
        n_running = 2 * sum(units for units, kind in hidden if kind == "batch")
        sizes = sorted({self.n_parameters, self.n_parameters + n_running})
        if flat.shape not in [(size,) for size in sizes]:
            needed = " or ".join(f"({size},)" for size in sizes)
            raise ValueError(f"{name} has shape {flat.shape}, but {needed} is needed")

    def _set_values(self, values: NDArray[Any], source: str) -> None:
        self._refuse_negative_variances(values, source)
        self._core.set_values(values)

    def _refuse_negative_variances(self, values: NDArray[Any], source: str) -> None:
        for layer, views in enumerate(self.split(values)):
            if "running_variance" in views and (views["running_variance"] < 0).any():
                raise ValueError(
                    f"{source} holds a negative running variance of layer {layer}; it is damaged"
                )

    def _copies(self, name: str) -> list[NDArray[Any]]:
        layers = self.split(self.get_flat_parameters())
        return [np.array(views[name], order="C") for views in layers]

    def _copies_or_none(self, name: str) -> list[NDArray[Any] | None]:
        layers = self.split(self.get_flat_parameters())[:-1]
        return [views[name].copy() if name in views else None for views in layers]

    def _check_rows(self, X: ArrayLike) -> _core.Samples:
        # Arrays name no columns. They are told first, since a row is predicted in microseconds.
        if type(X) is not np.ndarray or not X.ndim:
            refuse_no_array("X", X, WANTED_X)
            X = in_order(X, self._feature_names)
        return checked_samples(self._architecture, X)

    def _check_samples(
        self, X: ArrayLike, y: ArrayLike, loss: Loss, sample_weight: ArrayLike | None
    ) -> _core.Samples:
        refuse_no_arrays(self.output, X, y, sample_weight)
        X = in_order(X, self._feature_names)
        return checked_samples(self._architecture, X, y, loss._targets, sample_weight)

    def _outputs_of(self, samples: _core.Samples, allowed_threads: _core.Threads) -> NDArray[Any]:
        outputs, bad_row = self._core.predict_outputs(samples, allowed_threads)
        self._refuse_overflow(bad_row)
        return outputs

    def _predictions_of(
        self, samples: _core.Samples, allowed_threads: _core.Threads
    ) -> NDArray[Any]:
        if self.output != "softmax":
            outputs = self._outputs_of(samples, allowed_threads)
            return (outputs > 0.5).astype(np.int64) if self.output == "logistic" else outputs
        classes, bad_row = self._core.predict(samples, allowed_threads)
        self._refuse_overflow(bad_row)
        return classes

    def _refuse_overflow(self, bad_row: int) -> None:
        if bad_row >= 0:
            raise ArithmeticError(self._overflow(f"row {bad_row} has no finite outputs"))

    def _overflow(self, what: str) -> str:
        return (
            f"{what}: numbers overflow {self.dtype} on their way through the network; scale the "
            "inputs (input_scale) or the parameters down"
        )

    def _evaluate_samples(
        self, parts: Iterable[_core.Samples], loss: Loss, allowed_threads: _core.Threads
    ) -> Evaluation:
        total = correct = weight = 0.0
        for samples in parts:
            sums = self._core.evaluate(samples, loss._core_loss(), allowed_threads)
            total, correct, weight = total + sums[0], correct + sums[1], weight + sums[2]
        accuracy = correct / weight if self._architecture.classifies else math.nan
        return Evaluation(total / weight, accuracy)


def _checked_first(dropout_first: int, dropout_step: int | None) -> int:
    first = whole_number(
        "dropout_first", dropout_first, minimum=0, remedy="pass how many samples stand before these"
    )
    if first >= _MOST_OF_A_BATCH:
        raise ValueError(f"dropout_first={first} is beyond the places of a batch, 0 to 2³² - 1")
    if first and dropout_step is None:
        raise ValueError(
            f"dropout_first={first} is a place among the masks of a step, but there is no "
            "dropout_step, and so nothing is dropped; pass both, or neither"
        )
    return first


def _rebuild(
    architecture: Architecture, flat: NDArray[Any], feature_names: tuple[str, ...] | None = None
) -> Network:
    network = Network._of(architecture, feature_names)
    network.set_flat_parameters(flat)
    return network
