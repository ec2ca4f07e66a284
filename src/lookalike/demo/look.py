"""What makes one product differ from the next of its kind: colours, materials, proportions, style."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lookalike.demo import textures as tx
from lookalike.demo.mesh import Paint, Parts
from lookalike.demo.textures import Floats, Noise


@dataclass(frozen=True)
class Look:
    """One product's looks. `style` counts the kind's styles (its nouns in the shop); the rest is drawn from `rng`."""

    rng: np.random.Generator
    noise: Noise
    colour: Floats
    accent: Floats
    style: int = 0

    def between(self, low: float, high: float) -> float:
        """Draw a proportion."""
        return float(self.rng.uniform(low, high))

    def chance(self, share: float) -> bool:
        """Decide on a detail."""
        return bool(self.rng.random() < share)

    def pick(self, *codes: str) -> Floats:
        """Choose one of several colours."""
        return tx.rgb(codes[int(self.rng.integers(len(codes)))])

    def cloth(self, colour: Floats | None = None) -> Paint:
        """Plain woven cloth."""
        base = self.colour if colour is None else colour
        return Paint(base, 0.04, texture=tx.weave(base, self.noise))

    def print_cloth(self, finer: float = 1) -> Paint:
        """Cloth that may be plain, striped, checked, dotted or floral, in colour and accent; on request `finer`."""
        width = self.between(0.03, 0.09) / finer
        choice = int(self.rng.integers(6))
        patterns: list[tx.Texture] = [
            tx.stripes(self.colour, self.accent, width=width, share=0.6, along=True),
            tx.stripes(self.colour, self.accent, width=width, share=0.7),
            tx.checks(self.colour, self.accent, width=width),
            tx.dots(self.colour, self.accent, width=width),
            tx.blossoms(self.colour, [self.accent, tx.rgb("#f4f0e6")], width=width * 1.6),
            tx.weave(self.colour, self.noise),
        ]
        return Paint(self.colour, 0.04, texture=patterns[choice])

    def wood(self, colour: Floats | None = None, gloss: float = 0.25) -> Paint:
        """Wood, each call another board."""
        base = self.colour if colour is None else colour
        texture = tx.wood(base, self.noise, across=self.between(0, 9), strength=0.1)
        return Paint(base, gloss, texture=texture)

    def plastic(self, colour: Floats | None = None, gloss: float = 0.5) -> Paint:
        """Smooth plastic or lacquer."""
        return Paint(self.colour if colour is None else colour, gloss)

    def leather(self, colour: Floats | None = None) -> Paint:
        """Grained leather with a dull shine."""
        base = self.colour if colour is None else colour
        return Paint(base, 0.3, texture=tx.grain(base, self.noise, scale=500, strength=0.05))

    def steel(self, code: str = "#b9bdc1") -> Paint:
        """Bright metal; other codes make brass, copper or gunmetal."""
        return Paint(tx.rgb(code), 0.6, metal=0.8)

    def black(self, gloss: float = 0.3) -> Paint:
        """Rubber, screens, feet."""
        return Paint(tx.rgb("#1d1e21"), gloss)

    def white(self, gloss: float = 0.4) -> Paint:
        """Enamel, paper, porcelain."""
        return Paint(tx.rgb("#efeeea"), gloss)

    def artwork(self, width: float, height: float, *, gloss: float = 0.3, glow: float = 0.0) -> Paint:
        """A picture for a cover, a canvas or a screen of this size in metres."""
        colours = [tx.rgb(_BRIGHTS[int(index)]) for index in self.rng.choice(len(_BRIGHTS), 4, replace=False)]
        picture = tx.artwork(colours, self.rng, half=(width / 2, height / 2))
        return Paint(colours[0], gloss, glow=glow, texture=picture)


Drawing = Callable[[Look], Parts]
_BRIGHTS = (
    "#d9543f", "#e8a33d", "#f2d16b", "#6aa84f", "#2f8f83", "#3d7ebf", "#2b3f73", "#7a5aa6", "#c75b8f", "#f1e6d0",
    "#1f2933", "#8c5a3c", "#b8d4c8", "#f08a6b",
)  # fmt: skip
