"""Turn parts into a picture: projection, depth-tested facets, light on surfaces, all in linear light."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from lookalike.demo.mesh import Paint, Part, rotate
from lookalike.demo.textures import Floats

_LIGHT, _SHINE, _INVERSE_DEPTH, _U, _V = slice(0, 3), 3, 4, 5, 6
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int32]
_CHUNK = 16384  # pixels shaded at once: what a processor's cache holds


@dataclass(frozen=True)
class Camera:
    """A pinhole camera without lens faults. `focal` and `centre` are in pixels, `size` is (width, height)."""

    place: Floats
    axes: Floats
    focal: float
    centre: tuple[float, float]
    size: tuple[int, int]

    def project(self, points: Floats) -> tuple[Floats, Floats]:
        """Return pixel positions (n, 2) and depths (n,) in metres."""
        seen = rotate(points - self.place, self.axes)
        depth = np.maximum(seen[:, 2], 1e-3)
        pixels = seen[:, :2] * (self.focal / depth)[:, None] + np.array(self.centre, np.float32)
        return pixels.astype(np.float32), depth.astype(np.float32)

    def rays(self) -> Floats:
        """Return the viewing direction of each pixel, (height, width, 3), one metre deep."""
        x = (np.arange(self.size[0], dtype=np.float32) - self.centre[0]) / self.focal
        y = (np.arange(self.size[1], dtype=np.float32) - self.centre[1]) / self.focal
        right, down, ahead = self.axes
        return x[None, :, None] * right + y[:, None, None] * down + ahead

    def scaled(self, factor: float) -> "Camera":
        """Return the same view with `factor` times as many pixels a side."""
        size = (round(self.size[0] * factor), round(self.size[1] * factor))
        shift = (factor - 1) / 2  # pixel centres, not corners, are whole numbers
        centre = (self.centre[0] * factor + shift, self.centre[1] * factor + shift)
        return Camera(self.place, self.axes, self.focal * factor, centre, size)


@dataclass(frozen=True)
class Lights:
    """A lamp or window at `key` (metres), its colour, and the light from above and from the floor."""

    key: Floats
    key_colour: Floats
    sky: Floats
    bounce: Floats


@dataclass(frozen=True)
class Layer:
    """A rendered object: linear RGB (h, w, 3) already multiplied by alpha (h, w)."""

    colour: Floats
    alpha: Floats


def render(parts: Sequence[Part], camera: Camera, lights: Lights, *, samples: int = 2) -> Layer:
    """Draw parts at `samples` times the camera's resolution and average down.

    Hidden surfaces are resolved pixel by pixel between parts, and back to front among the facets of one part.
    """
    fine = camera.scaled(samples)
    width, height = fine.size
    owner = np.full((height, width), -1, np.int32)
    depth = np.zeros((height, width), np.float32)
    planes: list[Floats] = []
    materials: list[Ints] = []
    total = 0
    for number, part in enumerate(parts):
        polygons, coefficients = _visible_facets(part, fine, lights)
        if len(polygons):
            _merge(polygons, coefficients, total, owner, depth)
        planes.append(coefficients)
        materials.append(np.full(len(coefficients), number, np.int32))
        total += len(polygons)
    scene = _Scene(np.concatenate(planes), np.concatenate(materials), [part.paint for part in parts], lights)
    return _resolve(owner, _crevices(depth, samples), scene, samples)


@dataclass(frozen=True)
class _Scene:
    """Everything that colours a covered pixel: attribute planes and material of each facet, paints, lights."""

    planes: Floats
    materials: Ints
    paints: Sequence[Paint]
    lights: Lights


def _resolve(owner: Ints, crevices: Floats, scene: _Scene, samples: int) -> Layer:
    """Shade what is seen: every sample at edges, two inside patterned surfaces, the middle inside plain ones."""
    height, width = (side // samples for side in owner.shape)
    owners = [owner[row::samples, column::samples].ravel() for row in range(samples) for column in range(samples)]
    places = np.flatnonzero(np.maximum.reduce(owners) >= 0)
    alpha = sum((one >= 0).astype(np.float32) for one in owners) / np.float32(len(owners))
    owners = [one[places] for one in owners]
    patterned = np.array([paint.texture is not None for paint in scene.paints])
    surfaces = [np.where(one >= 0, scene.materials[one], -1) for one in owners]
    uniform = np.logical_and.reduce([surface == surfaces[0] for surface in surfaces])
    plain = uniform & ~patterned[surfaces[0]]
    seen = np.zeros((len(places), 3), np.float32)
    middle, last = (samples - 1) / 2, len(owners) - 1
    for start in range(0, len(places), _CHUNK):
        here = slice(start, start + _CHUNK)
        x, y = places[here] % width * samples, places[here] // width * samples
        shade, simple, even = crevices.ravel()[places[here]], plain[here], uniform[here]
        colours = _shade(scene, owners[0][here][simple], x[simple] + middle, y[simple] + middle, shade[simple])
        seen[here][simple] = colours
        for sample, one in enumerate(owners):
            wanted = ~simple & (one[here] >= 0) & (~even | (sample in (0, last)))
            right, down = sample % samples, sample // samples
            colours = _shade(scene, one[here][wanted], x[wanted] + right, y[wanted] + down, shade[wanted])
            seen[here][wanted] += colours / np.where(even[wanted], 2, len(owners)).astype(np.float32)[:, None]
    colour = np.zeros((height * width, 3), np.float32)
    colour[places] = seen
    return Layer(colour.reshape(height, width, 3), alpha.reshape(height, width))


def _average(picture: Floats, samples: int) -> Floats:
    height, width = (side // samples * samples for side in picture.shape[:2])
    total = np.zeros((height // samples, width // samples, *picture.shape[2:]), np.float32)
    for row in range(samples):
        for column in range(samples):
            total += picture[row:height:samples, column:width:samples]
    return total / samples**2


def _visible_facets(part: Part, camera: Camera, lights: Lights) -> tuple[Floats, Floats]:
    """Cull, sort back to front, light the corners: polygons (q, 4, 2) and attribute planes (q, 7, 3)."""
    corners, facets = part.corners, part.facets
    to_eye = camera.place - corners
    to_eye = to_eye / np.linalg.norm(to_eye, axis=1, keepdims=True)
    facing = np.einsum("ij,ij->i", part.normals, to_eye)
    normals = part.normals
    if part.two_sided:
        normals = np.where(facing[:, None] < 0, -normals, normals)
        kept = facets
    else:
        kept = facets[_face_forward(part, camera)]
    pixels, depth = camera.project(corners)
    distance = depth[kept].mean(axis=1)
    kept = kept[np.argsort(-distance, kind="stable")]
    light, shine = _light(corners, normals, to_eye, part.paint, lights)
    inverse = 1 / depth
    attributes = np.concatenate([light, shine[:, None], np.ones_like(inverse)[:, None], part.uv], axis=1)
    polygons = pixels[kept]
    return polygons, _planes(polygons, (attributes * inverse[:, None])[kept])


def _face_forward(part: Part, camera: Camera) -> Bools:
    """Which facets are turned to the camera, by their true geometry; the corner normals only say which side is out."""
    quads = part.corners[part.facets]
    flat = np.cross(quads[:, 2] - quads[:, 0], quads[:, 3] - quads[:, 1])
    outward = part.normals[part.facets].mean(axis=1)
    flat *= np.where(np.einsum("ij,ij->i", flat, outward) < 0, -1, 1)[:, None]
    return np.einsum("ij,ij->i", flat, camera.place - quads.mean(axis=1)) > 0


def _light(corners: Floats, normals: Floats, to_eye: Floats, paint: Paint, lights: Lights) -> tuple[Floats, Floats]:
    """Light falling on each corner (n, 3) and its mirror-like part (n,): Lambert, hemisphere, Blinn-Phong, a window."""
    to_key = lights.key - corners
    distance = np.linalg.norm(to_key, axis=1, keepdims=True)
    to_key = to_key / distance
    falloff = np.clip((np.linalg.norm(lights.key) / distance) ** 2, 0.4, 2.0)
    wrapped = np.clip((np.einsum("ij,ij->i", normals, to_key) + 0.15) / 1.15, 0, None)
    up = 0.5 + 0.5 * normals[:, 2:]
    ambient = lights.sky * up + lights.bounce * (1 - up)
    light = wrapped[:, None] * falloff * lights.key_colour + ambient
    middle = to_key + to_eye
    middle = middle / (np.linalg.norm(middle, axis=1, keepdims=True) + 1e-9)
    facing = np.clip(np.einsum("ij,ij->i", normals, to_eye), 0, 1)
    spot = np.clip(np.einsum("ij,ij->i", normals, middle), 0, 1) ** (6 + 70 * paint.gloss**2)
    mirrored = 2 * facing[:, None] * normals - to_eye
    window = _surroundings(mirrored)
    fresnel = 0.04 + 0.5 * (1 - facing) ** 4
    if paint.metal:
        light = light * (1 - 0.75 * paint.metal)
    shine = paint.gloss * (0.9 * spot + fresnel * window) + paint.metal * 0.8 * window
    return light.astype(np.float32), shine.astype(np.float32)


def _surroundings(direction: Floats) -> Floats:
    """How bright the room is in a direction: dim floor, bright band of windows at the left, light ceiling."""
    height, across = direction[:, 2], direction[:, 0]
    band = np.exp(-(((height - 0.35) / 0.28) ** 2))
    panes = 0.55 + 0.45 * np.cos(5 * np.arctan2(across, -direction[:, 1]) + 1.2)
    return (0.18 + 0.5 * np.clip(height + 0.2, 0, 1) + 0.75 * band * panes).astype(np.float32)


def _planes(polygons: Floats, values: Floats) -> Floats:
    """Fit value = c0 + cx·x + cy·y over each facet by least squares: (q, attributes, 3)."""
    middle = polygons.mean(axis=1, keepdims=True)
    offset = (polygons - middle).astype(np.float64)
    mean = values.mean(axis=1)
    change = values - mean[:, None]
    xx, yy, xy = ((offset[..., a] * offset[..., b]).sum(axis=1) for a, b in ((0, 0), (1, 1), (0, 1)))
    right = np.einsum("qkd,qka->qad", offset, change)
    determinant = xx * yy - xy * xy
    # A facet seen edge-on has no slope worth the name; it keeps its mean.
    good = determinant > 0.15 * np.maximum(xx + yy, 1.0)
    scale = np.where(good, 1 / np.where(good, determinant, 1), 0)[:, None]
    slope_x = (right[..., 0] * yy[:, None] - right[..., 1] * xy[:, None]) * scale
    slope_y = (right[..., 1] * xx[:, None] - right[..., 0] * xy[:, None]) * scale
    start = mean - slope_x * middle[:, 0, :1] - slope_y * middle[:, 0, 1:]
    return np.stack([start, slope_x, slope_y], axis=-1).astype(np.float32)


def _merge(polygons: Floats, planes: Floats, start: int, owner: Ints, depth: Floats) -> None:
    """Draw one part's facets and keep its pixels where they are nearer than what is there."""
    height, width = owner.shape
    low = np.clip(np.floor(polygons.min(axis=(0, 1))).astype(int) - 1, 0, [width, height])
    high = np.clip(np.ceil(polygons.max(axis=(0, 1))).astype(int) + 2, 0, [width, height])
    if (high <= low).any():
        return
    canvas = Image.new("I", (int(high[0] - low[0]), int(high[1] - low[1])), 0)
    draw = ImageDraw.Draw(canvas)
    for number, corners in enumerate((polygons - low).reshape(len(polygons), 8).tolist(), start=1):
        draw.polygon(corners, fill=number)
    drawn = np.asarray(canvas)
    flat = drawn.ravel()
    pixels = np.flatnonzero(flat)
    facet = flat[pixels] - 1
    rows, columns = np.divmod(pixels.astype(np.int32), np.int32(drawn.shape[1]))
    rows, columns = rows + np.int32(low[1]), columns + np.int32(low[0])
    plane = planes[:, _INVERSE_DEPTH][facet]
    inverse = plane[:, 0] + plane[:, 1] * columns.astype(np.float32) + plane[:, 2] * rows.astype(np.float32)
    target = rows * np.int32(width) + columns
    nearer = inverse > depth.ravel()[target]
    target = target[nearer]
    depth.ravel()[target] = inverse[nearer]
    owner.ravel()[target] = facet[nearer] + start


