"""Clothes, laid out flat."""

import numpy as np

from lookalike.demo.look import Look
from lookalike.demo.mesh import (
    Paint,
    Part,
    Parts,
    ball,
    curve,
    grid_facets,
    hoop,
    lathe,
    loft,
    panel,
    rod,
)


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
    return Part(
        corners,
        normals.reshape(-1, 3).astype(np.float32),
        corners[:, :2].copy(),
        grid_facets(26, 17),
        paint,
        two_sided=True,
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
            [(0, -0.085, 0.085), (sleeve * 0.6, -0.078, 0.078), (sleeve, -0.075, 0.07)],
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
    opening = [(level * wide, -half * wide, half * wide) for level, half in ((0, 0.06), (0.13, 0.32), (0.22, 0.4))]
    inside = garment(opening, look.cloth(look.colour * 0.45), look)
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


def dress(look: Look) -> Parts:
    """Summer dress laid out flat, sleeveless or with short sleeves."""
    cloth = look.print_cloth()
    waist, hem, long = look.between(0.15, 0.18), look.between(0.28, 0.4), look.between(0.8, 1.05)
    bust, top = waist * 1.22, look.between(0.35, 0.4)
    skirt = garment([(0, -hem, hem), (long * 0.3, -hem * 0.84, hem * 0.84), (long - top, -waist, waist)], cloth, look)
    bodice = garment([(0, -waist, waist), (top * 0.45, -bust, bust), (top * 0.72, -bust * 0.95, bust * 0.95),
                      (top * 0.8, -bust * 0.8, bust * 0.8)], cloth, look)  # fmt: skip
    belt = garment([(0, -waist * 1.02, waist * 1.02), (0.02, -waist * 1.02, waist * 1.02), (0.04, -waist, waist)],
                   look.cloth(look.accent), look)  # fmt: skip
    parts = [skirt, bodice.move(y=long - top - 0.003), belt.move(y=long - top - 0.02, z=0.008)]
    shoulder = long - top * 0.28
    if look.style == 1:
        for side in (-1, 1):
            sleeve = garment([(0, -0.07, 0.07), (0.1, -0.075, 0.075), (0.17, -0.085, 0.085)], cloth, look)
            parts.append(sleeve.turn(z=side * (180 + 48)).move(side * bust * 0.78, shoulder + 0.05, 0.002))
        yoke = garment(
            [(0, -bust * 0.82, bust * 0.82), (0.06, -bust * 0.72, bust * 0.72), (0.1, -bust * 0.5, bust * 0.5)],
            cloth,
            look,
        )
        parts.append(yoke.move(y=shoulder + 0.01, z=0.001))
    else:
        for side in (-1, 1):
            strap = curve(
                [
                    (side * bust * 0.7, shoulder - 0.01, 0.01),
                    (side * bust * 0.55, shoulder + 0.1, 0.012),
                    (side * bust * 0.4, shoulder + 0.16, 0.01),
                ]
            )
            parts.append(loft(strap, np.stack([np.full(24, 0.012), np.full(24, 0.004)], axis=1), cloth, sides=8))
    return parts


def trousers(look: Look) -> Parts:
    """Jeans or shorts laid out flat, with a waistband, a fly and pockets."""
    base = look.pick("#3d5878", "#5b7896", "#2c3a52", "#8aa0b5", "#34353a") if look.chance(0.5) else look.colour
    cloth, seam = look.cloth(base), look.cloth(base * 0.55)
    long, hips = (look.between(0.95, 1.05), look.between(0.2, 0.25)) if look.style == 0 else (0.44, 0.25)
    crotch, ankle = long - 0.3, look.between(0.08, 0.12) if look.style == 0 else 0.105
    parts: Parts = []
    for side in (-1, 1):
        inner, spread = side * 0.004, side * (0.09 if look.style == 0 else 0.05)
        outline = [
            (0.0, inner + spread, inner + spread + side * ankle * 1.8),
            (crotch * 0.5, inner + spread * 0.55, side * (hips * 0.9 + 0.02)),
            (crotch, inner, side * hips),
            (long - 0.12, 0.0, side * hips * 0.95),
            (long, 0.0, side * hips * 0.84),
        ]
        rows = [(y, min(a, b), max(a, b)) for y, a, b in outline]
        parts.append(garment(rows, cloth, look, thick=0.018))
        pocket = curve(
            [
                (side * hips * 0.45, long - 0.03, 0.021),
                (side * hips * 0.55, long - 0.09, 0.021),
                (side * hips * 0.9, long - 0.12, 0.014),
            ]
        )
        parts.append(loft(pocket, np.full(24, 0.0022), seam, sides=6))
    parts.append(
        garment(
            [(0, -hips * 0.87, hips * 0.87), (0.02, -hips * 0.86, hips * 0.86), (0.042, -hips * 0.84, hips * 0.84)],
            cloth,
            look,
            thick=0.02,
        ).move(y=long - 0.03, z=0.003)
    )
    parts.append(lathe([(0.01, 0), (0.008, 0.004)], look.steel("#c9a45a"), sides=16).move(0, long - 0.01, 0.022))
    parts.append(rod((0.012, long - 0.03, 0.018), (0.004, crotch + 0.05, 0.012), 0.0025, seam, sides=6))
    return parts
