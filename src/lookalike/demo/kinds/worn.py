"""Shoes, bags, watches."""

import numpy as np

from lookalike.demo import textures as tx
from lookalike.demo.look import Look
from lookalike.demo.mesh import (
    Paint,
    Parts,
    ball,
    box,
    curve,
    hoop,
    lathe,
    loft,
    move,
    rod,
    turn,
)


def trainer(look: Look) -> Parts:
    """A pair of trainers or of ankle boots."""
    boot = look.style == 1
    upper = look.leather() if boot or look.chance(0.5) else look.cloth()
    sole = look.plastic(tx.rgb("#3a2f28") if boot else look.white().colour, 0.2)
    left = _shoe(look, upper, sole, boot=boot)
    right = move(turn(left, z=look.between(-16, 24)), look.between(0.12, 0.15), look.between(-0.05, 0.05))
    return turn(left + right, z=look.between(35, 75) * float(look.rng.choice([-1, 1])))


def _shoe(look: Look, upper: Paint, sole: Paint, *, boot: bool) -> Parts:
    """One shoe pointing at the viewer: a sole, a foot and a leg of lofts, laces and a stripe."""
    y = np.linspace(-0.14, 0.14, 21)
    share = (y + 0.14) / 0.28
    half = np.interp(share, [0, 0.06, 0.3, 0.55, 0.85, 0.96, 1], [0.012, 0.034, 0.049, 0.042, 0.037, 0.028, 0.012])
    flat = np.stack([np.zeros(21), y, np.full(21, 0.016)], axis=1)
    parts = [loft(flat, np.stack([np.full(21, 0.0155), half + 0.003], axis=1), sole, sides=24, power=6)]
    low = 0.022 if boot else 0.024
    high = np.interp(
        share, [0, 0.08, 0.25, 0.42, 0.6, 0.75, 0.95, 1], [0.008, 0.019, 0.024, 0.031, 0.042, 0.043, 0.037, 0.012]
    )
    middle = np.stack([np.zeros(21), y, low + high], axis=1)
    parts.append(loft(middle, np.stack([high, half - 0.001], axis=1), upper, sides=24, power=2.4))
    top = 0.2 if boot else 0.122
    shaft = np.array([[0, 0.058, 0.07], [0, 0.072, 0.1], [0, 0.078, top]])
    parts.append(loft(shaft, [[0.058, 0.036], [0.05, 0.034], [0.046, 0.033]], upper, sides=24))
    collar = hoop(0.04, 0.006, upper).turn(x=90).stretch(x=0.82, y=1.12)
    parts.append(collar.move(0, 0.078, top))
    inside = np.array([[0, 0.078, top], [0, 0.078, top + 0.003]])
    parts.append(loft(inside, [[0.042, 0.031], [0.042, 0.031]], look.black(0.05), sides=24))
    lace = look.cloth(look.accent if look.chance(0.4) else tx.rgb("#efece4"))
    tongue = box((0.036, 0.012, 0.05), lace if not boot else upper, edge=0.005).turn(x=28)
    parts.append(tongue.move(0, 0.03, top - 0.004))
    for number in range(5):
        place = -0.052 + number * 0.017
        level = float(np.interp(place, y, low + 2 * high)) + 0.001
        across = curve(
            [(-0.024, place, level - 0.009), (0, place + 0.004, level), (0.024, place, level - 0.009)], count=8
        )
        parts.append(loft(across, np.full(8, 0.0036), lace, sides=8))
    if not boot:
        parts.append(ball((0.034, 0.03, 0.02), sole).move(0, -0.112, 0.03))
        stripe = look.plastic(look.accent, 0.3)
        for side in (-1, 1):
            band = curve(
                [(side * 0.04, 0.06, 0.05), (side * 0.0445, 0.01, 0.047), (side * 0.03, -0.045, 0.072)], count=12
            )
            parts.append(
                loft(band, np.stack([np.linspace(0.012, 0.005, 12), np.full(12, 0.003)], axis=1), stripe, sides=8)
            )
    return parts


