"""Exported C, compiled by the strictest rules and run: equal to the model."""

import itertools
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eigenmlp as em
from c_program import COMPILER, answer, compiled
from eigenmlp.network.architecture import ACTIVATIONS

pytestmark = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")

TOLERANCE = {"float32": 1e-5, "float64": 1e-12}
HIDDEN = [(7,), (5, 9), (9, 4, 6), (3, 8, 5, 7)]


def with_statistics(network: em.Network, rng: np.random.Generator) -> em.Network:
    """Give biases, gains, shifts and running statistics values of their own."""
    flat = network.get_flat_parameters()
    for views in network.split(flat):
        for name, view in views.items():
            if name in {"gain", "running_variance"}:
                view[...] = rng.uniform(0.5, 2.0, view.shape)
            elif name != "weight":
                view[...] = rng.normal(size=view.shape)
    network.set_flat_parameters(flat)
    return network


def samples(network: em.Network, rng: np.random.Generator) -> Any:
    spread = 2 / network.input_scale
    return rng.normal(scale=spread, size=(40, network.layer_sizes[0])).astype(network.dtype)


def check(network: em.Network, folder: Path, **arguments: Any) -> None:
    X = samples(network, np.random.default_rng(1))
    got = answer(network, X, folder, **arguments)
    expected = network.predict_outputs(X)
    tolerance = TOLERANCE[network.dtype.name]
    np.testing.assert_allclose(got.outputs, expected, rtol=tolerance, atol=tolerance)
    if network.output == "softmax" or (network.output == "logistic" and expected.shape[1] == 1):
        np.testing.assert_array_equal(got.classes, network.predict(X).ravel())
    else:
        assert (got.classes == -2).all()


# Each activation with each normalization, and in turn of each type and with so many layers.
GRID = [
    (activation, normalization, tuple(TOLERANCE)[index % 2], HIDDEN[index % len(HIDDEN)])
    for index, (activation, normalization) in enumerate(
        itertools.product(ACTIVATIONS, [None, "batch", "layer"])
    )
]


