"""Runs on disk: read back as written, whole or not at all, and never mistaken for others."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eigenmlp as em
from eigenmlp.files import atomic
from eigenmlp.sweeps import FinishedRun, Metrics, RunFailure, RunResult, RunSpec, Store
from eigenmlp.sweeps import finished as finished_module
from eigenmlp.sweeps import store as store_module
from eigenmlp.sweeps.board import Board
from eigenmlp.sweeps.finished import Moment, failed_run, finished_run
from eigenmlp.sweeps.store import Stale
from tiny_study import content, tiny_runs_data, tiny_spec

DATA = tiny_runs_data()
SCORES = [
    name for name in Metrics.__dataclass_fields__ if name not in {"test_recall", "named", "further"}
]
SPEC = tiny_spec(hidden_layers=(4,))


def _moment(seed: int) -> Moment:
    rng = np.random.default_rng(seed)
    values = [*rng.random(8).tolist(), float("nan")]
    return Moment(
        parameters=em.Network([16, 4, 3], rng=seed).get_flat_parameters(),
        metrics=Metrics(
            **dict(zip(SCORES, values, strict=True)),
            test_recall=(0.1, float("nan"), 1 / 3),
            named={"val_f1_macro": float("nan"), "test_f1_macro": 1 / 3},
            further={"noise": (0.5, 1 / 3)},
        ),
        test_outputs=rng.random((5, 3)).astype(np.float32),
    )


def _history(n_epochs: int) -> em.History:
    history = em.History()
    for epoch in range(n_epochs):
        history.append(
            train_loss=1 / (epoch + 3),
            val_loss=float("nan") if epoch else 1e-300,
            seconds=0.1 * epoch,
        )
    return history


def _save(store: Store, spec: RunSpec = SPEC, seed: int = 1) -> None:
    store.add(_finished(spec, seed))


def _finished(spec: RunSpec = SPEC, seed: int = 1) -> FinishedRun:
    return finished_run(
        spec,
        DATA,
        em.Network([16, 4, 3], input_scale=0.5, rng=0),
        _history(4),
        best_epoch=2,
        seconds=1.25,
        last=_moment(seed),
        best=_moment(seed + 1),
    )


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "runs")
    store.prepare()
    return store


def _loaded(store: Store, spec: RunSpec = SPEC) -> RunResult:
    result = store.load(spec, DATA)
    assert isinstance(result, RunResult)
    return result


def _stale(store: Store, spec: RunSpec = SPEC) -> str:
    stale = store.load(spec, DATA)
    assert isinstance(stale, Stale)
    return stale.reason


def test_a_result_is_read_back_to_the_last_bit(store: Store) -> None:
    assert store.load(SPEC, DATA) is None
    _save(store)
    result, last, best = _loaded(store), _moment(1), _moment(2)
    assert repr(result.history.to_dict()) == repr(_history(4).to_dict())  # NaN included
    assert (result.spec, result.best_epoch, result.seconds) == (SPEC, 2, 1.25)
    assert repr((result.last, result.best)) == repr((last.metrics, best.metrics))
    np.testing.assert_array_equal(result.test_outputs_last, last.test_outputs)
    np.testing.assert_array_equal(result.test_outputs_best, best.test_outputs)
    assert result.outputs("best").dtype == np.float32
    network = result.network()
    np.testing.assert_array_equal(network.get_flat_parameters(), best.parameters)
    assert network.input_scale == 0.5
    last_network = em.load_network(result.folder / "last.safetensors")
    np.testing.assert_array_equal(last_network.get_flat_parameters(), last.parameters)


def test_a_failure_is_read_back(store: Store) -> None:
    message = "training diverged in epoch 3"
    store.add(failed_run(SPEC, DATA, _history(3), kind="diverged", message=message))
    failure = store.load(SPEC, DATA)
    assert isinstance(failure, RunFailure)
    assert (failure.spec, failure.message) == (SPEC, message)
    assert failure.history.n_epochs == 3
    store.add(failed_run(SPEC, DATA, em.History(), kind="diverged", message="at once"))
    failure = store.load(SPEC, DATA)
    assert isinstance(failure, RunFailure)
    assert failure.history.n_epochs == 0


def test_another_label_is_the_same_run(store: Store) -> None:
    _save(store)
    renamed = tiny_spec(hidden_layers=(4,), label="another label")
    assert _loaded(store, renamed).spec.label == "another label"


@pytest.mark.parametrize(
    "changes", [{"l2": 0.1}, {"epochs": 9}, {"batch_size": None}, {"hidden_layers": (4, 4)}]
)
def test_another_spec_is_another_run(store: Store, changes: dict[str, Any]) -> None:
    _save(store)
    changed = tiny_spec(**{"hidden_layers": (4,), **changes})
    assert _stale(store, changed) == "its specification has changed"


def test_each_seed_has_its_own_folder(store: Store) -> None:
    _save(store)
    assert store.load(SPEC.with_seed(1), DATA) is None
    shutil.copytree(store.folder(SPEC), store.folder(SPEC.with_seed(1)))
    assert _stale(store, SPEC.with_seed(1)) == "its specification has changed"


def test_other_data_or_another_version_is_another_run(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    _save(store)
    stale = store.load(SPEC, dataclasses.replace(DATA, input_scale=0.5))
    assert stale == Stale("it was trained on other data")
    monkeypatch.setattr(finished_module, "__version__", "99.0")
    assert _stale(store) == f"it was trained by eigenmlp {em.__version__}"
    monkeypatch.undo()
    monkeypatch.setattr(finished_module, "_LAYOUT", 2)
    assert _stale(store) == "it is laid out as version 1 lays out runs"


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [_truncate, _flip, _empty, Path.unlink])
def test_damage_to_any_file_is_seen(store: Store, damage: Callable[[Path], None]) -> None:
    _save(store)
    folder = store.folder(SPEC)
    files = sorted(path.name for path in folder.iterdir())
    assert len(files) == 8
    for name in files:
        _save(store)
        damage(folder / name)
        if name == "checksums.json" and damage is _truncate:
            continue  # only its last line break is gone
        assert _stale(store), name
    _save(store)
    _loaded(store)


def test_an_unfinished_or_foreign_folder_is_no_run(store: Store) -> None:
    folder = store.folder(SPEC)
    folder.mkdir()
    assert "damaged" in _stale(store)
    (folder / "checksums.json").write_text("[]")
    assert "damaged" in _stale(store)
    (folder / "checksums.json").write_text("{}")
    assert _stale(store) == "it lists the files []"
    (folder / "checksums.json").write_text(json.dumps({"notes.txt": "0"}))
    assert _stale(store) == "it lists the files ['notes.txt']"
    shutil.rmtree(folder)
    folder.write_text("a file, not a folder")
    assert "damaged" in _stale(store)
    _save(store)
    _loaded(store)


class _KilledError(BaseException):
    """Ends a save where kill -9 would."""


def _save_killed_after(
    store: Store, survived: int, seed: int, monkeypatch: pytest.MonkeyPatch
) -> bool:
    """Save, but die before step number `survived`; return whether the save had fewer steps."""
    steps = 0
    finished = _finished(seed=seed)

    def step(function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            nonlocal steps
            steps += 1
            if steps > survived:
                raise _KilledError
            return function(*args, **kwargs)

        return counted

    remove = step(store_module._remove)

    def remove_half_at_least(folder: Path) -> None:
        for path in [*folder.glob("*")][::2]:
            path.unlink()
        remove(folder)

    with monkeypatch.context() as patch:
        patch.setattr(store_module, "sync", step(atomic.sync))
        patch.setattr(Path, "write_bytes", step(Path.write_bytes))
        patch.setattr(store_module, "_remove", remove_half_at_least)
        patch.setattr(Path, "rename", step(Path.rename))
        try:
            store.add(finished)
        except _KilledError:
            return False
    return True


def test_a_save_cut_off_anywhere_leaves_the_old_run_or_the_new(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Die before every single write, sync, rename and removal of a save that replaces a run."""
    known: dict[str, dict[str, str]] = {}
    for state, seed in (("old", 1), ("new", 7)):
        _save(store, seed=seed)
        known[state] = content(store.folder(SPEC))
    assert known["old"] != known["new"]
    states: list[str] = []
    finished = False
    while not finished:
        shutil.rmtree(store.runs)
        store.prepare()
        _save(store, seed=1)
        finished = _save_killed_after(store, len(states), 7, monkeypatch)
        found = store.load(SPEC, DATA)
        assert not isinstance(found, Stale)
        if found is None:
            states.append("none")
        else:
            now = content(store.folder(SPEC))
            states.append(next(state for state in known if known[state] == now))
        store.prepare()
        assert not [path for path in store.runs.iterdir() if path.name.startswith(".")]
    assert states[-1] == "new"
    assert states == sorted(states, key=["old", "none", "new"].index)
    assert states.count("old") > 15


