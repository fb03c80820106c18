"""The estimators among scikit-learn's tools: pipelines, searches, routing, data frames."""

from __future__ import annotations

import pickle
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import config_context, neural_network
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import BaggingClassifier, VotingRegressor
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.multioutput import ClassifierChain
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

import eigenmlp as em
from estimator_problems import digits, labels_without_order, numbers, parameters

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def classifier(**settings: Any) -> em.MLPClassifier:
    return em.MLPClassifier(
        **{"hidden_layer_sizes": 20, "max_iter": 20, "learning_rate_init": 0.02, **settings},
        random_state=0,
    )


def test_kinds() -> None:
    assert is_classifier(em.MLPClassifier())
    assert is_regressor(em.MLPRegressor())


@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
def test_parameters_are_scikit_learns_and_more(kind: str) -> None:
    theirs, ours = getattr(neural_network, kind)(), getattr(em, kind)()
    assert ours.get_params().items() >= theirs.get_params().items()
    # Positions too.
    assert repr(getattr(em, kind)("poisson" if kind == "MLPRegressor" else 5)) in {
        "MLPRegressor(loss='poisson')",
        "MLPClassifier(hidden_layer_sizes=5)",
    }
    with pytest.raises(TypeError, match="positional arguments"):
        getattr(em, kind)(*[None] * (4 if kind == "MLPRegressor" else 3))


def test_every_parameter_is_declared_once() -> None:
    for kind in (em.MLPClassifier, em.MLPRegressor):
        assert set(kind().get_params()) == set(kind._parameter_constraints)


def test_clone_makes_an_unfitted_equal() -> None:
    model = classifier(
        learning_rate=em.schedules.constant(0.1),
        activation=["gelu"],
        callbacks=[em.callbacks.ProgressBar()],
    ).fit(*digits())
    copied = clone(model)
    assert not hasattr(copied, "coefs_")
    assert copied.get_params()["learning_rate"] == em.schedules.constant(0.1)


def test_cross_validation_and_search() -> None:
    X, y = digits()
    assert cross_val_score(classifier(), X, y, cv=3).mean() > 0.85
    assert cross_val_predict(classifier(), X, y, cv=3, method="predict_proba").shape == (300, 10)
    grid = {"activation": ["relu", ["gelu"]], "dropout": [0.0, 0.2], "alpha": [1e-4, 1.0]}
    search = GridSearchCV(classifier(max_iter=5), grid, cv=2, n_jobs=2).fit(X, y)
    assert search.best_estimator_.n_iter_ == 5
    assert len(search.cv_results_["params"]) == 8


def test_meta_estimators() -> None:
    X, y = digits()
    assert BaggingClassifier(classifier(), n_estimators=2).fit(X, y).score(X, y) > 0.8
    calibrated = CalibratedClassifierCV(classifier(), cv=2).fit(X, y)
    assert_allclose(calibrated.predict_proba(X).sum(axis=1), 1)
    X, Y = labels_without_order()
    assert ClassifierChain(classifier()).fit(X, Y).predict(X).shape == Y.shape
    X, target = numbers()
    regressor = em.MLPRegressor(hidden_layer_sizes=20, solver="lbfgs", random_state=0)
    scaled = TransformedTargetRegressor(regressor, transformer=StandardScaler()).fit(
        X, 1e4 * target
    )
    assert scaled.score(X, 1e4 * target) > 0.95
    voting = VotingRegressor([("a", regressor), ("b", clone(regressor))]).fit(X, target)
    assert voting.score(X, target) > 0.9


def test_permutation_importance() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    model = em.MLPRegressor(solver="lbfgs", random_state=0).fit(X, 2 * X[:, 1])
    importances = permutation_importance(model, X, 2 * X[:, 1], random_state=0).importances_mean
    assert importances.argmax() == 1


def test_set_output_and_names_of_columns() -> None:
    pandas = pytest.importorskip("pandas")
    X, y = numbers()
    frame = pandas.DataFrame(X, columns=list("abcdefgh"))
    pipeline = make_pipeline(StandardScaler(), em.MLPRegressor(max_iter=5))
    pipeline.set_output(transform="pandas").fit(frame, y)
    assert_array_equal(pipeline[-1].feature_names_in_, list("abcdefgh"))
    with pytest.raises(ValueError, match="feature names should match"):
        pipeline[-1].predict(frame[list("bacdefgh")])


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_data_frames(library: str) -> None:
    frames = pytest.importorskip(library)
    X, y = digits()
    columns = [f"pixel {i}" for i in range(64)]
    frame = frames.DataFrame(dict(zip(columns, X.T, strict=True)))
    target = frames.Series([f"digit {digit}" for digit in y])
    plain = classifier(early_stopping=True).fit(X, np.array([f"digit {digit}" for digit in y]))
    model = classifier(early_stopping=True).fit(frame, target)
    assert_array_equal(parameters(model), parameters(plain))
    assert_array_equal(model.feature_names_in_, columns)
    assert_array_equal(model.predict(frame), plain.predict(X))
    model.set_params(early_stopping=False).partial_fit(frame, target)
    model.fit(frame[:200], target[:200], X_val=frame[200:], y_val=target[200:])
    assert len(model.validation_loss_curve_) == model.n_iter_


