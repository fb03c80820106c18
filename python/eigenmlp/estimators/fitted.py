"""The fitted model: a network, shown as scikit-learn's lists of arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from eigenmlp.estimators.parameters import per_layer
from eigenmlp.estimators.samples import READ_AS_THEY_ARE, by_rows, refuse_what_is_no_array
from eigenmlp.network import Network

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import DTypeLike, NDArray

__all__ = ["OUTPUTS", "FittedNetwork", "shown_as"]

OUTPUTS = {
    "softmax": "softmax",
    "logistic": "logistic",
    "identity": "identity",
    "exp": "exponential",
}


class FittedNetwork(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """An estimator whose model is an `eigenmlp.Network`.

    `coefs_` and `intercepts_` are its parameters, as read-only copies. Arrays that the user puts in
    their place, or other lists, are taken over when the model is next used.
    """

    coefs_: list[NDArray[Any]]
    intercepts_: list[NDArray[Any]]
    out_activation_: str
    _random_state: np.random.RandomState

    def _model(self) -> Network:
        """Return the network, with the arrays that now stand in `coefs_` and `intercepts_`."""
        if not hasattr(self, "_network"):
            coefs = [np.asarray(coef) for coef in self.coefs_]
            sizes = [coefs[0].shape[0], *(coef.shape[1] for coef in coefs)]
            dtype = "float32" if coefs[0].dtype == np.float32 else "float64"
            self._network = self._new_network(sizes, dtype, rng=0)
        elif self._is_shown():
            return self._network
        try:
            self._network.set_parameters(self.coefs_, self.intercepts_)
        except (TypeError, ValueError) as error:
            raise type(error)(f"coefs_ and intercepts_ don't make a model: {error}") from error
        self._show()
        return self._network

    def _new_network(self, sizes: Sequence[int], dtype: DTypeLike, *, rng: int) -> Network:
        return Network(
            sizes,
            activation=self.activation,
            output=OUTPUTS[self.out_activation_],
            dropout=self.dropout,
            normalization=self.normalization,
            dtype=dtype,
            rng=rng,
        )

    def _drawn_seed(self) -> int:
        """Draw a seed for dropout; without it nothing is drawn, as in scikit-learn."""
        return int(self._random_state.randint(2**31 - 1))

    def _continue_network(self, sizes: list[int]) -> None:
        """Keep the network for more training, in the architecture now asked for."""
        network = self._model()
        if list(network.layer_sizes) != sizes:
            raise ValueError(
                f"the model to go on with has layers of {list(network.layer_sizes)} units, but "
                f"hidden_layer_sizes={self.hidden_layer_sizes!r} and the data ask for {sizes}; "
                "pass what fits, or fit with warm_start=False"
            )
        n_hidden = len(sizes) - 2
        if per_layer(self.normalization, n_hidden) != network.normalizations:
            raise ValueError(
                f"the model to go on with has normalization={list(network.normalizations)}, but "
                f"normalization={self.normalization!r} is asked for; fit with warm_start=False"
            )
        asked = per_layer(self.activation, n_hidden), per_layer(self.dropout, n_hidden)
        if asked != (network.activations, network.dropouts):
            seed = self._drawn_seed() if any(per_layer(self.dropout, n_hidden)) else 0
            self._network = self._new_network(sizes, network.dtype, rng=seed)
            self._network.set_flat_parameters(network.get_flat_parameters())

    def _outputs(self, X: Any) -> NDArray[Any]:
        """Values of the output layer, (n_samples, n_outputs), of samples still unchecked."""
        return self._model().predict_outputs(self._checked_rows(X), n_threads=self.n_threads)

    def _checked_rows(self, X: Any) -> Any:
        refuse_what_is_no_array(X=X)
        return validate_data(
            self, by_rows(X), accept_sparse="csr", dtype=READ_AS_THEY_ARE, reset=False
        )

    def _show(self) -> None:
        self.__dict__.update(shown_as(self._network))

    def _is_shown(self) -> bool:
        arrays = [*self.coefs_, *self.intercepts_]
        return len(arrays) == len(self._shown) and all(
            array is shown for array, shown in zip(arrays, self._shown, strict=True)
        )

    def __getstate__(self) -> dict[str, Any]:
        if hasattr(self, "_network"):
            self._model()
        state = dict(super().__getstate__())
        state.pop("_shown", None)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if hasattr(self, "_network"):
            # Neither pickles nor copies keep arrays read-only, nor, with joblib, the same objects.
            self._show()


def shown_as(network: Network) -> dict[str, Any]:
    """Return the attributes of an estimator whose model is a network."""
    coefs = [_read_only(array) for array in network.weights]
    intercepts = [_read_only(array) for array in network.biases]
    return {
        "_network": network,
        "coefs_": coefs,
        "intercepts_": intercepts,
        "_shown": [*coefs, *intercepts],
    }


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array
