"""The only home of torch: teach a network the catalogue's categories, and export it as an encoder.

Nothing here is imported unless `lookalike train`, `export`, `sweep` or `build --budget` asks for it (extra `train`).
"""

from lookalike.training.config import RunConfig, TrainConfig
from lookalike.training.exporting import Fidelity, export
from lookalike.training.fit import plan_for, train

__all__ = ["Fidelity", "RunConfig", "TrainConfig", "export", "plan_for", "train"]
