"""Fits that die and go on end as fits that never died, in every fitted attribute."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import eigenmlp as em
from eigenmlp.callbacks import Callback, Checkpoint, TrainingState

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
)

_generator = np.random.default_rng(4)
X = _generator.normal(size=(120, 5))
LABELS = np.array(["ape", "bee", "cat"])[(X[:, :3] + 0.3 * X[:, 2:5]).argmax(axis=1)]
NUMBERS = X @ np.arange(5) + np.abs(X[:, 0])
EPOCHS = 10
RECORD = (
    "n_iter_",
    "t_",
    "loss_",
    "loss_curve_",
    "best_loss_",
    "validation_scores_",
    "validation_loss_curve_",
    "best_validation_score_",
)

CASES: list[dict[str, Any]] = [
    {},
    {"early_stopping": True},
    {"early_stopping": True, "monitor": "balanced_accuracy", "n_iter_no_change": 2, "tol": 0.02},
    {"dropout": 0.2, "normalization": "batch", "solver": "adamw"},
    {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.5, "n_iter_no_change": 1},
    {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.1},
    {"learning_rate": em.schedules.cosine(0.01, 0.001, 60), "schedule_unit": "step"},
    {"learning_rate": em.schedules.exponential(0.01, gamma=0.9)},
    {"shuffle": False, "class_weight": "balanced", "tol": 0.1, "n_iter_no_change": 2},
]


class Dies(Callback):
    def on_epoch_end(self, state: TrainingState) -> None:
        if state.epoch == 3:
            raise InterruptedError


def classifier(callbacks: list[Callback], **options: Any) -> em.MLPClassifier:
    given = {"batch_size": 32, "max_iter": EPOCHS, "random_state": 0, **options}
    return em.MLPClassifier((8,), callbacks=callbacks, **given)


def die(model: Any, y: Any = LABELS, **options: Any) -> None:
    with pytest.raises(InterruptedError):
        model.fit(X, y, **options)


def check_same(whole: Any, resumed: Any) -> None:
    for name in RECORD:
        np.testing.assert_equal(getattr(resumed, name), getattr(whole, name), err_msg=name)
    for name in ("coefs_", "intercepts_"):
        for theirs, ours in zip(getattr(whole, name), getattr(resumed, name), strict=True):
            assert ours.tobytes() == theirs.tobytes()


@pytest.mark.parametrize("options", CASES)
def test_every_kind_of_fit_goes_on(tmp_path: Path, options: dict[str, Any]) -> None:
    whole = classifier([], **options).fit(X, LABELS)
    die(classifier([Checkpoint(tmp_path), Dies()], **options))
    resumed = classifier([Checkpoint(tmp_path)], **options).fit(X, LABELS, resume_from=tmp_path)
    check_same(whole, resumed)
    assert whole.predict_proba(X).tobytes() == resumed.predict_proba(X).tobytes()


@pytest.mark.parametrize("options", CASES[3:8])
def test_what_follows_a_resumed_fit_is_what_follows_the_other(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    whole = classifier([], **options).fit(X, LABELS)
    die(classifier([Checkpoint(tmp_path), Dies()], **options))
    resumed = classifier([], **options).fit(X, LABELS, resume_from=tmp_path)
    check_same(whole.partial_fit(X, LABELS), resumed.partial_fit(X, LABELS))


def test_a_random_state_goes_on(tmp_path: Path) -> None:
    options = {"early_stopping": True, "dropout": 0.1}
    ours, theirs = np.random.RandomState(5), np.random.RandomState(5)
    whole = classifier([], random_state=theirs, **options).fit(X, LABELS)
    state = np.random.RandomState(5)
    die(classifier([Checkpoint(tmp_path), Dies()], random_state=state, **options))
    resumed = classifier([], random_state=ours, **options).fit(X, LABELS, resume_from=tmp_path)
    check_same(whole, resumed)
    assert ours.randint(2**31) == theirs.randint(2**31)


def test_a_fit_without_a_seed_goes_on_with_its_own_split_and_orders(tmp_path: Path) -> None:
    options = {"early_stopping": True, "random_state": None}
    whole = classifier([Checkpoint(tmp_path, keep=20)], **options).fit(X, LABELS)
    for path in sorted(tmp_path.iterdir())[4:]:
        path.unlink()
    check_same(whole, classifier([], **options).fit(X, LABELS, resume_from=tmp_path))


def test_a_regressor_goes_on_with_given_validation_data(tmp_path: Path) -> None:
    def fit(callbacks: list[Callback], **resume: Any) -> em.MLPRegressor:
        model = em.MLPRegressor(hidden_layer_sizes=(8,), random_state=1, callbacks=callbacks)
        model.set_params(max_iter=EPOCHS, amsgrad=True)
        model.fit(X, NUMBERS, X_val=X[::2], y_val=NUMBERS[::2], **resume)
        return model

    whole = fit([])
    with pytest.raises(InterruptedError):
        fit([Checkpoint(tmp_path), Dies()])
    check_same(whole, fit([], resume_from=tmp_path))


def test_a_pipeline_passes_the_folder_on(tmp_path: Path) -> None:
    scaler = StandardScaler()
    whole = make_pipeline(scaler, classifier([])).fit(X, LABELS)
    die(make_pipeline(scaler, classifier([Checkpoint(tmp_path), Dies()])))
    pipeline = make_pipeline(scaler, classifier([]))
    pipeline.fit(X, LABELS, mlpclassifier__resume_from=tmp_path)
    check_same(whole[-1], pipeline[-1])


def test_a_finished_fit_is_taken_back_without_more_training(tmp_path: Path) -> None:
    with pytest.warns(ConvergenceWarning):
        whole = classifier([Checkpoint(tmp_path)]).fit(X, LABELS)
    with pytest.warns(ConvergenceWarning):
        check_same(whole, classifier([]).fit(X, LABELS, resume_from=tmp_path))


def test_a_fit_that_has_converged_is_not_said_to_have_run_out(tmp_path: Path) -> None:
    options: dict[str, Any] = {"tol": 0.5, "n_iter_no_change": 2}
    converged = classifier([Checkpoint(tmp_path)], **options).fit(X, LABELS)
    assert converged.n_iter_ < EPOCHS
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = classifier([], max_iter=converged.n_iter_, **options)
        check_same(converged, again.fit(X, LABELS, resume_from=tmp_path))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"tol": 0.25}, r"MLPClassifier\(.*tol=0.25\)"),
        ({"alpha": 0.5}, "l2 was 0.0001, is 0.5"),
        ({"early_stopping": True}, "X_val was not there"),
    ],
)
def test_other_parameters_are_refused_by_name(
    tmp_path: Path, options: dict[str, Any], told: str
) -> None:
    die(classifier([Checkpoint(tmp_path), Dies()]))
    with pytest.raises(em.CheckpointError, match=told):
        classifier([], **options).fit(X, LABELS, resume_from=tmp_path)


@pytest.mark.parametrize("fresh", [True, False])
def test_a_warm_fit_with_a_schedule_goes_on(tmp_path: Path, fresh: bool) -> None:
    options = {
        "learning_rate": lambda epoch: 0.01 if epoch < 9 else 0.3,
        "warm_start": True,
        "max_iter": 4,
    }

    def warm() -> Any:
        model = classifier([], **options).fit(X, LABELS)
        model.set_params(max_iter=EPOCHS, random_state=np.random.RandomState(1))
        return model

    whole = warm().fit(X, LABELS)
    died = warm().set_params(callbacks=[Checkpoint(tmp_path), Dies()])
    die(died)
    resumed = warm() if fresh else died
    check_same(whole, resumed.set_params(callbacks=()).fit(X, LABELS, resume_from=tmp_path))


def test_a_refused_fit_leaves_the_fitted_model_and_the_random_state(tmp_path: Path) -> None:
    die(classifier([Checkpoint(tmp_path), Dies()]))
    state = np.random.RandomState(7)
    model = classifier([], random_state=state).fit(X, LABELS)
    before, drawn = model.predict_proba(X), state.get_state(legacy=False)["state"]["pos"]
    with pytest.raises(em.CheckpointError):
        model.set_params(tol=0.3).fit(X, LABELS, resume_from=tmp_path)
    assert (model.predict_proba(X) == before).all()
    assert model.n_iter_ == EPOCHS
    assert state.get_state(legacy=False)["state"]["pos"] == drawn


def test_partial_fit_has_no_run_to_keep(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="partial_fit trains for one epoch a call"):
        classifier([Checkpoint(tmp_path)]).partial_fit(X, LABELS, classes=np.unique(LABELS))


def test_lbfgs_has_nothing_to_resume(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="can't use resume_from"):
        em.MLPClassifier(solver="lbfgs").fit(X, LABELS, resume_from=tmp_path)


def test_a_folder_without_checkpoints_leaves_the_fitted_model(tmp_path: Path) -> None:
    model = classifier([]).fit(X, LABELS)
    before = model.predict_proba(X)
    with pytest.raises(FileNotFoundError, match="has no checkpoints"):
        model.fit(X, LABELS, resume_from=tmp_path)
    assert (model.predict_proba(X) == before).all()
