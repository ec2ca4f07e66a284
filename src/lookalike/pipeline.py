"""The whole chain in order: catalogue → split → (model → encoder) → embeddings → head → collection → evaluation.

`build` runs every stage and skips those whose inputs have not changed. Read this file to see the product.
"""

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import polars as pl

from lookalike import audit, embedding, evaluate, heads, splits, stages, views
from lookalike import catalogue as catalogues
from lookalike.artifacts import REJECTS, Artifact, open_artifact
from lookalike.catalogue.files import LEDGER
from lookalike.encoder import choose_precision, load_encoder
from lookalike.encoder_folder import PRESETS, EncoderFolder, find_encoder
from lookalike.engine import SearchEngine
from lookalike.errors import SourceError
from lookalike.ranking import RankConfig

Progress = Callable[[int, int], None]


class Reporter(Protocol):
    """Shows a build to whoever watches it."""

    def stage(self, name: str) -> AbstractContextManager[Progress]:
        """Announce a stage; the progress it yields is called with done and total."""
        ...

    def finished(self, stage: "StageReport") -> None:
        """A stage ended."""
        ...


@dataclass(frozen=True)
class StageReport:
    """What one stage did: `made` is false where the artefact was up to date."""

    name: str
    artifact: Artifact
    seconds: float
    made: bool


@dataclass(frozen=True)
class BuildConfig:
    """How to build a site from a source.

    `encoder` is used as it is, or, with a `budget` ("20m" or "2h"), is the stock encoder that training starts from.
    """

    encoder: str = "lite0"
    budget: str | None = None
    precision: str = "auto"
    photos: Path | None = None
    rehash: bool = False
    split: splits.SplitConfig = field(default_factory=splits.SplitConfig)
    head: heads.HeadConfig = field(default_factory=heads.HeadConfig)
    embed: embedding.EmbedConfig = field(default_factory=embedding.EmbedConfig)
    seen: views.ViewsConfig = field(default_factory=views.ViewsConfig)
    evaluation: evaluate.EvaluateConfig | None = field(default_factory=evaluate.EvaluateConfig)


@dataclass(frozen=True)
class Site:
    """Where the artefacts of a built site lie."""

    root: Path

    @property
    def inputs(self) -> stages.Inputs:
        """The artefacts that the head and the collection are made from."""
        return stages.Inputs(
            self.root / "catalogue", self.root / "split", self.root / "embeddings", self.root / "views"
        )

    @property
    def head(self) -> Path:
        """The head's pointer."""
        return self.root / "head"

    @property
    def collection(self) -> Path:
        """The collection's pointer."""
        return self.root / "collection"

    @property
    def audit(self) -> Path:
        """The audit's pointer."""
        return self.root / "audit"

    @property
    def ledger(self) -> Path:
        """Where each use of the test split is written down."""
        return self.root / LEDGER


def build(
    source: catalogues.SourceConfig, out: Path, config: BuildConfig, reporter: Reporter
) -> tuple[StageReport, ...]:
    """Run all stages that are not up to date, in order.

    Parameters
    ----------
    source : what `catalogue.load_source_config` found
    out : the site folder; made where it is missing
    config : BuildConfig
    reporter : Reporter

    Returns
    -------
    One report per stage, in order; the last one is the evaluation, unless `config.evaluation` is None.

    Raises
    ------
    SourceError
        The source cannot be understood, or has no usable photo; its rejects are kept.
    """
    folder = find_encoder(config.encoder)  # what is wrong with the options is said before hours of work
    choose_precision(config.precision)
    out.mkdir(parents=True, exist_ok=True)
    site = Site(out)
    inputs = site.inputs
    runner = _Runner(reporter, out)

    runner.run(
        "catalogue", lambda show: catalogues.ingest(source, inputs.catalogue, rehash=config.rehash, progress=show)
    )
    if not runner.reports[-1].artifact.counts["images"]:
        raise SourceError(
            "there is not one usable photo in this source",
            where=str(source.photos),
            mend=f"{inputs.catalogue / REJECTS} says why each was left out; name the photo folder with --photos",
        )
    runner.run("split", lambda _: splits.split(inputs.catalogue, inputs.split, config.split))
    _warn_of_leaks(out, inputs)
    if config.budget is not None:
        folder = _train(runner, site, config.budget, config)
    _embed_and_fit(runner, site, folder, config)
    runner.run(
        "collection",
        lambda show: stages.fill_collection(
            inputs, site.head, folder, site.collection, photos=config.photos, progress=show
        ),
    )
    if config.evaluation is not None:
        wanted = config.evaluation
        runner.run("evaluation", lambda _: evaluate_site(out, wanted, photos=config.photos, precision=config.precision))
    return tuple(runner.reports)


def fit(site: Path, config: BuildConfig, reporter: Reporter) -> tuple[StageReport, ...]:
    """Embed a catalogue that was split, and fit the head: the plan for a budget of two minutes."""
    runner = _Runner(reporter, site)
    _embed_and_fit(runner, Site(site), find_encoder(config.encoder), config)
    return tuple(runner.reports)