def handbag(look: Look) -> Parts:
    """Handbag with two handles, or a satchel with a flap."""
    hide, metal = look.leather(), look.steel("#c9a45a")
    width, high, deep = look.between(0.26, 0.34), look.between(0.19, 0.25), look.between(0.09, 0.13)
    path = np.stack([np.zeros(6), np.zeros(6), np.array([0, 0.02, 0.3, 0.7, 0.95, 1]) * high], axis=1)
    grow = look.between(0.8, 1.0)
    sizes = np.stack(
        [
            np.interp([0, 0.02, 0.3, 0.7, 0.95, 1], [0, 1], [1, grow]) * width / 2,
            np.array([0.9, 1, 1, 0.85, 0.6, 0.5]) * deep / 2,
        ],
        axis=1,
    )
    parts = [loft(path, sizes, hide, sides=36, power=6)]
    bow = curve(
        [
            (-width * 0.22, 0, high - 0.02),
            (-width * 0.2, 0, high + 0.09),
            (0, 0, high + 0.13),
            (width * 0.2, 0, high + 0.09),
            (width * 0.22, 0, high - 0.02),
        ]
    )
    if look.style == 0:
        for side in (-1, 1):
            parts.append(loft(bow, np.full(24, 0.0075), hide, sides=12).turn(x=side * 6).move(y=side * deep * 0.25))
            parts += [
                ball((0.012, 0.006, 0.012), metal, sides=14).move(x * width * 0.22, -deep * 0.36, high * 0.9)
                for x in (-1, 1)
            ]
        charm = look.chance(0.4)
        if charm:
            parts.append(
                box((0.03, 0.006, 0.05), look.leather(look.accent), edge=0.003).move(
                    width * 0.22, -deep * 0.45, high * 0.72
                )
            )
        return parts
    flap = look.leather(look.colour * 0.9)
    parts.append(
        box((width * 0.98, 0.012, high * 0.62), flap, edge=0.005, puff=0.004)
        .turn(x=4)
        .move(0, -deep / 2 + 0.002, high * 0.7)
    )
    parts.append(box((width * 0.98, deep * 0.8, 0.014), flap, edge=0.006).move(z=high + 0.004))
    for side in (-1, 1):
        parts.append(
            box((0.024, 0.012, high * 0.5), look.leather(look.colour * 0.7), edge=0.002).move(
                side * width * 0.28, -deep / 2 - 0.006, high * 0.52
            )
        )
        parts.append(
            box((0.032, 0.01, 0.026), metal, edge=0.004).move(side * width * 0.28, -deep / 2 - 0.012, high * 0.4)
        )
    parts.append(
        loft(
            bow * np.array([1.8, 1, 1]) + np.array([0, 0.02, 0]),
            np.stack([np.full(24, 0.004), np.full(24, 0.011)], axis=1),
            flap,
            sides=10,
        )
    )
    return parts


def watch(look: Look) -> Parts:
    """Wristwatch lying flat, with a strap of leather or a steel bracelet."""
    metal = look.steel(("#c9a45a", "#c2c6ca", "#d0a08c")[int(look.rng.integers(3))])
    strap = metal if look.style == 1 else look.leather()
    dial = look.plastic(look.accent if look.chance(0.5) else tx.rgb("#f2f0ea"), 0.6)
    pale = float(dial.colour.mean()) > 0.3
    hand = look.black(0.5) if pale else look.white()
    radius = look.between(0.017, 0.021)
    parts: Parts = [
        lathe([(radius * 0.9, 0), (radius * 1.08, 0.002), (radius * 1.08, 0.007), (radius, 0.0085)], metal, sides=40),
        lathe([(radius * 0.93, 0), (radius * 0.93, 0.0004)], dial, sides=40).move(z=0.0085),
        rod((radius * 1.05, 0, 0.0045), (radius * 1.28, 0, 0.0045), 0.0025, metal),
    ]
    for hour in range(12):
        mark = box((0.0009, 0.0032 if hour % 3 else 0.005, 0.0005), hand, edge=0).move(y=radius * 0.78, z=0.0091)
        parts.append(mark.turn(z=hour * 30))
    for long, wide, angle in ((0.5, 0.0016, look.between(0, 360)), (0.75, 0.0011, look.between(0, 360))):
        parts.append(box((wide, radius * long, 0.0005), hand, edge=0).move(y=radius * long / 2, z=0.0095).turn(z=angle))
    wide = radius * 0.52
    for side in (-1, 1):
        if look.style == 1:
            parts += [
                box((wide * 2, 0.0056, 0.004), metal, edge=0.0015).move(
                    0, side * (radius + 0.005 + i * 0.0062), 0.0035 - 0.0002 * i
                )
                for i in range(9)
            ]
        else:
            path = curve(
                [
                    (0, side * radius * 0.9, 0.005),
                    (0, side * (radius + 0.02), 0.0035),
                    (0, side * (radius + 0.062), 0.0025),
                ],
                count=12,
            )
            parts.append(
                loft(
                    path,
                    np.stack([np.full(12, 0.0016), np.linspace(wide, wide * 0.8, 12)], axis=1),
                    strap,
                    sides=14,
                    power=5,
                )
            )
    if look.style == 0:
        parts.append(box((wide * 2.2, 0.006, 0.005), metal, edge=0.001).move(0, radius + 0.06, 0.003))
    return parts
