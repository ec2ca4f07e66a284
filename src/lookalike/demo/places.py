"""Where a photo is taken: floors, walls and worktops of people's homes, gardens, and a plain studio."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lookalike.demo import textures as tx
from lookalike.demo.mesh import rotate
from lookalike.demo.render import Bools, Camera, Lights
from lookalike.demo.textures import Floats, Noise, Texture

_CHUNK = 16384  # pixels painted at once: what a processor's cache holds
_Maker = Callable[[np.random.Generator, Noise], "Place"]
_WALLS = ("#efeae0", "#e3dfd6", "#d9dfe2", "#cfd8d0", "#e9d9c9", "#d8cfe0", "#b9c7c4", "#f3efe6", "#8fa3ad", "#c9b8a8")
_WOODS = ("#b98a5a", "#9a6a3f", "#d2aa78", "#6e472b", "#c7a27c", "#8a7360", "#e0c7a2")


@dataclass(frozen=True)
class Place:
    """A floor (or worktop) and a wall behind it, with their middle colours and what stands along the wall's foot."""

    ground: Texture
    ground_colour: Floats
    wall: Texture
    wall_colour: Floats
    skirting: bool = False
    seamless: bool = False


def _pick(rng: np.random.Generator, codes: tuple[str, ...]) -> Floats:
    return tx.rgb(codes[int(rng.integers(len(codes)))])


def _wall(rng: np.random.Generator, noise: Noise) -> tuple[Texture, Floats]:
    colour = _pick(rng, _WALLS)
    choice = rng.random()
    if choice < 0.12:
        brick = _pick(rng, ("#a0573f", "#8d4a38", "#cfc8bf", "#b98b6d"))
        return tx.bricks(brick, tx.rgb("#c9c2b6"), noise), brick
    if choice < 0.26:
        other = tx.mix(colour, _pick(rng, ("#ffffff", "#b7c4cf", "#d8b9a8", "#a9b89f")), 0.5)
        return tx.stripes(colour, other, width=float(rng.uniform(0.08, 0.25))), colour
    if choice < 0.34:
        accents = [_pick(rng, ("#c98f8f", "#8fa6c9", "#c9b36f")), _pick(rng, ("#9bb08d", "#d4a5b5"))]
        return tx.blossoms(colour, [tx.mix(colour, a, 0.5) for a in accents], width=0.22), colour
    return tx.grain(colour, noise, scale=60, strength=0.012), colour


def _boards(rng: np.random.Generator, noise: Noise) -> Place:
    wood = _pick(rng, _WOODS)
    wall, colour = _wall(rng, noise)
    return Place(tx.planks(wood, noise, width=float(rng.uniform(0.09, 0.2))), wood, wall, colour, skirting=True)


def _carpet(rng: np.random.Generator, noise: Noise) -> Place:
    pile = _pick(rng, ("#a59a8c", "#8d9499", "#c2b6a3", "#6f7a86", "#7d6a66", "#9fae9b", "#5f6b7a"))
    wall, colour = _wall(rng, noise)
    return Place(tx.grain(pile, noise, scale=220, strength=0.12), pile, wall, colour, skirting=True)


def _tiled(rng: np.random.Generator, noise: Noise) -> Place:
    face = _pick(rng, ("#d8d4cc", "#bfc4c6", "#e6e0d4", "#8e9497", "#c9b49a"))
    checker = _pick(rng, ("#4b5054", "#9b8f84", "#7f97a0")) if rng.random() < 0.3 else None
    floor = tx.tiles(face, tx.rgb("#9a958c"), noise, size=float(rng.uniform(0.22, 0.45)), checker=checker)
    wall, colour = _wall(rng, noise)
    return Place(floor, face, wall, colour, skirting=True)


def _patio(rng: np.random.Generator, noise: Noise) -> Place:
    stone = _pick(rng, ("#a8a196", "#8f8b85", "#b9a58c"))
    floor = tx.tiles(stone, tx.rgb("#6d6a60"), noise, size=0.5)
    fence = _pick(rng, ("#8a6a48", "#6f5a46", "#a38560"))
    return Place(floor, stone, tx.planks(fence, noise, width=0.12, length=9), fence)


