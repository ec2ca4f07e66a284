"""Quality on the yardstick: 5-fold cross-validation by sender, for each time budget, through the parts that serve.

    python benchmarks/yardstick.py [SOURCE] [--budgets 2m,20m] [--folds 0,1,2,3,4] [--work DIR]

SOURCE is the clothing data set (images.csv with image, sender_id, label; default ../shared/data/clothing). Its labels
that are no clothes are left out; a photo's fold is sha256(sender_id) mod 5. In each fold the other folds' senders are
the training part, a seventh of them (by another hash) its validation part, on which everything is chosen. Retrieval:
the fold's photos against all photos of the other folds (label), and the fold's photos distorted, each to be found again
among all photos (instance); the same put into scenes, which nothing was ever prepared for (scene). `raw` are the
features at length 1; `lda` is a pure shrinkage LDA (0.3), fitted on and searched in all of the other folds.

Prints means over folds, and paired differences of these with 95 % intervals by sender; draws label against instance
recall at every weight of the label part (told, never chosen by); keeps
`benchmarks/results/<date>-<machine>-yardstick.json` and its picture. An interrupted run goes on with what lies in
--work. What kind of recipe the defaults are was found on these folds too (docs/experiments.md), so they may flatter it.
"""

import argparse
import csv
import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL.Image import Image as PillowImage

from harness import keep, scatter
from lookalike import catalogue, embedding, embeddings, heads, images, splits, stages, views
from lookalike.cores import cores
from lookalike.encoder import load_encoder
from lookalike.evaluate.distortions import distort, draw
from lookalike.evaluate.scenes import draw_scene, stage_scene
from lookalike.training import RunConfig, TrainConfig, export, plan_for, train
from lookalike.types import Float32Array, UInt8Array, unit_rows

ROOT = Path(__file__).resolve().parents[1]
NO_CLOTHES = ("Not sure", "Skip", "Other")
FIGURES = ("accuracy", "label recall@1", "label precision@10", "instance recall@1", "scene recall@1")
WEIGHTS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
DRAWS = 2000
Trade = dict[str, float]
Rows = dict[str, dict[str, np.ndarray]]


@dataclass(frozen=True)
class Fold:
    """One fold's artefacts, its photos in the embeddings' order, and which of them ask."""

    folder: Path
    ids: tuple[str, ...]
    labels: np.ndarray
    senders: np.ndarray
    asks: np.ndarray
    root: Path


def main() -> None:
    """Measure each budget in each fold, and keep what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", nargs="?", type=Path, default=ROOT.parent / "shared" / "data" / "clothing")
    parser.add_argument("--budgets", default="2m,20m")
    parser.add_argument("--folds", default="0,1,2,3,4")
    parser.add_argument("--work", type=Path, default=Path("yardstick.work"))
    arguments = parser.parse_args()
    folds = [int(fold) for fold in arguments.folds.split(",")]
    rows: Rows = {}
    trades: dict[str, list[list[Trade]]] = {}
    seconds: dict[str, list[float]] = {}
    choices: dict[str, list[object]] = {}
    for number in folds:
        fold = make_fold(arguments.source, number, arguments.work / f"fold-{number}")
        for name, values, took, choice, traded in measure(fold, arguments.budgets.split(",")):
            trades.setdefault(name, []).append(traded)
            for figure, value in values.items():
                rows.setdefault(name, {}).setdefault(figure, []).append(value)
            seconds.setdefault(name, []).append(round(took, 1))
            choices.setdefault(name, []).append(choice)
            shown = {figure: round(float(values[figure].mean()), 3) for figure in FIGURES if figure in values}
            print(number, name, shown, f"{took:.0f} s", flush=True)
    report(rows, trades, seconds, choices, folds)


def make_fold(source: Path, number: int, folder: Path) -> Fold:
    """Ingest the clothes with this fold as the test part."""
    with (source / "images.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["label"] not in NO_CLOTHES]
    folder.mkdir(parents=True, exist_ok=True)
    table = folder / "images.csv"
    lines = [["image", "sender_id", "label", "split"]]
    lines += [[row["image"], row["sender_id"], row["label"], part_of(row["sender_id"], number)] for row in rows]
    text = "".join(",".join(line) + "\n" for line in lines)
    if not table.is_file() or table.read_text(encoding="utf-8") != text:  # a table that is written anew is another one
        table.write_text(text, encoding="utf-8")
    if not (folder / "images").exists():
        (folder / "images").symlink_to((source / "images").resolve())
    catalogue.ingest(catalogue.load_source_config(folder), folder / "catalogue")
    splits.split(folder / "catalogue", folder / "split")
    read = catalogue.read(folder / "catalogue")
    joined = read.images.join(splits.read_split(folder / "split", of=read), on="image_id", maintain_order="left").join(
        read.products, on="product_id", maintain_order="left"
    )
    return Fold(
        folder,
        tuple(joined["image_id"]),
        joined["category"].to_numpy(),
        joined["seller_id"].to_numpy(),
        (joined["split"] == "test").to_numpy(),
        catalogue.photo_root(read, None),
    )


def part_of(sender: str, number: int) -> str:
    """The part of a sender's photos in this fold."""
    if int(hashlib.sha256(sender.encode()).hexdigest(), 16) % 5 == number:
        return "test"
    chosen = int(hashlib.sha256(f"validation {sender}".encode()).hexdigest(), 16) % 100 < 15
    return "validation" if chosen else "train"


