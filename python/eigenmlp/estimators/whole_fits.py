"""A fit happens whole or not at all."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from eigenmlp.estimators.solver_state import SolverState
    from eigenmlp.network import Network

__all__ = ["whole_or_not_at_all"]


@contextlib.contextmanager
def whole_or_not_at_all(estimator: Any) -> Iterator[None]:
    """If what is done with an estimator raises, put all of it back as it was.

    That is every attribute but the constructor's parameters, the network's and the optimizer's
    memory, which training changes in place, and the state of a RandomState of the user's. The
    constructor of a user's class may have other parameters than ours.
    """
    kind: Any = type(estimator)
    parameters = _parameters_of(kind)
    attributes = {n: value for n, value in vars(estimator).items() if n not in parameters}
    lists = [(value, list(value)) for value in attributes.values() if isinstance(value, list)]
    undo = _undoing(attributes.get("_network"), attributes.get("_optimizer"))
    given = estimator.random_state
    generators = [(given, given.get_state())] if isinstance(given, np.random.RandomState) else []
    try:
        yield
    except BaseException:
        kept = {n: value for n, value in vars(estimator).items() if n in parameters}
        estimator.__dict__ = kept | attributes
        for changed, entries in lists:
            changed[:] = entries
        undo()
        for generator, state in generators:
            generator.set_state(state)
        raise


@functools.lru_cache
def _parameters_of(kind: type[Any]) -> frozenset[str]:
    # scikit-learn inspects the constructor at every call, longer than a small batch takes.
    return frozenset(kind._get_param_names())


def _undoing(network: Network | None, solver: SolverState | None) -> Callable[[], None]:
    """Return a function that undoes training, and needs no memory for it."""
    if network is None:
        return lambda: None
    architecture, values = network._architecture, network.get_flat_parameters()
    # These two are of the network's precision.
    core: Any = network._core
    remembered = dict(vars(solver)) if solver is not None else {}
    state: Any = solver.rule.state_for(solver.network) if solver is not None else None
    moments, clock = (state.moments(), state.clock()) if state is not None else ([], 0)

    def undo() -> None:
        with contextlib.suppress(RuntimeError), core.claim():
            # Else it is another fit's that goes on at this moment, and this one was refused.
            network._architecture = architecture
            core.set_dropout_seed(architecture.dropout_seed)
            core.set_values(values)
            if solver is not None:
                vars(solver).update(remembered)
                state.restore(moments, clock)

    return undo
