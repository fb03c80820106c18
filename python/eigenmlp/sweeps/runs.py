"""The runs of a sweep, to be compared and used."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from eigenmlp.common.extras import require
from eigenmlp.common.words import listed, shown
from eigenmlp.sweeps.results import Outcome, RunFailure, RunResult
from eigenmlp.sweeps.specs import RunSpec

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Runs", "columns_of"]


class Runs(Sequence[Outcome]):
    """The runs of a sweep, in the order of their specs.

    Parameters
    ----------
    outcomes : sequence of RunResult or RunFailure
        As `eigenmlp.sweeps.run` returns them.

    Attributes
    ----------
    results : list of RunResult
        The runs that ended with a result.
    failures : list of RunFailure
        The others.
    """

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        self._outcomes = [*outcomes]
        self.results = [run for run in self._outcomes if isinstance(run, RunResult)]
        self.failures = [run for run in self._outcomes if isinstance(run, RunFailure)]

    def __repr__(self) -> str:
        failed = f", {len(self.failures)} failed" if self.failures else ""
        return f"Runs({len(self)} runs{failed})"

    def __len__(self) -> int:
        return len(self._outcomes)

    def __iter__(self) -> Iterator[Outcome]:
        return iter(self._outcomes)

    @overload
    def __getitem__(self, place: int) -> Outcome: ...
    @overload
    def __getitem__(self, place: slice) -> "Runs": ...
    def __getitem__(self, place: int | slice) -> "Outcome | Runs":
        found = self._outcomes[place]
        return Runs(found) if isinstance(found, list) else found

    def best(
        self, score: str = "val_loss", *, moment: Literal["best", "last"] = "best"
    ) -> RunResult:
        """Return the run of the best score: the lowest loss, or the highest of another kind.

        Parameters
        ----------
        score : str, default="val_loss"
            Of `Metrics`, or one of the specs' metrics, as "val_f1_macro". To choose by "test_…"
            makes the test data part of training.
        moment : {"best", "last"}, default="best"
            The epoch of the lowest validation loss, or the last.

        Raises
        ------
        ValueError
            If no run has such a score.
        """
        if moment not in {"best", "last"}:
            raise ValueError(f"moment={shown(moment)} is unknown; use 'best' or 'last'")
        scored = [(run, getattr(run, moment).scores()) for run in self.results]
        found = [(run, scores[score]) for run, scores in scored if score in scores]
        if not found:
            known = list(dict.fromkeys(name for _, scores in scored for name in scores))
            told = f"there are {listed(known)}" if known else "every run failed"
            raise ValueError(f"no run has the score {shown(score)}; {told}")
        sign = 1 if score.endswith("_loss") else -1
        return min(found, key=lambda pair: sign * pair[1])[0]

    def table(self) -> "pd.DataFrame":
        """Return a row per run: what varies, scores, seconds, where it ran, and errors.

        Scores are of the last epoch, "last_val_loss", and of the best, "best_val_loss".

        Raises
        ------
        ImportError
            If pandas, of the extra `study`, is not installed.
        """
        pandas = require("pandas", extra="study", purpose="A table of runs")
        specs = [columns_of(run.spec) for run in self]
        varies = [
            name
            for name in dict.fromkeys(name for spec in specs for name in spec)
            if name not in {"name", "label", "seed"}
            # An optimizer's own options don't vary where each has the same.
            and len({repr(spec[name]) for spec in specs if name in spec}) > 1
        ]
        rows = []
        for run, spec in zip(self, specs, strict=True):
            row: dict[str, Any] = {"name": run.spec.name, "seed": run.spec.seed}
            row |= {name: spec.get(name) for name in varies}
            row["epochs"] = run.history.n_epochs
            if isinstance(run, RunResult):
                row["best_epoch"] = run.best_epoch
                for moment in ("last", "best"):
                    scores = getattr(run, moment).scores()
                    row |= {f"{moment}_{name}": value for name, value in scores.items()}
                row |= {"seconds": run.seconds, **vars(run.place)}
            else:
                row["error"] = f"{run.kind}: {run.message}"
            rows.append(row)
        # What only some runs have comes where they have it, and errors last.
        columns = list(dict.fromkeys(name for row in rows for name in row if name != "error"))
        errors = ["error"] if any("error" in row for row in rows) else []
        return pandas.DataFrame(rows, columns=columns + errors)  # type: ignore[no-any-return]


def columns_of(spec: RunSpec) -> dict[str, Any]:
    """Return a value for each option of a spec; those of an option's own options are joined.

    Examples
    --------
    >>> from eigenmlp.sweeps.runs import columns_of
    >>> from eigenmlp.sweeps import RunSpec
    >>> columns = columns_of(RunSpec(hidden_layers=(20, 10)))
    >>> columns["hidden_layers"], columns["optimizer"], columns["optimizer_beta1"]
    ('20 10', 'adam', 0.9)
    """
    columns: dict[str, Any] = {}
    for name, value in spec.to_dict().items():
        if isinstance(value, dict):
            columns |= {
                name if option == "kind" else f"{name}_{option}": each
                for option, each in value.items()
                if each != name
            }
        elif isinstance(value, list):
            columns[name] = " ".join(map(str, value))
        else:
            columns[name] = value
    return columns
