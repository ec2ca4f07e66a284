"""Model speed against quality: Lite0 and Lite2 at several image sizes, precisions, flips and embedding widths.

    python benchmarks/frontier.py [SOURCE] [--work DIR] [--step quality|speed|report] [--photos N]

Quality: the yardstick's folds by sender and its queries (label and instance recall@1), through the default head; each
network is exported anew at each size, since the padding of its strided convolutions is written into the graph. Views of
1,500 photos, made once, serve all folds. Speed: photos a second through the embedding stage, and milliseconds for one
photo from its bytes to its features. The steps can run at different times; `report` joins and keeps them, with a
picture. SOURCE is the clothing data set.
"""

import argparse
import hashlib
import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import yardstick
from harness import CLOTHING, alternate, keep, rates
from lookalike import catalogue, embedding, heads, images, views
from lookalike.encoder import OpenVinoEncoder, choose_precision
from lookalike.encoder_folder import EncoderFolder, find_encoder
from lookalike.evaluate.distortions import distort, draw
from lookalike.files import write_bytes
from lookalike.training import TrainConfig
from lookalike.training.graph import to_onnx
from lookalike.training.network import make_backbone
from lookalike.types import UInt8Array

SIZES = {"lite0": (160, 192, 224, 256, 288), "lite2": (192, 224, 260, 300)}
DEFAULT, BEST = ("lite0", 224), ("lite0", 256)
DIMS = (64, 128, 256, 512)
SEEN, VIEWS = 1500, 2
NATIVE = choose_precision("auto")
_CHUNK = 128


@dataclass(frozen=True)
class Variant:
    """A network at a size, in a precision, with or without the mean over the photo and its mirror image."""

    network: str
    size: int
    precision: str = NATIVE
    flips: bool = False

    @property
    def name(self) -> str:
        """As it stands in the table."""
        return f"{self.network} {self.size} {self.precision}" + (" flips" if self.flips else "")


@dataclass(frozen=True)
class Shop:
    """The clothes: photo, label and sender of each."""

    root: Path
    files: tuple[str, ...]
    labels: np.ndarray
    senders: np.ndarray


def variants() -> list[Variant]:
    """All sizes in the precision that is native; flips, and fp32 beside bf16, at the sizes that the package ships."""
    found = [Variant(network, size) for network, sizes in SIZES.items() for size in sizes]
    shipped = (DEFAULT, BEST)
    if NATIVE != "fp32":
        found += [Variant(*one, precision="fp32") for one in shipped]
    return found + [Variant(*one, flips=True) for one in shipped]


def has_mirror_images(variant: Variant) -> bool:
    """Whether the mirror images of all photos are encoded, too."""
    return (variant.network, variant.size) in (DEFAULT, BEST) and variant.precision == NATIVE


