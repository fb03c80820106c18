"""One file a peer: the same training and prediction, written as that peer's users would."""

from __future__ import annotations

# The column of a peer, and the file that has it.
MODULES = {
    "eigenmlp": "eigenmlp_core",
    "numpy": "numpy_loop",
    "sklearn": "scikit_learn",
    "torch": "pytorch",
    "torch-fused": "pytorch",
    "jax": "jax_scan",
    "onnx": "onnx_runtime",
}
TITLES = {
    "eigenmlp": "eigenmlp",
    "numpy": "NumPy",
    "sklearn": "scikit-learn",
    "torch": "PyTorch",
    "torch-fused": "PyTorch fused",
    "jax": "JAX",
    "onnx": "ONNX Runtime",
}
TRAINERS = ("eigenmlp", "numpy", "sklearn", "torch", "torch-fused", "jax")
PREDICTORS = ("eigenmlp", "numpy", "sklearn", "torch", "jax", "onnx")
