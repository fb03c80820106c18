"""The C99 header of an exported network."""

from __future__ import annotations

from string import Template
from typing import TYPE_CHECKING

from eigenmlp.export.c_text import label_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eigenmlp.export.c_model import CModel
    from eigenmlp.export.c_tables import CTable

__all__ = ["header_text"]

_HEADER = """\
/* $first_line.
 *
 * $told, in C99.
 *
 *     $given x[${NAME}_N_INPUTS] = {0};
 *     $result outputs[${NAME}_N_OUTPUTS];
 *     static $real scratch[${NAME}_SCRATCH];
 *     $call
 *
 * Nothing is allocated, and nothing written but `outputs` and `scratch`: calls with buffers of
 * their own may run at once. The three arrays must not overlap.
$inputs */
#ifndef ${NAME}_H
#define ${NAME}_H
$includes
#define ${NAME}_N_INPUTS $n_inputs /* $inputs_are */
#define ${NAME}_N_OUTPUTS $n_outputs /* $outputs */
$n_classes\
#define ${NAME}_SCRATCH $scratch /* numbers of working memory, to begin with of any value */
#define ${NAME}_TABLE_BYTES $n_bytes /* of weights and the like */
#define ${NAME}_EXPORT $fingerprint /* ${name}.c asks for it */

#ifdef __cplusplus
extern "C" {
#endif
$labels
/* Predict one sample: x[${NAME}_N_INPUTS] to outputs[${NAME}_N_OUTPUTS].
 * x must be finite, and is not checked; where it holds a NaN, $nan. */
void ${name}_predict(const $given *x, $result *outputs, $real *scratch);
$picks
#ifdef __cplusplus
}
#endif

#endif
"""

_PICKS = """
/* The same, and return the class: the first of those that are most probable, counted from 0.
 * Return -1 where an output is not a number. */
int ${name}_predict_class(const $given *x, $result *outputs, $real *scratch);
"""


def header_text(
    model: CModel | CTable, first_line: str, fingerprint: str, input_names: Sequence[str] | None
) -> str:
    """Write the header; names of inputs are in the words of C's comments.

    Raises
    ------
    ValueError
        If a label can't be written in C.
    """
    known = model.words
    name, upper = model.name, model.name.upper()
    includes = labels = ""
    if model.labels is not None:
        shown = label_table(model.labels)
        includes = "\n#include <stdint.h>\n" if shown.type.startswith("int") else ""
        what = "classes" if model.picks else "outputs; one is on where its output is above 0.5"
        labels = f"\n/* Labels of the {what}. */\n{shown.variable(name, f'{upper}_N_CLASSES')};\n"
    what = "classes" if model.picks else "labels"
    n_classes = f"#define {upper}_N_CLASSES {model.n_classes} /* {what} */\n"
    call = f"int k = {name}_predict_class" if model.picks else f"{name}_predict"
    return Template(_HEADER).substitute(
        known,
        first_line=first_line,
        fingerprint=fingerprint,
        told=model.told,
        call=f"{call}(x, outputs, scratch);",
        includes=includes,
        inputs=_inputs(input_names),
        n_inputs=model.n_inputs,
        inputs_are=model.inputs,
        nan=model.nan,
        n_outputs=model.n_outputs,
        outputs=model.outputs,
        n_classes=n_classes if model.n_classes else "",
        scratch=model.scratch,
        n_bytes=model.n_bytes,
        labels=labels,
        picks=Template(_PICKS).substitute(known) if model.picks else "",
    )


def _inputs(names: Sequence[str] | None) -> str:
    """Name the numbers of a sample, if their names are known."""
    if names is None:
        return ""
    return " *\n" + "".join(f" * x[{place}] is {name}\n" for place, name in enumerate(names))
