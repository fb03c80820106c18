"""A callback of scikit-learn that keeps what it is told."""

from __future__ import annotations

from typing import Any


class Recorder:
    """Keeps what it is told; an `after` ends the fit after so many steps."""

    def __init__(self, after: int | None = None) -> None:
        self.after = after
        self.events: list[tuple[str, str, tuple[int, ...]]] = []
        self.seen: list[dict[str, Any]] = []

    def setup(self, estimator: Any, context: Any) -> None:
        self.events.append(("setup", "", ()))

    def teardown(self, estimator: Any, context: Any) -> None:
        self.events.append(("teardown", "", ()))

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        self.events.append(("begin", context.task_name, _path(context)))

    def on_fit_task_end(
        self,
        estimator: Any,
        context: Any,
        *,
        X: Any = None,
        y: Any = None,
        metadata: Any = None,
        fitted_estimator: Any = None,
    ) -> bool:
        self.events.append(("end", context.task_name, _path(context)))
        self.seen.append({"X": X, "y": y, "metadata": metadata, "fitted": fitted_estimator})
        return self.after is not None and context.task_id + 1 == self.after


def _path(context: Any) -> tuple[int, ...]:
    before = () if context.parent is None else _path(context.parent)
    return (*before, context.task_id)
