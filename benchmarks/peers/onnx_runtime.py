"""ONNX Runtime: prediction alone, from a graph of Gemm, Relu and Softmax."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

from peers import base

if TYPE_CHECKING:
    from problem import Floats, Problem

# Not import statements, so that types can be checked where they aren't installed.
onnx: Any = importlib.import_module("onnx")
onnxruntime: Any = importlib.import_module("onnxruntime")

# Of the year 2023: every runtime in use reads it.
OPSET, IR_VERSION = 18, 9


def details() -> dict[str, str]:
    return {"ONNX Runtime": onnxruntime.__version__, "ONNX": onnx.__version__}


def use_threads(count: int) -> None:
    """Nothing: a session is told its threads when it is made."""


def _graph(problem: Problem) -> bytes:
    helper, float32 = onnx.helper, onnx.TensorProto.FLOAT
    nodes, constants = [], []
    name = "X"
    last = len(problem.weights) - 1
    for layer, (w, b) in enumerate(zip(problem.weights, problem.biases, strict=True)):
        constants += [
            onnx.numpy_helper.from_array(w, f"w{layer}"),
            onnx.numpy_helper.from_array(b, f"b{layer}"),
        ]
        nodes.append(helper.make_node("Gemm", [name, f"w{layer}", f"b{layer}"], [f"z{layer}"]))
        name = f"a{layer}" if layer < last else "probabilities"
        rule, options = ("Relu", {}) if layer < last else ("Softmax", {"axis": 1})
        nodes.append(helper.make_node(rule, [f"z{layer}"], [name], **options))
    sizes = problem.model.sizes
    graph = helper.make_graph(
        nodes,
        "mlp",
        [helper.make_tensor_value_info("X", float32, ["n", sizes[0]])],
        [helper.make_tensor_value_info("probabilities", float32, ["n", sizes[-1]])],
        constants,
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    )
    serialized: bytes = model.SerializeToString()
    return serialized


class Predictor(base.Predictor):
    def __init__(self, problem: Problem) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(os.environ["BENCHMARK_THREADS"])
        options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            _graph(problem), options, providers=["CPUExecutionProvider"]
        )

    def predict(self, X: Floats) -> Floats:
        probabilities: Floats = self.session.run(None, {"X": X})[0]
        return probabilities