def _lawn(rng: np.random.Generator, noise: Noise) -> Place:
    grass = _pick(rng, ("#6f8f45", "#7d9a4f", "#5f7f3f"))
    hedge = tx.rgb("#3f5a34") if rng.random() < 0.5 else tx.rgb("#8a6a48")
    wall = tx.grain(hedge, noise, scale=45, strength=0.3)
    if hedge[0] > 0.2:
        wall = tx.planks(hedge, noise, width=0.12, length=9)
    return Place(tx.grain(grass, noise, scale=190, strength=0.26), grass, wall, hedge)


def _studio(rng: np.random.Generator, noise: Noise) -> Place:
    paper = _pick(rng, ("#f4f3f0", "#eceae6", "#f5f0ea", "#e4e9ec"))
    plain = tx.grain(paper, noise, scale=30, strength=0.004)
    return Place(plain, paper, plain, paper, seamless=True)


def _worktop(rng: np.random.Generator, noise: Noise) -> Place:
    stone = _pick(rng, ("#e6e3de", "#c8c4be", "#4c4d50", "#d9cdbd"))
    top = tx.marble(stone, tx.mix(stone, tx.rgb("#8a857d"), 0.7), noise)
    face = _pick(rng, ("#f1efe9", "#c9d6d3", "#9fb4b0", "#dcd2c2", "#7f9096"))
    splash = tx.tiles(face, tx.rgb("#dedad2"), noise, size=0.1)
    return Place(top, stone, splash, face)


def _table(rng: np.random.Generator, noise: Noise) -> Place:
    wood = _pick(rng, _WOODS)
    wall, colour = _wall(rng, noise)
    plain = rng.random() < 0.5
    top = tx.wood(wood, noise, strength=0.1) if plain else tx.planks(wood, noise, width=0.11, length=2.2)
    return Place(top, wood, wall, colour)


def _cloth(rng: np.random.Generator, noise: Noise) -> Place:
    cloth = _pick(rng, ("#c9c3b8", "#8f9aa8", "#b7a3a0", "#a9b5a2", "#e8e3da", "#6d7480", "#c7a98a"))
    wall, colour = _wall(rng, noise)
    ground = tx.weave(cloth, noise, scale=420)
    if rng.random() < 0.35:
        second = tx.mix(cloth, _pick(rng, ("#ffffff", "#53606e", "#9c5f57")), 0.45)
        ground = tx.stripes(cloth, second, width=0.07) if rng.random() < 0.5 else tx.checks(cloth, second, width=0.09)
    return Place(ground, cloth, wall, colour)


def choose_place(rng: np.random.Generator, noise: Noise, stage: str) -> Place:
    """Choose where to put a thing: furniture on a "floor", bicycles in a "garden", cups on a "table", shirts "flat"."""
    makers: dict[str, tuple[tuple[_Maker, float], ...]] = {
        "floor": ((_boards, 5), (_carpet, 3), (_tiled, 2), (_patio, 0.6), (_studio, 1.6)),
        "garden": ((_lawn, 4), (_patio, 3), (_boards, 3), (_carpet, 1), (_tiled, 1), (_studio, 1)),
        "table": ((_table, 4), (_worktop, 2.5), (_cloth, 1.5), (_boards, 1), (_carpet, 1), (_studio, 1.6)),
        "flat": ((_cloth, 4), (_boards, 3), (_carpet, 2), (_table, 1.5), (_studio, 1.2)),
    }
    choices = makers[stage]
    weights = np.array([weight for _, weight in choices])
    maker = choices[int(rng.choice(len(choices), p=weights / weights.sum()))][0]
    return maker(rng, noise)


@dataclass(frozen=True)
class Walls:
    """Where the walls stand, metres from the origin: one behind, one at a side; turned round z by `turn` degrees."""

    back: float
    side: float
    turn: float


