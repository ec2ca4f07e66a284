"""Home and garden."""

import numpy as np

from lookalike.demo import textures as tx
from lookalike.demo.look import Look
from lookalike.demo.mesh import Paint, Part, Parts, ball, box, curve, lathe, loft, move, panel, rod, turn


def sofa(look: Look) -> Parts:
    """Armchair, two-seater or three-seater; cloth or leather, wooden or metal legs."""
    seats = look.style + 1
    cover = look.leather() if look.chance(0.3) else look.cloth()
    seat, depth, arm = look.between(0.6, 0.72), look.between(0.78, 0.9), look.between(0.12, 0.26)
    width, leg = seats * seat, look.between(0.06, 0.18)
    back, round_ = look.between(0.42, 0.6), look.between(0.03, 0.1)
    parts = [
        box((width + arm, depth, 0.22), cover, edge=0.04).move(z=leg + 0.11),
        box((width + arm, 0.2, back), cover, edge=round_).turn(x=-7).move(y=depth / 2 - 0.1, z=leg + 0.2 + back / 2),
    ]
    arm_height = look.between(0.4, 0.56)
    for side in (-1, 1):
        arm_part = box((arm, depth, arm_height), cover, edge=min(round_ * 1.3, arm / 2.1))
        parts.append(arm_part.move(x=side * (width + arm) / 2, z=leg + arm_height / 2))
    for number in range(seats):
        x = (number - (seats - 1) / 2) * seat
        parts.append(box((seat - 0.01, depth - 0.2, 0.17), cover, edge=0.06, puff=0.03).move(x, -0.1, leg + 0.3))
        pillow = box((seat - 0.02, 0.17, back - 0.05), cover, edge=0.07, puff=0.04).turn(x=-13)
        parts.append(pillow.move(x, depth / 2 - 0.25, leg + 0.36 + back / 2))
    if look.chance(0.55):
        cushion = box((0.4, 0.12, 0.4), look.print_cloth(), edge=0.05, puff=0.05).turn(x=-24, z=look.between(-20, 20))
        parts.append(cushion.move(look.rng.choice([-1, 1]) * (width / 2 - 0.24), -0.05, leg + 0.58))
    feet = look.wood(look.pick("#5b3a24", "#a87646", "#222222"))
    for x in (-1, 1):
        for y in (-1, 1):
            place = (x * width * 0.47, y * depth * 0.4)
            parts.append(rod((*place, 0), (*place, leg + 0.02), (0.017, 0.028), feet))
    return parts


def wardrobe(look: Look) -> Parts:
    """Wardrobe with two doors, with three, or a chest of drawers."""
    drawers = look.style == 2
    doors = 2 + (look.style == 1)
    width = look.between(0.8, 1.1) if drawers else doors * look.between(0.42, 0.52)
    height, depth = (look.between(0.8, 1.15), 0.45) if drawers else (look.between(1.75, 2.05), 0.56)
    body = look.wood()
    front = look.wood(tx.mix(look.colour, look.accent, 0.85)) if look.chance(0.25) else body
    knob = look.steel(("#b9bdc1", "#b08d4a", "#3a3a3c")[int(look.rng.integers(3))])
    foot = look.between(0.04, 0.12)
    parts = [box((width, depth, height), body, edge=0.008).move(z=foot + height / 2)]
    parts.append(box((width + 0.04, depth + 0.04, 0.035), body, edge=0.01).move(z=foot + height + 0.015))
    parts += [
        box((0.07, 0.07, foot), body).move(x * (width / 2 - 0.05), y * (depth / 2 - 0.05), foot / 2)
        for x in (-1, 1)
        for y in (-1, 1)
    ]
    rows, columns = (int(look.rng.integers(3, 6)), 1) if drawers else (1, doors)
    if drawers and look.chance(0.4):
        columns = 2
    cell_w, cell_h = width / columns, height / rows
    for row in range(rows):
        for column in range(columns):
            x, z = (column + 0.5) * cell_w - width / 2, foot + (row + 0.5) * cell_h
            parts.append(box((cell_w - 0.02, 0.03, cell_h - 0.025), front, edge=0.006).move(x, -depth / 2 - 0.01, z))
            if not drawers and look.style == 0:
                inset = box((cell_w - 0.16, 0.03, cell_h - 0.3), front, edge=0.012).move(x, -depth / 2 - 0.018, z)
                parts.append(inset)
            side = 0.0 if drawers else (-1 if column % 2 else 1) * (cell_w / 2 - 0.06)
            parts.append(ball(0.02, knob, sides=14).move(x + side, -depth / 2 - 0.05, z))
    return parts


