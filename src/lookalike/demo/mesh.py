"""The modelling kit: parts made of four-cornered facets, in metres, x to the right, y away from the viewer, z up.

Things face the viewer (towards negative y) and stand on z = 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from lookalike.demo.textures import Floats, Texture

Ints = npt.NDArray[np.int32]
Point = tuple[float, float, float]
Parts = list["Part"]


@dataclass(frozen=True)
class Paint:
    """What a surface is made of. `gloss` and `metal` run from 0 to 1; `glow` is light of its own."""

    colour: Floats
    gloss: float = 0.1
    metal: float = 0.0
    glow: float = 0.0
    texture: Texture | None = None


@dataclass(frozen=True)
class Part:
    """A surface: corners (v, 3) with outward normals (v, 3) and pattern coordinates (v, 2), facets (q, 4)."""

    corners: Floats = field(repr=False)
    normals: Floats = field(repr=False)
    uv: Floats = field(repr=False)
    facets: Ints = field(repr=False)
    paint: Paint
    two_sided: bool = False

    def move(self, x: float = 0, y: float = 0, z: float = 0) -> "Part":
        """Shift by metres."""
        return replace(self, corners=self.corners + np.array([x, y, z], np.float32))

    def turn(self, *, x: float = 0, y: float = 0, z: float = 0) -> "Part":
        """Turn round the axes through the origin, by degrees, first x, then y, then z."""
        matrix = rotation(x, y, z)
        return replace(self, corners=rotate(self.corners, matrix), normals=rotate(self.normals, matrix))

    def stretch(self, x: float = 1, y: float = 1, z: float = 1) -> "Part":
        """Scale along the axes; the normals follow."""
        factors = np.array([x, y, z], np.float32)
        normals = self.normals / factors
        normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-9
        return replace(self, corners=self.corners * factors, normals=normals)


def rotation(x: float, y: float, z: float) -> Floats:
    """Rotation matrix (3, 3) for degrees round x, then y, then z."""
    cx, cy, cz = np.cos(np.radians([x, y, z]))
    sx, sy, sz = np.sin(np.radians([x, y, z]))
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return rotate(rotate(about_x.T, about_y), about_z).T.astype(np.float32)


def rotate(points: Floats, matrix: Floats) -> Floats:
    """Apply a matrix (3, 3) to each row of points (n, 3); by einsum, for BLAS would start threads for this little."""
    return np.einsum("ij,kj->ik", points, matrix)


def move(parts: Sequence[Part], x: float = 0, y: float = 0, z: float = 0) -> Parts:
    """Shift several parts."""
    return [part.move(x, y, z) for part in parts]


def turn(parts: Sequence[Part], *, x: float = 0, y: float = 0, z: float = 0) -> Parts:
    """Turn several parts round the axes through the origin."""
    return [part.turn(x=x, y=y, z=z) for part in parts]


def stand(parts: Sequence[Part]) -> Parts:
    """Put parts on the floor, centred over the origin."""
    corners = np.concatenate([part.corners for part in parts])
    low, high = corners.min(axis=0), corners.max(axis=0)
    middle = (low + high) / 2
    return move(parts, -float(middle[0]), -float(middle[1]), -float(low[2]))


def box(size: Point, paint: Paint, *, edge: float = 0.01, puff: float = 0.0) -> Part:
    """A box centred on the origin with rounded edges of radius `edge`; `puff` swells its faces like a cushion's."""
    half = np.array(size, np.float32) / 2
    radius = float(min(edge, half.min() * 0.999))
    pieces = [_box_face(half, radius, puff, axis, sign) for axis in range(3) for sign in (-1, 1)]
    counts = np.cumsum([0] + [len(piece[0]) for piece in pieces[:-1]])
    facets = np.concatenate([piece[3] + start for piece, start in zip(pieces, counts, strict=True)])
    corners = np.concatenate([piece[0] for piece in pieces])
    normals = np.concatenate([piece[1] for piece in pieces])
    uv = np.concatenate([piece[2] for piece in pieces])
    return Part(corners, normals, uv, facets.astype(np.int32), paint)


def _box_face(half: Floats, radius: float, puff: float, axis: int, sign: int) -> tuple[Floats, Floats, Floats, Ints]:
    first, second = [other for other in range(3) if other != axis]
    a, b = np.meshgrid(_knots(half[first], radius, puff), _knots(half[second], radius, puff), indexing="ij")
    points = np.empty((a.size, 3), np.float32)
    points[:, first], points[:, second], points[:, axis] = a.ravel(), b.ravel(), sign * half[axis]
    inner = np.clip(points, -(half - radius), half - radius)
    normals = points - inner if radius > 0 else np.zeros_like(points)
    normals[:, axis] += sign * 1e-6
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    corners = inner + radius * normals
    if puff:
        x, y = points[:, first] / half[first], points[:, second] / half[second]
        corners[:, axis] += sign * puff * (1 - x**2) * (1 - y**2)
        normals[:, first] += puff * 2 * x / half[first]
        normals[:, second] += puff * 2 * y / half[second]
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return corners.astype(np.float32), normals.astype(np.float32), _pair(points, axis), grid_facets(*a.shape)


