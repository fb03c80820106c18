"""Names of columns belong to the network: tables are put in their order, wherever they go."""

import copy
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import eigenmlp as em

TABLES: list[Callable[[pd.DataFrame], Any]] = [
    pd.DataFrame,
    pl.from_pandas,
    pa.Table.from_pandas,
]
RNG = np.random.default_rng(0)
VALUES = RNG.normal(size=(40, 3)) * [1, 10, 100]
Y = (VALUES[:, 0] > 0).astype(int)
FRAME = pd.DataFrame(VALUES, columns=["a", "b", "c"]).assign(y=Y, note="text")


def trained(X: Any, **options: Any) -> em.Network:
    network = em.Network([3, 5, 2], dtype="float64", rng=0)
    em.train(network, X, Y, epochs=2, rng=0, **options)
    return network


@pytest.fixture
def network() -> em.Network:
    return trained(FRAME[["a", "b", "c"]])


@pytest.mark.parametrize("table", TABLES)
def test_columns_go_by_name_wherever_they_stand(
    network: em.Network, table: Callable[[pd.DataFrame], Any]
) -> None:
    assert network.feature_names == ("a", "b", "c")
    moved = table(FRAME[["c", "a", "b"]])
    np.testing.assert_array_equal(network.predict_proba(moved), network.predict_proba(VALUES))
    np.testing.assert_array_equal(network.predict(moved), network.predict(VALUES))
    assert network.evaluate(moved, Y) == network.evaluate(VALUES, Y)
    of_table, of_array = (network.loss_and_gradient(X, Y) for X in (moved, VALUES))
    np.testing.assert_array_equal(of_table[1], of_array[1])


@pytest.mark.parametrize("table", TABLES)
def test_further_columns_are_left_aside_and_told(
    network: em.Network, table: Callable[[pd.DataFrame], Any]
) -> None:
    more = table(FRAME[["y", "c", "note", "a", "b"]])
    with pytest.warns(UserWarning, match="not trained on, which are left aside: 'y', 'note'"):
        found = network.predict_proba(more)
    np.testing.assert_array_equal(found, network.predict_proba(VALUES))


@pytest.mark.parametrize("table", TABLES)
def test_missing_columns_are_an_error_that_names_them_all(
    network: em.Network, table: Callable[[pd.DataFrame], Any]
) -> None:
    short = table(FRAME[["y", "b", "note"]])
    for call in (network.predict, network.predict_proba, network.predict_outputs):
        with pytest.raises(ValueError, match=r"X lacks 2 of the 3 columns: 'a', 'c'; it has 2 th"):
            call(short)
    with pytest.raises(ValueError, match="lacks 2 of the 3 columns"):
        network.evaluate(short, Y)


def test_the_same_column_twice_is_an_error(network: em.Network) -> None:
    twice = pd.DataFrame(VALUES, columns=["a", "b", "a"])
    with pytest.raises(ValueError, match="several columns are called 'a'"):
        network.predict(twice)
    with pytest.raises(ValueError, match="several columns are called 'a'"):
        trained(twice)


def test_arrays_and_unnamed_tables_go_by_place(network: em.Network) -> None:
    expected = network.predict_proba(VALUES)
    np.testing.assert_array_equal(network.predict_proba(pd.DataFrame(VALUES)), expected)
    np.testing.assert_array_equal(network.predict_proba(VALUES.tolist()), expected)
    nameless = trained(VALUES)
    assert nameless.feature_names is None
    assert trained(pd.DataFrame(VALUES)).feature_names is None
    np.testing.assert_array_equal(
        nameless.predict_proba(FRAME[["a", "b", "c"]]), nameless.predict_proba(VALUES)
    )


def test_columns_that_are_a_number_are_no_names(network: em.Network) -> None:
    class Grid:
        columns = 3

        def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
            return VALUES

    grid: Any = Grid()
    np.testing.assert_array_equal(network.predict(grid), network.predict(VALUES))


def test_labels_that_are_no_texts_are_names_too() -> None:
    labels = [7, True, ("b", 1)]
    frame = pd.DataFrame(VALUES)
    frame.columns = pd.Index(labels, dtype=object, tupleize_cols=False)
    network = trained(frame)
    np.testing.assert_array_equal(
        network.predict_proba(frame.iloc[:, [2, 0, 1]]), network.predict_proba(VALUES)
    )
    nameless = trained(pd.DataFrame(VALUES))
    with pytest.raises(ValueError, match="columns 2, 0, 1, in this order, but the network knows"):
        nameless.predict(pd.DataFrame(VALUES)[[2, 0, 1]])


def test_validation_data_go_by_name(network: em.Network) -> None:
    moved = FRAME[["b", "c", "a"]]
    seen: list[Any] = []

    def agreement(_: Any, predictions: Any) -> float:
        seen.append(predictions)
        return 0.0

    for X_val in (FRAME[["a", "b", "c"]], moved):
        net = em.Network([3, 5, 2], dtype="float64", rng=0)
        history = em.train(
            net,
            FRAME[["a", "b", "c"]],
            Y,
            epochs=1,
            rng=0,
            validation_data=(X_val, Y),
            metrics=[agreement],
        )
        assert history["val_loss"][-1] == net.evaluate(VALUES, Y).loss
    np.testing.assert_array_equal(seen[0], seen[1])
    with pytest.raises(ValueError, match="validation_data: X lacks 1 of the 3 columns: 'c'"):
        em.train(network, FRAME[["a", "b", "c"]], Y, validation_data=(FRAME[["a", "b"]], Y))


