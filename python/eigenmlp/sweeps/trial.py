"""One run, from its spec to the files that are kept of it. This is what workers execute."""

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from eigenmlp.callbacks import Callback, EarlyStopping, TrainingState
from eigenmlp.common.words import reason
from eigenmlp.errors import TrainingDivergedError
from eigenmlp.history import History
from eigenmlp.losses import CrossEntropy, Loss
from eigenmlp.metrics import metrics_by_name
from eigenmlp.network import Evaluation, Network
from eigenmlp.network.penalty import penalty_of
from eigenmlp.sweeps.data import Data
from eigenmlp.sweeps.finished import FinishedRun, Moment, failed_run, finished_run
from eigenmlp.sweeps.results import Metrics
from eigenmlp.sweeps.scores import class_scores, number_scores
from eigenmlp.sweeps.specs import RunSpec
from eigenmlp.training import TrainingSettings, train

__all__ = ["Measure", "Report", "run_spec", "training_cost"]

# Of a network, samples and their labels.
Measure = Callable[[Network, np.ndarray, np.ndarray], Sequence[float]]
# Of epochs done, and the latest validation loss and accuracy.
Report = Callable[[int, float, float], None]


class _Recorder(Callback):
    """Keeps what the history does not: the best weights and the penalty; and reports.

    Where training smooths labels, it also measures the losses without smoothing, by which runs are
    compared.
    """

    def __init__(self, settings: TrainingSettings, data: Data, report: Report | None) -> None:
        n_train = len(data.train[1])
        divisor = min(settings.batch_size or n_train, n_train) if settings.l2_divided else 1
        self._l2, self._l2_biases = settings.l2 / divisor, settings.l2_biases
        loss = settings.loss
        smoothed = isinstance(loss, CrossEntropy) and loss.label_smoothing > 0
        self._measured = (data.train, data.validation) if smoothed else ()
        self._losses: list[list[float]] = []
        self._report = report
        self._penalties: list[float] = []
        self._state: TrainingState | None = None
        self.best_loss = np.inf
        self.best_epoch = -1
        self.best_parameters: np.ndarray | None = None

    def on_train_begin(self, state: TrainingState) -> None:
        self._state = state
        if self._report is not None:
            self._report(0, np.nan, np.nan)

    def on_epoch_end(self, state: TrainingState) -> None:
        latest = state.history.last
        val_loss = latest["val_loss"]
        if self._measured:
            losses = [_evaluated(state.network, part).loss for part in self._measured]
            self._losses.append(losses)
            val_loss = losses[1]
        if val_loss < self.best_loss:
            self.best_loss, self.best_epoch = val_loss, state.epoch
            self.best_parameters = state.network.get_flat_parameters()
        if self._l2 > 0:
            penalty = penalty_of(state.network, self._l2, biases=self._l2_biases)
            self._penalties.append(penalty)
        if self._report is not None:
            self._report(state.epoch + 1, val_loss, latest.get("val_accuracy", np.nan))

    def history(self) -> History:
        """Return what training recorded, with the column l2_penalty where there is a penalty."""
        columns = {} if self._state is None else self._state.history.to_dict()
        if self._losses:
            columns["train_loss"], columns["val_loss"] = map(list, zip(*self._losses, strict=True))
        if self._penalties:
            columns["l2_penalty"] = self._penalties
        return History.from_dict(columns)


