"""One run from its spec to its folder on disk. This is what a worker process executes."""

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np
from sklearn.metrics import f1_score, r2_score, recall_score

from eigenmlp.callbacks import Callback, EarlyStopping, TrainingState
from eigenmlp.errors import TrainingDivergedError
from eigenmlp.history import History
from eigenmlp.losses import CrossEntropy, Loss
from eigenmlp.network import Network
from eigenmlp.network.penalty import penalty_of
from eigenmlp.sweeps.board import Board
from eigenmlp.sweeps.data import Data
from eigenmlp.sweeps.results import Metrics
from eigenmlp.sweeps.specs import RunSpec
from eigenmlp.sweeps.store import Moment, Store
from eigenmlp.training import TrainingSettings, train

__all__ = ["Measure", "run_trial", "training_cost"]

# Of a network, samples and their labels.
Measure = Callable[[Network, np.ndarray, np.ndarray], Sequence[float]]


class _Recorder(Callback):
    """Keeps what the history does not: the best weights, the penalty, and the board up to date.

    Where training smooths labels, it also measures the losses without smoothing, by which runs are
    compared.
    """

    def __init__(self, settings: TrainingSettings, data: Data, board: Board, row: int) -> None:
        n_train = len(data.split[0])
        divisor = min(settings.batch_size or n_train, n_train) if settings.l2_divided else 1
        self._l2, self._l2_biases = settings.l2 / divisor, settings.l2_biases
        loss = settings.loss
        smoothed = isinstance(loss, CrossEntropy) and loss.label_smoothing > 0
        self._measured = (data.rows(0), data.rows(1)) if smoothed else ()
        self._losses: list[list[float]] = []
        self._board, self._row = board, row
        self._started = time.time()
        self._penalties: list[float] = []
        self._state: TrainingState | None = None
        self.best_loss = np.inf
        self.best_epoch = -1
        self.best_parameters: np.ndarray | None = None
        self._post(0, np.nan, np.nan)

    def on_train_begin(self, state: TrainingState) -> None:
        self._state = state

    def on_epoch_end(self, state: TrainingState) -> None:
        latest = state.history.last
        val_loss = latest["val_loss"]
        if self._measured:
            losses = [state.network.evaluate(*rows, n_threads=1).loss for rows in self._measured]
            self._losses.append(losses)
            val_loss = losses[1]
        if val_loss < self.best_loss:
            self.best_loss, self.best_epoch = val_loss, state.epoch
            self.best_parameters = state.network.get_flat_parameters()
        if self._l2 > 0:
            penalty = penalty_of(state.network, self._l2, biases=self._l2_biases)
            self._penalties.append(penalty)
        self._post(state.epoch + 1, val_loss, latest.get("val_accuracy", np.nan))

    def history(self) -> History:
        """Return what training recorded, with the column l2_penalty where there is a penalty."""
        columns = {} if self._state is None else self._state.history.to_dict()
        if self._losses:
            columns["train_loss"], columns["val_loss"] = map(list, zip(*self._losses, strict=True))
        if self._penalties:
            columns["l2_penalty"] = self._penalties
        return History.from_dict(columns)

    def _post(self, epochs: int, val_loss: float, val_accuracy: float) -> None:
        self._board.post(
            self._row,
            started=self._started,
            epochs=epochs,
            val_loss=val_loss,
            val_accuracy=val_accuracy,
        )


def run_trial(
    spec: RunSpec,
    data: Data,
    store: Store,
    board: Board,
    row: int,
    measures: Mapping[str, Measure],
) -> int:
    """Train one spec on one thread, write the run to the store, and return `row`.

    The seed alone decides the initial weights and the order of the samples: the result is the
    same in every process, whatever else runs.
    """
    initialisation, shuffling = (
        np.random.default_rng(seed) for seed in np.random.SeedSequence(spec.seed).spawn(2)
    )
    network = spec.build_network(
        data.n_features, data.n_outputs, input_scale=data.input_scale, rng=initialisation
    )
    network.feature_names = data.feature_names
    settings = spec.for_samples(len(data.split[0]))
    recorder = _Recorder(settings, data, board, row)
    stopping = (
        []
        if spec.early_stopping is None
        else [EarlyStopping(**dataclasses.asdict(spec.early_stopping))]
    )
    started = time.perf_counter()
    try:
        train(
            network,
            *data.rows(0),
            **settings.arguments(),
            validation_data=data.rows(1),
            callbacks=[recorder, *stopping],
            rng=shuffling,
            n_threads=1,
        )
    except TrainingDivergedError as error:
        store.save_failure(spec, recorder.history(), str(error))
        return row
    seconds = time.perf_counter() - started
    if recorder.best_parameters is None:
        store.save_failure(spec, recorder.history(), "the validation loss was finite in no epoch")
        return row

    def moment() -> Moment:
        return _moment(network, data, spec.build_loss(), measures)

    last = moment()
    network.set_flat_parameters(recorder.best_parameters)
    store.save_result(
        spec,
        network,
        recorder.history(),
        best_epoch=recorder.best_epoch,
        seconds=seconds,
        last=last,
        best=moment(),
    )
    return row


def training_cost(spec: RunSpec, data: Data) -> float:
    """Estimate a run's floating-point operations, to start the longest runs first.

    A sample costs 2 operations a weight forward, 2 for the weights' gradient and 2 for that of
    the layer below, which the first layer does not need. A run with early stopping is taken to
    use a quarter of its epochs.
    """
    sizes = spec.layer_sizes(data.n_features, data.n_outputs)
    layers = [fan_in * fan_out for fan_in, fan_out in pairwise(sizes)]
    forward, training = 2 * sum(layers), 6 * sum(layers) - 2 * layers[0]
    n_train, n_val = len(data.split[0]), len(data.split[1])
    epoch = n_train * training + n_val * forward
    if spec.evaluate_train:
        epoch += n_train * forward
    return spec.epochs * epoch / (1 if spec.early_stopping is None else 4)


def _moment(network: Network, data: Data, loss: Loss, measures: Mapping[str, Measure]) -> Moment:
    """Score a network on the three parts of the data."""
    # Losses are compared without the smoothing that some train with.
    compared = CrossEntropy() if isinstance(loss, CrossEntropy) else loss
    train_score, val_score, test_score = (
        network.evaluate(*data.rows(part), loss=compared, n_threads=1) for part in range(3)
    )
    X_test, y_test = data.rows(2)
    outputs = network.predict_outputs(X_test, n_threads=1)
    metrics = Metrics(
        train_loss=train_score.loss,
        val_loss=val_score.loss,
        test_loss=test_score.loss,
        further={name: tuple(of(network, X_test, y_test)) for name, of in measures.items()},
    )
    if data.class_names is None:
        metrics = dataclasses.replace(metrics, test_r2=float(r2_score(y_test, outputs)))
    else:
        predicted = outputs.argmax(axis=1)
        present = np.unique(y_test)
        recall = np.full(data.n_outputs, np.nan)
        recall[present] = recall_score(y_test, predicted, labels=present, average=None)
        metrics = dataclasses.replace(
            metrics,
            train_accuracy=train_score.accuracy,
            val_accuracy=val_score.accuracy,
            test_accuracy=test_score.accuracy,
            test_balanced_accuracy=float(recall[present].mean()),
            test_macro_f1=float(f1_score(y_test, predicted, average="macro", zero_division=0.0)),
            test_recall=tuple(recall.tolist()),
        )
    return Moment(network.get_flat_parameters(), metrics, outputs)
