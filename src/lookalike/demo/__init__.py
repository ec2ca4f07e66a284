"""The sample catalogue: a small second-hand shop, modelled, lit and photographed by the project itself from a seed."""

from lookalike.demo.drawing import draw

__all__ = ["draw"]
