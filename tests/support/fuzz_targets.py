"""What fuzzers feed with bytes: the readers of files, and the array gate.

Every target takes bytes and a folder to write them to, and lets through only what the reader's
documentation announces. `fuzz_readers.py` runs them under atheris, guided by coverage;
`test_fuzz_targets.py` on the seeds and on mutations of them.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import feather
from scipy import sparse

import eigenmlp as em
from checkpoint_bodies import body_of, snapshot
from data_files import idx_bytes
from eigenmlp.datasets.table_files import read_table
from eigenmlp.errors import CheckpointError, DataFileError, ModelFileError, TrainingDivergedError
from eigenmlp.tabular.columns import columns_of
from resumable_run import stopping, train

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


class Target(NamedTuple):
    """What to call, and inputs to begin with."""

    run: Callable[[bytes, Path], None]
    seeds: list[bytes]


def read_data(name: str) -> Callable[[bytes, Path], None]:
    def run(data: bytes, folder: Path) -> None:
        path = folder / name
        path.write_bytes(data)
        with contextlib.suppress(DataFileError):
            X, y = em.datasets.read_arrays(path)
            assert X.ndim == 2
            assert X.size > 0
            assert X.dtype in {np.dtype(d) for d in ("uint8", "float32", "float64")}
            assert np.isfinite(X).all()
            assert y is None

    return run


def read_any_table(name: str) -> Callable[[bytes, Path], None]:
    """Read a table under options that the last byte chooses, as `train` and `predict` do."""

    def run(data: bytes, folder: Path) -> None:
        path = folder / name
        path.write_bytes(data[:-1])
        options: dict[str, Any] = {}
        choice = data[-1] if data and name.startswith("table.csv") else 0
        if choice & 1:
            options["header"] = bool(choice & 2)
        if choice & 4:
            options["decimal"] = "," if choice & 8 else "."
        if choice & 16:
            options["encoding"] = "latin-1"
        if choice & 32:
            options["missing"] = ["-", "x"]
        if choice & 64:
            options["numbers"] = ["a", "1"]
        elif choice & 128:
            options["texts"] = ["a", "1"]
        with contextlib.suppress(DataFileError):
            found = read_table(path, **options)
            assert found.frame.shape[0] > 0
            assert found.frame.shape[1] > 0
            assert found.frame.columns.is_unique
            assert all(isinstance(line, str) for line in found.told)
            with contextlib.suppress(TypeError, ValueError):
                columns, _ = columns_of(found.frame, categorical=lambda *_: set())
                assert all(len(column.cells) == len(found.frame) for column in columns)

    return run


def load_model(data: bytes, folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(data)
    with contextlib.suppress(ModelFileError):
        model = em.load_model(path)
        with contextlib.suppress(ModelFileError):  # several networks of a table
            net = em.load_network(path)
            assert np.isfinite(net.get_flat_parameters()).all()
            with contextlib.suppress(ArithmeticError):
                net.predict_outputs(np.zeros((1, net.layer_sizes[0])), n_threads=1)
        n_columns = getattr(model, "n_features_in_", None) or model.layer_sizes[0]
        names = getattr(model, "feature_names_in_", None)
        row = [[0.0] * n_columns]
        with warnings.catch_warnings(), contextlib.suppress(ArithmeticError):
            warnings.simplefilter("ignore")  # of values that training hadn't
            model.predict(np.array(row) if names is None else pd.DataFrame(row, columns=names))


def resume(data: bytes, folder: Path) -> None:
    # Under the checksum of whoever made it up.
    head = b"eigenmlp checkpoint 1\n" + hashlib.sha256(data).hexdigest().encode() + b"\n"
    path = folder / "epoch-00000003.checkpoint"
    path.write_bytes(head + data)
    # ValueError: a run that has finished, or callbacks and histories that don't fit it.
    with contextlib.suppress(CheckpointError, TrainingDivergedError, ValueError):
        parameters, history = train(stopping(), epochs=4, resume_from=str(folder))
        assert np.isfinite(parameters).all()
        assert history.n_epochs <= 4


DTYPES = [
    "u1", "i1", "i2", ">u2", "i4", ">i4", "u8", "i8", "f2", ">f2", "f4", ">f4", "f8", ">f8", "g",
    "?", "c8", "m8[s]", "M8[D]", "O", "U2", "S3", "V5", "u1,f4",
]  # fmt: skip
NET = em.Network([3, 4, 3], rng=0)


def any_array(data: bytes) -> NDArray[Any]:
    """Make an array of any type, shape, order and place in memory of bytes."""
    choice = data.ljust(8, b"\0")
    dtype = np.dtype(DTYPES[choice[0] % len(DTYPES)])
    shape = tuple(choice[2 + i] % 6 for i in range(choice[1] % 4))
    count = int(np.prod(shape))
    if dtype.hasobject:
        array = np.resize(np.array([1, 2.5, None, "text", b"", [1]], dtype=object), shape)
    else:
        size = max(count * dtype.itemsize, 1)
        memory = (data[8:] * size + bytes(size + 1))[: size + 1]
        # One byte further on, it is misaligned.
        array = np.frombuffer(memory, dtype, count=count, offset=choice[6] & 1).reshape(shape)
    if choice[6] & 2:
        array = np.asfortranarray(array)
    if choice[6] & 4:
        array = array[::-1] if array.ndim else array
    if choice[6] & 8:
        array = array[..., ::-1] if array.ndim else array
    if choice[6] & 16:
        array = np.broadcast_to(array, (2, *array.shape))
    return array


def any_sparse(data: bytes) -> Any:
    """Make a sparse matrix of bytes, whose places may be anything."""
    choice = data.ljust(8, b"\0")
    kind = (sparse.csr_array, sparse.csc_matrix, sparse.bsr_array, sparse.coo_array)[choice[0] % 4]
    X = kind(np.resize(np.frombuffer(data + b"\1", np.uint8) % 3, (choice[1] % 6, 3)))
    X = X.astype(DTYPES[choice[2] % len(DTYPES)], casting="unsafe")
    places = np.dtype("iq"[choice[3] & 1])
    wild = np.resize(np.frombuffer(data[8:] + b"\0", np.int8), 64).astype(places)
    if choice[4] & 1:
        wild = wild * np.array(2**23, places)
    names = [name for name in ("indices", "indptr", "row", "col") if hasattr(X, name)]
    for bit, name in enumerate(names):
        if choice[5] >> bit & 1:
            setattr(X, name, wild[: len(getattr(X, name)) + (choice[6] >> bit & 1)].copy())
    if choice[5] & 16:
        X.data = X.data[1:]
    return X


def sparse_through_the_gate(data: bytes, _: Path) -> None:
    try:
        X = any_sparse(data)
    except (TypeError, ValueError):  # SciPy has none of this type
        return
    check_gate(X, data)


def through_the_gate(data: bytes, _: Path) -> None:
    check_gate(any_array(data[1:]), data)


def check_gate(X: Any, data: bytes) -> None:
    y = any_array(data[len(data) // 2 :]) if data[:1] and data[0] & 1 else np.arange(len_of(X)) % 3
    weights = any_array(data[len(data) // 3 :]) if data[:1] and data[0] & 2 else None
    with contextlib.suppress(TypeError, ValueError, ArithmeticError):
        outputs = NET.predict_proba(X, n_threads=1)
        assert outputs.shape == (len_of(X), 3)
        assert np.isfinite(outputs).all()
        scores = NET.evaluate(X, y, sample_weight=weights, n_threads=1)
        assert np.isfinite(scores.loss)
        net = em.Network([3, 4, 3], rng=0)
        em.train(net, X, y, sample_weight=weights, epochs=1, batch_size=4, n_threads=1, rng=0)
        assert np.isfinite(net.get_flat_parameters()).all()


def len_of(array: NDArray[Any]) -> int:
    return array.shape[0] if array.ndim else 0


def saved(save: Callable[..., object], *arrays: NDArray[Any], **named: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    save(stream, *arrays, **named)
    return stream.getvalue()


SMALL = np.arange(6).reshape(2, 3)
IDX = [idx_bytes(SMALL.astype(d)) for d in ("u1", "i2", "i4", "f8")]
NPY = [saved(np.save, SMALL.astype(d)) for d in ("u1", "<f4", ">f8", "?")] + [
    saved(np.save, np.asfortranarray(SMALL)),
    saved(np.save, np.array([1, "x"], dtype=object)),
    saved(np.save, np.zeros(2, dtype="u1,f4")),
]
CSV = [
    b"a,b\n1,2\n3,4\n",
    b"\xef\xbb\xbfa,b\r\n1.5,-2e9\r\n",
    b'"a","b ""c"""\n1,\n',
    b"a;b\n1;2\n",
    b"a\n0\n255\n",
    b"a,b\nTrue,False\n",
]


