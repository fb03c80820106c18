"""How well a network reads images that are no longer as clean as those it was trained on."""

import numpy as np

from eigenmlp.network import Network

__all__ = ["NOISE_LEVELS", "accuracy_under_noise"]

NOISE_LEVELS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
"""Standard deviations of the noise, where inputs lie between 0 and 1."""


def accuracy_under_noise(network: Network, X: np.ndarray, y: np.ndarray) -> tuple[float, ...]:
    """Return the accuracy for each of `NOISE_LEVELS`: images plus normal noise, not clipped.

    Every network meets the same noise, which grows with the level but keeps its pattern.

    Parameters
    ----------
    network : Network
        Its input scale brings inputs to 0 … 1.
    X : (n_samples, n_features) array
    y : (n_samples,) array of int
    """
    pattern = np.random.default_rng(0).standard_normal(X.shape, dtype=np.float32)
    pattern /= np.float32(network.input_scale)
    images = X.astype(np.float32)
    return tuple(
        float(np.mean(network.predict(images + np.float32(level) * pattern, n_threads=1) == y))
        for level in NOISE_LEVELS
    )