@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csc_array, sparse.coo_array])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_sparse_samples(container: Any, solver: str) -> None:
    X, y = digits()
    fits = []
    for samples in (X, container(X)):
        model = classifier(solver=solver, max_iter=4)
        model.fit(samples, y, X_val=samples, y_val=y) if solver == "adam" else model.fit(samples, y)
        fits.append((parameters(model), model.predict_proba(samples)))
    assert_array_equal(fits[0][0], fits[1][0])
    assert_array_equal(fits[0][1], fits[1][1])


def test_validation_data_go_through_a_pipeline() -> None:
    X, y = digits()
    scaled = StandardScaler().fit(X[:200]).transform(X)
    alone = classifier().fit(scaled[:200], y[:200], X_val=scaled[200:], y_val=y[200:])
    with config_context(enable_metadata_routing=True):
        last = classifier().set_fit_request(
            X_val=True, y_val=True, sample_weight=True, sample_weight_val=True
        )
        pipeline = Pipeline([("scale", StandardScaler()), ("mlp", last)], transform_input=["X_val"])
        pipeline.fit(X[:200], y[:200], X_val=X[200:], y_val=y[200:])
    assert_array_equal(parameters(pipeline[-1]), parameters(alone))
    assert pipeline[-1].validation_scores_ == alone.validation_scores_


def test_validation_data_go_by_the_steps_name_without_routing() -> None:
    X, y = digits()
    pipeline = make_pipeline(StandardScaler(), classifier())
    scaled = StandardScaler().fit(X[:200]).transform(X)
    pipeline.fit(X[:200], y[:200], mlpclassifier__X_val=scaled[200:], mlpclassifier__y_val=y[200:])
    assert len(pipeline[-1].validation_scores_) == pipeline[-1].n_iter_


def test_weights_are_routed_through_a_search() -> None:
    X, y = digits()
    weights = np.random.default_rng(0).uniform(0.5, 2.0, 300)
    with config_context(enable_metadata_routing=True):
        model = (
            classifier().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        )
        search = GridSearchCV(model, {"alpha": [0.1]}, cv=2).fit(X, y, sample_weight=weights)
    assert_array_equal(
        parameters(search.best_estimator_), parameters(classifier(alpha=0.1).fit(X, y, weights))
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float16, bool, object])
def test_other_dtypes_are_computed_in_float64(dtype: Any) -> None:
    X, y = digits()
    samples = (16 * X).astype(dtype)
    model = classifier(max_iter=3).fit(samples, y)
    assert model.coefs_[0].dtype == model.predict_proba(samples).dtype == np.float64
    assert_array_equal(
        parameters(model), parameters(classifier(max_iter=3).fit(samples.astype(np.float64), y))
    )


def test_threads_make_no_difference() -> None:
    X, y = digits()
    models = [classifier(n_threads=n, dropout=0.2, batch_size=100).fit(X, y) for n in (1, 2, None)]
    for model in models[1:]:
        assert_array_equal(parameters(model), parameters(models[0]))
        assert_array_equal(model.predict_proba(X), models[0].predict_proba(X))


def test_a_pickle_holds_the_curves() -> None:
    model = classifier(early_stopping=True).fit(*digits())
    loaded = pickle.loads(pickle.dumps(model))  # noqa: S301  our own
    assert loaded.validation_loss_curve_ == model.validation_loss_curve_
    assert loaded.get_params() == model.get_params()


def samples_of_any_type() -> dict[str, Any]:
    """Samples as whatever a fit takes, near enough to each other in value."""
    X = digits(60)[0][:, 20:28]
    pandas = pytest.importorskip("pandas")
    types = [
        "f2",
        "f4",
        "f8",
        ">f4",
        ">f8",
        "g",
        ">g",
        "?",
        "i1",
        "u1",
        "i8",
        "u8",
        ">i4",
        "U9",
        "S9",
    ]
    samples: dict[str, Any] = {
        name: (X if name in "USUfg" else 9 * X).astype(name) for name in types
    }
    samples["decimals"] = np.array([[Decimal(float(x)) for x in row] for row in X])
    samples["fractions"] = np.array([[Fraction(float(x)) for x in row] for row in X])
    samples["truth as objects"] = (X > 0.5).astype(object)
    samples["long doubles in lists"] = [[np.longdouble(x) for x in row] for row in X]
    samples["sparse long double"] = sparse.csr_array(X.astype("g"))
    samples["Float64"] = pandas.DataFrame(X).astype("Float64")
    samples["mixed"] = pandas.DataFrame(X).assign(truth=X[:, 0] > 0.5).rename(columns=str)
    return samples


