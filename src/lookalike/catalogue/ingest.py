"""The stage `ingest`: from a source to a catalogue, made once and found again as long as nothing changed."""

from collections import Counter
from pathlib import Path

from lookalike import artifacts
from lookalike.artifacts import Artifact, Recipe
from lookalike.catalogue.files import FileStamp, content_fingerprint, fingerprint, list_files
from lookalike.catalogue.gather import gather
from lookalike.catalogue.photos import Progress
from lookalike.catalogue.source import CATALOGUE_TOML, SourceConfig
from lookalike.catalogue.store import HINTS_FILE, IMAGES_FILE, KIND, PRODUCTS_FILE
from lookalike.errors import ArtifactError, SourceError
from lookalike.files import write_parquet

VERSION = 3
"""Raise it when this package's code changes what it writes."""


def ingest(
    config: SourceConfig,
    out: Path,
    *,
    workers: int | None = None,
    rehash: bool = False,
    progress: Progress | None = None,
) -> Artifact:
    """Make the catalogue of a source, or find it made already.

    Parameters
    ----------
    config : SourceConfig
        From `load_source_config`.
    out : path
        Where the catalogue's pointer goes; the folder itself is named `OUT.<hash>`.
    workers : int, optional
        Threads that open photos; default: one per core.
    rehash : bool
        Tell an unchanged source by its bytes instead of by names, sizes and times.
    progress : callable, optional
        Called after each photo with (photos done, photos in all); not at all where nothing changed.

    Returns
    -------
    Artifact of kind "catalogue", with `products.parquet`, `images.parquet`, `hints.parquet` and `rejects.parquet`.

    Raises
    ------
    SourceError
        The source cannot be understood.
    ArtifactError
        `out` is in use by something else.
    """
    files = list_files(config.photos, leave_out=_not_photos(config, out))
    seen = _recipe(config, files, by_content=False)
    recipe = _recipe(config, files, by_content=True) if rehash else seen
    fresh = artifacts.find(out, recipe) if rehash else _current(out, seen) or artifacts.find(out, seen)
    if fresh is not None and _has_root(fresh, config.photos):
        return fresh
    with artifacts.create(out, recipe) as draft:
        gathered = gather(config, files, workers=workers, progress=progress)
        write_parquet(draft.path / PRODUCTS_FILE, gathered.products)
        write_parquet(draft.path / IMAGES_FILE, gathered.images)
        write_parquet(draft.path / HINTS_FILE, gathered.hints)
        artifacts.write_rejects(draft.path, gathered.rejects)
        reasons = Counter(reject.reason for reject in gathered.rejects)
        draft.counts = {**gathered.counts, "rejects": dict(sorted(reasons.items()))}
        draft.about = {
            **gathered.about,
            "photo_root": artifacts.relative_root(config.photos, out.parent),
            "tables": [file.name for file in config.tables()],
            "seen": seen.hash,
        }
    return artifacts.open_artifact(out, KIND)


def _not_photos(config: SourceConfig, out: Path) -> list[Path]:
    """Return what may lie in the photo folder without being a photo: the tables, and the site that is being built."""
    root, site = config.photos.resolve(), out.parent.resolve()
    inside = [site] if root in site.parents else []
    return [*config.tables(), root / CATALOGUE_TOML, *inside]


def _recipe(config: SourceConfig, files: dict[str, FileStamp], *, by_content: bool) -> Recipe:
    tables = config.tables()
    if by_content:
        parents = {
            "tables": artifacts.digest([_table_digest(file) for file in tables]),
            "photos": content_fingerprint(config.photos, files),
        }
    else:
        stamps = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in tables]
        parents = {"tables": artifacts.digest(stamps), "photos": fingerprint(files)}
    return Recipe(KIND, VERSION, config.recipe(), parents)


def _table_digest(file: Path) -> str:
    try:
        return content_fingerprint(file.parent, [file.name])
    except OSError as error:
        raise SourceError("the table cannot be read", where=str(file), mend="Check its permissions") from error


def _current(out: Path, seen: Recipe) -> Artifact | None:
    """Return the catalogue that `out` points at if it was made, by whatever recipe, from just these names and times."""
    try:
        artifact = artifacts.open_artifact(out, KIND)
    except ArtifactError:
        return None
    return artifact if artifact.about.get("seen") == seen.hash else None


def _has_root(artifact: Artifact, photos: Path) -> bool:
    """Whether the catalogue still finds its photos where the source has them."""
    root = artifacts.resolve_root(artifact.about["photo_root"], artifact.path.parent)
    return root.resolve() == photos.resolve()
