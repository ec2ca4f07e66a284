"""The embedding pipeline: right vectors beside right ids, whatever fails and whenever it is stopped."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import numpy as np
import polars as pl
import pytest
from PIL import Image
from waiting import until

from lookalike import catalogue as catalogues
from lookalike import embedding, embeddings, images
from lookalike.embedding import EmbedConfig
from lookalike.errors import ArtifactError

SMALL = EmbedConfig(shard_size=7, threads=2)


@pytest.fixture
def catalogue(shop: Path, tmp_path: Path) -> Path:
    out = tmp_path / "site" / "catalogue"
    out.parent.mkdir()
    catalogues.ingest(catalogues.load_source_config(shop), out)
    return out


def expected(catalogue: Path, encoder) -> dict[str, np.ndarray]:
    """The slow twin: one photo at a time, no shards, no threads."""
    read = catalogues.read(catalogue)
    root = catalogues.photo_root(read)
    return {
        image_id: encoder.encode(images.prepare((root / path).read_bytes(), encoder.card)[None])[0].astype(np.float16)
        for image_id, path in zip(read.images["image_id"], read.images["path"], strict=True)
    }


def test_every_photo_gets_its_own_vector(catalogue: Path, grid_encoder, tmp_path: Path) -> None:
    artifact = embedding.embed(catalogue, grid_encoder, tmp_path / "embeddings", SMALL)
    assert artifact.counts == {"photos": 36, "embedded": 36, "rejected": 0}
    assert artifact.config["precision"] == "fp32"
    read = embeddings.load_embeddings(tmp_path / "embeddings")
    assert read.features.dtype == np.float16
    slow = expected(catalogue, grid_encoder)
    assert set(read.image_ids) == set(slow)
    for image_id, features in zip(read.image_ids, read.features, strict=True):
        np.testing.assert_allclose(features, slow[image_id], atol=2e-3)
    some = list(read.image_ids[5:20:3])
    np.testing.assert_array_equal(read.of(some), np.stack([read.features[read.image_ids.index(i)] for i in some]))
    with pytest.raises(ArtifactError, match="no embedding"):
        read.of(["nobody"])


def test_a_photo_that_fails_is_recorded_and_shifts_nobody(catalogue: Path, grid_encoder, tmp_path: Path) -> None:
    read = catalogues.read(catalogue)
    root = catalogues.photo_root(read)
    slow = expected(catalogue, grid_encoder)
    gone, damaged = read.images["path"][3], read.images["path"][20]
    (root / gone).unlink()
    (root / damaged).write_bytes((root / damaged).read_bytes()[:200])
    seen: list[tuple[int, int]] = []
    artifact = embedding.embed(
        catalogue, grid_encoder, tmp_path / "embeddings", SMALL, progress=lambda *at: seen.append(at)
    )
    assert artifact.counts == {"photos": 36, "embedded": 34, "rejected": 2}
    assert seen[-1] == (36, 36)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    rejects = artifact.rejects()
    assert rejects["stage"].to_list() == ["embed", "embed"]
    assert dict(zip(rejects["id"], rejects["reason"], strict=True)) == {
        read.images["image_id"][3]: "missing",
        read.images["image_id"][20]: "unreadable",  # cut inside its header
    }
    vectors = embeddings.load_embeddings(tmp_path / "embeddings")
    for image_id, features in zip(vectors.image_ids, vectors.features, strict=True):
        np.testing.assert_allclose(features, slow[image_id], atol=2e-3)


KILLED = """
import os, sys
from pathlib import Path
import numpy as np
from lookalike import embedding
from lookalike.types import Preprocess

