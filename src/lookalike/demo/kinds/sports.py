"""Sports, leisure, travel."""

import numpy as np

from lookalike.demo import textures as tx
from lookalike.demo.look import Look
from lookalike.demo.mesh import Paint, Part, Parts, ball, box, curve, grid_facets, hoop, loft, move, rod, turn
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
        nearness = np.sort(np.einsum("ij,kj->ik", _sphere(u, v), centres), axis=1)
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


def bicycle(look: Look) -> Parts:
    """Bicycle, with a straight or a low step-through frame."""
    paint, dark, bright = look.plastic(gloss=0.7), look.black(0.2), look.steel()
    wheel, base = look.between(0.3, 0.34), look.between(0.98, 1.06)
    back, front = (base / 2, 0.0, wheel), (-base / 2, 0.0, wheel)
    parts: Parts = []
    tyre = look.plastic(tx.rgb("#cbb58f"), 0.1) if look.chance(0.2) else dark
    for x, _, z in (back, front):
        parts.append(hoop(wheel - 0.016, 0.018, tyre, sides=48).move(x, 0, z))
        parts.append(hoop(wheel - 0.04, 0.009, bright, sides=48).move(x, 0, z))
        parts.append(rod((x, -0.04, z), (x, 0.04, z), 0.018, bright))
        for spoke in range(14):
            angle = np.radians(spoke * 360 / 14)
            rim = (x + np.cos(angle) * (wheel - 0.045), 0.0, z + np.sin(angle) * (wheel - 0.045))
            parts.append(rod((x, 0, z), rim, 0.0016, bright, sides=4))
    crank, seat, head = (0.08, 0.0, wheel - 0.05), (0.2, 0.0, 0.84), (-base / 2 + 0.16, 0.0, 0.86)
    low = look.style == 1
    lower_head = (-base / 2 + 0.12, 0.0, 0.72)
    tubes = [(crank, seat), (lower_head, crank), (crank, back), ((0.165, 0.0, 0.7), back)]
    tubes.append(((-base / 2 + 0.14, 0.0, 0.79), (0.13, 0.0, 0.5) if low else (0.185, 0.0, 0.78)))
    parts += [rod(a, b, 0.019 if number in (0, 1, 4) else 0.012, paint) for number, (a, b) in enumerate(tubes)]
    parts.append(rod(lower_head, head, 0.022, paint))
    parts += [
        rod((lower_head[0], y, lower_head[2]), (front[0], y * 1.4, front[2]), 0.012, paint) for y in (-0.035, 0.035)
    ]
    parts.append(rod(seat, (0.222, 0, 0.93), 0.013, bright))
    parts.append(ball((0.13, 0.07, 0.028), look.leather(look.pick("#2b2b2e", "#7a4a2c"))).move(0.23, 0, 0.945))
    parts.append(rod(head, (head[0] + 0.01, 0, 0.97), 0.013, bright))
    bar = curve(
        [
            (head[0] + 0.16, -0.27, 0.99),
            (head[0] + 0.04, -0.23, 1.0),
            (head[0], 0, 0.965),
            (head[0] + 0.04, 0.23, 1.0),
            (head[0] + 0.16, 0.27, 0.99),
        ]
    )
    parts.append(loft(bar, np.full(24, 0.011), bright, sides=10))
    parts += [
        rod((head[0] + 0.06, y * 0.24, 1.0), (head[0] + 0.17, y * 0.272, 0.99), 0.017, look.leather(look.accent))
        for y in (-1, 1)
    ]
    parts.append(rod((crank[0], -0.035, crank[2]), (crank[0], -0.045, crank[2]), 0.085, bright, sides=28))
    parts += [
        rod((0.08, s * 0.06, crank[2]), (0.08 + s * 0.12, s * 0.07, crank[2] - s * 0.1), 0.01, bright) for s in (-1, 1)
    ]
    parts += [box((0.09, 0.07, 0.02), dark).move(0.08 + s * 0.12, s * 0.11, crank[2] - s * 0.1) for s in (-1, 1)]
    if look.chance(0.35) or low:
        weave = Paint(tx.rgb("#b58a58"), 0.05, texture=tx.checks(tx.rgb("#c39a66"), tx.rgb("#8a6238"), width=0.02))
        parts.append(box((0.22, 0.3, 0.2), weave, edge=0.02).move(-base / 2 - 0.02, 0, 0.84))
    return parts


