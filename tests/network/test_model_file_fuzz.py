"""Model files from strangers: an error of ours or a model, and nothing else, in little memory."""

from __future__ import annotations

import json
import os
import tempfile
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import eigenmlp as em
from model_file_mutations import damaged
from places import DATA

FOLDER = DATA / "model_files"


def of_tables() -> list[bytes]:
    """Models of a table of words and gaps, one of them with two networks."""
    table = {"x": [1.0, float("nan"), 3.0, 4.0], "word": ["a", None, "b", "c"]}
    options: dict[str, Any] = {"max_iter": 1, "validation_fraction": 0, "random_state": 0}
    models = [
        em.TabularClassifier((2,), n_estimators=2, **options).fit(table, ["u", "v", "u", "v"]),
        em.TabularRegressor(hidden_layer_sizes=(2,), **options).fit(table, [1.0, 2.0, 3.0, 4.0]),
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        return [model.save(path) or path.read_bytes() for model in models]


FILES = [path.read_bytes() for path in sorted(FOLDER.glob("v*/*.safetensors"))] + of_tables()
# A longer run by hand sets another number.
EXAMPLES = int(os.environ.get("EIGENMLP_FUZZ_EXAMPLES", "500"))
MIB = 2**20


@pytest.fixture(autouse=True, scope="module")
def _everything_imported() -> None:
    """Load what the first estimator loads, which takes memory."""
    check(FOLDER / "v3" / "texts.safetensors")


def check(path: Path) -> None:
    """Load a file in every way, and use what comes of it."""
    for load in (em.load_network, em.load_model):
        try:
            model: Any = load(path)
        except em.ModelFileError as error:
            message = str(error)
            assert message.startswith(str(path))
            assert len(message) < 2000
            continue
        n_features = model.layer_sizes[0] if isinstance(model, em.Network) else model.n_features_in_
        repr(model)
        try:
            with np.errstate(all="ignore"):
                assert len(model.predict(np.zeros((2, n_features)))) == 2
        except ArithmeticError:
            pass


@pytest.mark.filterwarnings("ignore:column :UserWarning")
@pytest.mark.filterwarnings("ignore:X has feature names:UserWarning")
@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
@given(content=damaged(FILES))
@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_files(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    tracemalloc.start()
    try:
        check(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * MIB + 60 * len(content)


def written(path: Path, header: Any, data: bytes = b"") -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def described(**changes: Any) -> dict[str, Any]:
    header = {
        "format_version": 3,
        "library_version": "0",
        "layer_sizes": [4, 3],
        "activations": [],
        "dropouts": [],
        "normalizations": [],
        "output": "softmax",
        "dtype": "float32",
        "input_scale": 1.0,
        "dropout_seed": 0,
    }
    arrays = {
        "layers.0.weight": {"dtype": "F32", "shape": [4, 3], "data_offsets": [0, 48]},
        "layers.0.bias": {"dtype": "F32", "shape": [3], "data_offsets": [48, 60]},
    }
    return {"__metadata__": {"eigenmlp": json.dumps(header | changes)}, **arrays}


def refused(path: Path, message: str, most_bytes: int = MIB) -> None:
    """See that a file is refused, without memory to speak of."""
    tracemalloc.start()
    try:
        with pytest.raises(em.ModelFileError, match=message):
            em.load_model(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < most_bytes


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.safetensors"


def test_what_the_tests_write_is_a_model(path: Path) -> None:
    assert repr(em.load_model(written(path, described(), bytes(60)))).startswith("Network([4, 3]")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff" * 8, "header should have 18446744073709551615 bytes, but the file has 8"),
        ((2**40).to_bytes(8, "little") + b"{}", "header should have 1099511627776 bytes"),
    ],
)
def test_lengths_that_lie(path: Path, content: bytes, message: str) -> None:
    path.write_bytes(content)
    refused(path, message)


def test_headers_beyond_the_limit(path: Path) -> None:
    with path.open("wb") as file:
        file.write((8 * MIB + 1).to_bytes(8, "little") + b"{")
        file.truncate(16 * MIB)
    refused(path, "its header has 8388609 bytes, more than 8388608")


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"", "holds no valid JSON"),
        (b"\xff", "holds no valid JSON"),
        (b"[]", "its header is not JSON object"),
        (b'{"__metadata__": {}, "__metadata__": {}}', "a key appears twice"),
        (b'{"__metadata__": {"eigenmlp": 1}}', "its metadata is not an object of strings"),
        (b'{"a": NaN}', "NaN is not JSON"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"a": ' + b"9" * 5000 + b"}", "holds no valid JSON: Exceeds the limit"),
        ({"a": {"dtype": "F32", "shape": [1.0], "data_offsets": [0, 4]}}, "no array as 'a'"),
        ({"a": {"dtype": "F32", "shape": [True], "data_offsets": [0, 4]}}, "no array as 'a'"),
        ({"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, "no array as 'a'"),
        ({"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}}, "no array as 'a'"),
        ({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0]}}, "no array as 'a'"),
        ({"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}, "begins at byte 4, not"),
        ({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, "take 4 bytes, but take 0"),
    ],
)
def test_headers_that_are_none(path: Path, header: Any, message: str) -> None:
    refused(written(path, header), f"is not a readable safetensors file .*{message}")


def test_arrays_that_share_bytes(path: Path) -> None:
    header = described()
    header["layers.0.bias"]["data_offsets"] = [36, 48]
    refused(written(path, header, bytes(48)), "begins at byte 36, not at 48")


def test_arrays_smaller_than_their_shapes(path: Path) -> None:
    header = described(layer_sizes=[2**20, 2**20])
    header["layers.0.weight"]["shape"] = [2**20, 2**20]
    header["layers.0.bias"]["shape"] = [2**20]
    refused(written(path, header, bytes(60)), "has 48 bytes, but its shape .* needs 4398046511104")


def test_more_layers_than_any_file_has(path: Path) -> None:
    header = described(
        layer_sizes=[1] * 10_002,
        activations=["relu"] * 10_000,
        dropouts=[0] * 10_000,
        normalizations=[None] * 10_000,
    )
    message = "it has 10001 layers, more than 10000"
    refused(written(path, header, bytes(60)), message, most_bytes=4 * MIB)
    with pytest.raises(ValueError, match=r"at most 10000 layers .* has 10001 layers"):
        em.Network([1] * 10_002, rng=0).save(path.with_name("deep.safetensors"))


def test_labels_beyond_the_limit_are_not_written(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = em.MLPClassifier((), solver="lbfgs").fit([[0.0], [1.0]], ["a", "b"])
    monkeypatch.setattr("eigenmlp.network.model_file.MAX_HEADER_BYTES", 500)
    with pytest.raises(ValueError, match="and 500 bytes beside the parameters, but this model"):
        model.save(path)
    assert not path.exists()


def test_the_memory_of_a_header(path: Path) -> None:
    # An eighth of the largest: the memory of what is parsed grows with the text.
    for value in (b"[],", b'{"":1},', b"1.5,"):
        values = value * (MIB // len(value) - 100)
        written(path, b'{"a": [' + values + b"[]]}")
        refused(path, "describes no array as 'a'", most_bytes=40 * MIB)


def test_pickles_are_only_bytes(path: Path, tmp_path: Path) -> None:
    harm = tmp_path / "harm"
    path.write_bytes(b"cos\nsystem\n(S'touch " + str(harm).encode() + b"'\ntR.")
    refused(path, "is not a readable safetensors file")
    assert not harm.exists()


def test_a_folder(tmp_path: Path) -> None:
    for load in (em.load_network, em.load_model):
        with pytest.raises(em.ModelFileError, match="is a folder; pass a model file"):
            load(tmp_path)


def test_what_never_ends(path: Path) -> None:
    os.mkfifo(path)
    refused(path, "it is not a regular file")
    with pytest.raises(em.ModelFileError, match="it is not a regular file"):
        em.load_model("/dev/zero")


def test_a_file_cut_short_while_it_is_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(path, described(), bytes(60))
    monkeypatch.setattr("eigenmlp.files.safetensors.SafetensorsFile._size", lambda _: 10**6)
    monkeypatch.setattr("eigenmlp.files.safetensors.SafetensorsFile._check_extents", lambda _: None)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(em.ModelFileError, match=r"it ends within the array 'layers\.0\.bias'"):
        em.load_model(path)
