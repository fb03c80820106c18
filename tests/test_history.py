"""The history as a mapping, its best epoch, and its way to JSON and back."""

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eigenmlp.history import History

columns = st.dictionaries(
    st.text(min_size=1),
    st.lists(st.floats(allow_nan=False), min_size=3, max_size=3),
    max_size=4,
)


def history_of(**values: list[float]) -> History:
    return History.from_dict(values)


def test_is_a_mapping_from_column_to_epochs() -> None:
    history = History()
    assert len(history) == history.n_epochs == 0
    history.append(train_loss=2, val_loss=3.5)
    history.append(val_loss=np.float32(2.5), train_loss=math.inf)  # type: ignore[arg-type]
    assert dict(history) == {"train_loss": [2.0, math.inf], "val_loss": [3.5, 2.5]}
    assert len(history) == 2
    assert history.n_epochs == 2
    assert "val_loss" in history
    assert "val_accuracy" not in history
    assert all(type(value) is float for values in history.values() for value in values)


def test_last_is_the_latest_row() -> None:
    history = History()
    assert history.last == {}
    history.append(train_loss=2.0, seconds=0.5)
    history.append(train_loss=1.0, seconds=0.25)
    assert history.last == {"train_loss": 1.0, "seconds": 0.25}


def test_repr_is_short() -> None:
    history = History()
    assert repr(history) == "History(0 epochs)"
    history.append(train_loss=2.0)
    assert repr(history) == "History(1 epoch: train_loss)"
    history.append(train_loss=2.0)
    assert repr(history) == "History(2 epochs: train_loss)"


def test_what_it_hands_out_cannot_change_it() -> None:
    history = history_of(train_loss=[2.0, 1.0])
    history["train_loss"].clear()
    history.to_dict()["train_loss"].clear()
    history.last["train_loss"] = 9.0
    assert history["train_loss"] == [2.0, 1.0]


def test_what_it_was_made_of_cannot_change_it() -> None:
    values = [2.0, 1.0]
    history = history_of(train_loss=values)
    values.append(0.0)
    assert history["train_loss"] == [2.0, 1.0]


@pytest.mark.parametrize(
    ("row", "error", "message"),
    [
        ({}, ValueError, "got no value"),
        ({"train_loss": 1.0}, ValueError, "columns train_loss, but .* have train_loss, seconds"),
        ({"train_loss": 1.0, "time": 1.0}, ValueError, "every epoch must give the same columns"),
        ({"train_loss": 1.0, "seconds": "1"}, TypeError, "seconds='1' is not a number"),
        ({"train_loss": 1.0, "seconds": True}, TypeError, "seconds=True is not a number"),
        ({"train_loss": 1.0, "seconds": None}, TypeError, "seconds=None is not a number"),
    ],
)
def test_append_refuses_a_row_whole(
    row: dict[str, Any], error: type[Exception], message: str
) -> None:
    history = History()
    history.append(train_loss=2.0, seconds=0.5)
    with pytest.raises(error, match=message):
        history.append(**row)
    assert history.to_dict() == {"train_loss": [2.0], "seconds": [0.5]}


def test_a_missing_column_names_those_there_are() -> None:
    with pytest.raises(KeyError, match="no column 'val_loss': no epoch has been recorded yet"):
        History()["val_loss"]
    history = history_of(train_loss=[1.0], seconds=[0.5])
    with pytest.raises(KeyError, match="the columns are train_loss, seconds; pass validation_data"):
        history["val_loss"]
    with pytest.raises(KeyError) as caught:
        history["loss"]
    assert "validation_data" not in str(caught.value)


# --- best --------------------------------------------------------------------------------------


# Ties and NaN are rare among all floats, so they are drawn for themselves.
awkward = st.floats() | st.sampled_from([-1.0, 0.0, 1.0, math.inf, -math.inf, math.nan, math.nan])


@given(st.lists(awkward, min_size=1, max_size=8))
@example([math.nan])
@example([math.nan, 1.0])
def test_best_is_the_first_of_the_smallest_numbers(values: list[float]) -> None:
    history = history_of(val_loss=values)
    if all(math.isnan(value) for value in values):
        with pytest.raises(ValueError, match="'val_loss' has no best epoch: it is NaN in all"):
            history.best()
        return
    # numpy.nanargmin takes NaN for infinity, so it is not a judge here.
    value, epoch = min((v, e) for e, v in enumerate(values) if not math.isnan(v))
    assert history.best() == (epoch, value)
    negated = history_of(score=[-value for value in values])
    assert negated.best("score", mode="max") == (epoch, -value)


def test_best_goes_by_the_name() -> None:
    history = history_of(
        val_loss=[2.0, 1.0, 1.0], val_accuracy=[0.5, 0.75, 0.25], seconds=[1, 2, 3]
    )
    assert history.best() == (1, 1.0)
    assert history.best("val_accuracy") == (1, 0.75)
    assert history.best("val_accuracy", "min") == (2, 0.25)
    assert history.best("seconds", "max") == (2, 3.0)


def test_best_refuses_what_it_cannot_know() -> None:
    history = history_of(seconds=[1.0])
    with pytest.raises(ValueError, match=r"'seconds' are good cannot be told.*mode=.min"):
        history.best("seconds")
    with pytest.raises(ValueError, match="mode='least' is unknown"):
        history.best("seconds", "least")  # type: ignore[arg-type]
    with pytest.raises(KeyError, match="no column 'val_loss': the columns are seconds"):
        history.best()


# --- JSON --------------------------------------------------------------------------------------


@given(columns)
def test_goes_to_json_and_back(values: dict[str, list[float]]) -> None:
    history = History.from_dict(values)
    text = json.dumps(history.to_dict())
    assert History.from_dict(json.loads(text)) == history
    assert history.to_dict() == values


def test_nan_goes_to_json_and_back() -> None:
    text = json.dumps(history_of(val_loss=[math.nan]).to_dict())
    assert math.isnan(History.from_dict(json.loads(text))["val_loss"][0])


def test_continues_after_from_dict() -> None:
    history = history_of(train_loss=[2.0])
    history.append(train_loss=1.0)
    assert history["train_loss"] == [2.0, 1.0]


def test_a_history_without_epochs_comes_back_without_columns() -> None:
    assert len(History.from_dict({"train_loss": []})) == 0


def test_from_dict_refuses_a_damaged_record() -> None:
    with pytest.raises(ValueError, match=r"\{'a': 2, 'b': 1\}; the record is damaged"):
        History.from_dict({"a": [1.0, 2.0], "b": [1.0]})
    with pytest.raises(TypeError, match="a='1' is not a number"):
        History.from_dict({"a": ["1"]})  # type: ignore[list-item]
