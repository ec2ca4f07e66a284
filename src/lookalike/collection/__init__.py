"""The searchable database: one protocol, and its implementations."""

from lookalike.collection.local import LocalCollection
from lookalike.collection.protocol import CategoryCount, Collection, CollectionInfo

__all__ = ["CategoryCount", "Collection", "CollectionInfo", "LocalCollection"]
