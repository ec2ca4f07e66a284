"""One evaluation: the engine that serves, and what it is compared with, on the same queries."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import polars as pl

from lookalike import metrics
from lookalike.artifacts import digest
from lookalike.embeddings import Embeddings
from lookalike.engine import SearchEngine
from lookalike.evaluate.baselines import (
    chance_figures,
    nearest_mean_accuracy,
    raw_engine,
    shuffle,
    shuffled_engine,
)
from lookalike.evaluate.classifying import Classified, classify
from lookalike.evaluate.plan import EvaluateConfig, Plan, make_plan
from lookalike.evaluate.protocols import Outcome, ask, encode_distorted
from lookalike.metrics import Summary
from lookalike.types import Json

ENGINE, RAW, SHUFFLED, CHANCE = "lookalike", "raw features", "shuffled", "chance"
"""The rows of an evaluation: the engine as it serves; without its head; its control; and blind luck."""

_ROWS = {
    "variant": pl.String,
    "protocol": pl.String,
    "image_id": pl.String,
    "group": pl.String,
    "label": pl.String,
    "answers": pl.Int64,
    "gallery": pl.Int64,
    "first_answer_rank": pl.Int64,
    "answers_found": pl.Int64,
    "answers_at_10": pl.Int64,
    "hits": pl.List(pl.String),
    "scores": pl.List(pl.Float64),
    "predicted": pl.String,
    "confidence": pl.Float64,
}


@dataclass(frozen=True)
class Evaluation:
    """What was measured. `figures` by variant and name; `rows` are the queries one by one, for `per_query.parquet`.

    `classifier` holds the confusion matrix, the reliability bins and the table by label; empty without a classifier.
    """

    figures: Mapping[str, Mapping[str, Summary]]
    counts: Mapping[str, int]
    left_out: Mapping[str, Mapping[str, int]]
    labels: tuple[str, ...]
    about: Json
    classifier: Json
    rows: Sequence[Mapping[str, object]]

    def to_json(self) -> Json:
        """Describe all but the rows as JSON."""
        figures = {
            variant: {name: asdict(figure) for name, figure in named.items()} for variant, named in self.figures.items()
        }
        return {
            "figures": figures,
            "counts": dict(self.counts),
            "left_out": {part: dict(reasons) for part, reasons in self.left_out.items()},
            "labels": list(self.labels),
            "about": self.about,
            **self.classifier,
        }

    def per_query(self) -> pl.DataFrame:
        """The queries one by one: what was asked, what was found, and where the first answer stood."""
        return pl.DataFrame(self.rows, schema=_ROWS)


def evaluate(engine: SearchEngine, *, config: EvaluateConfig, raw: Embeddings | None = None) -> Evaluation:
    """Measure a search engine on the test photos of its collection.

    Parameters
    ----------
    engine : SearchEngine
        The one that serves: its own collection, head and encoder answer every query.
    config : EvaluateConfig
    raw : Embeddings, optional
        The encoder's features of the collection's photos; without them (or with photos missing from them) there is no
        accuracy and no comparison with raw features, and `about` says so.

    Returns
    -------
    Evaluation
        Figures are None where there is nothing to ask or nothing to find.

    Notes
    -----
    Label protocol: stored embeddings of test photos, each against the labelled photos of the training part but those of
    its own group or with the same bytes. Instance protocol: distorted test photos, encoded anew, each against all.
    Defined in full in `docs/metrics.md`.
    """
    plan = make_plan(engine, config)
    known = set() if raw is None else set(raw.image_ids)
    missing = sum(image_id not in known for image_id in plan.photos)
    usable = raw if not missing else None
    asked = encode_distorted(engine, plan, usable)
    outcomes = {ENGINE: ask(engine, plan, config, asked)}
    if usable is not None:
        with raw_engine(engine, plan, usable) as compared:
            outcomes[RAW] = ask(compared, plan, config, asked)
    with shuffled_engine(engine, plan, config.seed) as control:
        outcomes[SHUFFLED] = ask(control, plan, config, asked)
    classified = {} if usable is None or not engine.head.label_names else _classified(engine, plan, usable, config)
    accuracies = {variant: one.figures for variant, one in classified.items()}
    if usable is not None and plan.gallery:
        groups = [query.photo.group for query in plan.label_queries]
        nearest = metrics.summary(nearest_mean_accuracy(plan, usable), groups, seed=config.seed)
        accuracies[RAW] = {"accuracy": nearest}
    figures = {variant: {**accuracies.get(variant, {}), **outcome.figures} for variant, outcome in outcomes.items()} | {
        CHANCE: chance_figures(plan, config)
    }
    ours = classified.get(ENGINE)
    return Evaluation(
        figures=figures,
        counts={
            "photos": len(plan.photos),
            "label queries": len(plan.label_queries),
            "label gallery": len(plan.gallery),
            "instance queries": len(plan.instance_queries),
            "instance gallery": len(plan.photos),
            "photos queries": len(plan.photos_queries),
        },
        left_out=plan.left_out,
        labels=plan.labels,
        about={
            "encoder": engine.encoder.name,
            "precision": engine.encoder.precision,
            "head": engine.head.kind,
            "dim": engine.head.dim,
            "labels_from": "head" if engine.head.label_names else "parent categories",
            "photos_without_features": missing,
            "galleries": _galleries(plan),
        },
        classifier={} if ours is None else {**ours.to_json(), "per_label": ours.per_label(outcomes[ENGINE].by_label)},
        rows=_all_rows(outcomes, plan, ours),
    )


def _galleries(plan: Plan) -> Json:
    """Hashes of what is searched, so that a comparison knows the same gallery from another of the same size."""
    return {
        "label": digest(sorted((photo.image.image_id, str(photo.label)) for photo in plan.gallery)),
        "instance": digest(sorted(plan.photos)),
    }


def _classified(engine: SearchEngine, plan: Plan, raw: Embeddings, config: EvaluateConfig) -> dict[str, Classified]:
    """The classifier on the label queries, and the control: on other photos' features."""
    photos = [query.photo for query in plan.label_queries]
    asked = [photo.image.image_id for photo in photos]
    ids = np.array(list(plan.photos))
    swapped = dict(zip(ids.tolist(), ids[shuffle(len(ids), config.seed)].tolist(), strict=True))
    return {
        ENGINE: classify(engine.head, raw.of(asked), photos, config),
        SHUFFLED: classify(engine.head, raw.of([swapped[image_id] for image_id in asked]), photos, config),
    }


def _all_rows(outcomes: Mapping[str, Outcome], plan: Plan, ours: Classified | None) -> list[Mapping[str, object]]:
    said: dict[str, Json] = {}
    if ours is not None:
        for query, name, confidence in zip(plan.label_queries, ours.names, ours.confidence.tolist(), strict=True):
            said[query.photo.image.image_id] = {"predicted": name, "confidence": confidence}
    return [
        {
            "variant": variant,
            **row,
            **(said.get(str(row["image_id"]), {}) if (variant, row["protocol"]) == (ENGINE, "label") else {}),
        }
        for variant, outcome in outcomes.items()
        for row in outcome.rows
    ]
