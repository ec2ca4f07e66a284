"""The report: what a built site's artefacts tell, as one HTML file with pictures; it computes nothing."""

from lookalike.report.page import write_report

__all__ = ["write_report"]
