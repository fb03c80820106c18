"""Runs of MLflow in a folder, as its own client reads them."""

import math
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eigenmlp as em
from eigenmlp.callbacks import Callback, MLflowLogger
from scripted_run import drive, losses


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep MLflow from the network, and let it use a folder."""
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def uri(tmp_path: Path) -> str:
    return (tmp_path / "store").as_uri()


def client(uri: str) -> Any:
    import mlflow

    return mlflow.MlflowClient(tracking_uri=uri)


def logged(uri: str, run_id: str | None, column: str) -> list[tuple[int, float]]:
    return [(m.step, m.value) for m in client(uri).get_metric_history(run_id, column)]


def test_every_column_is_a_metric(uri: str) -> None:
    logger = MLflowLogger("digits", run_name="first", tracking_uri=uri)
    state = drive(logger, losses(0.1, 1 / 3, math.nan, math.inf))
    run = client(uri).get_run(logger.run_id)
    assert run.info.run_name == "first"
    assert run.info.status == "FINISHED"
    assert set(run.data.metrics) == set(state.history)
    for column, recorded in state.history.items():
        steps, values = zip(*logged(uri, logger.run_id, column), strict=True)
        assert steps == (0, 1, 2, 3)
        np.testing.assert_array_equal(values, recorded)


def test_training_is_logged_with_its_parameters(uri: str) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 3)), rng.integers(0, 2, 50)
    network = em.Network([3, 7, 2], activation="tanh", dropout=0.25, rng=0)
    logger = MLflowLogger(tracking_uri=uri, params={"l2": "another", "note": None})
    history = em.train(
        network, X, y, learning_rate=0.01, epochs=3, batch_size=20, callbacks=[logger], rng=0
    )
    run = client(uri).get_run(logger.run_id)
    asked = {"evaluate_train", "l2_biases", "l2_divided", "loss", "metrics", "optimizer"}
    asked |= {"penalized_loss", "schedule_unit", "shuffle"}
    params = {name: text for name, text in run.data.params.items() if name not in asked}
    assert run.data.params.keys() >= asked
    assert params == {
        "layer_sizes": "(3, 7, 2)",
        "activations": "('tanh',)",
        "output": "softmax",
        "dropouts": "(0.25,)",
        "normalizations": "(None,)",
        "dtype": "float32",
        "input_scale": "1.0",
        "n_parameters": str(3 * 7 + 7 + 7 * 2 + 2),
        "epochs": "3",
        "batch_size": "20",
        "n_samples": "50",
        "learning_rate": "0.01",
        "l2": "another",
        "note": "None",
    }
    assert logged(uri, logger.run_id, "train_loss") == list(enumerate(history["train_loss"]))
    assert client(uri).get_experiment(run.info.experiment_id).name == "eigenmlp"


def test_what_is_not_counted_yet_is_not_logged(uri: str) -> None:
    logger = MLflowLogger(tracking_uri=uri)
    em.train(em.Network([2, 2], rng=0), [(np.eye(2), [0, 1])], epochs=1, callbacks=[logger])
    params = client(uri).get_run(logger.run_id).data.params
    assert params["batch_size"] == "2"
    assert "n_samples" not in params


@pytest.mark.parametrize(
    ("error", "status"), [(KeyboardInterrupt(), "KILLED"), (ValueError("broken"), "FAILED")]
)
def test_an_error_ends_the_run(error: BaseException, status: str, uri: str) -> None:
    logger = MLflowLogger(tracking_uri=uri)
    drive(logger, losses(3, 2), error=error)
    assert client(uri).get_run(logger.run_id).info.status == status
    assert logged(uri, logger.run_id, "val_loss") == [(0, 3), (1, 2)]


def test_each_training_run_is_one_of_the_experiment(uri: str) -> None:
    logger = MLflowLogger("digits", tracking_uri=uri)
    found = []
    for script in ((3, 2), (1,)):
        drive(logger, losses(*script))
        found.append(
            (logger.run_id, [value for _, value in logged(uri, logger.run_id, "val_loss")])
        )
    assert [values for _, values in found] == [[3, 2], [1]]
    experiment = client(uri).get_experiment_by_name("digits")
    runs = client(uri).search_runs([experiment.experiment_id])
    assert {run.info.run_id for run in runs} == {run_id for run_id, _ in found}


def test_a_resumed_run_begins_with_the_epochs_behind_it(uri: str) -> None:
    logger = MLflowLogger(tracking_uri=uri)
    drive(logger, losses(1, 0), earlier=losses(3, 2))
    assert logged(uri, logger.run_id, "val_loss") == [(0, 3), (1, 2), (2, 1), (3, 0)]


def test_a_run_within_another_is_nested_under_it(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow

    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    logger = MLflowLogger("unused")
    with mlflow.start_run() as parent:
        drive(logger, losses(3, 2))
        elsewhere = MLflowLogger("other", tracking_uri=uri)
        drive(elsewhere, losses(1))
    run = client(uri).get_run(logger.run_id)
    assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert run.info.experiment_id == parent.info.experiment_id
    assert client(uri).get_experiment_by_name("unused") is None
    assert "mlflow.parentRunId" not in client(uri).get_run(elsewhere.run_id).data.tags
    assert client(uri).get_run(parent.info.run_id).info.status == "FINISHED"


def test_a_slow_store_is_sent_epochs_together(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock of its own: an epoch takes 0.1 s, and to send something 1 s."""
    import mlflow

    now, sent = [0.0], []
    send = mlflow.MlflowClient.log_batch

    def slow(self: Any, run_id: str, **entities: Any) -> None:
        if "metrics" in entities:
            now[0] += 1.0
            sent.append(len({metric.step for metric in entities["metrics"]}))
        send(self, run_id, **entities)

    class Ages(Callback):
        def on_epoch_end(self, state: Any) -> None:
            now[0] += 0.1

    monkeypatch.setattr(mlflow.MlflowClient, "log_batch", slow)
    monkeypatch.setattr("eigenmlp.callbacks.mlflow_logger.time.monotonic", lambda: now[0])
    X, y = np.zeros((4, 2)), np.array([0, 1, 0, 1])
    logger = MLflowLogger(tracking_uri=uri)
    em.train(em.Network([2, 2], rng=0), X, y, epochs=250, callbacks=[Ages(), logger])
    assert sent[0] == 1
    assert 99 <= sent[1] <= 101
    assert sum(sent) == 250
    assert len(sent) <= 5
    assert [step for step, _ in logged(uri, logger.run_id, "train_loss")] == list(range(250))


