"""Phones, sound, games consoles."""

import numpy as np

from lookalike.demo import textures as tx
from lookalike.demo.look import Look
from lookalike.demo.mesh import Paint, Part, Parts, box, curve, hoop, lathe, loft, move, rod, turn


def phone(look: Look) -> Parts:
    """Smartphone lying on something, screen up or back up."""
    width, height = look.between(0.068, 0.078), look.between(0.14, 0.162)
    body = Paint(look.colour, 0.55, metal=0.25)
    parts = [_slab(width, height, 0.008, 0.011, body)]
    if look.style == 0:
        parts.append(_slab(width - 0.003, height - 0.003, 0.0006, 0.0095, look.black(0.9)).move(z=0.0079))
        glow = look.between(0.25, 0.7)
        screen = look.artwork(width, height, gloss=0.8, glow=glow)
        parts.append(_slab(width - 0.007, height - 0.009, 0.0006, 0.008, screen).move(z=0.0084))
        columns, rows = 4, int(look.rng.integers(2, 5))
        for row in range(rows):
            for column in range(columns):
                icon = look.plastic(look.pick("#f4f4f2", "#e8564a", "#41a85f", "#3d7ebf", "#f2c14e", "#7a5aa6"), 0.5)
                x, y = (column - 1.5) * width * 0.2, -height * 0.36 + row * 0.0165
                parts.append(_slab(0.0105, 0.0105, 0.0004, 0.0028, icon).move(x, y, 0.0088))
        return parts
    lenses = int(look.rng.integers(1, 4))
    bump = _slab(0.018 + 0.012 * (lenses > 2), 0.018 + 0.016 * (lenses > 1), 0.0018, 0.007, body)
    corner = (-width / 2 + 0.021, height / 2 - 0.026)
    parts.append(bump.move(*corner, 0.008))
    for number in range(lenses):
        x, y = (
            corner[0] + (0.009 if number == 2 else -0.004 * (lenses > 2)),
            corner[1] + (0.008, -0.008, 0)[number] * (lenses > 1),
        )
        parts.append(lathe([(0.0062, 0), (0.0062, 0.0026)], look.steel()).move(x, y, 0.008))
        parts.append(lathe([(0.005, 0), (0.005, 0.003)], look.black(1.0)).move(x, y, 0.008))
    return parts


def _slab(width: float, height: float, thick: float, corner: float, paint: Paint) -> Part:
    """A flat rounded plate lying on z = 0."""
    power = 2 + 5 * (1 - min(1.0, corner / (width / 2)))
    levels = np.array([0, 0.25, 0.75, 1]) * thick
    inset = np.array([0.25, 0, 0, 0.25]) * thick
    path = np.stack([np.zeros(4), np.zeros(4), levels], axis=1)
    return loft(path, np.stack([width / 2 - inset, height / 2 - inset], axis=1), paint, sides=40, power=power)


def controller(look: Look) -> Parts:
    """Gamepad with two sticks."""
    shell = look.plastic(gloss=0.35)
    share = np.linspace(-1, 1, 25)
    path = np.stack([share * 0.055, np.zeros(25), np.full(25, 0.028)], axis=1)
    width = np.sqrt(1 - np.abs(share) ** 4) * 0.018
    parts = [loft(path, np.stack([np.maximum(width, 0.002), np.maximum(width * 1.7, 0.003)], axis=1), shell, sides=24)]
    for side in (-1, 1):
        grip = curve([(side * 0.045, 0.012, 0.026), (side * 0.066, -0.02, 0.024), (side * 0.072, -0.062, 0.016)])
        parts.append(
            loft(grip, np.interp(np.linspace(0, 1, 24), [0, 0.3, 0.85, 1], [0.022, 0.021, 0.015, 0.006]), shell)
        )
        parts.append(rod((side * 0.025, -0.018, 0.04), (side * 0.025, -0.02, 0.054), 0.005, look.black()))
        parts.append(
            lathe([(0.011, 0), (0.012, 0.004), (0.009, 0.005)], look.black(0.2))
            .turn(x=8)
            .move(side * 0.025, -0.02, 0.053)
        )
    for x, y, code in ((0, 1, "#3d9a62"), (0, -1, "#3d7ebf"), (-1, 0, "#c75b8f"), (1, 0, "#d9543f")):
        parts.append(lathe([(0.0048, 0), (0.0048, 0.004)], look.plastic(tx.rgb(code), 0.7), sides=16)
                     .move(0.05 + x * 0.0105, 0.01 + y * 0.0105, 0.044))  # fmt: skip
    pad = look.plastic(look.accent, 0.3) if look.chance(0.5) else look.black()
    parts += [box((0.024, 0.008, 0.006), pad, edge=0.002).turn(z=turn_).move(-0.05, 0.01, 0.046) for turn_ in (0, 90)]
    parts.append(_slab(0.034, 0.02, 0.003, 0.003, look.black(0.6)).move(0, 0.012, 0.044))
    return parts


