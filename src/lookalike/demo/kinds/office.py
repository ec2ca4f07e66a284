"""Desks, chairs, computers."""

import numpy as np

from lookalike.demo import textures as tx
from lookalike.demo.look import Look
from lookalike.demo.mesh import Paint, Parts, ball, box, lathe, move, panel, rod, turn


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


def office_chair(look: Look) -> Parts:
    """Swivel chair on castors, with arms or without."""
    cover = look.leather() if look.chance(0.35) else look.cloth()
    frame = look.steel() if look.chance(0.4) else look.black(0.4)
    parts: Parts = []
    for spoke in range(5):
        angle = np.radians(spoke * 72 + 20)
        tip = (float(np.cos(angle)) * 0.31, float(np.sin(angle)) * 0.31)
        parts.append(rod((0, 0, 0.11), (*tip, 0.075), (0.028, 0.018), frame))
        parts.append(rod((tip[0] - 0.02, tip[1], 0.03), (tip[0] + 0.02, tip[1], 0.03), 0.03, look.black(), sides=16))
    seat = look.between(0.44, 0.52)
    parts.append(rod((0, 0, 0.1), (0, 0, seat), 0.026, look.steel()))
    parts.append(box((0.5, 0.48, 0.1), cover, edge=0.045, puff=0.015).move(z=seat + 0.03))
    high = look.between(0.48, 0.72)
    back = box((0.46, 0.09, high), cover, edge=0.043, puff=0.025).turn(x=-10)
    parts.append(back.move(0, 0.27, seat + 0.16 + high / 2))
    parts.append(rod((0, 0.16, seat), (0, 0.27, seat + 0.3), 0.022, frame))
    if look.chance(0.4):
        parts.append(
            box((0.3, 0.09, 0.16), cover, edge=0.043, puff=0.015).turn(x=-10).move(0, 0.35, seat + high + 0.26)
        )
    if look.style == 0:
        for side in (-1, 1):
            parts.append(box((0.06, 0.26, 0.035), look.black(0.2), edge=0.015).move(side * 0.29, 0.02, seat + 0.27))
            parts.append(rod((side * 0.26, 0.03, seat), (side * 0.29, 0.03, seat + 0.26), 0.016, frame))
    return turn(parts, z=look.between(-30, 30))


def cabinet(look: Look) -> Parts:
    """Filing cabinet of painted steel with two, three or four drawers, each with a label."""
    drawers = look.style + 2
    width, deep, each = 0.46, look.between(0.45, 0.6), 0.33
    body, metal = look.plastic(gloss=0.3), look.steel()
    high = drawers * each
    parts = [box((width, deep, high + 0.04), body, edge=0.006).move(z=high / 2 + 0.02)]
    ajar = int(look.rng.integers(drawers)) if look.chance(0.3) else -1
    for number in range(drawers):
        z, out = 0.03 + (number + 0.5) * each, 0.14 if number == ajar else 0.0
        y = -deep / 2 - 0.008 - out
        parts.append(box((width - 0.03, 0.02 + out, each - 0.02), body, edge=0.005).move(0, y + out / 2, z))
        parts.append(box((0.14, 0.022, 0.016), metal, edge=0.006).move(0, y - 0.02, z + 0.02))
        parts.append(panel(0.08, 0.035, look.white(0.2), cells=1).move(0, y - 0.0115, z + 0.09))
    parts.append(
        rod((width * 0.38, -deep / 2, high - 0.03), (width * 0.38, -deep / 2 - 0.022, high - 0.03), 0.01, metal)
    )
    return parts


def monitor(look: Look) -> Parts:
    """Computer screen on a foot, lit or dark."""
    width = look.between(0.5, 0.7)
    high, lift = width * look.between(0.44, 0.58), look.between(0.09, 0.15)
    shell = look.plastic(gloss=0.4)
    glow = look.between(0.4, 0.9) if look.chance(0.7) else 0.0
    screen = look.artwork(width, high, gloss=0.4, glow=glow) if glow else look.black(0.9)
    middle = lift + high / 2
    parts = [
        box((width, 0.03, high), shell, edge=0.01).move(z=middle),
        box((width * 0.5, 0.05, high * 0.5), shell, edge=0.02).move(y=0.03, z=middle),
        panel(width * 0.965, high * 0.93, screen, cells=6).move(y=-0.0165, z=middle + high * 0.01),
        panel(0.012, 0.003, Paint(tx.rgb("#8fe0a0"), 0.3, glow=1.0), cells=1).move(
            width * 0.42, -0.0163, middle - high * 0.478
        ),
    ]
    foot = look.steel() if look.chance(0.4) else shell
    parts.append(box((0.06, 0.03, lift + 0.1), foot, edge=0.008).move(y=0.03, z=(lift + 0.1) / 2))
    if look.chance(0.5):
        parts.append(box((0.24, 0.18, 0.014), foot, edge=0.006).move(y=0.02, z=0.007))
    else:
        parts.append(lathe([(0.125, 0), (0.125, 0.008), (0.05, 0.016)], foot).move(y=0.02))
    return parts


