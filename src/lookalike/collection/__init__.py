"""The searchable database: one protocol, and its implementations."""

from lookalike.collection.local import LocalCollection
from lookalike.collection.plan import Choice, Goals, IndexPlan
from lookalike.collection.protocol import CategoryCount, Collection, CollectionInfo
from lookalike.collection.tuning import Measured, Tuning

__all__ = [
    "CategoryCount",
    "Choice",
    "Collection",
    "CollectionInfo",
    "Goals",
    "IndexPlan",
    "LocalCollection",
    "Measured",
    "Tuning",
]