def racket(look: Look) -> Parts:
    """Tennis racket lying flat, alone or with two balls."""
    frame = look.plastic(gloss=0.6)
    parts = [hoop(0.13, 0.009, frame, sides=56).stretch(z=1.3).turn(x=90)]
    string = look.white(0.3)
    for number in range(-8, 9):
        x = number * 0.0145
        half = 0.165 * np.sqrt(max(0.0, 1 - (x / 0.13) ** 2))
        parts.append(rod((x, -half, 0), (x, half, 0), 0.0011, string, sides=4))
    for number in range(-10, 11):
        y = number * 0.0155
        half = 0.128 * np.sqrt(max(0.0, 1 - (y / 0.169) ** 2))
        parts.append(rod((-half, y, 0), (half, y, 0), 0.0011, string, sides=4))
    for side in (-1, 1):
        throat = curve([(side * 0.085, -0.125, 0), (side * 0.03, -0.22, 0), (side * 0.012, -0.3, 0)])
        parts.append(loft(throat, np.full(24, 0.0095), frame, sides=10))
    parts.append(rod((0, -0.27, 0), (0, -0.36, 0), 0.014, look.plastic(look.accent, 0.5)))
    grip = Paint(
        look.accent,
        0.1,
        texture=tx.stripes(
            tx.mix(look.accent, tx.rgb("#101010"), 0.6), tx.rgb("#17171a"), width=0.02, share=0.85, along=True
        ),
    )
    parts.append(rod((0, -0.34, 0), (0, -0.52, 0), (0.016, 0.018), grip))
    parts = move(parts, z=0.02)
    if look.style == 1:
        fuzz = Paint(tx.rgb("#cfdc45"), 0.0, texture=tx.grain(tx.rgb("#cfdc45"), look.noise, scale=900, strength=0.12))
        spots = [(look.between(0.1, 0.16), -0.24), (look.between(0.06, 0.1), -0.34)]
        for x, y in spots:
            parts.append(ball(0.033, fuzz).move(x, y, 0.033))
            parts.append(hoop(0.0325, 0.0016, look.white(0.1)).turn(x=look.between(0, 90), y=40).move(x, y, 0.033))
    return turn(parts, z=look.between(-40, 40))


def tent(look: Look) -> Parts:
    """Ridge tent or dome tent, pitched."""
    cloth, trim = look.cloth(), look.cloth(look.accent)
    if look.style == 1:
        angle = np.linspace(0, np.pi / 2, 10)
        dome = loft(
            np.stack([np.zeros(10), np.zeros(10), np.sin(angle) * 1.15], axis=1),
            np.maximum(np.cos(angle), 0.02) * 1.25,
            cloth,
            sides=48,
        )
        parts = [dome]
        pole = hoop(1.26, 0.022, trim, arc=180).stretch(z=0.93)
        parts += [pole.turn(z=angle_) for angle_ in (45, 135)]
        up = np.radians(np.linspace(1, 42, 9))
        front = np.stack([np.zeros(9), -np.cos(up) * 1.265, np.sin(up) * 1.165], axis=1)
        opening = look.cloth(look.colour * 0.3)
        door = loft(front, np.stack([np.full(9, 0.008), np.linspace(0.4, 0.12, 9)], axis=1), opening, sides=12, power=3)
        return [*parts, door]
    long, wide, high = 1.9, 0.8, 1.15
    path = np.array([[0, -long / 2, 0], [0, long / 2, 0]], float)
    parts = []
    for side in (-1, 1):
        sheet = panel_between(
            (0, -long / 2, high),
            (0, long / 2, high),
            (side * wide, -long / 2 - 0.1, 0),
            (side * wide, long / 2 + 0.1, 0),
            cloth,
        )
        parts.append(sheet)
        flap = panel_between(
            (0, -long / 2, high),
            (0, -long / 2, high),
            (side * wide, -long / 2 - 0.1, 0),
            (side * wide * 0.3, -long / 2 - 0.02, 0),
            trim,
        )
        parts.append(flap)
    parts.append(
        panel_between(
            (0, long / 2, high), (0, long / 2, high), (-wide, long / 2 + 0.1, 0), (wide, long / 2 + 0.1, 0), trim
        )
    )
    parts += [rod((0, y, 0), (0, y, high + 0.08), 0.015, look.wood(tx.rgb("#c39a66"))) for y in path[:, 1]]
    parts.append(rod((0, -long / 2, high), (0, -long / 2 - 0.7, 0), 0.005, look.white()))
    parts.append(box((1.5, 1.8, 0.02), look.cloth(look.colour * 0.5)).move(z=0.01))
    return turn(parts, z=look.between(15, 40))


