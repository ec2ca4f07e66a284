"""Appliances."""

import numpy as np

from lookalike.demo import textures as tx
from lookalike.demo.look import Look
from lookalike.demo.mesh import Paint, Parts, ball, box, curve, hoop, lathe, loft, panel, rod, turn


def fridge(look: Look) -> Parts:
    """Fridge-freezer with two doors, or a small fridge with one."""
    small = look.style == 1
    width, depth = look.between(0.54, 0.6), look.between(0.54, 0.62)
    height = look.between(0.82, 0.9) if small else look.between(1.6, 1.85)
    body = look.steel("#aeb3b8") if look.chance(0.3) else look.plastic(gloss=0.55)
    handle = look.steel() if look.chance(0.6) else look.black()
    split = height if small else height * look.rng.choice([0.36, 0.66])
    round_ = look.between(0.01, 0.045)
    parts = [box((width, depth, height), body, edge=round_).move(z=0.03 + height / 2)]
    for low, high in ((0.0, split), (split, height)):
        if high - low < 0.05:
            continue
        tall, middle = high - low - 0.012, 0.03 + (low + high) / 2
        parts.append(box((width, 0.06, tall), body, edge=max(round_, 0.012)).move(0, -depth / 2 - 0.03, middle))
        long = min(0.4, tall * 0.6)
        z = 0.03 + (high - long / 2 - 0.06 if low == 0 else low + long / 2 + 0.06)
        parts.append(box((0.022, 0.03, long), handle, edge=0.01).move(-width / 2 + 0.06, -depth / 2 - 0.085, z))
    if look.chance(0.5):
        badge = panel(0.1, 0.025, look.steel("#d0d3d6"), cells=1).move(0, -depth / 2 - 0.0615, height - 0.08)
        parts.append(badge)
    for _ in range(int(look.rng.integers(0, 5))):
        magnet = box(
            (0.045, 0.008, 0.045), look.plastic(look.pick("#d9543f", "#f2c14e", "#41a85f", "#3d7ebf")), edge=0.004
        )
        parts.append(
            magnet.turn(y=look.between(-20, 20)).move(
                look.between(-0.1, 0.2), -depth / 2 - 0.063, height * look.between(0.7, 0.9)
            )
        )
    parts += [
        box((0.05, 0.05, 0.03), look.black()).move(x * width * 0.4, y * depth * 0.4, 0.015)
        for x in (-1, 1)
        for y in (-1, 1)
    ]
    return parts


def washer(look: Look) -> Parts:
    """Washing machine or tumble dryer with a round door."""
    width, deep, high = 0.6, look.between(0.52, 0.6), 0.85
    body = look.plastic(gloss=0.5)
    parts = [box((width, deep, high), body, edge=0.015).move(z=high / 2 + 0.015)]
    front = -deep / 2
    ring = (
        look.steel() if look.chance(0.5) else look.plastic(look.accent if look.chance(0.3) else tx.rgb("#d9d9d8"), 0.6)
    )
    size = look.between(0.17, 0.2)
    parts.append(hoop(size, 0.026, ring).stretch(y=0.8).move(0, front - 0.008, 0.42))
    drum = Paint(tx.rgb("#2a2d31"), 0.9, texture=tx.dots(tx.rgb("#33373c"), tx.rgb("#555b62"), width=0.03))
    parts.append(ball((size, 0.03, size), drum).move(0, front + 0.008, 0.42))
    parts.append(box((0.03, 0.03, 0.08), ring, edge=0.01).move(size + 0.01, front - 0.03, 0.42))
    parts.append(
        box(
            (width * 0.98, 0.012, 0.11), look.plastic(tx.mix(look.colour, tx.rgb("#888888"), 0.12), 0.5), edge=0.004
        ).move(0, front - 0.003, high - 0.05)
    )
    parts.append(rod((0.02, front, high - 0.05), (0.02, front - 0.035, high - 0.05), 0.034, look.steel(), sides=28))
    parts.append(box((0.15, 0.012, 0.07), body, edge=0.006).move(-0.19, front - 0.01, high - 0.05))
    if look.style == 0:
        parts.append(
            box((0.12, 0.004, 0.04), Paint(tx.rgb("#16222b"), 0.7, glow=0.1), edge=0.002).move(
                0.19, front - 0.011, high - 0.05
            )
        )
    else:
        parts += [
            box((width * 0.5, 0.006, 0.007), look.black(0.1), edge=0).move(0, front - 0.003, 0.1 + i * 0.02)
            for i in range(4)
        ]
    return parts


