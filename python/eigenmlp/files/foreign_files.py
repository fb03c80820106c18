"""Models of other programs, told by their first bytes or their names, and the way from there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os

__all__ = ["foreign_kind"]

_TORCH = (
    "a PyTorch file, whose reading may run code. In PyTorch, write the module's state_dict() with "
    "safetensors.torch.save_file, which eigenmlp convert reads"
)
_PICKLE = (
    "a pickle (as of pickle, joblib or an old PyTorch), whose reading may run code. Read it with "
    "what wrote it, if you trust it: a model of eigenmlp has save, one of scikit-learn becomes one "
    "by em.from_sklearn, and of a PyTorch module eigenmlp convert reads the state_dict(), written "
    "with safetensors.torch.save_file"
)
_KERAS = "a file of Keras. Of Dense layers, eigenmlp convert makes a model file of it"
_HDF5 = f"an HDF5 file, perhaps {_KERAS}"
_ONNX = (
    "an ONNX file, which eigenmlp writes but does not read. Network.set_parameters takes its "
    "weights, as (fan_in, fan_out) arrays: onnx.numpy_helper.to_array of graph.initializer"
)
_NUMPY = "NumPy's arrays; Network.set_parameters takes a network's weights and biases"
_PACKED = "a packed file. Unpack it, and see what is in it"
_TEXT = "a text. A model file of eigenmlp is what save of a network or an estimator wrote"
_LFS = "a pointer of Git LFS to a file that is elsewhere. Fetch it with git lfs pull"
_PAGE = "a web page, perhaps in the place of a download. Look at it, and download again"
_CHECKPOINT = (
    "a checkpoint of eigenmlp. Pass its folder as resume_from, and save the network at the end"
)

# The first that matches. A zip archive's first member has its name at byte 30.
_BEGINNINGS = {
    rb"\x89HDF\r\n\x1a\n": _HDF5,
    rb"\x93NUMPY": _NUMPY,
    rb"eigenmlp checkpoint ": _CHECKPOINT,
    rb"version https://git-lfs": _LFS,
    rb"GGUF": "a GGUF file, of language models, which are not multilayer perceptrons",
    rb"PAR1": "a Parquet file: data, not a model",
    rb"....TFL3": "a TensorFlow Lite file, which does not give its weights back",
    rb"\x1f\x8b|BZh|\xfd7zXZ|\x28\xb5\x2f\xfd|\x04\x22\x4d\x18": _PACKED,
    rb"x[\x01\x5e\x9c\xda]..?[^\0]": _PACKED,  # by zlib
    rb"PK\x03\x04.{26}([^/]{1,200}/)?(data(\.pkl|/)|constants\.pkl|version|code/)": _TORCH,
    rb"PK\x03\x04.{26}(metadata|config)\.json": _KERAS,
    rb"PK\x03\x04.{26}.{1,200}\.npy": _NUMPY,
    rb"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19\.": _TORCH,  # before PyTorch 1.6
    rb"\x80[\x02-\x05][^\0]": _PICKLE,
    rb"\s*<(!doctype\s+|!DOCTYPE\s+)?(html|HTML)": _PAGE,
}
# Where the name says no more.
_VAGUE = {
    rb"PK\x03\x04": "a zip archive. Unpack it, and see what is in it",
    rb"[\t\n\r\x20-\x7e]{9}": _TEXT,
}
_SUFFIXES = {
    **dict.fromkeys([".pt", ".pth", ".ckpt"], _TORCH),
    **dict.fromkeys([".pkl", ".pickle", ".joblib", ".sav"], _PICKLE),
    **dict.fromkeys([".h5", ".hdf5"], _HDF5),
    ".keras": _KERAS,
    ".onnx": _ONNX,
    **dict.fromkeys([".npy", ".npz"], _NUMPY),
}


def foreign_kind(path: str | os.PathLike[str]) -> str | None:
    """Say what a file is that is not a safetensors file, and how its content comes to eigenmlp.

    Nothing of it is unpacked or executed.

    Returns
    -------
    str or None
        Such as "an ONNX file, which …"; None for what is not known, or a damaged safetensors file.
    """
    with Path(path).open("rb") as stream:
        head = stream.read(512)
    if not head or head[8:9] == b"{":  # where the header of a safetensors file begins
        return None
    named = _SUFFIXES.get(Path(path).suffix.lower())
    return _first(_BEGINNINGS, head) or named or _first(_VAGUE, head)


def _first(kinds: dict[bytes, str], head: bytes) -> str | None:
    for beginning, kind in kinds.items():
        if re.match(beginning, head, re.DOTALL):
            return kind
    return None