def _pair(points: Floats, axis: int) -> Floats:
    """Pattern coordinates of a face: v runs up where there is an up."""
    first, second = {0: (1, 2), 1: (0, 2), 2: (0, 1)}[axis]
    return np.ascontiguousarray(points[:, [first, second]])


def _knots(half: float, radius: float, puff: float) -> Floats:
    edge = np.array([half, half - 0.3 * radius, half - 0.65 * radius, half - radius])
    ends = np.unique(np.round(edge, 6))
    middle = np.linspace(-1, 1, 7)[1:-1] * (half - radius) if puff else np.linspace(-1, 1, 4)[1:-1] * (half - radius)
    return np.unique(np.concatenate([-ends, middle, ends])).astype(np.float32)


def grid_facets(rows: int, columns: int) -> Ints:
    """Facets of a grid of corners in row order."""
    index = np.arange(rows * columns).reshape(rows, columns)
    corners = [index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]]
    return np.stack(corners, axis=-1).reshape(-1, 4).astype(np.int32)


def panel(width: float, height: float, paint: Paint, *, cells: int = 2) -> Part:
    """A flat upright rectangle facing the viewer, centred on the origin; patterns count from its middle."""
    x, z = np.meshgrid(np.linspace(-0.5, 0.5, cells + 1) * width, np.linspace(-0.5, 0.5, cells + 1) * height)
    corners = np.stack([x.ravel(), np.zeros(x.size), z.ravel()], axis=1).astype(np.float32)
    normals = np.tile(np.array([0, -1, 0], np.float32), (len(corners), 1))
    return Part(corners, normals, corners[:, [0, 2]].copy(), grid_facets(*x.shape), paint, two_sided=True)


def loft(
    path: npt.ArrayLike,
    radii: npt.ArrayLike,
    paint: Paint,
    *,
    sides: int = 20,
    power: float = 2.0,
    closed: bool = True,
) -> Part:
    """Sweep a ring along a path: legs, cables, bottles, bodies.

    Parameters
    ----------
    path : array of shape (n, 3)
        The middle of each ring.
    radii : array of shape (n,) or (n, 2)
        Half the width and half the depth of each ring. For an upright path these are along x and y.
    sides : int
        Corners per ring.
    power : float
        2 is an ellipse; 4 and more, a rounded rectangle.
    closed : bool
        Whether the ends get a flat lid.
    """
    middle = np.asarray(path, np.float64)
    sizes = np.asarray(radii, np.float64)
    if sizes.ndim == 1:
        sizes = np.stack([sizes, sizes], axis=1)
    sizes = np.maximum(sizes, 1e-4)
    side, front = _frames(middle)
    angle = np.linspace(0, 2 * np.pi, sides + 1)
    cos, sin = np.cos(angle), np.sin(angle)
    a, b = np.sign(cos) * np.abs(cos) ** (2 / power), np.sign(sin) * np.abs(sin) ** (2 / power)
    offset = (sizes[:, :1] * a)[..., None] * side[:, None] + (sizes[:, 1:] * b)[..., None] * front[:, None]
    rings = middle[:, None] + offset
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(middle, axis=0), axis=1))])
    round_ = np.linspace(0, 1, sides + 1) * 2 * np.pi * sizes.max()
    uv = np.stack(np.broadcast_arrays(round_[None, :], along[:, None]), axis=-1)
    body = Part(
        rings.reshape(-1, 3).astype(np.float32),
        _ring_normals(rings, middle).reshape(-1, 3).astype(np.float32),
        uv.reshape(-1, 2).astype(np.float32),
        grid_facets(len(middle), sides + 1),
        paint,
    )
    if not closed:
        return replace(body, two_sided=True)
    return join([body, _lid(rings[0], middle[0] - middle[1], paint), _lid(rings[-1], middle[-1] - middle[-2], paint)])


