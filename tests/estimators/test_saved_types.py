"""Parameters in a model file have the types that JSON tells apart, or the file is refused."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import eigenmlp as em

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = np.random.default_rng(0).normal(size=(30, 4))
NAN, INF = {"float": "nan"}, {"float": "inf"}
NUMBERS: list[Any] = [0, 1, 3, 0.5]
COUNTS: list[Any] = [1, 3]
FLAGS: list[Any] = [True, False]
EVERYTHING: list[Any] = [
    *(*FLAGS, *NUMBERS, -1, "a", "", None, NAN, INF, {"float": "-inf"}, {"dict": []}, {}, []),
    *([True], [1], [0.5], ["relu"], [None], [[1]], [NAN], {"tuple": [True]}, {"tuple": [0.5]}),
    *({"dict": [[0, w]]} for w in (True, 1, 0.5, -1, "a", None, NAN, INF, [1])),
]
RATES = [0, 0.5]
POSITIVE = [1, 3, 0.5]
BOUNDS = [*POSITIVE, None]
# Of EVERYTHING, what each parameter may be.
ALLOWED: dict[str, list[Any]] = {
    **dict.fromkeys(("alpha", "power_t", "tol", "weight_decay"), NUMBERS),
    **dict.fromkeys(("beta_1", "beta_2", "label_smoothing", "validation_fraction"), RATES),
    **dict.fromkeys(("max_iter", "max_fun"), COUNTS),
    **dict.fromkeys(("amsgrad", "early_stopping", "nesterovs_momentum"), FLAGS),
    **dict.fromkeys(("shuffle", "warm_start"), FLAGS),
    **dict.fromkeys(("epsilon", "learning_rate_init", "huber_delta"), POSITIVE),
    **dict.fromkeys(("clip_norm", "clip_value"), BOUNDS),
    "momentum": [0, 1, 0.5],
    "quantile": [0.5],
    "rate_factors": [None, {"dict": []}, *({"dict": [[0, w]]} for w in (1, 0.5))],
    "activation": [[], ["relu"]],
    "batch_size": COUNTS,
    "callbacks": [[]],
    "class_weight": [None, {"dict": []}, *({"dict": [[0, w]]} for w in (1, 0.5))],
    "dropout": [0, 0.5, [], [0.5], {"tuple": [0.5]}],
    "hidden_layer_sizes": [1, 3, [], [1]],
    "learning_rate": [],
    "loss": [],
    "monitor": [None],
    "n_iter_no_change": [1, 3, INF],
    "n_threads": [1, 3, None],
    "normalization": [None, [], [None]],
    "random_state": [0, 1, 3, None],
    "schedule_unit": [],
    "solver": [],
    "verbose": [True, False, 0, 1, 3],
}


def saved(kind: str, path: Path) -> tuple[dict[str, Any], bytes]:
    """Save a fitted model; return what its header describes, and the bytes of its arrays."""
    y = np.arange(30) % 3
    getattr(em, kind)(hidden_layer_sizes=(3,), max_iter=2, random_state=0).fit(X, y).save(path)
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def loaded(path: Path, header: dict[str, Any], arrays: bytes, name: str, value: Any) -> Any:
    described = json.loads(header["__metadata__"]["eigenmlp"])
    described["estimator"]["parameters"][name] = value
    changed = {**header, "__metadata__": {"eigenmlp": json.dumps(described)}}
    text = json.dumps(changed).encode()
    text += b" " * (-len(text) % 8)
    path.unlink(missing_ok=True)  # some file systems flush a file that is cut to nothing
    path.write_bytes(struct.pack("<Q", len(text)) + text + arrays)
    return em.load_model(path)


@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
def test_every_parameter_is_of_its_types(kind: str, tmp_path: Path) -> None:
    header, arrays = saved(kind, tmp_path / "model")
    parameters = getattr(em, kind)().get_params()
    assert parameters.keys() <= ALLOWED.keys()
    for name in parameters:
        taken = []
        for value in EVERYTHING:
            try:
                loaded(tmp_path / "changed", header, arrays, name, value)
            except em.ModelFileError:
                continue
            taken.append(value)
        # By their representation, for True == 1 == 1.0.
        assert [repr(v) for v in taken] == [
            repr(v) for v in EVERYTHING if repr(v) in map(repr, ALLOWED[name])
        ], name


@pytest.mark.parametrize("name", ["n_threads", "max_iter", "alpha", "random_state", "dropout"])
def test_true_is_no_number_in_a_fit_either(name: str) -> None:
    with pytest.raises(ValueError, match=f"The '{name}' parameter of MLPClassifier must be"):
        em.MLPClassifier().set_params(**{name: True}).fit(X, np.arange(30) % 3)


@pytest.mark.parametrize("size", [True, 5.0, "5", None])
def test_sizes_of_layers_are_named_by_their_place(size: Any) -> None:
    with pytest.raises(TypeError, match=r"^hidden_layer_sizes\[1\]=.* is not an integer; pass"):
        em.MLPClassifier((3, size)).fit(X, np.arange(30) % 3)
