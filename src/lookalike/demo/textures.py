"""Surface patterns: functions from surface coordinates in metres to linear light, and the colours they are made of.

Colours are linear (the square of the screen value, a gamma of 2), so that light may be added and averaged.
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
"""Picture and mesh data: float32 where there is much of it."""
Texture = Callable[[Floats, Floats], Floats]
"""(u, v) in metres, each of shape (n,), to linear RGB of shape (n, 3)."""
_TILE = 256


def rgb(code: str) -> Floats:
    """Read `#rrggbb` as linear light: float32 array of shape (3,)."""
    values = [int(code[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    return np.array(values, np.float32) ** 2


def mix(first: Floats, second: Floats, share: float) -> Floats:
    """Blend two colours; `share` is that of the second."""
    return ((1 - share) * first + share * second).astype(np.float32)


class Noise:
    """Smooth seeded noise that repeats every 256 cells: a picture made once and looked up often."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        total = np.zeros((_TILE, _TILE), np.float64)
        for cells, weight in ((8, 0.4), (16, 0.4), (32, 0.5), (64, 0.6), (128, 0.6), (256, 0.5)):
            lattice = rng.standard_normal((cells, cells))
            total += weight * _stretch(_stretch(lattice, 0), 1)
        self._tile = (total / total.std()).astype(np.float32)

    def __call__(self, u: Floats, v: Floats) -> Floats:
        """Look the noise up between its cells: mean 0, deviation nearly 1; one cell is one unit of u and v."""
        left, top = np.floor(u), np.floor(v)
        right, down = u - left, v - top
        columns, rows = left.astype(np.int32) & (_TILE - 1), top.astype(np.int32) & (_TILE - 1)
        later, below = (columns + 1) & (_TILE - 1), (rows + 1) & (_TILE - 1)
        tile, rows, below = self._tile.ravel(), rows * _TILE, below * _TILE
        upper = tile[rows + columns] * (1 - right) + tile[rows + later] * right
        lower = tile[below + columns] * (1 - right) + tile[below + later] * right
        return upper * (1 - down) + lower * down


def _stretch(lattice: npt.NDArray[np.float64], axis: int) -> npt.NDArray[np.float64]:
    """Bring one axis to 256 cells by linear interpolation, round the edge."""
    cells = lattice.shape[axis]
    place = np.arange(_TILE) * cells / _TILE
    low = np.floor(place).astype(int)
    share = place - low
    share = share[:, None] if axis == 0 else share[None, :]
    first = np.take(lattice, low % cells, axis)
    return first * (1 - share) + np.take(lattice, (low + 1) % cells, axis) * share


def _shade(colour: Floats, factor: Floats) -> Floats:
    return colour[None, :] * np.clip(factor, 0.1, 3)[:, None]


def _choose(where: npt.NDArray[np.bool_], yes: Floats, no: Floats) -> Floats:
    return np.where(where[:, None], yes[None, :], no[None, :]).astype(np.float32)


def wood(colour: Floats, noise: Noise, *, across: float = 0.0, strength: float = 0.16) -> Texture:
    """Wood with its grain along v; `across` moves to another piece of the plank."""

    def texture(u: Floats, v: Floats) -> Floats:
        slow = noise(u * 90 + across * 97, v * 9 + across * 31)
        fine = noise(u * 520 + across * 13, v * 22)
        return _shade(colour, 1 + strength * slow + 0.5 * strength * fine)

    return texture


def planks(colour: Floats, noise: Noise, *, width: float = 0.14, length: float = 1.1) -> Texture:
    """Floorboards, each a little different, with dark joints."""

    def texture(u: Floats, v: Floats) -> Floats:
        row = np.floor(u / width)
        shifted = v + np.mod(row * 0.37, 1) * length
        board = np.floor(shifted / length)
        tone = noise(row * 17 + 3, board * 29 + 7)
        grain = noise(u * 160 + row * 41, v * 11 + board * 53)
        joint = (np.mod(u, width) < 0.004) | (np.mod(shifted, length) < 0.004)
        return _shade(colour, (1 + 0.13 * tone + 0.1 * grain) * np.where(joint, 0.45, 1.0).astype(np.float32))

    return texture


def tiles(colour: Floats, grout: Floats, noise: Noise, *, size: float = 0.3, checker: Floats | None = None) -> Texture:
    """Square tiles with grout, in one colour or two."""

    def texture(u: Floats, v: Floats) -> Floats:
        column, row = np.floor(u / size), np.floor(v / size)
        face = np.broadcast_to(colour, (len(u), 3))
        if checker is not None:
            face = _choose(np.mod(column + row, 2) < 1, colour, checker)
        tone = 1 + 0.05 * noise(column * 13 + 1, row * 7 + 5) + 0.03 * noise(u * 60, v * 60)
        line = (np.mod(u, size) < 0.012 * size / 0.3) | (np.mod(v, size) < 0.012 * size / 0.3)
        return np.where(line[:, None], grout[None, :], face * tone[:, None]).astype(np.float32)

    return texture


def bricks(colour: Floats, mortar: Floats, noise: Noise) -> Texture:
    """A brick wall, u along it and v up."""

    def texture(u: Floats, v: Floats) -> Floats:
        row = np.floor(v / 0.075)
        shifted = u + np.mod(row, 2) * 0.11
        column = np.floor(shifted / 0.22)
        tone = 1 + 0.2 * noise(column * 11 + 2, row * 23) + 0.12 * noise(u * 150, v * 150)
        line = (np.mod(shifted, 0.22) < 0.011) | (np.mod(v, 0.075) < 0.011)
        return np.where(line[:, None], mortar[None, :], _shade(colour, tone)).astype(np.float32)

    return texture


