"""Log training to MLflow while it runs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from eigenmlp.callbacks.base import Callback
from eigenmlp.callbacks.row_logger import recorded_rows
from eigenmlp.common.extras import require
from eigenmlp.common.words import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eigenmlp.callbacks.base import TrainingState

__all__ = ["MLflowLogger"]

_REST = 10.0  # after what was sent, so many times as long as that took
_MOST_METRICS = 1000  # of a batch, by MLflow's rule
_NO_PARAMETERS = {"callbacks", "verbose"}
_PARENT = "mlflow.parentRunId"  # what its own nested runs are tagged by


class MLflowLogger(Callback):
    """Log every history column as a metric of MLflow, one value per epoch.

    Needs the extra ``log``, which brings mlflow-skinny: enough for a tracking server. To keep
    runs in a local database, ``sqlite:///runs.db``, install the package mlflow as well.

    A training run is a run of MLflow. Its parameters are the architecture (``layer_sizes``,
    ``activations``, ``output``, ``dropouts``, ``normalizations``, ``dtype``, ``input_scale``,
    ``n_parameters``), the settings of training or the parameters of the estimator, ``epochs``,
    ``batch_size``, ``n_samples``, and those given here. Its metrics have the names of the columns,
    the step is the epoch, counted from 0. It ends as FINISHED, as KILLED after Ctrl-C, else as
    FAILED. A training run that is resumed is a new run of MLflow and begins with the epochs that it
    has behind it.

    Within ``with mlflow.start_run():`` it is nested under the run that is active, and in the
    experiment of that, unless `tracking_uri` names another place. Epochs are sent together where
    MLflow is slow, so that it takes at most a tenth of the time of training; the last ones are
    sent when it ends.

    Parameters
    ----------
    experiment : str, default="eigenmlp"
        Name of the experiment; made if there is none, and not used within an active run.
    run_name : str or None, default=None
        Name of the run; MLflow makes one up if there is none.
    tracking_uri : str or None, default=None
        Server or database; None is MLflow's own choice: the environment variable
        MLFLOW_TRACKING_URI, or a place in the current folder.
    params : mapping of str to object, optional
        More parameters to log, such as the version of the data; MLflow keeps them as text.

    Attributes
    ----------
    run_id : str or None
        MLflow's name of the latest run; None before the first.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ImportError
        When training begins, if mlflow-skinny is not installed.
    OSError
        In training, if MLflow can't be reached, or refuses what it is sent.

    Notes
    -----
    MLflow itself may send statistics of its use to its makers; the environment variable
    ``MLFLOW_DISABLE_TELEMETRY=true`` keeps it from that.

    Examples
    --------
    >>> import eigenmlp as em
    >>> em.callbacks.MLflowLogger("digits", tracking_uri="http://localhost:5000",
    ...                           params={"data": "2026-11"})
    MLflowLogger('digits', tracking_uri='http://localhost:5000')
    """

    def __init__(
        self,
        experiment: str = "eigenmlp",
        *,
        run_name: str | None = None,
        tracking_uri: str | None = None,
        params: Mapping[str, object] | None = None,
    ) -> None:
        if not isinstance(experiment, str):
            raise TypeError(f"experiment={shown(experiment)} is not a str; pass a name, 'digits'")
        for name, value in (("run_name", run_name), ("tracking_uri", tracking_uri)):
            if not isinstance(value, str | None):
                raise TypeError(f"{name}={shown(value)} is not a str; pass one, or None")
        self.experiment = experiment
        self.run_name = run_name
        self.tracking_uri = tracking_uri
        self.params = dict(params or {})
        self.run_id: str | None = None
        self._client: Any = None
        self._waiting: list[Any] = []
        self._rests_until = 0.0

    def __repr__(self) -> str:
        options = {"run_name": self.run_name, "tracking_uri": self.tracking_uri}
        given = [f"{name}={value!r}" for name, value in options.items() if value is not None]
        return f"MLflowLogger({', '.join([repr(self.experiment), *given])})"

    def on_train_begin(self, state: TrainingState) -> None:
        """Start a run with its parameters, and log the epochs that a resumed run has behind it."""
        mlflow = require("mlflow", extra="log", purpose="MLflowLogger")
        self._client = None
        try:
            client = mlflow.MlflowClient(tracking_uri=self.tracking_uri)
            parent = mlflow.active_run() if self.tracking_uri is None else None
            if parent is not None:
                number, tags = parent.info.experiment_id, {_PARENT: parent.info.run_id}
            else:
                number, tags = self._experiment(client), {}
            run = client.create_run(number, run_name=self.run_name, tags=tags)
            self.run_id = run.info.run_id
        except mlflow.MlflowException as error:
            raise _failure("begin", error) from error
        self._client = client
        self._waiting = []
        self._rests_until = 0.0
        params = [mlflow.entities.Param(k, str(v)) for k, v in self._all_params(state).items()]
        try:
            self._log(params=params)
            for epoch, row in enumerate(recorded_rows(state.history)):
                self._keep(epoch, row)
            self._send()
        except BaseException as error:
            self.on_train_error(state, error)
            raise

    def on_epoch_end(self, state: TrainingState) -> None:
        """Log the epoch's values."""
        if self._client is None:
            raise RuntimeError("on_epoch_end() was called before on_train_begin()")
        self._keep(state.epoch, state.history.last)
        if time.monotonic() >= self._rests_until:
            began = time.monotonic()
            self._send()
            ended = time.monotonic()
            self._rests_until = ended + _REST * (ended - began)

    def on_train_end(self, state: TrainingState) -> None:  # noqa: ARG002
        """Send the last epochs, and end the run as FINISHED."""
        self._send()
        self._end("FINISHED")

    def on_train_error(self, state: TrainingState, error: BaseException) -> None:  # noqa: ARG002
        """End the run as FAILED, or as KILLED after Ctrl-C."""
        try:
            self._send()
        except OSError as failure:
            error.add_note(str(failure))
        try:
            self._end("KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED")
        except OSError as failure:
            error.add_note(f"{failure} (its run {self.run_id} stays open)")

    def _all_params(self, state: TrainingState) -> dict[str, object]:
        network = state.network
        architecture = {
            name: getattr(network, name)
            for name in (
                *("layer_sizes", "activations", "output", "dropouts", "normalizations", "dtype"),
                *("input_scale", "n_parameters"),
            )
        }
        run = {"epochs": state.epochs, "batch_size": state.batch_size}
        # Batches that an iterable hands out are not counted yet.
        counted = {"n_samples": state.n_samples} if state.n_samples else {}
        asked = {
            name: value
            for name, value in state.options.items()
            if value is not None and name not in _NO_PARAMETERS
        }
        return {**asked, **architecture, **run, **counted, **self.params}

    def _experiment(self, client: Any) -> str:
        experiment = client.get_experiment_by_name(self.experiment)
        number: str = (
            client.create_experiment(self.experiment)
            if experiment is None
            else experiment.experiment_id
        )
        return number

    def _keep(self, epoch: int, row: dict[str, float]) -> None:
        metric = require("mlflow.entities", extra="log", purpose="MLflowLogger").Metric
        now = time.time_ns() // 1_000_000
        self._waiting += [metric(name, value, now, epoch) for name, value in row.items()]

    def _send(self) -> None:
        """Send what waits; what MLflow refuses is not tried again."""
        waiting, self._waiting = self._waiting, []
        for first in range(0, len(waiting), _MOST_METRICS):
            self._log(metrics=waiting[first : first + _MOST_METRICS])

    def _log(self, **entities: Any) -> None:
        mlflow = require("mlflow", extra="log", purpose="MLflowLogger")
        try:
            self._client.log_batch(self.run_id, **entities)
        except mlflow.MlflowException as error:
            raise _failure("log", error) from error

    def _end(self, status: str) -> None:
        client, self._client = self._client, None
        mlflow = require("mlflow", extra="log", purpose="MLflowLogger")
        try:
            client.set_terminated(self.run_id, status)
        except mlflow.MlflowException as error:
            raise _failure("end", error) from error


def _failure(what: str, error: Exception) -> OSError:
    return OSError(
        f"MLflowLogger cannot {what} its run: {error}. Start MLflow's server, pass its address as "
        "tracking_uri, or leave the logger out"
    )
