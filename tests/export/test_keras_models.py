"""Models that Keras has written, against what it predicted, and what is no network of ours."""

from __future__ import annotations

import copy
import io
import json
import shutil
import zipfile
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest

import eigenmlp as em
from eigenmlp.export.keras_files import is_keras_file, keras_weights
from places import DATA

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

FOLDER = DATA / "keras"
RECORDED = json.loads((FOLDER / "recorded.json").read_text())
ARCHITECTURES = {
    "batch": "[4, 5, 3], dropout=0.25, normalization='batch', dtype='float32'",
    "functional": "[4, 6, 1], activation='silu', output='logistic', normalization='layer', "
    "dtype='float32'",
    "folded": "[6, 5, 4, 3], activation=['relu', 'leaky_relu'], dtype='float32'",
    "deep": "[3, 5, 5, 5, 5, 5, 5, 5, 2], activation=['identity', 'logistic', 'tanh', 'elu', "
    "'selu', 'gelu', 'mish'], output='exponential', dtype='float32'",
    "weights": "[3, 4, 2], activation='tanh', output='identity', dtype='float32'",
}
WHOLE = sorted(path.name for path in FOLDER.iterdir() if path.suffixes in ([".keras"], [".h5"]))


def assert_predicts(network: em.Network, name: str) -> None:
    X = np.array(RECORDED[name]["X"], np.float32)
    outputs = np.array(RECORDED[name]["outputs"])
    assert np.ptp(outputs, axis=0).min() > 1e-2  # or else nothing was compared
    np.testing.assert_allclose(network.predict_outputs(X), outputs, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("file", WHOLE)
def test_files_compute_what_keras_did(file: str) -> None:
    name = file.partition(".")[0]
    network = em.export.from_keras(FOLDER / file)
    assert repr(network) == f"Network({ARCHITECTURES[name]})"
    assert_predicts(network, name)


def test_weights_alone_are_a_state_dict() -> None:
    state = keras_weights(FOLDER / "weights.weights.h5")
    assert {name: array.shape for name, array in state.items()} == {
        "dense.weight": (4, 3),
        "dense.bias": (4,),
        "dense_1.weight": (2, 4),
        "dense_1.bias": (2,),
    }
    network = em.export.from_torch_state_dict(state, activation="tanh", output="identity")
    assert_predicts(network, "weights")
    with pytest.raises(em.ModelFileError, match="it holds weights alone, or is no file of Keras"):
        em.export.from_keras(FOLDER / "weights.weights.h5")


def test_logits_become_probabilities() -> None:
    network = em.export.from_keras(FOLDER / "weights.keras", output="softmax")
    logits = np.array(RECORDED["weights"]["outputs"])
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    found = network.predict_outputs(np.array(RECORDED["weights"]["X"], np.float32))
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    with pytest.raises(ValueError, match=r"output='identity' contradicts .*activation is softmax"):
        em.export.from_keras(FOLDER / "batch.keras", output="identity")
    with pytest.raises(ValueError, match="output='relu' is unknown"):
        em.export.from_keras(FOLDER / "weights.keras", output="relu")


# --- altered files -----------------------------------------------------------------------------


def altered(
    folder: Path,
    name: str,
    change: Callable[[Any], object] = lambda _: None,
    arrays: Callable[[Any], object] = lambda _: None,
) -> Path:
    """Write a recorded file with another description or other arrays."""
    with zipfile.ZipFile(FOLDER / f"{name}.keras") as archive:
        members = {member: archive.read(member) for member in archive.namelist()}
    described = json.loads(members["config.json"])
    change(described)
    content = io.BytesIO(members["model.weights.h5"])
    with h5py.File(content, "r+") as file:
        arrays(file)
    members |= {
        "config.json": json.dumps(described).encode(),
        "model.weights.h5": content.getvalue(),
    }
    with zipfile.ZipFile(folder / "altered.keras", "w") as archive:
        for member, text in members.items():
            archive.writestr(member, text)
    return folder / "altered.keras"


def layer_of(described: Any, kind: str) -> Any:
    return next(one for one in described["config"]["layers"] if one["class_name"] == kind)


def put(kind: str, **config: Any) -> Callable[[Any], object]:
    """Change settings of the first layer of a kind."""
    return lambda described: layer_of(described, kind)["config"].update(config)


def renamed(kind: str, other: str, **config: Any) -> Callable[[Any], object]:
    def change(described: Any) -> None:
        layer = layer_of(described, kind)
        layer["class_name"] = other
        layer["config"] = {"name": layer["config"]["name"], **config}

    return change


def before(kind: str, other: str, **config: Any) -> Callable[[Any], object]:
    """Put a further layer before the first of a kind."""

    def change(described: Any) -> None:
        layers = described["config"]["layers"]
        place = layers.index(layer_of(described, kind))
        layers.insert(place, {"class_name": other, "config": {"name": "new", **config}})

    return change


def at_the_end(kind: str, **config: Any) -> Callable[[Any], object]:
    return lambda described: described["config"]["layers"].append(
        {"class_name": kind, "config": {"name": "new", **config}}
    )


def reconnected(described: Any) -> None:
    """Let the last layer read the first one, too."""
    arguments = described["config"]["layers"][-1]["inbound_nodes"][0]["args"]
    other = copy.deepcopy(arguments[0])
    other["config"]["keras_history"][0] = "first"
    arguments.append(other)


def used_twice(described: Any) -> None:
    """Let the last layer read what it has given."""
    last = described["config"]["layers"][-1]
    node = copy.deepcopy(last["inbound_nodes"][0])
    node["args"][0]["config"]["keras_history"][0] = last["config"]["name"]
    last["inbound_nodes"].append(node)


def two_outputs(described: Any) -> None:
    described["config"]["output_layers"] = [["second", 0, 0], ["fourth", 0, 0]]


REFUSED: dict[str, tuple[str, Callable[[Any], object], str]] = {
    "unknown layer": (
        "batch",
        renamed("ReLU", "Conv1D"),
        r"altered.keras: layer 4 \(counted from 1\), Conv1D 're_lu', can't be taken: a network of",
    ),
    "model in a model": (
        "batch",
        renamed("ReLU", "Sequential", layers=[]),
        "4 .* Sequential 're_lu'",
    ),
    "own class": ("batch", lambda d: d.update(class_name="Mine"), "is a 'Mine', which runs code"),
    "leaky": ("batch", renamed("ReLU", "LeakyReLU", negative_slope=0.3), "none of its settings"),
    "capped": ("batch", put("ReLU", max_value=6.0), "none of its settings.*'max_value': 6.0"),
    "activation": ("weights", put("Dense", activation="leaky_relu"), "is Keras's 'leaky_relu'"),
    "own activation": (
        "weights",
        put("Dense", activation={"class_name": "function", "config": "mine"}),
        "no activation here is Keras's 'mine'",
    ),
    "hidden softmax": (
        "weights",
        put("Dense", activation="softmax"),
        "hidden layer's .* is softmax",
    ),
    "last tanh": (
        "weights",
        at_the_end("Activation", activation="tanh"),
        "last layer's .* is tanh",
    ),
    "two activations": (
        "batch",
        before("Dropout", "Activation", activation="tanh"),
        "Activation 'new', can't be taken: it is not behind a Dense layer, or one with",
    ),
    "axis": ("batch", put("BatchNormalization", axis=0), "axis=0 is not that of the units"),
    "small ε": ("batch", put("BatchNormalization", epsilon=-1.0), "its variance with epsilon=-1.0"),
    "arrays": ("batch", put("BatchNormalization", scale=False), "are .* not 3 of .5,"),
    "layer normalization behind an activation": (
        "batch",
        before("Dropout", "LayerNormalization", epsilon=0.1),
        "it is not directly behind a Dense layer without activation",
    ),
    "RMS": ("functional", put("LayerNormalization", rms_scaling=True), "rms_scaling leaves"),
    "Rescaling behind Dense": (
        "batch",
        before("BatchNormalization", "Rescaling", scale=2.0, offset=0.0),
        "it is directly behind a Dense layer",
    ),
    "Rescaling at the end": (
        "batch",
        at_the_end("Rescaling", scale=2.0, offset=0.0),
        "stands at its end, behind the last activation",
    ),
    "inverted": ("folded", put("Normalization", invert=True), "invert turns it round"),
    "turned": ("folded", put("Flatten", data_format="channels_first"), "takes the last axis first"),
    "several axes": (
        "batch",
        put("InputLayer", batch_shape=[None, 7, 4]),
        r"samples are of shape \[7, 4\], but a network of eigenmlp reads rows",
    ),
    "other inputs": (
        "batch",
        put("InputLayer", batch_shape=[None, 3]),
        r"where \(3, 5\) is needed",
    ),
    "branches": ("functional", reconnected, "its 5 layers branch or meet"),
    "a layer used twice": ("functional", used_twice, "its 5 layers branch or meet"),
    "two outputs": ("functional", two_outputs, "its 5 layers branch or meet"),
    "nothing dense": (
        "batch",
        lambda d: d["config"].update(layers=d["config"]["layers"][:1]),
        "it has no Dense layer",
    ),
    "dropout": ("batch", put("Dropout", rate=1.5), r"dropout=1\.5 is out of range"),
    "damaged": ("batch", lambda d: d.pop("config"), "is damaged, or no model of Keras: KeyError"),
    "damaged layers": ("batch", lambda d: d["config"].update(layers=3), "is damaged"),
    "no layers": ("batch", lambda d: d["config"].update(layers=[]), "it has no Dense layer"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_network_is_named(tmp_path: Path, case: str) -> None:
    name, change, message = REFUSED[case]
    path = altered(tmp_path, name, change)
    with pytest.raises(em.ModelFileError, match=message):
        em.export.from_keras(path)


@pytest.mark.parametrize(
    "change",
    [
        before("Dropout", "GaussianNoise", stddev=1.0),
        before("Dropout", "Activation", activation="linear"),
        before("Dense", "Rescaling", scale=1.0, offset=0.0),
        renamed("ReLU", "Activation", activation={"class_name": "function", "config": "relu"}),
        renamed("ReLU", "Activation", activation={"class_name": "ReLU", "config": {
            "max_value": None, "negative_slope": 0.0, "threshold": 0.0}}),
        put("BatchNormalization", axis=[1]),
    ],
)  # fmt: skip
def test_what_changes_nothing(tmp_path: Path, change: Any) -> None:
    assert_predicts(em.export.from_keras(altered(tmp_path, "batch", change)), "batch")


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_the_dtype_is_that_of_the_arrays(tmp_path: Path, dtype: str) -> None:
    def retype(file: Any) -> None:
        for place in [f"layers/dense{end}/vars/0" for end in ("", "_1")]:
            values = file[place][()]
            del file[place]
            file[place] = values.astype(dtype)

    network = em.export.from_keras(altered(tmp_path, "weights", arrays=retype))
    assert network.dtype == ("float64" if dtype == "float64" else "float32")
    original = em.export.from_keras(FOLDER / "weights.keras").weights[0]
    assert np.array_equal(network.weights[0], original.astype(dtype))


def without_statistics(file: Any) -> None:
    del file["layers/batch_normalization/vars/3"]


def of_codes(file: Any) -> None:
    del file["layers/dense/vars/0"]
    file["layers/dense/vars/0"] = np.zeros((4, 5), np.int8)


def not_finite(file: Any) -> None:
    file["layers/dense/vars/0"][0, 0] = np.nan


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (without_statistics, r"its arrays are .* not 4 of \(5,\)"),
        (of_codes, "'dense/vars/0' is of int8, as weights of a quantized model"),
        (not_finite, "the file holds NaN"),
        (lambda file: file.pop("layers"), "is damaged, or no model of Keras"),
        (
            lambda file: file["layers"].pop("dense"),
            "Dense 'dense', .* it has no weights in the file",
        ),
    ],
)
def test_arrays_that_are_refused(tmp_path: Path, arrays: Any, message: str) -> None:
    with pytest.raises(em.ModelFileError, match=message):
        em.export.from_keras(altered(tmp_path, "batch", arrays=arrays))


@pytest.mark.parametrize("kind", ["link", "storage", "virtual"])
def test_arrays_of_other_files_are_not_read(tmp_path: Path, kind: str) -> None:
    other, place = tmp_path / "other.h5", "dense/dense/kernel"
    np.ones((4, 5), np.float32).tofile(tmp_path / "raw")
    with h5py.File(other, "w") as file:
        file["x"] = np.ones((4, 5), np.float32)
    shutil.copy(FOLDER / "batch.h5", tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5", "r+") as file:
        dense = file["model_weights/dense"]
        place = next(iter(dense.attrs["weight_names"]))
        del dense[place]
        if kind == "link":
            dense[place] = h5py.ExternalLink(str(other), "x")
        elif kind == "storage":
            external = [(str(tmp_path / "raw"), 0, h5py.h5f.UNLIMITED)]
            dense.create_dataset(place, (4, 5), np.float32, external=external)
        else:
            layout = h5py.VirtualLayout((4, 5), np.float32)
            layout[...] = h5py.VirtualSource(str(other), "x", (4, 5))
            dense.create_virtual_dataset(place, layout)
    with pytest.raises(em.ModelFileError, match="is in another file; write the model anew"):
        em.export.from_keras(tmp_path / "model.h5")


# --- Keras 2, whose files are made here by hand --------------------------------------------------

RNG = np.random.default_rng(0)
OLD = {
    "hidden": [RNG.normal(size=(3, 4)), RNG.normal(size=4)],
    "norm": [RNG.normal(size=4), RNG.normal(size=4), RNG.normal(size=4), RNG.uniform(1, 2, 4)],
    "out": [RNG.normal(size=(4, 2))],
}
OLD_LAYERS: list[dict[str, Any]] = [
    {"class_name": "InputLayer", "config": {"name": "in", "batch_input_shape": [None, 3]}},
    {"class_name": "Dense", "config": {"name": "hidden", "units": 4, "activation": "linear"}},
    {"class_name": "BatchNormalization", "config": {"name": "norm", "axis": [1], "epsilon": 0.5,
        "center": True, "scale": True}},
    {"class_name": "LeakyReLU", "config": {"name": "leaky", "alpha": 0.009999999776482582}},
    {"class_name": "Dense", "config": {"name": "out", "units": 2, "activation": "linear"}},
]  # fmt: skip


def write_old(groups: Any, layers: Mapping[str, list[NDArray[Any]]]) -> None:
    groups.attrs["layer_names"] = [name.encode() for name in layers]
    for name, arrays in layers.items():
        names = [f"{name}/{'kernel' if i == 0 else i}:0" for i in range(len(arrays))]
        groups.create_group(name).attrs["weight_names"] = [one.encode() for one in names]
        for one, array in zip(names, arrays, strict=True):
            groups[name][one] = array.astype(np.float32)


@pytest.mark.parametrize("functional", [False, True])
def test_files_of_keras_2(tmp_path: Path, functional: bool) -> None:
    layers = copy.deepcopy(OLD_LAYERS)
    if functional:
        for source, layer in zip([None, *layers], layers, strict=False):
            node = [] if source is None else [[[source["config"]["name"], 0, 0, {}]]]
            layer["inbound_nodes"] = node
        layers.reverse()  # the connections tell the order
    kind = "Model" if functional else "Sequential"
    config = {"name": "old", "layers": layers, "output_layers": [["out", 0, 0]]}
    described = {"class_name": kind, "config": config}
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file.attrs["model_config"] = json.dumps(described).encode()
        write_old(file.create_group("model_weights"), OLD)
    X = RNG.normal(size=(5, 3))
    z = X @ OLD["hidden"][0] + OLD["hidden"][1]
    gamma, beta, mean, variance = OLD["norm"]
    z = gamma * (z - mean) / np.sqrt(variance + 0.5) + beta
    expected = np.where(z < 0, 0.01 * z, z) @ OLD["out"][0]
    network = em.export.from_keras(tmp_path / "old.h5")
    assert network.activations == ("leaky_relu",)
    np.testing.assert_allclose(network.predict_outputs(X.astype("f4")), expected, 1e-5, 1e-6)


def test_weights_of_keras_2(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "old.h5", "w") as file:
        write_old(file, {"in": [], "hidden": OLD["hidden"], "a": [], "out": OLD["out"]})
    state = keras_weights(tmp_path / "old.h5")
    assert list(state) == ["hidden.weight", "hidden.bias", "out.weight", "out.bias"]
    np.testing.assert_array_equal(state["out.weight"], OLD["out"][0].T.astype(np.float32))
    assert not state["out.bias"].any()
    with h5py.File(tmp_path / "other.h5", "w") as file:
        write_old(file, OLD)
    with pytest.raises(
        ValueError, match=r"'norm' has weights of the shapes .* and is no Dense layer"
    ):
        keras_weights(tmp_path / "other.h5")


# --- files that are none -------------------------------------------------------------------------


def test_what_is_no_file_of_keras(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no file"):
        em.export.from_keras(tmp_path / "none.keras")
    for name, content in {
        "text.h5": b"no HDF5",
        "short.h5": (FOLDER / "batch.h5").read_bytes()[:5000],
        "short.keras": (FOLDER / "batch.keras").read_bytes()[:1000],
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(em.ModelFileError, match=f"{name} is damaged, or no model of Keras"):
            em.export.from_keras(tmp_path / name)
    assert not is_keras_file(tmp_path / "text.h5")
    assert not is_keras_file(tmp_path)
    assert all(is_keras_file(path) for path in FOLDER.iterdir() if path.suffix != ".json")


def test_without_h5py(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(ImportError, match=r'needs h5py, .* pip install "eigenmlp\[keras\]"'):
        em.export.from_keras(FOLDER / "batch.keras")
