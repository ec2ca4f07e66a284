"""Quality on the yardstick: 5-fold cross-validation by sender, for each time budget, through the parts that serve.

    python benchmarks/yardstick.py [SOURCE] [--budgets 2m,20m] [--folds 0,1,2,3,4] [--work DIR]

SOURCE is the clothing data set (images.csv with image, sender_id, label; default ../shared/data/clothing). Its labels
that are no clothes are left out; a photo's fold is sha256(sender_id) mod 5. In each fold the other folds' senders are
the training part, a seventh of them (by another hash) its validation part, on which everything is chosen. Retrieval:
the fold's photos against all photos of the other folds (label), and the fold's photos distorted, each to be found again
among all photos (instance). `raw` are the features at length 1; `lda` is a pure shrinkage LDA (0.3), fitted on and
searched in all of the other folds. Prints a table, with paired 95 % intervals of the differences by sender, and keeps
`benchmarks/results/<date>-<machine>-yardstick.json`. An interrupted run goes on with what lies in --work.
"""

import argparse
import csv
import hashlib
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness import keep
from lookalike import catalogue, embedding, heads, images, metrics, splits, stages, views
from lookalike.encoder import load_encoder
from lookalike.evaluate.distortions import distort, draw
from lookalike.training import RunConfig, TrainConfig, export, plan_for, train
from lookalike.types import Float32Array, unit_rows

ROOT = Path(__file__).resolve().parents[1]
NO_CLOTHES = ("Not sure", "Skip", "Other")
FIGURES = ("accuracy", "label recall@1", "label precision@10", "instance recall@1")
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
    seconds: dict[str, list[float]] = {}
    choices: dict[str, list[object]] = {}
    for number in folds:
        fold = make_fold(arguments.source, number, arguments.work / f"fold-{number}")
        for name, values, took, choice in measure(fold, arguments.budgets.split(",")):
            for figure, value in values.items():
                rows.setdefault(name, {}).setdefault(figure, []).append(value)  # pyright: ignore
            seconds.setdefault(name, []).append(round(took, 1))
            choices.setdefault(name, []).append(choice)
            shown = {figure: round(float(values[figure].mean()), 3) for figure in FIGURES if figure in values}
            print(number, name, shown, f"{took:.0f} s", flush=True)
    report(rows, seconds, choices, folds)


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


def measure(fold: Fold, budgets: Sequence[str]):  # noqa: ANN201
    """Yield name, values per query, seconds and the head's choice, for the baselines and each budget."""
    started = time.perf_counter()
    clean, bent = features(fold, "lite0", "stock")
    yield "raw", retrieval(fold, unit_rows(clean), unit_rows(bent)), time.perf_counter() - started, None
    known, asked = ~fold.asks, fold.asks
    head = heads.fit(
        clean[known],
        fold.labels[known].tolist(),
        fold.senders[known].tolist(),
        heads.HeadConfig(kind="lda", lda_shrinkage=0.3),
    )
    values = retrieval(fold, head.apply(clean), head.apply(bent))
    values["accuracy"] = right(head, clean[asked], fold.labels[asked])
    yield "lda", values, 0.0, None
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
        clean, bent = features(fold, encoder, name)
        seen = fold.folder / f"views-{name}"
        views.make_views(fold.folder / "catalogue", fold.folder / "split", load_encoder(encoder), seen)
        inputs = stages.Inputs(
            fold.folder / "catalogue", fold.folder / "split", fold.folder / f"embeddings-{name}", seen
        )
        fitted = stages.fit_head(inputs, fold.folder / f"head-{budget}")
        head = heads.load(fitted.path)
        took = time.perf_counter() - started
        values = retrieval(fold, head.apply(clean), head.apply(bent))
        values["accuracy"] = right(head, clean[asked], fold.labels[asked])
        yield budget, values, took, head.facts.get("choice")


def features(fold: Fold, encoder: str | Path, name: str) -> tuple[Float32Array, Float32Array]:
    """Features of all photos, and of the asking photos distorted."""
    loaded = load_encoder(encoder)
    embedding.embed(fold.folder / "catalogue", loaded, fold.folder / f"embeddings-{name}")
    clean = embedding.load_embeddings(fold.folder / f"embeddings-{name}").of(list(fold.ids)).astype(np.float32)
    file = fold.folder / f"distorted-{loaded.hash}.npy"
    if not file.is_file():
        asking = [fold.ids[place] for place in np.flatnonzero(fold.asks)]
        paths = dict(
            zip(
                (read := catalogue.read(fold.folder / "catalogue")).images["image_id"],
                read.images["path"],
                strict=True,
            )
        )

        def bend(image_id: str) -> np.ndarray:
            photo = images.decode(images.read_bytes(fold.root / paths[image_id]))
            return images.prepare(distort(photo, draw(image_id, seed=0)), loaded.card)

        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            np.save(file, loaded.encode(np.stack(list(pool.map(bend, asking)))))
    return clean, np.load(file)


def retrieval(fold: Fold, clean: Float32Array, bent: Float32Array) -> dict[str, np.ndarray]:
    """The retrieval figures, a number a query."""
    asked, known = np.flatnonzero(fold.asks), np.flatnonzero(~fold.asks)
    order = np.argsort(-(clean[asked] @ clean[known].T), axis=1, kind="stable")[:, :10]
    hits = fold.labels[known][order] == fold.labels[asked][:, None]
    found = (bent @ clean.T).argmax(axis=1) == asked
    return {
        "label recall@1": hits[:, 0].astype(float),
        "label precision@10": hits.mean(axis=1),
        "instance recall@1": found.astype(float),
        "sender": fold.senders[asked],
    }


def right(head: heads.Head, clean: Float32Array, labels: np.ndarray) -> np.ndarray:
    """Whether the classifier names each photo's label."""
    return (np.array(head.label_names)[head.classify(clean).argmax(axis=1)] == labels).astype(float)


def report(
    rows: Mapping[str, Mapping[str, Sequence[np.ndarray]]],
    seconds: Mapping[str, Sequence[float]],
    choices: Mapping[str, Sequence[object]],
    folds: Sequence[int],
) -> None:
    """Print means over folds and paired differences to the baselines, and keep them."""
    told: dict[str, object] = {"folds": list(folds), "seconds": dict(seconds), "choices": dict(choices)}
    figures: dict[str, dict[str, object]] = {}
    for name, values in rows.items():
        figures[name] = {}
        for figure in FIGURES:
            if figure not in values:
                continue
            mine = values[figure]
            one: dict[str, object] = {"mean over folds": float(np.mean([each.mean() for each in mine]))}
            for other in ("raw", "lda"):
                if other != name and figure in rows[other]:
                    pairs = np.concatenate([a - b for a, b in zip(mine, rows[other][figure], strict=True)])
                    paired = metrics.summary(pairs, np.concatenate(list(values["sender"])).tolist())
                    one[f"minus {other}"] = [paired.value, paired.low, paired.high]
            figures[name][figure] = one
    told["figures"] = figures
    for name, values in figures.items():
        print(f"{name:8}", {figure: round(one["mean over folds"], 4) for figure, one in values.items()})  # type: ignore
        for figure, one in values.items():
            for key, triple in one.items():  # type: ignore
                if key.startswith("minus"):
                    print(f"         {figure} {key}: " + " ".join(f"{value:+.3f}" for value in triple))
    keep("yardstick", told)


if __name__ == "__main__":
    main()
