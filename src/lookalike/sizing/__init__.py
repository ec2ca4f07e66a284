"""What a catalogue of some size takes on this machine: measured on small sites, and drawn out by stated laws."""

from lookalike.sizing.laws import Costs, IndexCosts, Line, Size, size
from lookalike.sizing.measuring import draw_photos, find_photos, measure

__all__ = ["Costs", "IndexCosts", "Line", "Size", "draw_photos", "find_photos", "measure", "size"]
