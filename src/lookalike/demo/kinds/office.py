"""Desks, chairs, computers."""

import numpy as np

from lookalike.demo import textures as tx
from lookalike.demo.look import Look
from lookalike.demo.mesh import Paint, Parts, ball, box, curve, lathe, loft, move, panel, rod, turn


def desk(look: Look) -> Parts:
    """Desk with drawers at one side, or a plain table-like one."""
    width, depth, height = look.between(1.1, 1.5), look.between(0.55, 0.7), 0.73
    top = look.wood()
    frame = look.steel("#3a3b3e") if look.chance(0.5) else look.wood(tx.mix(look.colour, look.accent, 0.3))
    parts = [box((width, depth, 0.03), top, edge=0.006).move(z=height)]
    legs = [(x * (width / 2 - 0.04), y * (depth / 2 - 0.05)) for x in (-1, 1) for y in (-1, 1)]
    parts += [box((0.045, 0.045, height), frame, edge=0.004).move(x, y, height / 2) for x, y in legs]
    parts.append(box((width - 0.1, 0.02, 0.3), frame).move(0, depth / 2 - 0.06, height - 0.2))
    if look.style == 0:
        side = float(look.rng.choice([-1, 1]))
        x = side * (width / 2 - 0.24)
        parts.append(box((0.4, depth - 0.06, 0.5), top, edge=0.004).move(x, 0, height - 0.265))
        for number in range(3):
            z = height - 0.1 - number * 0.165
            parts.append(box((0.38, 0.02, 0.15), top, edge=0.006).move(x, -depth / 2 + 0.025, z))
            parts.append(box((0.12, 0.02, 0.012), look.steel(), edge=0.004).move(x, -depth / 2 + 0.008, z + 0.02))
    return parts


def laptop(look: Look) -> Parts:
    """Open laptop with a lit or a dark screen."""
    width = look.between(0.3, 0.36)
    depth, angle = width * 0.68, look.between(12, 28)
    shell = Paint(look.colour, 0.45, metal=0.35)
    parts = [box((width, depth, 0.014), shell, edge=0.006).move(z=0.009)]
    parts.append(panel(width * 0.9, depth * 0.46, look.black(0.2), cells=1).turn(x=-90).move(0, depth * 0.17, 0.0164))
    keys = look.plastic(look.pick("#3a3b3e", "#55575c", "#e8e6e1"), 0.2)
    size = width * 0.9 / 13
    for row in range(5):
        for column in range(13):
            key = panel(size * 0.82, size * 0.82, keys, cells=1).turn(x=-90)
            parts.append(key.move((column - 6) * size, depth * 0.17 + (row - 2) * size * 1.05, 0.018))
    pad = Paint(look.colour * 0.85, 0.5)
    parts.append(panel(width * 0.32, depth * 0.27, pad, cells=1).turn(x=-90).move(0, -depth * 0.26, 0.0165))
    glow = look.between(0.4, 0.9) if look.chance(0.75) else 0.0
    high = width * 0.63
    screen = look.artwork(width * 0.92, high * 0.86, gloss=0.5, glow=glow) if glow else look.black(0.9)
    lid = [
        box((width, 0.008, high), shell, edge=0.004),
        panel(width * 0.97, high * 0.95, look.black(0.5), cells=2).move(y=-0.0045),
    ]
    lid.append(panel(width * 0.92, high * 0.86, screen, cells=6).move(y=-0.0055, z=0.004))
    return parts + move(turn(move(lid, z=high / 2), x=-angle), 0, depth / 2, 0.014)
