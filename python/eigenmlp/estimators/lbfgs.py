"""The solver "lbfgs": SciPy's L-BFGS-B on the network's loss and gradient over all samples."""

from __future__ import annotations

import copy
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import OptimizeResult, minimize
from sklearn.utils.optimize import _check_optimize_result

from eigenmlp.common.threads import threads
from eigenmlp.estimators.fit_tasks import tasks_of_network
from eigenmlp.estimators.stochastic import NON_FINITE
from eigenmlp.network.penalty import penalty_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eigenmlp.estimators.base import BaseMLP
    from eigenmlp.estimators.samples import FitSamples
    from eigenmlp.network import Network

__all__ = ["fit", "packed_loss_and_gradient"]


def fit(estimator: BaseMLP, samples: FitSamples) -> None:
    """Fit an estimator that has its initial parameters."""
    # Line searches compare losses far finer than float32 tells them apart.
    network = estimator._model()
    exact = estimator._new_network(list(network.layer_sizes), "float64", rng=0)
    exact.set_flat_parameters(network.get_flat_parameters().astype(np.float64))
    target = estimator._targets(samples.y)
    l2 = float(estimator.alpha) / samples.total_weight
    reached = OptimizeResult(x=exact.get_flat_parameters(), fun=np.nan, nit=0)
    problem = [(samples.X, target, l2, samples.weights)]

    def loss_and_gradient(flat: NDArray[Any]) -> tuple[float, NDArray[Any]]:
        return _at(estimator, exact, flat, *problem[0])

    def keep(intermediate_result: OptimizeResult) -> None:
        reached.update(intermediate_result, nit=reached.nit + 1)
        estimator._say(f"Iteration {reached.nit}, loss = {reached.fun:.8f}")
        if tasks.step_taken(lambda: _of_precision(network, reached.x)):
            raise StopIteration

    tasks = tasks_of_network(estimator, samples, "iteration")
    try:
        with threads(estimator.n_threads):
            result = minimize(
                loss_and_gradient,
                reached.x,
                method="L-BFGS-B",
                jac=True,
                options={
                    "maxfun": estimator.max_fun,
                    "maxiter": estimator.max_iter,
                    "gtol": estimator.tol,
                },
                callback=keep,
            )
        estimator.n_iter_ = _check_optimize_result("lbfgs", result, estimator.max_iter)
    except KeyboardInterrupt:
        warnings.warn("Training interrupted by user.", stacklevel=2)
        result = reached
        estimator.n_iter_ = reached.nit
        if reached.nit == 0:
            estimator.loss_ = np.nan
            estimator._show()
            tasks.end(lambda: copy.deepcopy(estimator._network))
            return
    finally:
        # SciPy may keep the function in a reference cycle, which must not keep the data.
        problem.clear()
    _take_over(estimator, exact, result, l2)
    tasks.end(lambda: copy.deepcopy(estimator._network))


def _of_precision(network: Network, flat: NDArray[Any]) -> Network:
    """Return a copy of a network with other parameters, rounded to its precision."""
    copied = copy.deepcopy(network)
    copied.set_flat_parameters(flat.astype(network.dtype))
    return copied


def _at(
    estimator: BaseMLP,
    network: Network,
    flat: NDArray[Any],
    X: NDArray[Any],
    target: NDArray[Any],
    l2: float,
    weights: NDArray[Any] | None,
) -> tuple[float, NDArray[Any]]:
    """Loss and gradient at a point; an infinite loss where numbers overflow."""
    if not np.isfinite(flat).all():
        return np.inf, np.zeros_like(flat)
    network.set_flat_parameters(flat)
    try:
        return network.loss_and_gradient(
            X,
            target,
            l2,
            loss=estimator._loss_function(),
            sample_weight=weights,
            n_threads=estimator.n_threads,
        )
    except ArithmeticError:
        return np.inf, np.zeros_like(flat)


def _take_over(estimator: BaseMLP, exact: Network, result: OptimizeResult, l2: float) -> None:
    if not (np.isfinite(result.fun) and np.isfinite(result.x).all()):
        raise ValueError(NON_FINITE)
    exact.set_flat_parameters(result.x)
    estimator.loss_ = estimator._reported_loss(float(result.fun), penalty_of(exact, l2))
    estimator._network.set_flat_parameters(result.x.astype(estimator._network.dtype))
    estimator._show()


def packed_loss_and_gradient(
    estimator: BaseMLP,
    packed: NDArray[Any],
    X: NDArray[Any],
    y: NDArray[Any],
    sample_weight: NDArray[Any] | None,
) -> tuple[float, NDArray[Any]]:
    """Loss with penalty and its gradient, packed as scikit-learn packs them.

    All weights (fan_in, fan_out), one layer after the other, and then all biases.
    """
    network = copy.deepcopy(estimator._model())
    arrays, start = [], 0
    for shown in [*network.weights, *network.biases]:
        arrays.append(packed[start : start + shown.size].reshape(shown.shape))
        start += shown.size
    n_layers = len(arrays) // 2
    network.set_parameters(arrays[:n_layers], arrays[n_layers:])
    total = X.shape[0] if sample_weight is None else float(sample_weight.sum())
    loss, gradient = network.loss_and_gradient(
        X,
        estimator._targets(np.asarray(y)),
        float(estimator.alpha) / total,
        loss=estimator._loss_function(),
        sample_weight=sample_weight,
        n_threads=estimator.n_threads,
    )
    layers = network.split(gradient)
    parts = [layer[name].ravel() for name in ("weight", "bias") for layer in layers]
    return loss, np.hstack(parts)
