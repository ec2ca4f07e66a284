"""Baby and kids."""

import numpy as np

from lookalike.demo import textures as tx
from lookalike.demo.look import Look
from lookalike.demo.mesh import Paint, Part, Parts, ball, box, curve, hoop, lathe, loft, move, rod, turn


def teddy(look: Look) -> Parts:
    """Sitting soft toy: a bear, or a rabbit with long ears."""
    fur = Paint(look.colour, 0.0, texture=tx.grain(look.colour, look.noise, scale=420, strength=0.16))
    pale = tx.mix(look.colour, tx.rgb("#f4e6cf"), 0.6)
    muzzle = Paint(pale, 0.0, texture=tx.grain(pale, look.noise, scale=420, strength=0.1))
    head = look.between(0.085, 0.1)
    parts = [
        ball((0.105, 0.09, 0.13), fur).move(z=0.12),
        ball((0.075, 0.03, 0.09), muzzle).move(y=-0.07, z=0.115),
        ball((head, head * 0.92, head * 0.95), fur).move(z=0.3),
        ball((0.045, 0.035, 0.036), muzzle).move(y=-head * 0.85, z=0.28),
        ball((0.013, 0.01, 0.009), look.black(0.9)).move(y=-head * 0.85 - 0.034, z=0.292),
    ]
    for side in (-1, 1):
        parts.append(ball(0.0095, look.black(1.0), sides=12).move(side * 0.034, -head * 0.86, 0.322))
        if look.style == 1:
            ear = ball((0.026, 0.017, 0.1), fur).move(z=0.09).turn(y=side * look.between(6, 40))
            parts.append(ear.move(side * 0.045, 0, 0.36))
        else:
            parts.append(ball((0.037, 0.02, 0.037), fur).move(side * head * 0.8, 0, 0.3 + head * 0.72))
            parts.append(ball((0.023, 0.01, 0.023), muzzle).move(side * head * 0.8, -0.015, 0.3 + head * 0.72))
        arm = ball((0.034, 0.036, 0.085), fur).turn(x=35, y=-side * 28)
        parts.append(arm.move(side * 0.115, -0.045, 0.17))
        parts.append(ball((0.042, 0.09, 0.042), fur).turn(z=side * 22).move(side * 0.085, -0.1, 0.045))
        parts.append(ball((0.033, 0.014, 0.036), muzzle).turn(z=side * 22).move(side * 0.118, -0.178, 0.05))
    if look.chance(0.65):
        bow = look.cloth(look.accent)
        parts += [ball((0.035, 0.014, 0.022), bow).turn(y=-s * 15).move(s * 0.03, -0.09, 0.215) for s in (-1, 1)]
        parts.append(ball(0.013, bow, sides=12).move(y=-0.1, z=0.215))
    return parts


