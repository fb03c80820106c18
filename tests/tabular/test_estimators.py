"""Estimators for tables: what they learn, how they end, and scikit-learn's contract."""

from __future__ import annotations

import pickle
import threading
import warnings
from concurrent.futures import Future
from typing import Any
from unittest import SkipTest

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris, make_regression
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.metrics import get_scorer, mean_absolute_error
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

import eigenmlp as em
from eigenmlp.callbacks import Callback, Checkpoint

SMALL: dict[str, Any] = {"hidden_layer_sizes": (16,), "max_iter": 20, "random_state": 0}


def people(n: int = 400, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """A table with words, gaps and booleans, a class, and a number."""
    rng = np.random.default_rng(seed)
    age = rng.normal(40, 12, n)
    town = rng.choice(["Ulm", "Bonn", "Kiel"], n)
    member = rng.random(n) < 0.5
    income = 1000 * (age / 10 + np.where(town == "Kiel", 3, 0) + 2 * member)
    frame = pd.DataFrame({"age": age, "town": town, "member": member}).astype({"town": object})
    frame.loc[rng.random(n) < 0.1, "town"] = None
    frame.loc[rng.random(n) < 0.1, "age"] = np.nan
    return frame, np.where(income > 6000, "rich", "poor"), income


FRAME, CLASSES, INCOME = people()


# Weights are not repetitions here: repeated samples make other batches and another held-out part.
_WEIGHTS = {"check_sample_weight_equivalence_on_dense_data": "batches and the held-out part differ"}


@parametrize_with_checks(  # type: ignore[untyped-decorator]
    [
        em.TabularClassifier((16,), max_iter=60),
        em.TabularClassifier((16,), max_iter=60, validation_fraction=0),
        em.TabularRegressor(hidden_layer_sizes=(16,), max_iter=60),
    ],
    expected_failed_checks=lambda model: {
        **_WEIGHTS,
        # Of ten samples held out, the last of the best epochs is one that no weight decides on.
        **({"check_class_weight_classifiers": "few held out"} if model.validation_fraction else {}),
    },
)
def test_checks(estimator: Any, check: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            check(estimator)
        except SkipTest as reason:
            pytest.skip(str(reason))


def test_words_and_gaps_are_learnt_from() -> None:
    test, classes, income = people(seed=1)
    classifier = em.TabularClassifier(random_state=0).fit(FRAME, CLASSES)
    assert classifier.score(test, classes) > 0.85
    regressor = em.TabularRegressor(random_state=0).fit(FRAME, INCOME)
    full = test.notna().all(axis=1)
    assert regressor.score(test[full], income[full]) > 0.98
    assert classifier.classes_.tolist() == ["poor", "rich"]
    assert classifier.feature_names_in_.tolist() == ["age", "town", "member"]
    names = classifier.get_feature_names_out().tolist()
    parts = [name for name in names if name.startswith("age from ")]
    assert len(parts) == 5  # of 320 rows less the gaps
    assert [name for name in names if name not in parts] == [
        *("age", "age is missing", "town=Bonn", "town=Kiel", "town=Ulm", "member=True"),
    ]
    assert classifier.n_features_in_ == 3


@pytest.mark.parametrize(
    "make", [pl.from_pandas, pa.Table.from_pandas, lambda f: f.to_dict("list")]
)
def test_tables_of_all_libraries_have_the_same_bits(make: Any) -> None:
    model = em.TabularClassifier(**SMALL).fit(FRAME, CLASSES)
    other = em.TabularClassifier(**SMALL).fit(make(FRAME), CLASSES)
    for table in (FRAME, make(FRAME)):
        np.testing.assert_array_equal(other.predict_proba(table), model.predict_proba(table))


@pytest.mark.parametrize("n_estimators", [1, 3])
def test_the_same_bits_for_any_number_of_threads(n_estimators: int) -> None:
    models = [
        em.TabularRegressor(**SMALL, n_estimators=n_estimators, n_threads=n).fit(FRAME, INCOME)
        for n in (1, 2, None)
    ]
    for model in models[1:]:
        np.testing.assert_array_equal(model.predict(FRAME), models[0].predict(FRAME))


def test_several_networks_are_averaged() -> None:
    model = em.TabularClassifier(**SMALL, n_estimators=3).fit(FRAME, CLASSES)
    assert len(model.networks_) == len(model.histories_) == 3
    alone = []
    for network in model.networks_:
        model_of_one = em.TabularClassifier(**SMALL).fit(FRAME, CLASSES)
        model_of_one._preparation, model_of_one.networks_ = model._preparation, [network]
        alone.append(model_of_one.predict_proba(FRAME))
    assert np.abs(alone[0] - alone[1]).max() > 1e-3
    np.testing.assert_allclose(model.predict_proba(FRAME), np.mean(alone, axis=0), atol=1e-12)
    first = em.TabularClassifier(**SMALL).fit(FRAME, CLASSES)
    np.testing.assert_array_equal(first.predict_proba(FRAME), alone[0])


@pytest.mark.parametrize(
    "labels",
    [
        ["yes", "no"], [True, False], [-1, 1], [1, 2, 3], ["b", "a", "ä"], [3, 7],
        pd.Categorical(["x", "y"]),
    ],
)  # fmt: skip
def test_labels_are_given_back_as_they_came(labels: Any) -> None:
    X, _ = load_iris(return_X_y=True)
    y = np.array(labels)[np.arange(len(X)) % len(labels)]
    model = em.TabularClassifier(**SMALL).fit(X, pd.Series(y) if y.dtype == object else y)
    assert set(model.predict(X)) <= set(labels)
    assert model.predict(X).dtype.kind == np.array(list(labels)).dtype.kind
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1, atol=1e-6)


def test_one_class() -> None:
    model = em.TabularClassifier(**SMALL).fit(FRAME, ["only"] * len(FRAME))
    assert set(model.predict(FRAME)) == {"only"}
    assert model.predict_proba(FRAME).shape == (len(FRAME), 1)


def test_several_numbers_at_once() -> None:
    y = np.column_stack([INCOME, -1e6 * INCOME])
    model = em.TabularRegressor(**SMALL).fit(FRAME, y)
    assert model.predict(FRAME).shape == y.shape
    assert model.score(FRAME, y) > 0.7


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e12])
@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber", "quantile"])
def test_the_unit_of_the_target_does_not_matter(unit: float, loss: str) -> None:
    options = {**SMALL, "loss": loss}
    wanted = em.TabularRegressor(**options, huber_delta=1e3).fit(FRAME, INCOME).predict(FRAME)
    model = em.TabularRegressor(**options, huber_delta=1e3 * unit).fit(FRAME, INCOME * unit)
    np.testing.assert_allclose(model.predict(FRAME) / unit, wanted, rtol=2e-3)


