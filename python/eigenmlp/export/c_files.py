"""Export to C: the two files, and what 8-bit weights cost."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eigenmlp.common.arguments import flag
from eigenmlp.common.version import __version__
from eigenmlp.common.words import shown
from eigenmlp.export.c_header import header_text
from eigenmlp.export.c_model import c_model
from eigenmlp.export.c_source import source_body
from eigenmlp.export.c_text import in_comment
from eigenmlp.export.int8_cost import int8_cost
from eigenmlp.export.view import feature_names_of, is_of_tables, networks_of, view_of
from eigenmlp.files.atomic import write_atomically

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from eigenmlp.export.c_model import CModel
    from eigenmlp.export.c_tables import CTable

__all__ = ["CExport", "to_c"]

# Found in its first line, it says that a file may be written anew.
_MARK = "written by eigenmlp"
# Headers of C99, which one of such a name would hide.
_STANDARD_HEADERS = {
    *("assert", "complex", "ctype", "errno", "fenv", "float", "inttypes", "iso646", "limits"),
    *("locale", "math", "setjmp", "signal", "stdarg", "stdbool", "stddef", "stdint", "stdio"),
    *("stdlib", "string", "tgmath", "time", "wchar", "wctype"),
}


@dataclass(frozen=True)
class CExport:
    """What `to_c` wrote, and what 8-bit weights cost.

    Attributes
    ----------
    header, source : pathlib.Path
        The files.
    table_bytes : int
        Bytes of weights, biases and the like in the compiled program.
    scratch_bytes : int
        Bytes of working memory that the caller lends.
    largest_difference : float or None
        Largest difference between an output with 8-bit weights and without, over X; None if there
        was no X.
    score, int8_score : float or None
        Without and with 8-bit weights, on X and y: the accuracy of what classifies (with several
        labels a sample: the share of samples with all of them right), R² of the others; None if
        there was no y.
    """

    header: Path
    source: Path
    table_bytes: int
    scratch_bytes: int
    largest_difference: float | None = None
    score: float | None = None
    int8_score: float | None = None


def to_c(
    model: object,
    folder: str | os.PathLike[str],
    *,
    name: str = "model",
    int8: bool = False,
    X: Any = None,
    y: Any = None,
) -> CExport:
    r"""Write a model as one C99 header and source, for microcontrollers and to link into anything.

    ``<name>.h`` declares ``<name>_predict``, which takes a sample, a buffer for the outputs and
    one of ``<NAME>_SCRATCH`` numbers to work in. Where one class is to be picked,
    ``<name>_predict_class`` does the same and returns its index, or -1 where an output is not a
    number; ``<name>_labels`` are the labels of a classifier. The code needs no library but that of
    ``<math.h>``, and that only for some activations and outputs; it allocates nothing and writes
    nothing but the two buffers. Its numbers are the model's own bits, in hexadecimal, `static
    const`; it computes in float for a model of float32, in double for float64.

    A unit's product is :math:`f_j \sum_i w_{ji} a_i + b_j`. The factor f, left out where it is 1,
    holds the input scale and batch normalization. Dropout is nothing here.

    Of a model for tables the code has the preparation of its columns and all its networks. A sample
    is then a row, in double: a number for each column, NaN for a gap; of a category its code, which
    the header's comment lists, -1 for a gap and for words that training hadn't. Outputs are of
    double, too.

    Parameters
    ----------
    model : Network, MLPClassifier, MLPRegressor, TabularClassifier or TabularRegressor
        An estimator must be fitted. Outputs are those of `predict_outputs` of a network, of
        `predict_proba` of a classifier and of `predict` of a regressor.
    folder : path-like
        Where to write; made if it doesn't exist. Each file is written whole or not at all, and
        the two only compile together. A file of that name is overwritten if it is an earlier
        export, which its first line tells; any other is left alone.
    name : str, default="model"
        Of the files, and with an underscore the prefix of all they define: a letter, then letters,
        digits and underscores.
    int8 : bool, default=False
        Store weights in 8 bits, a quarter of float32's:
        :math:`w_{ji} \approx r_j q_{ji}` with :math:`r_j = \max_i |w_{ji}| / 127` and q rounded to
        -127 … 127. Sums are still of floats.
    X : (n_samples, n_features) array, table or None, default=None
        With `int8`: samples to measure by what it costs, such as validation data.
    y : array or None, default=None
        With X: their targets, as `evaluate` of a network or `score` of an estimator takes them.

    Returns
    -------
    CExport

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type or outside its range, if X is given without `int8` or y
        without X, if a label can't be written in C (one with a NUL, or of more than 4,095 bytes),
        or if normalization or the input scale make numbers overflow. Nothing is then written.
    sklearn.exceptions.NotFittedError
        If an estimator isn't fitted.
    FileExistsError
        If a file of that name is not an earlier export.
    OSError
        If the files can't be written.

    References
    ----------
    ISO/IEC 9899:1999, "Programming languages — C".

    Examples
    --------
    >>> import tempfile
    >>> import eigenmlp as em
    >>> net = em.Network([64, 32, 10], rng=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     export = em.export.to_c(net, folder, name="digits", int8=True)
    ...     "int digits_predict_class(" in export.header.read_text()
    True
    >>> export.table_bytes, export.scratch_bytes
    (2704, 128)
    """
    flag("int8", int8)
    _check_name(name)
    networks = networks_of(model)
    if X is not None and not int8:
        raise ValueError("X measures what 8-bit weights cost; pass int8=True, or leave X out")
    if y is not None and X is None:
        raise ValueError("y came without X; pass the samples that it belongs to")
    code: CModel | CTable
    names: list[str] | None
    if is_of_tables(model):
        from eigenmlp.export.c_tables import c_table, table_body  # noqa: PLC0415  scikit-learn

        code = c_table(model, name, int8=int8)
        body, names = table_body(code), code.input_names
    else:
        code = c_model(view_of(model), name, int8=int8)
        body, names = source_body(code), _in_comments(feature_names_of(model))
    fingerprint = f"0x{zlib.crc32(body.encode()):08x}UL"
    mark = f"{_MARK} {__version__}; the next export overwrites it"
    header = header_text(code, f"{name}.h: {mark}", fingerprint, names)
    cost = {} if X is None else int8_cost(model, networks, X, y)
    folder = Path(folder)
    export = CExport(
        header=folder / f"{name}.h",
        source=folder / f"{name}.c",
        table_bytes=code.n_bytes,
        scratch_bytes=code.scratch * code.dtype.itemsize,
        **cost,
    )
    for path in (export.header, export.source):
        _refuse_foreign(path)
    folder.mkdir(parents=True, exist_ok=True)
    beginning = _BEGINNING.format(name=name, NAME=name.upper(), mark=mark, fingerprint=fingerprint)
    write_atomically(export.source, (beginning + body).encode())
    write_atomically(export.header, header.encode())
    return export


_BEGINNING = """\
/* {name}.c: {mark}. */
#include "{name}.h"

#if {NAME}_EXPORT != {fingerprint}
#error "{name}.h and {name}.c are of different exports"
#endif

"""


def _in_comments(names: Sequence[str] | None) -> list[str] | None:
    return None if names is None else [in_comment(name) for name in names]


def _check_name(name: object) -> None:
    if not isinstance(name, str):
        raise TypeError(f"name={shown(name)} is not a str; pass the prefix of C's names, 'model'")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        raise ValueError(
            f"name={shown(name)} is not a name in C; pass a letter, then letters, digits and "
            "underscores"
        )
    if name.lower() in _STANDARD_HEADERS:
        raise ValueError(f"name={shown(name)} would hide C's own <{name.lower()}.h>; pass another")


def _refuse_foreign(path: Path) -> None:
    if not path.exists():
        return
    if path.is_file():
        with path.open("rb") as file:
            if _MARK.encode() in file.readline(200):
                return
    raise FileExistsError(
        f"{path} exists and is not an earlier export; move it away, or pass another folder or name"
    )
