"""Evaluation: test photos through the search engine that serves, judged by `metrics`."""

from lookalike.evaluate.evaluation import EvaluateConfig, Evaluation, evaluate
from lookalike.evaluate.ledger import append_use, read_uses
from lookalike.evaluate.stage import lines, run

__all__ = ["EvaluateConfig", "Evaluation", "append_use", "evaluate", "lines", "read_uses", "run"]