def main() -> None:
    """Run a step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", nargs="?", type=Path, default=CLOTHING)
    parser.add_argument("--work", type=Path, default=Path("frontier.work"))
    parser.add_argument("--step", choices=["quality", "speed", "report"], default="report")
    parser.add_argument("--photos", type=int, help="so many photos only, drawn by chance")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    shop = read(arguments.source, arguments.work, arguments.photos)
    drawn = hashlib.sha256(" ".join(shop.files).encode()).hexdigest()[:8]
    work = arguments.work / f"photos-{drawn}"  # what was measured on other photos is no part of this
    work.mkdir(exist_ok=True)
    quality, speed = work / "quality.json", work / "speed.json"
    if arguments.step == "quality" or not quality.is_file():
        measure_quality(shop, work, quality)
    if arguments.step == "speed" or not speed.is_file():
        speed.write_text(json.dumps(measure_speed(shop, work)), encoding="utf-8")
    if arguments.step == "report":
        report(json.loads(quality.read_text(encoding="utf-8")), json.loads(speed.read_text(encoding="utf-8")))


def read(source: Path, work: Path, photos: int | None) -> Shop:
    """Ingest the clothes as the yardstick does."""
    fold = yardstick.make_fold(source, 0, work / "fold")
    found = catalogue.read(work / "fold" / "catalogue").images
    paths = dict(zip(found["image_id"], found["path"], strict=True))
    chosen = np.sort(np.random.default_rng(0).permutation(len(fold.ids))[:photos])
    files = tuple(paths[fold.ids[row]] for row in chosen)
    return Shop(fold.root, files, fold.labels[chosen], fold.senders[chosen])


def load(variant: Variant, work: Path) -> OpenVinoEncoder:
    """Export the network at this size, and load it."""
    folder = work / f"{variant.network}-{variant.size}"
    card = replace(find_encoder(variant.network).card, size_px=variant.size)
    if not (folder / "encoder.onnx").is_file():
        folder.mkdir(exist_ok=True)
        network = make_backbone(TrainConfig(backbone=variant.network, size_px=variant.size)).network
        write_bytes(folder / "encoder.onnx", to_onnx(network, variant.size))
    described = EncoderFolder(folder, variant.name, hashlib.sha256(variant.name.encode()).hexdigest()[:16], card)
    return OpenVinoEncoder(described, variant.precision, os.cpu_count() or 1)


def measure_quality(shop: Shop, work: Path, file: Path) -> None:
    """Encode everything once in each variant, then fit and measure each fold and width; rows are kept as they come."""
    rows = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []
    known = {(row["variant"], row["dim"]) for row in rows}
    encoders = {variant: load(variant, work) for variant in variants() if not variant.flips}
    features = encode_all(shop, encoders, work / "features")
    for variant in variants():
        dims = DIMS if (variant.network, variant.size) in (DEFAULT, BEST) else (256,)
        missing = [dim for dim in dims if (variant.name, dim) not in known]
        made = features(variant) if missing else None
        for dim in missing:
            folds = [one_fold(shop, number, made, dim) for number in range(5)]
            row = {figure: round(float(np.mean([fold[figure] for fold in folds])), 4) for figure in folds[0]}
            print(variant.name, dim, row, flush=True)
            rows.append({"variant": variant.name, "dim": dim, **row})
            write_bytes(file, json.dumps(rows).encode())


def encode_all(
    shop: Shop, encoders: dict[Variant, OpenVinoEncoder], folder: Path
) -> Callable[[Variant], tuple[np.ndarray, np.ndarray, dict[int, np.ndarray]]]:
    """Features of all photos (and their mirror images), of the photos distorted, and of the views; kept on disk."""
    folder.mkdir(exist_ok=True)
    cards = {encoder.card.size_px: encoder.card for encoder in encoders.values()}
    seen = set(np.random.default_rng(0).permutation(len(shop.files))[:SEEN].tolist())

    def see(number: int) -> dict[int, UInt8Array]:
        data = images.read_bytes(shop.root / shop.files[number])
        bent = distort(images.decode(data), draw(shop.files[number], seed=0))
        made: dict[int, UInt8Array] = {}
        for size, card in cards.items():
            clean = images.prepare(data, card)
            found = [clean, clean[:, ::-1], (mirrored := images.prepare(bent, card)), mirrored[:, ::-1]]
            if number in seen:
                found += [views.view(data, card, n, (0, number)) for n in range(VIEWS)]
            made[size] = np.stack(found)
        return made

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for start in range(0, len(shop.files), _CHUNK):
            if (folder / f"{start:06d}.npz").is_file():
                continue
            made = list(pool.map(see, range(start, min(start + _CHUNK, len(shop.files)))))
            arrays: dict[str, np.ndarray] = {}
            for variant, encoder in encoders.items():
                rows = [each[variant.size] for each in made]
                if not has_mirror_images(variant):
                    rows = [each[[0, 2, *range(4, len(each))]] for each in rows]
                arrays[variant.name] = encoder.encode(np.concatenate(rows)).astype(np.float16)
            np.savez(folder / "part.npz", **arrays)
            (folder / "part.npz").rename(folder / f"{start:06d}.npz")
            print(start, flush=True)

    def of(variant: Variant) -> tuple[np.ndarray, np.ndarray, dict[int, np.ndarray]]:
        base = replace(variant, flips=False)
        lead = 4 if has_mirror_images(base) else 2
        clean, bent, views_of = [], [], {}
        for start in range(0, len(shop.files), _CHUNK):
            with np.load(folder / f"{start:06d}.npz") as part:
                rows = part[base.name].astype(np.float32)
            at = 0
            for number in range(start, min(start + _CHUNK, len(shop.files))):
                step = lead // 2
                clean.append(rows[at : at + step].mean(axis=0) if variant.flips else rows[at])
                bent.append(rows[at + step : at + lead].mean(axis=0) if variant.flips else rows[at + step])
                at += lead
                if number in seen:
                    views_of[number] = rows[at : at + VIEWS]
                    at += VIEWS
        return np.stack(clean), np.stack(bent), views_of

    return of


def one_fold(shop: Shop, number: int, features: Sequence, dim: int) -> dict[str, float]:  # type: ignore[type-arg]
    """Fit the default head on the fold's training senders, and measure it on the fold's own."""
    clean, bent, seen = features
    parts = np.array([yardstick.part_of(sender, number) for sender in shop.senders])
    fold = yardstick.Fold(Path(), shop.files, shop.labels, shop.senders, parts == "test", shop.root)
    learned, held = np.flatnonzero(parts == "train"), np.flatnonzero(parts == "validation")
    place = {row: at for at, row in enumerate(held.tolist())}
    asked = [row for row in seen if row in place]
    head = heads.fit(
        clean[learned],
        shop.labels[learned].tolist(),
        shop.senders[learned].tolist(),
        heads.HeadConfig(dim=dim),
        aids=heads.Aids(
            clean[held],
            shop.labels[held].tolist(),
            np.stack([seen[row] for row in seen if parts[row] == "train"]),
            np.concatenate([seen[row][:1] for row in asked]),
            np.array([place[row] for row in asked]),
        ),
    )
    found = yardstick.retrieval(fold, head.apply(clean), head.apply(bent[fold.asks]))
    found["accuracy"] = yardstick.right(head, clean[fold.asks], shop.labels[fold.asks])
    return {figure: float(found[figure].mean()) for figure in yardstick.FIGURES if figure in found}


def measure_speed(shop: Shop, work: Path) -> list[dict[str, object]]:
    """Photos a second through the embedding stage, in turns; milliseconds for one photo, network after network."""
    source = work / "speed" / "all"
    source.mkdir(parents=True, exist_ok=True)
    files = shop.files[:400]
    for file in files:
        if not (source / Path(file).name).exists():
            (source / Path(file).name).symlink_to((shop.root / file).resolve())
    catalogue.ingest(catalogue.load_source_config(source.parent), work / "speed-catalogue")
    encoders = {variant.name: load(variant, work) for variant in variants() if not variant.flips}

    def embed(name: str) -> None:
        made = embedding.embed(work / "speed-catalogue", encoders[name], work / "speed-embeddings")
        for file in made.path.iterdir():
            file.unlink()
        made.path.rmdir()
        (work / "speed-embeddings").unlink()

    seconds = alternate({name: (lambda name=name: embed(name)) for name in encoders}, repeats=3)
    a_second = rates(seconds, len(files))
    found: list[dict[str, object]] = []
    data = [images.read_bytes(shop.root / file) for file in files[:60]]
    for name, encoder in encoders.items():
        took: list[float] = []
        for one in data:
            started = time.perf_counter()
            encoder.encode(images.prepare(one, encoder.card)[None])
            took.append(1000 * (time.perf_counter() - started))
        found.append(
            {
                "variant": name,
                "photos_per_s": round(a_second[name], 1),
                "one_ms": round(statistics.median(took[10:]), 2),
            }
        )
        print(found[-1], flush=True)
    return found


def report(quality: list[dict[str, object]], speed: list[dict[str, object]]) -> None:
    """Join quality and speed, print a table, and keep it with a picture; a flip takes a second run of the network."""
    by_name = {one["variant"]: one for one in speed}
    rows: list[dict[str, object]] = []
    for one in quality:
        name = str(one["variant"])
        known = by_name[name.removesuffix(" flips")]
        share = 0.5 if name.endswith(" flips") else 1.0
        rows.append(
            {
                **one,
                "photos_per_s": round(float(known["photos_per_s"]) * share, 1),
                "one_ms": round(float(known["one_ms"]) / share, 2),
            }
        )  # type: ignore
    for row in rows:
        print("| " + " | ".join(str(value) for value in row.values()) + " |")
    keep("frontier", {"rows": rows, "flips": "speed is estimated as half of that without"}, picture(rows))


def picture(rows: list[dict[str, object]]) -> str:
    """Label and instance recall@1 over photos a second, as an SVG."""
    shown = [row for row in rows if row["dim"] == 256]
    fastest = max(float(row["photos_per_s"]) for row in shown)  # type: ignore
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 900 420" font-family="system-ui, sans-serif" '
        'font-size="11"><rect width="100%" height="100%" fill="#fff"/>'
    ]
    for panel, figure in enumerate(("label recall@1", "instance recall@1")):
        values = [float(row[figure]) for row in shown]  # type: ignore
        low, high = min(values) - 0.005, max(values) + 0.005
        left = 40 + panel * 450
        parts.append(f'<text x="{left}" y="20" font-size="14">{figure} over photos a second</text>')
        parts.append(f'<path d="M{left} 30V380H{left + 390}" fill="none" stroke="#94a3b8"/>')
        parts += [
            f'<text x="{left - 4}" y="{y}" text-anchor="end">{value:.3f}</text>'
            for value, y in ((low, 380), (high, 36))
        ]
        taken: list[tuple[float, float]] = []
        for row, value in zip(shown, values, strict=True):
            x = left + 370 * float(row["photos_per_s"]) / fastest  # type: ignore
            y = 380 - 350 * (value - low) / (high - low)
            colour = "#c2410c" if str(row["variant"]).startswith("lite0") else "#0369a1"
            name = str(row["variant"]).replace(" bf16", "")
            end = x > left + 320
            anchor = "end" if end else "start"
            at = y + 4
            while any(abs(at - other) < 12 and abs(x - there) < 110 for there, other in taken):
                at += 6  # below the names that are there already
            taken.append((x, at))
            if at > y + 4:
                parts.append(f'<path d="M{x:.1f} {y:.1f}L{x + 6:.1f} {at - 4:.1f}" stroke="#94a3b8"/>')
            parts.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>'
                f'<text x="{x - 7 if end else x + 7:.1f}" y="{at:.1f}" text-anchor="{anchor}">{name}</text>'
            )
        parts.append(f'<text x="{left + 390}" y="396" text-anchor="end">{fastest:.0f} photos/s</text>')
    return "".join(parts) + "</svg>\n"


if __name__ == "__main__":
    main()