def keyboard(look: Look) -> Parts:
    """Computer keyboard, with a mouse beside it where the style says so."""
    rows, columns, size = 5, 15, 0.019
    body = look.plastic(gloss=0.3)
    width, depth = columns * size + 0.024, rows * size + 0.024
    parts = [box((width, depth, 0.02), body, edge=0.007).move(z=0.012)]
    dark = float(look.colour.mean()) > 0.25
    caps = look.plastic(
        tx.mix(look.colour, look.black().colour if dark else look.white().colour, look.between(0.1, 0.9)), 0.25
    )
    special = look.plastic(look.accent, 0.3)
    for row in range(rows):
        for column in range(columns):
            if row == 0 and 4 <= column <= 9:
                continue
            paint = special if (row, column) in ((4, 0), (2, 14)) else caps
            key = box((size * 0.86, size * 0.86, 0.012), paint, edge=0.003)
            parts.append(key.move((column - 7) * size, (row - 2) * size, 0.025))
    parts.append(box((size * 5.86, size * 0.86, 0.012), caps, edge=0.003).move(-0.5 * size, -2 * size, 0.025))
    if look.style == 1:
        mouse = ball((0.031, 0.055, 0.03), look.plastic(gloss=0.5)).move(width / 2 + 0.07, -0.01, 0.008)
        parts += [mouse, rod((width / 2 + 0.067, 0.03, 0.032), (width / 2 + 0.073, 0.03, 0.032), 0.007, look.black())]
    return turn(parts, x=3)


def printer(look: Look) -> Parts:
    """Printer with a sheet of paper coming out, low and wide or tall."""
    width, deep = look.between(0.4, 0.46), look.between(0.3, 0.36)
    high = look.between(0.15, 0.18) if look.style == 0 else look.between(0.26, 0.32)
    body, trim = look.plastic(gloss=0.35), look.black(0.4)
    front = -deep / 2
    parts = [
        box((width, deep, high), body, edge=0.022).move(z=high / 2),
        box((width * 0.94, deep * 0.8, 0.024), body if look.chance(0.5) else trim, edge=0.01).move(
            y=0.02, z=high + 0.008
        ),
        box((width * 0.66, 0.02, high * 0.3), trim, edge=0.004).move(0, front - 0.002, high * 0.36),
        box((width * 0.6, 0.16, 0.012), trim, edge=0.004).turn(x=-6).move(0, front - 0.06, high * 0.2),
    ]
    sheet = Paint(
        tx.rgb("#f6f5f1"),
        0.05,
        texture=tx.stripes(tx.rgb("#f6f5f1"), tx.rgb("#b9bcc2"), width=0.012, share=0.7, along=True),
    )
    parts.append(box((0.2, 0.17, 0.002), sheet, edge=0).turn(x=-7).move(0, front - 0.055, high * 0.24))
    if look.chance(0.7):
        back = box((0.21, 0.003, 0.2), look.white(0.1), edge=0).turn(x=-16)
        parts.append(back.move(0, deep / 2 - 0.03, high + 0.09))
    parts.append(
        box((0.1, 0.006, 0.045), Paint(tx.rgb("#27445e"), 0.8, glow=0.25), edge=0.003)
        .turn(x=-12)
        .move(-width * 0.3, front - 0.003, high * 0.78)
    )
    parts += [
        lathe([(0.008, 0), (0.008, 0.004)], look.plastic(look.accent, 0.5), sides=14)
        .turn(x=90)
        .move(-width * 0.08 + i * 0.03, front - 0.001, high * 0.78)
        for i in range(3)
    ]
    return parts
