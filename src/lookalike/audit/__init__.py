"""The audit: what in a catalogue a person should look at before anything is learned from it or measured on it."""

from lookalike.audit.config import AuditConfig
from lookalike.audit.stage import KIND, lines, run
from lookalike.audit.wrong_labels import installed

__all__ = ["KIND", "AuditConfig", "installed", "lines", "run"]