def kettle(look: Look) -> Parts:
    """Electric kettle, jug-shaped, or a round one for the hob."""
    body = look.steel() if look.chance(0.35) else look.plastic(gloss=0.75)
    dark = look.black(0.4)
    if look.style == 1:
        parts = [lathe([(0.08, 0), (0.105, 0.015), (0.105, 0.07), (0.07, 0.13), (0.035, 0.15)], body, smooth=20)]
        parts.append(ball(0.014, dark, sides=16).move(z=0.168))
        parts.append(lathe([(0.04, 0), (0.012, 0.012)], body).move(z=0.148))
        spout = curve([(-0.085, 0, 0.07), (-0.125, 0, 0.095), (-0.145, 0, 0.135)])
        parts.append(loft(spout, np.linspace(0.026, 0.012, 24), body, sides=18))
        bow = curve([(0.075, 0, 0.12), (0.085, 0, 0.21), (0, 0, 0.25), (-0.085, 0, 0.21), (-0.075, 0, 0.12)])
        parts.append(
            loft(
                bow,
                np.stack([np.full(24, 0.006), np.full(24, 0.012)], axis=1),
                look.wood(tx.rgb("#8a5a34")) if look.chance(0.5) else dark,
                sides=12,
            )
        )
        return turn(parts, z=look.between(-30, 30))
    base, top, high = look.between(0.075, 0.085), look.between(0.05, 0.066), look.between(0.2, 0.24)
    parts = [
        lathe([(0.088, 0), (0.086, 0.018)], dark),
        lathe([(base, 0.02), (base * 0.99, 0.06), (top, high)], body, smooth=12),
    ]
    parts.append(lathe([(top * 0.97, high), (top * 0.8, high + 0.016), (0.014, high + 0.02)], dark, smooth=8))
    parts.append(ball(0.013, body, sides=14).move(z=high + 0.028))
    spout = curve(
        [(-top * 0.75, 0, high - 0.045), (-top - 0.02, 0, high - 0.012), (-top - 0.035, 0, high + 0.004)], count=10
    )
    parts.append(
        loft(spout, np.stack([np.linspace(0.03, 0.008, 10), np.linspace(0.024, 0.01, 10)], axis=1), body, sides=16)
    )
    bow = curve(
        [(top * 0.85, 0, high - 0.012), (top + 0.055, 0, high - 0.01), (base + 0.055, 0, 0.1), (base * 0.95, 0, 0.055)]
    )
    parts.append(loft(bow, np.stack([np.full(24, 0.0095), np.full(24, 0.014)], axis=1), dark, sides=12))
    if look.chance(0.6):
        gauge = box((0.014, 0.004, high * 0.45), Paint(tx.rgb("#aacbe0"), 0.9), edge=0.002)
        parts.append(gauge.turn(x=-6).move(0, -(base + top) / 2 - 0.003, high * 0.45))
    return turn(parts, z=look.between(-40, 40))