def test_many_epochs_behind_are_sent_in_batches(uri: str) -> None:
    logger = MLflowLogger(tracking_uri=uri)
    drive(logger, losses(0), earlier=losses(*range(1500)))
    assert len(logged(uri, logger.run_id, "val_loss")) == 1501


def test_what_mlflow_refuses_is_told_and_ends_the_run(uri: str) -> None:
    logger = MLflowLogger(tracking_uri=uri, params={"a b\n!": 1})
    with pytest.raises(OSError, match=r"(?s)MLflowLogger cannot log its run: .*pass its address"):
        drive(logger, losses(1))
    assert client(uri).get_run(logger.run_id).info.status == "FAILED"


def test_a_store_that_cannot_be_used_is_told() -> None:
    logger = MLflowLogger(tracking_uri="unknown://nowhere")
    with pytest.raises(OSError, match=r"(?s)MLflowLogger cannot begin its run: .*nowhere"):
        drive(logger, losses(1))


def test_an_error_that_mlflow_does_not_hear_of_stays_the_error(
    uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    def unreachable(*_: object) -> None:
        raise mlflow.MlflowException("no connection")

    monkeypatch.setattr(mlflow.MlflowClient, "set_terminated", unreachable)
    error = ValueError("broken")
    logger = MLflowLogger(tracking_uri=uri)
    drive(logger, losses(1), error=error)
    assert "cannot end its run: no connection" in error.__notes__[0]
    assert f"its run {logger.run_id} stays open" in error.__notes__[0]
    with pytest.raises(OSError, match="cannot end its run: no connection"):
        drive(logger, losses(1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"experiment": 3}, "experiment=3 is not a str"),
        ({"run_name": 3}, "run_name=3 is not a str; pass one, or None"),
        ({"tracking_uri": Path("a")}, r"tracking_uri=PosixPath\('a'\) is not a str"),
    ],
)
def test_mlflow_logger_refuses_other_types(options: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        MLflowLogger(**options)


def test_mlflow_logger_needs_its_beginning() -> None:
    logger = MLflowLogger("a", run_name="b")
    assert repr(logger) == "MLflowLogger('a', run_name='b')"
    with pytest.raises(RuntimeError, match="before on_train_begin"):
        logger.on_epoch_end(drive(Callback(), losses(1)))


def test_a_missing_package_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(ImportError, match=r'MLflowLogger needs mlflow.*"eigenmlp\[log\]"'):
        drive(MLflowLogger(), losses(1))


def test_parameters_of_an_estimator_are_logged(uri: str) -> None:
    logger = MLflowLogger(tracking_uri=uri)
    model = em.MLPRegressor(
        hidden_layer_sizes=(3,), alpha=0.25, max_iter=2, tol=0.125, callbacks=[logger]
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Stochastic Optimizer")
        model.fit(np.eye(4), np.arange(4.0))
    params = client(uri).get_run(logger.run_id).data.params
    asked = {name for name, value in model.get_params().items() if value is not None}
    assert params.keys() >= asked - {"callbacks", "verbose"}
    shown = {name: params[name] for name in ("alpha", "tol", "max_iter", "epochs", "batch_size")}
    assert shown == {
        "alpha": "0.25", "tol": "0.125", "max_iter": "2", "epochs": "2", "batch_size": "4"
    }  # fmt: skip
    assert "callbacks" not in params
