"""Ablations of the training recipe on the yardstick: what each change gives and costs, with the same folds and seeds.

    python benchmarks/recipes.py [SOURCE] [--recipes softmax,arcface,...] [--folds 0,1] [--seeds 0] [--epochs 5]
                                 [--trained-stages 1] [--work DIR]

The folds and queries are those of yardstick.py. Each recipe trains the last stages on what the frozen ones made (cached
once a fold), as the 20-minute plan does but for --epochs and --trained-stages; its features, beside the generic ones,
go through the default head, and accuracy, label and instance recall@1 are measured on the fold's own photos. What the
default's run has in its last epoch (`last epoch`, and that `without EMA`) and the blends of start and tuned weights
(`wise-…`) stand in rows of their own.
proxy-anchor and supcon need pytorch-metric-learning, which Lookalike itself does not. Prints and keeps the paired
differences to `softmax`, the default, with 95 % intervals by sender; --work/ablations.json is what
`lookalike report --ablations` takes.
"""

import argparse
import copy
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

import yardstick
from harness import CLOTHING, bars, command, keep
from lookalike import catalogue, embedding, embeddings, heads, images, splits, views
from lookalike.evaluate.distortions import distort, draw
from lookalike.files import write_text
from lookalike.training import RunConfig, TrainConfig, data, fit, plan_for, train
from lookalike.training.cache import Runner, make_runner
from lookalike.training.cut import Tail, copied, cut
from lookalike.training.module import Classifier
from lookalike.training.network import Backbone, load_weights, make_backbone, read_state

FIGURES = ("accuracy", "label recall@1", "label precision@10", "instance recall@1")
BLENDS = (0.5,)
Values = dict[str, dict[int, list[dict[str, np.ndarray]]]]
"""By variant and fold, of each seed: figures, a number a query."""


@dataclass(frozen=True)
class Recipe:
    """A change to the default recipe: of the configuration, of the module, of the order of photos."""

    config: Mapping[str, Any] = field(default_factory=dict)
    module: type[Classifier] = Classifier
    balanced: bool = False


@dataclass(frozen=True)
class Bench:
    """One fold ready to train on, and the trunk's rows of all that is asked and searched."""

    fold: yardstick.Fold
    plan: TrainConfig
    tail: Path
    parts: np.ndarray
    clean: np.ndarray
    bent: np.ndarray
    seen: views.Views


class Mixup(Classifier):
    """Mixup (Zhang et al. 2018) of what the trunk gave, with weights from Beta(0.2, 0.2)."""

    def training_step(self, batch: data.Batch, batch_idx: int) -> torch.Tensor:
        """Mix each photo with another of the batch."""
        share = float(np.random.default_rng([self.global_step, 5]).beta(0.2, 0.2))
        other = torch.randperm(len(batch.targets))
        features = self(share * batch.pixels.float() + (1 - share) * batch.pixels[other].float())
        progress = self.global_step / self._steps
        loss = share * self.heads.loss(features, batch.targets, progress)
        loss = loss + (1 - share) * self.heads.loss(features, batch.targets[other], progress)
        self._train_loss.add(float(loss.detach()), len(batch.targets))
        return loss


class LayerDecay(Classifier):
    """Learning rates that fall by 0.7 a block from the top down (Clark et al. 2020, ELECTRA; BEiT)."""

    def configure_optimizers(self) -> Any:  # noqa: ANN401
        """Give each parameter a learning rate of its own."""
        found = super().configure_optimizers()
        children = [child for child in self.backbone.tail.children() if any(p.ndim > 1 for p in child.parameters())]
        depth = {id(p): len(children) - 1 - n for n, child in enumerate(children) for p in child.parameters()}
        groups = [
            {"params": [p], "weight_decay": group["weight_decay"], "lr": self._config.lr * 0.7 ** depth.get(id(p), 0)}
            for group in found["optimizer"].param_groups
            for p in group["params"]
        ]
        optimizer = torch.optim.AdamW(groups, lr=self._config.lr)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, self._factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