def backdrop(camera: Camera, place: Place, walls: Walls, lights: Lights, hidden: Bools) -> tuple[Floats, Floats]:
    """Paint the place as the camera sees it: linear RGB (h, w, 3), and how much of each pixel is ground (h, w).

    Pixels that are `hidden` (h, w) stay grey.
    """
    turned = _turned(walls.turn)
    origin, lamp = rotate(np.stack([camera.place, lights.key]), turned)
    rays = rotate(camera.rays().reshape(-1, 3)[~hidden.ravel()], turned)
    pieces = [_surface(origin, rays[start : start + _CHUNK], walls) for start in range(0, len(rays), _CHUNK)]
    shown = np.concatenate([_paint(piece, place, lamp, lights) for piece in pieces])
    colour = np.full((hidden.size, 3), 0.2, np.float32)
    ground = np.zeros(hidden.size, np.float32)
    colour[~hidden.ravel()] = shown
    ground[~hidden.ravel()] = np.concatenate([piece.on_ground for piece in pieces])
    return colour.reshape(*hidden.shape, 3), ground.reshape(hidden.shape)


def _turned(degrees: float) -> Floats:
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]], np.float32)


@dataclass(frozen=True)
class _Hits:
    """Where rays meet the room: points (n, 3), and whether on the ground or on the side wall; else on the back wall."""

    points: Floats
    on_ground: Bools
    on_side: Bools


def _surface(origin: Floats, rays: Floats, walls: Walls) -> _Hits:
    sign = 1.0 if walls.side > 0 else -1.0
    far, near = np.float32(99), np.float32(1e-4)
    down, ahead, toward = -rays[:, 2], rays[:, 1], rays[:, 0] * sign
    to_ground = np.where(down > near, origin[2] / np.maximum(down, near), far)
    to_back = np.where(ahead > near, (walls.back - origin[1]) / np.maximum(ahead, near), far)
    to_side = np.where(toward > near, (abs(walls.side) - origin[0] * sign) / np.maximum(toward, near), far)
    to_wall = np.minimum(to_back, to_side)
    distance = np.minimum(np.minimum(to_ground, to_wall), 60)
    on_ground = to_ground <= to_wall
    return _Hits(origin + rays * distance[:, None], on_ground, ~on_ground & (to_side < to_back))


def _paint(hits: _Hits, place: Place, lamp: Floats, lights: Lights) -> Floats:
    points, on_ground, on_side = hits.points, hits.on_ground, hits.on_side
    colour = np.empty_like(points)
    colour[on_ground] = place.ground(points[on_ground, 0], points[on_ground, 1])
    height = points[~on_ground, 2]
    colour[~on_ground] = place.wall(np.where(on_side, points[:, 1], points[:, 0])[~on_ground], height)
    if place.skirting:
        _skirting(colour, ~on_ground, height)
    normals = np.zeros_like(points)
    normals[on_ground, 2] = 1
    normals[~on_ground & ~on_side, 1] = -1
    normals[on_side, 0] = -np.sign(points[on_side, 0])
    return colour * _room_light(points, normals, lamp, lights, seamless=place.seamless)


def _skirting(colour: Floats, is_wall: Bools, height: Floats) -> None:
    board = np.zeros(len(colour), bool)
    board[is_wall] = height < 0.1
    colour[board] = tx.rgb("#f2f0ea")
    shadow = np.zeros(len(colour), bool)
    shadow[is_wall] = (height > 0.09) & (height < 0.1)
    colour[shadow] *= 0.6


def _room_light(points: Floats, normals: Floats, lamp: Floats, lights: Lights, *, seamless: bool) -> Floats:
    if seamless:  # paper swept up in a curve: no edge, only a soft fall-off
        spread = np.exp(-np.linalg.norm(points[:, :2], axis=1) / (3 * np.linalg.norm(lamp)))
        return ((lights.key_colour + lights.sky) * (0.55 + 0.35 * spread[:, None])).astype(np.float32)
    to_lamp = lamp - points
    length = np.linalg.norm(to_lamp, axis=1)
    facing = np.clip((to_lamp * normals).sum(axis=1) / length, 0, None)
    falloff = np.clip((np.linalg.norm(lamp) / length) ** 1.4, 0.15, 1.6)
    up = 0.5 + 0.5 * normals[:, 2]
    ambient = lights.sky * up[:, None] + lights.bounce * (1 - up)[:, None]
    return (0.85 * (facing * falloff)[:, None] * lights.key_colour + 1.1 * ambient).astype(np.float32)
