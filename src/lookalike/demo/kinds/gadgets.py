"""Phones, sound, games consoles."""

import numpy as np

from lookalike.demo import textures as tx
from lookalike.demo.look import Look
from lookalike.demo.mesh import Paint, Part, Parts, ball, box, curve, hoop, lathe, loft, move, panel, rod, turn


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
