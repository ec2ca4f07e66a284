"""How the audit looks, and the photos that it looks at."""

from collections.abc import Collection
from dataclasses import asdict, dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl

from lookalike.catalogue import Catalogue
from lookalike.embeddings import Embeddings
from lookalike.errors import AuditError
from lookalike.types import Json


@dataclass(frozen=True)
class AuditConfig:
    """How to look; `docs/audit.md` says where the thresholds come from.

    Parameters
    ----------
    wrong_labels : bool
        Look for wrong labels; needs the `analyse` extra.
    level, ignored : how deep labels go, and labels that are never learned, as in `heads.HeadConfig`
    phash_distance : int
        Photos whose perceptual hashes differ in at most this many bits are compared.
    cosine : float
        So are those whose features are at least this much alike, in (0, 1]; of these
    max_compared : int
        the most alike pairs only, so that a huge catalogue is done in minutes.
    likeness : float
        Compared pairs from here on are the same picture; see `likeness.likeness`.
    folds, neighbours : int
        Folds of the label classifier, at least 2; labelled photos that vote beside it.
    shown : int
        Findings on each contact sheet.
    """

    wrong_labels: bool = True
    level: str = "auto"
    ignored: tuple[str, ...] = ()
    phash_distance: int = 4
    cosine: float = 0.85
    max_compared: int = 20_000
    likeness: float = 0.7
    folds: int = 5
    neighbours: int = 15
    shown: int = 100

    def __post_init__(self) -> None:
        wrong = {
            "phash_distance must lie in 0 to 16": not 0 <= self.phash_distance <= 16,
            "cosine must be above 0 and at most 1": not 0 < self.cosine <= 1,
            "likeness must be above 0 and at most 1": not 0 < self.likeness <= 1,
            "max_compared must not be negative": self.max_compared < 0,
            "folds must be at least 2": self.folds < 2,
            "neighbours must be at least 1": self.neighbours < 1,
            "shown must be at least 1": self.shown < 1,
        }
        for what, applies in wrong.items():
            if applies:
                raise AuditError(f"the audit's {what}", mend="Correct the audit's options")

    def to_json(self) -> Json:
        """Describe the configuration as JSON; equal configurations are described alike."""
        return {**asdict(self), "ignored": sorted(set(self.ignored))}


@dataclass(frozen=True, eq=False)
class Photos:
    """A catalogue's photos with all that is known of them.

    Parameters
    ----------
    frame : DataFrame
        One row per photo in the catalogue's order: the columns of `images.parquet`, and `seller_id`, `category`,
        `group_id`, `split`, `phash`.
    features : float16 array of shape (m, d)
        Of the network as it was before any label tuned it, where the embeddings hold these.
    rows : int64 array of shape (m,)
        The row of `frame` that each row of `features` is about; a photo may have none.
    """

    frame: pl.DataFrame
    features: npt.NDArray[np.float16]
    rows: npt.NDArray[np.int64] = field(repr=False)

    def without(self, image_ids: Collection[str]) -> "Photos":
        """Forget the features of these photos: what goes by features then passes them over."""
        kept = ~self.frame["image_id"].is_in(list(image_ids)).to_numpy()[self.rows]
        return Photos(self.frame, self.features[kept], self.rows[kept])


def gather(found: Catalogue, split: pl.DataFrame, embeddings: Embeddings, generic_dim: int) -> Photos:
    """Join a catalogue, its split and its embeddings.

    The first `generic_dim` features are taken, which no label has tuned: the others have seen the photos' own labels,
    the wrong ones too. All are where it is 0: the network was tuned whole, and there are no others.
    """
    frame = (
        found.images.join(
            found.products.select("product_id", "seller_id", "category"),
            on="product_id",
            how="left",
            maintain_order="left",
        )
        .join(found.hints.select("image_id", "phash"), on="image_id", how="left", maintain_order="left")
        .join(split.select("image_id", "group_id", "split"), on="image_id", how="left", maintain_order="left")
    )
    row = {image_id: number for number, image_id in enumerate(frame["image_id"])}
    known = [place for place, image_id in enumerate(embeddings.image_ids) if image_id in row]
    features = embeddings.features[:, :generic_dim] if generic_dim else embeddings.features
    if len(known) != len(embeddings.image_ids):
        features = features[known]
    return Photos(frame, features, np.array([row[embeddings.image_ids[place]] for place in known], np.int64))