REFUSED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "complex": (lambda X: X.astype(complex), "Complex data not supported"),
    "beyond float64": (lambda X: X.astype("g") * np.longdouble("1e4000"), "contains infinity or a"),
    "dates": (lambda X: X.astype("M8[s]"), "holds dates or durations, whose numbers depend on"),
    "durations": (lambda X: X.astype("m8[ms]"), "holds dates or durations, whose numbers depend"),
    "masked": (lambda X: np.ma.masked_less(X, 0.1), "is a masked array, whose hidden values"),
    "words": (lambda X: np.full(X.shape, "a"), "could not convert string to float: (np.str_.)?'a'"),
}


@pytest.mark.parametrize("name", samples_of_any_type())
def test_whatever_type_a_fit_takes_everything_takes(name: str) -> None:
    samples = samples_of_any_type()[name]
    y = digits(60)[1] % 3
    model = classifier(max_iter=3).fit(samples, y, X_val=samples, y_val=y)
    assert model.score(samples, y) == model.best_validation_score_
    outputs = model.predict_proba(samples)
    as_floats = (
        samples
        if name in {"f4", "Float64", "mixed"}
        else np.asarray(
            samples.toarray() if sparse.issparse(samples) else samples, dtype=np.float64
        )
    )
    assert_array_equal(model.predict_proba(as_floats), outputs)
    assert model.partial_fit(samples, y).predict(samples).shape == (60,)
    assert classifier(solver="lbfgs", max_iter=3, tol=1e9).fit(samples, y).score(samples, y) > 0


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
def test_whatever_type_a_fit_refuses_everything_refuses(name: str, kind: str) -> None:
    make, words = REFUSED[name]
    X, y = digits(60)
    bad = make(X)
    model = getattr(em, kind)(max_iter=3).fit(X, y)
    first = {"classes": np.arange(10)} if kind == "MLPClassifier" else {}
    acts: list[Callable[[], Any]] = [
        lambda: model.fit(bad, y),
        lambda: model.partial_fit(bad, y),
        lambda: model.fit(X, y, X_val=bad, y_val=y),
        lambda: model.predict(bad),
        lambda: model.score(bad, y),
        lambda: getattr(em, kind)().partial_fit(bad, y, **first),
    ]
    for act in acts:
        with pytest.raises((TypeError, ValueError), match=words):
            act()


@pytest.mark.parametrize("dtype", ["f2", "f4", ">f8", "g", "u1", "?", object])
def test_whatever_type_the_numbers_of_a_regression_have(dtype: Any) -> None:
    X, y = numbers()
    target = np.abs(9 * y).astype(dtype)
    models = [
        em.MLPRegressor(max_iter=3, random_state=0).fit(X, t, X_val=X, y_val=t)
        for t in (target, target.astype(np.float64))
    ]
    assert_array_equal(parameters(models[0]), parameters(models[1]))
    assert models[0].score(X, target) == pytest.approx(models[1].score(X, target))


class OfOneWidth(em.MLPRegressor):
    """A user's class, whose constructor has parameters of its own and few of ours."""

    def __init__(self, width: int = 4, *, folder: str = "", by_lbfgs: bool = False) -> None:
        super().__init__(
            hidden_layer_sizes=width,
            solver="lbfgs" if by_lbfgs else "adam",
            max_iter=3,
            random_state=0,
            callbacks=[em.callbacks.Checkpoint(folder)] if folder else [],
        )
        self.width = width
        self.folder = folder
        self.by_lbfgs = by_lbfgs


@pytest.mark.parametrize("by_lbfgs", [False, True])
def test_a_class_of_ones_own_with_fewer_parameters(by_lbfgs: bool) -> None:
    X, y = numbers(60)
    model = clone(OfOneWidth(5, by_lbfgs=by_lbfgs)).fit(X, y)
    solver = "lbfgs" if by_lbfgs else "adam"
    ours = em.MLPRegressor(hidden_layer_sizes=5, solver=solver, max_iter=3, random_state=0)
    assert_array_equal(parameters(model), parameters(ours.fit(X, y)))
    assert_allclose(model.to_sklearn().predict(X), model.predict(X))
    with pytest.raises(ValueError, match="NaN"):
        model.fit(X * np.nan, y)
    assert_array_equal(parameters(model), parameters(ours))


def test_a_class_of_ones_own_goes_on_from_a_checkpoint(tmp_path: Path) -> None:
    X, y = numbers(60)
    model = OfOneWidth(folder=str(tmp_path)).fit(X, y)
    resumed = OfOneWidth(folder=str(tmp_path)).fit(X, y, resume_from=tmp_path)
    assert_array_equal(parameters(resumed), parameters(model))
