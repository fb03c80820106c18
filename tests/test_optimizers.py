"""The update rules as objects; what they compute is tested in test_trajectories.py."""

from __future__ import annotations

import copy
import gc
import pickle
from typing import Any

import pytest

import eigenmlp as em


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"beta1": 1}, ValueError, r"beta1=1 is out of range: 0 <= beta1 < 1"),
        ({"beta2": -0.1}, ValueError, r"beta2=-0.1 is out of range"),
        ({"beta2": float("nan")}, ValueError, "beta2=nan is out of range"),
        ({"epsilon": 0}, ValueError, "epsilon=0 must be finite and at least 1e-37"),
        ({"epsilon": 1e-60}, ValueError, "epsilon=1e-60 must be finite and at least 1e-37"),
        ({"epsilon": float("inf")}, ValueError, "epsilon=inf must be finite"),
        ({"beta1": "0.9"}, TypeError, "beta1='0.9' is not a number"),
        (
            {"beta1": 10**400},
            ValueError,
            r"beta1=1\S+ \(401 characters\) is too large",
        ),
    ],
)
def test_bad_constants(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        em.optimizers.Adam(**arguments)


def test_values() -> None:
    adam = em.optimizers.Adam(0.8, 0.99, 1e-6)
    assert (adam.beta1, adam.beta2, adam.epsilon) == (0.8, 0.99, 1e-6)
    assert adam == em.optimizers.Adam(0.8, 0.99, 1e-6) != em.optimizers.Adam()
    assert hash(adam) == hash(em.optimizers.Adam(0.8, 0.99, 1e-6))
    assert em.optimizers.SGD() == em.optimizers.SGD()
    assert len({adam, em.optimizers.SGD()}) == 2
    assert repr(adam) == "Adam(beta1=0.8, beta2=0.99, epsilon=1e-06)"


@pytest.mark.parametrize("rule", [em.optimizers.SGD(), em.optimizers.Adam(0.5)])
def test_copies_keep_the_constants(rule: em.optimizers.Optimizer) -> None:
    assert copy.deepcopy(rule) == rule
    assert pickle.loads(pickle.dumps(rule)) == rule  # noqa: S301


def test_state_goes_with_its_network() -> None:
    adam = em.optimizers.Adam()
    net = em.Network([2, 2], rng=0)
    em.train(net, [[1, 2]], [0], optimizer=adam, epochs=5)
    assert adam.state_for(net).clock() == 5
    assert len(adam._states) == 1
    del net
    gc.collect()
    assert len(adam._states) == 0
