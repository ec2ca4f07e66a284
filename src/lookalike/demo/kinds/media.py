"""Music, films, books and games."""

import numpy as np

from lookalike.demo import textures as tx
from lookalike.demo.look import Look
from lookalike.demo.mesh import Paint, Parts, ball, box, hoop, lathe, loft, move, rod, turn


def books(look: Look) -> Parts:
    """A pile of books, or a single one standing a little open towards the viewer."""
    if look.style == 1:
        return turn(_book(look, look.between(0.13, 0.17), look.between(0.2, 0.24), look.between(0.02, 0.04)), x=72)
    parts: Parts = []
    level = 0.0
    for _ in range(int(look.rng.integers(3, 7))):
        thick = look.between(0.018, 0.04)
        book = _book(look, look.between(0.13, 0.16), look.between(0.19, 0.23), thick)
        parts += move(turn(book, z=90 + look.between(-12, 12)), z=level)
        level += thick
    return parts


def _book(look: Look, width: float, height: float, thick: float) -> Parts:
    """A closed book lying flat, its spine at the left."""
    cover = look.artwork(width, height, gloss=0.35)
    spine = look.plastic(cover.colour, 0.3)
    paper = Paint(
        tx.rgb("#e9e0cb"), 0.0, texture=tx.stripes(tx.rgb("#efe7d3"), tx.rgb("#cfc5ae"), width=0.0016, along=True)
    )
    return [
        box((width - 0.006, height - 0.008, thick - 0.005), paper, edge=0.001).move(x=0.001, z=thick / 2),
        box((width, height, 0.003), spine, edge=0.001).move(z=0.0015),
        box((width, height, 0.003), cover, edge=0.001).move(z=thick - 0.0015),
        box((0.004, height, thick), spine, edge=0.002).move(x=-width / 2, z=thick / 2),
    ]


def guitar(look: Look) -> Parts:
    """Acoustic or electric guitar, lying on its back or propped up."""
    electric = look.style == 1
    wood = (
        look.plastic(gloss=0.8) if electric else look.wood(look.pick("#d9a860", "#b5733a", "#8a4a2a", "#2b2626"), 0.6)
    )
    share = (1 - np.cos(np.linspace(0, np.pi, 30))) / 2
    knots = [0, 0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 1]
    half = np.interp(share, knots, [0.155, 0.18, 0.19, 0.17, 0.128, 0.134, 0.14, 0.12])
    half *= np.clip(1 - np.abs(2 * share - 1) ** 7, 0, 1) ** 0.5
    deep = 0.022 if electric else 0.05
    path = np.stack([np.zeros(30), np.zeros(30), share * 0.5], axis=1)
    body = loft(path, np.stack([half, np.full(30, deep)], axis=1), wood, sides=36, power=5)
    front = -deep - 0.001
    neck = look.wood(tx.rgb("#5b3a24"), 0.4)
    parts = [body, box((0.052, 0.02, 0.5), neck, edge=0.006).move(0, front - 0.006, 0.69)]
    parts.append(box((0.075, 0.018, 0.16), neck, edge=0.01).turn(x=-8).move(0, front + 0.006, 1.0))
    fret = box((0.05, 0.002, 0.003), look.steel(), edge=0)
    parts += [fret.move(0, front - 0.017, 0.9 - number * 0.027) for number in range(16)]
    for side in (-1, 1):
        parts += [
            ball(0.011, look.steel(), sides=10).move(side * 0.048, front + 0.005, 0.95 + i * 0.045) for i in range(3)
        ]
    for string in range(6):
        x = (string - 2.5) * 0.0075
        parts.append(rod((x, front - 0.02, 0.14), (x, front - 0.02, 0.94), 0.0009, look.steel("#e2e2e0"), sides=4))
    if electric:
        guard = look.plastic(look.accent if look.chance(0.5) else tx.rgb("#f1efe9"), 0.7)
        parts.append(
            rod((0.035, front + 0.004, 0.22), (0.035, front - 0.004, 0.22), 0.1, guard, sides=32).stretch(z=1.0)
        )
        parts += [
            box((0.085, 0.012, 0.022), look.black(0.6), edge=0.006).move(0, front - 0.008, z) for z in (0.2, 0.29, 0.37)
        ]
        parts += [rod((0.11, front + 0.01, z), (0.11, front - 0.016, z), 0.012, look.steel()) for z in (0.11, 0.16)]
    else:
        parts.append(
            rod(
                (0, front + 0.004, 0.33),
                (0, front - 0.002, 0.33),
                0.052,
                look.plastic(tx.rgb("#3a2416"), 0.3),
                sides=32,
            )
        )
        parts.append(hoop(0.055, 0.0035, look.plastic(tx.rgb("#e9dcc0"))).move(0, front - 0.001, 0.33))
    parts.append(
        box((0.13, 0.014, 0.026), neck if not electric else look.steel(), edge=0.004).move(0, front - 0.006, 0.14)
    )
    return turn(parts, x=-78) if look.chance(0.4) else turn(parts, x=-14)


