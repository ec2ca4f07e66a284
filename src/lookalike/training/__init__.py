"""The only home of torch: teach a network the catalogue's categories, and export it as an encoder.

Nothing here is imported unless `lookalike train` or `lookalike export` asks for it (the `train` extra).
"""

from lookalike.training.config import RunConfig, TrainConfig
from lookalike.training.exporting import Fidelity, export
from lookalike.training.fit import train

__all__ = ["Fidelity", "RunConfig", "TrainConfig", "export", "train"]