# Each with a last byte of options, as `read_any_table` takes them.
TABLES = [
    b"a,b\n1,x\n2,y\n\0",
    b"a;b\n1.234,5;x\n6,5;\n\0",
    b"# a b\n1 2\n3 4\n\0",
    b'"a" "b"\n"1" 5 "New York"\n\0',
    b",a,\n0,$5,\n1,($6.50),\n\0",
    b"\xef\xbb\xbfa\t1\r\n01\t2020-01-05\r\n-\t?\r\n\x80",
    b"a\n1,5\n2,5\n\x0c",
    b"1,x\n2,\xfc\n\x11",
    b'a,b\n1,"x\n""y"\n12%,z\n\x60',
    "a|b\n1|Köln\n".encode("utf-16") + b"\0",
    gzip.compress(b"sep=,\na,b\n1e999,1'000\n", mtime=0) + b"\0",
]
ARRAYS = [
    saved(np.savez, a=np.arange(3), b=np.array(["x", "", "y"]), c=np.array([b"u", b"\xff", b"w"])),
    saved(np.savez_compressed, X=SMALL.astype(">f4"), y=np.arange(2)),
    saved(np.savez, SMALL.astype("g")),
]


def feather_bytes() -> bytes:
    table = pa.table(
        {
            "a": [1, None],
            "b": ["x", "yz"],
            "c": pa.array(["u", "v"]).dictionary_encode(),
            "d": [[1], [2, 3]],
            "e": [True, None],
        }
    )
    return saved(lambda file: feather.write_feather(table, file, compression="uncompressed"))