def phone_case(look: Look) -> Parts:
    """Back of a phone case with a print and a camera hole, or a closed wallet case."""
    width, height = look.between(0.072, 0.08), look.between(0.15, 0.164)
    if look.style == 1:
        cover = look.leather()
        parts = [_slab(width + 0.006, height, 0.016, 0.008, cover)]
        parts.append(_slab(0.03, 0.018, 0.003, 0.006, cover).move(width / 2, 0, 0.015))
        parts.append(lathe([(0.005, 0), (0.005, 0.002)], look.steel(), sides=16).move(width / 2 - 0.006, 0, 0.018))
        seam = look.cloth(look.accent)
        parts += [
            box((0.0012, height * 0.9, 0.001), seam, edge=0).move(x * (width / 2 - 0.003), 0, 0.0162) for x in (-1, 1)
        ]
        return parts
    print_ = look.artwork(width, height)
    if look.chance(0.5):
        print_ = look.print_cloth(finer=4)
    paint = Paint(print_.colour, 0.5, texture=print_.texture if look.chance(0.8) else None)
    parts = [
        _slab(width, height, 0.0105, 0.012, look.plastic(gloss=0.3)),
        _slab(width - 0.004, height - 0.004, 0.0006, 0.011, paint).move(z=0.0103),
    ]
    corner = (-width / 2 + 0.021, height / 2 - 0.026)
    parts.append(_slab(0.032, 0.036, 0.001, 0.009, look.plastic(gloss=0.5)).move(*corner, 0.0105))
    parts.append(_slab(0.028, 0.032, 0.0012, 0.008, look.black(0.9)).move(*corner, 0.0105))
    return parts


def headphones(look: Look) -> Parts:
    """Over-ear headphones lying flat or standing on their cups."""
    shell, pad = look.plastic(gloss=0.5), look.leather(look.pick("#2b2b2e", "#3b3734", "#d9cdb8"))
    band = curve(
        [
            (-0.078, 0, 0.03),
            (-0.085, 0, 0.09),
            (-0.055, 0, 0.165),
            (0, 0, 0.19),
            (0.055, 0, 0.165),
            (0.085, 0, 0.09),
            (0.078, 0, 0.03),
        ],
        count=40,
    )
    parts = [loft(band, np.stack([np.full(40, 0.0055), np.full(40, 0.014)], axis=1), shell, sides=14, power=4)]
    parts.append(
        loft(band[13:27] - [0, 0, 0.007], np.stack([np.full(14, 0.007), np.full(14, 0.016)], axis=1), pad, sides=14)
    )
    for side in (-1, 1):
        cup: Parts = [
            rod((side * 0.085, 0, 0.04), (side * 0.064, 0, 0.04), (0.036, 0.039), shell, sides=32),
            rod(
                (side * 0.09, 0, 0.04),
                (side * 0.084, 0, 0.04),
                (0.027, 0.033),
                look.plastic(look.accent, 0.5),
                sides=32,
            ),
            hoop(0.026, 0.0135, pad).turn(z=90).move(side * 0.056, 0, 0.04),
        ]
        parts += [part.stretch(z=1.15) for part in cup]
    return turn(parts, x=-90) if look.style == 1 else turn(parts, x=look.between(-8, 0))


