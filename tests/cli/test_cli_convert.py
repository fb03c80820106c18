"""`eigenmlp convert`: state dicts and model files become model files of today."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import safetensors.numpy

import eigenmlp as em
from command_runs import Run
from eigenmlp.network import model_file
from places import DATA

pytestmark = pytest.mark.usefixtures("data")  # the current folder is a temporary one

WEIGHTS = [np.array([[1.0, -2.0], [0.5, 4.0], [3.0, 0.25]]), np.array([[1.5, 2.0], [-1.0, 0.5]])]
BIASES = [np.array([0.5, -0.5]), np.array([0.125, 0.25])]


def save_model(path: str) -> None:
    network = em.Network([3, 2, 2], dtype="float64", input_scale=0.5)
    network.set_parameters(WEIGHTS, BIASES)
    network.save(path)


def save_state(
    path: str,
    names: tuple[str, str] = ("net.0", "net.2"),
    more: Mapping[str, Any] | None = None,
    dtype: type = float,
) -> None:
    state = {f"{names[0]}.weight": WEIGHTS[0].T.copy(), f"{names[0]}.bias": BIASES[0]}
    state |= {f"{names[1]}.weight": WEIGHTS[1].T.copy(), f"{names[1]}.bias": BIASES[1]}
    state = {name: array.astype(dtype) for name, array in {**state, **(more or {})}.items()}
    safetensors.numpy.save_file(state, path, metadata={"format": "pt"})


def check_network(path: str, **properties: Any) -> None:
    network = em.load_network(path)
    for found, expected in zip(
        [*network.weights, *network.biases], [*WEIGHTS, *BIASES], strict=True
    ):
        np.testing.assert_array_equal(found, expected)
    for name, value in properties.items():
        assert getattr(network, name) == value


KEPT = DATA / "model_files"


@pytest.mark.parametrize("path", sorted(KEPT.glob("v*/*.safetensors")), ids=lambda path: path.stem)
def test_files_of_every_version_convert_to_the_same_model(run: Run, path: Path) -> None:
    done = run("convert", path, "new.st")
    assert (done.code, done.err) == (0, "")
    assert f"format version {path.parent.name[1:]}\n" in done.out
    before, after = em.load_model(path), em.load_model("new.st")
    assert type(before) is type(after)
    assert repr(before) == repr(after)
    old, new = model_file.read(path), model_file.read("new.st")
    assert new.architecture == old.architecture
    for name, array in old.arrays.items():
        np.testing.assert_array_equal(new.arrays[name], array)


def test_an_estimator_stays_one(run: Run) -> None:
    X, y = [[0.0], [1.0], [2.0], [3.0]], ["a", "a", "b", "b"]
    em.MLPClassifier((3,), solver="lbfgs", random_state=0).fit(X, y).save("clf.st")
    done = run("convert", "clf.st", "new.st")
    assert done.code == 0
    assert "MLPClassifier of 1-3-1 units" in done.out
    assert list(em.load_model("new.st").predict([[-1.0], [4.0]])) == ["a", "b"]


def test_a_file_may_be_converted_in_its_place_by_force(run: Run) -> None:
    save_model("old.st")
    assert run("convert", "old.st", "old.st").code == 2
    assert run("convert", "old.st", "old.st", "--force").code == 0
    check_network("old.st", input_scale=0.5)


def test_a_state_dict_becomes_a_model(run: Run) -> None:
    save_state("state.st")
    done = run("convert", "state.st", "new.st")
    assert (done.code, done.err) == (0, "")
    assert "state.st, state dict" in done.out
    check_network("new.st", activations=("relu",), output="softmax", input_scale=1.0)


def test_what_a_state_dict_does_not_tell_is_given(run: Run) -> None:
    save_state("state.st")
    options = ("--activation", "gelu", "--outputs", "identity", "--input-scale", "1/4")
    assert run("convert", "state.st", "new.st", *options).code == 0
    check_network("new.st", activations=("gelu",), output="identity", input_scale=0.25)


def test_export_and_convert_are_each_others_way_back(run: Run) -> None:
    rng = np.random.default_rng(0)
    network = em.Network(
        [3, *range(2, 14), 2],  # twelve hidden layers, whose numbers texts would not sort
        activation=["tanh", "relu"] * 6,
        normalization=[None, "layer", "batch"] * 4,
        output="logistic",
        rng=0,
    )
    network.save("net.st")
    assert run("export", "-f", "torch", "net.st", "state.st").code == 0
    names = ",".join(network.activations)
    kinds = ",".join(kind or "none" for kind in network.normalizations)
    options = ("--activation", names, "--normalization", kinds, "--outputs", "logistic")
    assert run("convert", "state.st", "back.st", *options).code == 0
    X = rng.normal(size=(20, 3))
    back = em.load_network("back.st")
    assert back.normalizations == network.normalizations
    np.testing.assert_array_equal(back.predict_outputs(X), network.predict_outputs(X))


@pytest.mark.parametrize("dtype", ["BF16", "F16"])
def test_sixteen_bits_are_read_exactly_and_told(run: Run, dtype: str) -> None:
    save_state("state.st", dtype=np.float32)  # values of a few bits
    whole = safetensors.numpy.load_file("state.st")
    header: dict[str, Any] = {}
    body = b""
    for name, array in whole.items():
        half = array.astype(np.float16) if dtype == "F16" else array.view(np.uint16)[..., 1::2]
        header[name] = {
            "dtype": dtype,
            "shape": list(array.shape),
            "data_offsets": [len(body), len(body) + half.nbytes],
        }
        body += half.tobytes()
    text = json.dumps(header).encode()
    Path("half.st").write_bytes(len(text).to_bytes(8, "little") + text + body)
    done = run("convert", "half.st", "new.st")
    assert (done.code, done.err) == (0, "")
    assert f"half.st, state dict, its {dtype} exactly as F32" in done.out
    check_network("new.st", dtype=np.dtype(np.float32))


def test_a_weight_behind_a_layer_must_be_told(run: Run) -> None:
    save_state("state.st", more={"net.1.weight": np.ones(2), "net.1.bias": np.zeros(2)})
    done = run("convert", "state.st", "new.st")
    assert done.code == 2
    assert "--normalization" in done.err
    assert not Path("new.st").exists()
    assert run("convert", "state.st", "new.st", "--normalization", "layer").code == 0
    check_network("new.st", normalizations=("layer",))


def test_what_a_state_dict_leaves_open_is_told(run: Run) -> None:
    save_state("state.st")
    done = run("convert", "state.st", "new.st")
    assert "relu activations, softmax outputs, which a state dict does not tell" in done.out
    done = run("convert", "state.st", "2.st", "--activation", "tanh", "--outputs", "identity")
    assert "does not tell" not in done.out


def test_files_of_other_programs_are_told(run: Run) -> None:
    Path("model.pt").write_bytes(b"\x80\x02}q\x00.")
    for command in (("convert", "model.pt", "new.st"), ("inspect", "model.pt")):
        done = run(*command)
        assert done.code == 1
        assert "model.pt is not a readable safetensors file, but a pickle" in done.err
        assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("no.st new.st", "there is no model file no.st"),
        ("x.npy new.st", "x.npy is not a readable safetensors file"),
        ("unordered.st new.st", "tell no order; rename them so that they differ in numbers alone"),
        ("half.st new.st", "'net.0.weight' is of 'U8'; convert it to one of F16, F32, F64, I64"),
    ],
)
def test_failures_of_convert(run: Run, args: str, message: str) -> None:
    save_state("unordered.st", ("first", "last"))
    eighth: dict[str, Any] = {"net.0.weight": np.zeros((2, 3), np.uint8), "net.0.bias": np.zeros(2)}
    safetensors.numpy.save_file(eighth, "half.st")
    done = run("convert", *args.split())
    assert done.code == 1
    assert message in done.err
    assert done.err.count("\n") == 1
    assert not Path("new.st").exists()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("old.st new.st --activation tanh", "old.st is a model file, which tells them; leave them"),
        ("state.st new.st --activation swish", "activation='swish' is unknown; use one of"),
        ("state.st new.st --activation relu,tanh", "has 2 entries, but there are 1 hidden layers"),
        ("state.st new.st --outputs logits", "output='logits' is unknown; use one of"),
        ("state.st new.st --input-scale x", "--input-scale: 'x' is not a number"),
        ("odd.st new.st", "'net.4.running_sum' is of no layer that a network of eigenmlp has"),
        ("old.st no/new.st", "OUT: there is no folder no; make it first"),
    ],
)
def test_bad_usage_of_convert(run: Run, args: str, message: str) -> None:
    save_model("old.st")
    save_state("state.st")
    save_state("odd.st", more={"net.4.running_sum": np.ones(2)})
    done = run("convert", *args.split())
    assert done.code == 2
    assert message in " ".join(done.err.replace("│", " ").split())
    assert not Path("new.st").exists()


def test_arrays_that_lie_about_their_size_are_told(run: Run) -> None:
    header = b'{"0.weight":{"dtype":"F32","shape":[1000000,1000000],"data_offsets":[0,4]}}'
    Path("lie.st").write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    done = run("convert", "lie.st", "new.st")
    assert done.code == 1
    assert "'0.weight' has not the bytes that its shape needs" in done.err


def test_one_output_is_no_softmax(run: Run) -> None:
    X, y = [[0.0], [1.0], [2.0], [3.0]], ["a", "a", "b", "b"]
    model = em.MLPClassifier((3,), solver="lbfgs", random_state=0).fit(X, y)
    model.save("clf.st")
    assert run("export", "-f", "torch", "clf.st", "state.st").code == 0
    done = run("convert", "state.st", "new.st")
    assert done.code == 2
    assert "--outputs: the file has one output, and softmax makes 1 of it" in done.err
    assert not Path("new.st").exists()
    assert run("convert", "state.st", "new.st", "--outputs", "logistic").code == 0
    np.testing.assert_allclose(
        em.load_network("new.st").predict_outputs(X)[:, 0], model.predict_proba(X)[:, 1]
    )


def test_names_beside_a_state_dict_are_kept_or_told(run: Run) -> None:
    frame = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [1.0, 0.0, 1.0, 0.0]})
    for y, options in ((["no", "no", "yes", "yes"], ("--outputs", "logistic")), (list("cdee"), ())):
        model = em.MLPClassifier((3,), solver="lbfgs", random_state=0).fit(frame, y)
        model.save("clf.st")
        assert run("export", "-f", "torch", "clf.st", "state.st", "--force").code == 0
        done = run("convert", "state.st", "new.st", "--force", *options)
        assert done.code == 0
        assert f"{', '.join(model.classes_)}; a network has no place for them" in done.out
        assert em.load_network("new.st").feature_names == ("a", "b")


@pytest.mark.parametrize(
    "text",
    ["[", "{}", '["a", "a", "b", "c"]', '["a", "b"]', '["a", "a", "b"]', "[1, 2, 3]", "[[]]"],
)
def test_other_metadata_of_state_dicts_are_passed_over(run: Run, text: str) -> None:
    state = {"0.weight": np.zeros((3, 3)), "0.bias": np.zeros(3)}
    metadata = {"classes": text, "feature_names": text}
    safetensors.numpy.save_file(state, "state.st", metadata=metadata)
    done = run("convert", "state.st", "new.st")
    assert done.code == 0
    assert "Labels" not in done.out
    assert em.load_network("new.st").feature_names is None


def test_models_of_keras(run: Run) -> None:
    done = run("convert", DATA / "keras" / "batch.keras", "new.st")
    assert (done.code, done.err) == (0, "")
    assert "batch.keras, model of Keras\n" in done.out
    assert "Assumed" not in done.out
    expected = em.export.from_keras(DATA / "keras" / "batch.keras")
    assert repr(em.load_network("new.st")) == repr(expected)
    found = em.load_network("new.st").get_flat_parameters()
    np.testing.assert_array_equal(found, expected.get_flat_parameters())
    logits = ("convert", DATA / "keras" / "weights.keras", "new.st", "--force")
    assert run(*logits, "--outputs", "softmax").code == 0
    assert em.load_network("new.st").output == "softmax"


def test_weights_of_keras(run: Run) -> None:
    weights = ("convert", DATA / "keras" / "weights.weights.h5")
    done = run(*weights, "one.st")
    assert "relu activations, softmax outputs, which weights alone do not tell" in done.out
    done = run(*weights, "two.st", "--activation", "tanh", "--outputs", "identity")
    assert (done.code, done.err) == (0, "")
    whole = em.export.from_keras(DATA / "keras" / "weights.keras")
    found = em.load_network("two.st")
    assert repr(found) == repr(whole)
    np.testing.assert_array_equal(found.get_flat_parameters(), whole.get_flat_parameters())


def test_failures_with_files_of_keras(run: Run) -> None:
    done = run("convert", DATA / "keras" / "batch.keras", "new.st", "--activation", "tanh")
    assert done.code == 2
    assert "batch.keras is a model of Keras, which tells them; leave them out" in done.err
    done = run("convert", DATA / "keras" / "batch.keras", "new.st", "--outputs", "logistic")
    assert done.code == 2
    assert "whose last activation is softmax; leave it out" in done.err
    Path("short.h5").write_bytes((DATA / "keras" / "batch.h5").read_bytes()[:5000])
    done = run("convert", "short.h5", "new.st")
    assert done.code == 1
    assert "short.h5 is damaged, or no model of Keras" in done.err
    assert not Path("new.st").exists()
