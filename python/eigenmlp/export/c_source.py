"""The C99 source of an exported network."""

from __future__ import annotations

from string import Template
from typing import TYPE_CHECKING

from eigenmlp.export import c_functions as functions
from eigenmlp.export.c_model import tables
from eigenmlp.export.c_text import label_table, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from eigenmlp.export.c_model import CModel
    from eigenmlp.export.c_tables import CTable

__all__ = ["body_of", "network_function", "picking", "source_body"]


def source_body(model: CModel) -> str:
    """Write what follows the source's first lines: includes, numbers, functions.

    Raises
    ------
    ValueError
        If a label can't be written in C.
    """
    predict = network_function([model], model, f"void {model.name}_predict")
    return body_of(model, [model], [predict, *picking(model)])


def body_of(model: CModel | CTable, networks: Sequence[CModel], functions: Iterable[str]) -> str:
    """Write the same of a model of several networks, whose own functions follow theirs.

    Raises
    ------
    ValueError
        If a label can't be written in C.
    """
    code = "\n".join([*_static_functions(networks), *functions])
    numbers = [table for network in networks for table in _numbers(network)]
    return "\n".join([*_includes(model, code), *numbers, *_labels(model), code])


def network_function(networks: Sequence[CModel], network: CModel, named: str) -> str:
    """Write the function that computes one of the networks; `named` is its type and name."""
    statements = "".join(f"    {statement}\n" for statement in _statements(networks, network))
    return Template(functions.NETWORK).substitute(network.words, named=named, statements=statements)


def picking(model: CModel | CTable) -> Iterator[str]:
    """Write the function that picks a class, if one is to be picked."""
    if model.picks:
        largest = model.output == "softmax" or model.both
        yield Template(functions.LARGEST if largest else functions.ABOVE).substitute(model.words)


def _includes(model: CModel | CTable, code: str) -> Iterator[str]:
    mathematical = ("exp", "tanh", "expm1", "erfc", "sqrt")
    if any(f"{name}{suffix}(" in code for name in mathematical for suffix in ("", "f")):
        yield "#include <math.h>"
    yield "#include <stddef.h>"
    if model.has_int8:
        yield "#include <stdint.h>"
    yield ""


def _numbers(model: CModel) -> Iterator[str]:
    known = model.words
    for number, layer in enumerate(model.layers, model.first):
        for name, values in tables(layer).items():
            kind = known["weight"] if name == "weights" else known["real"]
            yield table(str(kind), f"{name}_{number}", values)


def _labels(model: CModel | CTable) -> Iterator[str]:
    if model.labels is not None:
        yield label_table(model.labels).definition(model.name, f"{model.name.upper()}_N_CLASSES")


def _static_functions(networks: Sequence[CModel]) -> Iterator[str]:
    layers = [layer for network in networks for layer in network.layers]
    parts = [functions.DENSE_WITH_FACTORS if _have_factors(networks) else functions.DENSE]
    if any(layer.gains is not None for layer in layers):
        parts.append(functions.LAYER_NORMALIZE)
    applied = [layer.activation for layer in layers]
    called = {**functions.APPLIED, **functions.OUTPUTS}
    output = networks[0].output
    parts += [called[name] for name in dict.fromkeys([*applied, output]) if name in called]
    for part in parts:
        yield Template(part).substitute(networks[0].words)


def _have_factors(networks: Sequence[CModel]) -> bool:
    return any(layer.factors is not None for network in networks for layer in network.layers)


def _statements(networks: Sequence[CModel], model: CModel) -> Iterator[str]:
    """Yield the body of the function that computes a network."""
    first, second = model.scratch_parts
    real = model.words["real"]
    yield f"{real} *const odd = scratch;" if first else "(void)scratch;"
    if second:
        yield f"{real} *const even = scratch + {first};"
    has_factors = _have_factors(networks)
    source = "x"
    for place, layer in enumerate(model.layers):
        number = model.first + place
        fan_out, fan_in = layer.weights.shape
        is_last = place == len(model.layers) - 1
        target = "outputs" if is_last else ("odd", "even")[place % 2]
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
