"""The stage `evaluate`: one evaluation as an artefact, written into the ledger, and told in a few lines."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from lookalike.artifacts import Artifact, Recipe, create, find, open_artifact
from lookalike.embeddings import load_embeddings
from lookalike.engine import SearchEngine
from lookalike.errors import ArtifactError, QueryError
from lookalike.evaluate.evaluation import ENGINE, Evaluation, evaluate
from lookalike.evaluate.ledger import append_use, new_use, read_uses
from lookalike.evaluate.plan import EvaluateConfig
from lookalike.files import write_parquet, write_text
from lookalike.types import Json

KIND = "evaluation"
VERSION = 4
"""Raise it when the figures of an unchanged site change."""
FIGURES = "evaluation.json"
PER_QUERY = "per_query.parquet"

FOLDERS = {"test": KIND, "validation": "validation"}
"""Where in a site an evaluation's pointer lies, by the part that asked: one never takes the other's place."""

_SHOWN_USES = 5
_COLUMNS = (
    "accuracy",
    "label recall@1",
    "label precision@10",
    "photos recall@1",
    "own product recall@1",
    "instance recall@1",
    "scene recall@1",
)
_WIDTH = 22


def folder_of(part: str) -> str:
    """Name the folder of a site where evaluations lie that a part of the split asked.

    Raises
    ------
    QueryError
        Nobody asks that part.
    """
    if part not in FOLDERS:
        raise QueryError(f"{part!r} is no part to evaluate on", mend="Choose test or validation")
    return FOLDERS[part]


def run(
    engine: SearchEngine,
    *,
    catalogue: Path,
    split: Path,
    embeddings: Path,
    out: Path,
    ledger: Path,
    config: EvaluateConfig,
) -> Artifact:
    """Evaluate an engine, or find the evaluation that was made of the same things in the same way.

    Parameters
    ----------
    engine : SearchEngine over the collection that serves
    catalogue, split, embeddings : the artefacts that it was made from
    out : where the evaluation's pointer goes
    ledger : a file of JSON lines; a use of the test part is added before its figures are published
    config : EvaluateConfig

    Returns
    -------
    Artifact of kind "evaluation": `evaluation.json` and `per_query.parquet`.
    """
    parents = {
        kind: open_artifact(path, kind).hash
        for kind, path in (("catalogue", catalogue), ("split", split), ("embeddings", embeddings))
    }
    served = {
        "encoder": engine.encoder.hash,
        "precision": engine.encoder.precision,
        "head": engine.collection.info.head_hash,
        "generation": engine.collection.generation,
        "rank": asdict(engine.rank),
    }
    recipe = Recipe(KIND, VERSION, {**asdict(config), "k": list(config.k), **served}, parents)
    if (finished := find(out, recipe)) is not None:
        return finished
    with create(out, recipe) as draft:
        evaluation = evaluate(engine, config=config, raw=load_embeddings(embeddings))
        if config.queries == "test":
            append_use(ledger, new_use(recipe.hash, parents["split"], _values(evaluation)))
        shown = _shown(read_uses(ledger, split=parents["split"]))
        described = {"queries": config.queries, "gallery": config.gallery, **evaluation.to_json(), "ledger": shown}
        write_parquet(draft.path / PER_QUERY, evaluation.per_query())
        write_text(draft.path / FIGURES, json.dumps(described, indent=2, ensure_ascii=False) + "\n")
        draft.counts = dict(evaluation.counts)
        draft.about = {"figures": _values(evaluation)}
    return open_artifact(out, KIND)


def read_told(artifact: Artifact, ledger: Path | None = None) -> Json:
    """Read `evaluation.json`, with the uses of its test part as they stand in the ledger now.

    What lies in the file is what was true when it was made; an evaluation may be found again after many more uses.

    Raises
    ------
    ArtifactError
        `evaluation.json` is missing or damaged.
    """
    try:
        told: Json = json.loads((artifact.path / FIGURES).read_text(encoding="utf-8"))
        if ledger is not None and ledger.is_file():
            told["ledger"] = _shown(read_uses(ledger, split=artifact.parents["split"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _unreadable(artifact) from error
    return told


def lines(artifact: Artifact, *, everything: bool = False, ledger: Path | None = None) -> list[str]:
    """Tell an evaluation in plain text: the main figures or `everything`, what was asked, what was left out.

    Raises
    ------
    ArtifactError
        `evaluation.json` is missing or damaged.
    """
    told = read_told(artifact, ledger)
    try:
        if not told["counts"]["label queries"] and not told["counts"]["instance queries"]:
            return [f"There are no {told['queries']} photos that could be asked about: nothing was measured."]
        table = _every_figure(told["figures"]) if everything else _table(told["figures"])
        return [*table, "", *_counts(told), *_ledger(told)]
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable(artifact) from error


def _unreadable(artifact: Artifact) -> ArtifactError:
    return ArtifactError(f"this evaluation has no readable {FIGURES}", where=str(artifact.path), mend="Evaluate again")


def _shown(uses: Sequence[Json]) -> Json:
    return {"uses_of_this_test_part": len(uses), "last": list(uses[-_SHOWN_USES:])}


def _values(evaluation: Evaluation) -> dict[str, float | None]:
    return {name: figure.value for name, figure in evaluation.figures[ENGINE].items()}


def _table(figures: Mapping[str, Mapping[str, Json]]) -> list[str]:
    named = figures[ENGINE].keys() | {"accuracy"}
    columns = [name for name in _COLUMNS if name in named]
    for start in ("label recall@", "instance recall@"):
        if not any(name.startswith(start) for name in columns):
            columns += sorted((name for name in named if name.startswith(start)), key=lambda name: (len(name), name))[
                :1
            ]
    width = max(len(variant) for variant in figures)
    header = " " * width + "".join(f"  {name:<{_WIDTH}}" for name in columns)
    rows = [
        f"{variant:<{width}}" + "".join(f"  {_cell(row.get(name)):<{_WIDTH}}" for name in columns)
        for variant, row in figures.items()
    ]
    return [line.rstrip() for line in (header, *rows)]


def _every_figure(figures: Mapping[str, Mapping[str, Json]]) -> list[str]:
    """A line for each figure, a column for each variant."""
    names = list(dict.fromkeys(name for row in figures.values() for name in row))
    width = max(map(len, names), default=0)
    header = " " * width + "".join(f"  {variant:<{_WIDTH}}" for variant in figures)
    rows = [
        f"{name:<{width}}" + "".join(f"  {_cell(row.get(name)):<{_WIDTH}}" for row in figures.values())
        for name in names
    ]
    return [line.rstrip() for line in (header, *rows)]


def _cell(figure: Json | None) -> str:
    if figure is None or figure["value"] is None:
        return "–"
    if figure["low"] is None:
        return f"{figure['value']:.3f}"
    return f"{figure['value']:.3f} ({figure['low']:.3f}–{figure['high']:.3f})"


def _counts(told: Json) -> list[str]:
    counts, figures = told["counts"], told["figures"][ENGINE]
    unanswered = max((figure["left_out"] for name, figure in figures.items() if name.startswith("label")), default=0)
    parts = {
        part: [f"{count} {reason}" for reason, count in reasons.items() if count]
        for part, reasons in told["left_out"].items()
    }
    if unanswered:
        parts["label queries"].append(f"{unanswered} without an answer in the gallery")
    told_out = {part: f" (left out: {', '.join(reasons)})" if reasons else "" for part, reasons in parts.items()}
    return [
        f"Label protocol: {counts['label queries']} {told['queries']} photos{told_out['label queries']}"
        f" against {counts['label gallery']} {told['gallery']} photos{told_out['label gallery']},"
        f" {len(told['labels'])} labels.",
        f"Instance protocol: {counts['instance queries']} distorted {told['queries']} photos"
        f"{told_out['instance queries']} against all {counts['instance gallery']}; the same in a scene.",
        "In brackets: 95 % interval, drawn anew by group. Shuffled is the control and should be near chance.",
    ]


def _ledger(told: Json) -> list[str]:
    uses = told["ledger"]["uses_of_this_test_part"]
    times = {0: "never", 1: "once"}.get(uses, f"{uses} times")
    if told["queries"] != "test":
        return [
            "What the head chose, it chose on the validation part: figures on it flatter a little.",
            f"The test part was not used; so far it was used {times}.",
        ]
    return [f"The test part has now been used {times}: choose with --part validation, look at test rarely."]
