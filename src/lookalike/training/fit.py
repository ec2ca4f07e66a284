"""The training stage: catalogue and split in, a model artefact out; interrupted runs go on from their last epoch."""

import contextlib
import hashlib
import json
import logging
import shutil
import signal
import threading
import warnings
from collections.abc import Generator
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import polars as pl
import torch
from pytorch_lightning import Trainer
from pytorch_lightning.loggers import TensorBoardLogger

from lookalike.artifacts import (
    Artifact,
    Draft,
    Recipe,
    create,
    find,
    installed,
    open_artifact,
    relative_root,
    write_rejects,
)
from lookalike.cores import cores
from lookalike.errors import Stopped, TrainingError
from lookalike.files import write_parquet, write_text
from lookalike.labels import label_set_config
from lookalike.training.beginning import CACHE, FACTS, INTERRUPTED, LAST, begin, cached_tail
from lookalike.training.checkpoints import best_epoch, callbacks, keep_best
from lookalike.training.config import RunConfig, TrainConfig
from lookalike.training.data import TrainingSet, loaders, read_training_set
from lookalike.training.module import Classifier
from lookalike.training.network import Backbone, keep_depthwise_float32, starting_file
from lookalike.training.plan import plan

VERSION = 4
"""Raise when equal configurations would train another model."""

SAMPLE = 128
"""Validation photos set aside by name, on which an export proves itself."""


def train(
    catalogue: Path, split: Path, out: Path, config: TrainConfig | None = None, run: RunConfig | None = None
) -> Artifact:
    """Teach a network the catalogue's categories.

    Parameters
    ----------
    catalogue, split : folders of these artefacts
    out : where to put the model
    config : what decides the result
    run : where it runs, and whether it goes on with an interrupted run

    Returns
    -------
    Artifact of kind "model". It holds `epochs/NNN.ckpt`, `last.ckpt` and `best.ckpt` (of the epoch that
    `checkpoints.choose` takes), `labels.json`, `history.parquet` (a row per epoch), TensorBoard events, and
    `rejects.parquet`: the photos that could not be read.

    Raises
    ------
    TrainingError
        A setting is out of range, there is nothing to learn, the backbone or its weights cannot be had, or the run was
        stopped; then the message says how to go on.
    """
    started = perf_counter()
    config, run = config or TrainConfig(), run or RunConfig()
    config.check()
    data = read_training_set(catalogue, split, config, run.photos)
    recipe = Recipe(
        "model",
        VERSION,
        {**config.to_json(), "weights_sha256": _start_sha256(config)},
        {"catalogue": data.catalogue.hash, "split": data.split.hash},
    )
    if (finished := find(out, recipe)) is not None:
        return finished
    with create(out, recipe) as draft:
        if not run.resume:
            _empty(draft.path)
        with _settled(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            _run(draft, data, config, run, started)
    return open_artifact(out, "model")


def plan_for(catalogue: Path, split: Path, base: TrainConfig, budget: str) -> TrainConfig:
    """Plan training on this catalogue and machine within a budget, see `plan.plan`.

    Raises
    ------
    TrainingError
        There is nothing to learn, or the budget is unknown.
    """
    data = read_training_set(catalogue, split, base, None)
    return plan(base, budget, len(data.train), cores())


def _run(draft: Draft, data: TrainingSet, config: TrainConfig, run: RunConfig, started: float) -> None:
    backbone = begin(draft.path, config)
    _write_facts(draft.path, data, backbone, config)
    accelerator = _accelerator(run)
    if config.trained_stages:
        backbone, train_loader, validation_loader = cached_tail(draft.path, data, backbone, config, run)
    else:
        workers = run.workers if run.workers is not None else min(8, cores()) * (accelerator == "cuda")
        train_loader, validation_loader = loaders(data, backbone.card, config, workers=workers)
    precision = choose_precision(config.precision, accelerator)
    if (precision, accelerator) == ("bf16", "cpu"):
        keep_depthwise_float32(backbone.network)  # before it is copied for the mean of the weights
    module = Classifier(backbone, data.heads, config, max(1, len(train_loader)))
    if config.channels_last:
        module.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    trainer = Trainer(
        accelerator=accelerator,
        devices=1,
        precision="bf16-mixed" if precision == "bf16" else "32-true",
        max_epochs=config.epochs,
        callbacks=callbacks(draft.path, config, spent_s=perf_counter() - started, progress=run.progress),
        logger=TensorBoardLogger(draft.path, name="tensorboard", version=""),
        default_root_dir=draft.path,
        enable_progress_bar=run.progress,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        log_every_n_steps=max(1, min(10, len(train_loader))),
    )
    last = draft.path / LAST
    _fit(trainer, module, (train_loader, validation_loader), last if last.is_file() else None)
    _finish(draft, module, data)
    shutil.rmtree(draft.path / CACHE, ignore_errors=True)
    draft.about = {
        "device": accelerator,
        "precision": precision,
        "versions": installed("torch", "timm", "pytorch-lightning"),
    }


def _fit(trainer: Trainer, module: Classifier, both: tuple[Any, Any], last: Path | None) -> None:
    """Run Lightning's loop; Ctrl-C or SIGTERM, which it answers by exiting, becomes an error with the way to go on."""
    folder = Path(trainer.default_root_dir)
    main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGINT) if main else None
    try:
        trainer.fit(module, both[0], both[1], ckpt_path=None if last is None else str(last), weights_only=True)
    except (SystemExit, KeyboardInterrupt) as error:
        done = len(module.history)
        raise Stopped(
            f"training was stopped; {done} of {trainer.max_epochs} epochs are done",
            where=str(folder),
            mend="Run the same command to go on from there, or use what it has learned so far: "
            f"lookalike export '{folder / INTERRUPTED}' -o encoder",
        ) from error
    finally:
        if main:
            signal.signal(signal.SIGINT, handler)  # Lightning leaves Ctrl-C ignored


