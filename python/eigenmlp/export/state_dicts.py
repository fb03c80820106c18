"""Parameters under the names that PyTorch and Keras have for them; neither is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eigenmlp.common.array_likes import fill
from eigenmlp.export.torch_modules import modules_of
from eigenmlp.export.view import view_of
from eigenmlp.network import Network
from eigenmlp.network.architecture import Architecture

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["filled", "from_torch_state_dict", "to_arrays", "to_torch_state_dict"]


def to_torch_state_dict(model: object) -> dict[str, NDArray[Any]]:
    """Return the parameters as a state dict of a `torch.nn.Sequential`.

    That is made of these modules, in this order, counted from 0: for each hidden layer a
    ``Linear``; ``BatchNorm1d`` or ``LayerNorm``, if it is normalized; the activation
    (``Identity``, ``Sigmoid``, ``Tanh``, ``ReLU``, or the one of the same name, with its
    defaults); ``Dropout``, if its probability is above 0; and a last ``Linear``. What
    this returns are the values before the output's function: logits for softmax and logistic
    outputs, logarithms for exponential ones. ``Softmax(dim=1)`` or ``Sigmoid()`` may follow.

    Parameters
    ----------
    model : Network, MLPClassifier or MLPRegressor
        An estimator must be fitted. Its labels don't go along.

    Returns
    -------
    dict of str to array
        ``"0.weight"`` (fan_out, fan_in), ``"0.bias"`` (fan_out,), and so on; of ``BatchNorm1d``
        also ``running_mean``, ``running_var`` and ``num_batches_tracked``, which is 0 and without
        effect. Of the network's dtype. An `input_scale` is multiplied into the first weights.

    Raises
    ------
    TypeError
        If `model` is something else.
    sklearn.exceptions.NotFittedError
        If it is an estimator that isn't fitted.
    ValueError
        If a weight times the input scale is beyond the network's dtype.

    See Also
    --------
    from_torch_state_dict : the way back.

    Examples
    --------
    >>> import eigenmlp as em
    >>> state = em.export.to_torch_state_dict(em.Network([4, 8, 3], rng=0))
    >>> {name: array.shape for name, array in state.items()}
    {'0.weight': (8, 4), '0.bias': (8,), '2.weight': (3, 8), '2.bias': (3,)}

    With PyTorch::

        module = torch.nn.Sequential(
            torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3)
        )
        module.load_state_dict({name: torch.from_numpy(a) for name, a in state.items()})
    """
    network = view_of(model).network
    state: dict[str, NDArray[Any]] = {}
    position = 0
    for layer, arrays in enumerate(_scaled_layers(network)):
        state[f"{position}.weight"] = np.ascontiguousarray(arrays["weight"].T)
        state[f"{position}.bias"] = arrays["bias"]
        position += 1
        if "gain" in arrays:
            state[f"{position}.weight"] = arrays["gain"]
            state[f"{position}.bias"] = arrays["shift"]
            if "running_mean" in arrays:
                state[f"{position}.running_mean"] = arrays["running_mean"]
                state[f"{position}.running_var"] = arrays["running_variance"]
                state[f"{position}.num_batches_tracked"] = np.array(0)
            position += 1
        position += 1
        if layer < len(network.dropouts) and network.dropouts[layer] > 0:
            position += 1
    return state


def from_torch_state_dict(
    state: Mapping[str, Any],
    *,
    activation: str | Sequence[str] = "relu",
    output: str = "softmax",
    dropout: float | Sequence[float] = 0.0,
    normalization: str | Sequence[str | None] | None = None,
    input_scale: float = 1.0,
) -> Network:
    """Make a network from the state dict of a PyTorch module.

    The module must compute, in the order of the state dict, what `Network` does: ``Linear`` layers,
    each but the last one followed by ``BatchNorm1d`` or ``LayerNorm``, or by none, and by the
    activation. Names don't matter; a part in front of the last point belongs to one layer.

    A state dict doesn't tell activations, nor an ε other than the default 1e-5, nor does it show
    what has no parameters. Running statistics tell a ``BatchNorm1d``; a weight of one entry per
    unit, alone or with a bias, is that of ``LayerNorm`` as well as of ``GroupNorm``, ``RMSNorm`` or
    ``PReLU``, and refused unless `normalization` says that it is a ``LayerNorm``. Refused are also
    a first matrix without bias that may be an ``Embedding``, and a normalization whose number, as
    in a `torch.nn.Sequential`, puts it behind the activation.

    Parameters
    ----------
    state : mapping of str to tensor or array
        Such as ``module.state_dict()``. A ``Linear`` without bias gets zeros, a ``BatchNorm1d``
        without weight and bias ones and zeros. Values of 16 bits, bfloat16 too, become the same
        ones of float32.
    activation, output, dropout
        As for `Network`.
    normalization : {"batch", "layer"}, sequence of these or None, default=None
        What normalizes each hidden layer, one for all or one for each; None leaves it to the state
        dict.
    input_scale : float, default=1.0
        As for `Network`: what the module's inputs were multiplied by.

    Returns
    -------
    Network
        In float64 if one of the arrays is of it, or else in float32.

    Raises
    ------
    TypeError
        If `state` is not a mapping of texts to numbers.
    ValueError
        If it holds something else than such layers, or what can't be told apart from something
        else, or values that are not finite, or if another argument doesn't fit it.

    See Also
    --------
    to_torch_state_dict : the way there.

    Examples
    --------
    >>> import numpy as np
    >>> import eigenmlp as em
    >>> state = {"out.weight": np.array([[1.0, 2.0]]), "out.bias": np.array([0.5])}
    >>> em.export.from_torch_state_dict(state, output="identity").predict([[3.0, 4.0]])
    array([[11.5]])
    """
    layers = modules_of(state)
    arrays = [array for layer in layers for array in layer.arrays.values()]
    wide = any(array.dtype.kind == "f" and array.dtype.itemsize > 4 for array in arrays)
    architecture = Architecture.of(
        [layers[0].arrays["weight"].shape[0], *(len(layer.arrays["bias"]) for layer in layers)],
        activation=activation,
        output=output,
        dropout=dropout,
        normalization=normalization,
        dtype="float64" if wide else "float32",
        input_scale=input_scale,
    )
    layers[0].refuse_embedding(alone=len(layers) == 1)
    said = zip(layers, architecture.normalizations, strict=False)
    network = Network(
        architecture.layer_sizes,
        activation=architecture.activations,
        output=output,
        dropout=architecture.dropouts,
        normalization=[layer.normalization(kind) for layer, kind in said],
        dtype=architecture.dtype,
        input_scale=input_scale,
        rng=0,
    )
    return filled(network, [layer.arrays for layer in layers], "the state dict")


def filled(network: Network, layers: Sequence[Mapping[str, NDArray[Any]]], source: str) -> Network:
    """Give a network the arrays of its layers, by the names that `Network.split` has for them.

    Raises
    ------
    TypeError, ValueError
        If an array is of another shape, or holds what is not finite or not a number.
    """
    flat = network.get_flat_parameters()
    for views, arrays in zip(network.split(flat), layers, strict=True):
        for name, view in views.items():
            fill(view, arrays[name], source)
    network._set_values(flat, source)
    return network


def to_arrays(model: object) -> dict[str, NDArray[Any]]:
    """Return the parameters under the names that Keras has for them.

    Parameters
    ----------
    model : Network, MLPClassifier or MLPRegressor
        An estimator must be fitted. Its labels don't go along.

    Returns
    -------
    dict of str to array
        For each layer, counted from 0, ``"dense_0/kernel"`` (fan_in, fan_out) and
        ``"dense_0/bias"`` (fan_out,); where it is normalized ``"batch_normalization_0/gamma"``,
        ``beta``, ``moving_mean`` and ``moving_variance``, or ``"layer_normalization_0/gamma"`` and
        ``beta``. Of the network's dtype. An `input_scale` is multiplied into the first kernel.

        The values, as a list, are what ``set_weights`` of a ``keras.Sequential`` takes that is made
        of ``Dense`` layers without activation, each followed by its normalization, if it has one,
        and by its ``Activation``. Two constants are not Keras's defaults: the normalizations need
        ``epsilon=1e-5``, and leaky ReLU a slope of 0.01.

    Raises
    ------
    TypeError
        If `model` is something else.
    sklearn.exceptions.NotFittedError
        If it is an estimator that isn't fitted.
    ValueError
        If a weight times the input scale is beyond the network's dtype.

    Examples
    --------
    >>> import eigenmlp as em
    >>> network = em.Network([4, 8, 3], normalization="layer", rng=0)
    >>> for name, array in em.export.to_arrays(network).items():
    ...     print(name, array.shape)
    dense_0/kernel (4, 8)
    dense_0/bias (8,)
    layer_normalization_0/gamma (8,)
    layer_normalization_0/beta (8,)
    dense_1/kernel (8, 3)
    dense_1/bias (3,)
    """
    network = view_of(model).network
    names = {
        "gain": "gamma",
        "shift": "beta",
        "running_mean": "moving_mean",
        "running_variance": "moving_variance",
    }
    named: dict[str, NDArray[Any]] = {}
    for layer, arrays in enumerate(_scaled_layers(network)):
        named[f"dense_{layer}/kernel"] = np.ascontiguousarray(arrays["weight"])
        named[f"dense_{layer}/bias"] = arrays["bias"]
        for ours, theirs in names.items():
            if ours in arrays:
                kind = network.normalizations[layer]
                named[f"{kind}_normalization_{layer}/{theirs}"] = arrays[ours]
    return named


def _scaled_layers(network: Network) -> list[dict[str, NDArray[Any]]]:
    """Return copies of all arrays, the input scale multiplied in."""
    layers = network.split(network.get_flat_parameters())
    first = layers[0]["weight"]
    with np.errstate(over="ignore", under="ignore"):
        scaled = first * network.dtype.type(network.input_scale)
    fill(first, scaled, f"the first layer times input_scale={network.input_scale}")
    return [{name: view.copy() for name, view in layer.items()} for layer in layers]
