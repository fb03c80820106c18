"""The training loop: what changes from epoch to epoch. The core does what changes per batch."""

import dataclasses
import math
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from eigenmlp.callbacks import Callback, Checkpoint, ProgressBar, TrainingState
from eigenmlp.common.documentation import with_parameters_of
from eigenmlp.common.threads import threads
from eigenmlp.common.words import shown
from eigenmlp.errors import TrainingDivergedError
from eigenmlp.history import History
from eigenmlp.losses import Loss, loss_for
from eigenmlp.metrics import Metric
from eigenmlp.network import Network
from eigenmlp.optimizers import Optimizer
from eigenmlp.training.batches import Batches, are_batches, refuse_beside_batches
from eigenmlp.training.hooks import ask, called, checked, claimed
from eigenmlp.training.run import Run
from eigenmlp.training.settings import TrainingSettings
from eigenmlp.training.sources import InMemory
from eigenmlp.training.validation import EpochSums, epoch_scores, validation_from

__all__ = ["train"]

_SETTINGS = {field.name for field in dataclasses.fields(TrainingSettings)}


@with_parameters_of(TrainingSettings)
def train(
    network: Network,
    X: ArrayLike | Iterable[Sequence[ArrayLike | None]],
    y: ArrayLike | None = None,
    *,
    loss: str | Loss | None = None,
    optimizer: Optimizer | None = None,
    learning_rate: float | Callable[[int], float] = 1e-3,
    schedule_unit: Literal["epoch", "step"] = "epoch",
    batch_size: int | None = 64,
    epochs: int = 100,
    l2: float = 0.0,
    l2_biases: bool = False,
    l2_divided: bool = False,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    rate_factors: Mapping[str | int, float] | None = None,
    shuffle: bool | Callable[[int], ArrayLike] = True,
    sample_weight: ArrayLike | None = None,
    class_weight: Mapping[int, float] | str | None = None,
    validation_data: tuple[ArrayLike, ...] | None = None,
    metrics: Sequence[str | Metric] = (),
    evaluate_train: bool = False,
    penalized_loss: bool = False,
    callbacks: Sequence[Callback] = (),
    resume_from: str | os.PathLike[str] | None = None,
    rng: int | np.random.Generator | None = None,
    n_threads: int | None = None,
    progress: bool = False,
) -> History:
    r"""Train a network on samples with targets.

    A step takes a batch's mean loss :math:`L`, adds the penalty, and follows the gradient

    .. math:: g = \nabla L + \lambda\,\theta

    by the optimizer's rule, where the second term is there for weights alone, or for weights and
    biases with `l2_biases`: the gradient of :math:`\frac{\lambda}{2} \sum_l \|W^l\|^2`.

    Parameters
    ----------
    network : Network
        Trained in place. One training run at a time.
    X : (n_samples, n_features) array, sparse array or table, or an iterable of batches
        Finite real numbers; uint8, float32 and float64 are read where they lie, row by row, so a
        uint8 data set stays uint8 in memory. SciPy's sparse arrays and matrices stay sparse, with
        the dense array's bits: CSR is read where it lies, other formats are converted once, and the
        first layer costs what the stored numbers cost, but with `clip_norm` each step visits all
        weights. Not to be changed during training. The names of a table's columns become the
        network's `feature_names`; if it has some from before, the columns must be the same, in any
        order.

        Without `y`, the batches of data that lie elsewhere: pairs ``(X, y)`` or triples ``(X, y,
        sample_weight)`` of any lengths, whose parts are as here. An epoch goes through the iterable
        from its beginning to its end (`evaluate_train` once more), and each batch is a step; what a
        batch is made of is needed no longer when the next is asked for. It must be iterable again
        and again, as a list is, or an object of a class with ``__iter__``, but not a generator.
        Sizes, order and weights are its own: `batch_size`, `shuffle`, `sample_weight` and
        `class_weight` are refused. A bad batch stops training there; the network holds the
        parameters of the last finished one, and so it does if the iterable raises an error.
    y : (n_samples,) array of int, or (n_samples, n_outputs) array, or None
        Class indices, 0 to n_outputs - 1, for softmax outputs; for others what the loss says.
        With one output (n_samples,) will do.
    <TrainingSettings>
    sample_weight : (n_samples,) array or None, default=None
        Finite, >= 0. A batch's loss is the weighted mean of its samples' losses: a weight of 2 acts
        as the sample twice would, and a weight of 0 as its absence.
    class_weight : dict, "balanced" or None, default=None
        Weights of classes by their index, 1 for those not there, that multiply the samples' own;
        "balanced" is n_samples / (n_classes * samples of the class), over the classes that occur.
        For softmax outputs.
    validation_data : (X_val, y_val), (X_val, y_val, sample_weight_val) or None, default=None
        Evaluated after each epoch. A table's columns are put in the order of X's.
    callbacks : sequence of Callback, default=()
        Called in this order, but `Checkpoint` begins first and sees epochs last: see
        `eigenmlp.callbacks`.
    resume_from : path-like or None, default=None
        Folder of a `eigenmlp.callbacks.Checkpoint` to go on from: network, optimizer, order of
        samples, callbacks and history are put where its newest checkpoint has them, and `epochs`
        counts those before it as well. All other arguments and the data must be those that the run
        began with, but for `epochs`, `n_threads`, `progress` and callbacks that remember nothing;
        functions (of `learning_rate`, `shuffle`, metrics) are compared by name, and must not
        remember anything. An iterable of batches is compared by its first batch, and must give the
        same ones in every epoch. The result has the same bits as a run that was never interrupted.
        Where
        one of the `callbacks` writes its checkpoints to this same folder, it may still be empty:
        the run then begins.
    rng : int, numpy.random.Generator or None, default=None
        Seed or generator of the order of samples. With a seed, the same data and the same initial
        parameters, training gives the same bits; None draws a fresh one.
    n_threads : int or None, default=None
        Threads to compute with, >= 1; None decides by the size of a step and the run's share of the
        cores, which calls at the same time split evenly, up to EIGENMLP_NUM_THREADS and the limit
        of `threadpoolctl`. The result has the same bits whatever the number.
    progress : bool, default=False
        Show a progress bar in a terminal or a notebook: `callbacks.ProgressBar`.

    Returns
    -------
    History
        A column each, one entry per epoch: ``train_loss``, ``learning_rate``, ``seconds``; with
        softmax or logistic outputs ``train_accuracy``; ``val_loss`` (and ``val_accuracy``) with
        validation data; ``val_<name>`` for each metric; ``train_penalized_loss`` and
        ``train_penalty`` if asked for. Other losses are without penalty.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type, shape or range. Nothing has then been trained, unless it
        is a batch behind the first.
    TrainingDivergedError
        If a loss (of training or validation), a parameter, or the squares of the gradient that Adam
        keeps stop being finite. The network holds the parameters of the last finite epoch, and the
        optimizer's state for it starts afresh.
    FileNotFoundError, CheckpointError
        If there is nothing to resume from, or it is damaged, or was made with other data or
        settings, which the message names. Nothing has then been changed.
    RuntimeError
        If the network is being trained already, by another thread or from within a callback, or one
        of the `callbacks` is in use by another run. Nothing has then been changed.
    KeyboardInterrupt
        On Ctrl-C. The network holds the parameters of the last finished batch.

    Examples
    --------
    >>> import numpy as np
    >>> import eigenmlp as em
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 2))
    >>> y = (X[:, 0] * X[:, 1] > 0).astype(int)
    >>> net = em.Network([2, 16, 2], rng=0)
    >>> history = em.train(net, X, y, learning_rate=em.schedules.exponential(0.03, gamma=0.99),
    ...                    batch_size=20, epochs=60, rng=0)
    >>> history.n_epochs
    60
    >>> net.evaluate(X, y).accuracy > 0.9
    True
    """
    options = {name: given for name, given in locals().items() if name in _SETTINGS}
    settings = TrainingSettings(**options)
    if not isinstance(network, Network):
        raise TypeError(f"network={shown(network)} is not an eigenmlp.Network")
    checked_loss = loss_for(settings.loss, network.output)
    hooks = [*checked(callbacks), *([ProgressBar()] if progress else [])]
    source: InMemory | Batches
    if are_batches(X, y):
        refuse_beside_batches(settings, sample_weight, class_weight)
        kept = resume_from is not None or any(isinstance(hook, Checkpoint) for hook in hooks)
        source = Batches(network, checked_loss, X, repeated=kept)
    else:
        source = InMemory(
            network,
            checked_loss,
            X,
            y,
            sample_weight=sample_weight,
            class_weight=class_weight,
            shuffle=settings.shuffle,
            batch_size=settings.batch_size,
            rng=rng,
        )
    names = source.feature_names
    validation = validation_from(network, checked_loss, validation_data, settings.metrics, names)
    n_layers = len(network.layer_sizes) - 1
    settings = settings.resolved(checked_loss, source.batch_size, n_layers)
    allowed_threads = threads(n_threads)

    run = Run(
        network,
        source,
        hooks,
        settings,
        resume_from=resume_from,
        options={
            name: getattr(settings, name) if given is None else given
            for name, given in options.items()
        },
        identity={
            "network": network,
            "rng": rng,
            **({} if names is None else {"feature_names": names}),
        },
        data={**source.data, **({} if validation is None else validation.data)},
    )
    state = run.state
    # Of the same precision as the network's core: state_for() sees to that.
    moments: Any = settings.optimizer.state_for(network)
    with network._core.claim(), allowed_threads, claimed(hooks), called(run):
        network._feature_names = names
        while state.epoch + 1 < settings.epochs and not state.stopping:
            epoch = state.epoch + 1
            start = time.perf_counter()
            before = network.get_flat_parameters()
            sums = EpochSums()
            for part in source.parts(epoch):
                n_steps = part.n_steps
                rates = settings.rates(epoch, run.steps + sums.n_steps, n_steps)
                core_settings = settings.of_core(
                    rates, batch_size=part.batch_size, n_steps=n_steps, n_layers=n_layers
                )
                result = network._core.train_epoch(
                    moments, part.samples, part.order, core_settings, allowed_threads
                )
                sums.add(n_steps, result, rates[-1])
                if sums.diverged:
                    break
            scores = epoch_scores(
                network,
                sums,
                checked_loss,
                allowed_threads,
                penalized_loss=settings.penalized_loss,
                whole=source.whole() if settings.evaluate_train else None,
                validation=validation,
            )
            if sums.diverged or not all(map(math.isfinite, scores.values())):
                network.set_flat_parameters(before)
                moments.reset()
                raise _diverged(state, epoch, sums)
            if validation is not None:
                scores.update(validation.measures(network, allowed_threads))
            seconds = time.perf_counter() - start
            state.history.append(**scores, learning_rate=sums.learning_rate, seconds=seconds)
            state.epoch, state.n_samples = epoch, source.n_samples
            run.steps += sums.n_steps
            ask(run)
    return state.history


def _diverged(state: TrainingState, epoch: int, sums: EpochSums) -> TrainingDivergedError:
    last_loss: float | None
    if sums.n_samples and sums.weight:
        last_loss = sums.loss / sums.weight
    else:
        last_loss = state.history.last.get("train_loss")
    # A parameter, or a loss that is measured after the epoch, tells only at its end.
    batch = min(sums.n_batches, sums.n_steps - 1)
    rate = sums.learning_rate
    last = "none was before" if last_loss is None else f"the last finite loss was {last_loss:.6g}"
    return TrainingDivergedError(
        f"training diverged in epoch {epoch} (from 0), batch {batch}, at learning rate "
        f"{rate:.6g}: the loss, a parameter or a square that Adam keeps is no longer finite; "
        f"{last}. The network holds the parameters of the last finite epoch. Try a smaller "
        "learning rate, a warm-up, inputs scaled to about 0 … 1 (input_scale), or a smaller l2.",
        epoch=epoch,
        batch=batch,
        learning_rate=rate,
        last_finite_loss=last_loss,
    )
