"""Tools."""

import numpy as np

from lookalike.demo import textures as tx
from lookalike.demo.look import Look
from lookalike.demo.mesh import Paint, Parts, ball, box, curve, lathe, loft, move, rod, turn


def hammer(look: Look) -> Parts:
    """Claw hammer or mallet, lying flat."""
    handle = look.wood(look.pick("#c79a5f", "#a87646", "#d9b988")) if look.chance(0.6) else look.plastic()
    long = look.between(0.24, 0.32)
    grip = look.black(0.2) if look.chance(0.4) else look.plastic(gloss=0.3)
    path = curve([(0, 0, 0), (0, long * 0.5, 0), (0, long, 0)], count=12)
    parts = [loft(path, np.interp(np.linspace(0, 1, 12), [0, 0.15, 0.45, 1], [0.016, 0.017, 0.011, 0.013]), handle)]
    parts.append(rod((0, -0.004, 0), (0, long * 0.38, 0), (0.019, 0.016), grip))
    if look.style == 1:
        rubber = look.plastic(look.pick("#26262a", "#e8e4da", "#c0392b"), 0.15)
        parts.append(rod((-0.06, long, 0), (0.06, long, 0), 0.034, rubber, sides=24))
        return parts
    steel = look.steel("#8f9499")
    parts.append(box((0.05, 0.03, 0.03), steel, edge=0.006).move(y=long))
    parts.append(rod((0.02, long, 0), (0.062, long, 0), (0.011, 0.014), steel, sides=20))
    parts.append(rod((0.055, long, 0), (0.072, long, 0), 0.0165, steel, sides=20))
    for side in (-1, 1):
        claw = curve(
            [(-0.02, long, side * 0.006), (-0.06, long - 0.008, side * 0.011), (-0.09, long - 0.035, side * 0.013)]
        )
        parts.append(loft(claw, np.linspace(0.011, 0.003, 24), steel, sides=10))
    return parts