class Probed(Classifier):
    """LP-FT (Kumar et al. 2022): the classifier is fitted in closed form (shrinkage LDA) first."""

    def on_train_start(self) -> None:
        """Fit the classifier."""
        loader = self.trainer.train_dataloader
        self.backbone.eval()
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            pairs = [(self.backbone(batch.pixels).float().numpy(), batch.targets[:, 0].numpy()) for batch in loader]
        features, codes = (np.concatenate(each) for each in zip(*pairs, strict=True))
        groups = list(range(len(codes)))
        found = heads.fit(features, [f"{code:04d}" for code in codes], groups, heads.HeadConfig(kind="lda"))
        probe, layer = found.classifier, self.heads.layers[0]
        with torch.no_grad():
            weights = torch.from_numpy(np.asarray(probe.weights * probe.sharpness, np.float32)).T
            bias = torch.from_numpy(np.asarray(probe.bias * probe.sharpness, np.float32))
            layer.weight.copy_(weights)
            layer.bias.copy_(bias - weights @ torch.from_numpy(np.asarray(probe.mean, np.float32)))
        self.train()


class MetricLoss(Classifier):
    """A loss of pytorch-metric-learning on the features, added to softmax."""

    make: Callable[[int, int], torch.nn.Module]

    def __init__(self, backbone: Backbone, sizes: Sequence[int], config: TrainConfig, steps: int) -> None:
        super().__init__(backbone, sizes, config, steps)
        self.metric = type(self).make(sizes[0], backbone.dim)

    def training_step(self, batch: data.Batch, batch_idx: int) -> torch.Tensor:
        """Add the two losses."""
        features = self(batch.pixels).float()
        loss = self.heads.loss(features, batch.targets, self.global_step / self._steps)
        with torch.autocast("cpu", enabled=False):
            loss = loss + self.metric(functional.normalize(features), batch.targets[:, 0])
        self._train_loss.add(float(loss.detach()), len(batch.targets))
        return loss


class ProxyAnchor(MetricLoss):
    """Kim et al. 2020, margin 0.1, alpha 32, as published."""

    @staticmethod
    def make(classes: int, dim: int) -> torch.nn.Module:
        """Make the loss."""
        from pytorch_metric_learning.losses import ProxyAnchorLoss

        return ProxyAnchorLoss(classes, dim)


class SupCon(MetricLoss):
    """Khosla et al. 2020, temperature 0.1, as published."""

    @staticmethod
    def make(classes: int, dim: int) -> torch.nn.Module:
        """Make the loss."""
        from pytorch_metric_learning.losses import SupConLoss

        return SupConLoss(0.1)


RECIPES = {
    "softmax": Recipe(),
    "no smoothing": Recipe({"label_smoothing": 0.0}),
    "normalised": Recipe({"loss": "normalised"}),
    "normalised, T 0.1": Recipe({"loss": "normalised", "temperature": 0.1}),
    "arcface": Recipe({"loss": "arcface"}),
    "lp-ft": Recipe(module=Probed),
    "layer decay": Recipe(module=LayerDecay),
    "mixup": Recipe(module=Mixup),
    "balanced": Recipe(balanced=True),
    "proxy-anchor": Recipe(module=ProxyAnchor),
    "supcon": Recipe(module=SupCon),
    "constant lr": Recipe({"schedule": "constant"}),
    "onecycle": Recipe({"schedule": "onecycle"}),
}


