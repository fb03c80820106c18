"""`sweeps.run` and what it returns."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import eigenmlp as em
from eigenmlp.sweeps import Data, RunFailure, RunResult, Runs, RunSpec, grid, run
from tiny_study import tiny_runs_data, tiny_spec

DATA = tiny_runs_data()
SPECS = grid(tiny_spec(metrics=("f1_macro",)), learning_rate=[0.01, 0.5, 1e30], seed=range(2))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return run(SPECS, DATA, tmp_path_factory.mktemp("runs"), executor="threads", progress=False)


def test_runs_are_in_the_order_of_their_specs(runs: Runs) -> None:
    assert [outcome.spec for outcome in runs] == SPECS
    assert len(runs) == 6
    assert len(runs.results) == 4
    assert [failure.kind for failure in runs.failures] == ["diverged"] * 2
    assert isinstance(runs[-1], RunFailure)
    assert runs[:2].results == runs.results[:2]
    assert repr(runs) == "Runs(6 runs, 2 failed)"


@pytest.mark.parametrize("score", ["val_loss", "test_accuracy", "val_f1_macro"])
@pytest.mark.parametrize("moment", ["best", "last"])
def test_the_best_is_of_the_lowest_loss_or_the_highest_score(
    runs: Runs, score: str, moment: Any
) -> None:
    values = [getattr(result, moment).scores()[score] for result in runs.results]
    best = runs.best(score, moment=moment)
    wanted = min(values) if score == "val_loss" else max(values)
    assert getattr(best, moment).scores()[score] == wanted
    if moment == "best":
        assert best.network().evaluate(*DATA.validation).loss == best.best.val_loss
    flat = best.network("last").get_flat_parameters()
    np.testing.assert_array_equal(best.load("last"), flat)


def test_a_score_that_there_is_not_is_refused(runs: Runs) -> None:
    with pytest.raises(ValueError, match="no run has the score 'val_r2'; there are train_loss, "):
        runs.best("val_r2")
    with pytest.raises(ValueError, match="moment='first' is unknown"):
        runs.best(moment="first")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="every run failed"):
        runs[4:].best()


def test_the_table_has_what_varies_and_what_came_of_it(runs: Runs) -> None:
    table = runs.table()
    assert [*table.columns[:5]] == ["name", "seed", "learning_rate", "epochs", "best_epoch"]
    assert table["learning_rate"].tolist() == [0.01, 0.01, 0.5, 0.5, 1e30, 1e30]
    assert table["best_val_loss"].tolist()[:4] == [r.best.val_loss for r in runs.results]
    assert table["last_test_f1_macro"][0] == runs.results[0].last.named["test_f1_macro"]
    assert math.isnan(table["last_val_loss"][5])
    assert table["instruction_set"][0] == em.instruction_set()
    assert table["error"][5].startswith("diverged: training diverged in epoch 0")
    assert table.columns[-1] == "error"


def test_what_belongs_to_an_option_varies_only_where_it_does(tmp_path: Path) -> None:
    optimizers = [em.optimizers.SGD(), em.optimizers.SGD(momentum=0.9), em.optimizers.Adam()]
    specs = grid(tiny_spec(epochs=1), optimizer=optimizers)
    table = run(specs, DATA, tmp_path, executor="threads", progress=False).table()
    named = [name for name in table.columns if name.startswith("optimizer")]
    assert named == ["optimizer", "optimizer_momentum"]


def test_metrics_are_those_of_scikit_learn(runs: Runs) -> None:
    from sklearn.metrics import f1_score

    best = runs.best()
    X, y = DATA.validation
    wanted = f1_score(y, best.network().predict(X), average="macro")
    assert best.best.named["val_f1_macro"] == wanted
    assert best.history["val_f1_macro"][best.best_epoch] == wanted


def test_without_test_data_there_are_no_scores_of_it(tmp_path: Path) -> None:
    data = Data(train=DATA.train, validation=DATA.validation, input_scale=1 / 255)
    for _ in range(2):
        (result,) = run([tiny_spec()], data, tmp_path, executor="threads", progress=False).results
        assert not [name for name in result.best.scores() if name.startswith("test")]
        assert result.test_outputs_best is None
        with pytest.raises(ValueError, match="'tiny' was not tested"):
            result.outputs()
        assert "best_test_loss" not in Runs([result]).table()


def test_weights_are_of_samples_and_of_classes(tmp_path: Path) -> None:
    """A weight of 2 is the sample twice, in full batch and but for the order of sums."""
    X, y = DATA.train
    twice = np.concatenate([X, X[y == 0]]), np.concatenate([y, y[y == 0]])
    spec = tiny_spec(batch_size=None, dtype="float64", evaluate_train=False)
    others: dict[str, Any] = {"validation": DATA.validation, "input_scale": 1 / 255}
    cases = {
        "doubled": (spec, Data(train=twice, **others)),
        "samples": (spec, Data(train=(X, y, 1.0 + (y == 0)), **others)),
        "classes": (
            tiny_spec(**{**vars(spec), "class_weight": {0: 2.0}}),
            Data(train=(X, y), **others),
        ),
    }
    weights = {
        name: run([of], data, tmp_path / name, executor="threads", progress=False).best().load()
        for name, (of, data) in cases.items()
    }
    np.testing.assert_allclose(weights["samples"], weights["doubled"], rtol=1e-9)
    np.testing.assert_allclose(weights["classes"], weights["doubled"], rtol=1e-9)


@pytest.mark.parametrize(
    ("specs", "options", "message"),
    [
        ([], {}, "specs is empty"),
        (tiny_spec(), {}, r"specs is a single RunSpec; pass a list, \[spec\]"),
        (["m0"], {}, r"specs\[0\]='m0' is not an eigenmlp.sweeps.RunSpec"),
        ([tiny_spec(), tiny_spec(l2=1.0)], {}, r"specs\[0\] and specs\[1\] are both called 'tiny'"),
        ([tiny_spec(loss="poisson"), tiny_spec("b", loss="quantile")], {"data": 3}, "data is"),
        ([tiny_spec()], {"executor": "dusk"}, "executor='dusk' is unknown; use None, 'processes'"),
        ([tiny_spec()], {"executor": 3}, "executor=3 has no method submit"),
        ([tiny_spec()], {"jobs": 0}, "jobs=0 is less than 1"),
        ([tiny_spec()], {"progress": 1}, "progress=1"),
    ],
)  # fmt: skip
def test_what_can_not_run_is_refused_at_once(
    tmp_path: Path, specs: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        run(specs, **{"data": DATA, "folder": tmp_path / "runs", **options})
    assert not (tmp_path / "runs").exists()


def test_a_loss_of_other_targets_is_refused_with_the_run(tmp_path: Path) -> None:
    X = np.zeros((4, 2))
    data = Data(train=(X, X[:, 0] - 1), validation=(X, X[:, 0]))
    for loss, message in (
        ("cross_entropy", "'a' can't be trained on these data: loss 'cross_entropy' is of classes"),
        ("poisson", "'a' can't be trained on these data: train: y"),
    ):
        with pytest.raises(ValueError, match=message):
            run([RunSpec(name="a", loss=loss)], data, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_file_is_no_folder_of_runs(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("mine")
    with pytest.raises(em.EigenmlpError, match="runs is a file; name a folder for the runs"):
        run([tiny_spec()], DATA, tmp_path / "runs", progress=False)
    assert (tmp_path / "runs").read_text() == "mine"


def test_two_sweeps_do_not_share_a_folder(tmp_path: Path) -> None:
    from eigenmlp.sweeps.runner import held

    with held(tmp_path, "sweep"), pytest.raises(em.EigenmlpError, match="another sweep is writing"):
        run([tiny_spec()], DATA, tmp_path)


def learnt(X: Any, y: Any) -> Data:
    return Data(train=(X[:200], y[:200]), validation=(X[200:], y[200:]))


def test_a_table_whose_columns_have_other_names_is_other_data(tmp_path: Path) -> None:
    X = np.random.default_rng(0).normal(size=(300, 2))
    y = (X[:, 0] > 0).astype(int)
    spec = RunSpec(hidden_layers=(8,), epochs=30, learning_rate=0.02)
    for names in (["b", "a"], ["a", "b"]):
        frame = pd.DataFrame(X, columns=names)
        runs = run([spec], learnt(frame, y), tmp_path, executor="threads", progress=False)
    network = runs.best("val_loss").network()
    assert network.feature_names == ("a", "b")
    assert (network.predict(frame) == y).mean() > 0.9


def test_data_that_were_changed_in_place_are_other_data(tmp_path: Path) -> None:
    X = np.random.default_rng(0).normal(size=(300, 2))
    y = (X[:, 0] > 0).astype(int)
    spec = RunSpec(hidden_layers=(8,), epochs=5)
    data = learnt(X, y)
    options: dict[str, Any] = {"executor": "threads", "progress": False}
    first = run([spec], data, tmp_path / "a", **options)[0]
    X *= -1
    second = run([spec], data, tmp_path / "a", **options)[0]
    fresh = run([spec], learnt(X.copy(), y), tmp_path / "b", **options)[0]
    assert isinstance(second, RunResult)
    assert isinstance(fresh, RunResult)
    assert second.history["val_loss"] == fresh.history["val_loss"] != first.history["val_loss"]


def test_a_network_that_another_sweep_has_replaced_is_not_taken_for_the_own(tmp_path: Path) -> None:
    X, y = DATA.train
    options: dict[str, Any] = {"executor": "threads", "progress": False}
    first = run([tiny_spec()], DATA, tmp_path, **options).best()
    other = Data(train=(X[:60], y[:60]), validation=DATA.validation, input_scale=1 / 255)
    second = run([tiny_spec()], other, tmp_path, **options).best()
    second.network()
    with pytest.raises(em.ModelFileError, match="is not as this run left it: a later sweep"):
        first.network()


def test_a_failed_run_says_that_it_has_no_network(runs: Runs) -> None:
    with pytest.raises(ValueError, match=r"has no network, since it diverged: training diverged"):
        runs.failures[0].network()


def test_what_no_spec_can_hold_is_named() -> None:
    with pytest.raises(TypeError, match=r"metrics has <function .*it takes the names balanced_acc"):
        tiny_spec(metrics=(lambda *_: 0.0,))
    with pytest.raises(TypeError, match=r"hidden_layers=5 is not a list .*pass \(100,\) for one"):
        tiny_spec(hidden_layers=5)
