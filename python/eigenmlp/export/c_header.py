"""The C99 header of an exported network."""

from __future__ import annotations

from string import Template
from typing import TYPE_CHECKING

from eigenmlp.export.c_model import words
from eigenmlp.export.c_text import in_comment, label_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eigenmlp.export.c_model import CModel

__all__ = ["header_text"]

_HEADER = """\
/* $first_line.
 *
 * A network of $sizes units, $output outputs, its weights of $weights, in C99.
 *
 *     $real x[${NAME}_N_INPUTS] = {0};
 *     $real outputs[${NAME}_N_OUTPUTS];
 *     static $real scratch[${NAME}_SCRATCH];
 *     $call
 *
 * Nothing is allocated, and nothing written but `outputs` and `scratch`: calls with buffers of
 * their own may run at once. The three arrays must not overlap.
$inputs */
#ifndef ${NAME}_H
#define ${NAME}_H
$includes
#define ${NAME}_N_INPUTS $n_inputs /* numbers of a sample */
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
 * x must be finite, and is not checked; where it holds a NaN, outputs are NaN. */
void ${name}_predict(const $real *x, $real *outputs, $real *scratch);
$picks
#ifdef __cplusplus
}
#endif

#endif
"""

_PICKS = """
/* The same, and return the class: the first of those that are most probable, counted from 0.
 * Return -1 where an output is not a number. */
int ${name}_predict_class(const $real *x, $real *outputs, $real *scratch);
"""


def header_text(
    model: CModel, first_line: str, fingerprint: str, feature_names: Sequence[str] | None
) -> str:
    """Write the header.

    Raises
    ------
    ValueError
        If a label can't be written in C.
    """
    known = words(model)
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
        sizes="-".join(map(str, model.sizes)),
        output=model.output,
        weights="int8" if model.has_int8 else model.dtype,
        call=f"{call}(x, outputs, scratch);",
        includes=includes,
        inputs=_inputs(feature_names),
        n_inputs=model.sizes[0],
        n_outputs=2 if model.both else model.sizes[-1],
        outputs=_outputs(model),
        n_classes=n_classes if model.n_classes else "",
        scratch=max(sum(model.scratch_parts), 1),
        n_bytes=model.n_bytes,
        labels=labels,
        picks=Template(_PICKS).substitute(known) if model.picks else "",
    )


def _inputs(feature_names: Sequence[str] | None) -> str:
    """Name the numbers of a sample, if their names are known."""
    if feature_names is None:
        return ""
    names = enumerate(map(in_comment, feature_names))
    return " *\n" + "".join(f" * x[{place}] is {name}\n" for place, name in names)


def _outputs(model: CModel) -> str:
    return {
        "softmax": "probabilities of classes",
        "logistic": "probabilities of classes" if model.both else "probabilities",
        "identity": "predicted values",
        "exponential": "predicted means of counts",
    }[model.output]
