"""Take a photo of a thing as people do at home: a view, a light, a place, and a phone's small faults."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from lookalike.demo.mesh import Part, rotate, rotation, turn
from lookalike.demo.places import Place, Walls, backdrop, choose_place
from lookalike.demo.render import Camera, Lights, render
from lookalike.demo.textures import Floats, Noise

_SIDES = ((480, 360), (360, 480), (440, 440), (480, 400), (400, 480))
_PITCH = {"floor": (5, 24), "garden": (6, 24), "table": (14, 42), "flat": (48, 84)}


@dataclass(frozen=True)
class Pose:
    """How a kind of thing is photographed: `stage` as for `choose_place`, and how far to either side people walk."""

    stage: str = "table"
    swing: float = 38.0
    front: float = 0.0


def take_photo(parts: Sequence[Part], pose: Pose, rng: np.random.Generator, noise: Noise) -> bytes:
    """Photograph parts that stand at the origin; the same random state gives the same JPEG bytes."""
    large = pose.stage in ("floor", "garden")
    parts = turn(parts, z=float(rng.normal(0, 2 if large else 6)))
    place = choose_place(rng, noise, pose.stage)
    corners = np.concatenate([part.corners for part in parts])
    camera = _camera(corners, pose, rng)
    radius = float(np.linalg.norm(np.ptp(corners, axis=0))) / 2
    lights = _lights(rng, radius, camera, place)
    walls = _walls(rng, corners, pose, radius)
    layer = render(parts, camera, lights)
    background, ground = backdrop(camera, place, walls, lights, layer.alpha > 0.999)
    if pose.stage not in ("floor", "garden"):
        background = _soften(background, ground)
    background *= (1 - ground * _shadow(parts, camera, lights))[..., None]
    return _develop(background * (1 - layer.alpha[..., None]) + layer.colour, rng)


def _camera(corners: Floats, pose: Pose, rng: np.random.Generator) -> Camera:
    """Walk round the thing, aim, and zoom until it fills the frame, near enough."""
    low, high = corners.min(axis=0), corners.max(axis=0)
    middle = (low + high) / 2
    radius = float(np.linalg.norm(high - low)) / 2
    yaw = pose.front + float(np.clip(rng.normal(0, 0.6), -1, 1)) * pose.swing
    pitch = float(rng.uniform(*_PITCH[pose.stage]))
    reach = radius * float(rng.uniform(2.6, 4.2))
    across, up = np.radians(yaw), np.radians(pitch)
    direction = np.array([np.sin(across) * np.cos(up), -np.cos(across) * np.cos(up), np.sin(up)])
    place = middle + reach * direction
    ahead = -direction
    right = np.cross(ahead, [0, 0, 1])
    right /= np.linalg.norm(right)
    axes = np.stack([right, np.cross(ahead, right), ahead])
    roll = rotation(0, 0, float(rng.normal(0, 2.2)))
    axes = rotate(axes.T, roll).T.astype(np.float32)
    camera = Camera(place.astype(np.float32), axes, 1000.0, (0.0, 0.0), (1, 1))
    pixels, _ = camera.project(corners)
    least, most = pixels.min(axis=0), pixels.max(axis=0)
    width, height = _frame((most - least)[0] / (most - least)[1], rng)
    fill = float(rng.choice([rng.uniform(0.62, 0.92), rng.uniform(1.0, 1.25)], p=[0.84, 0.16]))
    focal = 1000 * fill * float(min(width / (most - least)[0], height / (most - least)[1]))
    aim = (least + most) / 2 * focal / 1000
    slack = np.array([width, height]) * rng.uniform(-0.06, 0.06, 2)
    centre = (float(width / 2 - aim[0] + slack[0]), float(height / 2 - aim[1] + slack[1]))
    return Camera(camera.place, axes, focal, centre, (width, height))


def _frame(aspect: float, rng: np.random.Generator) -> tuple[int, int]:
    """Hold the phone upright or across, mostly as the thing's own shape asks for."""
    sides = [side for side in _SIDES if rng.random() < 0.15 or 0.6 < side[0] / side[1] / aspect < 1.7] or [(440, 440)]
    return sides[int(rng.integers(len(sides)))]


def _lights(rng: np.random.Generator, radius: float, camera: Camera, place: Place) -> Lights:
    """One main light from above and one side of the camera, its warmth, and what floor and ceiling give back."""
    yaw = np.arctan2(camera.place[0], -camera.place[1]) + rng.choice([-1, 1]) * np.radians(rng.uniform(15, 75))
    height = np.radians(rng.uniform(35, 68))
    direction = np.array([np.sin(yaw) * np.cos(height), -np.cos(yaw) * np.cos(height), np.sin(height)])
    warmth = float(rng.normal(0, 0.09))
    tint = np.array([1 + warmth, 1 + 0.15 * warmth, 1 - 1.25 * warmth])
    strength = float(rng.uniform(0.8, 1.1))
    sky = np.array([0.98, 1.0, 1.03]) * (1 + 0.4 * (tint - 1)) * rng.uniform(0.42, 0.58)
    bounce = (0.25 + 0.75 * place.ground_colour) * sky * 0.75
    key = direction * radius * rng.uniform(4, 7)
    return Lights(*(value.astype(np.float32) for value in (key, tint * strength, sky, bounce)))


