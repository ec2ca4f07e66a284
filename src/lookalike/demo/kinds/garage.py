"""Tools."""

import numpy as np

from lookalike.demo import textures as tx
from lookalike.demo.look import Look
from lookalike.demo.mesh import Paint, Parts, ball, box, curve, hoop, lathe, loft, move, rod, turn


def hammer(look: Look) -> Parts:
    """Claw hammer or mallet, lying flat."""
    handle = look.wood(look.pick("#c79a5f", "#a87646", "#d9b988")) if look.chance(0.7) else look.black()
    long = look.between(0.24, 0.32)
    grip = look.plastic(gloss=0.3)
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


def drill(look: Look) -> Parts:
    """Cordless drill standing on its battery."""
    body, dark = look.plastic(gloss=0.35), look.black(0.25)
    parts = [
        box((0.07, 0.115, 0.045), dark, edge=0.008).move(y=0.01, z=0.0225),
        box((0.055, 0.1, 0.012), look.plastic(look.accent, 0.3), edge=0.004).move(y=0.01, z=0.046),
    ]
    grip = curve([(0, 0.012, 0.045), (0, 0.006, 0.1), (0, -0.008, 0.155)], count=14)
    parts.append(loft(grip, np.stack([np.full(14, 0.021), np.full(14, 0.0165)], axis=1), body))
    parts.append(
        loft(grip + np.array([0, 0.007, 0]), np.stack([np.full(14, 0.0175), np.full(14, 0.0172)], axis=1), dark)
    )
    path = np.stack([np.zeros(7), np.array([0.075, 0.07, 0.05, 0.0, -0.05, -0.07, -0.085]), np.full(7, 0.18)], axis=1)
    parts.append(loft(path, [0.02, 0.03, 0.034, 0.034, 0.032, 0.028, 0.02], body, sides=24))
    parts.append(rod((0, -0.083, 0.18), (0, -0.105, 0.18), 0.022, look.plastic(look.accent, 0.3), sides=24))
    parts.append(rod((0, -0.1, 0.18), (0, -0.14, 0.18), (0.0195, 0.012), dark, sides=24))
    parts.append(rod((0, -0.14, 0.18), (0, -0.2, 0.18), 0.0035, look.steel(), sides=10))
    parts.append(box((0.014, 0.016, 0.03), look.plastic(look.accent, 0.4), edge=0.005).move(y=-0.024, z=0.14))
    for side in (-1, 1):
        parts += [box((0.002, 0.008, 0.03), dark).move(side * 0.0335, 0.02 + i * 0.013, 0.18) for i in range(3)]
        parts.append(box((0.003, 0.04, 0.016), look.white(), edge=0.001).move(side * 0.0325, -0.024, 0.18))
    return turn(parts, z=look.between(40, 75) * float(look.rng.choice([-1, 1])))


def toolbox(look: Look) -> Parts:
    """Toolbox with a handle and two latches, shut or with drawers."""
    width, depth, high = look.between(0.38, 0.5), look.between(0.2, 0.25), look.between(0.16, 0.22)
    body, lid = look.plastic(gloss=0.4), look.plastic(look.accent, 0.4) if look.chance(0.6) else look.black()
    parts = [box((width, depth, high), body, edge=0.012).move(z=high / 2)]
    parts.append(box((width + 0.012, depth + 0.012, 0.06), lid, edge=0.02).move(z=high + 0.02))
    bow = curve([(-0.09, 0, high + 0.04), (-0.08, 0, high + 0.095), (0.08, 0, high + 0.095), (0.09, 0, high + 0.04)])
    parts.append(loft(bow, np.full(24, 0.011), look.black(0.2), sides=12))
    latch = box((0.045, 0.012, 0.06), look.steel(), edge=0.004)
    parts += [latch.move(side * width * 0.28, -depth / 2 - 0.008, high - 0.01) for side in (-1, 1)]
    if look.style == 1:
        for row in range(2):
            z = high * (0.26 + 0.4 * row)
            parts.append(box((width * 0.9, 0.012, high * 0.33), lid, edge=0.004).move(0, -depth / 2 - 0.003, z))
            parts.append(rod((-0.04, -depth / 2 - 0.016, z), (0.04, -depth / 2 - 0.016, z), 0.006, look.steel()))
    else:
        parts.append(
            box((width * 0.3, 0.006, 0.045), look.white(), edge=0.002).move(0, -depth / 2 - 0.001, high * 0.42)
        )
    return parts


