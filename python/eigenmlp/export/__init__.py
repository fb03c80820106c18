"""Models for other programs.

Every function that writes takes a `Network` or a fitted estimator.
"""

from eigenmlp.export.c_files import CExport, to_c
from eigenmlp.export.keras_models import from_keras
from eigenmlp.export.onnx_file import to_onnx
from eigenmlp.export.skl2onnx_registry import register_skl2onnx
from eigenmlp.export.state_dicts import from_torch_state_dict, to_arrays, to_torch_state_dict

__all__ = [
    "CExport",
    "from_keras",
    "from_torch_state_dict",
    "register_skl2onnx",
    "to_arrays",
    "to_c",
    "to_onnx",
    "to_torch_state_dict",
]
