"""Views: seeded, beside the right ids, and another look at each photo."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from drawn_shop import GridEncoder
from small_shop import draw_shop

from lookalike import catalogue as catalogues
from lookalike import images, splits
from lookalike.errors import ArtifactError
from lookalike.splits import read_split
from lookalike.types import UInt8Array
from lookalike.views import Views, ViewsConfig, load_views, make_views, several, view


@dataclass(frozen=True)
class Drawn:
    catalogue: Path
    split: Path
    photos: Path


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    folder = tmp_path_factory.mktemp("views")
    photos = draw_shop(folder / "shop")
    catalogues.ingest(catalogues.load_source_config(photos), folder / "catalogue")
    splits.split(folder / "catalogue", folder / "split")
    return Drawn(folder / "catalogue", folder / "split", photos)


def made(drawn: Drawn, out: Path, config: ViewsConfig, encoder: object = None) -> Views:
    make_views(drawn.catalogue, drawn.split, encoder or GridEncoder(), out, config)  # pyright: ignore
    return load_views(out)


def parts(drawn: Drawn) -> dict[str, str]:
    rows = read_split(drawn.split)
    return dict(zip(rows["image_id"].to_list(), rows["split"].to_list(), strict=True))


def test_each_part_is_sampled_from_itself(drawn: Drawn, tmp_path: Path) -> None:
    found = made(drawn, tmp_path / "views", ViewsConfig(train=7, validation=3, views=4, validation_views=2))
    assert found.train.shape == (7, 4, 48)
    assert found.validation.shape == (3, 2, 48)
    part = parts(drawn)
    assert {part[one] for one in found.train_ids} == {"train"}
    assert {part[one] for one in found.validation_ids} == {"validation"}


def test_more_than_there_is_takes_all_there_is(drawn: Drawn, tmp_path: Path) -> None:
    found = made(drawn, tmp_path / "views", ViewsConfig(train=10_000, validation=10_000))
    part = parts(drawn)
    assert sorted(found.train_ids) == sorted(one for one, name in part.items() if name == "train")
    assert sorted(found.validation_ids) == sorted(one for one, name in part.items() if name == "validation")


def test_views_differ_from_each_other_and_stay_near_their_photo(drawn: Drawn, tmp_path: Path) -> None:
    found = made(drawn, tmp_path / "views", ViewsConfig(train=24, views=3))
    encoder = GridEncoder()
    read = catalogues.read(drawn.catalogue)
    path = dict(zip(read.images["image_id"], read.images["path"], strict=True))
    own = np.concatenate(
        [
            encoder.encode(images.prepare((drawn.photos / path[i]).read_bytes(), encoder.card)[None])
            for i in found.train_ids
        ]
    )
    first = found.train[:, 0].astype(np.float32)
    assert (np.abs(first - found.train[:, 1]).max(axis=1) > 0.01).all()
    distances = np.linalg.norm(first[:, None] - own[None], axis=2)
    assert np.mean(distances.argsort(axis=1).argsort(axis=1).diagonal()) < 6  # of 24: a random order gives 11.5


def test_the_same_seed_gives_the_same_views(drawn: Drawn, tmp_path: Path) -> None:
    one, other, third = (
        made(drawn, tmp_path / str(n), ViewsConfig(train=5, seed=seed)) for n, seed in enumerate((0, 0, 1))
    )
    np.testing.assert_array_equal(one.train, other.train)
    assert one.train_ids == other.train_ids
    assert one.train_ids != third.train_ids or not np.array_equal(one.train, third.train)


@dataclass(frozen=True)
class _Counting(GridEncoder):
    seen: list[int] = field(default_factory=list)

    def encode(self, images: UInt8Array) -> np.ndarray:
        self.seen.append(len(images))
        return super().encode(images)


def test_what_is_there_is_not_made_again(drawn: Drawn, tmp_path: Path) -> None:
    encoder = _Counting()
    made(drawn, tmp_path / "views", ViewsConfig(train=5), encoder)
    before = list(encoder.seen)
    assert before
    made(drawn, tmp_path / "views", ViewsConfig(train=5), encoder)
    assert encoder.seen == before


def test_a_photo_that_is_gone_is_left_out_and_shifts_nobody(drawn: Drawn, tmp_path: Path) -> None:
    whole = made(drawn, tmp_path / "whole", ViewsConfig(train=6))
    read = catalogues.read(drawn.catalogue)
    path = dict(zip(read.images["image_id"], read.images["path"], strict=True))
    lost = drawn.photos / path[whole.train_ids[2]]
    data = lost.read_bytes()
    lost.unlink()
    try:
        found = made(drawn, tmp_path / "lost", ViewsConfig(train=6))
    finally:
        lost.write_bytes(data)
    kept = [0, 1, 3, 4, 5]
    assert found.train_ids == tuple(whole.train_ids[place] for place in kept)
    np.testing.assert_array_equal(found.train, whole.train[kept])


def test_damaged_views_are_refused(drawn: Drawn, tmp_path: Path) -> None:
    made(drawn, tmp_path / "views", ViewsConfig(train=5))
    file = (tmp_path / "views" / "views.npz").resolve()
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(ArtifactError, match="cannot be read"):
        load_views(tmp_path / "views")


def test_views_take_turns_in_strength(drawn: Drawn) -> None:
    """A strong view may be turned; a light one never is, so its mean colour stays nearer the photo's."""
    card = GridEncoder().card
    photo = sorted(drawn.photos.rglob("*.jpg"))[0].read_bytes()
    plain = images.prepare(photo, card).mean(axis=(0, 1))
    off = [
        np.mean([np.abs(view(photo, card, n, (seed,)).mean(axis=(0, 1)) - plain).max() for seed in range(30)])
        for n in (0, 1)
    ]
    assert off[0] > off[1]


def test_several_views_are_each_by_itself_of_one_decoding(drawn: Drawn, monkeypatch: pytest.MonkeyPatch) -> None:
    card = GridEncoder().card
    photo = sorted(drawn.photos.rglob("*.jpg"))[1].read_bytes()
    apart = np.stack([view(photo, card, number, (3,)) for number in range(4)])
    decode, calls = images.decode, []
    monkeypatch.setattr(images, "decode", lambda *given, **more: (calls.append(1), decode(*given, **more))[1])
    np.testing.assert_array_equal(several(photo, card, range(4), (3,)), apart)
    assert len(calls) == 1