def main() -> None:
    """Try each recipe in each fold with each seed, and keep what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", nargs="?", type=Path, default=CLOTHING)
    parser.add_argument("--recipes", default=",".join(RECIPES))
    parser.add_argument("--folds", default="0,1")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--trained-stages", type=int, default=1)
    parser.add_argument("--work", type=Path, default=Path("yardstick.work"))
    arguments = parser.parse_args()
    values: Values = {}
    seconds: dict[str, list[float]] = {}
    for number in map(int, arguments.folds.split(",")):
        bench = prepare(arguments.source, number, arguments.work / f"fold-{number}", arguments.trained_stages)
        for name in arguments.recipes.split(","):
            for seed in map(int, arguments.seeds.split(",")):
                started = time.perf_counter()
                config = replace(bench.plan, epochs=arguments.epochs, seed=seed, **RECIPES[name].config)
                for variant, found in tried(bench, name, config):
                    values.setdefault(variant, {}).setdefault(number, []).append(found)
                    shown = {figure: round(float(found[figure].mean()), 4) for figure in FIGURES}
                    print(number, seed, variant, shown, f"{time.perf_counter() - started:.0f} s", flush=True)
                    seconds.setdefault(variant, []).append(round(time.perf_counter() - started, 1))
    rows = table(values)
    write_text(arguments.work / "ablations.json", json.dumps(rows, indent=2) + "\n")
    shown = {f"{row['name']}: {figure}": row[figure] for figure in FIGURES for row in rows}
    keep("recipes", {"rows": rows, "seconds": seconds}, bars("Recipes, means over folds", shown, unit=""))


def prepare(source: Path, number: int, folder: Path, stages: int) -> Bench:
    """Make the fold, and run the trunk over its photos, its distorted queries and its views."""
    fold = yardstick.make_fold(source, number, folder)
    plan = plan_for(folder / "catalogue", folder / "split", TrainConfig(), "20m")
    plan = replace(plan, trained_stages=stages, budget_s=None)
    tail = folder / f"tail-{stages}"
    start = make_backbone(plan)
    tail.mkdir(exist_ok=True)
    runner = make_runner(tail / "trunk", cut(start, plan.trained_stages), start.card, plan.precision)
    embedding.embed(folder / "catalogue", runner.encoder, tail / "rows")
    clean = embeddings.load_embeddings(tail / "rows").of(list(fold.ids))
    views.make_views(folder / "catalogue", folder / "split", runner.encoder, tail / "views")
    read = catalogue.read(folder / "catalogue")
    joined = read.images.join(splits.read_split(folder / "split", of=read), on="image_id", maintain_order="left")
    return Bench(
        fold,
        plan,
        tail,
        joined["split"].to_numpy(),
        clean,
        bent_rows(
            fold, runner, tail / "bent.npy", dict(zip(read.images["image_id"], read.images["path"], strict=True))
        ),
        views.load_views(tail / "views"),
    )


def bent_rows(fold: yardstick.Fold, runner: Runner, file: Path, paths: Mapping[str, str]) -> np.ndarray:
    """The trunk's rows of the asking photos, distorted."""
    if not file.is_file():
        asking = [fold.ids[place] for place in np.flatnonzero(fold.asks)]
        rows = [
            runner.encoder.encode(
                images.prepare(
                    distort(images.decode(images.read_bytes(fold.root / paths[one])), draw(one, seed=0)), runner.card
                )[None]
            )[0].astype(np.float16)
            for one in asking
        ]
        np.save(file, np.stack(rows))
    return np.load(file, mmap_mode="r")


def tried(bench: Bench, name: str, config: TrainConfig) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Train by a recipe, and measure it; with the default's training also what averaging and blending make of it."""
    recipe, folder = RECIPES[name], bench.fold.folder
    out = bench.tail / f"model {name} {config.seed} {config.epochs}"
    patched = (fit.Classifier, data.EpochSampler.__iter__)
    fit.Classifier = recipe.module
    if recipe.balanced:
        counts = np.bincount([numbers[0] for numbers in _targets(bench, config)])
        targets = _targets(bench, config)
        data.EpochSampler.__iter__ = lambda sampler: balanced(counts, targets, sampler)  # type: ignore
    try:
        run = RunConfig(progress=False, cache=bench.tail / "cache")
        train(folder / "catalogue", folder / "split", out, config, run)
    finally:
        fit.Classifier, data.EpochSampler.__iter__ = patched
    start = make_backbone(config)
    generic = Tail(cut(copied(start), bench.plan.trained_stages))
    tuned_backbone = copied(start)
    load_weights(Tail(cut(tuned_backbone, config.trained_stages)), read_state(out / "best.ckpt"), "")
    tuned = Tail(cut(tuned_backbone, bench.plan.trained_stages))
    yield name, measured(bench, generic, tuned)
    if name == "softmax":
        learned = copy.deepcopy(tuned)
        load_weights(learned, read_state(out / "last.ckpt"), "")
        yield "last epoch", measured(bench, generic, learned)
        state = torch.load(out / "last.ckpt", weights_only=True)["state_dict"]
        prefix = "backbone."
        load_weights(learned, {n.removeprefix(prefix): v for n, v in state.items() if n.startswith(prefix)}, "")
        yield "last epoch without EMA", measured(bench, generic, learned)
        for share in BLENDS:
            yield f"wise-{share}", measured(bench, generic, blended(generic, tuned, share))


def _targets(bench: Bench, config: TrainConfig) -> Sequence[tuple[int, ...]]:
    folder = bench.fold.folder
    return data.read_training_set(folder / "catalogue", folder / "split", config, None).train.targets


