"""Health and beauty."""

import numpy as np

from lookalike.demo import textures as tx
from lookalike.demo.look import Look
from lookalike.demo.mesh import Paint, Parts, ball, box, curve, lathe, loft, move, panel, rod, turn


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


def lipstick(look: Look) -> Parts:
    """Open lipstick with its cap beside it, or two of them."""
    case = (
        look.steel(("#c9a45a", "#c4c8cc", "#d3a08c")[int(look.rng.integers(3))])
        if look.chance(0.6)
        else look.black(0.8)
    )
    stick = [
        lathe([(0.0105, 0), (0.0105, 0.03)], case),
        lathe([(0.0088, 0.03), (0.0088, 0.042)], look.steel("#d8c08a")),
        loft(np.array([[0, 0, 0.042], [0, 0, 0.056], [0.0012, 0, 0.062], [0.003, 0, 0.067]]),
             [0.0074, 0.0074, 0.0062, 0.003], look.plastic(gloss=0.5), sides=28),
    ]  # fmt: skip
    cap: Parts = [rod((0.0, -0.02, 0.0112), (0.0, 0.018, 0.0112), 0.0112, case, sides=28)]
    if look.style == 1:
        other = [stick[0], stick[1], stick[2].stretch(z=0.97)]
        other[2] = loft(
            np.array([[0, 0, 0.042], [0, 0, 0.053], [-0.002, 0, 0.06]]),
            [0.0074, 0.0074, 0.004],
            look.plastic(tx.mix(look.colour, tx.rgb("#5a1f2c"), 0.5)),
            sides=28,
        )
        return [*stick, *move(other, look.between(0.028, 0.04), look.between(-0.01, 0.02))]
    return [*stick, *move(turn(cap, z=look.between(20, 80)), 0.042, -0.006)]


def hair_dryer(look: Look) -> Parts:
    """Hair dryer lying on its side or standing on its handle."""
    body, dark = look.plastic(gloss=0.6), look.black(0.3)
    x = np.array([-0.1, -0.095, -0.06, 0.0, 0.05, 0.09, 0.1])
    path = np.stack([x, np.zeros(7), np.full(7, 0.2)], axis=1)
    parts = [loft(path, [0.03, 0.041, 0.045, 0.043, 0.037, 0.03, 0.028], body, sides=28)]
    parts.append(rod((-0.1, 0, 0.2), (-0.106, 0, 0.2), 0.03, look.steel("#6d7074"), sides=28))
    nozzle = np.array([[0.1, 0, 0.2], [0.12, 0, 0.2], [0.145, 0, 0.2]])
    parts.append(loft(nozzle, [[0.028, 0.028], [0.024, 0.03], [0.008, 0.036]], dark, sides=24))
    grip = curve([(0.0, 0, 0.17), (-0.012, 0, 0.1), (-0.008, 0, 0.02)], count=14)
    parts.append(loft(grip, np.stack([np.linspace(0.02, 0.016, 14), np.linspace(0.018, 0.014, 14)], axis=1), body))
    parts += [
        box((0.008, 0.012, 0.018), look.plastic(look.accent, 0.4), edge=0.003).move(0.014, 0, z) for z in (0.12, 0.09)
    ]
    cord = curve(
        [
            (-0.008, 0, 0.022),
            (-0.01, 0.0, 0.0),
            (0.06, 0.03, 0.0),
            (0.13, -0.04, 0.0),
            (0.04, -0.09, 0.0),
            (-0.09, -0.05, 0.0),
        ],
        count=40,
    )
    parts.append(loft(cord, np.full(40, 0.0032), dark, sides=8))
    band = look.steel() if look.chance(0.5) else look.plastic(look.accent, 0.5)
    parts.append(rod((0.052, 0, 0.2), (0.062, 0, 0.2), 0.0372, band, sides=28))
    return turn(parts[:-2] + parts[-1:], x=-86) if look.style == 1 else parts


def nail_polish(look: Look) -> Parts:
    """Small bottles of nail polish, three to five in a row, or a jar of cream."""
    if look.style == 1:
        radius, lid = look.between(0.03, 0.038), look.steel("#c9a45a") if look.chance(0.5) else look.white(0.6)
        band = Paint(look.colour, 0.7, texture=tx.stripes(look.colour, tx.rgb("#f4f1ea"), width=0.04, share=0.6))
        parts = [lathe([(radius * 0.9, 0), (radius, 0.004), (radius, 0.032)], band, sides=40)]
        return [*parts, lathe([(radius * 1.03, 0.032), (radius * 1.03, 0.05), (radius * 0.96, 0.053)], lid, sides=40)]
    parts = []
    count = int(look.rng.integers(3, 6))
    for number in range(count):
        shade = (
            look.colour
            if number == 0
            else tx.mix(look.colour, look.pick("#f4e4e4", "#7d2f46", "#e08468", "#3b2a4a", "#e8c26a"), 0.65)
        )
        bottle: Parts = [
            lathe([(0.012, 0), (0.0145, 0.003), (0.0145, 0.022), (0.006, 0.029)], Paint(shade, 1.0), smooth=16),
            lathe([(0.0065, 0.028), (0.006, 0.058), (0.005, 0.06)], look.black(0.7)),
        ]
        parts += move(bottle, number * 0.034, look.between(-0.006, 0.006))
    return parts