def test_preparing_clears_what_was_left_half_written(store: Store) -> None:
    _save(store)
    (store.runs / ".new-123").mkdir()
    (store.runs / ".new-123" / "config.json").write_text("{")
    (store.runs / ".board.npy").write_bytes(b"")
    store.prepare()
    assert [path.name for path in store.runs.iterdir()] == [f"{SPEC.name}-seed0"]


def test_preparing_leaves_what_is_the_users(store: Store, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"mine")
    store.prepare()
    (store.runs / ".git").mkdir()
    (store.runs / ".gitignore").write_text("*")
    (store.runs / ".board.npy").symlink_to(elsewhere)
    store.prepare()
    Board.create(store.runs / ".board.npy", 1)
    found = sorted(path.name for path in store.runs.iterdir())
    assert found == [".board.npy", ".git", ".gitignore"]
    assert elsewhere.read_bytes() == b"mine"


def test_a_run_cleared_away_while_it_is_written_does_not_appear(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by the next sweep, while a worker of a killed one still writes."""

    def cleared(path: Path) -> None:
        atomic.sync(path)
        for leftover in path.parent.glob("last.*"):
            leftover.unlink()

    monkeypatch.setattr(store_module, "sync", cleared)
    with pytest.raises(em.EigenmlpError, match="files of tiny were removed while they"):
        _save(store)
    assert store.load(SPEC, DATA) is None
