"""Trials of Optuna's end where its pruner says so."""

import pickle
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

import eigenmlp as em
from eigenmlp.callbacks import OptunaPruning

optuna = pytest.importorskip("optuna", reason="Optuna is not installed")
optuna.logging.set_verbosity(optuna.logging.WARNING)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 2))
Y = (X[:, 0] * X[:, 1] > 0).astype(int)


def train(trial: Any, rate: float = 0.01, epochs: int = 6, **options: Any) -> em.History:
    return em.train(
        em.Network([2, 8, 2], rng=0),
        X[:100],
        Y[:100],
        learning_rate=rate,
        epochs=epochs,
        validation_data=(X[100:], Y[100:]),
        callbacks=[OptunaPruning(trial, **options)],
        rng=0,
    )


def test_every_epoch_is_reported() -> None:
    study = optuna.create_study(pruner=optuna.pruners.NopPruner())
    trial = study.ask()
    history = train(trial)
    study.tell(trial, history["val_loss"][-1])
    assert study.trials[0].intermediate_values == dict(enumerate(history["val_loss"]))


def test_a_trial_that_is_worse_is_pruned_and_others_are_not() -> None:
    study = optuna.create_study(pruner=optuna.pruners.MedianPruner(1, 2))

    def objective(trial: Any) -> float:
        rate = 0.05 if trial.number == 0 else 1e-7
        return train(trial, rate)["val_loss"][-1]

    study.optimize(objective, n_trials=2)
    states = [trial.state.name for trial in study.trials]
    assert states == ["COMPLETE", "PRUNED"]
    assert len(study.trials[1].intermediate_values) == 3  # two epochs of warm-up, and one


def test_the_network_of_a_pruned_trial_is_free_again() -> None:
    study = optuna.create_study(pruner=optuna.pruners.ThresholdPruner(upper=0.0))
    network = em.Network([2, 2], output="logistic", rng=0)
    targets = np.stack([Y, 1 - Y], axis=1)
    with pytest.raises(optuna.TrialPruned, match="pruned after epoch 0"):
        em.train(network, X, targets, callbacks=[OptunaPruning(study.ask(), "train_loss")])
    em.train(network, X, targets, epochs=1)


def test_folds_follow_each_other() -> None:
    study = optuna.create_study(direction="maximize", pruner=optuna.pruners.NopPruner())
    trial = study.ask()
    model = em.MLPClassifier(
        (4,), max_iter=3, early_stopping=True, n_iter_no_change=9, random_state=0,
        callbacks=[OptunaPruning(trial, "val_accuracy")],
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Stochastic Optimizer")
        cross_val_score(model, X, Y, cv=3)
    assert sorted(study.trials[0].intermediate_values) == list(range(9))


def test_steps_follow_those_reported_by_another_object() -> None:
    study = optuna.create_study(pruner=optuna.pruners.NopPruner())
    trial = study.ask()
    histories = [train(trial, epochs=3) for _ in range(2)]
    reported = [loss for history in histories for loss in history["val_loss"]]
    assert study.trials[0].intermediate_values == dict(enumerate(reported))


def test_a_resumed_run_goes_on_with_the_steps_of_its_trial(tmp_path: Path) -> None:
    study = optuna.create_study(pruner=optuna.pruners.NopPruner())
    trial = study.ask()

    def run(epochs: int) -> em.History:
        return em.train(
            em.Network([2, 8, 2], rng=0), X, Y, epochs=epochs, rng=0, resume_from=tmp_path,
            callbacks=[em.callbacks.Checkpoint(tmp_path), OptunaPruning(trial, "train_loss")],
        )  # fmt: skip

    run(2)
    history = run(5)
    assert study.trials[0].intermediate_values == dict(enumerate(history["train_loss"]))


def test_a_trial_is_pruned_in_a_cross_validation() -> None:
    study = optuna.create_study(direction="maximize", pruner=optuna.pruners.ThresholdPruner(2.0))

    def objective(trial: Any) -> float:
        model = em.MLPClassifier((4,), max_iter=3, early_stopping=True, random_state=0)
        model.set_params(callbacks=[OptunaPruning(trial, "val_accuracy")])
        return float(cross_val_score(model, X, Y, cv=3, error_score="raise").mean())

    study.optimize(objective, n_trials=1)
    assert study.trials[0].state.name == "PRUNED"
    assert len(study.trials[0].intermediate_values) == 1


def test_folds_in_other_processes_are_refused() -> None:
    trial = optuna.create_study(direction="maximize").ask()
    model = em.MLPClassifier(callbacks=[OptunaPruning(trial, "val_accuracy")], early_stopping=True)
    with pytest.raises(pickle.PicklingError) as caught:
        cross_val_score(model, X, Y, cv=2, n_jobs=2)
    causes = str(caught.value) + str(caught.value.__cause__)
    assert "OptunaPruning reports to a trial of this process" in causes
    with pytest.raises(TypeError, match="pass n_jobs=1"):
        pickle.dumps(model)
    clone(model)


def test_a_value_that_is_no_number_is_reported() -> None:
    class NoNumber(em.callbacks.Callback):
        def on_epoch_end(self, state: em.callbacks.TrainingState) -> None:
            state.history._columns["val_loss"][-1] = float("nan")

    study = optuna.create_study(pruner=optuna.pruners.ThresholdPruner(upper=9.0))
    network = em.Network([2, 2], rng=0)
    with pytest.raises(optuna.TrialPruned):
        em.train(
            network,
            X,
            Y,
            validation_data=(X, Y),
            callbacks=[NoNumber(), OptunaPruning(study.ask())],
        )


def test_what_the_history_has_not_is_named() -> None:
    with pytest.raises(KeyError, match="val_f1"):
        train(optuna.create_study().ask(), monitor="val_f1")


@pytest.mark.parametrize(
    ("direction", "monitor"), [("maximize", "val_loss"), ("minimize", "val_accuracy")]
)
def test_a_column_that_is_good_the_other_way_is_refused(direction: str, monitor: str) -> None:
    trial = optuna.create_study(direction=direction).ask()
    with pytest.raises(ValueError, match=f"the study's direction is '{direction}', but"):
        OptunaPruning(trial, monitor)
    other = {"maximize": "minimize", "minimize": "maximize"}[direction]
    OptunaPruning(optuna.create_study(direction=other).ask(), monitor)
    OptunaPruning(optuna.create_study(direction=direction).ask(), "val_something")


def test_what_is_no_trial_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TypeError, match="trial is a Study; pass the trial"):
        OptunaPruning(optuna.create_study())
    with pytest.raises(TypeError, match="monitor=3 is not the name of a column"):
        OptunaPruning(optuna.create_study().ask(), 3)  # type: ignore[arg-type]
    trial = optuna.create_study().ask()
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ImportError, match=r'pip install "eigenmlp\[optuna\]"'):
        OptunaPruning(trial)
