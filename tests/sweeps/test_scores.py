"""The scores of test outputs are scikit-learn's."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, r2_score, recall_score

from eigenmlp.sweeps.scores import class_scores, number_scores


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n_samples=st.integers(1, 40), n_classes=st.integers(1, 9))
def test_scores_of_classes_have_the_same_bits(seed: int, n_samples: int, n_classes: int) -> None:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, rng.integers(1, n_classes + 1), n_samples)
    outputs = rng.random((n_samples, n_classes)) + (rng.random() < 0.5) * np.eye(n_classes)[y]
    predicted, present = outputs.argmax(axis=1), np.unique(y)
    scores = class_scores(y, outputs)
    recall = recall_score(y, predicted, labels=present, average=None)
    assert [scores["test_recall"][label] for label in present] == recall.tolist()
    assert sum(map(math.isnan, scores["test_recall"])) == n_classes - len(present)
    assert scores["test_balanced_accuracy"] == recall.mean()
    wanted = f1_score(y, predicted, average="macro", zero_division=0.0)
    assert scores["test_macro_f1"] == wanted


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_samples=st.integers(2, 40),
    n_outputs=st.integers(1, 3),
    scale=st.sampled_from([1e-3, 1.0, 1e3]),
)
def test_r2_is_the_same(seed: int, n_samples: int, n_outputs: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    y = scale * rng.normal(size=(n_samples, n_outputs))
    outputs = y + scale * rng.normal(size=y.shape)
    wanted = r2_score(y, outputs)
    assert number_scores(y, outputs)["test_r2"] == pytest.approx(wanted, rel=1e-13)
    flat = number_scores(y[:, 0], outputs[:, :1])["test_r2"]
    assert flat == pytest.approx(r2_score(y[:, 0], outputs[:, 0]), rel=1e-13)


@pytest.mark.parametrize("predicted", [2.0, 3.0])
def test_r2_of_targets_that_are_all_equal(predicted: float) -> None:
    y, outputs = np.full(4, 2.0), np.full((4, 1), predicted)
    assert number_scores(y, outputs)["test_r2"] == r2_score(y, outputs)


def test_r2_of_one_sample_is_unknown() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert math.isnan(r2_score([1.0], [2.0]))
    assert math.isnan(number_scores(np.ones(1), np.zeros((1, 1)))["test_r2"])