@pytest.mark.parametrize(("activation", "normalization", "dtype", "hidden"), GRID)
def test_every_hidden_layer(
    activation: str, normalization: Any, dtype: str, hidden: tuple[int, ...], tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    network = em.Network(
        [6, *hidden, 5],
        activation=activation,
        normalization=normalization,
        dropout=0.3,
        dtype=dtype,
        input_scale=1 / 255,
        rng=rng,
    )
    check(with_statistics(network, rng), tmp_path)


@pytest.mark.parametrize(
    ("dtype", "hidden"), [("float32", ()), ("float64", (4,)), ("float32", (6, 3))]
)
@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("output", ["softmax", "logistic", "identity", "exponential"])
def test_every_output(
    output: str, n_outputs: int, hidden: tuple[int, ...], dtype: str, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    network = em.Network([3, *hidden, n_outputs], output=output, dtype=dtype, rng=rng)
    check(with_statistics(network, rng), tmp_path)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("n_classes", [1, 2, 200])
def test_any_number_of_classes(n_classes: int, dtype: str, tmp_path: Path) -> None:
    check(em.Network([10, 30, n_classes], dtype=dtype, rng=0), tmp_path)


def test_layers_of_many_kinds_in_one_network(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    network = em.Network(
        [4, 8, 3, 9, 2],
        activation=["gelu", "tanh", "relu"],
        normalization=["layer", None, "batch"],
        input_scale=0.5,
        rng=rng,
    )
    check(with_statistics(network, rng), tmp_path)


@pytest.mark.parametrize("sizes", [[3, 2], [3, 9, 4, 2], [3, 4, 9, 5, 11, 2]])
@pytest.mark.parametrize("int8", [False, True])
def test_memory_is_never_left_nor_read_unwritten(
    sizes: list[int], int8: bool, tmp_path: Path
) -> None:
    network = em.Network(sizes, normalization="layer", rng=0)
    X = samples(network, np.random.default_rng(1))
    options = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover"]
    plain = answer(network, X, tmp_path, int8=int8)
    watched = answer(network, X, tmp_path, options=options, int8=int8)
    np.testing.assert_allclose(watched.outputs, plain.outputs, rtol=1e-6)


def test_large_logits_give_probabilities(tmp_path: Path) -> None:
    network = em.Network([1, 3], rng=0)
    network.set_parameters([[[1e4, -1e4, 0.0]]], [[0, 0, 0]])
    got = answer(network, [[1.0], [-1.0], [0.0]], tmp_path)
    np.testing.assert_allclose(
        got.outputs, np.array([[1, 0, 0], [0, 1, 0], [1 / 3] * 3]), atol=1e-7
    )
    np.testing.assert_array_equal(got.classes, [0, 1, 0])


def test_a_nan_is_not_hidden_by_any_activation(tmp_path: Path) -> None:
    network = em.Network([2, *[3] * len(ACTIVATIONS), 2], activation=[*ACTIVATIONS], rng=0)
    got = answer(network, [[np.nan, 1.0], [1.0, 1.0]], tmp_path)
    assert np.isnan(got.outputs[0]).all()
    assert got.classes[0] == -1
    assert np.isfinite(got.outputs[1]).all()


# --- labels ------------------------------------------------------------------------------------


def fitted(labels: Any, **options: Any) -> tuple[em.MLPClassifier, Any]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 4))
    y = np.asarray(labels)[rng.integers(0, len(labels), 60)]
    y[: len(labels)] = labels
    model = em.MLPClassifier((6,), solver="lbfgs", max_iter=20, random_state=0, **options)
    return model.fit(X, y), X


@pytest.mark.parametrize("labels", [["no", "yes"], [1, 2, 3], ["only"]])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_classifiers_give_predict_proba_and_the_index_of_their_label(
    labels: Any, tmp_path: Path
) -> None:
    model, X = fitted(labels)
    got = answer(model, X, tmp_path)
    np.testing.assert_allclose(got.outputs, model.predict_proba(X), rtol=1e-10, atol=1e-12)
    chosen = model.classes_[got.classes.astype(int)]
    np.testing.assert_array_equal(chosen, model.predict(X))
    assert len(set(got.classes)) == len(labels)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_several_labels_a_sample_are_outputs_and_no_class(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 3)), rng.integers(0, 2, (40, 4))
    model = em.MLPClassifier((5,), solver="lbfgs", max_iter=20, random_state=0).fit(X, y)
    got = answer(model, X, tmp_path)
    np.testing.assert_allclose(got.outputs, model.predict_proba(X), rtol=1e-10, atol=1e-12)
    assert (got.classes == -2).all()


