"""A run that early stopping ends, taken from the whole of it: figure 7 needs no training."""

import dataclasses

from eigenmlp.callbacks import EarlyStopping
from eigenmlp.history import History
from eigenmlp.study.study_spec import StudySpec
from eigenmlp.sweeps.results import Metrics, Outcome, RunFailure

__all__ = ["stopped"]


def stopped(outcome: Outcome, spec: StudySpec) -> Outcome:
    """Return the run of `spec`, which is that of `outcome` but for its early stopping.

    It has the history up to the epoch that ends it, and the scores that this tells: none of the
    test set, and no weights. If the whole run failed, so has this.
    """
    spec = spec.with_seed(outcome.spec.seed)
    if isinstance(outcome, RunFailure):
        return dataclasses.replace(outcome, spec=spec)
    history = _until_stop(outcome.history, spec)
    best_epoch, _ = history.best("val_loss")
    return dataclasses.replace(
        outcome,
        spec=spec,
        history=history,
        best_epoch=best_epoch,
        last=_metrics(outcome.history, history.n_epochs - 1),
        best=_metrics(outcome.history, best_epoch),
        seconds=sum(history["seconds"]),
        test_outputs_last=None,
        test_outputs_best=None,
        folder=outcome.folder / spec.name,  # where nothing is
    )


def _until_stop(history: History, spec: StudySpec) -> History:
    assert spec.early_stopping is not None  # noqa: S101  which is what it is for
    stopping = EarlyStopping(**dataclasses.asdict(spec.early_stopping))
    losses = history["val_loss"]
    ends = (epoch + 1 for epoch, loss in enumerate(losses) if stopping.judge(epoch, loss))
    n_epochs = next(ends, len(losses))
    return History.from_dict({name: list(column[:n_epochs]) for name, column in history.items()})


def _metrics(history: History, epoch: int) -> Metrics:
    # In full batch an epoch's training loss is that before its update: of the epoch before.
    after = min(epoch + 1, history.n_epochs - 1)
    return Metrics(
        train_loss=history["train_loss"][after],
        train_accuracy=history["train_accuracy"][after],
        val_loss=history["val_loss"][epoch],
        val_accuracy=history["val_accuracy"][epoch],
    )
