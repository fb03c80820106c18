"""Our writer of safetensors files, against the package's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from eigenmlp.files.safetensors import serialized

DTYPES = ["?", "u1", "i1", "u2", "i2", "f2", "u4", "i4", "f4", "u8", "i8", "f8", ">f4", ">i8"]
NAMES = st.text(st.characters(codec="utf-8", exclude_characters='\x7f"\\'), max_size=8)
ARRAYS = st.sampled_from(DTYPES).flatmap(
    lambda dtype: hnp.arrays(np.dtype(dtype), hnp.array_shapes(min_dims=0, max_dims=3, min_side=0))
)


@given(st.dictionaries(NAMES.filter(lambda name: name != "__metadata__"), ARRAYS, max_size=4))
def test_the_package_reads_what_we_write(arrays: dict[str, Any]) -> None:
    back = safetensors.numpy.load(serialized(arrays, {"text": 'a "b" ü'}))
    assert back.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(back[name], array)
        assert back[name].dtype == array.dtype.newbyteorder("=")


@pytest.mark.parametrize("metadata", [{}, {"format": "pt"}, {"eigenmlp": '{"a": [1, "ü"]}'}])
def test_the_bytes_are_the_packages(metadata: dict[str, str]) -> None:
    arrays = {
        "layers.1.weight": np.arange(6.0).reshape(2, 3).T,
        "layers.0.weight": np.arange(6, dtype=np.float32),
        "layers.0.bias": np.zeros((), np.float32),
        "flags": np.array([True, False, True]),
        "none": np.zeros((0, 3), np.int64),
    }
    contiguous = {name: np.array(array, order="C") for name, array in arrays.items()}
    assert serialized(arrays, metadata) == safetensors.numpy.save(contiguous, metadata or None)


def test_types_that_the_format_lacks() -> None:
    with pytest.raises(TypeError, match="x is of dtype <U1, which safetensors files lack"):
        serialized({"x": np.array(["a"])}, {})
