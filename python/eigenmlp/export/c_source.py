"""The C99 source of an exported network."""

from __future__ import annotations

from string import Template
from typing import TYPE_CHECKING

from eigenmlp.export import c_functions as functions
from eigenmlp.export.c_model import tables, words
from eigenmlp.export.c_text import label_table, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eigenmlp.export.c_model import CModel

__all__ = ["source_body"]


def source_body(model: CModel) -> str:
    """Write what follows the source's first lines: includes, numbers, functions.

    Raises
    ------
    ValueError
        If a label can't be written in C.
    """
    code = "\n".join(_static_functions(model))
    return "\n".join(
        [
            *_includes(model, code),
            *_numbers(model),
            *_labels(model),
            code,
            *_public_functions(model),
        ]
    )


def _includes(model: CModel, code: str) -> Iterator[str]:
    mathematical = ("exp$f(", "tanh$f(", "expm1$f(", "erfc$f(", "sqrt$f(")
    suffix = str(words(model)["f"])
    if any(name.replace("$f", suffix) in code for name in mathematical):
        yield "#include <math.h>"
    yield "#include <stddef.h>"
    if model.has_int8:
        yield "#include <stdint.h>"
    yield ""


def _numbers(model: CModel) -> Iterator[str]:
    known = words(model)
    for number, layer in enumerate(model.layers):
        for name, values in tables(layer).items():
            kind = known["weight"] if name == "weights" else known["real"]
            yield table(str(kind), f"{name}_{number}", values)


def _labels(model: CModel) -> Iterator[str]:
    if model.labels is not None:
        yield label_table(model.labels).definition(model.name, f"{model.name.upper()}_N_CLASSES")


def _static_functions(model: CModel) -> Iterator[str]:
    has_factors = any(layer.factors is not None for layer in model.layers)
    parts = [functions.DENSE_WITH_FACTORS if has_factors else functions.DENSE]
    if any(layer.gains is not None for layer in model.layers):
        parts.append(functions.LAYER_NORMALIZE)
    applied = [layer.activation for layer in model.layers]
    called = {**functions.APPLIED, **functions.OUTPUTS}
    parts += [called[name] for name in dict.fromkeys([*applied, model.output]) if name in called]
    for part in parts:
        yield Template(part).substitute(words(model))


def _public_functions(model: CModel) -> Iterator[str]:
    known = words(model)
    statements = "".join(f"    {statement}\n" for statement in _statements(model))
    yield Template(functions.PREDICT).substitute(known, statements=statements)
    if model.picks:
        picking = functions.LARGEST if model.output == "softmax" or model.both else functions.ABOVE
        yield Template(picking).substitute(known)


def _statements(model: CModel) -> Iterator[str]:
    """Yield the body of the function that predicts."""
    first, second = model.scratch_parts
    real = words(model)["real"]
    yield f"{real} *const odd = scratch;" if first else "(void)scratch;"
    if second:
        yield f"{real} *const even = scratch + {first};"
    has_factors = any(layer.factors is not None for layer in model.layers)
    source = "x"
    for number, layer in enumerate(model.layers):
        fan_out, fan_in = layer.weights.shape
        is_last = number == len(model.layers) - 1
        target = "outputs" if is_last else ("odd", "even")[number % 2]
        factors = f"factors_{number}, " if layer.factors is not None else "NULL, " * has_factors
        arguments = f"weights_{number}, {factors}biases_{number}, {fan_in}, {fan_out}"
        yield f"dense({arguments}, {source}, {target});"
        if layer.gains is not None:
            yield f"layer_normalize(gains_{number}, shifts_{number}, {fan_out}, {target});"
        function = model.output if is_last else layer.activation
        if function != "identity":
            yield f"apply_{function}({target}, {fan_out});"
        source = target
    if model.both:
        yield "outputs[1] = outputs[0];"
        yield "outputs[0] = 1 - outputs[1];"
