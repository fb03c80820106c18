"""Early stopping: the exact count, what improves, and the parameters it brings back."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eigenmlp.callbacks import EarlyStopping
from scripted_run import drive, losses, row

# Ties and NaN are rare among all floats, so they are drawn for themselves.
awkward = st.floats() | st.sampled_from([-1.0, 0.0, 1.0, math.inf, -math.inf, math.nan, math.nan])


@pytest.mark.parametrize("patience", [1, 2, 3, 10])
@pytest.mark.parametrize("best", [0, 1, 7])
def test_stops_exactly_patience_epochs_after_the_best(patience: int, best: int) -> None:
    values = [*(10.0 - epoch for epoch in range(best + 1)), *[20.0] * 50]
    stopping = EarlyStopping(patience=patience)
    state = drive(stopping, losses(*values))
    assert state.history.n_epochs == best + patience + 1
    assert stopping.stopped_epoch == best + patience
    assert stopping.best_epoch == best
    assert stopping.best_value == 10.0 - best
    assert stopping.best_parameters is None


def test_an_improvement_in_the_last_moment_starts_the_count_again() -> None:
    stopping = EarlyStopping(patience=3)
    drive(stopping, losses(5, 6, 6, 4, 6, 6, 6, 0))
    assert (stopping.best_epoch, stopping.stopped_epoch) == (3, 6)


def test_does_not_stop_while_it_improves() -> None:
    stopping = EarlyStopping(patience=1)
    state = drive(stopping, losses(*range(50, 0, -1)))
    assert state.history.n_epochs == 50
    assert stopping.stopped_epoch is None


@given(
    values=st.lists(awkward, min_size=1, max_size=40),
    patience=st.integers(1, 6),
)
def test_stops_when_no_window_of_epochs_has_a_new_record(
    values: list[float], patience: int
) -> None:
    clean = np.where(np.isnan(values), np.inf, values)
    records = [e for e in range(len(values)) if clean[e] < min(clean[:e], default=np.inf)]
    stops = [
        e
        for e in range(patience - 1, len(values))
        if not set(records) & set(range(e - patience + 1, e + 1))
    ]
    stopping = EarlyStopping(patience=patience)
    drive(stopping, losses(*values))
    assert stopping.stopped_epoch == (stops[0] if stops else None)
    seen = [e for e in records if not stops or e <= stops[0]]
    assert stopping.best_epoch == (seen[-1] if seen else None)
    assert stopping.best_value == (values[seen[-1]] if seen else None)


@given(
    values=st.lists(awkward, min_size=1, max_size=40),
    patience=st.integers(1, 6),
    min_delta=st.floats(0, 2),
)
def test_max_is_min_upside_down(values: list[float], patience: int, min_delta: float) -> None:
    low = EarlyStopping(patience=patience, min_delta=min_delta)
    high = EarlyStopping(patience=patience, min_delta=min_delta, mode="max")
    drive(low, losses(*values))
    drive(high, losses(*(-value for value in values)))
    assert (low.best_epoch, low.stopped_epoch) == (high.best_epoch, high.stopped_epoch)


def test_only_more_than_min_delta_is_an_improvement() -> None:
    # In quarters, so that every difference is exact.
    stopping = EarlyStopping(patience=2, min_delta=0.25)
    drive(stopping, losses(2.0, 1.75, 1.5, 1.25, 1.0))
    assert (stopping.best_epoch, stopping.stopped_epoch) == (4, None)  # 0, then 2, then 4
    stopping = EarlyStopping(patience=1, min_delta=0.25)
    drive(stopping, losses(2.0, 1.75, 0.0))
    assert (stopping.best_epoch, stopping.stopped_epoch) == (0, 1)


def test_small_steps_add_up_against_the_best() -> None:
    stopping = EarlyStopping(patience=3, min_delta=0.25)
    drive(stopping, losses(2.0, 1.875, 1.75, 1.625, 1.5))
    assert (stopping.best_epoch, stopping.best_value) == (3, 1.625)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_nan_and_infinity_are_no_improvement(bad: float) -> None:
    stopping = EarlyStopping(patience=3)
    drive(stopping, losses(bad, 2.0, bad, bad, 1.0, bad, bad, bad, 0.0))
    assert (stopping.best_epoch, stopping.best_value, stopping.stopped_epoch) == (4, 1.0, 7)
    drive(stopping, losses(bad, bad, bad, 1.0))
    assert (stopping.best_epoch, stopping.best_value, stopping.stopped_epoch) == (None, None, 2)


def test_infinity_on_the_good_side_is_the_best_there_is() -> None:
    stopping = EarlyStopping(patience=2)
    drive(stopping, losses(1.0, -math.inf, -math.inf, -5.0))
    assert (stopping.best_epoch, stopping.best_value) == (1, -math.inf)
    assert stopping.stopped_epoch == 3


def test_accuracy_is_better_when_larger() -> None:
    stopping = EarlyStopping("val_accuracy", patience=2)
    assert stopping.mode == "max"
    drive(stopping, [row(val_accuracy=value) for value in (0.25, 0.75, 0.5, 0.5)])
    assert (stopping.best_epoch, stopping.stopped_epoch) == (1, 3)


@pytest.mark.parametrize("values", [(3, 1, 2, 2, 0), (3, 1, 2)], ids=["stopped", "epochs done"])
def test_restores_the_best_parameters(values: tuple[float, ...]) -> None:
    stopping = EarlyStopping(patience=2, restore_best=True)
    state = drive(stopping, losses(*values))
    assert state.network.get_flat_parameters().tolist() == [1, 1, 1]
    assert stopping.best_parameters is not None
    assert stopping.best_parameters.tolist() == [1, 1, 1]


def test_restores_nothing_unless_asked() -> None:
    state = drive(EarlyStopping(patience=2), losses(3, 1, 2, 2))
    assert state.network.get_flat_parameters().tolist() == [3, 3, 3]


def test_keeps_the_best_parameters_when_training_fails() -> None:
    stopping = EarlyStopping(restore_best=True)
    state = drive(stopping, losses(3, 1, 2), error=KeyboardInterrupt())
    assert state.network.get_flat_parameters().tolist() == [2, 2, 2]
    assert stopping.best_parameters is not None
    assert stopping.best_parameters.tolist() == [1, 1, 1]


def test_warns_when_there_is_nothing_to_restore() -> None:
    stopping = EarlyStopping(patience=2, restore_best=True)
    with pytest.warns(RuntimeWarning, match="no epoch improved 'val_loss'.*keeps its last ones"):
        state = drive(stopping, losses(math.nan, math.nan, math.nan))
    assert state.network.get_flat_parameters().tolist() == [1, 1, 1]


def test_names_the_columns_when_the_monitor_is_missing() -> None:
    with pytest.raises(KeyError, match=r"no column 'val_loss': .*train_loss.*validation_data"):
        drive(EarlyStopping(), [row()])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"patience": 0}, ValueError, "patience=0 is less than 1; pass the epochs to wait for"),
        ({"patience": 2.0}, TypeError, r"patience=2\.0 is not an integer"),
        ({"patience": True}, TypeError, "patience=True is not an integer"),
        ({"min_delta": -1e-3}, ValueError, r"min_delta=-0\.001 is not a finite number >= 0"),
        ({"min_delta": math.nan}, ValueError, "min_delta=nan is not a finite number"),
        ({"min_delta": math.inf}, ValueError, "min_delta=inf is not a finite number"),
        ({"min_delta": "1"}, TypeError, "min_delta='1' is not a number"),
        ({"mode": "least"}, ValueError, 'mode=\'least\' is unknown; use "min", "max" or'),
        ({"monitor": "seconds"}, ValueError, "'seconds' are good cannot be told from its name"),
        ({"monitor": 3}, TypeError, "monitor=3 is not a column name"),
        ({"restore_best": 1}, TypeError, "restore_best=1 is not a bool"),
    ],
)
def test_early_stopping_refuses(
    arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        EarlyStopping(**arguments)


def test_the_last_of_equally_good_epochs_counts_if_asked_to() -> None:
    for last_of_best, best in ((False, 1), (True, 3)):
        stopping = EarlyStopping(patience=3, last_of_best=last_of_best, restore_best=True)
        state = drive(stopping, losses(5, 4, 6, 4, 6, math.nan, 6, 6))
        assert stopping.best_epoch == best
        assert stopping.stopped_epoch == best + 3
        np.testing.assert_array_equal(state.network.get_flat_parameters(), stopping.best_parameters)
    assert "last_of_best=True, restore_best" in repr(stopping)
