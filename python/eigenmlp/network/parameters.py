"""A network's numbers: where they lie in its flat array, and how to get at them."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eigenmlp._native import _core
from eigenmlp.network.architecture import Architecture
from eigenmlp.network.checks import fill

__all__ = ["Parameters"]


class Parameters:
    """Base of `Network`: its architecture and its numbers."""

    _architecture: Architecture
    _core: _core.Network32 | _core.Network64
    _dtype: np.dtype[Any]

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
        """Copies of the weights, one (fan_in, fan_out) array a layer."""
        return self._copies("weight")

    @property
    def biases(self) -> list[NDArray[Any]]:
        """Copies of the biases, one (fan_out,) array a layer."""
        return self._copies("bias")

    @property
    def gains(self) -> list[NDArray[Any] | None]:
        """Copies of the normalizations' gains, one (units,) array or None a hidden layer."""
        return self._copies_or_none("gain")

    @property
    def shifts(self) -> list[NDArray[Any] | None]:
        """Copies of the normalizations' shifts, one (units,) array or None a hidden layer."""
        return self._copies_or_none("shift")

    @property
    def running_means(self) -> list[NDArray[Any] | None]:
        """Copies of batch normalization's running means, (units,) or None a hidden layer."""
        return self._copies_or_none("running_mean")

    @property
    def running_variances(self) -> list[NDArray[Any] | None]:
        """Copies of batch normalization's running variances, (units,) or None a hidden layer."""
        return self._copies_or_none("running_variance")

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
        given = {"weights": list(weights), "biases": list(biases)}
        flat = self.get_flat_parameters()
        layers = self._named_arrays(flat)
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

    def _set_values(self, values: NDArray[Any], source: str) -> None:
        for layer, views in enumerate(self._named_arrays(values)):
            if "running_variance" in views and (views["running_variance"] < 0).any():
                raise ValueError(
                    f"{source} holds a negative running variance of layer {layer}; it is damaged"
                )
        self._core.set_values(values)

    def _named_arrays(self, flat: NDArray[Any]) -> list[dict[str, NDArray[Any]]]:
        """Return views of the parameters, and of running statistics, in a flat array."""
        named = []
        kinds = [*self.normalizations, None]
        for layer, kind in zip(self._core.layers(), kinds, strict=True):
            i, o = layer.fan_in, layer.fan_out
            # The core keeps weights fan_out × fan_in.
            views = {
                "weight": flat[layer.weights : layer.weights + i * o].reshape(o, i).T,
                "bias": flat[layer.biases : layer.biases + o],
            }
            if kind is not None:
                views["gain"] = flat[layer.gains : layer.gains + o]
                views["shift"] = flat[layer.shifts : layer.shifts + o]
            if kind == "batch" and len(flat) > self.n_parameters:
                views["running_mean"] = flat[layer.means : layer.means + o]
                views["running_variance"] = flat[layer.variances : layer.variances + o]
            named.append(views)
        return named

    def _copies(self, name: str) -> list[NDArray[Any]]:
        layers = self._named_arrays(self.get_flat_parameters())
        return [np.array(views[name], order="C") for views in layers]

    def _copies_or_none(self, name: str) -> list[NDArray[Any] | None]:
        layers = self._named_arrays(self.get_flat_parameters())[:-1]
        return [views[name].copy() if name in views else None for views in layers]

    def _named_tensors(self) -> dict[str, NDArray[Any]]:
        return {
            f"layers.{layer}.{name}": np.ascontiguousarray(view)
            for layer, views in enumerate(self._named_arrays(self.get_flat_parameters()))
            for name, view in views.items()
        }
