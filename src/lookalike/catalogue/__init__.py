"""Ingest: from a marketplace's own tables and photos to a clean catalogue, with a reason for whatever is left out."""

from lookalike.catalogue.ingest import ingest
from lookalike.catalogue.reasons import REASONS
from lookalike.catalogue.source import SourceConfig, SourceOptions, load_source_config
from lookalike.catalogue.store import Catalogue, photo_root, read

__all__ = [
    "REASONS",
    "Catalogue",
    "SourceConfig",
    "SourceOptions",
    "ingest",
    "load_source_config",
    "photo_root",
    "read",
]
