"""C of a model for tables: its columns' preparation, its networks, its predictions."""

from __future__ import annotations

from dataclasses import dataclass
from string import Template
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from eigenmlp.export.c_model import CModel
from eigenmlp.export.c_source import body_of, network_function, picking
from eigenmlp.export.c_text import in_comment, literal, table
from eigenmlp.export.layers import dense_layers
from eigenmlp.tabular.preparation import CategoryFeatures, NumberFeatures

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["CTable", "c_table", "table_body"]


@dataclass(frozen=True)
class CTable:
    """What C is written for: attributes and properties are as those of `CModel`.

    Attributes
    ----------
    name : str
    kind : str
        The estimator's class.
    columns : tuple of NumberFeatures or CategoryFeatures
    networks : list of CModel
        Whose outputs are averaged.
    labels : (n_classes,) array or None
    mean, deviation : (n_outputs,) array or None
        Scale of targets; None where there are labels.
    """

    name: str
    kind: str
    columns: tuple[NumberFeatures | CategoryFeatures, ...]
    networks: list[CModel]
    labels: NDArray[Any] | None
    mean: NDArray[np.float64] | None
    deviation: NDArray[np.float64] | None

    both: ClassVar[bool] = False
    inputs: ClassVar[str] = "columns of the table"
    nan: ClassVar[str] = "there is a gap"

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the networks' arithmetic."""
        return self.networks[0].dtype

    @property
    def has_int8(self) -> bool:
        """Whether weights have 8 bits."""
        return self.networks[0].has_int8

    @property
    def output(self) -> str:
        """Kind of the networks' output."""
        return self.networks[0].output

    @property
    def outputs(self) -> str:
        """What they are."""
        return self.networks[0].outputs

    @property
    def picks(self) -> bool:
        """Whether one class is picked."""
        return self.labels is not None

    @property
    def n_classes(self) -> int:
        """Classes of which one is picked, 0 where there are none."""
        return 0 if self.labels is None else len(self.labels)

    @property
    def n_inputs(self) -> int:
        """Columns."""
        return len(self.columns)

    @property
    def n_outputs(self) -> int:
        """Numbers that a row gets; a single class has two of a network."""
        return self.n_classes or self.networks[0].n_outputs

    @property
    def scratch(self) -> int:
        """Numbers of working memory: features, a network's outputs, and what it needs."""
        first = self.networks[0]
        return first.n_inputs + first.n_outputs + first.scratch

    @property
    def n_bytes(self) -> int:
        """Bytes of all tables of numbers."""
        scale = [numbers.nbytes for numbers in (self.mean, self.deviation) if numbers is not None]
        return sum(scale) + sum(network.n_bytes for network in self.networks)

    @property
    def told(self) -> str:
        """What the model is."""
        first, n_networks = self.networks[0], len(self.networks)
        sizes, weights = "-".join(map(str, first.sizes)), "int8" if self.has_int8 else self.dtype
        networks = f"{n_networks} networks" if n_networks > 1 else "a network"
        return f"A {self.kind} with {networks} of {sizes} units, weights of {weights}"

    @property
    def words(self) -> dict[str, str | int]:
        """What the names in the templates stand for; rows and predictions are of double."""
        known = self.networks[0].words
        names = {"name": self.name, "NAME": self.name.upper()}
        return {**known, **names, "given": "double", "result": "double"}

    @property
    def input_names(self) -> list[str]:
        """Columns in the words of a comment, those of categories with what each number means."""
        return [
            in_comment(column.name) + "".join(f"\n *     {line}" for line in _codes(column))
            for column in self.columns
        ]


def c_table(model: Any, name: str, *, int8: bool) -> CTable:
    """Take from a fitted estimator for tables what C is written for.

    Raises
    ------
    ValueError
        If numbers overflow on their way.
    """
    networks: list[CModel] = []
    first = 0
    for network in model.networks_:
        layers = dense_layers(network, int8=int8)
        networks.append(CModel(name, layers, network.output, None, 0, False, False, first))
        first += len(layers)
    columns = model._preparation.columns
    labels = getattr(model, "classes_", None)
    scale = (None, None) if labels is not None else (model._mean, model._deviation)
    return CTable(name, type(model).__name__, columns, networks, labels, *scale)


def _codes(column: NumberFeatures | CategoryFeatures) -> Iterator[str]:
    if isinstance(column, CategoryFeatures):
        for place, category in enumerate(column.categories):
            yield f"{place} for {in_comment(category)}"
        for category in column.rare:
            yield f"{len(column.categories)} for {in_comment(category)}"
        yield "-1 for a gap and all others"


def table_body(model: CTable) -> str:
    """Write what follows the source's first lines.

    Raises
    ------
    ValueError
        If a label can't be written in C.
    """
    return body_of(model, model.networks, _functions(model))


