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
            look.plastic(look.accent, 0.5),
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


def candle(look: Look) -> Parts:
    """Candles in holders, or a big lit candle in a glass."""
    wax = Paint(look.colour, 0.25, glow=0.12)
    flame = Paint(tx.rgb("#ffd27a"), 0.0, glow=3.0)
    if look.style == 1:
        parts = [
            lathe(
                [(0.038, 0), (0.04, 0.005), (0.04, 0.075)],
                Paint(tx.mix(look.colour, tx.rgb("#ffffff"), 0.25), 1.0, glow=0.12),
                sides=36,
            )
        ]
        parts.append(
            lathe([(0.037, 0), (0.037, 0.001)], Paint(tx.mix(look.colour, tx.rgb("#fff4d8"), 0.5), 0.4, glow=0.5)).move(
                z=0.075
            )
        )
        parts.append(box((0.04, 0.001, 0.03), look.white(0.2), edge=0).move(0, -0.0405, 0.036))
        return [*parts, ball((0.004, 0.004, 0.011), flame, sides=14).move(z=0.087)]
    parts = []
    for number in range(int(look.rng.integers(2, 4))):
        tall, holder = look.between(0.08, 0.2), look.steel("#b08d4a") if look.chance(0.6) else look.black(0.4)
        one: Parts = [
            lathe(
                [(0.036, 0), (0.034, 0.006), (0.009, 0.016), (0.009, 0.05), (0.017, 0.06), (0.017, 0.075)],
                holder,
                smooth=22,
            ),
            lathe([(0.0105, 0.07), (0.0095, 0.07 + tall)], wax),
            ball((0.0045, 0.0045, 0.013), flame, sides=14).move(z=0.087 + tall),
        ]
        parts += move(one, number * 0.085, look.between(-0.03, 0.03))
    return parts


def umbrella(look: Look) -> Parts:
    """Open umbrella resting on its rim, or a rolled one."""
    if look.style == 1:
        cloth = look.cloth()
        path = np.stack([np.linspace(-0.35, 0.3, 12), np.zeros(12), np.full(12, 0.03)], axis=1)
        parts = [
            loft(
                path, np.interp(np.arange(12), [0, 1, 9, 11], [0.006, 0.018, 0.032, 0.022]), cloth, sides=10, power=1.6
            )
        ]
        parts.append(rod((-0.42, 0, 0.03), (0.45, 0, 0.03), 0.005, look.steel()))
        hook = curve([(0.4, 0, 0.03), (0.5, 0, 0.03), (0.54, 0.04, 0.03), (0.5, 0.08, 0.03), (0.46, 0.07, 0.03)])
        parts.append(loft(hook, np.full(24, 0.0115), look.wood(tx.rgb("#8a5a34"), 0.5), sides=12))
        return [*parts, rod((-0.05, 0, 0.03), (-0.03, 0, 0.03), 0.031, look.cloth(look.accent))]
    angle = np.linspace(0.05, 1.15, 10)[::-1]
    rings = np.stack([np.zeros(10), np.zeros(10), np.cos(angle) * 0.55], axis=1)
    wedges = Paint(look.colour, 0.15, texture=_wedges(look))
    dome = loft(rings, np.sin(angle) * 0.55, wedges, sides=8, closed=False)
    parts = [
        dome,
        rod((0, 0, 0.53), (0, 0, 0.62), (0.006, 0.002), look.steel()),
        rod((0, 0, -0.25), (0, 0, 0.54), 0.007, look.steel()),
    ]
    hook = curve([(0, 0, -0.22), (0, 0, -0.3), (0.03, 0, -0.34), (0.06, 0, -0.3)])
    parts.append(loft(hook, np.full(24, 0.012), look.wood(tx.rgb("#8a5a34"), 0.5), sides=12))
    return turn(parts, x=look.between(50, 62), z=look.between(-40, 40))


def _wedges(look: Look) -> tx.Texture:
    wide = 2 * np.pi * 0.55 * np.sin(1.15) / 8
    return tx.stripes(
        look.colour, look.accent if look.chance(0.5) else look.colour * 0.85, width=2 * wide, share=0.5, along=True
    )


