"""Puts the report together and writes its files."""

from collections.abc import Callable
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from eigenmlp.common.version import __version__
from eigenmlp.files.atomic import write_atomically
from eigenmlp.study.data import StudyData
from eigenmlp.study.report import tables
from eigenmlp.study.report.analysis import best_run
from eigenmlp.study.report.experiment_sections import (
    ablations_section,
    lambda_section,
    noise_section,
    questions_section,
    search_section,
)
from eigenmlp.study.report.findings import about_the_data
from eigenmlp.study.report.markup import duration, number, paragraph, with_spread
from eigenmlp.study.report.mistakes import mistakes_section
from eigenmlp.study.report.page import Page, Section
from eigenmlp.study.report.sections import (
    curves_section,
    data_section,
    failures_section,
    reproduce_section,
    restoring_section,
    table1_section,
    times_section,
)
from eigenmlp.study.results import StudyResults
from eigenmlp.study.specs import STOPPED

__all__ = ["write_report"]

SECTIONS: tuple[Callable[[Page], Section | None], ...] = (
    data_section,
    table1_section,
    curves_section,
    ablations_section,
    search_section,
    lambda_section,
    questions_section,
    noise_section,
    restoring_section,
    mistakes_section,
    times_section,
    failures_section,
    reproduce_section,
)


def write_report(output: Path, data: StudyData, study: StudyResults) -> Path:
    """Write report.html, table1.md and figures/NAME.png and .svg to the folder `output`.

    The page holds its figures and its style and asks for nothing from elsewhere. The same
    results always give the same files.

    Parameters
    ----------
    output : Path
        Folder; made if it does not exist.
    data : StudyData
        What the study ran on.
    study : StudyResults
        What it found. Parts that were not asked for are left out of the page; runs that failed
        are listed with their messages.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    ImportError
        If matplotlib, of the extra `study`, is not installed.
    """
    folder = output / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    page = Page(data, study, folder)
    sections = [section for make in SECTIONS if (section := make(page)) is not None]
    path = output / "report.html"
    _write(path, _html(page, sections))
    _write(output / "table1.md", _table1_file(page))
    return path


def _html(page: Page, sections: list[Section]) -> str:
    resources = files("eigenmlp.study.report")
    title = f"The multilayer perceptron study on {page.data.name}"
    return Template(resources.joinpath("report.html").read_text("utf-8")).substitute(
        version=escape(__version__),
        css=resources.joinpath("report.css").read_text("utf-8").rstrip(),
        title=escape(title),
        lead="The models, ablations and search of a university report of May 2025, trained by "
        "eigenmlp and shown beside the published numbers.",
        banners=_banners(page),
        contents="\n".join(
            f'<li><a href="#{section.anchor}">{escape(section.title)}</a></li>'
            for section in sections
        ),
        tiles=_tiles(page),
        sections="\n".join(section.html() for section in sections),
        footer=f"eigenmlp {escape(__version__)}, data {page.data.fingerprint[:12]}.",
    )


def _banners(page: Page) -> str:
    """Say what must be known before any number is read."""
    study = page.study
    boxes = []
    if study.n_missing:
        specs = [outcome.spec for outcome in study.all_runs]
        specs += [outcome.spec for outcome in study.all_failures]
        ended = sum(spec.name not in STOPPED for spec in specs)
        total = ended + study.n_missing
        come = (
            f"{study.n_missing} of {total} runs are still to come; what needs them says so or is "
            "left out. Reload this page to see the newest."
        )
        boxes.append(("alarm", ["The study is not finished.", come]))
    if study.quick:
        epochs = max((run.spec.epochs for run in study.all_runs), default=0)
        cut = (
            f"Every run was cut short, to {epochs} epochs at most, on {len(page.data.X):,} images. "
            "Nothing here is a result of the study."
        )
        boxes.append(("alarm", ["A quick look: not results.", cut]))
    notes = [about_the_data(page.data)]
    if study.n_seeds > 1:
        notes.append(
            f"Our numbers are means over {study.n_seeds} seeds, ± their standard deviation. "
            "Curves show the first seed in full and the others thin."
        )
    boxes.append(("notice", notes))
    return "\n".join(
        f'<div class="{css}">{"".join(map(paragraph, texts))}</div>' for css, texts in boxes
    )


def _tiles(page: Page) -> str:
    """Show the study at a glance."""
    study = page.study
    tiles = []
    best = best_run(study)
    if best is not None:
        tiles.append(
            (
                f"Best model: {best.spec.label}",
                number(best.best.test_accuracy),
                "test accuracy; chosen by validation loss, best weights",
            )
        )
    if "m0" in study.runs:
        runs = study.runs["m0"]
        tiles.append(
            (
                "Basic model: M0",
                with_spread(run.last.test_accuracy for run in runs),
                "test accuracy, last weights",
            )
        )
    tiles.append(
        (
            "Runs",
            str(len(study.all_runs)),
            f"finished, {len(study.all_failures)} failed"
            + (f", {study.n_missing} to come" if study.n_missing else ""),
        )
    )
    tiles.append(
        (
            "Training time",
            duration(sum(run.seconds for run in study.all_runs)),
            "of all runs, one thread each",
        )
    )
    return (
        '<div class="tiles">'
        + "".join(
            f'<dl class="tile"><dt>{escape(name)}</dt><dd class="value">{escape(value)}</dd>'
            f'<dd class="beside">{escape(beside)}</dd></dl>'
            for name, value, beside in tiles
        )
        + "</div>"
    )


def _table1_file(page: Page) -> str:
    study = page.study
    lines = ["# Table 1: test set", about_the_data(page.data)]
    if study.quick:
        lines.append("**A quick look with runs cut short: not results.**")
    if study.n_seeds > 1:
        lines.append(f"Means over {study.n_seeds} seeds ± their standard deviation.")
    return "\n\n".join([*lines, tables.table1(study).markdown()])


def _write(path: Path, text: str) -> None:
    write_atomically(path, text.encode())