def pram(look: Look) -> Parts:
    """Pushchair or a pram with a carrycot, hooded, on four wheels."""
    frame = look.steel("#8d9093") if look.chance(0.6) else look.black()
    cloth = look.cloth()
    parts: Parts = []
    wheel = look.between(0.09, 0.14)
    for x in (-1, 1):
        for y, size in ((-0.32, wheel), (0.3, wheel * 1.15)):
            place = (x * 0.26, y, size)
            parts.append(hoop(size - 0.02, 0.02, look.black(0.15)).turn(z=90).move(*place))
            parts.append(
                rod((x * 0.245, y, size), (x * 0.275, y, size), size * 0.72, look.plastic(look.accent, 0.4), sides=24)
            )
        parts.append(rod((x * 0.24, -0.32, wheel), (x * 0.23, 0.4, 1.0), 0.014, frame))
        parts.append(rod((x * 0.24, 0.3, wheel), (x * 0.23, -0.1, 0.55), 0.014, frame))
    parts.append(rod((-0.23, 0.4, 1.0), (0.23, 0.4, 1.0), 0.02, look.black(0.2)))
    if look.style == 1:
        parts.append(box((0.42, 0.8, 0.26), cloth, edge=0.1).move(y=-0.02, z=0.62))
        parts.append(box((0.36, 0.55, 0.1), look.cloth(look.accent), edge=0.05, puff=0.02).move(y=-0.1, z=0.74))
        parts.append(_hood(cloth, 0.22, 0.27).move(y=0.12, z=0.72))
        return parts
    parts.append(box((0.36, 0.34, 0.1), cloth, edge=0.04, puff=0.02).move(y=-0.08, z=0.5))
    parts.append(box((0.36, 0.1, 0.5), cloth, edge=0.04, puff=0.02).turn(x=-18).move(y=0.13, z=0.74))
    parts.append(box((0.34, 0.05, 0.28), cloth, edge=0.02).turn(x=12).move(y=-0.26, z=0.36))
    parts.append(box((0.3, 0.3, 0.14), look.cloth(look.accent), edge=0.04).move(y=0.05, z=0.24))
    parts.append(_hood(cloth, 0.19, 0.2).turn(x=-15).move(y=0.1, z=0.9))
    parts.append(rod((-0.2, -0.26, 0.66), (0.2, -0.26, 0.66), 0.018, look.black(0.2)))
    return parts


def _hood(cloth: Paint, half: float, radius: float) -> Part:
    """A folding hood, open to the front: the part of a barrel above and behind the pivot at the origin."""
    angle = np.radians(np.linspace(28, 185, 14))
    arc = np.stack([np.zeros(14), -np.cos(angle) * radius, np.sin(angle) * radius], axis=1)
    return loft(arc, np.stack([np.full(14, 0.01), np.full(14, half)], axis=1), cloth, sides=24, power=5)


def cot(look: Look) -> Parts:
    """Barred cot with a mattress and a blanket, or a cradle on rockers."""
    wood = look.wood()
    width, depth, high = (1.25, 0.65, 0.85) if look.style == 0 else (0.9, 0.5, 0.65)
    base = 0.28
    parts = [box((width - 0.04, depth - 0.04, 0.1), look.cloth(tx.rgb("#f1efe9")), edge=0.03).move(z=base + 0.05)]
    blanket = box((width * 0.5, depth - 0.03, 0.06), look.print_cloth(), edge=0.03, puff=0.015)
    parts.append(blanket.move(x=width * 0.18, z=base + 0.11))
    parts.append(
        box((0.26, 0.36, 0.07), look.cloth(tx.rgb("#f6f4ee")), edge=0.03, puff=0.02).move(-width * 0.36, 0, base + 0.13)
    )
    end = box((0.03, depth + 0.03, high - 0.12), wood, edge=0.02)
    parts += [end.move(x * width / 2, 0, base / 2 + high / 2) for x in (-1, 1)]
    for y in (-1, 1):
        parts += [box((width, 0.035, 0.04), wood, edge=0.01).move(0, y * depth / 2, z) for z in (base, high)]
        count = int(width / 0.085)
        for number in range(1, count):
            x = (number / count - 0.5) * width
            parts.append(rod((x, y * depth / 2, base), (x, y * depth / 2, high), 0.009, wood, sides=8))
    if look.style == 1:
        for x in (-1, 1):
            rocker = curve([(x * width * 0.45, -0.42, 0.1), (x * width * 0.45, 0, 0.02), (x * width * 0.45, 0.42, 0.1)])
            parts.append(loft(rocker, np.full(24, 0.025), wood, sides=8))
            parts.append(box((0.04, 0.04, base), wood).move(x * width * 0.45, 0, base / 2))
        return parts
    parts += [
        box((0.05, 0.05, base), wood).move(x * width / 2, y * depth / 2, base / 2) for x in (-1, 1) for y in (-1, 1)
    ]
    return parts