def _finish(draft: Draft, module: Classifier, data: TrainingSet) -> None:
    read = sum(image_id not in module.failed for image_id in data.validation.image_ids)
    kept, best = keep_best(draft.path, module.history, read), best_epoch(module.history)
    write_parquet(draft.path / "history.parquet", pl.DataFrame([asdict(line) for line in module.history]))
    write_rejects(draft.path, list(module.failed.values()))
    (draft.path / INTERRUPTED).unlink(missing_ok=True)
    draft.counts = {
        "train_photos": len(data.train),
        "validation_photos": len(data.validation),
        "rejected": len(module.failed),
        "labels": len(data.labels.labels),
        "epochs": len(module.history),
        "best_epoch": best.epoch,
        "best_validation_accuracy": round(best.val_accuracy, 4),
        "kept_epoch": kept.epoch,
        "kept_validation_accuracy": round(kept.val_accuracy, 4),
    }


def _write_facts(folder: Path, data: TrainingSet, backbone: Backbone, config: TrainConfig) -> None:
    """Write what a checkpoint needs to become an encoder, beside it and before it."""
    count = len(data.validation)
    chosen = np.random.default_rng(config.seed).permutation(count)[:SAMPLE].tolist()
    sample = [data.validation.files[index].relative_to(data.root).as_posix() for index in sorted(chosen)]
    facts = {
        "backbone": backbone.name,
        "dim": backbone.dim,
        "trained_stages": config.trained_stages,
        "preprocess": backbone.card.to_json(),
        "photo_root": relative_root(data.root, folder),
        "sample": sample,
    }
    write_text(folder / FACTS, json.dumps(facts, indent=2, ensure_ascii=False) + "\n")
    write_text(folder / "labels.json", json.dumps(label_set_config(data.labels), indent=2, ensure_ascii=False) + "\n")


def choose_precision(wanted: str, accelerator: str) -> str:
    """Settle `auto`: bf16 where the processor or GPU computes it natively, else fp32."""
    if wanted != "auto":
        return wanted
    if accelerator == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    tell = getattr(torch.cpu, "get_capabilities", None)
    able: dict[str, Any] = tell() if tell is not None else {}
    return "bf16" if any(able.get(name) for name in ("avx512_bf16", "amx_bf16", "arm_bf16")) else "fp32"


def _accelerator(run: RunConfig) -> str:
    if run.device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if run.device == "cuda" and not torch.cuda.is_available():
        raise TrainingError("there is no CUDA device that torch can use", mend="Use --device auto or cpu")
    return run.device


def _start_sha256(config: TrainConfig) -> str | None:
    """Identify the file that training starts from; None where there is none, or timm fetches it."""
    if (file := starting_file(config)) is None:
        return None
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise TrainingError(
            "the weights file cannot be read", where=str(file), mend="Give a readable file with --weights"
        ) from error


def _empty(folder: Path) -> None:
    for child in folder.iterdir():
        if child.is_dir():
            shutil.rmtree(child)
        else:
            child.unlink()


@contextlib.contextmanager
def _settled() -> Generator[None]:
    """Keep off the terminal what Lightning says of choices that were made here on purpose."""
    logger = logging.getLogger("pytorch_lightning")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=r".*does not have many workers which may be a bottleneck")
            warnings.filterwarnings(
                "ignore", message=r"`training_step` returned `None`"
            )  # a batch of unreadable photos
            warnings.filterwarnings("ignore", message=r"Checkpoint directory .* exists and is not empty")
            warnings.filterwarnings("ignore", message=r"`isinstance\(treespec, LeafSpec\)` is deprecated")
            yield
    finally:
        logger.setLevel(level)
