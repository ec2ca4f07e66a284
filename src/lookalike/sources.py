"""Where a collection's encoder, head and photo root are: written when it is filled, found again when it is opened."""

from dataclasses import dataclass
from pathlib import Path

from lookalike.artifacts import open_artifact, relative_root, resolve_root
from lookalike.collection import CollectionInfo
from lookalike.encoder import Encoder
from lookalike.encoder_folder import EncoderFolder
from lookalike.errors import CollectionError, Mismatch
from lookalike.heads import Head
from lookalike.types import Json

DATABASE = "collection.sqlite"


@dataclass(frozen=True)
class Sources:
    """What a collection needs to be searched: `encoder` is a stock name or a folder."""

    encoder: str | Path
    head: Path
    photos: Path


def describe_sources(encoder: EncoderFolder, head: Path, photos: Path, base: Path) -> Json:
    """Describe where they are, so that they are found again when they move along with `base`, or when they stay."""
    return {
        "encoder": encoder.source or relative_root(encoder.path, base),
        "head": relative_root(head, base),
        "photos": relative_root(photos, base),
    }


def resolve_sources(info: CollectionInfo, folder: Path) -> Sources:
    """Find what the collection in `folder` was built with.

    Raises
    ------
    CollectionError
        The collection does not say.
    Mismatch
        The head that is there is another one.
    ArtifactError
        There is no head.
    """
    encoder = _of(info, "encoder", folder)
    head = open_artifact(resolve_root(_of(info, "head", folder), folder), "head")
    if head.hash != info.head_hash:
        raise Mismatch(
            "the head beside this collection is not the one that it was built with",
            where=str(head.path),
            mend="Run `lookalike index` again",
        )
    return Sources(
        encoder.get("stock") or resolve_root(encoder, folder),
        head.path,
        resolve_root(_of(info, "photos", folder), folder),
    )


def find_collection(path: Path) -> Path:
    """Find the collection in a site's folder, or in that folder itself.

    Raises
    ------
    CollectionError
        There is none.
    """
    for folder in (path, path / "collection"):
        if (folder / DATABASE).is_file():
            return folder
    raise CollectionError(
        "there is no collection here", where=str(path), mend="Make one with `lookalike build SOURCE -o site/`"
    )


def _of(info: CollectionInfo, name: str, folder: Path) -> Json:
    if name not in info.sources:
        raise CollectionError(f"the collection does not say where its {name} is", where=str(folder))
    return info.sources[name]


def check_together(encoder: Encoder, head: Head, info: CollectionInfo) -> None:
    """Refuse parts that do not belong together.

    Raises
    ------
    Mismatch
        The collection's vectors were made by another encoder or head.
    """
    if head.in_dim != encoder.dim:
        raise Mismatch(f"the head takes {head.in_dim} numbers, the encoder {encoder.name} gives {encoder.dim}")
    if head.dim != info.dim:
        raise Mismatch(f"the head gives {head.dim} numbers, the collection holds {info.dim}")
    if encoder.hash != info.encoder_hash:
        raise Mismatch(
            f"the collection was not built with the encoder {encoder.name} ({encoder.hash})",
            mend="Use the encoder it was built with, or build it again",
        )