def record(look: Look) -> Parts:
    """Vinyl record half out of its sleeve, or a stack seen from above."""
    sleeve = look.artwork(0.31, 0.31, gloss=0.25)
    vinyl = Paint(tx.rgb("#1b1b1e"), 0.75, texture=_grooves())
    disc = [
        lathe([(0.15, 0), (0.15, 0.003)], vinyl, sides=64),
        lathe([(0.05, 0), (0.05, 0.0036)], look.plastic(gloss=0.3), sides=40),
        lathe([(0.035, 0), (0.035, 0.0038)], look.plastic(look.accent, 0.3), sides=40),
        lathe([(0.0036, 0), (0.0036, 0.0042)], look.white()),
    ]
    cover = [box((0.315, 0.315, 0.004), sleeve, edge=0.001).move(z=0.002)]
    if look.style == 1:
        return cover + move(disc, look.between(-0.02, 0.02), look.between(-0.02, 0.02), 0.004)
    return move(cover, z=0.003) + move(disc, x=look.between(0.09, 0.16), z=0.0)


def _grooves() -> tx.Texture:
    def texture(u: tx.Floats, v: tx.Floats) -> tx.Floats:
        distance = np.hypot(u, v)
        track = (np.mod(distance, 0.0042) < 0.0012) | (np.mod(distance, 0.021) < 0.0022)
        sheen = np.exp(-(((np.arctan2(v, u) - 0.9) / 0.28) ** 2)) + np.exp(-(((np.arctan2(v, u) + 2.24) / 0.28) ** 2))
        value = np.where(track, 0.035, 0.012) + 0.1 * sheen
        return np.repeat(value[:, None], 3, axis=1).astype(np.float32)

    return texture


def piano(look: Look) -> Parts:
    """Electronic keyboard, on a stand or on its own."""
    octaves = int(look.rng.integers(3, 6))
    whites = octaves * 7
    width, depth = whites * 0.0232 + 0.08, look.between(0.24, 0.32)
    body = look.plastic(gloss=0.4)
    parts = [box((width, depth, 0.06), body, edge=0.012).move(z=0.03)]
    parts.append(box((width, depth * 0.42, 0.024), body, edge=0.01).move(y=depth * 0.27, z=0.068))
    for key in range(whites):
        x = (key - (whites - 1) / 2) * 0.0232
        parts.append(box((0.0215, 0.13, 0.012), look.white(0.6), edge=0.002).move(x, -depth / 2 + 0.07, 0.066))
        if key % 7 not in (2, 6) and key < whites - 1:
            parts.append(
                box((0.012, 0.08, 0.016), look.black(0.6), edge=0.003).move(x + 0.0116, -depth / 2 + 0.097, 0.074)
            )
    glow = look.plastic(tx.rgb("#7fb8d6"), 0.6)
    parts.append(box((0.1, 0.03, 0.003), Paint(glow.colour, 0.6, glow=0.6), edge=0).move(0, depth * 0.3, 0.081))
    for side in (-1, 1):
        parts += [
            lathe([(0.008, 0), (0.007, 0.01)], look.black(), sides=14).move(
                side * (0.1 + i * 0.032), depth * 0.3, 0.079
            )
            for i in range(4)
        ]
        parts.append(
            box((width * 0.17, depth * 0.2, 0.003), look.black(0.1), edge=0).move(
                side * width * 0.38, depth * 0.3, 0.08
            )
        )
    if look.style == 0:
        return parts
    leg = look.steel("#3a3b3e")
    high = 0.68
    for y in (-1, 1):
        parts.append(rod((-width * 0.32, y * 0.1, -high), (width * 0.32, y * 0.1, 0), 0.014, leg))
        parts.append(rod((width * 0.32, y * 0.1, -high), (-width * 0.32, y * 0.1, 0), 0.014, leg))
    parts += [rod((x * width * 0.32, -0.22, -high), (x * width * 0.32, 0.22, -high), 0.016, leg) for x in (-1, 1)]
    return parts
