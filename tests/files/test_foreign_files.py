"""Models of other programs: each is told, with the way from there."""

from __future__ import annotations

import gzip
import pickle
import zipfile
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import pytest

import eigenmlp as em

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def zipped(*members: str) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            for member in members:
                archive.writestr(member, b"x" * 100)

    return write


def filled(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def pickled(protocol: int) -> Callable[[Path], object]:
    return filled(pickle.dumps({"coefs_": [np.ones((3, 2))]}, protocol))


def arrays(path: Path) -> None:
    with path.open("wb") as stream:
        np.savez(stream, a=np.ones(3))


def one_array(path: Path) -> None:
    with path.open("wb") as stream:
        np.save(stream, np.ones(3))


def dumped(compress: Any) -> Callable[[Path], object]:
    return lambda path: joblib.dump({"a": np.ones(99)}, path, compress=compress)


def onnx(path: Path) -> None:
    pytest.importorskip("onnx")
    em.export.to_onnx(em.Network([3, 2], rng=0), path)


def checkpoint(path: Path) -> None:
    folder = path.with_name("run")
    em.train(
        em.Network([3, 2], rng=0), np.zeros((4, 3)), [0, 1, 0, 1], epochs=1, rng=0,
        callbacks=[em.callbacks.Checkpoint(folder)],
    )  # fmt: skip
    next(folder.glob("*.checkpoint")).rename(path)


LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}q\x00"
TORCH = "a PyTorch file, .* write the module's state_dict.* safetensors.torch.save_file, which eig"
PICKLE = "a pickle .* one of scikit-learn becomes one by em.from_sklearn"
KERAS = "a file of Keras. .* eigenmlp convert makes a model file"
NUMPY = "NumPy's arrays; Network.set_parameters takes"
PACKED = "a packed file. Unpack it"

FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "model.pt": (zipped("model/data.pkl", "model/data/0"), TORCH),
    "archive.safetensors": (zipped("archive/data.pkl", "archive/version"), TORCH),
    "pytorch_model.bin": (zipped("pytorch_model/data.pkl"), TORCH),
    "script.bin": (zipped("script/data/0", "script/code/a.py"), TORCH),
    "old.bin": (filled(LEGACY), TORCH),
    "unknown.pth": (filled(bytes(range(128, 200))), TORCH),
    "odd.ckpt": (zipped("something"), TORCH),
    **{f"protocol{p}.bin": (pickled(p), PICKLE) for p in range(2, 6)},
    **{f"protocol{p}.pkl": (pickled(p), PICKLE) for p in range(6)},
    "model.joblib": (dumped(0), PICKLE),
    "zlib.joblib": (dumped(3), PACKED),
    "gzip.joblib": (dumped(("gzip", 3)), PACKED),
    "bz2.joblib": (dumped(("bz2", 3)), PACKED),
    "xz.joblib": (dumped(("xz", 3)), PACKED),
    "model.safetensors.gz": (filled(gzip.compress(b"x" * 99, mtime=0)), PACKED),
    "model.h5": (filled(b"\x89HDF\r\n\x1a\n" + bytes(99)), "an HDF5 file, perhaps " + KERAS),
    "model.keras": (zipped("metadata.json", "config.json", "model.weights.h5"), KERAS),
    "keras.zip": (zipped("metadata.json", "config.json", "model.weights.h5"), KERAS),
    "model.onnx": (onnx, "an ONNX file, .* onnx.numpy_helper.to_array of graph.initializer"),
    "model.tflite": (filled(b"\x1c\0\0\0TFL3" + bytes(99)), "a TensorFlow Lite file"),
    "model.gguf": (filled(b"GGUF\x03\0\0\0" + bytes(99)), "a GGUF file"),
    "weights.npz": (arrays, NUMPY),
    "weights.bin": (one_array, NUMPY),
    "some.zip": (zipped("a.txt"), "a zip archive. Unpack it"),
    "x.parquet": (filled(b"PAR1" + bytes(99)), "a Parquet file: data, not a model"),
    "x.csv": (filled(b"a,b,y\n1,2,0\n"), "a text. A model file of eigenmlp is what save"),
    "page.safetensors": (filled(b"\n<!DOCTYPE html><html>404"), "a web page, perhaps in the place"),
    "lfs.safetensors": (
        filled(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
        "a pointer of Git LFS .* git lfs pull",
    ),
    "epoch": (checkpoint, "a checkpoint of eigenmlp. Pass its folder as resume_from"),
}


@pytest.mark.parametrize("name", FILES)
def test_each_kind_is_told_with_the_way_from_there(name: str, tmp_path: Path) -> None:
    write, message = FILES[name]
    path = tmp_path / name
    write(path)
    for load in (em.load_model, em.load_network):
        with pytest.raises(em.ModelFileError, match=f"{name} is not a readable .*, but {message}"):
            load(path)


def test_the_way_from_keras_is_one() -> None:
    source = em.Network([3, 5, 2], rng=0)
    weights = list(em.export.to_arrays(source).values())
    copy = em.Network([3, 5, 2], rng=1)
    copy.set_parameters(weights[::2], weights[1::2])
    assert np.array_equal(copy.get_flat_parameters(), source.get_flat_parameters())


def test_the_way_from_onnx_is_one(tmp_path: Path) -> None:
    module = pytest.importorskip("onnx")
    source = em.Network([3, 5, 2], rng=0)
    em.export.to_onnx(source, tmp_path / "model.onnx")
    graph = module.load(tmp_path / "model.onnx").graph
    found = {array.name: module.numpy_helper.to_array(array) for array in graph.initializer}
    matrices = [array for array in found.values() if array.ndim == 2]
    vectors = [array for array in found.values() if array.ndim == 1]
    assert [m.shape for m in matrices] == [(3, 5), (5, 2)]
    copy = em.Network([3, 5, 2], rng=1)
    copy.set_parameters(matrices, vectors)
    assert np.array_equal(copy.get_flat_parameters(), source.get_flat_parameters())


def test_a_damaged_model_file_is_not_taken_for_another(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"  # whatever its name
    em.Network([3, 2], rng=0).save(path)
    whole = path.read_bytes()
    for damaged in (whole[:-1], whole[:30], whole[:9], b"x\x01" + whole[2:], whole + b"x"):
        path.write_bytes(damaged)
        with pytest.raises(em.ModelFileError, match="was it cut short, or is it of another"):
            em.load_model(path)
