"""Checkpoints made up by someone who knows the format: always our error, or a run that goes on."""

import hashlib
import json
import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import eigenmlp as em
from checkpoint_bodies import body_of, snapshot
from resumable_run import stopping, train

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
ARRAYS = st.sampled_from(
    [
        np.zeros(0),
        np.zeros(3, "i8"),
        np.full(127, np.nan, "f4"),
        np.full(133, -1, "f4"),
        np.full((2, 2), 1e30, "f8"),
        np.ones(1, "?"),
    ]
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths to every node of a JSON value."""
    found = [path]
    if isinstance(value, dict):
        found += [p for key, entry in value.items() for p in places(entry, (*path, key))]
    elif isinstance(value, list):
        found += [p for index, entry in enumerate(value) for p in places(entry, (*path, index))]
    return found


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


def goes_on_or_is_refused(body: bytes) -> None:
    head = b"eigenmlp checkpoint 1\n" + hashlib.sha256(body).hexdigest().encode() + b"\n"
    with tempfile.TemporaryDirectory() as name:
        Path(name, "epoch-00000003.checkpoint").write_bytes(head + body)
        try:
            parameters, history = train(stopping(), epochs=4, resume_from=name)
        except (em.CheckpointError, em.TrainingDivergedError):
            return
        except ValueError as error:
            assert "has finished" in str(error)  # noqa: PT017  one of several endings
            return
    assert np.isfinite(parameters).all()
    assert history.n_epochs <= 4


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_value_anywhere_in_the_record(data: st.DataObject) -> None:
    record = {"n_epochs": snapshot().n_epochs, **snapshot().record}
    # Its fingerprint refuses nearly everything; it is the rest that is of interest.
    path = data.draw(st.sampled_from([p for p in places(record) if p[:1] != ("fingerprint",)]))
    goes_on_or_is_refused(body_of(replaced(record, path, data.draw(JSON)), snapshot().arrays))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_array_in_anothers_place(data: st.DataObject) -> None:
    record = {"n_epochs": snapshot().n_epochs, **snapshot().record}
    name = data.draw(
        st.sampled_from([*snapshot().arrays, "callbacks.7.x", "callbacks.", "moments.9"])
    )
    values = data.draw(ARRAYS | st.none())
    arrays = {key: value for key, value in snapshot().arrays.items() if key != name}
    if values is not None:
        arrays[name] = values
    goes_on_or_is_refused(body_of(record, arrays))


@settings(max_examples=60, deadline=None)
@given(tail=st.binary(max_size=200))
def test_any_bytes_in_the_arrays_place(tail: bytes) -> None:
    record = {"n_epochs": snapshot().n_epochs, **snapshot().record}
    goes_on_or_is_refused(json.dumps(record).encode() + b"\n" + tail)


def test_an_untouched_one_goes_on() -> None:
    """What is made up above differs in one place alone."""
    record = {"n_epochs": snapshot().n_epochs, **snapshot().record}
    assert not any(isinstance(v, float) and math.isnan(v) for v in record["history"]["train_loss"])
    with tempfile.TemporaryDirectory() as name:
        body = body_of(record, snapshot().arrays)
        head = b"eigenmlp checkpoint 1\n" + hashlib.sha256(body).hexdigest().encode() + b"\n"
        Path(name, "epoch-00000003.checkpoint").write_bytes(head + body)
        resumed, _ = train(stopping(), epochs=4, resume_from=name)
    expected, _ = train(stopping(), epochs=4)
    assert resumed.tobytes() == expected.tobytes()