def _frames(middle: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """For each point of a path two unit vectors across it: to the side and to the front."""
    tangent = np.gradient(middle, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-12
    overall = np.abs(middle[-1] - middle[0]) + np.ptp(middle, axis=0)
    # Across the plane that the path lies in, so that the frame neither spins nor flips on the way.
    thin = int(np.argmin(overall)) if overall[1] > 1e-9 else 1
    reference = np.eye(3)[thin]
    side = np.cross(reference, tangent)
    side /= np.linalg.norm(side, axis=1, keepdims=True) + 1e-12
    return side, np.cross(tangent, side)


def _ring_normals(rings: npt.NDArray[np.float64], middle: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    around = np.roll(rings[:, :-1], -1, axis=1) - np.roll(rings[:, :-1], 1, axis=1)
    around = np.concatenate([around, around[:, :1]], axis=1)
    along = np.gradient(rings, axis=0) if len(rings) > 2 else np.repeat((rings[1:] - rings[:1]), 2, axis=0)
    normals = np.cross(around, along)
    length = np.linalg.norm(normals, axis=2, keepdims=True)
    outward = rings - middle[:, None]
    normals = np.where(length > 1e-12, normals / np.maximum(length, 1e-12), 0)
    flip = np.sign((normals * outward).sum())
    return normals * (flip or 1.0)


def _lid(ring: npt.NDArray[np.float64], outward: npt.NDArray[np.float64], paint: Paint) -> Part:
    centre = ring[:-1].mean(axis=0)
    corners = np.stack([ring, centre + 0.5 * (ring - centre), np.broadcast_to(centre, ring.shape)])
    normal = outward / (np.linalg.norm(outward) + 1e-12)
    flat = corners.reshape(-1, 3).astype(np.float32)
    keep = [axis for axis in range(3) if axis != int(np.argmax(np.abs(normal)))]
    normals = np.tile(normal.astype(np.float32), (len(flat), 1))
    return Part(flat, normals, flat[:, keep].copy(), grid_facets(3, len(ring)), paint)


def join(parts: Sequence[Part]) -> Part:
    """Make one part of several of one paint; they are painted back to front among themselves."""
    starts = np.cumsum([0] + [len(part.corners) for part in parts[:-1]])
    facets = np.concatenate([part.facets + start for part, start in zip(parts, starts, strict=True)])
    corners, normals = (np.concatenate([getattr(part, name) for part in parts]) for name in ("corners", "normals"))
    uv = np.concatenate([part.uv for part in parts])
    return Part(corners, normals, uv, facets.astype(np.int32), parts[0].paint, any(part.two_sided for part in parts))


def lathe(
    profile: Sequence[tuple[float, float]], paint: Paint, *, sides: int = 32, smooth: int = 0, closed: bool = True
) -> Part:
    """Turn a profile of (radius, height) pairs round the z axis: pots, bottles, lamps; `smooth` rings round it off."""
    if smooth:
        profile = [(float(x), float(z)) for x, _, z in curve([(x, 0.0, z) for x, z in profile], count=smooth)]
    heights = np.array([height for _, height in profile], np.float64)
    steps = np.maximum.accumulate(heights + np.arange(len(heights)) * 1e-6)
    path = np.stack([np.zeros(len(steps)), np.zeros(len(steps)), steps], axis=1)
    return loft(path, [radius for radius, _ in profile], paint, sides=sides, closed=closed)


def ball(radius: float | Point, paint: Paint, *, sides: int = 24) -> Part:
    """An ellipsoid centred on the origin."""
    x, y, z = (radius, radius, radius) if isinstance(radius, float | int) else radius
    angle = np.linspace(-np.pi / 2, np.pi / 2, sides // 2 + 1)
    path = np.stack([np.zeros_like(angle), np.zeros_like(angle), np.sin(angle)], axis=1)
    return loft(path, np.cos(angle), paint, sides=sides).stretch(x, y, z)


def rod(start: Point, end: Point, radius: float | tuple[float, float], paint: Paint, *, sides: int = 12) -> Part:
    """A straight rod, round; two radii make it taper."""
    first, last = radius if isinstance(radius, tuple) else (radius, radius)
    share = np.linspace(0, 1, 5)[:, None]
    path = (1 - share) * np.array(start) + share * np.array(end)
    return loft(path, (1 - share[:, 0]) * first + share[:, 0] * last, paint, sides=sides)


def hoop(radius: float, thickness: float, paint: Paint, *, arc: float = 360, sides: int = 40) -> Part:
    """A ring lying in the x–z plane, centred on the origin; `arc` degrees of it, counted from +x upward."""
    angle = np.radians(np.linspace(0, arc, sides + 1))
    path = np.stack([np.cos(angle) * radius, np.zeros_like(angle), np.sin(angle) * radius], axis=1)
    return loft(path, np.full(len(path), thickness), paint, sides=10)


def curve(points: Sequence[Point], *, count: int = 24) -> npt.NDArray[np.float64]:
    """A smooth path through points (Catmull-Rom), `count` rings long."""
    knots = np.array([points[0], *points, points[-1]], np.float64)
    place = np.linspace(0, len(points) - 1 - 1e-9, count)
    index = place.astype(int)
    t = (place - index)[:, None]
    before, first, second, after = (knots[index + shift] for shift in range(4))
    return 0.5 * (
        2 * first
        + (second - before) * t
        + (2 * before - 5 * first + 4 * second - after) * t**2
        + (3 * first - 3 * second + after - before) * t**3
    )
