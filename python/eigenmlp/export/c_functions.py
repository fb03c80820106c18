"""The C that an exported network is computed with.

In all of it $real is float or double, $f the suffix of its literals and functions, and $weight the
type of the weights.
"""

from eigenmlp.export.activations import ACTIVATIONS

__all__ = [
    "ABOVE",
    "APPLIED",
    "DENSE",
    "DENSE_WITH_FACTORS",
    "LARGEST",
    "LAYER_NORMALIZE",
    "NETWORK",
    "OUTPUTS",
]

_DENSE = """\
{comment}
static void dense({parameters},
                  size_t n_in, size_t n_out, const $real *a, $real *z)
{{
    for (size_t j = 0; j < n_out; ++j) {{
        const $weight *row = weights + j * n_in;
        $real sum = 0;
        for (size_t i = 0; i < n_in; ++i) {{
            sum += $element * a[i];
        }}
{apply}        z[j] = sum + biases[j];
    }}
}}
"""
DENSE = _DENSE.format(
    comment="/* z = W a + b, W row by row. */",
    parameters="const $weight *weights, const $real *biases",
    apply="",
)
DENSE_WITH_FACTORS = _DENSE.format(
    comment="/* z = W a + b, W row by row, a row's product times its factor if there is one. */",
    parameters="const $weight *weights, const $real *factors, const $real *biases",
    apply="""\
        if (factors != NULL) {
            sum *= factors[j];
        }
""",
)

LAYER_NORMALIZE = """\
static void layer_normalize(const $real *gains, const $real *shifts, size_t n, $real *z)
{
    $real mean = 0;
    $real variance = 0;
    for (size_t i = 0; i < n; ++i) {
        mean += z[i];
    }
    mean /= ($real)n;
    for (size_t i = 0; i < n; ++i) {
        const $real difference = z[i] - mean;
        variance += difference * difference;
    }
    variance /= ($real)n;
    const $real deviation = 1 / sqrt$f(variance + $normalization_epsilon);
    for (size_t i = 0; i < n; ++i) {
        z[i] = (z[i] - mean) * deviation * gains[i] + shifts[i];
    }
}
"""

_EACH = """\
static void apply_{name}($real *z, size_t n)
{{
    for (size_t i = 0; i < n; ++i) {{
        z[i] = {value};
    }}
}}
"""

APPLIED = {
    name: _EACH.format(name=name, value=exported.c)
    for name, exported in ACTIVATIONS.items()
    if name != "identity"
}

_SOFTMAX = """\
static void apply_softmax($real *z, size_t n)
{
    $real largest = z[0];
    $real sum = 0;
    for (size_t i = 1; i < n; ++i) {
        if (z[i] > largest) {
            largest = z[i];
        }
    }
    for (size_t i = 0; i < n; ++i) {
        z[i] = exp$f(z[i] - largest);
        sum += z[i];
    }
    for (size_t i = 0; i < n; ++i) {
        z[i] /= sum;
    }
}
"""
OUTPUTS = {
    "softmax": _SOFTMAX,
    "logistic": APPLIED["logistic"],
    "exponential": _EACH.format(name="exponential", value="exp$f(z[i])"),
}

NETWORK = """\
$named(const $given *x, $result *outputs, $real *scratch)
{
$statements}
"""

# Comparing with itself finds a NaN without <math.h>.
LARGEST = """\
int ${name}_predict_class(const $given *x, $result *outputs, $real *scratch)
{
    int best = 0;
    ${name}_predict(x, outputs, scratch);
    for (int k = 0; k < ${NAME}_N_CLASSES; ++k) {
        if (outputs[k] != outputs[k]) {
            return -1;
        }
        if (outputs[k] > outputs[best]) {
            best = k;
        }
    }
    return best;
}
"""

ABOVE = """\
int ${name}_predict_class(const $given *x, $result *outputs, $real *scratch)
{
    ${name}_predict(x, outputs, scratch);
    if (outputs[0] != outputs[0]) {
        return -1;
    }
    return outputs[0] > $half;
}
"""
