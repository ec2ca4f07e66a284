"""Sports, leisure, travel."""

import numpy as np

from lookalike.demo import textures as tx
from lookalike.demo.look import Look
from lookalike.demo.mesh import Paint, Part, Parts, ball, box, curve, hoop, lathe, loft, move, rod, turn
from lookalike.demo.textures import Floats


def football(look: Look) -> Parts:
    """Football with pentagons, or a basketball with seams."""
    radius = 0.11
    texture = _seams(look.colour) if look.style == 1 else _pentagons(look.accent, look.white().colour)
    body = ball(radius, Paint(look.colour, 0.25), sides=40)
    directions = body.corners / radius
    parts: Parts = []
    for side in (0, 1):  # two hemispheres, so that pattern coordinates have no seam
        sign = 1 - 2 * side
        keep = (directions[body.facets].mean(axis=1)[:, 1] * sign) <= 0.02
        uv = np.ascontiguousarray(directions[:, [0, 2]]) + np.array([4.0 * side, 0], np.float32)
        parts.append(Part(body.corners, body.normals, uv, body.facets[keep], Paint(look.colour, 0.25, texture=texture)))
    spin = look.rng.uniform(0, 360, 3)
    return move(turn(parts, x=float(spin[0]), y=float(spin[1]), z=float(spin[2])), z=radius)


def _sphere(u: Floats, v: Floats) -> Floats:
    """Undo the flattening of a hemisphere's pattern coordinates: unit vectors (n, 3)."""
    back = u > 2
    x = np.where(back, u - 4, u)
    y = np.sqrt(np.clip(1 - x * x - v * v, 0, 1)) * np.where(back, 1, -1)
    return np.stack([x, y, v], axis=1)


def _pentagons(dark: Floats, light: Floats) -> tx.Texture:
    golden = (1 + 5**0.5) / 2
    corners = [(0, a, b * golden) for a in (-1, 1) for b in (-1, 1)]
    centres = np.array([np.roll(corner, shift) for corner in corners for shift in range(3)]) / np.hypot(1, golden)

    def texture(u: Floats, v: Floats) -> Floats:
        nearness = np.sort(_sphere(u, v) @ centres.T, axis=1)
        patch = nearness[:, -1] > 0.93
        seam = (nearness[:, -1] - nearness[:, -2] < 0.012) | (np.abs(nearness[:, -1] - 0.93) < 0.006)
        colour = np.where(patch[:, None], dark[None, :], light[None, :])
        return np.where((seam & ~patch)[:, None], light[None, :] * 0.45, colour).astype(np.float32)

    return texture


def _seams(colour: Floats) -> tx.Texture:
    def texture(u: Floats, v: Floats) -> Floats:
        x, y, z = _sphere(u, v).T
        line = (np.abs(x) < 0.02) | (np.abs(z) < 0.02) | (np.abs(np.abs(y) - 0.45 - 0.35 * x * x) < 0.022)
        return np.where(line[:, None], tx.rgb("#1d1e21")[None, :], colour[None, :]).astype(np.float32)

    return texture
