"""Evaluation: test photos through the search engine that serves, judged by `metrics`."""

from lookalike.evaluate.comparing import Compared, compare, compared_lines
from lookalike.evaluate.evaluation import EvaluateConfig, Evaluation, evaluate
from lookalike.evaluate.ledger import append_use, read_uses
from lookalike.evaluate.stage import folder_of, lines, read_told, run

__all__ = [
    "Compared",
    "EvaluateConfig",
    "Evaluation",
    "append_use",
    "compare",
    "compared_lines",
    "evaluate",
    "folder_of",
    "lines",
    "read_told",
    "read_uses",
    "run",
]
