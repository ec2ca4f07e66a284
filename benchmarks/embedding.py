"""How fast photos become features: against the plain ways, real peers and the limit; ratios from one run.

    python benchmarks/embedding.py [FOLDER] [--photos 1200] [--repeats 5] [--megapixels 12] [--peers DIR]
    python benchmarks/embedding.py [FOLDER] --memory 5000,100000

Contestants take turns, each in a process of its own, with the same Lite0 weights (benchmarks/embedding_worker.py):
`one by one` and `DataLoader` in torch eager; with --peers, `fastembed` 0.9.1 and `DeepImageSearch` 3.0.3, installed in
virtual environments under DIR where they are not there yet; `lookalike`, the embedding stage with its shards written;
and `limit`, what reading and decoding alone and encoding alone take on the same cores, added up: encoding as Lookalike
does it or by OpenVINO's own queue, whichever is faster. In fp32 too where bf16 is native. --megapixels upscales
a tenth of the photos to JPEGs as phones make them. --memory embeds that many photos (the folder's, repeated) instead,
and tells the peak resident memory of each. Prints a table and one JSON line, and keeps both with a picture.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import safetensors.torch
from PIL import Image

from harness import CLOTHING, ROOT, alternate, bars, keep, rates, turn_ratios
from lookalike.encoder import choose_precision
from lookalike.training import TrainConfig
from lookalike.training.network import STOCK, make_backbone

PEERS = {"fastembed": "fastembed==0.9.1", "DeepImageSearch": "DeepImageSearch==3.0.3"}
OURS = ("one by one", "DataLoader", "DataLoader, batches of 4", "lookalike", "decode", "encode", "encode queue")
FP32 = ("lookalike fp32", "encode fp32", "encode queue fp32")
_CONFIG = {"do_resize": True, "size": {"shortest_edge": 224}, "do_center_crop": True, "crop_size": 224,
           "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True, "image_mean": [0.5] * 3,
           "image_std": [0.5] * 3, "resample": 3}  # fmt: skip


class Worker:
    """A contestant's process: `run` embeds all photos once."""

    def __init__(self, name: str, python: str, files: Path, model: Path, out: Path) -> None:
        out.mkdir(parents=True, exist_ok=True)
        script = Path(__file__).with_name("embedding_worker.py")
        self._process = subprocess.Popen(
            [python, str(script), name, str(files), str(model), str(out)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.told: dict[str, float] = {}
        if self._answer() != "ready\n":
            sys.exit(f"{name} did not start: run {script.name} by hand to see why")

    def run(self) -> None:
        """Embed once."""
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        self.told = json.loads(self._answer())

    def close(self) -> None:
        """End the process."""
        self._process.stdin.close()
        self._process.wait()

    def _answer(self) -> str:
        return self._process.stdout.readline()


def main() -> None:
    """Run the contestants and keep what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=CLOTHING / "images")
    parser.add_argument("--photos", type=int, default=1200)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--megapixels", type=float, default=0.0)
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--memory", default="")
    arguments = parser.parse_args()
    files = sorted(file.resolve() for file in arguments.folder.rglob("*") if file.is_file())
    if not files:
        parser.error(f"no photos in {arguments.folder}: name a folder of photos")
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        if arguments.memory:
            memory(files, [int(count) for count in arguments.memory.split(",")], scratch)
            return
        files = files[: arguments.photos]
        kind = "embedding"
        if arguments.megapixels:
            kind = f"embedding-{arguments.megapixels:g}mp"
            files = upscaled(files[::10], arguments.megapixels, scratch / "large")
        told = measure(files, scratch, arguments.repeats, pythons(arguments.peers))
        picture = bars("Photos a second, Lite0 at 224 px", told["photos_per_second"], unit="/s", ours="lookalike")
        keep(kind, {"photos": len(files), **told}, picture)


def upscaled(files: list[Path], megapixels: float, folder: Path) -> list[Path]:
    """The photos enlarged to so many megapixels, JPEG quality 90."""
    folder.mkdir()
    made: list[Path] = []
    for file in files:
        with Image.open(file) as opened:
            photo = opened.convert("RGB")
        scale = (megapixels * 1e6 / (photo.width * photo.height)) ** 0.5
        large = photo.resize((round(photo.width * scale), round(photo.height * scale)), Image.Resampling.BICUBIC)
        made.append(folder / f"{file.stem}.jpg")
        large.save(made[-1], quality=90)
    return made


def pythons(peers: Path | None) -> dict[str, str]:
    """The interpreter of each contestant; a peer's virtual environment is made where it is missing."""
    found = dict.fromkeys(OURS + FP32 if choose_precision("auto") == "bf16" else OURS, sys.executable)
    if peers is None:
        return found
    for name, package in PEERS.items():
        python = peers / name / "bin" / "python"
        if not python.is_file():
            subprocess.run([sys.executable, "-m", "venv", peers / name], check=True)
            subprocess.run([python, "-m", "pip", "install", "--quiet", package], check=True)
        found[name] = str(python)
    return found


def write_model(folder: Path) -> Path:
    """Write the stock weights in the layouts that the contestants read."""
    shutil.copytree(ROOT / "src" / "lookalike" / "stock" / "lite0", folder / "fastembed")
    (folder / "fastembed" / "encoder.onnx").rename(folder / "fastembed" / "model.onnx")
    (folder / "fastembed" / "preprocessor_config.json").write_text(json.dumps(_CONFIG), encoding="utf-8")
    (folder / "timm").mkdir()
    network = make_backbone(TrainConfig()).network
    safetensors.torch.save_file(network.state_dict(), folder / "timm" / "model.safetensors")
    card = {"architecture": STOCK["lite0"], "num_classes": 0, "pretrained_cfg": {"num_classes": 0, "mean": [0.5] * 3, "std": [0.5] * 3, "input_size": [3, 224, 224]}}  # fmt: skip # noqa: E501
    (folder / "timm" / "config.json").write_text(json.dumps(card), encoding="utf-8")
    return folder


def measure(files: list[Path], scratch: Path, repeats: int, by_name: dict[str, str]) -> dict[str, object]:
    """Photos a second of each contestant and of the limit, and how many times that Lookalike makes, with the spread."""
    listed = scratch / "files.txt"
    listed.write_text("\n".join(map(str, files)), encoding="utf-8")
    model = write_model(scratch / "model")
    workers = {name: Worker(name, python, listed, model, scratch / name) for name, python in by_name.items()}
    seconds = alternate({name: worker.run for name, worker in workers.items()}, repeats=repeats)
    photos = {name: int(worker.told["photos"]) for name, worker in workers.items()}
    for worker in workers.values():
        worker.close()
    ends = ("", " fp32") if "lookalike fp32" in workers else ("",)
    for end in ends:
        encoding = min((seconds[f"encode{way}{end}"] for way in ("", " queue")), key=statistics.median)
        seconds[f"limit{end}"] = [one + other for one, other in zip(seconds["decode"], encoding, strict=True)]
        photos[f"limit{end}"] = photos["decode"]
    each_second = {name: round(rate, 1) for name, rate in rates(seconds, photos).items()}
    told: dict[str, object] = {"photos_per_second": each_second}
    for end in ends:
        ratios = turn_ratios(seconds, f"lookalike{end}", photos)
        told[f"times lookalike{end}"] = {name: round(statistics.median(each), 3) for name, each in ratios.items()}
        told[f"spread lookalike{end}"] = {
            name: [round(min(each), 3), round(max(each), 3)] for name, each in ratios.items()
        }
    ratios = turn_ratios(seconds, "lookalike", photos)
    for name, rate in rates(seconds, photos).items():
        each = ratios[name]
        print(
            f"{name:<26} {rate:8.1f}/s   lookalike is {statistics.median(each):6.2f} times that"
            f" ({min(each):.2f} to {max(each):.2f})"
        )
    return told


def memory(files: list[Path], counts: list[int], scratch: Path) -> None:
    """Peak resident memory of embedding so many photos, each count in a process of its own."""
    peaks: dict[str, float] = {}
    for count in counts:
        listed = scratch / f"{count}.txt"
        listed.write_text("\n".join(str(files[n % len(files)]) for n in range(count)), encoding="utf-8")
        first = Worker("lookalike", sys.executable, listed, scratch, scratch / str(count))
        first.close()  # ingest has memory of its own, and is done now
        worker = Worker("lookalike", sys.executable, listed, scratch, scratch / str(count))
        worker.run()
        worker.close()
        peaks[str(count)] = round(worker.told["peak_mb"], 1)
        print(count, worker.told, flush=True)
    growth = round(max(peaks.values()) - min(peaks.values()), 1)
    named = {f"{int(count):,} photos": peak for count, peak in peaks.items()}
    keep("embedding-memory", {"peak_mb": peaks, "growth_mb": growth}, bars("The most memory", named, unit="MB"))


if __name__ == "__main__":
    main()
