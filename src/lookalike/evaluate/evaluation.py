"""One evaluation: the engine that serves, and what it is compared with, on the same queries."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import polars as pl

from lookalike import metrics
from lookalike.embedding import Embeddings
from lookalike.engine import SearchEngine
from lookalike.evaluate.baselines import (
    chance_figures,
    classifier_accuracy,
    nearest_mean_accuracy,
    raw_engine,
    shuffle,
    shuffled_engine,
)
from lookalike.evaluate.plan import EvaluateConfig, Plan, make_plan
from lookalike.evaluate.protocols import Outcome, ask, embed_distorted
from lookalike.metrics import Float64Array, Summary
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
    "hits": pl.List(pl.String),
    "scores": pl.List(pl.Float64),
}


@dataclass(frozen=True)
class Evaluation:
    """What was measured. `figures` by variant and name; `rows` are the queries one by one, for `per_query.parquet`."""

    figures: Mapping[str, Mapping[str, Summary]]
    counts: Mapping[str, int]
    left_out: Mapping[str, Mapping[str, int]]
    labels: tuple[str, ...]
    about: Json
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
    distorted = embed_distorted(engine, plan)
    outcomes = {ENGINE: ask(engine, plan, config, distorted)}
    if usable is not None:
        with raw_engine(engine, plan, usable) as compared:
            outcomes[RAW] = ask(compared, plan, config, embed_distorted(compared, plan))
    with shuffled_engine(engine, plan, config.seed) as control:
        outcomes[SHUFFLED] = ask(control, plan, config, distorted)
    accuracies = {} if usable is None else _accuracies(engine, plan, usable, config)
    figures = {variant: {**accuracies.get(variant, {}), **outcome.figures} for variant, outcome in outcomes.items()} | {
        CHANCE: chance_figures(plan, config)
    }
    return Evaluation(
        figures=figures,
        counts={
            "photos": len(plan.photos),
            "label queries": len(plan.label_queries),
            "label gallery": len(plan.gallery),
            "instance queries": len(plan.instance_queries),
            "instance gallery": len(plan.photos),
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
        },
        rows=_all_rows(outcomes),
    )


def _accuracies(
    engine: SearchEngine, plan: Plan, raw: Embeddings, config: EvaluateConfig
) -> dict[str, dict[str, Summary]]:
    """The classifier's accuracy, where there is one; the nearest label mean's; and the classifier's on wrong photos."""
    values: dict[str, Float64Array] = {}
    asked = [query.photo.image.image_id for query in plan.label_queries]
    if engine.head.label_names:
        ids = np.array(list(plan.photos))
        swapped = dict(zip(ids.tolist(), ids[shuffle(len(ids), config.seed)].tolist(), strict=True))
        values[ENGINE] = classifier_accuracy(engine, plan, raw.of(asked))
        values[SHUFFLED] = classifier_accuracy(engine, plan, raw.of([swapped[image_id] for image_id in asked]))
    if plan.gallery:
        values[RAW] = nearest_mean_accuracy(plan, raw)
    groups = [query.photo.group for query in plan.label_queries]
    return {variant: {"accuracy": metrics.summary(each, groups, seed=config.seed)} for variant, each in values.items()}


def _all_rows(outcomes: Mapping[str, Outcome]) -> list[Mapping[str, object]]:
    return [{"variant": variant, **row} for variant, outcome in outcomes.items() for row in outcome.rows]