class Dies:
    name, hash, dim, generic_dim, precision = "grid", "grid-1", 48, 48, "fp32"
    card = Preprocess(16, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    left = int(sys.argv[3])
    def encode(self, images):
        self.left -= 1
        if self.left < 0:
            os.kill(os.getpid(), 9)
        return (images.reshape(-1, 4, 4, 4, 4, 3).mean(axis=(2, 4)) / 255).reshape(-1, 48).astype(np.float32)

embedding.embed(Path(sys.argv[1]), Dies(), Path(sys.argv[2]), embedding.EmbedConfig(shard_size=7, threads=2))
"""


@pytest.mark.parametrize("calls", [0, 2, 4])
def test_a_killed_run_goes_on_with_the_shards_that_are_missing(
    catalogue: Path, grid_encoder, tmp_path: Path, calls: int
) -> None:
    out = tmp_path / "embeddings"
    done = subprocess.run([sys.executable, "-c", KILLED, str(catalogue), str(out), str(calls)], check=False)
    assert done.returncode == -9
    assert not out.exists()
    (partial,) = tmp_path.glob("embeddings.*.partial")
    finished = {file: file.stat().st_mtime_ns for file in partial.glob("*.npy")}
    assert calls - 1 <= len(finished) <= calls  # a shard of seven photos is one call; the last one may be half written
    encoded = 0

    class Counting(type(grid_encoder)):
        def encode(self, images: np.ndarray) -> np.ndarray:
            nonlocal encoded
            encoded += len(images)
            return super().encode(images)

    embedding.embed(catalogue, Counting(), out, SMALL)
    assert encoded == 36 - 7 * len(finished)
    for file, modified in finished.items():
        assert (out / file.name).stat().st_mtime_ns == modified
    slow = expected(catalogue, grid_encoder)
    read = embeddings.load_embeddings(out)
    for image_id, features in zip(read.image_ids, read.features, strict=True):
        np.testing.assert_allclose(features, slow[image_id], atol=2e-3)


def test_a_shard_that_cannot_be_written_stops_the_run(
    catalogue: Path, grid_encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, out = embedding.write_bytes, tmp_path / "embeddings"

    def full(file: Path, data: bytes) -> None:
        if file.name == "shard-00001.npy":
            raise OSError("no space left on device")
        write(file, data)

    monkeypatch.setattr(embedding, "write_bytes", full)
    with pytest.raises(OSError, match="no space left"):
        embedding.embed(catalogue, grid_encoder, out, SMALL)
    assert not out.exists()
    (partial,) = tmp_path.glob("embeddings.*.partial")
    assert [file.name for file in sorted(partial.glob("*.npy"))] == ["shard-00000.npy"]
    monkeypatch.setattr(embedding, "write_bytes", write)
    assert embedding.embed(catalogue, grid_encoder, out, SMALL).counts["embedded"] == 36


def test_decoding_runs_ahead_over_the_ends_of_shards_and_no_further(
    catalogue: Path, grid_encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the first shard is encoded, the next is taken and photos of those after it are decoded, so many ahead."""
    monkeypatch.setattr(embedding, "cores", lambda: 1)
    monkeypatch.setattr(embedding, "_LOOKAHEAD", 16)
    read, started = images.read_bytes, []
    monkeypatch.setattr(images, "read_bytes", lambda file: (started.append(file), read(file))[1])
    ahead: list[int] = []

    class Looking(type(grid_encoder)):
        def encode(self, images: np.ndarray) -> np.ndarray:
            if not ahead:
                until(lambda: len(started) == 13 + 16)
            ahead.append(len(started))
            return super().encode(images)

    embedding.embed(catalogue, Looking(), tmp_path / "embeddings", SMALL)
    assert ahead[0] == 13 + 16  # two shards of seven were taken, and the last one's place is not filled yet
    assert len(started) == 36


def test_two_calls_are_under_way_at_once(catalogue: Path, grid_encoder, tmp_path: Path) -> None:
    both = Barrier(2, timeout=60)

    class Waiting(type(grid_encoder)):
        def encode(self, images: np.ndarray) -> np.ndarray:
            both.wait()
            return super().encode(images)

    artifact = embedding.embed(catalogue, Waiting(), tmp_path / "embeddings", embedding.EmbedConfig(shard_size=6))
    assert artifact.counts["embedded"] == 36


def test_an_up_to_date_artifact_is_not_made_again(catalogue: Path, grid_encoder, tmp_path: Path) -> None:
    first = embedding.embed(catalogue, grid_encoder, tmp_path / "embeddings", SMALL)

    class Other(type(grid_encoder)):
        hash = "grid-2"

        def encode(self, images: np.ndarray) -> np.ndarray:
            return super().encode(images) + 1

    class Never(type(grid_encoder)):
        def encode(self, images: np.ndarray) -> np.ndarray:
            raise AssertionError("nothing has changed")

    assert embedding.embed(catalogue, Never(), tmp_path / "embeddings", SMALL) == first
    assert embedding.embed(catalogue, Other(), tmp_path / "embeddings", SMALL).hash != first.hash


def test_a_shard_whose_ids_do_not_match_is_refused(catalogue: Path, grid_encoder, tmp_path: Path) -> None:
    embedding.embed(catalogue, grid_encoder, tmp_path / "embeddings", SMALL)
    file = tmp_path / "embeddings" / "shard-00001.parquet"
    pl.read_parquet(file).head(3).write_parquet(file)
    with pytest.raises(ArtifactError, match="do not match"):
        embeddings.load_embeddings(tmp_path / "embeddings")


def test_a_damaged_shard_is_a_clear_error(catalogue: Path, grid_encoder, tmp_path: Path) -> None:
    embedding.embed(catalogue, grid_encoder, tmp_path / "embeddings", SMALL)
    file = tmp_path / "embeddings" / "shard-00002.npy"
    file.write_bytes(file.read_bytes()[:50])
    with pytest.raises(ArtifactError, match=r"cannot be read.*embed again"):
        embeddings.load_embeddings(tmp_path / "embeddings")


def test_photos_are_found_in_their_shards() -> None:
    parts = [np.arange(rows * 2, dtype=np.float16).reshape(rows, 2) + 100 * n for n, rows in enumerate((3, 0, 2))]
    read = embeddings.Embeddings(("a", "b", "c", "d", "e"), 2, tuple(parts))
    assert read.of(["e", "a", "d", "c", "e"]).tolist() == [[202, 203], [0, 1], [200, 201], [4, 5], [202, 203]]
    assert read.features.tolist() == [[0, 1], [2, 3], [4, 5], [200, 201], [202, 203]]
    assert read.of([]).shape == (0, 2)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are counted by /proc")
def test_shards_that_are_not_read_take_neither_files_nor_memory(catalogue: Path, grid_encoder, tmp_path: Path) -> None:
    embedding.embed(catalogue, grid_encoder, tmp_path / "embeddings", SMALL)
    before = len(list(Path("/proc/self/fd").iterdir()))
    read = embeddings.load_embeddings(tmp_path / "embeddings")
    assert len(read.shards) > 4
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert not any(isinstance(shard, np.ndarray) for shard in read.shards)
    for file in (tmp_path / "embeddings").glob("shard-*.npy"):
        file.write_bytes(file.read_bytes()[:-5])
    with pytest.raises(ArtifactError, match="cannot be read"):
        read.of(read.image_ids[:1])


def test_exports_are_what_is_stored(catalogue: Path, grid_encoder, tmp_path: Path) -> None:
    embedding.embed(catalogue, grid_encoder, tmp_path / "embeddings", SMALL)
    read = embeddings.load_embeddings(tmp_path / "embeddings")
    as_json = json.loads("".join(embeddings.json_pieces(read)))
    assert list(as_json) == list(read.image_ids)
    np.testing.assert_array_equal(np.array(list(as_json.values()), np.float16), read.features)
    frame = embeddings.to_frame(read)
    assert frame["image_id"].to_list() == list(read.image_ids)
    np.testing.assert_array_equal(frame["features"].to_numpy(), read.features.astype(np.float32))
    nothing = embeddings.Embeddings((), 48, ())
    assert json.loads("".join(embeddings.json_pieces(nothing))) == {}


def test_odd_photos_do_not_stop_the_run(grid_encoder, tmp_path: Path) -> None:
    folder = tmp_path / "shop" / "odd"
    folder.mkdir(parents=True)
    for number, image in enumerate(
        [Image.new("RGB", (1, 1), "red"), Image.new("RGB", (2000, 10), "blue"), Image.new("CMYK", (9, 9))]
    ):
        image.save(folder / f"{number}.jpg")
    Image.fromarray(np.full((5, 5), 40_000, np.uint16)).save(folder / "deep.png")
    Image.new("RGBA", (5, 5)).save(folder / "clear.webp")
    catalogues.ingest(catalogues.load_source_config(tmp_path / "shop"), tmp_path / "catalogue")
    artifact = embedding.embed(tmp_path / "catalogue", grid_encoder, tmp_path / "embeddings", SMALL)
    assert artifact.counts["embedded"] == 5


def test_with_flip_features_are_the_mean_of_both_ways(catalogue: Path, grid_encoder, tmp_path: Path) -> None:
    plain = embedding.embed(catalogue, grid_encoder, tmp_path / "plain", SMALL)
    artifact = embedding.embed(catalogue, grid_encoder, tmp_path / "both", replace(SMALL, flip=True))
    assert artifact.config["flip"] is True
    assert "flip" not in plain.config  # so that embeddings made before there was the switch stay fresh
    assert artifact.hash != plain.hash
    once, both = (embeddings.load_embeddings(tmp_path / name) for name in ("plain", "both"))
    assert both.image_ids == once.image_ids
    grids = once.features.astype(np.float32).reshape(-1, 4, 4, 3)
    np.testing.assert_allclose(both.features.reshape(-1, 4, 4, 3), (grids + grids[:, :, ::-1]) / 2, atol=2e-3)
