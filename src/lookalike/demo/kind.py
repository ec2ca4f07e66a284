"""What a kind of thing is to the shop: how it is drawn, where it is listed, what it is called and costs."""

from dataclasses import dataclass

from lookalike.demo.look import Drawing
from lookalike.demo.photo import Pose


@dataclass(frozen=True)
class Kind:
    """A kind of product.

    `styles` are nouns, one per style that `drawing` knows, each a truth about what is drawn. `palette` names
    a list of `shop.PALETTES`; the colour drawn is the colour named. `count` is how many the shop has.
    """

    drawing: Drawing
    category: str
    styles: tuple[str, ...]
    palette: str
    prices: tuple[int, int]
    pose: Pose
    remarks: tuple[str, ...] = ()
    count: int = 4
    accents: str = "bright"