def balanced(counts: np.ndarray, targets: Sequence[tuple[int, ...]], sampler: Any) -> Iterator[int]:  # noqa: ANN401
    """Draw photos with the square root of their label's rarity (Mahajan et al. 2018)."""
    weights = np.array([1 / np.sqrt(counts[numbers[0]]) for numbers in targets])
    random = np.random.default_rng([sampler._seed, sampler._epoch])
    if not sampler._shuffle:
        return iter(range(sampler._length))
    drawn = random.choice(sampler._length, sampler._length, p=weights / weights.sum())
    return iter((sampler._epoch * sampler._length + drawn).tolist())


def blended(start: Tail, tuned: Tail, share: float) -> Tail:
    """WiSE-FT (Wortsman et al. 2022): weights between the start's and the tuned ones."""
    made, first = copy.deepcopy(tuned), start.state_dict()
    state = {n: first[n].lerp(v, share) if v.is_floating_point() else v for n, v in made.state_dict().items()}
    made.load_state_dict(state)
    return made


def measured(bench: Bench, generic: Tail, tuned: Tail) -> dict[str, np.ndarray]:
    """Fit the default head on both branches' features, and measure it as the yardstick does."""
    fold, seen = bench.fold, bench.seen
    wanted = {
        "clean": bench.clean,
        "bent": bench.bent,
        "train views": seen.train.reshape(-1, seen.train.shape[-1]),
        "asked views": seen.validation.reshape(-1, seen.validation.shape[-1]),
    }
    rows = {name: both(bench.tail / f"generic {name}.npy", generic, tuned, part) for name, part in wanted.items()}
    clean = rows["clean"]
    learned, held = (np.flatnonzero(bench.parts == part) for part in ("train", "validation"))
    place = {fold.ids[row]: number for number, row in enumerate(held)}
    head = heads.fit(
        clean[learned],
        fold.labels[learned].tolist(),
        fold.senders[learned].tolist(),
        heads.HeadConfig(),
        aids=heads.Aids(
            clean[held],
            fold.labels[held].tolist(),
            rows["train views"].reshape(*seen.train.shape[:2], -1),
            rows["asked views"],
            np.repeat([place[one] for one in seen.validation_ids], seen.validation.shape[1]),
            clean.shape[1] // 2,
        ),
    )
    found = yardstick.retrieval(fold, head.apply(clean), head.apply(rows["bent"]))
    return {**found, "accuracy": yardstick.right(head, clean[fold.asks], fold.labels[fold.asks])}


def both(kept: Path, generic: Tail, tuned: Tail, rows: np.ndarray) -> np.ndarray:
    """Features of both branches for rows of the trunk: float32 (n, 2 d); the generic ones are the same in each run."""
    if not kept.is_file():
        np.save(kept, run_tail(generic, rows))
    return np.concatenate([np.load(kept), run_tail(tuned, rows)], axis=1)


def run_tail(tail: Tail, rows: np.ndarray) -> np.ndarray:
    """Run a tail over rows of the trunk, in batches: float32 (n, d)."""
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        parts = (torch.from_numpy(np.array(rows[start : start + 64])) for start in range(0, len(rows), 64))
        return np.concatenate([tail.eval()(part).float().numpy() for part in parts])


def table(values: Values) -> list[dict[str, object]]:
    """A row a recipe: means over folds (of their seeds' means), and paired differences to softmax, see `yardstick`."""
    rows: list[dict[str, object]] = []
    base = values.get("softmax", {})
    for name, found in values.items():
        row: dict[str, object] = {"name": name, "command": command(), "folds": sorted(found)}
        row["runs"] = sum(map(len, found.values()))
        paired = {n: len(runs) for n, runs in found.items()} == {n: len(runs) for n, runs in base.items()}
        for figure in FIGURES:
            mine = [np.mean([run[figure] for run in runs], axis=0) for runs in found.values()]
            row[figure] = round(float(np.mean([each.mean() for each in mine])), 4)
            if name != "softmax" and paired:
                theirs = [np.mean([run[figure] for run in runs], axis=0) for runs in base.values()]
                senders = [runs[0]["sender"] for runs in found.values()]
                ends = zip(("value", "low", "high"), yardstick.difference(mine, theirs, senders), strict=True)
                row[f"{figure}, difference"] = {end: round(v, 4) for end, v in ends}
        rows.append(row)
        print(row)
    return rows


if __name__ == "__main__":
    main()