def toaster(look: Look) -> Parts:
    """Toaster for two slices or for four, often with toast in it."""
    slots = 2
    width = 0.28 if look.style == 0 else 0.36
    deep, high = (0.17, look.between(0.17, 0.2)) if look.style == 0 else (0.26, 0.19)
    body = look.steel() if look.chance(0.25) else look.plastic(gloss=0.7)
    dark = look.black(0.2)
    parts = [
        box((width, deep, high), body, edge=look.between(0.03, 0.06)).move(z=high / 2 + 0.012),
        box((width * 0.94, deep * 0.92, 0.02), dark).move(z=0.01),
    ]
    rows = (0.0,) if look.style == 0 else (-width * 0.23, width * 0.23)
    slot = width * 0.72 if look.style == 0 else width * 0.4
    bread = Paint(tx.rgb("#c98f4f"), 0.0, texture=tx.grain(tx.rgb("#cf9a58"), look.noise, scale=700, strength=0.16))
    for x in rows:
        for number in range(slots):
            y = (number - 0.5) * deep * 0.42
            parts.append(box((slot, 0.034, 0.004), dark, edge=0.001).move(x, y, high + 0.0115))
            if look.chance(0.55):
                parts.append(box((min(slot * 0.8, 0.13), 0.018, 0.09), bread, edge=0.008).move(x, y, high + 0.022))
    lever = look.black(0.5) if look.chance(0.6) else look.steel()
    parts.append(box((0.02, 0.045, 0.02), lever, edge=0.006).move(width / 2 + 0.01, 0, high * 0.7))
    parts.append(box((0.004, 0.012, high * 0.5), dark, edge=0.001).move(width / 2, 0, high * 0.55))
    knob = rod((0, -deep / 2, high * 0.32), (0, -deep / 2 - 0.014, high * 0.32), 0.015, lever, sides=22)
    parts += [knob.move(x * width * 0.2) for x in (-1, 1)]
    if look.chance(0.5):
        parts.append(
            box((width * 0.9, 0.004, 0.012), look.plastic(look.accent, 0.5), edge=0.001).move(
                0, -deep / 2 - 0.001, high * 0.62
            )
        )
    return parts


def microwave(look: Look) -> Parts:
    """Microwave with a window, and buttons or two knobs."""
    width, deep, high = look.between(0.44, 0.5), look.between(0.32, 0.38), look.between(0.26, 0.29)
    body, dark = look.plastic(gloss=0.5), look.black(0.8)
    front = -deep / 2
    parts = [box((width, deep, high), body, edge=0.012).move(z=high / 2 + 0.012)]
    door = width * 0.72
    parts.append(
        box((door, 0.022, high * 0.96), body if look.chance(0.5) else dark, edge=0.006).move(
            -(width - door) / 2 + 0.004, front - 0.008, high / 2 + 0.012
        )
    )
    window = Paint(tx.rgb("#1a1b1e"), 0.9, texture=tx.dots(tx.rgb("#17181b"), tx.rgb("#303338"), width=0.008))
    parts.append(
        box((door * 0.72, 0.006, high * 0.6), window, edge=0.002).move(
            -(width - door) / 2 - 0.01, front - 0.018, high / 2 + 0.012
        )
    )
    parts.append(
        box((0.016, 0.03, high * 0.7), look.steel(), edge=0.006).move(
            -(width - door) / 2 + door / 2 - 0.018, front - 0.032, high / 2 + 0.012
        )
    )
    x = width / 2 - (width - door) / 2 + 0.006
    parts.append(
        box(
            (width - door - 0.02, 0.006, high * 0.9),
            look.plastic(look.accent, 0.4) if look.chance(0.25) else dark,
            edge=0.002,
        ).move(x, front - 0.002, high / 2 + 0.012)
    )
    if look.style == 1:
        parts += [
            rod((x, front, z * high), (x, front - 0.024, z * high), 0.028, look.steel(), sides=26) for z in (0.36, 0.74)
        ]
    else:
        parts.append(
            box((0.075, 0.004, 0.026), Paint(tx.rgb("#5fd08a"), 0.5, glow=0.35), edge=0.001).move(
                x, front - 0.005, high * 0.86
            )
        )
        key = look.plastic(tx.rgb("#8d9196"), 0.3)
        parts += [
            box((0.02, 0.005, 0.014), key, edge=0.002).move(
                x + (i % 3 - 1) * 0.027, front - 0.006, high * 0.68 - (i // 3) * 0.026
            )
            for i in range(12)
        ]
    parts += [
        rod((sx * width * 0.4, sy * deep * 0.4, 0), (sx * width * 0.4, sy * deep * 0.4, 0.014), 0.014, look.black())
        for sx in (-1, 1)
        for sy in (-1, 1)
    ]
    return parts
