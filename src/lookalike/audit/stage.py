"""The stage `audit`: four kinds of findings, each a table and a contact sheet, in one artefact; nothing is changed."""

from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl

from lookalike import catalogue as catalogues
from lookalike.artifacts import Artifact, Draft, Recipe, create, find, installed, open_artifact
from lookalike.audit import captions
from lookalike.audit.config import AuditConfig, Photos, gather
from lookalike.audit.duplicates import find_duplicates
from lookalike.audit.not_products import BLANK, TEXT, find_not_products
from lookalike.audit.sheets import Card, contact_sheet
from lookalike.audit.small_labels import find_small_labels
from lookalike.audit.wrong_labels import find_wrong_labels, need_cleanlab
from lookalike.embeddings import load_embeddings
from lookalike.errors import ArtifactError
from lookalike.files import write_bytes, write_parquet
from lookalike.splits import read_split
from lookalike.stages import Inputs

KIND = "audit"
VERSION = 2
"""Raise it when the findings of an unchanged site change."""
NEAR_DUPLICATES, WRONG_LABELS, NOT_PRODUCTS, SMALL_LABELS = KINDS = (
    "near_duplicates",
    "wrong_labels",
    "not_products",
    "small_labels",
)
FINDINGS = "findings.csv"
_INSTALL = "pip install 'lookalike[analyse]'"

Progress = Callable[[int, int], None]


def run(
    inputs: Inputs,
    out: Path,
    config: AuditConfig | None = None,
    *,
    photos: Path | None = None,
    progress: Progress | None = None,
) -> Artifact:
    """Audit a catalogue, or find the audit that was made of the same things in the same way.

    Parameters
    ----------
    inputs : the catalogue, its split and its embeddings
    out : where the audit's pointer goes
    config : AuditConfig, optional
    photos : photo root; default is where the catalogue was ingested from
    progress : called with photos measured and photos in all

    Returns
    -------
    Artifact of kind "audit": for each kind of finding `KIND.parquet` and, where there is one, `KIND.jpg`; and
    `findings.csv`, one line per photo, for a spreadsheet.

    Raises
    ------
    AuditError
        Wrong labels are asked for and cleanlab is not installed.
    ArtifactError
        The split or the embeddings were made from another catalogue.
    """
    config = config or AuditConfig()
    found = catalogues.read(inputs.catalogue)
    root = catalogues.photo_root(found, photos)
    split = open_artifact(inputs.split, "split")
    embedded = open_artifact(inputs.embeddings, "embeddings")
    if embedded.parents["catalogue"] != found.artifact.hash:
        raise ArtifactError(
            "these embeddings were made from another catalogue", where=str(inputs.embeddings), mend="Build again"
        )
    parents = {"catalogue": found.artifact.hash, "split": split.hash, "embeddings": embedded.hash}
    recipe = Recipe(KIND, VERSION, config.to_json(), parents)
    if (finished := find(out, recipe)) is not None:
        return finished
    embeddings = load_embeddings(inputs.embeddings)
    generic_dim = int(embedded.about.get("generic_dim", embeddings.dim))
    known = gather(found, read_split(inputs.split, of=found), embeddings, generic_dim)
    with create(out, recipe) as draft:
        _audit(draft, known, root, config, progress)
        draft.about["tuned_whole"] = not generic_dim
        draft.about["versions"] = installed("cleanlab", "scikit-learn", "pillow")
    return open_artifact(out, KIND)


def _audit(draft: Draft, known: Photos, root: Path, config: AuditConfig, progress: Progress | None) -> None:
    if config.wrong_labels:
        need_cleanlab()  # said before minutes of work
    odd, unread = find_not_products(known, root, progress)
    duplicates = find_duplicates(known, root, config)
    shown = known.without(odd.filter(pl.col("reason").is_in([BLANK, TEXT]))["image_id"].to_list())
    labels = find_wrong_labels(shown, config) if config.wrong_labels else None
    small = find_small_labels(known, config)
    tables = {NEAR_DUPLICATES: duplicates.frame, WRONG_LABELS: labels, NOT_PRODUCTS: odd, SMALL_LABELS: small}
    for kind, table in tables.items():
        if table is not None:
            write_parquet(draft.path / f"{kind}.parquet", table)
            _sheet(draft.path / f"{kind}.jpg", kind, table, _cards(kind, table, known, config), root)
    write_bytes(draft.path / FINDINGS, _findings(tables).write_csv().encode())
    draft.counts = {
        "photos": known.frame.height,
        **{kind: table.height for kind, table in tables.items() if table is not None},
        "crossing_pairs": int(duplicates.frame["crosses_split"].sum()),
    }
    draft.about = {"unread_photos": unread, "unread_pairs": duplicates.unread, "pairs_capped": duplicates.capped}


