"""What the report published, number by number, keyed by run name of `study.SPECS`."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = [
    "FIG7_STOPPED_AT",
    "M0_DETAILS",
    "M0_SECONDS",
    "M4_TRAIN",
    "TABLE1",
    "VALIDATION",
    "PublishedBest",
    "PublishedM0",
    "PublishedScore",
]


@dataclass(frozen=True, kw_only=True)
class PublishedScore:
    """Accuracy and cross-entropy."""

    accuracy: float
    loss: float


@dataclass(frozen=True, kw_only=True)
class PublishedBest:
    """Best validation loss of an ablation and its epoch; None where the report gives none.

    With `penalty_inside` the loss includes (λ'/2) Σ‖W‖².
    """

    val_loss: float
    epoch: int | None = None
    penalty_inside: bool = False


@dataclass(frozen=True, kw_only=True)
class PublishedM0:
    """M0 at its last epoch, beyond its row in Table 1."""

    train: PublishedScore
    val: PublishedScore


TABLE1: Mapping[str, PublishedScore] = MappingProxyType(
    {
        "m0": PublishedScore(accuracy=0.6500, loss=1.8968),
        "m1": PublishedScore(accuracy=0.6680, loss=1.7046),
        "m2": PublishedScore(accuracy=0.5740, loss=1.8194),
        "m3": PublishedScore(accuracy=0.6840, loss=1.4028),
        "m4": PublishedScore(accuracy=0.5360, loss=1.9166),
    }
)
"""Table 1: the test set, with the weights of the last epoch."""

M0_DETAILS = PublishedM0(
    train=PublishedScore(accuracy=0.9958, loss=0.0974),
    val=PublishedScore(accuracy=0.6220, loss=1.8312),
)

M0_SECONDS = 94.0
"""Time that M0's training took."""

M4_TRAIN = PublishedScore(accuracy=0.9, loss=0.6)
"""M4 on the training set: about these values."""

FIG7_STOPPED_AT = 427
"""Epoch at which early stopping ended figure 7's run."""

VALIDATION: Mapping[str, PublishedBest] = MappingProxyType(
    {
        "fig2-eta0.1": PublishedBest(val_loss=1.5616, epoch=830),
        "fig2-eta0.01": PublishedBest(val_loss=2.7813, epoch=1499),
        "fig2-eta0.001": PublishedBest(val_loss=3.8672, epoch=1499),
        "fig3a-k0.90": PublishedBest(val_loss=3.8392, epoch=314),
        "fig3a-k0.95": PublishedBest(val_loss=3.7275, epoch=648),
        "fig3a-k0.99": PublishedBest(val_loss=2.4377, epoch=1499),
        "fig3b-k0.90": PublishedBest(val_loss=4.0268),
        "fig3b-k0.95": PublishedBest(val_loss=4.0221),
        "fig3b-k0.99": PublishedBest(val_loss=3.9902),
        "fig4a-batch32": PublishedBest(val_loss=1.5131, epoch=9),
        "fig4a-batch64": PublishedBest(val_loss=1.5940, epoch=10),
        "fig4a-batch96": PublishedBest(val_loss=1.5679, epoch=12),
        "fig4b-batch32": PublishedBest(val_loss=3.6598),
        "fig4b-batch64": PublishedBest(val_loss=3.8107),
        "fig4b-batch96": PublishedBest(val_loss=3.8575),
        "fig5-eta0.1": PublishedBest(val_loss=3.2867, epoch=45),
        "fig5-eta0.01": PublishedBest(val_loss=1.6335, epoch=25),
        "fig5-eta0.001": PublishedBest(val_loss=1.5961, epoch=94),
        "fig6a-lambda1": PublishedBest(val_loss=2.1470, epoch=493, penalty_inside=True),
        "fig6a-lambda0.1": PublishedBest(val_loss=1.6149, epoch=643, penalty_inside=True),
        "fig6a-lambda0.01": PublishedBest(val_loss=1.5585, epoch=636, penalty_inside=True),
        "fig6b-lambda1": PublishedBest(val_loss=4.2397, penalty_inside=True),
        "fig6b-lambda0.1": PublishedBest(val_loss=3.8296, penalty_inside=True),
        "fig6b-lambda0.01": PublishedBest(val_loss=3.7885, penalty_inside=True),
        "fig7-early-stopping": PublishedBest(val_loss=1.5952),
    }
)
"""Best validation loss of each ablation."""