def console(look: Look) -> Parts:
    """Games console, flat with a slot or upright between two shells, with its pad beside it."""
    shell = look.plastic(gloss=0.45)
    if look.style == 1:
        parts: Parts = [box((0.06, 0.24, 0.36), look.black(0.6), edge=0.01).move(z=0.19)]
        for side in (-1, 1):
            plate = box((0.012, 0.26, 0.38), shell, edge=0.006).turn(y=side * 2.5)
            parts.append(plate.move(side * 0.042, 0, 0.2))
        parts.append(box((0.004, 0.004, 0.3), Paint(tx.rgb("#79b7ee"), 0.5, glow=1.2), edge=0).move(0.0315, -0.12, 0.2))
        parts.append(lathe([(0.07, 0), (0.07, 0.012)], look.black()))
    else:
        wide = look.between(0.26, 0.32)
        parts = [
            box((wide, 0.25, 0.05), shell, edge=0.008).move(z=0.03),
            box((wide * 0.98, 0.24, 0.012), look.black(0.6)).move(z=0.062),
        ]
        parts.append(box((wide * 0.45, 0.004, 0.005), look.black(0.2), edge=0).move(-wide * 0.18, -0.126, 0.035))
        parts.append(
            rod(
                (wide * 0.38, -0.12, 0.034), (wide * 0.38, -0.129, 0.034), 0.01, Paint(tx.rgb("#cfe6ff"), 0.5, glow=0.8)
            )
        )
        parts += [
            box((0.022, 0.005, 0.012), look.black(0.1), edge=0.001).move(wide * (0.1 + 0.1 * i), -0.125, 0.034)
            for i in range(2)
        ]
        parts += [
            box((wide * 0.5, 0.005, 0.002), look.black(0.1), edge=0).move(0, 0.03 + i * 0.016, 0.069) for i in range(5)
        ]
    return parts + move(turn(controller(look), z=look.between(-25, 25)), look.between(-0.04, 0.1), -0.27, 0.0)


def handheld(look: Look) -> Parts:
    """Handheld console: a wide one with a stick at each side, or an upright old one."""
    if look.style == 1:
        parts = [_slab(0.09, 0.148, 0.026, 0.008, look.plastic(gloss=0.35))]
        parts.append(_slab(0.076, 0.062, 0.002, 0.005, look.plastic(tx.rgb("#4d5058"), 0.5)).move(0, 0.036, 0.0255))
        screen = Paint(tx.rgb("#9bb05a"), 0.6, texture=look.artwork(0.048, 0.044).texture, glow=0.2)
        parts.append(_slab(0.05, 0.046, 0.001, 0.001, screen).move(0, 0.036, 0.0272))
        dark = look.black(0.4)
        parts += [box((0.024, 0.008, 0.006), dark, edge=0.001).turn(z=z).move(-0.025, -0.022, 0.028) for z in (0, 90)]
        parts += [
            lathe([(0.0065, 0), (0.006, 0.005)], look.plastic(look.accent, 0.6), sides=18).move(
                0.018 + i * 0.015, -0.026 + i * 0.008, 0.025
            )
            for i in range(2)
        ]
        parts += [
            box((0.014, 0.004, 0.004), dark, edge=0.001).turn(z=25).move(-0.008 + i * 0.018, -0.05, 0.027)
            for i in range(2)
        ]
        return parts
    parts = [_slab(0.172, 0.1, 0.012, 0.006, look.black(0.4))]
    screen = look.artwork(0.136, 0.078, gloss=0.7, glow=look.between(0.3, 0.8))
    parts.append(_slab(0.14, 0.08, 0.0008, 0.001, screen).move(z=0.012))
    for side in (-1, 1):
        pad = look.plastic(look.colour if side < 0 else look.accent, 0.4)
        parts.append(_slab(0.037, 0.1, 0.0135, 0.015, pad).move(x=side * 0.104))
        parts.append(
            lathe([(0.007, 0), (0.0075, 0.006)], look.black(0.2), sides=18).move(side * 0.104, 0.024 * -side, 0.0135)
        )
        for x, y in ((0, 1), (0, -1), (1, 0), (-1, 0)):
            dot = lathe([(0.0032, 0), (0.0032, 0.002)], look.black(0.5), sides=12)
            parts.append(dot.move(side * 0.104 + x * 0.0075, 0.022 * side + y * 0.0075, 0.0133))
    return parts