def lines(artifact: Artifact, where: Path | None = None) -> list[str]:
    """Tell an audit in a few lines of plain text: what was found, where to look, and what to do next.

    Parameters
    ----------
    artifact : Artifact of kind "audit"
    where : how its folder is to be called; default is its own path
    """
    folder = where or artifact.path
    tables = {kind: _read(artifact, kind) for kind in KINDS}
    told = [f"Audit of {artifact.counts['photos']:,} photos", *captions.summary(tables)]
    if tables[WRONG_LABELS] is None:
        told.append(f"  wrong labels      not looked for: cleanlab is missing. {_INSTALL}, and run this again")
    elif artifact.about["tuned_whole"]:
        told.append(captions.TUNED_WHOLE)
    if artifact.about["pairs_capped"]:
        most = artifact.config["max_compared"]
        told.append(f"  Only the {most:,} most alike pairs of photos were compared: there may be more duplicates.")
    if lost := artifact.about["unread_photos"]:
        told.append(f"  {lost:,} photos could not be read any more: are they still where they were ingested from?")
    steps = captions.next_steps({kind: table.height if table is not None else 0 for kind, table in tables.items()})
    if not steps:
        return [*told, "", "Nothing to look at."]
    pictures = [str(folder / f"{kind}.jpg") for kind in KINDS if (artifact.path / f"{kind}.jpg").is_file()]
    listed = f"Tables beside them as .parquet; every photo by id in {folder / FINDINGS}"
    return [*told, "", "Look at:", *(f"  {picture}" for picture in pictures), f"  {listed}", "", "Then:", *steps]


def _read(artifact: Artifact, kind: str) -> pl.DataFrame | None:
    file = artifact.path / f"{kind}.parquet"
    if kind == WRONG_LABELS and not artifact.config["wrong_labels"]:
        return None
    try:
        return pl.read_parquet(file)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ArtifactError("this audit's table cannot be read", where=str(file), mend="Audit again") from error


def _cards(kind: str, table: pl.DataFrame, known: Photos, config: AuditConfig) -> list[Card]:
    rows = table.head(config.shown).to_dicts()
    if kind == NEAR_DUPLICATES:
        return [captions.duplicate(row) for row in rows]
    if kind == WRONG_LABELS:
        return [captions.wrong_label(row) for row in rows]
    if kind == NOT_PRODUCTS:
        return [captions.not_product(row) for row in rows]
    samples = captions.samples(known.frame, [row["label"] for row in rows], config.level)
    return [captions.small_label(row, samples[row["label"]]) for row in rows]


def _sheet(file: Path, kind: str, table: pl.DataFrame, cards: Sequence[Card], root: Path) -> None:
    if cards:
        title, words = captions.heading(kind, table.height, len(cards))
        write_bytes(file, contact_sheet(title, words, cards, root))


def _findings(tables: dict[str, pl.DataFrame | None]) -> pl.DataFrame:
    """One row per photo and finding; labels too small are no photos, and are left out."""
    parts: list[pl.DataFrame] = []
    wanted = ("rank", "image_id", "path", "reason", "score", "label", "suggested_label", "other_image_id")
    for kind, table in tables.items():
        if table is None or kind == SMALL_LABELS:
            continue
        label = "label" if "label" in table.columns else "category"
        named = table.with_columns(label=pl.col(label))
        missing = [pl.lit(None, pl.String).alias(name) for name in wanted if name not in named.columns]
        score = pl.col("score").round(4)
        parts.append(named.with_columns(*missing, score).select(pl.lit(kind).alias("kind"), *wanted))
    return pl.concat(parts)
