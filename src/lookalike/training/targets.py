"""What each photo teaches: the number of its label and, where asked for, of its parent category and its product."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from lookalike.errors import TrainingError
from lookalike.labels import LabelSet, split_path
from lookalike.training.config import TrainConfig
from lookalike.training.losses import NOT_LEARNED


@dataclass(frozen=True)
class Targets:
    """The classes of each head by name or id; `parents` and `products` are None where they are not learned."""

    labels: LabelSet
    numbers: Mapping[str, int]
    parents: Mapping[str, int] | None = None
    products: Mapping[str, int] | None = None

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many classes each head has, the label's first."""
        more = (known for known in (self.parents, self.products) if known is not None)
        return (len(self.numbers), *(len(known) for known in more))

    def of(self, category: str | None, product_id: str) -> tuple[int, ...] | None:
        """Return a photo's number in each head, NOT_LEARNED where it has none; None without a learned label."""
        label = self.labels.of(category)
        if label is None:
            return None
        more: list[int] = []
        if self.parents is not None:
            more.append(self.parents[split_path(label)[0]])
        if self.products is not None:
            more.append(self.products.get(product_id, NOT_LEARNED))
        return (self.numbers[label], *more)


def make_targets(train: pl.DataFrame, labels: LabelSet, config: TrainConfig) -> Targets:
    """Number the classes of each head that the configuration gives a weight.

    Parameters
    ----------
    train : the training photos, with `category` and `product_id`
    labels : at least two

    Raises
    ------
    TrainingError
        A head was asked for that has nothing to tell apart.
    """
    parents, products = None, None
    if config.parent_weight:
        parents = _numbered({split_path(label)[0] for label in labels.labels})
        if len(parents) < 2 or len(parents) == len(labels.labels):
            raise TrainingError(
                f"the {len(labels.labels)} labels have {len(parents)} parent categories: "
                "there is nothing more to learn from these",
                mend="Leave the parents' weight at 0",
            )
    if config.product_weight:
        pairs = zip(train["product_id"], train["category"], strict=True)
        photos = Counter(product_id for product_id, category in pairs if labels.of(category) is not None)
        products = _numbered({product_id for product_id, count in photos.items() if count > 1})
        if len(products) < 2:
            raise TrainingError(
                f"{len(products)} products have two training photos or more: there is nothing to tell apart",
                mend="Leave the products' weight at 0",
            )
    return Targets(labels, _numbered(set(labels.labels)), parents, products)


def _numbered(names: set[str]) -> dict[str, int]:
    return {name: number for number, name in enumerate(sorted(names))}