def model_bytes() -> list[bytes]:
    X = np.arange(12.0).reshape(6, 2)
    table = {"n": [1.0, 2, 3] * 4, "empty": [None] * 12, "word": [*"aab", None] * 3}
    small: Any = {"hidden_layer_sizes": (2,), "max_iter": 1, "random_state": 0}
    models: list[Any] = [
        em.TabularClassifier(**small, max_categories=2).fit(table, [*"xyz"] * 4),
        em.TabularRegressor(**small, n_estimators=2).fit(table, np.arange(12)),
        em.MLPClassifier(hidden_layer_sizes=(2,), tol=9, n_iter_no_change=1, random_state=0).fit(
            X, list("abcabc")
        ),
        em.MLPRegressor(hidden_layer_sizes=(2,), tol=9, n_iter_no_change=1, random_state=0).fit(
            X, X[:, 0]
        ),
        em.Network([2, 1], output="exponential", rng=0),
        em.Network([2, 2, 2], normalization="batch", activation="gelu", dropout=0.5, rng=0),
        em.Network([1, 2, 2, 1], normalization="layer", output="identity", dtype="float64", rng=0),
    ]
    contents = []
    with tempfile.TemporaryDirectory() as folder:
        for model in models:
            model.save(Path(folder) / "m")
            contents.append((Path(folder) / "m").read_bytes())
    return contents


def checkpoint_bytes() -> list[bytes]:
    return [body_of({"n_epochs": snapshot().n_epochs, **snapshot().record}, snapshot().arrays)]


TARGETS = {
    "checkpoint": Target(resume, checkpoint_bytes()),
    "model": Target(load_model, model_bytes()),
    "idx": Target(read_data("a.idx"), IDX),
    "idx.gz": Target(read_data("a.idx.gz"), [gzip.compress(d, mtime=0) for d in IDX]),
    "npy": Target(read_data("a.npy"), NPY),
    "npz": Target(
        read_data("a.npz"),
        [
            saved(np.savez, SMALL),
            saved(np.savez_compressed, x=SMALL.astype(np.uint8)),
            saved(np.savez, x=SMALL, y=SMALL),
        ],
    ),
    "csv": Target(read_data("a.csv"), CSV),
    "table": Target(read_any_table("table.csv"), TABLES),
    "table.npz": Target(read_any_table("table.npz"), [data + b"\0" for data in ARRAYS]),
    "table.feather": Target(read_any_table("table.feather"), [feather_bytes() + b"\0"]),
    "sparse": Target(
        sparse_through_the_gate,
        [bytes([kind, 4, dtype, kind // 2, kind & 1, lies, lies, 0, *range(40)])
         for kind in range(4) for dtype in (0, 10, 12, 15) for lies in range(5)],
    ),
    "gate": Target(
        through_the_gate,
        [bytes([flags, kind, 2, 4, 3, 0, 0, 2 * kind, *range(40)])
         for flags in range(4) for kind in range(len(DTYPES))],
    ),
}  # fmt: skip