def run_spec(
    spec: RunSpec,
    data: Data,
    *,
    measures: Mapping[str, Measure] | None = None,
    report: Report | None = None,
) -> FinishedRun:
    """Train one spec on one thread, and return the run as files in memory.

    The seed alone decides the initial weights and the order of the samples: the result is the
    same wherever it is trained, by every instruction set with fused multiply-add.

    Parameters
    ----------
    spec : RunSpec
        What to run.
    data : Data
        What to train on.
    measures : dict of str to callable or None, default=None
        What else to measure of the network at both moments: functions of it, the test samples and
        their labels, which return numbers.
    report : callable or None, default=None
        Is told, at the beginning and after every epoch, how many were done, and the validation
        loss and accuracy of the latest. What it raises ends the run, and is raised.

    Returns
    -------
    FinishedRun
        Of a result; or of a failure, if training diverged, the validation loss was finite in no
        epoch, or training raised another error.

    Examples
    --------
    See `Store`.
    """
    initialisation, shuffling = (
        np.random.default_rng(seed) for seed in np.random.SeedSequence(spec.seed).spawn(2)
    )
    settings = spec.for_samples(len(data.train[1]))
    told = _Told(report) if report is not None else None
    recorder = _Recorder(settings, data, told)
    stopping = (
        []
        if spec.early_stopping is None
        else [EarlyStopping(**dataclasses.asdict(spec.early_stopping))]
    )
    X, y, *weights = data.train
    started = time.perf_counter()
    try:
        network = spec.build_network(
            data.n_features,
            data.n_outputs(spec.build_loss()),
            input_scale=data.input_scale,
            rng=initialisation,
        )
        network.feature_names = data.feature_names
        train(
            network,
            X,
            y,
            **settings.arguments(),
            sample_weight=weights[0] if weights else None,
            class_weight=spec.class_weight,
            validation_data=data.validation,
            callbacks=[recorder, *stopping],
            rng=shuffling,
            n_threads=1,
        )
        seconds = time.perf_counter() - started
        if recorder.best_parameters is None:
            message = "the validation loss was finite in no epoch"
            return failed_run(spec, data, recorder.history(), kind="diverged", message=message)
        last = _moment(network, data, spec, measures or {})
        network.set_flat_parameters(recorder.best_parameters)
        best = _moment(network, data, spec, measures or {})
    except TrainingDivergedError as error:
        history = recorder.history()
        return failed_run(spec, data, history, kind="diverged", message=str(error))
    except Exception as error:
        if told is not None and error is told.raised:
            raise
        message = f"{type(error).__name__}: {reason(error)}"
        return failed_run(spec, data, recorder.history(), kind="raised", message=message)
    return finished_run(
        spec,
        data,
        network,
        recorder.history(),
        best_epoch=recorder.best_epoch,
        seconds=seconds,
        last=last,
        best=best,
    )


class _Told:
    """Reports, and remembers what that raised: no error of the run's."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self.raised: Exception | None = None

    def __call__(self, epochs: int, val_loss: float, val_accuracy: float) -> None:
        try:
            self._report(epochs, val_loss, val_accuracy)
        except Exception as error:
            self.raised = error
            raise


def training_cost(spec: RunSpec, data: Data) -> float:
    """Estimate a run's floating-point operations, to start the longest runs first.

    A sample costs 2 operations a weight forward, 2 for the weights' gradient and 2 for that of
    the layer below, which the first layer does not need. A run with early stopping is taken to
    use a quarter of its epochs.
    """
    sizes = spec.layer_sizes(data.n_features, data.n_outputs(spec.build_loss()))
    layers = [fan_in * fan_out for fan_in, fan_out in pairwise(sizes)]
    forward, training = 2 * sum(layers), 6 * sum(layers) - 2 * layers[0]
    n_train, n_val = len(data.train[1]), len(data.validation[1])
    epoch = n_train * training + n_val * forward
    if spec.evaluate_train:
        epoch += n_train * forward
    return spec.epochs * epoch / (1 if spec.early_stopping is None else 4)


def _evaluated(
    network: Network, part: tuple[np.ndarray, ...], loss: Loss | None = None
) -> Evaluation:
    X, y, *weights = part
    sample_weight = weights[0] if weights else None
    return network.evaluate(X, y, loss=loss, sample_weight=sample_weight, n_threads=1)


def _moment(network: Network, data: Data, spec: RunSpec, measures: Mapping[str, Measure]) -> Moment:
    """Score a network on the parts of the data."""
    loss = spec.build_loss()
    # Losses are compared without the smoothing that some train with.
    compared = CrossEntropy() if isinstance(loss, CrossEntropy) else loss
    scores: dict[str, Any] = {}
    for name, part in data.parts.items():
        evaluation = _evaluated(network, part, compared)
        scores[f"{name}_loss"] = evaluation.loss
        scores[f"{name}_accuracy"] = evaluation.accuracy
    metrics = Metrics(**scores, named=_named(network, data, spec))
    if data.test is None:
        return Moment(network.get_flat_parameters(), metrics, None)
    X, y = data.test[:2]
    outputs = network.predict_outputs(X, n_threads=1)
    metrics = dataclasses.replace(
        metrics,
        **(class_scores if loss.output == "softmax" else number_scores)(y, outputs),
        further={name: tuple(of(network, X, y)) for name, of in measures.items()},
    )
    return Moment(network.get_flat_parameters(), metrics, outputs)


def _named(network: Network, data: Data, spec: RunSpec) -> dict[str, float]:
    """Return the metrics that the spec names, of validation and of test data."""
    named = metrics_by_name(spec.metrics)
    if not named:
        return {}
    measured = [(name, part) for name, part in data.parts.items() if name != "train"]
    return {
        f"{name}_{metric}": float(of(y, network.predict(X, n_threads=1)))
        for name, (X, y, *_) in measured
        for metric, of in named.items()
    }
