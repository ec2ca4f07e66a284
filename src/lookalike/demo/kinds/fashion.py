"""Clothes, shoes, accessories."""

import numpy as np

from lookalike.demo import textures as tx
from lookalike.demo.look import Look
from lookalike.demo.mesh import Paint, Part, Parts, ball, box, curve, hoop, lathe, loft, move, panel, rod, turn
from lookalike.demo.textures import Floats


def garment(outline: list[tuple[float, float, float]], paint: Paint, look: Look, *, thick: float = 0.012) -> Part:
    """Cloth lying flat: (y, left x, right x) from hem to neck, gently creased."""
    rows = np.array(outline, np.float64)
    smooth = curve([(left, 0.0, y) for y, left, _ in rows], count=26)
    other = curve([(right, 0.0, y) for y, _, right in rows], count=26)
    share = np.linspace(0, 1, 17)
    left, right = smooth[:, :1], other[:, :1]
    x = left + (right - left) * share
    y = np.repeat(smooth[:, 2:], 17, axis=1)
    puff = np.sqrt(np.clip(1 - (2 * share - 1) ** 2, 0, 1))[None, :] * thick
    phase = look.between(0, 6)
    crease = 0.0035 * np.sin(26 * x + 9 * y + phase) + 0.003 * np.sin(17 * y - 30 * x + 2 * phase)
    z = puff + crease * (puff / thick) + 0.003
    du, dv = np.gradient(np.stack([x, y, z], axis=-1), axis=(1, 0))
    normals = np.cross(du, dv)
    normals /= np.linalg.norm(normals, axis=2, keepdims=True) + 1e-12
    corners = np.stack([x, y, z], axis=-1).reshape(-1, 3).astype(np.float32)
    from lookalike.demo.mesh import grid_facets

    return Part(
        corners, normals.reshape(-1, 3).astype(np.float32), corners[:, :2].copy(), grid_facets(26, 17), paint, True
    )


def tshirt(look: Look) -> Parts:
    """T-shirt, long-sleeved top, or polo-like shirt with buttons, laid out flat."""
    cloth = look.print_cloth() if look.chance(0.6) else look.cloth()
    wide, long = look.between(0.23, 0.27), look.between(0.6, 0.72)
    body = [(0, -wide, wide), (long * 0.4, -wide * 0.95, wide * 0.95), (long * 0.68, -wide * 0.98, wide * 0.98),
            (long * 0.78, -wide * 0.98, wide * 0.98), (long * 0.95, -wide * 0.72, wide * 0.72),
            (long, -wide * 0.42, wide * 0.42)]  # fmt: skip
    parts = [garment(body, cloth, look)]
    sleeve = 0.2 if look.style != 1 else 0.52
    for side in (-1, 1):
        arm = garment(
            [(0, -0.085, 0.085), (sleeve * 0.6, -0.078, 0.078), (sleeve, -0.075 + 0.02 * look.style % 2, 0.07)],
            cloth,
            look,
        )
        parts.append(
            arm.move(y=-0.04)
            .turn(z=side * (180 + 52 if look.style != 1 else 180 + 28))
            .move(side * wide * 0.74, long * 0.83, 0.001)
        )
    trim = look.cloth(look.accent) if look.chance(0.5) else cloth
    neck = hoop(wide * 0.4, 0.009, trim, arc=180).turn(x=90, z=180).stretch(y=0.55).move(y=long + 0.002, z=0.012)
    inside = garment([(0, -wide * 0.06, wide * 0.06), (wide * 0.13, -wide * 0.32, wide * 0.32), (wide * 0.22, -wide * 0.4, wide * 0.4)],
                     look.cloth(look.colour * 0.45), look)  # fmt: skip
    parts += [neck, inside.move(y=long - wide * 0.21, z=0.009)]
    if look.style == 0 and look.chance(0.5):
        print_ = panel(0.2, 0.2, look.artwork(0.2, 0.2, gloss=0.1), cells=4).turn(x=-90).move(y=long * 0.6, z=0.02)
        parts.append(print_)
    if look.style == 2:
        parts += [
            ball((0.006, 0.006, 0.003), look.white(0.6), sides=10).move(y=long * (0.2 + 0.15 * i), z=0.019)
            for i in range(5)
        ]
    return parts
