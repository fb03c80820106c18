"""Scores of a run's test outputs, scikit-learn's numbers.

Workers begin with every sweep, and scikit-learn takes longer to import than a short run to train.
"""

from typing import Any

import numpy as np

__all__ = ["class_scores", "number_scores"]


def class_scores(y: np.ndarray, outputs: np.ndarray) -> dict[str, Any]:
    """Return balanced accuracy, macro F1, and the recall of each class.

    Parameters
    ----------
    y : (n_samples,) array
        Classes, 0 to n_classes - 1.
    outputs : (n_samples, n_classes) array
        The largest is the class that is predicted.

    Returns
    -------
    dict
        ``test_balanced_accuracy``, the mean recall of the classes that `y` has;
        ``test_macro_f1``, the mean F1 of those that `y` or the predictions have; and
        ``test_recall``, NaN for a class that `y` hasn't.
    """
    predicted = outputs.argmax(axis=1)
    n_classes = outputs.shape[1]
    there, named, hits = (
        np.bincount(classes, minlength=n_classes) for classes in (y, predicted, y[y == predicted])
    )
    recall = np.full(n_classes, np.nan)
    np.divide(hits, there, out=recall, where=there > 0)
    either = there + named
    f1 = 2.0 * hits[either > 0] / either[either > 0]
    return {
        "test_balanced_accuracy": float(recall[there > 0].mean()),
        "test_macro_f1": float(f1.mean()),
        "test_recall": tuple(recall.tolist()),
    }


def number_scores(y: np.ndarray, outputs: np.ndarray) -> dict[str, Any]:
    """Return R², the mean over outputs.

    Parameters
    ----------
    y : (n_samples,) or (n_samples, n_outputs) array
    outputs : (n_samples, n_outputs) array

    Returns
    -------
    dict
        ``test_r2``. An output whose targets are all equal counts 1 where it is exact, else 0; of
        a single sample it is NaN.
    """
    targets = y.reshape(outputs.shape).astype(np.float64)
    if len(targets) < 2:
        return {"test_r2": float("nan")}
    left = np.square(targets - outputs).sum(axis=0)
    spread = np.square(targets - targets.mean(axis=0)).sum(axis=0)
    r2 = np.where(left == 0, 1.0, 0.0)
    varies = spread > 0
    r2[varies] = 1 - left[varies] / spread[varies]
    return {"test_r2": float(r2.mean())}