def lamp(look: Look) -> Parts:
    """Table lamp or floor lamp with a lit shade."""
    tall = look.style == 1
    height, shade = (look.between(1.2, 1.5), look.between(0.2, 0.27)) if tall else (0.3, look.between(0.13, 0.18))
    stem = look.steel(("#b08d4a", "#8d9093", "#2c2c2e")[int(look.rng.integers(3))])
    top = shade * look.between(0.45, 0.95)
    glow = Paint(look.colour, 0.05, glow=look.between(0.5, 1.1), texture=tx.weave(look.colour, look.noise))
    parts = [lathe([(shade, height), (top, height + shade * 1.35)], glow, closed=False)]
    parts.append(lathe([(shade * 0.1, height + 0.02), (shade * 0.1, height + 0.06)], look.white()))
    if tall:
        parts.append(lathe([(0.15, 0), (0.15, 0.02), (0.03, 0.035)], stem))
        parts.append(rod((0, 0, 0.02), (0, 0, height + 0.1), 0.013, stem))
        return parts
    body = look.plastic(look.accent, 0.85)
    waist = look.between(0.03, 0.06)
    parts.append(lathe([(0.07, 0), (0.08, 0.03), (waist, 0.09), (0.09, 0.17), (0.03, 0.25)], body, smooth=16))
    parts.append(rod((0, 0, 0.24), (0, 0, height + 0.05), 0.008, stem))
    return parts


def bed(look: Look) -> Parts:
    """Single or double bed, made, with pillows and a folded throw."""
    width, length = (0.95, 1.45)[look.style], look.between(1.95, 2.05)
    frame = look.wood(look.pick("#b98a5a", "#5b3a24", "#efeae0", "#d2aa78", "#3c3d41"))
    head = look.between(0.85, 1.15)
    quilt = look.print_cloth()
    parts = [
        box((width + 0.06, length + 0.08, 0.2), frame, edge=0.02).move(z=0.24),
        box((width, length, 0.2), look.cloth(tx.rgb("#eceae4")), edge=0.06).move(z=0.42),
        box((width + 0.05, length * 0.68, 0.2), quilt, edge=0.09, puff=0.02).move(y=-length * 0.16, z=0.46),
    ]
    boards = look.cloth(look.accent) if look.chance(0.4) else frame
    parts.append(box((width + 0.1, 0.07, head), boards, edge=0.03).move(y=length / 2 + 0.06, z=head / 2))
    for number in range(look.style + 1):
        x = (number - look.style / 2) * 0.68
        pillow = box((0.62, 0.4, 0.14), look.cloth(tx.rgb("#f1efe9")), edge=0.06, puff=0.04)
        parts.append(pillow.turn(x=18).move(x, length / 2 - 0.26, 0.61))
    parts.append(box((width + 0.07, 0.4, 0.21), look.cloth(look.accent), edge=0.09).move(y=-length * 0.36, z=0.465))
    parts += [
        box((0.07, 0.07, 0.16), frame).move(x * width / 2, y * length / 2, 0.08) for x in (-1, 1) for y in (-1, 1)
    ]
    return parts


def plant(look: Look) -> Parts:
    """Potted plant: arching leaves, upright blades, or a cactus."""
    size = look.between(0.09, 0.13)
    pot = look.plastic(gloss=0.4) if look.chance(0.7) else Paint(tx.rgb("#b5673f"), 0.05)
    high = size * 1.6
    parts = [
        lathe([(size * 0.65, 0), (size * 0.95, high * 0.8), (size * 1.05, high * 0.82), (size * 1.05, high)], pot),
        lathe([(size * 0.9, high), (size * 0.9, high + 0.003)], Paint(tx.rgb("#3d2c20"), 0.0)),
    ]
    green = look.pick("#3f7a3a", "#57933f", "#2f6142", "#6f9f58")
    if look.style == 2:
        ribs = Paint(green, 0.1, texture=tx.stripes(green, green * 0.55, width=size * 0.3, share=0.7))
        tall = look.between(0.16, 0.32)
        parts.append(lathe([(size * 0.5, 0), (size * 0.6, tall * 0.6), (size * 0.35, tall * 0.95), (0.002, tall)],
                           ribs, smooth=14).move(z=high))  # fmt: skip
        if look.chance(0.6):
            flower = ball((0.03, 0.03, 0.022), look.plastic(look.pick("#e0457b", "#f2c14e", "#f4f0e6"), 0.1))
            parts.append(flower.move(z=high + tall))
        return parts
    count = int(look.rng.integers(9, 15))
    for number in range(count):
        leaf_green = green * look.between(0.75, 1.25)
        leaf = Paint(leaf_green, 0.3, texture=tx.stripes(leaf_green, leaf_green * 1.3, width=0.03, share=0.8))
        tilt = look.between(4, 22) if look.style == 1 else look.between(20, 75)
        long = look.between(0.25, 0.5) if look.style == 1 else look.between(0.2, 0.38)
        parts += turn([_leaf(long, 0.025 if look.style == 1 else long * 0.17, tilt, leaf)], z=number * 137.5)
    return parts[:2] + move(parts[2:], z=high)