def test_training_goes_on_with_the_same_columns_in_any_order_and_no_others() -> None:
    networks = [trained(FRAME[["a", "b", "c"]]) for _ in range(2)]
    for network, order in zip(networks, (["a", "b", "c"], ["c", "b", "a"]), strict=True):
        em.train(network, FRAME[order], Y, epochs=2, rng=1)
        assert network.feature_names == ("a", "b", "c")
    assert networks[0].get_flat_parameters().tolist() == networks[1].get_flat_parameters().tolist()
    before = networks[0].get_flat_parameters()
    for columns, message in {
        ("a", "b", "y"): "lacks 1 of the 3 columns: 'c'; it has 1 that the network doesn't know",
        ("a", "b", "c", "y"): "has 1 that the network doesn't know: 'y'",
    }.items():
        with pytest.raises(ValueError, match=message):
            em.train(networks[0], FRAME[list(columns)], Y, epochs=1)
    assert networks[0].get_flat_parameters().tolist() == before.tolist()


def test_a_refused_training_leaves_no_names() -> None:
    network = em.Network([3, 2], rng=0)
    with pytest.raises(ValueError, match="batch_size=0 is less than 1"):
        em.train(network, FRAME[["a", "b", "c"]], Y, batch_size=0)
    assert network.feature_names is None


def test_names_stay_with_copies_pickles_and_files(network: em.Network, tmp_path: Path) -> None:
    network.save(tmp_path / "net.st")
    for other in (
        copy.copy(network),
        copy.deepcopy(network),
        pickle.loads(pickle.dumps(network)),  # noqa: S301
        em.load_network(tmp_path / "net.st"),
        em.load_model(tmp_path / "net.st"),
    ):
        assert other.feature_names == ("a", "b", "c")
        assert repr(other) == "Network([3, 5, 2], dtype='float64')"
    em.Network([3, 2], rng=0).save(tmp_path / "other.st")
    assert em.load_network(tmp_path / "other.st").feature_names is None


def test_the_network_of_an_estimators_file_knows_the_names(tmp_path: Path) -> None:
    model = em.MLPRegressor(hidden_layer_sizes=(4,), solver="lbfgs", random_state=0)
    model.fit(FRAME[["a", "b", "c"]], Y).save(tmp_path / "model.st")
    network = em.load_network(tmp_path / "model.st")
    np.testing.assert_array_equal(
        network.predict(FRAME[["c", "a", "b"]]).ravel(), model.predict(FRAME[["a", "b", "c"]])
    )


def test_names_may_be_given_and_forgotten(network: em.Network) -> None:
    network.feature_names = ["x", "y", "z"]
    assert network.feature_names == ("x", "y", "z")
    network.feature_names = None
    assert network.feature_names is None
    bad: Any
    for bad, error, message in (
        (["a", "b"], ValueError, "has 2 names for 3 features"),
        (["a", "b", "a"], ValueError, "several columns are called 'a'"),
        (["a", "b", 3], TypeError, "must be a list of texts"),
        ("abc", TypeError, "must be a list of texts"),
    ):
        with pytest.raises(error, match=message):
            network.feature_names = bad
    assert network.feature_names is None


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a", "b"], "feature_names has 2 names for 3 features"),
        (["a", "b", 1], "feature_names must be a list of texts"),
        ("abc", "feature_names must be a list of texts"),
        ({}, "feature_names must be a list of texts"),
    ],
)
def test_names_of_a_file_are_checked(
    network: em.Network, tmp_path: Path, names: Any, message: str
) -> None:
    path = tmp_path / "net.st"
    network.save(path)
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    inner = json.loads(header["__metadata__"]["eigenmlp"])
    assert inner["feature_names"] == ["a", "b", "c"]
    inner["feature_names"] = names
    header["__metadata__"]["eigenmlp"] = json.dumps(inner)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + length :])
    with pytest.raises(em.ModelFileError, match=message):
        em.load_network(path)


def test_a_run_resumes_with_its_own_order_of_columns_alone(tmp_path: Path) -> None:
    def run(order: list[str], epochs: int) -> em.Network:
        network = em.Network([3, 5, 2], dtype="float64", rng=0)
        keeping = em.callbacks.Checkpoint(tmp_path / "run")
        em.train(network, FRAME[order], Y, epochs=epochs, rng=0, callbacks=[keeping],
                 resume_from=tmp_path / "run")  # fmt: skip
        return network

    run(["a", "b", "c"], 1)
    with pytest.raises(em.CheckpointError, match=r"feature_names was \['a', 'b', 'c'\], is \['b"):
        run(["b", "a", "c"], 2)
    assert run(["a", "b", "c"], 2).feature_names == ("a", "b", "c")


def test_further_columns_of_many_and_long_names_make_no_long_message(network: em.Network) -> None:
    wide = pd.DataFrame(np.zeros((2, 2000)), columns=[f"{i}" + "x" * 5000 for i in range(2000)])
    with pytest.raises(ValueError, match="lacks 3 of the 3") as caught:
        network.predict(wide)
    assert len(str(caught.value)) < 10_000
