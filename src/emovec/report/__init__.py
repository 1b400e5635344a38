"""The report: tables on disk as one page, and figures for papers."""

from emovec.report.page import write_report

__all__ = ["write_report"]
