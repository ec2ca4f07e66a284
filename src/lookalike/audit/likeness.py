"""Are two photos the same picture? A comparison of detail, after one was laid over the other.

Features say that two photos show alike things; two pairs of black trousers before one wall do so too. The second look
that keeps such pairs out lays the photos over each other and asks whether the edges agree everywhere, not on the whole.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage
from PIL import ImageOps

Float64Array = npt.NDArray[np.float64]

SIDE_PX = 128
"""Longer side of a sketch."""
_COARSE_PX = 48
_SCALES = (1.0, 0.94, 0.885, 0.83, 0.78, 0.735, 0.69)
_FINE = (0.97, 0.98, 0.99, 1.0, 1.01, 1.02, 1.03)
_TRIED = 2
_CELLS = 5
_LEAST_SIDE_PX = 8
_NOISE = 2.0
"""Edges of this energy (squared grey levels a pixel) count half: where both are flat, both agree."""


@dataclass(frozen=True)
class _Edges:
    """Horizontal and vertical gradients of a grey picture, each (height, width)."""

    x: Float64Array
    y: Float64Array

    @property
    def energy(self) -> Float64Array:
        return self.x**2 + self.y**2


@dataclass(frozen=True)
class _Fit:
    """A way to lay one sketch into another: `patch` is brought to `scale` of its size, or to `size` where given."""

    score: float
    ground: PillowImage.Image
    patch: PillowImage.Image
    scale: float
    size: tuple[int, int] | None = None


def sketch(photo: PillowImage.Image) -> PillowImage.Image:
    """Reduce an upright photo to what is compared: grey, longer side 128 pixels."""
    return _resized(photo.convert("L"), SIDE_PX / max(photo.size))


def likeness(first: PillowImage.Image, second: PillowImage.Image) -> float:
    """Say how surely two sketches are of the same picture.

    Parameters
    ----------
    first, second : grey Pillow images, made by `sketch`

    Returns
    -------
    float in [-1, 1]; above 0.7 they are the same picture, whether saved again, resized, relit, mirrored, squeezed, or
    cut down to 69 % of its sides. Turned by more than 2 degrees it is not found.

    Notes
    -----
    The smaller one is moved over the larger one at seven scales, mirrored or not, either way round, where the
    normalised correlation of gradients is highest (by FFT, at 48 pixels); the best two are refined at 128 pixels. Then
    the overlap is cut into 5 x 5 cells, and the lower quartile of the cells' correlations is the answer: a copy agrees
    nearly everywhere, another thing in the same pose only along its outline.

    Source of the correlation: Lewis, Fast Normalized Cross-Correlation, 1995; on gradient vectors, so that light does
    not matter.
    """
    ways = sorted(_coarse_ways(first, second), key=lambda way: -way.score)[:_TRIED]
    if not ways:
        return -1.0
    best, cells = -np.inf, np.full(1, -1.0)
    for way in ways:
        ground = _edges(way.ground)
        for factor in (1.0,) if way.size else _FINE:
            patch = _edges(_fitted(way.patch, min(way.scale * factor, 1.0), way.size))
            score, place = _correlate(ground, patch)
            if score > best:
                best, cells = score, _cells(ground, patch, place)
    return float(np.quantile(cells, 0.25))


def _coarse_ways(first: PillowImage.Image, second: PillowImage.Image) -> Iterator[_Fit]:
    shrink = _COARSE_PX / SIDE_PX
    for ground, other in ((first, second), (second, first)):
        small_ground = _resized(ground, shrink)
        edges = _edges(small_ground)
        for patch in (other, ImageOps.mirror(other)):
            small = _resized(patch, shrink)
            for scale in _SCALES:
                yield _Fit(_correlate(edges, _edges(_resized(small, scale)))[0], ground, patch, scale)
            if ground is first and small.size != small_ground.size:
                squeezed = _edges(_fitted(small, 1.0, small_ground.size))
                yield _Fit(_correlate(edges, squeezed)[0], ground, patch, 1.0, ground.size)


def _correlate(ground: _Edges, patch: _Edges) -> tuple[float, tuple[int, int]]:
    """Return the highest correlation over all places where the patch lies within the ground, and that place."""
    (height, width), (h, w) = ground.x.shape, patch.x.shape
    if h > height or w > width:
        return -1.0, (0, 0)
    shape = (height, width)
    spectrum = np.fft.rfft2(ground.x) * np.conj(np.fft.rfft2(patch.x, shape))
    spectrum += np.fft.rfft2(ground.y) * np.conj(np.fft.rfft2(patch.y, shape))
    products = np.fft.irfft2(spectrum, shape)[: height - h + 1, : width - w + 1]
    sums = np.pad(ground.energy.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    under = sums[h:, w:] - sums[:-h, w:] - sums[h:, :-w] + sums[:-h, :-w]
    scores = products / np.sqrt(np.maximum(under, 1e-6) * (float(patch.energy.sum()) + 1e-6))
    row, column = divmod(int(scores.argmax()), scores.shape[1])
    return float(scores[row, column]), (row, column)


def _cells(ground: _Edges, patch: _Edges, place: tuple[int, int]) -> Float64Array:
    """Correlations within the cells of the overlap, row by row."""
    (h, w), (top, left) = patch.x.shape, place
    window = (slice(top, top + h), slice(left, left + w))
    under = _Edges(ground.x[window], ground.y[window])
    product = _cell_means(under.x * patch.x + under.y * patch.y)
    energies = np.sqrt(_cell_means(under.energy) * _cell_means(patch.energy))
    return (product + _NOISE) / (energies + _NOISE)


def _cell_means(values: Float64Array) -> Float64Array:
    rows = np.linspace(0, values.shape[0], _CELLS + 1).astype(int)
    columns = np.linspace(0, values.shape[1], _CELLS + 1).astype(int)
    sums = np.add.reduceat(np.add.reduceat(values, rows[:-1], axis=0), columns[:-1], axis=1)
    return (sums / np.outer(np.diff(rows), np.diff(columns))).ravel()


def _edges(grey: PillowImage.Image) -> _Edges:
    levels = np.asarray(grey, np.float64)
    return _Edges(np.asarray(np.gradient(levels, axis=1)), np.asarray(np.gradient(levels, axis=0)))


def _resized(image: PillowImage.Image, scale: float) -> PillowImage.Image:
    return _fitted(image, scale, None)


def _fitted(image: PillowImage.Image, scale: float, size: tuple[int, int] | None) -> PillowImage.Image:
    width, height = size or image.size
    wanted = (max(_LEAST_SIDE_PX, round(width * scale)), max(_LEAST_SIDE_PX, round(height * scale)))
    return image if wanted == image.size else image.resize(wanted, PillowImage.Resampling.BILINEAR)