def _crevices(inverse_depth: Floats, samples: int) -> Floats:
    """Darken what lies deeper than its surroundings (Luft, Colditz, Deussen: unsharp masking the depth buffer, 2006).

    One value for each pixel of the finished picture.
    """
    depth = inverse_depth[::samples, ::samples]
    covered = depth > 0
    if not covered.any():
        return np.ones_like(depth)
    floor_level = float(depth[covered].min()) * 0.97
    filled = np.where(covered, depth, floor_level)
    coarse = _average(filled, 2)
    spread = float(filled.max()) - floor_level + 1e-9
    relative = (coarse - floor_level) / spread
    levels = Image.fromarray((relative * 255).astype(np.uint8))
    shade = np.ones_like(coarse)
    for radius, strength in ((3, 3.0), (8, 1.6)):
        blurred = np.asarray(levels.filter(ImageFilter.GaussianBlur(radius)), np.float32) / 255
        shade -= np.clip((blurred - relative - 0.01) * strength, 0, 0.45)
    small = Image.fromarray((np.clip(shade, 0.3, 1) * 255).astype(np.uint8))
    large = small.resize((depth.shape[1], depth.shape[0]), Image.Resampling.BILINEAR)
    return np.asarray(large, np.float32) / 255


def _shade(scene: _Scene, facets: Ints, x: Floats, y: Floats, crevice: Floats) -> Floats:
    """Colour of points (x, y) of the fine picture that belong to `facets`: linear RGB (n, 3)."""
    planes = scene.planes[facets]
    x, y = x.astype(np.float32), y.astype(np.float32)
    values = planes[..., 0] + planes[..., 1] * x[:, None] + planes[..., 2] * y[:, None]
    values /= np.maximum(values[:, _INVERSE_DEPTH : _INVERSE_DEPTH + 1], 1e-6)
    materials = scene.materials[facets]
    paints, lights = scene.paints, scene.lights
    albedo = np.stack([paint.colour for paint in paints])[materials]
    for number in np.unique(materials):
        texture = paints[number].texture
        if texture is not None:
            here = materials == number
            albedo[here] = texture(values[here, _U], values[here, _V])
    metal = np.array([paint.metal for paint in paints], np.float32)[materials][:, None]
    glow = np.array([paint.glow for paint in paints], np.float32)[materials][:, None]
    tint = metal * albedo + (1 - metal) * (0.4 * lights.sky + 0.6 * lights.key_colour)
    lit = albedo * (np.clip(values[:, _LIGHT], 0, None) * crevice[:, None] + glow)
    shine = np.clip(values[:, _SHINE], 0, 1.5) * (0.4 + 0.6 * crevice)
    return lit + shine[:, None] * tint