@pytest.mark.parametrize("n_targets", [1, 2])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_regressors_give_predict(n_targets: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 3)), rng.normal(size=(40, n_targets))
    y = y.ravel() if n_targets == 1 else y
    model = em.MLPRegressor(
        hidden_layer_sizes=(5,), solver="lbfgs", max_iter=20, random_state=0
    ).fit(X, y)
    got = answer(model, X, tmp_path).outputs
    np.testing.assert_allclose(got, model.predict(X).reshape(got.shape), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("labels", "kind", "shown"),
    [
        (["a", 'q"\\', "??/", "é\n1", "日本"], "%s", ["??/", "a", 'q"\\', "é\n1", "日本"]),
        ([-(2**31) + 1, 2**31 - 1, 7], '%" PRId32 "', [-(2**31) + 1, 7, 2**31 - 1]),
        ([-(2**31), 2**40, 0], '%" PRId64 "', [-(2**31), 0, 2**40]),
        ([False, True], '%" PRId32 "', [0, 1]),
        ([1.0, 1e15, -2.0], "%.17g", [-2.0, 1.0, 1e15]),
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_labels_are_a_table(labels: Any, kind: str, shown: list[Any], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    model = em.MLPClassifier((), solver="lbfgs", max_iter=5)
    model.fit(rng.normal(size=(2 * len(labels), 2)), labels * 2)
    export = em.export.to_c(model, tmp_path, name="m")
    main = f"""
#include "m.h"
#include <inttypes.h>
#include <stdio.h>
int main(void)
{{
    for (int k = 0; k < M_N_CLASSES; ++k) {{
        printf("{kind}%c", m_labels[k], 0);
    }}
    return 0;
}}
"""
    program = compiled(main, [export.source], tmp_path)
    done = subprocess.run([program], check=True, capture_output=True)
    words = done.stdout.decode().split("\0")[:-1]
    assert [type(shown[0])(word) for word in words] == shown


# --- the text ----------------------------------------------------------------------------------


@pytest.mark.parametrize("int8", [False, True])
def test_nothing_is_written_but_buffers_nor_called_but_mathematics(
    int8: bool, tmp_path: Path
) -> None:
    symbols = shutil.which("nm")
    if symbols is None:
        pytest.skip("there is no nm")
    network = em.Network([4, 8, 6, 3], activation=["gelu", "tanh"], normalization="layer")
    source = em.export.to_c(network, tmp_path, int8=int8).source
    compiled_file = tmp_path / "model.o"
    assert COMPILER is not None
    command: list[str | Path] = [COMPILER, "-std=c99", "-O2", "-fno-pic", "-c", source]
    subprocess.run([*command, "-o", compiled_file], check=True)
    listed = subprocess.run([symbols, compiled_file], check=True, capture_output=True, text=True)
    kinds: dict[str, set[str]] = {}
    for line in listed.stdout.splitlines():
        kind, name = line.split()[-2:]
        kinds.setdefault(kind, set()).add(name)
    assert kinds.pop("U") <= {"erfcf", "expf", "sqrtf", "tanhf"}
    assert kinds.pop("T") == {"model_predict", "model_predict_class"}
    assert kinds.keys() <= {"r", "t"}  # constants and static functions


def test_two_models_link_into_one_program(tmp_path: Path) -> None:
    models = {name: em.Network([2, 3, 2], rng=seed) for seed, name in enumerate(("a", "b2"))}
    sources = [em.export.to_c(net, tmp_path, name=name).source for name, net in models.items()]
    main = """
#include "a.h"
#include "b2.h"
#include <stdio.h>
int main(void)
{
    float x[2] = {0.5f, -1.5f}, outputs[2], scratch[B2_SCRATCH];
    a_predict(x, outputs, scratch);
    printf("%a ", (double)outputs[0]);
    b2_predict(x, outputs, scratch);
    printf("%a", (double)outputs[0]);
    return 0;
}
"""
    program = compiled(main, sources, tmp_path)
    printed = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    expected = [net.predict_outputs([[0.5, -1.5]])[0, 0] for net in models.values()]
    np.testing.assert_allclose([float.fromhex(word) for word in printed.split()], expected, 1e-6)


def test_headers_are_cpp_as_well(tmp_path: Path) -> None:
    compiler = shutil.which("c++")
    if compiler is None:
        pytest.skip("there is no C++ compiler")
    export = em.export.to_c(em.Network([2, 3]), tmp_path)
    (tmp_path / "main.cpp").write_text('#include "model.h"\nint main() { return 0; }\n')
    options = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only"]
    subprocess.run([compiler, *options, tmp_path / "main.cpp"], check=True)
    assert 'extern "C"' in export.header.read_text()


def test_files_of_different_exports_do_not_compile_together(tmp_path: Path) -> None:
    export = em.export.to_c(em.Network([2, 3], rng=0), tmp_path)
    older = export.header.read_text()
    em.export.to_c(em.Network([2, 3], rng=1), tmp_path)
    export.header.write_text(older)
    assert COMPILER is not None
    done = subprocess.run(
        [COMPILER, "-c", export.source, "-o", tmp_path / "m.o"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "model.h and model.c are of different exports" in done.stderr


def test_mathematics_is_included_only_where_it_is_needed(tmp_path: Path) -> None:
    plain = em.Network([2, 3, 1], output="identity", normalization="batch")
    source = em.export.to_c(plain, tmp_path).source
    assert "math.h" not in source.read_text()
    for network in (
        em.Network([2, 3, 1]),
        em.Network([2, 3, 1], output="identity", normalization="layer"),
        em.Network([2, 3, 1], output="identity", activation="tanh"),
    ):
        assert "math.h" in em.export.to_c(network, tmp_path).source.read_text()
