"""What a study shows before it is finished, and the run that need not be trained."""

import dataclasses
import threading
from pathlib import Path
from typing import Any

import pytest

from eigenmlp.study import live_page
from eigenmlp.study.conduct import _early
from eigenmlp.study.live_page import LivePage
from eigenmlp.study.report import write_report
from eigenmlp.study.stopping import stopped
from eigenmlp.study.study import select_groups, specs_of
from eigenmlp.study.study_spec import StudySpec
from eigenmlp.sweeps import EarlyStoppingSpec, RunFailure, RunResult, run
from eigenmlp.sweeps.trial import training_cost
from page_reader import Page
from synthetic_study import make_run, make_study
from tiny_study import tiny_runs_data, tiny_spec
from whole_report import DATA

WHOLE = StudySpec(
    **{
        **vars(tiny_spec("whole", batch_size=None, evaluate_train=False, epochs=150)),
        "learning_rate": 2.0,
    }
)


@pytest.mark.parametrize(("patience", "min_delta"), [(2, 0.01), (5, 0.0), (200, 0.0)])
def test_the_beginning_of_a_run_is_what_early_stopping_trains(
    patience: int, min_delta: float, tmp_path: Path
) -> None:
    stopping = EarlyStoppingSpec(patience=patience, min_delta=min_delta)
    spec = dataclasses.replace(WHOLE, name="short", early_stopping=stopping)
    whole, trained = run(
        [WHOLE, spec], tiny_runs_data(), tmp_path, executor="threads", progress=False
    ).results
    taken = stopped(whole, spec)
    assert isinstance(taken, RunResult)
    for column in ("train_loss", "val_loss", "val_accuracy", "learning_rate"):
        assert taken.history[column] == trained.history[column]
    assert (taken.n_epochs < 150) == (patience < 200)
    assert taken.best_epoch == trained.best_epoch
    assert taken.best.val_loss == trained.best.val_loss
    assert taken.last.val_accuracy == trained.last.val_accuracy
    if taken.stopped_early:
        assert taken.last.train_loss == pytest.approx(trained.last.train_loss, rel=1e-6)
    with pytest.raises(FileNotFoundError):
        taken.network()


def test_of_a_run_that_failed_the_beginning_has_failed() -> None:
    failure = RunFailure(spec=WHOLE, message="diverged", history=make_run(DATA, WHOLE).history)
    short = dataclasses.replace(WHOLE, name="short", early_stopping=EarlyStoppingSpec(patience=1))
    assert stopped(failure, short) == dataclasses.replace(failure, spec=short)


@pytest.mark.parametrize("known", [["m0"], ["m1", "fig4a-batch32"], ["fig5-eta0.1"]])
def test_a_page_of_few_runs_is_whole_and_says_what_is_missing(
    known: list[str], tmp_path: Path
) -> None:
    study = make_study(DATA, failed=["fig5-eta0.1"])
    runs = {name: found for name, found in study.runs.items() if name in known}
    failures = {name: found for name, found in study.failures.items() if name in known}
    study = dataclasses.replace(study, runs=runs, failures=failures, n_missing=55 - len(known))
    page = Page.read(write_report(tmp_path, DATA, study))
    text = (tmp_path / "report.html").read_text("utf-8")
    assert text.endswith("</html>\n")
    assert "The study is not finished." in text
    assert f"{55 - len(known)} of 55 runs are still to come" in text
    assert "Reload this page to see the newest." in text
    assert "not run" not in text
    assert page.ids


def test_a_finished_page_says_nothing_of_it(tmp_path: Path) -> None:
    write_report(tmp_path, DATA, make_study(DATA, groups=["fig5"]))
    assert "not finished" not in (tmp_path / "report.html").read_text("utf-8")


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_page, "_FIRST_AFTER_SECONDS", 0.0)
    monkeypatch.setattr(live_page, "_REST", 0.0)


@pytest.mark.usefixtures("at_once")
def test_the_page_is_written_from_the_first_model_on() -> None:
    written: list[int] = []
    wrote = threading.Event()

    def write(outcomes: Any) -> None:
        written.append(len(outcomes))
        wrote.set()

    runs = [make_run(DATA, tiny_spec(name)) for name in ("a", "b", "m0", "c")]
    with LivePage(write, lambda found: any(r.spec.name == "m0" for r in found)) as page:
        for place, result in enumerate(runs):
            page.ended(result)
            if place >= 2:
                assert wrote.wait(60)
                wrote.clear()
    assert written == [3, 4]


def test_a_short_study_has_no_page_before_its_end() -> None:
    written: list[int] = []
    with LivePage(lambda outcomes: written.append(len(outcomes)), lambda _: True) as page:
        page.ended(make_run(DATA, tiny_spec()))
    assert not written


@pytest.mark.usefixtures("at_once")
def test_what_goes_wrong_with_the_page_is_raised_at_the_end_and_harms_no_run() -> None:
    failed = threading.Event()

    def write(_: Any) -> None:
        failed.set()
        raise OSError("no space left")

    page = LivePage(write, lambda _: True).__enter__()
    page.ended(make_run(DATA, tiny_spec()))
    assert failed.wait(60)
    page.ended(make_run(DATA, tiny_spec("b")))
    with pytest.raises(OSError, match="no space left"):
        page.__exit__(None, None, None)


def test_models_and_what_is_cheap_are_trained_first_and_then_the_longest() -> None:
    data = DATA.for_runs
    specs = list(specs_of(select_groups(None)))
    early = _early(specs, data)
    assert early[:3] == ["m0", "m1", "m2"]
    assert len(early) == len(set(early))
    costs = {spec.name: training_cost(spec, data) for spec in specs}
    cheap = early[3:]
    assert {"fig4a-batch32", "fig5-eta0.1"} <= set(cheap)
    assert [costs[name] for name in cheap] == sorted(costs[name] for name in cheap)
    assert max(costs[name] for name in cheap) < costs["m0"]