def train(look: Look) -> Parts:
    """Wooden toy train: an engine and one or two wagons."""
    parts = _engine(look)
    for number in range(look.style + 1):
        paint = look.wood(look.pick("#c93c34", "#3a6fb5", "#ecc23f", "#4b9056", "#e0803a"), 0.4)
        wagon = [box((0.085, 0.05, 0.012), look.wood(tx.rgb("#dcb57c"))).move(z=0.022)]
        wagon += [box((0.085, 0.006, 0.035), paint, edge=0.002).move(0, y * 0.022, 0.044) for y in (-1, 1)]
        wagon += [box((0.006, 0.05, 0.035), paint, edge=0.002).move(x * 0.04, 0, 0.044) for x in (-1, 1)]
        if look.chance(0.7):
            wagon += [
                rod(
                    (-0.035, y, 0.042 + abs(y) * 0.3),
                    (0.035, y, 0.042 + abs(y) * 0.3),
                    0.011,
                    look.wood(tx.rgb("#b98a5a")),
                )
                for y in (-0.011, 0.011)
            ]
        wagon += _wheels(look, 0.026)
        parts += move(wagon, x=0.118 + number * 0.105)
        parts.append(rod((0.06 + number * 0.105, 0, 0.022), (0.08 + number * 0.105, 0, 0.022), 0.003, look.steel()))
    return turn(parts, z=look.between(-25, 25))


def _wheels(look: Look, reach: float) -> Parts:
    paint = look.plastic(look.accent, 0.5)
    return [
        rod((x * reach, y * 0.028, 0.014), (x * reach, y * 0.034, 0.014), 0.014, paint, sides=20)
        for x in (-1, 1)
        for y in (-1, 1)
    ]


def _engine(look: Look) -> Parts:
    body, trim = look.plastic(gloss=0.45), look.plastic(look.accent, 0.45)
    return [
        box((0.11, 0.05, 0.014), look.wood(tx.rgb("#dcb57c"))).move(z=0.023),
        rod((-0.05, 0, 0.052), (0.02, 0, 0.052), 0.022, body, sides=24),
        box((0.04, 0.05, 0.062), trim, edge=0.003).move(x=0.033, z=0.06),
        box((0.052, 0.06, 0.008), body, edge=0.003).move(x=0.033, z=0.095),
        box((0.02, 0.052, 0.02), look.black(0.8), edge=0.001).move(x=0.033, z=0.074),
        lathe([(0.007, 0), (0.007, 0.02), (0.011, 0.03)], trim, sides=20).move(x=-0.034, z=0.068),
        ball(0.009, look.steel("#c9a45a"), sides=14).move(x=-0.008, z=0.076),
        *_wheels(look, 0.036),
    ]


def stacker(look: Look) -> Parts:
    """Stacking rings on a peg, or a little tower of building blocks."""
    rainbow = ["#c93c34", "#e0803a", "#ecc23f", "#4b9056", "#3a6fb5", "#7a569c"]
    shift = int(look.rng.integers(6))
    paints = [look.plastic(tx.rgb(rainbow[(number + shift) % 6]), 0.5) for number in range(6)]
    if look.style == 1:
        parts: Parts = []
        spots = [(-0.055, 0, 0.02), (0, 0, 0.02), (0.055, 0.01, 0.02), (-0.028, 0, 0.06), (0.028, 0, 0.06), (0, 0, 0.1)]
        for paint, spot in zip(paints, spots, strict=True):
            block = box((0.04, 0.04, 0.04), look.wood(paint.colour, 0.4), edge=0.004)
            parts.append(block.turn(z=look.between(-15, 15)).move(*spot))
        return parts
    parts = [lathe([(0.06, 0), (0.06, 0.012), (0.012, 0.016), (0.009, 0.14)], look.wood(tx.rgb("#dcb57c")))]
    level = 0.018
    for number, paint in enumerate(paints):
        size = 0.046 - number * 0.0052
        parts.append(hoop(size - 0.012, 0.0125, paint).turn(x=90).move(z=level + 0.01))
        level += 0.0205
    parts.append(ball(0.013, paints[0]).move(z=level + 0.008))
    return parts
