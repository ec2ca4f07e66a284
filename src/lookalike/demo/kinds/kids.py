"""Baby and kids."""

import numpy as np

from lookalike.demo import textures as tx
from lookalike.demo.look import Look
from lookalike.demo.mesh import Paint, Parts, ball, box, curve, hoop, lathe, loft, move, rod, turn


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
