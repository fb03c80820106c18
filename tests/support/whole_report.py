"""The report of a whole study, made once for all tests that look at it."""

import atexit
import dataclasses
import functools
import shutil
import tempfile
from pathlib import Path

from eigenmlp.study.report import write_report
from eigenmlp.study.results import StudyResults
from page_reader import Page
from synthetic_study import make_data, make_study

DATA = make_data()
FAILED = "fig5-eta0.1"


@dataclasses.dataclass(frozen=True)
class Report:
    """A whole study and the files that the report made of it."""

    study: StudyResults
    folder: Path
    page: Page


@functools.cache
def whole_report() -> Report:
    """Return the report on `DATA`, in which the run `FAILED` diverged."""
    folder = Path(tempfile.mkdtemp(prefix="eigenmlp-report-"))
    atexit.register(shutil.rmtree, folder)
    study = make_study(DATA, failed=[FAILED])
    return Report(study, folder, Page.read(write_report(folder, DATA, study)))