_CLIPPED = """\
/* A number as networks read it: of a gap 0, else between -3 and 3. */
static $real clipped(double value, double median, double scale)
{
    double z = (value - median) * scale;
    if (value != value) {
        return 0;
    }
    z = z > 1e150 ? 1e150 : z < -1e150 ? -1e150 : z; /* for its square is finite */
    return ($real)(z / sqrt(1 + z / 3 * (z / 3)));
}
"""
_PARTS = """\
/* The parts of a number's range, n of them, each of which rises between its borders; of a gap 0. */
static void parts(double value, int n, const double *borders, $real *features)
{
    for (int k = 0; k < n; ++k) {
        double low = borders[k], high = borders[k + 1];
        double within = value < low ? low : value > high ? high : value;
        features[k] = value != value
            ? 0
            : ($real)(((within - low) / (high - low) - 0.5) * (0.5 / sqrt(n)));
    }
}
"""
_ONE_OF = """\
/* A category among n: 1 where it is, of one that is none of them nowhere. */
static void one_of(double category, int n, $real *features)
{
    for (int k = 0; k < n; ++k) {
        features[k] = category == k ? 1 : 0;
    }
}
"""
_PREPARE = """\
static void prepare(const double *x, $real *features)
{
$statements}
"""
_PREDICT = """\
void ${name}_predict(const double *x, double *outputs, $real *scratch)
{
    $real *const features = scratch;
    $real *const values = features + $n_features;
    $real *const rest = values + $n_values;
    prepare(x, features);
    for (int k = 0; k < ${NAME}_N_OUTPUTS; ++k) {
        outputs[k] = 0;
    }
$networks$finish}
"""
_NETWORK = """\
    network_$number(features, values, rest);
    for (int k = 0; k < ${NAME}_N_OUTPUTS; ++k) {
        outputs[k] += (double)values[k];
    }
"""
_PROBABILITIES = """\
    double sum = 0;
    for (int k = 0; k < ${NAME}_N_OUTPUTS; ++k) {
        sum += outputs[k];
    }
    for (int k = 0; k < ${NAME}_N_OUTPUTS; ++k) {
        outputs[k] /= sum;
    }
"""
_NUMBERS = """\
    for (int k = 0; k < ${NAME}_N_OUTPUTS; ++k) {
        outputs[k] = outputs[k] / $n_networks * deviations[k] + means[k];
    }
"""


def _functions(model: CTable) -> Iterator[str]:
    known = {
        **model.words,
        "n_features": model.networks[0].n_inputs,
        "n_values": model.networks[0].n_outputs,
        "n_networks": len(model.networks),
    }
    statements = "".join(f"    {statement}\n" for statement in _preparing(model))
    if "x[" not in statements:
        statements = f"    (void)x;\n{statements}"
    for name, helper in {"clipped(": _CLIPPED, "parts(": _PARTS, "one_of(": _ONE_OF}.items():
        if name in statements:
            yield Template(helper).substitute(known)
    for place, column in enumerate(model.columns):
        if isinstance(column, NumberFeatures) and column.borders:
            yield table("double", f"borders_{place}", np.array(column.borders))
    yield Template(_PREPARE).substitute(known, statements=statements)
    networks = ""
    for number, network in enumerate(model.networks):
        yield network_function(model.networks, network, f"static void network_{number}")
        networks += Template(_NETWORK).substitute(known, number=number)
    finish = _PROBABILITIES
    if model.mean is not None and model.deviation is not None:
        yield table("double", "means", model.mean)
        yield table("double", "deviations", model.deviation)
        finish = _NUMBERS
    finish = Template(finish).substitute(known)
    yield Template(_PREDICT).substitute(known, networks=networks, finish=finish)
    yield from picking(model)


def _preparing(model: CTable) -> Iterator[str]:
    """Yield the statements that make features of a row."""
    target = 0
    for place, column in enumerate(model.columns):
        if isinstance(column, NumberFeatures):
            yield from _number_features(column, place, target)
        else:
            yield from _category_features(column, f"x[{place}]", target)
        target += column.n_features


def _number_features(learnt: NumberFeatures, place: int, target: int) -> Iterator[str]:
    x = f"x[{place}]"
    if learnt.median is None or not learnt.scale:
        yield f"features[{target}] = 0;"
    else:
        median, scale = _double(learnt.median), _double(learnt.scale)
        yield f"features[{target}] = clipped({x}, {median}, {scale});"
    if learnt.gaps:
        is_gap = "1" if learnt.median is None else f"{x} != {x} ? 1 : 0"
        yield f"features[{target + 1}] = {is_gap};"
    if learnt.borders:
        first, n_parts = target + 1 + learnt.gaps, learnt.n_parts
        yield f"parts({x}, {n_parts}, borders_{place}, features + {first});"


def _category_features(learnt: CategoryFeatures, x: str, target: int) -> Iterator[str]:
    if learnt.is_pair:
        yield f"features[{target}] = {x} == 0 ? -1 : {x} == 1 ? 1 : 0;"
    elif learnt.n_features:
        yield f"one_of({x}, {learnt.n_features}, features + {target});"


def _double(value: float) -> str:
    return literal(value, np.dtype(np.float64))
