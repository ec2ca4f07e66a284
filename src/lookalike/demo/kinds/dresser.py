"""Health and beauty, and odds and ends."""

import numpy as np

from lookalike.demo import textures as tx
from lookalike.demo.look import Look
from lookalike.demo.mesh import Paint, Parts, ball, box, curve, hoop, lathe, loft, move, panel, rod, turn


def perfume(look: Look) -> Parts:
    """Perfume bottle, round, square or ball-shaped, with a metal collar and a cap."""
    liquid = tx.mix(look.colour, tx.rgb("#ffffff"), 0.35)
    level = look.between(0.03, 0.05)

    def glass(u: tx.Floats, v: tx.Floats) -> tx.Floats:
        clear = tx.mix(liquid, tx.rgb("#f4f7f8"), 0.8)
        share = np.clip((v - level) * 400, 0, 1)[:, None]
        return (liquid * (1 - share) + clear * share).astype(np.float32)

    paint = Paint(liquid, 1.0, texture=glass)
    high, wide = look.between(0.06, 0.09), look.between(0.024, 0.034)
    if look.style == 0:
        sizes = np.array([[0.96, 0.96], [1, 1], [1, 1], [0.9, 0.9], [0.45, 0.6]]) * [
            wide,
            wide * look.between(0.5, 0.9),
        ]
        path = np.stack([np.zeros(5), np.zeros(5), np.array([0, 0.04, 0.86, 0.96, 1]) * high], axis=1)
        parts = [loft(path, sizes, paint, sides=32, power=7)]
    elif look.style == 1:
        parts = [lathe([(wide, 0), (wide * 1.05, 0.004), (wide, high * 0.8), (wide * 0.4, high)], paint, smooth=18)]
    else:
        high = wide * 2
        parts = [ball(wide * 1.05, Paint(liquid, 1.0)).move(z=wide)]
    metal = look.steel(("#c9a45a", "#c4c8cc", "#c98f7a")[int(look.rng.integers(3))])
    cap = look.black(0.8) if look.chance(0.4) else metal
    parts.append(lathe([(0.011, 0), (0.011, 0.009)], metal).move(z=high - 0.001))
    top = look.between(0.016, 0.032)
    if look.chance(0.3):
        parts.append(ball(0.015, cap).move(z=high + 0.02))
    else:
        parts.append(lathe([(0.013, 0), (0.0135, top * 0.9), (0.012, top)], cap).move(z=high + 0.007))
    label = panel(wide * 0.9, high * 0.22, look.white(0.3), cells=1)
    depth = float(parts[0].corners[:, 1].min())
    return [*parts, label.move(0, depth - 0.0004, high * 0.42)] if look.style == 0 else parts


def mug(look: Look) -> Parts:
    """Mug or a set of two, plain, banded or dotted."""
    bands = [tx.stripes(look.colour, look.accent, width=look.between(0.02, 0.05), along=False)]
    bands += [tx.dots(look.colour, look.accent, width=0.03), tx.stripes(look.colour, look.accent, width=0.03)]
    paint = Paint(look.colour, 0.8, texture=bands[int(look.rng.integers(3))] if look.chance(0.65) else None)
    radius, high = look.between(0.038, 0.046), look.between(0.085, 0.11)
    base = radius * look.between(0.75, 1)
    one: Parts = [
        lathe([(base, 0), ((base + radius) / 2 + 0.003, high / 2), (radius, high)], paint, smooth=12),
        lathe([(radius * 0.92, 0), (radius * 0.92, 0.001)], Paint(tx.rgb("#3b2417"), 0.7)).move(z=high - 0.0005),
        hoop(radius * 0.96, 0.0025, look.white(0.8)).turn(x=90).move(z=high),
        hoop(high * 0.28, 0.006, Paint(look.colour, 0.8), arc=180).turn(y=90).move(radius * 0.93, 0, high * 0.52),
    ]
    if look.style == 0:
        return turn(one, z=look.between(-50, 30))
    second = move(turn(one, z=look.between(60, 160)), radius * 2.6, radius * 1.2)
    return turn(one, z=look.between(170, 220)) + second