def grain(colour: Floats, noise: Noise, *, scale: float = 120.0, strength: float = 0.1) -> Texture:
    """Plaster, carpet, felt, sand, grass: one colour with noise of `scale` cells per metre."""

    def texture(u: Floats, v: Floats) -> Floats:
        return _shade(colour, 1 + strength * (noise(u * scale, v * scale) + 0.6 * noise(u * scale / 9, v * scale / 9)))

    return texture


def weave(colour: Floats, noise: Noise, *, scale: float = 260.0) -> Texture:
    """Woven cloth: crossed threads with a melange of tones."""

    def texture(u: Floats, v: Floats) -> Floats:
        threads = noise(u * scale, v * 20) + noise(u * 20, v * scale)
        return _shade(colour, 1 + 0.07 * threads + 0.05 * noise(u * 25, v * 25))

    return texture


def marble(colour: Floats, vein: Floats, noise: Noise) -> Texture:
    """Polished stone with soft veins."""

    def texture(u: Floats, v: Floats) -> Floats:
        wave = np.abs(np.sin((u * 2.1 + v * 1.3) * 4 + 1.1 * noise(u * 300, v * 300)))
        share = np.exp(-wave * 9).astype(np.float32) * 0.55
        return (colour[None, :] * (1 - share[:, None]) + vein[None, :] * share[:, None]).astype(np.float32)

    return texture


def stripes(first: Floats, second: Floats, *, width: float, share: float = 0.5, along: bool = False) -> Texture:
    """Stripes of two colours, `width` metres from one to the next; `along` turns them by a right angle."""

    def texture(u: Floats, v: Floats) -> Floats:
        return _choose(np.mod((u if along else v) / width, 1) < share, first, second)

    return texture


def checks(first: Floats, second: Floats, *, width: float) -> Texture:
    """Gingham: two crossing sets of half-strength stripes."""

    def texture(u: Floats, v: Floats) -> Floats:
        amount = 0.5 * (np.mod(u / width, 1) < 0.5) + 0.5 * (np.mod(v / width, 1) < 0.5)
        return (first[None, :] * amount[:, None] + second[None, :] * (1 - amount[:, None])).astype(np.float32)

    return texture


def dots(ground: Floats, spot: Floats, *, width: float, radius: float = 0.27) -> Texture:
    """Polka dots in a staggered grid; the radius is in units of the spacing."""

    def texture(u: Floats, v: Floats) -> Floats:
        row = np.floor(v / width)
        x = np.mod(u / width + 0.5 * np.mod(row, 2), 1) - 0.5
        y = np.mod(v / width, 1) - 0.5
        return _choose(x * x + y * y < radius * radius, spot, ground)

    return texture


def blossoms(ground: Floats, petals: Sequence[Floats], *, width: float) -> Texture:
    """A small floral print: five-petalled flowers, staggered, in turn of several colours."""

    def texture(u: Floats, v: Floats) -> Floats:
        row = np.floor(v / width)
        shifted = u / width + 0.5 * np.mod(row, 2)
        x, y = np.mod(shifted, 1) - 0.5, np.mod(v / width, 1) - 0.5
        distance, angle = np.hypot(x, y), np.arctan2(y, x) + row
        inside = distance < 0.26 + 0.1 * np.cos(5 * angle)
        turn = np.mod(np.floor(shifted) + 2 * row, len(petals)).astype(int)
        flower = np.where(distance[:, None] < 0.09, ground[None, :], np.stack(petals)[turn])
        return np.where(inside[:, None], flower, ground[None, :]).astype(np.float32)

    return texture


def bordered(inner: Texture, borders: Sequence[tuple[float, Floats]], *, half: tuple[float, float]) -> Texture:
    """A field with frames round it: each border reaches `depth` metres in from the edge, outermost first."""

    def texture(u: Floats, v: Floats) -> Floats:
        result = inner(u, v)
        edge = np.minimum(half[0] - np.abs(u), half[1] - np.abs(v))
        for depth, colour in reversed(borders):
            result = np.where((edge < depth)[:, None], colour[None, :], result)
        return result.astype(np.float32)

    return texture


def artwork(colours: Sequence[Floats], rng: np.random.Generator, *, half: tuple[float, float]) -> Texture:
    """An abstract picture (cover, canvas, screen) on a panel: a sky of two colours, discs, bands and hills."""
    sky, ground, *rest = colours
    accents = rest or [ground]
    kinds = rng.integers(0, 3, 4)
    places = rng.uniform(-0.7, 0.7, (4, 2))
    sizes = rng.uniform(0.12, 0.5, 4)
    phase = float(rng.uniform(0, 6))

    def texture(u: Floats, v: Floats) -> Floats:
        x, y = u / half[0], v / half[1]
        share = np.clip(0.5 + 0.5 * y, 0, 1)[:, None]
        result = ground[None, :] * (1 - share) + sky[None, :] * share
        for turn, (kind, place, size) in enumerate(zip(kinds, places, sizes, strict=True)):
            if kind == 0:
                where = (u - place[0] * half[0]) ** 2 + (v - place[1] * half[1]) ** 2 < (size * min(half)) ** 2
            elif kind == 1:
                where = np.abs(x * 0.5 + y - place[1]) < size * 0.25
            else:
                where = y < place[1] * 0.6 - 0.3 + 0.15 * np.sin(3 * x + phase + turn)
            result = np.where(where[:, None], accents[turn % len(accents)][None, :], result)
        return result.astype(np.float32)

    return texture
