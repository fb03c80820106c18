"""Texts of users in messages: short, whatever they are."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import eigenmlp as em
from data_files import IMAGES
from eigenmlp.common.words import listed, reason, shortened, shown, type_of
from eigenmlp.datasets import read_arrays
from eigenmlp.errors import DataFileError

LONG = "x" * 2_000_000


@pytest.mark.parametrize("length", [0, 59, 60, 61, 62, 1000])
def test_both_ends_of_a_long_text_are_kept(length: int) -> None:
    text = "".join(chr(ord("a") + place % 26) for place in range(length))
    short = shortened(text)
    if length <= 60:
        assert short == text
    else:
        begin, end = short.split("...")
        assert len(begin) + 3 + len(end) <= 60 + len(" (2,000,000 characters)")
        assert text.startswith(begin)
        assert text.endswith(end.partition(" ")[0])
        assert f"({length:,} characters)" in end


def test_values_and_lists() -> None:
    assert shown("a\n") == "'a\\n'"
    assert shown(LONG).startswith("'xxx")
    assert "(2,000,002 characters)" in shown(LONG)
    assert listed(["a", 1, LONG]).startswith("a, 1, xxx")
    assert len(listed([LONG] * 1000)) < 1100
    assert reason(ValueError(" It failed.\n")) == "It failed"
    assert listed(["y", " y", "y\t", "a b"]) == "y, ' y', 'y\\t', a b"
    assert listed(range(11)) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ... (11 in all)"
    assert [type_of(value) for value in (1, "", iter([1]))] == [
        "an int",
        "a str",
        "a list_iterator",
    ]


def files_with_long_texts(folder: Path) -> list[tuple[str, str | None]]:
    def csv(text: str) -> str:
        path = folder / f"{len(list(folder.iterdir()))}.csv"
        path.write_text(text, encoding="utf-8")
        return str(path)

    def parquet(frame: pd.DataFrame) -> str:
        path = folder / f"{len(list(folder.iterdir()))}.parquet"
        frame.to_parquet(path)
        return str(path)

    np.save(folder / "x.npy", IMAGES)
    np.save(folder / "y.npy", [LONG, "b", "c", "d"])
    arrays: dict[str, Any] = {"n" * 5000: IMAGES, "m" * 5000: IMAGES}
    np.savez(folder / "x.npz", **arrays)
    np.save(folder / "fields.npy", np.zeros(2, [("f" * 3000 + str(i), "f4") for i in range(3)]))
    name = "n" * 100_000
    return [
        (csv(f"a,b\n1,{LONG}\n"), None),
        (csv(f"a,{name}\n1,x\n"), None),
        (csv(f"a,{name}\n1,\n"), None),
        (csv(f"a,{name}\n1,inf\n"), None),
        (csv(f"{name},{name}\n1,2\n"), None),
        (csv(f"5,{name}\n1,2\n"), None),
        (csv(f"{LONG},b\n1,2\n"), None),
        (csv(f"a,{name}\n1,2\n"), "y"),
        (csv(f"a,y\n1,{LONG}\n2,b\n"), "y"),
        (csv(f"a,{name}\n1,x\n"), name),
        (csv("a,b\n1," + "9" * 4000 + "\n"), None),
        (parquet(pd.DataFrame({"a": [LONG]})), None),
        (parquet(pd.DataFrame({name: [1, None]})), None),
        (parquet(pd.DataFrame({"a": [1]}, index=[LONG])), None),
        (parquet(pd.DataFrame({"a": [[LONG]]})), None),
        (str(folder / "x.npy"), str(folder / "y.npy")),
        (str(folder / "x.npy"), LONG),
        (str(folder / "x.npz"), None),
        (str(folder / "x.npz"), "n" * 3000),
        (str(folder / "fields.npy"), None),
        (LONG, None),
    ]


def test_no_message_about_a_file_is_long(tmp_path: Path) -> None:
    for images, labels in files_with_long_texts(tmp_path):
        with pytest.raises(DataFileError) as caught:
            read_arrays(images, labels)
        paths = 3 * len(str(tmp_path))
        assert len(str(caught.value)) < 1500 + paths, str(caught.value)[:3000]


X, Y = np.arange(12.0).reshape(6, 2), np.arange(6) % 2
NET = em.Network([2, 3, 2], rng=0)


@pytest.mark.parametrize("value", [LONG, [1] * 100_000, {LONG: LONG}, LONG.encode()])
@pytest.mark.parametrize(
    "call",
    [
        lambda value: em.Network([2, value, 2]),
        lambda value: em.Network([2, 3, 2], activation=value),
        lambda value: em.Network([2, 3, 2], init=str(value)),
        lambda value: em.Network([2, 3, 2], dtype=value),
        lambda value: em.Network([2, 3, 2], input_scale=value),
        lambda value: em.Network([2, 3, 2], dropout=[value]),
        lambda value: em.train(NET, X, Y, optimizer=value, epochs=1),
        lambda value: em.train(NET, X, Y, learning_rate=value, epochs=1),
        lambda value: em.train(NET, X, Y, batch_size=value, epochs=1),
        lambda value: em.train(NET, X, Y, loss=value, epochs=1),
        lambda value: em.train(NET, X, Y, metrics=[value], epochs=1),
        lambda value: em.train(NET, X, Y, callbacks=[value], epochs=1),
        lambda value: em.train(NET, X, Y, class_weight=value, epochs=1),
        lambda value: em.train(NET, X, Y, schedule_unit=value, epochs=1),
        lambda value: em.callbacks.EarlyStopping(monitor="val_loss", mode=value),
        lambda value: em.callbacks.EarlyStopping(patience=value),
        lambda value: em.History()[value],
        lambda value: em.datasets.split(X, Y, [len(value)] * 100_000),
        lambda value: em.export.to_onnx(value, "out"),
        lambda value: em.export.from_torch_state_dict({str(value): X}),
        em.from_sklearn,
        lambda value: em.MLPClassifier(activation=value).fit(X, Y),
        lambda value: em.MLPClassifier(hidden_layer_sizes=value and [-1] * 100_000).fit(X, Y),
        lambda value: em.MLPClassifier(class_weight=str(value)).fit(X, Y),
        lambda value: em.MLPClassifier().partial_fit(X, [str(value), "b"] * 3, classes=["a", "b"]),
        lambda value: em.MLPRegressor(loss=value).fit(X, Y),
        lambda value: em.MLPRegressor(callbacks=[value]).fit(X, Y),
        lambda value: em.MLPRegressor(learning_rate_init=value).partial_fit(X, Y),
    ],
)
def test_no_message_about_an_argument_is_long(call: Any, value: object) -> None:
    with pytest.raises((TypeError, ValueError, KeyError)) as caught:
        call(value)
    assert len(str(caught.value)) < 600