def measure(
    fold: Fold, budgets: Sequence[str]
) -> Iterator[tuple[str, dict[str, np.ndarray], float, object, list[Trade]]]:
    """Yield name, values per query, seconds, the head's choice and the trade-off, for the baselines and each budget."""
    started = time.perf_counter()
    made = features(fold, "lite0", "stock")
    yield "raw", retrieval(fold, *map(unit_rows, made)), time.perf_counter() - started, None, []
    known = ~fold.asks
    head = heads.fit(
        made[0][known],
        fold.labels[known].tolist(),
        fold.senders[known].tolist(),
        heads.HeadConfig(kind="lda", lda_shrinkage=0.3),
    )
    yield "lda", judged(fold, head, made), 0.0, None, []
    for budget in budgets:
        started = time.perf_counter()
        encoder, name = "lite0", "stock"
        if budget != "2m":
            base = TrainConfig()
            planned = plan_for(fold.folder / "catalogue", fold.folder / "split", base, budget)
            model = fold.folder / f"model-{budget}"
            train(fold.folder / "catalogue", fold.folder / "split", model, planned, RunConfig(progress=False))
            encoder, name = fold.folder / f"encoder-{budget}", budget
            export(model, encoder)
        made = features(fold, encoder, name)
        seen = fold.folder / f"views-{name}"
        views.make_views(fold.folder / "catalogue", fold.folder / "split", load_encoder(encoder), seen)
        inputs = stages.Inputs(
            fold.folder / "catalogue", fold.folder / "split", fold.folder / f"embeddings-{name}", seen
        )
        fitted = stages.fit_head(inputs, fold.folder / f"head-{budget}")
        head = heads.load(fitted.path)
        took = time.perf_counter() - started
        yield budget, judged(fold, head, made), took, head.facts.get("choice"), traded(fold, head, made)


def traded(fold: Fold, head: heads.Head, made: tuple[Float32Array, ...]) -> list[Trade]:
    """Label and instance recall@1 with each weight of the head's label part."""
    told: list[Trade] = []
    for weight in WEIGHTS if len(head.blocks) == 2 else ():
        parts = (replace(head.blocks[0], weight=weight), replace(head.blocks[1], weight=1 - weight))
        found = retrieval(fold, *map(replace(head, blocks=parts).apply, made))
        told.append({"weight": weight} | {name: float(found[name].mean()) for name in FIGURES if name in found})
    return told


def features(fold: Fold, encoder: str | Path, name: str) -> tuple[Float32Array, Float32Array, Float32Array]:
    """Features of all photos, and of the asking photos distorted, and put into scenes."""
    loaded = load_encoder(encoder)
    embedding.embed(fold.folder / "catalogue", loaded, fold.folder / f"embeddings-{name}")
    clean = embeddings.load_embeddings(fold.folder / f"embeddings-{name}").of(list(fold.ids)).astype(np.float32)
    read = catalogue.read(fold.folder / "catalogue")
    paths = dict(zip(read.images["image_id"], read.images["path"], strict=True))

    def asked(kind: str, change: Callable[[str, PillowImage], bytes]) -> Float32Array:
        file = fold.folder / f"{kind}-{loaded.hash}.npy"
        if not file.is_file():

            def one(place: int) -> UInt8Array:
                image_id = fold.ids[place]
                photo = images.decode(images.read_bytes(fold.root / paths[image_id]))
                return images.prepare(change(image_id, photo), loaded.card)

            with ThreadPoolExecutor(cores()) as pool:
                np.save(file, loaded.encode(np.stack(list(pool.map(one, np.flatnonzero(fold.asks).tolist())))))
        return np.load(file)

    bent = asked("distorted", lambda image_id, photo: distort(photo, draw(image_id, seed=0)))
    return clean, bent, asked("scenes", lambda image_id, photo: stage_scene(photo, draw_scene(image_id, seed=0)))


