"""What a run begins with: its network, new or as it was left, and what the frozen stages make of photos."""

import hashlib
import json
from pathlib import Path

import safetensors.torch
import torch
from torch.utils.data import DataLoader

from lookalike.artifacts import digest
from lookalike.files import write_bytes
from lookalike.training.cache import Cache, CachedDataset, make_runner
from lookalike.training.config import RunConfig, TrainConfig
from lookalike.training.cut import Tail, copied, cut
from lookalike.training.data import Batch, TrainingSet, make_loader
from lookalike.training.folding import fold
from lookalike.training.network import Backbone, load_weights, make_backbone, read_state, rebuild_backbone
from lookalike.types import Json, Preprocess

FACTS = "training.json"
BEST, LAST, INTERRUPTED = "best.ckpt", "last.ckpt", "interrupted.ckpt"
START, CACHE = "start.safetensors", "cache"
"""The weights that training began with, kept where the encoder needs them; and what the frozen stages gave, deleted."""


def cached_tail(
    folder: Path, data: TrainingSet, start: Backbone, config: TrainConfig, run: RunConfig
) -> tuple[Backbone, DataLoader[Batch], DataLoader[Batch]]:
    """Return the network that is left to train, and loaders of what the frozen stages make of the photos."""
    if not (folder / START).is_file():
        write_bytes(folder / START, safetensors.torch.save(start.network.state_dict()))
    cache = folder / CACHE if run.cache is None else run.cache / _cache_name(folder / START, data, start.card, config)
    cache.mkdir(parents=True, exist_ok=True)
    runner = make_runner(cache / "trunk", cut(start, config.trained_stages), start.card, config.precision)
    shown = Cache(cache / "train", runner, data.train, count=config.views, seed=config.seed)
    asked = Cache(cache / "validation", runner, data.validation, count=0, seed=config.seed)
    train_set = CachedDataset(data.train, shown, config.seed, vary=True)
    validation_set = CachedDataset(data.validation, asked, config.seed, vary=False)
    tail = Tail(cut(copied(start), config.trained_stages))
    fold(tail, torch.linspace(0, 1, 2 * runner.encoder.dim).view(2, -1))
    return (
        Backbone(start.name, tail, start.card, start.dim),
        make_loader(train_set, config, 0, shuffle=True),
        make_loader(validation_set, config, 0, shuffle=False),
    )


def _cache_name(start: Path, data: TrainingSet, card: Preprocess, config: TrainConfig) -> str:
    """Name what decides the content of a cache: whoever shares it must agree in all of these."""
    learned = [data.catalogue.hash, data.split.hash, data.train.image_ids, data.validation.image_ids]
    how = [card.to_json(), config.trained_stages, config.views, config.seed, config.precision]
    return digest([hashlib.sha256(start.read_bytes()).hexdigest(), learned, how])


def begin(folder: Path, config: TrainConfig) -> Backbone:
    """Make the backbone; a run that goes on takes its weights from what it left and fetches nothing."""
    if (folder / START).is_file() and (folder / FACTS).is_file():
        return starting_backbone(folder, config.backbone)
    if (folder / LAST).is_file() and (folder / FACTS).is_file():
        return rebuild_backbone(config.backbone, _stored_card(folder))
    return make_backbone(config)


def starting_backbone(folder: Path, name: str) -> Backbone:
    """Make the network that a run in this folder started from."""
    backbone = rebuild_backbone(name, _stored_card(folder))
    load_weights(backbone.network, read_state(folder / START), str(folder / START))
    return backbone


def _stored_card(folder: Path) -> Preprocess:
    facts: Json = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    return Preprocess.from_json(facts["preprocess"])