def _leaf(long: float, wide: float, tilt: float, paint: Paint) -> Part:
    lean, droop = np.sin(np.radians(tilt)), np.cos(np.radians(tilt))
    path = curve(
        [(0, 0, 0), (long * 0.5 * lean, 0, long * 0.6 * droop), (long * lean, 0, long * 0.75 * droop)], count=9
    )
    share = np.linspace(0, 1, 9)
    width = wide * np.sin(np.pi * np.clip(share, 0.04, 0.98)) ** 0.8
    return loft(path, np.stack([np.full(9, 0.0025), width], axis=1), paint, sides=8)


def rug(look: Look) -> Parts:
    """Patterned rug on the floor, oblong or round."""
    pattern = look.print_cloth().texture or tx.weave(look.colour, look.noise)
    third = look.pick("#efe6d2", "#2b3f63", "#8c2f2f", "#3d3a36")
    if look.style == 1:
        paint = Paint(look.colour, 0.0, texture=_rings(look))
        return [lathe([(0.8, 0), (0.8, 0.015)], paint, sides=48)]
    half = (look.between(0.55, 0.75), look.between(0.85, 1.1))
    borders = [(0.03, third), (0.1, look.accent), (0.13, third)]
    texture = tx.bordered(pattern, borders, half=half)
    return [box((half[0] * 2, half[1] * 2, 0.014), Paint(look.colour, 0.0, texture=texture), edge=0.006).move(z=0.007)]


def _rings(look: Look) -> tx.Texture:
    step = look.between(0.07, 0.2)

    def texture(u: tx.Floats, v: tx.Floats) -> tx.Floats:
        ring = np.mod(np.hypot(u, v) / step, 1) < 0.55
        tone = 1 + 0.1 * look.noise(u * 300, v * 300)
        return np.where(ring[:, None], look.colour, look.accent).astype(np.float32) * tone[:, None]

    return texture


def bookcase(look: Look) -> Parts:
    """Open shelves with some books and boxes on them."""
    width, shelves = look.between(0.6, 0.95), int(look.rng.integers(3, 6))
    gap, depth = look.between(0.3, 0.36), 0.28
    board = look.wood()
    height = shelves * gap
    parts = [box((0.025, depth, height + 0.025), board).move(x * width / 2, 0, height / 2) for x in (-1, 1)]
    parts.append(box((width, 0.015, height), board).move(y=depth / 2 - 0.01, z=height / 2))
    for level in range(shelves + 1):
        parts.append(box((width, depth, 0.025), board).move(z=level * gap + 0.012))
        x = -width / 2 + 0.05
        while level < shelves and x < width / 2 - 0.3 * look.between(0, 1) - 0.08:
            thick, tall = look.between(0.02, 0.05), look.between(0.18, 0.26)
            paint = look.plastic(look.pick("#a33b32", "#2f5d8a", "#e3c26b", "#3f6b4f", "#efe6d2", "#44403c"), 0.2)
            parts.append(
                box((thick, 0.18, tall), paint, edge=0.003).move(x + thick / 2, -0.02, level * gap + 0.025 + tall / 2)
            )
            x += thick + 0.004
    return parts


def picture(look: Look) -> Parts:
    """Framed picture, leaning back a little."""
    width, height = look.between(0.4, 0.6), look.between(0.5, 0.85)
    frame = look.wood(gloss=0.4)
    parts = [box((width + 0.1, 0.03, height + 0.1), frame, edge=0.012)]
    parts.append(panel(width, height, look.artwork(width, height), cells=6).move(y=-0.017))
    return move(turn(parts, x=-9), z=(height + 0.1) / 2)