def retrieval(
    fold: Fold, clean: Float32Array, bent: Float32Array, scenes: Float32Array | None = None
) -> dict[str, np.ndarray]:
    """The retrieval figures, a number a query."""
    asked, known = np.flatnonzero(fold.asks), np.flatnonzero(~fold.asks)
    order = np.argsort(-(clean[asked] @ clean[known].T), axis=1, kind="stable")[:, :10]
    hits = fold.labels[known][order] == fold.labels[asked][:, None]
    found = {
        "label recall@1": hits[:, 0].astype(float),
        "label precision@10": hits.mean(axis=1),
        "instance recall@1": ((bent @ clean.T).argmax(axis=1) == asked).astype(float),
        "sender": fold.senders[asked],
    }
    return found if scenes is None else found | {"scene recall@1": ((scenes @ clean.T).argmax(axis=1) == asked) * 1.0}


def judged(fold: Fold, head: heads.Head, made: tuple[Float32Array, ...]) -> dict[str, np.ndarray]:
    """All figures of a head, a number a query."""
    found = retrieval(fold, *map(head.apply, made))
    return found | {"accuracy": right(head, made[0][fold.asks], fold.labels[fold.asks])}


def right(head: heads.Head, clean: Float32Array, labels: np.ndarray) -> np.ndarray:
    """Whether the classifier names each photo's label."""
    return (np.array(head.label_names)[head.classify(clean).argmax(axis=1)] == labels).astype(float)


def difference(
    mine: Sequence[np.ndarray], theirs: Sequence[np.ndarray], senders: Sequence[np.ndarray]
) -> tuple[float, float, float]:
    """Mean over folds of the differences of their means; its 95 % interval, senders drawn anew within each fold."""
    rng = np.random.default_rng(0)
    draws = np.zeros(DRAWS)
    value = 0.0
    for a, b, names in zip(mine, theirs, senders, strict=True):
        codes = np.unique(names, return_inverse=True)[1]
        sums, sizes = np.bincount(codes, a - b), np.bincount(codes)
        drawn = rng.integers(0, len(sizes), (DRAWS, len(sizes)))
        draws += sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1) / len(mine)
        value += float((a - b).mean()) / len(mine)
    low, high = np.quantile(draws, [0.025, 0.975])
    return value, float(low), float(high)


def report(
    rows: Rows,
    trades: Mapping[str, Sequence[Sequence[Trade]]],
    seconds: Mapping[str, Sequence[float]],
    choices: Mapping[str, Sequence[object]],
    folds: Sequence[int],
) -> None:
    """Print means over folds and paired differences to the baselines, and keep them."""
    figures: dict[str, dict[str, dict[str, object]]] = {}
    for name, values in rows.items():
        figures[name] = {}
        for figure in FIGURES:
            if figure not in values:
                continue
            one: dict[str, object] = {"by fold": [round(float(each.mean()), 4) for each in values[figure]]}
            one["mean over folds"] = float(np.mean([each.mean() for each in values[figure]]))
            for other in ("raw", "lda"):
                if other != name and figure in rows[other]:
                    one[f"minus {other}"] = difference(values[figure], rows[other][figure], values["sender"])
            figures[name][figure] = one
    points = {
        name: [
            {key: float(np.mean([fold[place][key] for fold in found])) for key in found[0][place]}
            for place in range(len(WEIGHTS))
        ]
        for name, found in trades.items()
        if all(len(fold) == len(WEIGHTS) for fold in found)
    }
    for name, values in figures.items():
        print(f"{name:8}", {figure: round(one["mean over folds"], 4) for figure, one in values.items()})
        for figure, one in values.items():
            for key in one:
                if key.startswith("minus"):
                    print(f"         {figure} {key}: " + " ".join(f"{value:+.3f}" for value in one[key]))
    told = {"folds": list(folds), "seconds": dict(seconds), "choices": dict(choices)}
    keep("yardstick", {**told, "figures": figures, "trade-off": points}, picture(figures, points))


def picture(figures: Mapping[str, Mapping[str, Mapping[str, object]]], points: Mapping[str, Sequence[Trade]]) -> str:
    """Label against instance recall: a dot for each, and a line for each budget along the weight of the label part."""
    axes = ("instance recall@1", "label recall@1")
    dots = {name: [tuple(float(values[axis]["mean over folds"]) for axis in axes)] for name, values in figures.items()}
    lines = {f"{name}, weights": [(one[axes[0]], one[axes[1]]) for one in found] for name, found in points.items()}
    return scatter("Label against instance recall@1, means over folds", dots | lines, axes)


if __name__ == "__main__":
    main()