def ladder(look: Look) -> Parts:
    """Stepladder of aluminium or of wood."""
    steps = int(look.rng.integers(3, 7))
    rail = look.wood(tx.rgb("#d2aa78")) if look.style == 1 else look.steel("#b4b8bc")
    tread = look.wood(tx.rgb("#c39a66")) if look.style == 1 else look.plastic(gloss=0.3)
    rise, lean = 0.24, 0.09
    high = (steps + 0.3) * rise
    parts: Parts = []
    for side in (-1, 1):
        foot, top = side * (0.2 + steps * 0.014), side * 0.17
        parts.append(rod((foot, 0, 0), (top, (steps + 0.3) * lean, high), 0.019, rail, sides=8))
        parts.append(
            rod((foot, (steps + 0.3) * lean * 2.1, 0), (top, (steps + 0.3) * lean + 0.03, high), 0.016, rail, sides=8)
        )
        parts.append(ball((0.025, 0.025, 0.02), look.black()).move(foot, 0, 0.015))
    for step in range(1, steps + 1):
        wide = 2 * (0.2 + steps * 0.014) - step * 0.03
        parts.append(box((wide, 0.1, 0.03), tread, edge=0.006).move(0, step * lean, step * rise))
    parts.append(box((0.4, 0.2, 0.03), look.plastic(gloss=0.3), edge=0.01).move(0, (steps + 0.3) * lean + 0.03, high))
    return parts


def paint_tin(look: Look) -> Parts:
    """Tin of paint with a handle, a label and a brush across the lid."""
    radius, high = look.between(0.075, 0.09), look.between(0.16, 0.2)
    tin = look.steel("#c2c5c8")
    parts = [lathe([(radius, 0), (radius, high)], tin)]
    label = Paint(look.colour, 0.4, texture=tx.stripes(look.colour, tx.rgb("#f3f1ea"), width=high * 0.62, share=0.72))
    parts.append(lathe([(radius * 1.01, 0), (radius * 1.01, high * 0.8)], label, closed=False).move(z=high * 0.1))
    parts.append(hoop(radius * 0.97, 0.005, tin).turn(x=90).move(z=high))
    wet = look.style == 1
    parts.append(
        lathe([(radius * 0.86, 0), (radius * 0.86, 0.003)], look.plastic(gloss=0.9) if wet else tin).move(z=high)
    )
    parts.append(
        hoop(radius * 1.06, 0.0022, look.steel("#77797c"), arc=180).turn(x=look.between(40, 80)).move(z=high * 0.8)
    )
    handle = curve([(0, -0.17, 0), (0, -0.08, 0), (0, 0.0, 0)], count=10)
    swell = np.interp(np.arange(10), [0, 3, 9], [0.011, 0.008, 0.016])
    brush: Parts = [
        loft(handle, swell, look.wood(look.pick("#c39a66", "#c93c34", "#2f679f"), 0.5)),
        box((0.055, 0.045, 0.014), look.steel("#c9a45a"), edge=0.003).move(y=0.02),
        box((0.05, 0.06, 0.011), look.plastic() if wet else Paint(tx.rgb("#4a3524"), 0.05), edge=0.004).move(y=0.07),
    ]
    return parts + move(turn(brush, x=3, z=look.between(20, 70)), z=high + 0.02)
