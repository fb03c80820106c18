"""A safetensors file ends where its last array does, and its arrays leave no gap."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import eigenmlp as em
from eigenmlp.export.state_files import load_state_dict, save_state_dict
from eigenmlp.files.safetensors import SafetensorsError, SafetensorsFile, deserialized

if TYPE_CHECKING:
    from pathlib import Path

BEHIND = [b"\0", b"x", bytes(4), bytes(8), b"\n", b"{}" * 5000]


@pytest.mark.parametrize("more", BEHIND, ids=len)
def test_bytes_behind_the_end_are_refused(more: bytes, tmp_path: Path) -> None:
    model, state = tmp_path / "model.safetensors", tmp_path / "state.safetensors"
    network = em.Network([3, 2], rng=0)
    network.save(model)
    save_state_dict(state, em.export.to_torch_state_dict(network))
    load_state_dict(state)
    for path in (model, state):
        path.write_bytes(path.read_bytes() + more)
    message = rf"its arrays should take 32 bytes, but take {32 + len(more)}"
    for load in (em.load_network, em.load_model):
        with pytest.raises(em.ModelFileError, match=message):
            load(model)
    with pytest.raises(em.ModelFileError, match=message):
        load_state_dict(state)


@pytest.mark.parametrize(
    ("extents", "n_bytes", "message"),
    [
        ([(0, 8), (8, 16)], 15, "its arrays should take 16 bytes, but take 15"),
        ([(0, 8), (8, 16)], 17, "its arrays should take 16 bytes, but take 17"),
        ([(0, 8), (9, 17)], 17, "the array 'b' begins at byte 9, not at 8"),
        ([(0, 8), (7, 15)], 15, "the array 'b' begins at byte 7, not at 8"),
        ([(1, 9), (9, 17)], 17, "the array 'a' begins at byte 1, not at 0"),
        ([(0, 8), (0, 8)], 8, "the array 'b' begins at byte 0, not at 8"),
    ],
)
def test_every_boundary(
    extents: list[tuple[int, int]], n_bytes: int, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.safetensors"
    header = {
        name: {"dtype": "F32", "shape": [2], "data_offsets": list(extent)}
        for name, extent in zip("ab", extents, strict=True)
    }

    def write(n_bytes: int) -> None:
        text = json.dumps(header).encode()
        path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(n_bytes))

    write(n_bytes)
    with pytest.raises(SafetensorsError, match=message):
        SafetensorsFile(path)
    header["a"]["data_offsets"], header["b"]["data_offsets"] = [0, 8], [8, 16]
    write(16)
    with SafetensorsFile(path) as file:
        assert np.array_equal(file.read("b", np.dtype("f4")), [0, 0])


@given(
    st.dictionaries(
        st.text(max_size=8).filter(lambda name: name != "__metadata__"),
        st.sampled_from(["?", "u1", "i2", "f2", "f4", "f8", "i8", "c8"]).flatmap(
            lambda kind: npst.arrays(kind, npst.array_shapes(min_dims=0, min_side=0, max_side=4))
        ),
        max_size=5,
    )
)
def test_content_that_the_package_writes_comes_back(arrays: dict[str, Any]) -> None:
    found = deserialized(safetensors.numpy.save(arrays))
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        assert found[name].tobytes() == array.tobytes()


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}, "'w' is of the type 'BF16'"),
        ({"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}, "'w' has another size than its"),
        ({"dtype": "F32", "shape": [1], "data_offsets": [0, 8]}, "should take 8 bytes, but take 4"),
    ],
)
def test_content_that_contradicts_itself(entry: Any, message: str) -> None:
    header = json.dumps({"w": entry}).encode()
    with pytest.raises(SafetensorsError, match=message):
        deserialized(len(header).to_bytes(8, "little") + header + bytes(4))
