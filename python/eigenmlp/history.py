"""The record of a training run: one column per quantity, one entry per epoch."""

import math
from collections.abc import Iterator, Mapping
from typing import Literal, Self

from eigenmlp.common.arguments import real_number
from eigenmlp.common.words import listed, shown

__all__ = ["History", "Mode", "resolve_mode"]

Mode = Literal["auto", "min", "max"]


class History(Mapping[str, list[float]]):
    """What training measured: a mapping from column name to one value per epoch.

    `eigenmlp.train` makes it, fills it and returns it. Its columns are

    ========================  ==================================================================
    ``train_loss``            mean loss without penalty, of the batches as they passed
    ``train_accuracy``        share of samples classified right, 0 to 1; of softmax and logistic
                              outputs
    ``train_penalized_loss``  mean loss with penalty, of the batches as they passed; with
                              `penalized_loss`
    ``train_penalty``         the penalty's part of it; with `penalized_loss`
    ``val_loss``              mean loss without penalty on the validation data, after the epoch
    ``val_accuracy``          share of them classified right, as above
    ``val_<name>``            a metric on the validation data, for each of `metrics`
    ``learning_rate``         learning rate of the epoch, or of its last step
    ``seconds``               wall-clock seconds that the epoch took
    ========================  ==================================================================

    and those beginning with ``val_`` exist only when training was given validation data. With
    `evaluate_train`, training loss and accuracy are measured after the epoch as well.
    As in any mapping, ``len(history)`` counts columns; `n_epochs` counts epochs.
    Reading a column gives a new list, so changing that list leaves the history alone.

    Examples
    --------
    >>> import eigenmlp as em
    >>> history = em.History()
    >>> history.append(train_loss=1.5, val_loss=1.75)
    >>> history.append(train_loss=0.5, val_loss=1.25)
    >>> history
    History(2 epochs: train_loss, val_loss)
    >>> history["val_loss"]
    [1.75, 1.25]
    >>> history.best("val_loss")
    (1, 1.25)
    """

    def __init__(self) -> None:
        self._columns: dict[str, list[float]] = {}

    def __getitem__(self, column: str) -> list[float]:
        """Values of a column, oldest epoch first."""
        return list(self._column(column))

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def __contains__(self, column: object) -> bool:
        return column in self._columns

    def __repr__(self) -> str:
        if not self._columns:
            return "History(0 epochs)"
        plural = "" if self.n_epochs == 1 else "s"
        return f"History({self.n_epochs} epoch{plural}: {', '.join(self._columns)})"

    @property
    def n_epochs(self) -> int:
        """Number of epochs recorded."""
        return len(next(iter(self._columns.values()), ()))

    @property
    def last(self) -> dict[str, float]:
        """Every column's value of the latest epoch; empty before the first."""
        return {column: values[-1] for column, values in self._columns.items()}

    def append(self, **values: float) -> None:
        """Add one epoch.

        Parameters
        ----------
        **values : float
            One value per column. The first epoch decides the columns; NaN and infinities
            are recorded as they are.

        Raises
        ------
        TypeError
            If a value is not a real number.
        ValueError
            If there is no value, or the columns are not those of the epochs before. The
            history is then unchanged.
        """
        if not values:
            raise ValueError("append() got no value; pass one value per column, train_loss=0.5")
        numbers = {
            column: real_number(column, value, "a history records floats")
            for column, value in values.items()
        }
        if self._columns and numbers.keys() != self._columns.keys():
            raise ValueError(
                f"append() got the columns {listed(list(numbers))}, but the epochs before have "
                f"{listed(list(self._columns))}; every epoch must give the same columns"
            )
        for column, number in numbers.items():
            self._columns.setdefault(column, []).append(number)

    def best(self, monitor: str = "val_loss", mode: Mode = "auto") -> tuple[int, float]:
        """Epoch and value at which a column was best.

        Parameters
        ----------
        monitor : str, default="val_loss"
            Column to look at.
        mode : {"auto", "min", "max"}, default="auto"
            Whether the smallest or the largest value is the best. "auto" means "min" for
            names ending in ``loss`` and "max" for names ending in ``accuracy``.

        Returns
        -------
        tuple[int, float]
            The epoch, counted from 0, and the value. The earliest epoch wins a tie; NaN is
            never the best.

        Raises
        ------
        KeyError
            If there is no such column.
        ValueError
            If no value of the column is a number, or `mode` is unknown or cannot be told
            from the name.

        Examples
        --------
        >>> import eigenmlp as em
        >>> history = em.History()
        >>> for accuracy in (0.25, 0.75, 0.75):
        ...     history.append(val_accuracy=accuracy)
        >>> history.best("val_accuracy")
        (1, 0.75)
        """
        values = self._column(monitor)
        sign = 1 if resolve_mode(monitor, mode) == "min" else -1
        epochs = [epoch for epoch, value in enumerate(values) if not math.isnan(value)]
        if not epochs:
            raise ValueError(
                f"{shown(monitor)} has no best epoch: it is NaN in all {len(values)} epochs; "
                "lower the learning rate or look for NaN in the data"
            )
        epoch = min(epochs, key=lambda epoch: sign * values[epoch])
        return epoch, values[epoch]

    def to_dict(self) -> dict[str, list[float]]:
        """Return the columns as plain lists, which `json` can write.

        See Also
        --------
        from_dict : the way back.
        """
        return {column: list(values) for column, values in self._columns.items()}

    @classmethod
    def from_dict(cls, columns: Mapping[str, list[float]]) -> Self:
        """Make a history from what `to_dict` returned.

        Parameters
        ----------
        columns : Mapping[str, list[float]]
            Lists of one length, by column name.

        Raises
        ------
        TypeError
            If a value is not a real number.
        ValueError
            If the columns differ in length.

        Examples
        --------
        >>> import json
        >>> import eigenmlp as em
        >>> history = em.History()
        >>> history.append(train_loss=1.5, seconds=0.25)
        >>> text = json.dumps(history.to_dict())
        >>> em.History.from_dict(json.loads(text)) == history
        True
        """
        lengths = {column: len(values) for column, values in columns.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(
                f"the columns of a history have one entry per epoch, but their lengths are "
                f"{lengths}; the record is damaged"
            )
        history = cls()
        history._columns = {
            column: [real_number(column, value, "a history records floats") for value in values]
            for column, values in columns.items()
            if values
        }
        return history

    def _column(self, column: str) -> list[float]:
        try:
            return self._columns[column]
        except KeyError:
            raise KeyError(self._missing(column)) from None

    def _missing(self, column: str) -> str:
        if not self._columns:
            return f"no column {shown(column)}: no epoch has been recorded yet"
        remedy = "; pass validation_data to train() to get it" if _is_validation(column) else ""
        known = listed(list(self._columns), most=100)
        return f"no column {shown(column)}: the columns are {known}{remedy}"


def resolve_mode(monitor: str, mode: Mode) -> Literal["min", "max"]:
    """Say whether small or large values of a column are good.

    Parameters
    ----------
    monitor : str
        Name of the column.
    mode : {"auto", "min", "max"}
        "auto" goes by the name: ``loss`` at its end means "min", ``accuracy`` "max".

    Raises
    ------
    ValueError
        If `mode` is none of the three, or "auto" and the name tells nothing.
    """
    if mode == "min" or mode == "max":  # noqa: PLR1714  mypy narrows a literal by == alone
        return mode
    if mode != "auto":
        raise ValueError(f'mode={shown(mode)} is unknown; use "min", "max" or "auto"')
    if monitor.endswith("loss"):
        return "min"
    if monitor.endswith("accuracy"):
        return "max"
    raise ValueError(
        f"whether small or large values of {shown(monitor)} are good cannot be told from its name; "
        'pass mode="min" or mode="max"'
    )


def _is_validation(column: object) -> bool:
    return isinstance(column, str) and column.startswith("val_")
