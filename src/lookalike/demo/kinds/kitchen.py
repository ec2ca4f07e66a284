"""Appliances."""

import numpy as np

from lookalike.demo import textures as tx
from lookalike.demo.look import Look
from lookalike.demo.mesh import Paint, Parts, ball, box, curve, hoop, lathe, loft, move, panel, rod, turn


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