def test_losses() -> None:
    rng = np.random.default_rng(0)
    X = rng.uniform(0, 1, (2000, 1))
    y = X[:, 0] + rng.exponential(1, 2000)
    high = em.TabularRegressor("quantile", quantile=0.9, random_state=0).fit(X, y).predict(X)
    assert np.mean(y <= high) == pytest.approx(0.9, abs=0.03)
    counts = rng.poisson(np.exp(2 * X[:, 0]))
    mean = em.TabularRegressor("poisson", random_state=0).fit(X, counts).predict(X)
    assert (mean > 0).all()
    assert np.abs(mean - np.exp(2 * X[:, 0])).mean() < 0.4
    with pytest.raises(ValueError, match="targets of the Poisson loss are 0 or more"):
        em.TabularRegressor("poisson").fit(X, -y)


@pytest.mark.parametrize("monitor", ["accuracy", "loss", "roc_auc", "neg_log_loss", "f1_macro"])
def test_the_monitor_decides_which_epoch_is_kept(monitor: str) -> None:
    test, classes, _ = people(100, seed=2)
    seen: list[float] = []

    class Score(Callback):
        def on_epoch_end(self, state: em.callbacks.TrainingState) -> None:
            stand_in.networks_ = [state.network]
            seen.append(scorer(stand_in, test, classes))

    scorer = get_scorer("neg_log_loss" if monitor == "loss" else monitor)
    options = {**SMALL, "max_iter": 12, "monitor": monitor}
    stand_in = em.TabularClassifier(**options).fit(FRAME, CLASSES, X_val=test, y_val=classes)
    model = em.TabularClassifier(**options, callbacks=[Score()])
    model.fit(FRAME, CLASSES, X_val=test, y_val=classes)
    assert scorer(model, test, classes) == max(seen)
    assert len(set(seen)) > 2
    smoothed = monitor in {"accuracy", "f1_macro"}
    assert model._loss() == em.losses.CrossEntropy(label_smoothing=0.1 if smoothed else 0.0)


