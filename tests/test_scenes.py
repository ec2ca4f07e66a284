"""The second family of distortions: seeded, within its bounds, and what it says it is."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PillowImage

from lookalike.evaluate.distortions import MAX_SIDE_PX
from lookalike.evaluate.scenes import JPEG_QUALITY, Scene, draw_scene, perspective, stage_scene

STRAIGHT = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


@given(st.text(max_size=20), st.integers(0, 2**31))
@settings(deadline=None)
def test_scenes_stay_within_their_bounds(image_id: str, seed: int) -> None:
    how = draw_scene(image_id, seed=seed)
    for (x, y), (home_x, home_y) in zip(how.corners, STRAIGHT, strict=True):
        assert abs(x - home_x) <= 0.15
        assert abs(y - home_y) <= 0.15
        assert 0 <= x <= 1
        assert 0 <= y <= 1
    assert 0.35 <= how.area <= 0.70
    assert 8 <= how.grain_px <= 64
    assert how == draw_scene(image_id, seed=seed)


def test_scenes_use_the_whole_of_their_bounds() -> None:
    """The strengths are fixed: docs/metrics.md names these numbers."""
    drawn = [draw_scene(f"photo {number}", seed=0) for number in range(400)]
    shifts = [abs(x - home) for how in drawn for (x, _), (home, _) in zip(how.corners, STRAIGHT, strict=True)]
    assert max(shifts) > 0.148
    assert min(how.area for how in drawn) < 0.36
    assert max(how.area for how in drawn) > 0.69
    assert {8, 64} <= {how.grain_px for how in drawn}
    assert (MAX_SIDE_PX, JPEG_QUALITY) == (640, 60)


def test_photos_and_seeds_have_scenes_of_their_own() -> None:
    assert len({draw_scene(name, seed=seed) for name in "abc" for seed in (0, 1)}) == 6


points = st.tuples(st.floats(0, 20), st.floats(0, 20))


@given(st.tuples(points, points, points, points))
@settings(deadline=None)
def test_the_transform_fetches_each_corner_from_its_source(moved: tuple[tuple[float, float], ...]) -> None:
    sources = [(0.0, 0.0), (100.0, 0.0), (100.0, 80.0), (0.0, 80.0)]
    targets = [
        (x + dx * (1 if x == 0 else -1), y + dy * (1 if y == 0 else -1))
        for (x, y), (dx, dy) in zip(sources, moved, strict=True)
    ]
    a, b, c, d, e, f, g, h = perspective(targets, sources)
    for (x, y), wanted in zip(targets, sources, strict=True):
        below = g * x + h * y + 1
        assert ((a * x + b * y + c) / below, (d * x + e * y + f) / below) == pytest.approx(wanted, abs=1e-6)


def _red() -> PillowImage.Image:
    return PillowImage.new("RGB", (200, 100), (250, 0, 0))


def test_the_photo_lies_whole_where_it_was_put_and_the_rest_is_background() -> None:
    how = Scene(STRAIGHT, 0.5, 0.0, 1.0, 16, 3)
    scene = np.asarray(PillowImage.open(io.BytesIO(stage_scene(_red(), how))).convert("RGB")).astype(int)
    height, width = scene.shape[:2]
    assert 200 * 100 / (width * height) == pytest.approx(0.5, abs=0.02)
    red = (scene[..., 0] > 200) & (scene[..., 1] < 60)
    assert red[height - 90 : height - 10, 10:190].all()  # at the left bottom
    assert red.sum() == pytest.approx(200 * 100, rel=0.12)  # JPEG blurs colour over the edges


def test_corners_that_move_in_leave_less_of_the_photo() -> None:
    moved = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9))
    shares = []
    for corners in (STRAIGHT, moved):
        scene = np.asarray(PillowImage.open(io.BytesIO(stage_scene(_red(), Scene(corners, 0.5, 0.5, 0.5, 16, 3)))))
        shares.append(((scene[..., 0] > 200) & (scene[..., 1] < 60)).mean())
    assert shares[1] / shares[0] == pytest.approx(0.64, abs=0.06)


@pytest.mark.parametrize("size", [(1, 1), (3, 700), (2000, 1500)])
def test_tiny_thin_and_large_photos_survive(size: tuple[int, int]) -> None:
    data = stage_scene(PillowImage.new("RGB", size, (9, 99, 200)), draw_scene("x", seed=0))
    with PillowImage.open(io.BytesIO(data)) as opened:
        assert max(opened.size) < 1300


def test_the_photo_itself_is_left_alone() -> None:
    photo = _red()
    before = photo.tobytes()
    stage_scene(photo, draw_scene("x", seed=0))
    assert photo.tobytes() == before
