"""Odds and ends."""

import numpy as np

from lookalike.demo import textures as tx
from lookalike.demo.look import Look
from lookalike.demo.mesh import Paint, Parts, ball, box, curve, hoop, lathe, loft, move, rod, turn


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
    second = look.accent if look.chance(0.5) else look.colour * 0.85
    return tx.stripes(look.colour, second, width=2 * wide, along=True)


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