def clock(look: Look) -> Parts:
    """Alarm clock with two bells, or a wall clock propped up."""
    radius = look.between(0.05, 0.06) if look.style == 0 else look.between(0.12, 0.16)
    deep = radius * (0.8 if look.style == 0 else 0.25)
    case, bright = look.plastic(gloss=0.6), look.steel()
    parts: Parts = [
        rod((0, deep / 2, 0), (0, -deep / 2, 0), radius, case, sides=40),
        hoop(radius, radius * 0.09, bright if look.chance(0.4) else case).move(y=-deep / 2),
        rod((0, -deep / 2, 0), (0, -deep / 2 - 0.001, 0), radius * 0.93, look.white(0.5), sides=40),
    ]
    face = -deep / 2 - 0.0022
    for hour in range(12):
        mark = box((radius * 0.035, 0.001, radius * (0.1 if hour % 3 else 0.18)), look.black(), edge=0)
        parts.append(mark.move(0, face, radius * 0.76).turn(y=hour * 30))
    for long, wide in ((0.48, 0.06), (0.72, 0.04)):
        hand = box(
            (radius * wide, 0.001, radius * long), look.plastic(look.accent) if wide < 0.05 else look.black(), edge=0
        )
        parts.append(hand.move(0, face - 0.002, radius * long / 2).turn(y=look.between(0, 360)))
    parts.append(rod((0, face, 0), (0, face - 0.004, 0), radius * 0.05, look.black(), sides=14))
    if look.style == 1:
        return turn(parts, x=-10)
    for side in (-1, 1):
        parts.append(
            ball((radius * 0.42, radius * 0.42, radius * 0.26), bright)
            .turn(y=side * 32)
            .move(side * radius * 0.6, 0, radius * 1.02)
        )
        parts.append(
            rod(
                (side * radius * 0.5, 0, -radius * 0.75),
                (side * radius * 0.75, 0, -radius * 1.22),
                (0.007, 0.004),
                bright,
            )
        )
    bow = curve([(-radius * 0.5, 0, radius * 1.2), (0, 0, radius * 1.5), (radius * 0.5, 0, radius * 1.2)])
    return [*parts, loft(bow, np.full(24, 0.0035), bright, sides=10)]


def vase(look: Look) -> Parts:
    """Ceramic vase, empty or with a few flowers."""
    high, wide = look.between(0.2, 0.3), look.between(0.05, 0.09)
    band = tx.stripes(
        look.colour, look.accent, width=high * look.between(0.3, 0.5), share=look.between(0.55, 0.85), along=False
    )
    glaze = Paint(look.colour, 0.85, texture=band if look.chance(0.4) else None)
    waist, mouth = look.between(0.3, 0.6), look.between(0.35, 0.75)
    profile = [
        (wide * 0.6, 0),
        (wide, high * look.between(0.25, 0.5)),
        (wide * waist, high * 0.85),
        (wide * mouth, high),
    ]
    parts = [
        lathe(profile, glaze, smooth=22, sides=36),
        lathe([(wide * mouth * 0.88, 0), (wide * mouth * 0.88, 0.001)], look.black(0.1)).move(z=high),
    ]
    if look.style == 0:
        return parts
    for number in range(int(look.rng.integers(4, 8))):
        angle, lean = number * 2.4, look.between(0.03, 0.11)
        tip = (float(np.cos(angle)) * lean, float(np.sin(angle)) * lean, high + look.between(0.1, 0.22))
        parts.append(rod((0, 0, high - 0.02), tip, 0.0025, look.plastic(tx.rgb("#4f7f3f"), 0.1), sides=6))
        petals = look.plastic(look.pick("#e0457b", "#f2c14e", "#f4f0e6", "#d9543f", "#9a7fd0"), 0.1)
        parts.append(ball((0.026, 0.026, 0.018), petals, sides=16).move(*tip))
        parts.append(
            ball((0.011, 0.011, 0.012), look.plastic(tx.rgb("#c98a2b"), 0.1), sides=12).move(
                tip[0], tip[1], tip[2] + 0.012
            )
        )
    return parts
