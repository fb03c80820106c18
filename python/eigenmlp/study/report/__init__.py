"""The report: one self-contained page with every table and figure of a study."""

from eigenmlp.study.report.writer import write_report

__all__ = ["write_report"]