def panel_between(
    a: tuple[float, float, float],
    b: tuple[float, float, float],
    c: tuple[float, float, float],
    d: tuple[float, float, float],
    paint: Paint,
) -> Part:
    """A sheet of cloth between four corners: a–b at the top, c–d at the bottom, sagging a little."""
    u, v = (grid.ravel()[:, None] for grid in np.meshgrid(np.linspace(0, 1, 9), np.linspace(0, 1, 9)))
    first, second, third, fourth = (np.array(point, np.float64) for point in (a, b, c, d))
    points = (1 - v) * ((1 - u) * first + u * second) + v * ((1 - u) * third + u * fourth)
    points[:, 2:] -= 0.16 * (u * (1 - u) + 0.3) * v * (1 - v)
    grid = points.reshape(9, 9, 3)
    normals = np.cross(np.gradient(grid, axis=1), np.gradient(grid, axis=0))
    normals /= np.linalg.norm(normals, axis=2, keepdims=True) + 1e-9
    corners, uv = points.astype(np.float32), np.concatenate([points[:, 1:2], points[:, 2:]], axis=1).astype(np.float32)
    return Part(corners, normals.reshape(-1, 3).astype(np.float32), uv, grid_facets(9, 9), paint, two_sided=True)


def dumbbell(look: Look) -> Parts:
    """A pair of hexagonal dumbbells, or a kettlebell."""
    iron = look.plastic(gloss=0.35)
    if look.style == 1:
        bow = curve(
            [
                (-0.05, 0, 0.14),
                (-0.068, 0, 0.2),
                (-0.035, 0, 0.245),
                (0.035, 0, 0.245),
                (0.068, 0, 0.2),
                (0.05, 0, 0.14),
            ]
        )
        parts = [
            ball((0.092, 0.092, 0.088), iron).move(z=0.086),
            loft(bow, np.full(24, 0.0165), look.steel("#55585c"), sides=14),
        ]
        return [*parts, rod((0, -0.086, 0.09), (0, -0.094, 0.09), 0.035, look.plastic(look.accent, 0.4), sides=28)]
    parts = [rod((-0.07, 0, 0), (0.07, 0, 0), 0.0165, look.steel(), sides=16)]
    for side in (-1, 1):
        path = np.stack([side * np.array([0.065, 0.075, 0.135, 0.145]), np.zeros(4), np.zeros(4)], axis=1)
        parts.append(loft(path, [0.036, 0.05, 0.05, 0.038], iron, sides=6))
        parts.append(rod((side * 0.142, 0, 0), (side * 0.147, 0, 0), 0.024, look.plastic(look.accent, 0.3), sides=24))
    parts = move(turn(parts, x=0), z=0.05)
    return turn(parts, z=look.between(-30, -10)) + move(turn(parts, z=look.between(5, 30)), 0.03, 0.14)


def suitcase(look: Look) -> Parts:
    """Hard-shell trolley case with ribs, wheels and a handle, or a soft one with pockets."""
    width, high, deep = look.between(0.36, 0.44), look.between(0.52, 0.66), look.between(0.22, 0.27)
    shell = look.plastic(gloss=0.5) if look.style == 0 else look.cloth()
    parts = [box((width, deep, high), shell, edge=0.06 if look.style == 0 else 0.035).move(z=high / 2 + 0.05)]
    if look.style == 0:
        for number in range(7):
            x = (number - 3) * width * 0.115
            parts.append(box((0.016, deep + 0.012, high * 0.84), shell, edge=0.007).move(x, 0, high / 2 + 0.05))
    else:
        trim = look.cloth(look.accent)
        parts += [
            box((width * 0.8, 0.04, tall * high), shell, edge=0.015, puff=0.01).move(
                0, -deep / 2 - 0.01, z * high + 0.05
            )
            for tall, z in ((0.46, 0.3), (0.26, 0.74))
        ]
        parts += [
            box((width * 0.74, 0.01, 0.012), trim, edge=0.003).move(0, -deep / 2 - 0.034, z * high + 0.05)
            for z in (0.52, 0.86)
        ]
    dark = look.black(0.3)
    parts += [
        rod(
            (x * width * 0.38 - 0.012, y * deep * 0.34, 0.028),
            (x * width * 0.38 + 0.012, y * deep * 0.34, 0.028),
            0.028,
            dark,
            sides=18,
        )
        for x in (-1, 1)
        for y in (-1, 1)
    ]
    pulled = look.between(0.06, 0.4)
    parts += [
        rod((x * 0.09, deep * 0.3, high), (x * 0.09, deep * 0.3, high + 0.05 + pulled), 0.009, look.steel())
        for x in (-1, 1)
    ]
    parts.append(box((0.22, 0.035, 0.035), dark, edge=0.014).move(0, deep * 0.3, high + 0.06 + pulled))
    return parts
