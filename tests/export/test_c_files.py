"""Files of exported C: 8-bit weights and their cost, what is overwritten, what is refused."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.exceptions import NotFittedError
from sklearn.metrics import r2_score

import eigenmlp as em
from c_program import COMPILER, answer
from eigenmlp.export.c_text import literal, table
from eigenmlp.export.layers import dense_layers

needs_compiler = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")


# --- 8-bit weights -----------------------------------------------------------------------------


def rounded(weight: Any) -> Any:
    """Weights (fan_in, fan_out) as 8 bits hold them, unit by unit."""
    result = np.zeros(weight.shape)
    for unit in range(weight.shape[1]):
        column = weight[:, unit].astype(np.float64)
        step = max(abs(column)) / 127
        for i, value in enumerate(column):
            result[i, unit] = round(value / step) * step if step else 0.0
    return result


def reference(network: em.Network, X: Any) -> Any:
    """ReLU, batch normalization and softmax with rounded weights, in float64."""
    a = X.astype(np.float64) * network.input_scale
    weights, biases = network.weights, network.biases
    for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        a = a @ rounded(weight) + bias
        if layer + 1 < len(weights):
            mean, variance = network.running_means[layer], network.running_variances[layer]
            if mean is not None and variance is not None:
                a = (a - mean) / np.sqrt(variance + 1e-5)
                a = a * network.gains[layer] + network.shifts[layer]
            a = np.maximum(a, 0)
    e = np.exp(a - a.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def trained(**options: Any) -> tuple[em.Network, Any, Any]:
    rng = np.random.default_rng(0)
    X = rng.uniform(0, 255, (200, 12))
    y = X[:, :3].argmax(axis=1)
    network = em.Network([12, 16, 8, 3], input_scale=1 / 255, rng=0, **options)
    em.train(network, X, y, epochs=20, batch_size=20, learning_rate=0.01, rng=0)
    return network, X, y


@needs_compiler
@pytest.mark.parametrize("normalization", [None, "batch"])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-12)])
def test_int8_computes_with_rounded_weights(
    dtype: str, tolerance: float, normalization: Any, tmp_path: Path
) -> None:
    network, X, _ = trained(dtype=dtype, normalization=normalization)
    X = X.astype(dtype)
    got = answer(network, X, tmp_path, int8=True).outputs
    np.testing.assert_allclose(got, reference(network, X), rtol=tolerance, atol=tolerance)
    assert abs(got - network.predict_outputs(X)).max() > 100 * tolerance


@needs_compiler
def test_int8_takes_rows_of_zeros_and_of_any_size(tmp_path: Path) -> None:
    network = em.Network([3, 4], dtype="float64", output="identity")
    weights = np.array([[0, 1e-300, 1e300, 5e-324], [0, -2e-300, 1, 0], [0, 0, 0, 1e-322]])
    network.set_parameters([weights], [[1, 0, 0, 0]])
    got = answer(network, [[1.0, 1.0, 1.0]], tmp_path, int8=True).outputs[0]
    expected = [1, rounded(weights)[:2, 1].sum(), 1e300, 0]
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-321)


def test_int8_does_not_wrap_around_where_steps_are_inexact() -> None:
    network = em.Network([1, 1], dtype="float64", output="identity")
    network.set_parameters([[[190 * 5e-324]]], [[0]])  # a 127th of it rounds down
    assert dense_layers(network, int8=True)[0].weights == [[127]]


def test_int8_is_a_quarter_of_float32(tmp_path: Path) -> None:
    network = em.Network([100, 50, 10], rng=0)
    whole = em.export.to_c(network, tmp_path)
    small = em.export.to_c(network, tmp_path, int8=True)
    assert whole.table_bytes == 4 * (100 * 50 + 50 + 50 * 10 + 10)
    assert small.table_bytes == 100 * 50 + 50 * 10 + 2 * 4 * (50 + 10)
    assert small.scratch_bytes == 4 * 50


def test_the_cost_of_int8_is_measured(tmp_path: Path) -> None:
    network, X, y = trained()
    y = np.where(np.arange(200) < 20, (y + 1) % 3, y)  # so that no score is perfect
    export = em.export.to_c(network, tmp_path, int8=True, X=X, y=y)
    by_hand = reference(network, X)
    difference = abs(by_hand - network.predict_proba(X)).max()
    assert export.largest_difference == pytest.approx(difference, rel=1e-3)
    assert export.score == np.mean(network.predict(X) == y) < 1
    assert export.int8_score == np.mean(by_hand.argmax(axis=1) == y)


def test_the_cost_is_one_of_labels_for_a_classifier(tmp_path: Path) -> None:
    _, X, y = trained()
    names = np.array(["a", "b", "c"])[y]
    model = em.MLPClassifier((4,), solver="lbfgs", max_iter=200, random_state=0)
    model.fit(X / 255, names)
    before = [coef.copy() for coef in model.coefs_]
    export = em.export.to_c(model, tmp_path, int8=True, X=X / 255, y=names)
    assert export.score == model.score(X / 255, names)
    assert export.int8_score == pytest.approx(export.score, abs=0.1)
    for coef, kept in zip(model.coefs_, before, strict=True):
        np.testing.assert_array_equal(coef, kept)


@pytest.mark.parametrize("kind", ["network", "estimator"])
def test_the_cost_is_r2_where_nothing_is_classified(kind: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 3))
    y = X @ [1.0, 2.0, -3.0]
    model: Any
    if kind == "network":
        model = em.Network([3, 1], output="identity", dtype="float64", rng=0)
        em.train(model, X, y, learning_rate=0.1, epochs=100, rng=0)
        coefficients, bias = model.weights[0], model.biases[0]
    else:
        model = em.MLPRegressor(hidden_layer_sizes=(), solver="lbfgs", random_state=0).fit(X, y)
        coefficients, bias = model.coefs_[0], model.intercepts_[0]
    y = y + rng.normal(size=100)
    export = em.export.to_c(model, tmp_path, int8=True, X=X, y=y)
    for score, weight in (
        (export.score, coefficients),
        (export.int8_score, rounded(coefficients)),
    ):
        assert score == pytest.approx(r2_score(y, X @ weight + bias), rel=1e-9)
    assert export.score != export.int8_score


def test_without_samples_nothing_is_claimed(tmp_path: Path) -> None:
    export = em.export.to_c(em.Network([2, 2]), tmp_path, int8=True)
    assert (export.largest_difference, export.score, export.int8_score) == (None, None, None)
    export = em.export.to_c(em.Network([2, 2]), tmp_path, int8=True, X=[[1.0, 2.0]])
    assert export.largest_difference is not None
    assert export.score is None


# --- numbers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_numbers_keep_their_bits(kind: type[np.floating[Any]]) -> None:
    limits = np.finfo(kind)

    @given(st.floats(allow_nan=False, allow_infinity=False, width=limits.bits))  # type: ignore[arg-type]
    def check(value: float) -> None:
        text = literal(value, np.dtype(kind))
        assert text.endswith("f") == (kind is np.float32)
        back = kind(float.fromhex(text.removesuffix("f")))
        assert back.tobytes() == kind(value).tobytes()

    check()
    for value in (limits.max, limits.smallest_subnormal, -limits.tiny):
        assert kind(float.fromhex(literal(float(value), np.dtype(kind)).removesuffix("f"))) == value


@given(arrays(np.float32, st.integers(1, 60), elements=st.floats(-9, 9, width=32)))
def test_tables_hold_every_number_in_lines_that_fit(values: Any) -> None:
    text = table("float", "numbers", values)
    assert max(map(len, text.splitlines())) <= 100
    words = text.partition("{")[2].partition("}")[0].split(",")[:-1]
    numbers = [float.fromhex(word.strip().removesuffix("f")) for word in words]
    np.testing.assert_array_equal(numbers, values)
    assert f"numbers[{len(values)}]" in text


def test_the_same_model_gives_the_same_files(tmp_path: Path) -> None:
    texts = []
    for folder in ("a", "b"):
        export = em.export.to_c(em.Network([3, 4, 2], rng=0), tmp_path / folder)
        texts.append(export.header.read_bytes() + export.source.read_bytes())
    assert texts[0] == texts[1]
    assert texts[0].isascii()


# --- files -------------------------------------------------------------------------------------


def test_the_folder_is_made(tmp_path: Path) -> None:
    export = em.export.to_c(em.Network([2, 2]), str(tmp_path / "new" / "folder"), name="Net_2")
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == [
        "Net_2.c",
        "Net_2.h",
    ]
    assert "void Net_2_predict(" in export.header.read_text()
    assert "#define NET_2_N_INPUTS 2" in export.header.read_text()


@pytest.mark.parametrize("name", ["model.h", "model.c"])
@pytest.mark.parametrize("content", [b"", b"mine\n// written by eigenmlp", b"\xff" * 300])
def test_files_of_others_are_left_alone(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(
        FileExistsError, match=rf"{name} exists and is not an earlier export; move it"
    ):
        em.export.to_c(em.Network([2, 2]), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == content


def test_a_folder_in_a_files_place_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "model.c").mkdir()
    with pytest.raises(FileExistsError, match=r"model\.c exists and is not an earlier export"):
        em.export.to_c(em.Network([2, 2]), tmp_path)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        em.export.to_c(em.Network([2, 2]), tmp_path / "file")


# --- refusals ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "2nd"}, "name='2nd' is not a name in C; pass a letter, then letters"),
        ({"name": "a-b"}, "name='a-b' is not a name in C"),
        ({"name": "../up"}, "is not a name in C"),
        ({"name": "model\n"}, "is not a name in C"),
        ({"name": "math"}, "name='math' would hide C's own <math.h>; pass another"),
        ({"name": "Math"}, "would hide C's own <math.h>"),
        ({"name": 3}, "name=3 is not a str"),
        ({"int8": 1}, "int8=1 is not a bool"),
        ({"X": [[1.0, 2.0]]}, "X measures what 8-bit weights cost; pass int8=True"),
        ({"int8": True, "y": [0]}, "y came without X; pass the samples"),
        ({"int8": True, "X": [[1.0]]}, "X has 1 feature"),
        ({"int8": True, "X": [[1.0, 2.0]], "y": [5]}, "5"),
    ],
)
def test_bad_arguments_leave_no_file(options: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        em.export.to_c(em.Network([2, 2]), tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_other_objects_and_unfitted_estimators_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="neither an eigenmlp"):
        em.export.to_c(3, tmp_path)
    with pytest.raises(NotFittedError):
        em.export.to_c(em.MLPClassifier(), tmp_path)


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("a\0b", r"the label 'a\\x00b' holds a NUL"),
        ("é" * 2048, r"the label 'é+'… has 4096 bytes, but compilers of C99 need to take no more"),
    ],
)
def test_labels_that_c_cannot_hold_are_refused(label: str, message: str, tmp_path: Path) -> None:
    model = em.MLPClassifier((), solver="lbfgs").fit([[0.0], [1.0]], ["a", "b"])
    model.classes_ = np.array(["a", label])
    with pytest.raises(ValueError, match=message):
        em.export.to_c(model, tmp_path)
    assert not list(tmp_path.iterdir())


def test_numbers_that_overflow_are_refused(tmp_path: Path) -> None:
    network = em.Network([1, 1, 1], normalization="batch")
    flat = network.get_flat_parameters()
    hidden = network.split(flat)[0]
    hidden["gain"][...], hidden["running_variance"][...] = 3e38, 0
    network.set_flat_parameters(flat)
    with pytest.raises(ValueError, match=r"layer 0: its bias or factor .* overflows float32"):
        em.export.to_c(network, tmp_path)
