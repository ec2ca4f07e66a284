"""The runtime: right features, from any number of threads, or a clear error."""

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from waiting import until

from lookalike import encoder as encoders
from lookalike.encoder import load_encoder
from lookalike.encoder_folder import PRESETS, find_encoder
from lookalike.errors import ArtifactError, EncoderError


@pytest.fixture(scope="module")
def lite0() -> encoders.OpenVinoEncoder:
    return load_encoder("lite0", precision="fp32", requests=4)


def pictures(n: int, size: int, seed: int = 0) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (n, 7, 7, 3), dtype=np.uint8)
    return np.ascontiguousarray(coarse.repeat(-(-size // 7), axis=1).repeat(-(-size // 7), axis=2)[:, :size, :size])


def test_eight_threads_get_the_answers_of_their_own_photos(lite0: encoders.OpenVinoEncoder) -> None:
    """One compiled model called from several threads gave other photos' vectors; the pool must not."""
    photos = pictures(96, lite0.card.size_px)
    serial = np.concatenate([lite0.encode(photos[i : i + 1]) for i in range(len(photos))])
    with ThreadPoolExecutor(8) as pool:
        threaded = np.concatenate(list(pool.map(lambda i: lite0.encode(photos[i : i + 1]), range(len(photos)))))
    np.testing.assert_allclose(threaded, serial, rtol=1e-4, atol=1e-4)
    apart = np.abs(serial[:, None] - serial[None]).max(axis=2) + 1e9 * np.eye(len(serial))
    assert apart.min() > 1e-2  # the photos are distinct enough for a mix-up to show


def compiled_with(
    monkeypatch: pytest.MonkeyPatch, *, cores: int, machine: int | None = None
) -> list[dict[str, object]]:
    """Let encoders find so many cores, of as many that the machine has, and note what they compile networks with."""
    compiled: list[dict[str, object]] = []
    compile_ = encoders._compile  # pyright: ignore
    monkeypatch.setattr(encoders, "cores", lambda: cores)
    monkeypatch.setattr(encoders.os, "cpu_count", lambda: machine or cores)

    def compile_it(*given: Any, photos: int) -> Any:
        compiled.append(given[3])
        return compile_(*given, photos=photos)

    monkeypatch.setattr(encoders, "_compile", compile_it)
    return compiled


def test_a_quota_below_the_cores_is_told_to_the_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = compiled_with(monkeypatch, cores=2, machine=64)
    load_encoder("lite0", precision="fp32")
    assert compiled == [{"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": 2}]


def test_a_lone_photo_has_all_cores_and_of_two_calls_at_once_each_has_half(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = compiled_with(monkeypatch, cores=2)
    encoder = load_encoder("lite0", precision="fp32")
    photos = pictures(3, encoder.card.size_px, seed=4)
    serial = np.concatenate([encoder.encode(photo[None]) for photo in photos])
    assert compiled == [{"PERFORMANCE_HINT": "LATENCY"}]
    both = [encoder._whole.free.get() for _ in range(2)]  # pyright: ignore
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(encoder.encode, photos[:1])  # under way, and waits for a request
        until(lambda: encoder._small == 1)  # pyright: ignore
        try:
            second = pool.submit(encoder.encode, photos[1:2])
            np.testing.assert_allclose(second.result(60)[0], serial[1], rtol=1e-3, atol=1e-3)
            assert not first.done()
        finally:
            for request in both:
                encoder._whole.free.put(request)  # pyright: ignore
        np.testing.assert_allclose(first.result(60)[0], serial[0], rtol=1e-3, atol=1e-3)
    assert compiled[1:] == [{"NUM_STREAMS": 2, "INFERENCE_NUM_THREADS": 2}]


def test_who_is_alone_shortly_after_company_has_a_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next will come soon, and all cores for one beside a stream for the other is slower than two streams."""
    compiled = compiled_with(monkeypatch, cores=2)
    encoder = load_encoder("lite0", precision="fp32")
    photo = pictures(1, encoder.card.size_px, seed=7)
    monkeypatch.setattr(encoders, "_COMPANY_S", 60)
    encoder._small = 1  # pyright: ignore - somebody else's call is under way
    encoder.encode(photo)
    encoder._small = 0  # pyright: ignore
    assert len(compiled) == 2
    with monkeypatch.context() as patched:
        patched.setattr(encoder, "_whole", None)  # not used now
        encoder.encode(photo)
    encoder._company_until = 0.0  # pyright: ignore - a minute later
    monkeypatch.setattr(encoder, "_streams", None)  # not used any more
    encoder.encode(photo)
    assert len(compiled) == 2


def test_a_batch_is_its_photos_one_by_one(lite0: encoders.OpenVinoEncoder) -> None:
    photos = pictures(11, lite0.card.size_px, seed=1)
    one_by_one = np.concatenate([lite0.encode(photos[i : i + 1]) for i in range(len(photos))])
    np.testing.assert_allclose(lite0.encode(photos), one_by_one, rtol=1e-3, atol=1e-3)
    assert lite0.encode(photos[:0]).shape == (0, lite0.dim)


def test_on_one_core_there_is_one_network(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = compiled_with(monkeypatch, cores=1)
    encoder = load_encoder("lite0", precision="fp32")
    photos = pictures(6, encoder.card.size_px, seed=8)
    one_by_one = np.concatenate([encoder.encode(photo[None]) for photo in photos])
    with ThreadPoolExecutor(3) as pool:
        both = list(pool.map(encoder.encode, [photos, photos[:2], photos[2:]]))
    np.testing.assert_allclose(np.concatenate(both), np.concatenate([one_by_one] * 2), rtol=1e-3, atol=1e-3)
    assert len(compiled) == 1


def test_streams_may_take_several_photos_in_one_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoders, "_STREAM_PHOTOS", {"fp32": 4})  # as in bf16, which not every processor has
    encoder = load_encoder("lite0", precision="fp32")
    photos = pictures(11, encoder.card.size_px, seed=6)
    one_by_one = np.concatenate([encoder.encode(photo[None]) for photo in photos])
    streams = encoder._in_streams()  # pyright: ignore
    assert streams.photos == 4
    np.testing.assert_allclose(encoder._encode(photos, streams), one_by_one, rtol=1e-3, atol=1e-3)  # pyright: ignore
    np.testing.assert_allclose(encoder.encode(photos), one_by_one, rtol=1e-3, atol=1e-3)


def test_streams_follow_the_cores() -> None:
    assert [encoders.streams(n) for n in (1, 2, 4, 8, 11, 12, 16, 64)] == [1, 2, 2, 2, 2, 3, 4, 16]


def test_many_photos_go_through_all_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = compiled_with(monkeypatch, cores=12)
    encoder = load_encoder("lite0", precision="fp32")
    photos = pictures(13, encoder.card.size_px, seed=5)
    one_by_one = np.concatenate([encoder.encode(photo[None]) for photo in photos])
    few = encoder.encode(photos[:4])  # one call, with all cores
    assert compiled == [{"PERFORMANCE_HINT": "LATENCY"}]
    monkeypatch.setattr(encoder, "_whole", None)  # not used any more
    many = encoder.encode(photos)
    assert compiled[1:] == [{"NUM_STREAMS": 3, "INFERENCE_NUM_THREADS": 12}]
    np.testing.assert_allclose(few, one_by_one[:4], rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(many, one_by_one, rtol=1e-3, atol=1e-3)


def test_what_comes_out_is_a_copy(lite0: encoders.OpenVinoEncoder) -> None:
    photos = pictures(2, lite0.card.size_px, seed=2)
    first = lite0.encode(photos[:1])
    kept = first.copy()
    lite0.encode(photos[1:])
    np.testing.assert_array_equal(first, kept)


def test_both_stock_encoders_are_there() -> None:
    for name, size in (("lite0", 224), ("lite2", 260)):
        loaded = load_encoder(name)
        assert (loaded.name, loaded.card.size_px, loaded.dim) == (name, size, 1280)
        assert loaded.precision in ("bf16", "fp32")


def test_auto_takes_bf16_only_where_the_processor_lists_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for listed, chosen in ((["FP32", "INT8"], "fp32"), (["FP32", "BF16"], "bf16")):
        monkeypatch.setattr(encoders.ov.Core, "get_property", lambda *_, listed=listed: listed)
        assert encoders.choose_precision("auto") == chosen
    monkeypatch.setattr(encoders.ov.Core, "get_property", lambda *_: ["FP32"])
    with pytest.raises(EncoderError, match="no native bf16"):
        encoders.choose_precision("bf16")
    with pytest.raises(EncoderError, match="unknown"):
        encoders.choose_precision("fp8")


@pytest.mark.parametrize("wrong", [np.zeros((1, 10, 10, 3), np.uint8), np.zeros((1, 224, 224, 3), np.float32)])
def test_other_shapes_and_types_are_refused(lite0: encoders.OpenVinoEncoder, wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match="images must be uint8"):
        lite0.encode(wrong)


def test_loading_an_encoder_tells_nobody() -> None:
    """OpenVINO sends a usage event when it is imported, unless its telemetry module is out of reach."""
    script = (
        "import socket, sys\n"
        "def refuse(*_, **__): raise AssertionError('the network was asked for')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from lookalike.encoder import load_encoder\n"
        "load_encoder('lite0')\n"
        "assert not any(module and name.startswith('openvino_telemetry') for name, module in sys.modules.items())\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_first_calls_may_come_at_once() -> None:
    """OpenVINO's set-up for NumPy, first used by two threads, hung about one time in three."""
    script = (
        "import sys, numpy as np\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from threading import Barrier\n"
        "from lookalike.encoder import ov\n"
        "sys.setswitchinterval(1e-6)\n"
        "together = Barrier(8)\n"
        "def first(_):\n"
        "    together.wait()\n"
        "    return ov.Type.u8.to_dtype()\n"
        "with ThreadPoolExecutor(8) as pool: assert len(list(pool.map(first, range(8)))) == 8\n"
    )
    for _ in range(3):
        subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_broken_encoder_folders_say_so(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="no encoder called 'lite9'"):
        find_encoder("lite9")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArtifactError, match="manifest"):
        find_encoder(tmp_path / "empty")
    copy = tmp_path / "copy"
    shutil.copytree(find_encoder("lite0").path, copy)
    (copy / "encoder.onnx").write_bytes(b"no network")
    with pytest.raises(EncoderError, match="cannot be loaded"):
        load_encoder(copy)
    card = json.loads((copy / "preprocess.json").read_text())
    (copy / "preprocess.json").write_text(json.dumps({**card, "crop": "letterbox"}))
    with pytest.raises(EncoderError, match=r"preprocess\.json cannot be used"):
        find_encoder(copy)


def test_presets_are_stock_encoders_with_names_of_their_own() -> None:
    fast, best, lite0 = (find_encoder(name) for name in ("fast", "best", "lite0"))
    assert (fast.name, fast.card.size_px, fast.source) == ("fast", PRESETS["fast"][1], {"stock": "fast"})
    assert (best.name, best.card.size_px, best.source) == ("best", PRESETS["best"][1], {"stock": "best"})
    assert len({fast.hash, best.hash, lite0.hash}) == 3  # other features: a collection takes only its own


@pytest.mark.torch
@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_at_another_size_is_the_network_at_that_size(preset: str) -> None:
    """The padding of strided convolutions is written into the graph; at another size it must still be the right one."""
    pytest.importorskip("torch")
    from lookalike.training import TrainConfig
    from lookalike.training.exporting import torch_features
    from lookalike.training.network import make_backbone

    stock, size_px = PRESETS[preset]
    encoder = load_encoder(preset, precision="fp32")
    photos = pictures(3, size_px, seed=4)
    truth = torch_features(make_backbone(TrainConfig(backbone=stock, size_px=size_px)), photos)
    np.testing.assert_allclose(encoder.encode(photos), truth, rtol=1e-3, atol=1e-3)
