"""scikit-learn's checks of what it takes for an estimator: all of them, for both classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest import SkipTest

import pytest
from sklearn import neural_network
from sklearn.utils._test_common.instance_generator import (
    PER_ESTIMATOR_CHECK_PARAMS,
    _get_expected_failed_checks,
)
from sklearn.utils.estimator_checks import (
    check_sample_weight_equivalence_on_dense_data,
    check_sample_weight_equivalence_on_sparse_data,
    parametrize_with_checks,
)

from eigenmlp import MLPClassifier, MLPRegressor

if TYPE_CHECKING:
    from collections.abc import Callable

THEIRS = {
    MLPClassifier: neural_network.MLPClassifier,
    MLPRegressor: neural_network.MLPRegressor,
}

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


# As many epochs as scikit-learn checks its own with.
@parametrize_with_checks([MLPClassifier(max_iter=100), MLPRegressor(max_iter=100)])  # type: ignore[untyped-decorator]
def test_checks(estimator: Any, check: Callable[[Any], None]) -> None:
    try:
        check(estimator)
    except SkipTest:
        with pytest.raises(SkipTest):
            check(THEIRS[type(estimator)](max_iter=100))
        raise


@pytest.mark.parametrize("kind", THEIRS)
@pytest.mark.parametrize("solver", ["lbfgs", "adam", "sgd", "adamw"])
@pytest.mark.parametrize(
    "check",
    [check_sample_weight_equivalence_on_dense_data, check_sample_weight_equivalence_on_sparse_data],
)
def test_weights_are_repetitions_whatever_the_solver(
    kind: type[MLPClassifier | MLPRegressor],
    solver: str,
    check: Callable[[str, Any], None],
) -> None:
    check(kind.__name__, kind(solver=solver, tol=1e-2, random_state=42))


@pytest.mark.parametrize("kind", THEIRS.values())
def test_scikit_learn_expects_no_failure_of_its_own_either(kind: type[Any]) -> None:
    assert _get_expected_failed_checks(kind()) == {}
    # It checks one thing with other parameters than the default's, above for all solvers.
    assert list(PER_ESTIMATOR_CHECK_PARAMS[kind]) == [
        "check_sample_weight_equivalence_on_dense_data"
    ]