@pytest.mark.parametrize("monitor", ["loss", "r2", "neg_median_absolute_error"])
def test_the_monitor_of_numbers(monitor: str) -> None:
    test, _, income = people(100, seed=2)
    model = em.TabularRegressor(**SMALL, monitor=monitor)
    model.fit(FRAME, INCOME, X_val=test, y_val=income)
    last = em.TabularRegressor(**SMALL, monitor=lambda *_: 0.0)  # all are equal: the last counts
    last.fit(FRAME, INCOME, X_val=test, y_val=income)
    scorer = get_scorer("r2" if monitor == "loss" else monitor)
    assert scorer(model, test, income) >= scorer(last, test, income)


def test_weights() -> None:
    weights = np.where(CLASSES == "rich", 1.0, 0.0)
    model = em.TabularClassifier(**SMALL).fit(FRAME, CLASSES, sample_weight=weights)
    rich = em.TabularClassifier(**SMALL).fit(FRAME[weights > 0], CLASSES[weights > 0])
    losses = [fitted.histories_[0]["train_loss"] for fitted in (model, rich)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    heavy = em.TabularClassifier(**SMALL, class_weight={"rich": 1.0, "poor": 50.0})
    heavy.fit(FRAME, CLASSES)
    plain = em.TabularClassifier(**SMALL).fit(FRAME, CLASSES)
    assert np.mean(heavy.predict(FRAME) == "poor") > np.mean(plain.predict(FRAME) == "poor")
    with pytest.raises(ValueError, match="weight"):
        plain.fit(FRAME, CLASSES, sample_weight=np.zeros(len(FRAME)))


def test_a_fit_that_raises_leaves_all_as_it_was() -> None:
    model = em.TabularClassifier(**SMALL).fit(FRAME, CLASSES)
    before = model.predict_proba(FRAME)
    with pytest.raises(ValueError, match="y has no label in row 1"):
        model.fit(FRAME, [None, *CLASSES[1:]])
    with pytest.raises(ValueError, match=r"y_val has 'queen' in row 2 .* none of the classes of y"):
        model.fit(FRAME, CLASSES, X_val=FRAME[:2], y_val=["rich", "queen"])
    with pytest.raises(ValueError, match="validation data are incomplete: y_val is None"):
        model.fit(FRAME, CLASSES, X_val=FRAME)
    with pytest.raises(ValueError, match="validation data are incomplete: X_val is None"):
        model.fit(FRAME, CLASSES, sample_weight_val=np.ones(len(FRAME)))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.fit(FRAME, CLASSES[:-1])
    np.testing.assert_array_equal(model.predict_proba(FRAME), before)
    with pytest.raises(NotFittedError):
        em.TabularClassifier().predict(FRAME)


def test_what_is_not_meant_is_named() -> None:
    with pytest.raises(ValueError, match="monitor='accuracy' is of classes"):
        em.TabularRegressor(monitor="accuracy").fit(FRAME, INCOME)
    with pytest.raises(ValueError, match=r"labels of several types, 1, an int and 'a', a str"):
        em.TabularClassifier().fit(FRAME, [1, "a"] * 200)
    model = em.TabularClassifier(**SMALL).fit(FRAME, CLASSES)
    for single in (1.0, "Ulm"):
        with pytest.raises(TypeError, match=r"column 'town' is .*, a single value; pass a list"):
            model.predict({"age": [1.0], "town": single, "member": [True]})


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_samples(n: int) -> None:
    table, y = FRAME[:n], INCOME[:n]
    if n == 1:
        with pytest.raises(ValueError, match=r"of n_samples=1 can't be held out"):
            em.TabularRegressor(**SMALL).fit(table, y)
    else:
        em.TabularRegressor(**SMALL).fit(table, y)
    model = em.TabularRegressor(**SMALL, validation_fraction=0).fit(table, y)
    assert model.predict(table).shape == (n,)
    with pytest.raises(ValueError, match="monitor='r2' needs validation data"):
        em.TabularRegressor(validation_fraction=0, monitor="r2").fit(table, y)


def test_a_class_of_one_sample_is_learnt_from() -> None:
    y = np.array(["common"] * 50 + ["seldom"])
    X = np.r_[np.zeros(50), 5.0][:, None]
    model = em.TabularClassifier(random_state=0, monitor="loss").fit(X, y)
    assert model.predict(X)[-1] == "seldom"


def test_training_that_diverges() -> None:
    X, y = make_regression(60, 4, random_state=0)
    wild = em.TabularRegressor(learning_rate_init=1e30, random_state=0, validation_fraction=0)
    with pytest.raises(ValueError, match=r"before there was a model to keep.*learning_rate_init=1"):
        wild.fit(X, y)

    class Spoil(Callback):
        def on_epoch_end(self, state: em.callbacks.TrainingState) -> None:
            if state.epoch == 3:
                state.network.set_flat_parameters(
                    np.full_like(state.network.get_flat_parameters(), 1e30)
                )

    with pytest.warns(ConvergenceWarning, match="the model is that of the best epoch before"):
        model = em.TabularRegressor(random_state=0, callbacks=[Spoil()]).fit(X, y)
    assert model.n_iter_ == 4
    assert np.isfinite(model.predict(X)).all()


class Interrupt(Callback):
    def on_epoch_end(self, state: em.callbacks.TrainingState) -> None:
        if state.epoch == 2:
            raise KeyboardInterrupt


def test_an_interrupted_fit_keeps_its_best_epoch() -> None:
    with pytest.warns(UserWarning, match="interrupted by user"):
        model = em.TabularClassifier(callbacks=[Interrupt()], random_state=0).fit(FRAME, CLASSES)
    assert model.n_iter_ == 3
    assert model.score(FRAME, CLASSES) > 0.5


def test_several_networks_that_are_interrupted_end_after_their_epoch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Interrupted(Future[Any]):
        asked = 0

        def result(self, timeout: float | None = None) -> Any:
            Interrupted.asked += 1
            if Interrupted.asked == 1:
                raise KeyboardInterrupt  # as from the terminal, while the main thread waits
            return super().result(timeout)

    monkeypatch.setattr("concurrent.futures.thread._base.Future", Interrupted)
    model = em.TabularClassifier((16,), n_estimators=2, max_iter=10**6, random_state=0, n_threads=2)
    with pytest.warns(UserWarning, match="interrupted by user"):
        model.fit(FRAME, CLASSES)
    assert 1 <= len(model.networks_) <= 2
    assert model.n_iter_ < 10**6
    assert model.predict(FRAME).shape == (len(FRAME),)


def test_a_fit_goes_on_from_a_checkpoint_to_the_same_bits(tmp_path: Any) -> None:
    whole = em.TabularClassifier(**SMALL).fit(FRAME, CLASSES)
    kept = em.TabularClassifier(**SMALL, callbacks=[Checkpoint(tmp_path), Interrupt()])
    with pytest.warns(UserWarning, match="interrupted"):
        kept.fit(FRAME, CLASSES)
    resumed = em.TabularClassifier(**SMALL, callbacks=[Checkpoint(tmp_path)])
    resumed.fit(FRAME, CLASSES, resume_from=tmp_path)
    np.testing.assert_array_equal(resumed.predict_proba(FRAME), whole.predict_proba(FRAME))
    with pytest.raises(ValueError, match="n_estimators=2: checkpoints keep one run"):
        em.TabularClassifier(n_estimators=2, callbacks=[Checkpoint(tmp_path)]).fit(FRAME, CLASSES)


def test_two_threads_fit_at_once() -> None:
    wanted = em.TabularClassifier(**SMALL).fit(FRAME, CLASSES).predict_proba(FRAME)
    models = [em.TabularClassifier(**SMALL, n_estimators=2) for _ in range(2)]
    workers = [threading.Thread(target=model.fit, args=(FRAME, CLASSES)) for model in models]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    np.testing.assert_array_equal(models[0].predict_proba(FRAME), models[1].predict_proba(FRAME))
    assert np.abs(models[0].predict_proba(FRAME) - wanted).max() > 0


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_scikit_learns_tools() -> None:
    model = em.TabularClassifier(**SMALL)
    assert cross_val_score(model, FRAME, CLASSES, cv=3).mean() > 0.7
    search = GridSearchCV(
        make_pipeline(FunctionTransformer(), model), {"tabularclassifier__dropout": [0, 0.2]}, cv=2
    )
    search.fit(FRAME, CLASSES)
    calibrated = CalibratedClassifierCV(model, cv=2).fit(FRAME, CLASSES)
    assert calibrated.predict_proba(FRAME).shape == (len(FRAME), 2)
    model.fit(FRAME, CLASSES)
    found = permutation_importance(model, FRAME, CLASSES, random_state=0, n_repeats=2)
    assert found.importances_mean.argmax() == 0
    grid = partial_dependence(model, FRAME[FRAME.notna().all(axis=1)], ["age"], grid_resolution=5)
    assert np.ptp(grid["average"]) > 0.3
    again = pickle.loads(pickle.dumps(model))  # noqa: S301
    np.testing.assert_array_equal(again.predict_proba(FRAME), model.predict_proba(FRAME))
    assert not hasattr(clone(model), "networks_")


def test_defaults_beat_the_plain_ones_on_awkward_targets() -> None:
    rng = np.random.default_rng(0)
    X = rng.lognormal(0, 2, (600, 4))
    y = 1e6 + 1e3 * np.log(X[:, 0]) * np.sign(np.log(X[:, 1]))
    model = em.TabularRegressor(random_state=0).fit(X[:400], y[:400])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = em.MLPRegressor(random_state=0).fit(X[:400], y[:400])
    error, plain_error = (mean_absolute_error(y[400:], m.predict(X[400:])) for m in (model, plain))
    assert error < 0.6e3
    assert error < plain_error / 10


@pytest.mark.parametrize("size", [1e-290, 1e155, 1e300])
def test_targets_of_any_size_have_the_same_model(size: float) -> None:
    unit = 2.0 ** np.round(np.log2(size))  # which no digit is lost by
    plain = em.TabularRegressor(**SMALL).fit(FRAME, INCOME).predict(FRAME)
    large = em.TabularRegressor(**SMALL).fit(FRAME, INCOME * unit).predict(FRAME)
    np.testing.assert_array_equal(large / unit, plain)


# scikit-learn's check sums them.
@pytest.mark.filterwarnings("ignore:invalid value encountered in reduce:RuntimeWarning")
def test_targets_that_differ_by_more_than_float64_holds() -> None:
    y = np.where(CLASSES == "rich", 8e307, -8e307)
    predicted = em.TabularRegressor(**SMALL).fit(FRAME, y).predict(FRAME)
    assert (np.sign(predicted) == np.sign(y)).mean() > 0.9


def test_targets_too_near_to_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match=r"y varies by .*, less than float64 tells apart"):
        em.TabularRegressor().fit(FRAME, INCOME * 1e-320)


def test_further_columns_may_hold_anything_at_prediction() -> None:
    model = em.TabularClassifier(**SMALL).fit(FRAME, CLASSES)
    further = FRAME.assign(when=pd.Timestamp("2020"), far=np.inf)
    further["parts"] = pd.Series([[1]] * len(FRAME))
    with pytest.warns(UserWarning, match="'when', 'far', 'parts'"):
        predicted = model.predict(further)
    np.testing.assert_array_equal(predicted, model.predict(FRAME))


def test_a_table_of_nothing_but_gaps_is_refused() -> None:
    words = pd.DataFrame({"word": pd.array([None] * 40, dtype="string")})
    with pytest.raises(ValueError, match="hold nothing but gaps"):
        em.TabularClassifier().fit(words, ["a", "b"] * 20)


@pytest.mark.parametrize("parameter", [{"batch_size": "auto"}, {"monitor": None}])
def test_parameters_that_only_our_other_estimators_take(parameter: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"The '{next(iter(parameter))}' parameter of"):
        em.TabularRegressor(**parameter).fit(FRAME, INCOME)
