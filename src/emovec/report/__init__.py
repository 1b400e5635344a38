"""The report: tables on disk as one page, and figures for papers."""

from emovec.report.pages.study import write_report

__all__ = ["write_report"]
