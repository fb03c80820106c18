"""A run of the study: a run of a sweep whose λ may be read in three ways."""

import dataclasses
from dataclasses import dataclass, field
from typing import Literal

from eigenmlp.common.options import Choice, option
from eigenmlp.sweeps.specs import RunSpec
from eigenmlp.training import TrainingSettings

__all__ = ["L2Reading", "StudySpec"]

L2Reading = Literal["undivided", "divided_by_batch", "weight_decay"]


@dataclass(frozen=True, kw_only=True)
class StudySpec(RunSpec):
    """One run of the study.

    Parameters
    ----------
    **spec
        As of `eigenmlp.sweeps.RunSpec`, but `l2` is λ as the run's author states it.
    l2_reading : {"undivided", "divided_by_batch", "weight_decay"}, default "undivided"
        What the gradient adds: λW; or (λ/B)W, where B is `batch_size`, or the number of training
        samples in full batch; or λ times every parameter, biases too (PyTorch's `weight_decay`).

    Raises
    ------
    TypeError, ValueError
        If something is of another type or out of its range.
    """

    l2_reading: L2Reading = field(
        default="undivided",
        metadata=option(Choice(("undivided", "divided_by_batch", "weight_decay"))),
    )

    @property
    def full_batch(self) -> bool:
        """Whether each epoch is one step on all training samples."""
        return self.batch_size is None

    def effective_l2(self, n_train: int) -> float:
        """Return λ', the factor in what the gradient really adds, λ'W, with `n_train` samples.

        Examples
        --------
        >>> from eigenmlp.study import SPECS
        >>> SPECS["m1"].l2, SPECS["m1"].effective_l2(4000)
        (0.01, 0.00015625)
        """
        if self.l2_reading != "divided_by_batch":
            return self.l2
        return self.l2 / min(self.batch_size or n_train, n_train)

    def for_samples(self, n_train: int) -> TrainingSettings:
        """Return the settings of the run, its λ as it is meant with so many training samples."""
        return dataclasses.replace(
            self,
            l2=self.effective_l2(n_train),
            l2_biases=self.l2_reading == "weight_decay" or self.l2_biases,
        )