def _train(runner: "_Runner", site: Site, budget: str, config: BuildConfig) -> EncoderFolder:
    """Train the network within a budget and export it; the only part of a build that needs torch."""
    from lookalike import training

    inputs = site.inputs
    backbone, size_px = PRESETS.get(config.encoder, (config.encoder, None))
    base = training.TrainConfig(
        backbone=backbone, size_px=size_px, level=config.head.level, ignored=config.head.ignored
    )
    planned = training.plan_for(inputs.catalogue, inputs.split, base, budget)
    run = training.RunConfig(photos=config.photos)
    model, encoder = site.root / "model", site.root / "encoder"
    runner.run("model", lambda _: training.train(inputs.catalogue, inputs.split, model, planned, run))
    runner.run("encoder", lambda _: training.export(model, encoder, photos=config.photos))
    return find_encoder(encoder)


def _embed_and_fit(runner: "_Runner", site: Site, folder: EncoderFolder, config: BuildConfig) -> None:
    inputs = site.inputs
    spec = folder.name if folder.source else folder.path
    runner.run(
        "embeddings",
        lambda show: embedding.embed(
            inputs.catalogue,
            load_encoder(spec, precision=config.precision),
            inputs.embeddings,
            config.embed,
            photos=config.photos,
            progress=show,
        ),
    )
    runner.run(
        "views",
        lambda show: views.make_views(
            inputs.catalogue,
            inputs.split,
            load_encoder(spec, precision=config.precision),
            site.root / "views",
            config.seen,
            photos=config.photos,
            progress=show,
        ),
    )
    runner.run("head", lambda _: stages.fit_head(inputs, site.head, config.head))


def evaluate_site(
    out: Path,
    config: evaluate.EvaluateConfig,
    *,
    photos: Path | None = None,
    precision: str = "auto",
    rank: RankConfig = RankConfig(),  # noqa: B008 - frozen
) -> Artifact:
    """Evaluate a built site through the search engine that serves it, with results in the order that `rank` asks.

    What the validation part was asked lies in `validation/`, beside `evaluation/`, and is no use of the test part.
    """
    site = Site(out)
    pointer = site.root / evaluate.folder_of(config.queries)
    with SearchEngine.open(site.collection, photos=photos, precision=precision, rank=rank) as engine:
        return evaluate.run(
            engine,
            catalogue=site.inputs.catalogue,
            split=site.inputs.split,
            embeddings=site.inputs.embeddings,
            out=pointer,
            ledger=site.ledger,
            config=config,
        )


def audit_site(
    out: Path, config: audit.AuditConfig | None = None, *, photos: Path | None = None, progress: Progress | None = None
) -> Artifact:
    """Audit a built site's catalogue; nothing is changed.

    Parameters
    ----------
    config : default: all findings that the installed libraries allow, with the labels that the site's head learned
    """
    site = Site(out)
    if config is None:
        head = open_artifact(site.head, "head").config
        labels = audit.AuditConfig(level=head["level"], ignored=tuple(head["ignored"]))
        config = replace(labels, wrong_labels=audit.installed())
    return audit.run(site.inputs, site.audit, config, photos=photos, progress=progress)


def rejects_by_reason(out: Path) -> pl.DataFrame:
    """Count everything that any stage of a built site left out: columns stage, reason, count."""
    site = Site(out)
    kinds = {
        "catalogue": site.inputs.catalogue,
        "embeddings": site.inputs.embeddings,
        "collection": site.collection,
    }
    frames = [open_artifact(path, kind).rejects() for kind, path in kinds.items() if path.exists()]
    every = pl.concat(frames) if frames else pl.DataFrame(schema={"stage": pl.String, "reason": pl.String})
    return (
        every.group_by("stage", "reason").agg(pl.len().alias("count")).sort("count", "reason", descending=[True, False])
    )


def _warn_of_leaks(out: Path, inputs: stages.Inputs) -> None:
    """Say so if copies of a photo lie on both sides of the split, as they may where the source states its own."""
    found = catalogues.read(inputs.catalogue)
    if crossing := splits.crossing_copies(found, splits.read_split(inputs.split, of=found)):
        logging.getLogger(__name__).warning(
            "%d photos have a near-copy on another side of the split: figures measured on it will flatter. "
            "`lookalike audit %s` shows which",
            crossing,
            out,
        )


class _Runner:
    """Runs stages one after another, timed, and tells the reporter."""

    def __init__(self, reporter: Reporter, out: Path) -> None:
        self.reports: list[StageReport] = []
        self._reporter = reporter
        self._out = out

    def run(self, name: str, stage: Callable[[Progress], Artifact]) -> None:
        before = {folder.name for folder in self._out.glob(f"{name}.*")}
        started = time.perf_counter()
        with self._reporter.stage(name) as progress:
            artifact = stage(progress)
        made = artifact.path.name not in before
        self.reports.append(StageReport(name, artifact, time.perf_counter() - started, made))
        self._reporter.finished(self.reports[-1])