def _walls(rng: np.random.Generator, corners: Floats, pose: Pose, radius: float) -> Walls:
    deep = float(corners[:, 1].max())
    if pose.stage in ("floor", "garden"):
        back = deep + float(rng.uniform(0.08, 0.9)) * max(0.6, radius)
        return Walls(back, float(rng.choice([-1, 1]) * rng.uniform(1.6, 6) * radius), float(rng.normal(0, 5)))
    back = deep + float(rng.uniform(1.2, 4)) * radius + 0.1
    return Walls(back, 60.0, float(rng.normal(0, 12)))


def _soften(background: Floats, ground: Floats) -> Floats:
    """Put the wall behind a small thing out of focus."""
    picture = _encoded(background)
    small = picture.reduce(4).filter(ImageFilter.GaussianBlur(1.2))
    far = np.asarray(small.resize(picture.size, Image.Resampling.BICUBIC), np.float32) / 255
    edge = Image.fromarray((ground * 255).astype(np.uint8)).filter(ImageFilter.BoxBlur(3))
    share = np.asarray(edge, np.float32)[..., None] / 255
    return background * share + far**2 * (1 - share)


def _shadow(parts: Sequence[Part], camera: Camera, lights: Lights) -> Floats:
    """How much light the thing takes from the ground: its outline thrown along the light, blurred, and its contact."""
    width, height = (side // 2 for side in camera.size)
    small = camera.scaled(0.5)
    thrown, contact = Image.new("L", (width, height)), Image.new("L", (width, height))
    cast, touch = ImageDraw.Draw(thrown), ImageDraw.Draw(contact)
    corners = np.concatenate([part.corners for part in parts])
    low = float(np.ptp(corners[:, 2])) * 0.12 + 0.004
    for part in parts:
        ray = lights.key - part.corners
        share = part.corners[:, 2:] / np.maximum(ray[:, 2:], 1e-3)
        _outline(cast, part.corners - ray * share, part, small)
        if part.corners[:, 2].min() < low:
            _outline(touch, part.corners * np.array([1, 1, 0], np.float32), part, small, below=low)
    reach = max(width, height)
    soft = np.asarray(thrown.filter(ImageFilter.GaussianBlur(reach * 0.018)), np.float32)
    broad = (
        thrown.reduce(4).filter(ImageFilter.GaussianBlur(reach * 0.015)).resize(thrown.size, Image.Resampling.BILINEAR)
    )
    wide = np.asarray(broad, np.float32)
    tight = np.asarray(contact.filter(ImageFilter.GaussianBlur(reach * 0.012)), np.float32)
    dark = 1 - (1 - 0.42 * soft / 255) * (1 - 0.3 * wide / 255) * (1 - 0.55 * tight / 255)
    full = Image.fromarray((dark * 255).astype(np.uint8)).resize(camera.size, Image.Resampling.BILINEAR)
    return np.asarray(full, np.float32) / 255


def _outline(
    draw: ImageDraw.ImageDraw, corners: Floats, part: Part, camera: Camera, *, below: float | None = None
) -> None:
    facets = part.facets
    if below is not None:
        facets = facets[part.corners[facets][:, :, 2].min(axis=1) < below]
    elif not part.two_sided:  # the upper half of a closed surface throws the whole shadow
        facets = facets[part.normals[facets][:, :, 2].mean(axis=1) > -0.3]
    pixels, _ = camera.project(corners.astype(np.float32))
    for polygon in pixels[facets].reshape(len(facets), 8).tolist():
        draw.polygon(polygon, fill=255)


def _encoded(linear: Floats) -> Image.Image:
    """Linear light to screen values, with a soft shoulder instead of burnt-out whites."""
    light = np.arange(4096, dtype=np.float32) / 1024
    bright = 0.62 + 0.38 * (1 - np.exp(-(np.maximum(light, 0.62) - 0.62) / 0.38))
    table = (np.sqrt(np.where(light < 0.62, light, bright)) * 255 + 0.5).astype(np.uint8)
    return Image.fromarray(table[np.clip(linear * 1024, 0, 4095).astype(np.uint16)])


def _develop(linear: Floats, rng: np.random.Generator) -> bytes:
    """Exposure, vignette, a slight blur, sensor noise, and JPEG."""
    height, width, _ = linear.shape
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)
    vignette = 1 - float(rng.uniform(0.04, 0.2)) * (x * x + y * y) / 2
    exposed = linear * (float(np.exp(rng.normal(0.04, 0.13))) * vignette[..., None])
    picture = _encoded(exposed).filter(ImageFilter.GaussianBlur(float(rng.uniform(0.35, 0.75))))
    grain = rng.standard_normal((height, width), np.float32)[..., None] * float(rng.uniform(1.2, 4.0))
    values = np.asarray(picture, np.float32)
    noisy = Image.fromarray(np.clip(values + grain, 0, 255).astype(np.uint8))
    file = io.BytesIO()
    noisy.save(file, "JPEG", quality=int(rng.integers(78, 91)))
    return file.getvalue()
