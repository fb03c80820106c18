"""Models for other programs.

Every function takes a `Network` or a fitted estimator.
"""

from eigenmlp.export.onnx_file import to_onnx
from eigenmlp.export.skl2onnx_registry import register_skl2onnx

__all__ = ["register_skl2onnx", "to_onnx"]
