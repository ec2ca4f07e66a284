"""One contestant of embedding.py in a process (and, for peers, a virtual environment) of its own.

    python embedding_worker.py CONTESTANT FILES MODEL OUT

FILES is a text file with a path a line, MODEL a folder with the same Lite0 weights in each peer's own layout, OUT a
scratch folder. After start-up it says `ready`; for each line it is sent it embeds all photos once and answers with the
seconds, the photos, and its peak resident memory in MB. It imports only what its contestant needs.
"""

import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

Run = Callable[[], int]
MEAN = STD = 0.5
SIZE = 224


def one_by_one(files: list[str], model: Path, out: Path) -> Run:
    """As the learner's project did: torch eager, Pillow, one photo at a time, a JSON file of lists."""
    import torch

    network, read = eager(model)

    def run() -> int:
        done: dict[str, list[float]] = {}
        with torch.inference_mode():
            for file in files[: len(files) // 8]:  # slow: an eighth of the photos
                done[file] = network(read(file)[None])[0].tolist()
        (out / "features.json").write_text(json.dumps(done), encoding="utf-8")
        return len(done)

    return run


def data_loader(files: list[str], model: Path, _: Path, batch: int = 32) -> Run:
    """A DataLoader with a worker a core and torch eager, in batches of 32 as most tutorials do; few photos: smaller."""
    import torch
    from torch.utils.data import DataLoader, Dataset

    network, read = eager(model)

    class Photos(Dataset):  # type: ignore[type-arg]
        def __len__(self) -> int:
            return len(files) // 4  # slow: a quarter of the photos

        def __getitem__(self, index: int) -> object:
            return read(files[index])

    workers = os.cpu_count() or 1
    batch = max(1, min(batch, len(Photos()) // (4 * workers)))  # four batches a worker at least

    def run() -> int:
        loader = DataLoader(Photos(), batch_size=batch, num_workers=workers)
        with torch.inference_mode():
            return len(torch.cat([network(photos) for photos in loader]))

    return run


def eager(model: Path):  # noqa: ANN201
    """The network in torch eager, and how a photo is read with Pillow."""
    import numpy as np
    import timm
    import torch
    from PIL import Image

    network = timm.create_model(f"local-dir:{model / 'timm'}", pretrained=True, num_classes=0).eval()

    def read(file: str) -> object:
        with Image.open(file) as opened:
            photo = opened.convert("RGB")
        scale = SIZE / min(photo.size)
        photo = photo.resize(tuple(max(SIZE, round(side * scale)) for side in photo.size), Image.Resampling.BICUBIC)
        left, top = (photo.width - SIZE) // 2, (photo.height - SIZE) // 2
        pixels = np.asarray(photo.crop((left, top, left + SIZE, top + SIZE)), np.float32) / 255
        return torch.from_numpy((pixels - MEAN) / STD).permute(2, 0, 1)

    return network, read


def fastembed(files: list[str], model: Path, _: Path) -> Run:
    """Fastembed at its best setting here: batches of 16 in one process; `parallel` was slower."""
    from fastembed import ImageEmbedding

    found = ImageEmbedding("Qdrant/resnet50-onnx", specific_model_path=str(model / "fastembed"))
    size = int(os.environ.get("FASTEMBED_BATCH", "16"))
    parallel = int(os.environ["FASTEMBED_PARALLEL"]) if "FASTEMBED_PARALLEL" in os.environ else None

    def run() -> int:
        return sum(1 for _ in found.embed(files, batch_size=size, parallel=parallel))

    return run


def deep_image_search(files: list[str], model: Path, out: Path) -> Run:
    """DeepImageSearch, its own indexing of a list of photos."""
    from DeepImageSearch import Search_Setup

    os.chdir(out)
    some = files[: len(files) // 4]  # slow: a quarter of the photos

    def run() -> int:
        shutil.rmtree(out / "metadata-files", ignore_errors=True)
        found = Search_Setup(image_list=some, model_name=f"local-dir:{model / 'timm'}", pretrained=True)
        found.run_index()
        return len(some)

    return run


def lookalike(files: list[str], _: Path, out: Path, precision: str = "auto") -> Run:
    """The embedding stage: catalogue in, shards written."""
    from lookalike import catalogue, embedding
    from lookalike.encoder import load_encoder

    encoder = load_encoder("lite0", precision=precision)
    source = out / "source" / "all"
    if not source.is_dir():
        source.mkdir(parents=True)
        for number, file in enumerate(files):
            (source / f"{number:06d}{Path(file).suffix}").symlink_to(file)
        catalogue.ingest(catalogue.load_source_config(source.parent), out / "catalogue")

    def run() -> int:
        made = embedding.embed(out / "catalogue", encoder, out / "embeddings")
        shutil.rmtree(made.path)
        (out / "embeddings").unlink()
        return made.counts["embedded"]

    return run


def decode(files: list[str], _: Path, __: Path) -> Run:
    """What reading and decoding alone take on all cores."""
    from lookalike import images
    from lookalike.encoder import load_encoder

    card = load_encoder("lite0").card
    pool = ThreadPoolExecutor(os.cpu_count() or 1)

    def run() -> int:
        return sum(1 for _ in pool.map(lambda file: images.prepare(images.read_bytes(Path(file)), card), files))

    return run


def encode_queue(files: list[str], _: Path, __: Path, precision: str = "auto") -> Run:
    """What encoding alone takes by OpenVINO's own queue: a stream a core, two requests each."""
    import numpy as np

    from lookalike import encoder, images

    folder = encoder.find_encoder("lite0")
    chosen = encoder.choose_precision(precision)
    cores = os.cpu_count() or 1
    settings = {"NUM_STREAMS": cores, "INFERENCE_NUM_THREADS": cores}
    compiled = encoder._compile(encoder._read(folder), folder, chosen, settings, photos=1)
    queue = encoder.ov.AsyncInferQueue(compiled, 2 * cores)
    some = [images.prepare(images.read_bytes(Path(file)), folder.card) for file in files[:256]]
    prepared = [some[number % len(some)][None] for number in range(len(files))]
    features = np.empty((len(files), 1280), np.float32)

    def keep(request: object, row: int) -> None:
        features[row] = request.get_output_tensor(0).data[0]

    queue.set_callback(keep)

    def run() -> int:
        for row, photo in enumerate(prepared):
            queue.start_async({0: photo}, row, share_inputs=True)
        queue.wait_all()
        return len(features)

    return run


def encode(files: list[str], _: Path, __: Path, precision: str = "auto") -> Run:
    """What encoding alone takes on all cores."""
    import numpy as np

    from lookalike import images
    from lookalike.encoder import load_encoder

    encoder = load_encoder("lite0", precision=precision)
    some = [images.prepare(images.read_bytes(Path(file)), encoder.card) for file in files[:256]]
    prepared = np.stack([some[number % len(some)] for number in range(len(files))])

    def run() -> int:
        return len(encoder.encode(prepared))

    return run


CONTESTANTS: dict[str, Callable[..., Run]] = {
    "one by one": one_by_one,
    "DataLoader": data_loader,
    "DataLoader, batches of 4": lambda *given: data_loader(*given, batch=4),  # its best here
    "fastembed": fastembed,
    "DeepImageSearch": deep_image_search,
    "lookalike": lookalike,
    "lookalike fp32": lambda *given: lookalike(*given, precision="fp32"),
    "decode": decode,
    "encode": encode,
    "encode queue": encode_queue,
    "encode queue fp32": lambda *given: encode_queue(*given, precision="fp32"),
    "encode fp32": lambda *given: encode(*given, precision="fp32"),
}


def peak_mb() -> float:
    """The most memory that this process has held; `getrusage` would count what its parent held before it began."""
    return int(Path("/proc/self/status").read_text(encoding="ascii").split("VmHWM:")[1].split()[0]) / 1024


def main() -> None:
    """Answer each line with what a run took."""
    name, listed, model, out = sys.argv[1:]
    files = Path(listed).read_text(encoding="utf-8").splitlines()
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # peers print progress
    if name.startswith(("lookalike", "decode", "encode")):
        from lookalike.allocator import keep_freed_memory

        keep_freed_memory()  # as the command line does
    run = CONTESTANTS[name](files, Path(model), Path(out))
    print("ready", file=answer, flush=True)
    for _ in sys.stdin:
        started = time.perf_counter()
        photos = run()
        seconds = time.perf_counter() - started
        print(json.dumps({"seconds": seconds, "photos": photos, "peak_mb": peak_mb()}), file=answer, flush=True)


if __name__ == "__main__":
    main()
