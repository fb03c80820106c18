"""`eigenmlp inspect` of a model for tables: its columns, and how each is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text

from eigenmlp.cli.described import (
    MOST_ROWS,
    add_rest,
    counted,
    headed,
    kind_of,
    labels_of,
    plain,
    shortened,
)
from eigenmlp.tabular.preparation import NumberFeatures

if TYPE_CHECKING:
    from rich.table import Table

    from eigenmlp.tabular.preparation import CategoryFeatures

__all__ = ["columns_table", "facts_of_table"]


def facts_of_table(model: Any) -> dict[str, str]:
    """Say what a model for tables is."""
    names = [column.name for column in model._preparation.columns]  # noqa: SLF001
    told = {
        "Model": kind_of(model),
        "Estimator": " ".join(repr(model).split()),
        "Columns": counted(names),
    }
    if hasattr(model, "classes_"):
        told["Labels"] = labels_of(model.classes_)
    return told


def columns_table(model: Any) -> Table:
    """Lay out the columns, and what the network reads of each."""
    table = headed("column", "read as", "features", "learnt")
    columns = model._preparation.columns  # noqa: SLF001
    for column in columns[:MOST_ROWS]:
        kind = "numbers" if isinstance(column, NumberFeatures) else "categories"
        cells = (column.name, kind, str(column.n_features), _learnt(column))
        table.add_row(*(Text(plain(shortened(cell))) for cell in cells))
    add_rest(table, len(columns))
    return table


def _learnt(column: NumberFeatures | CategoryFeatures) -> str:
    if isinstance(column, NumberFeatures):
        if column.median is None:
            return "nothing but gaps, so that no value is read"
        spread = f", spread {1 / column.scale:.4g}" if column.scale else ", which doesn't vary"
        return f"median {column.median:.4g}{spread}{', with gaps' if column.gaps else ''}"
    rare = f", and {len(column.rare):,} rare ones together" if column.rare else ""
    return counted(column.categories) + rare
