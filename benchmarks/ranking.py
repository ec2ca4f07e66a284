"""What each switch of the index and of the ranking gives, on the yardstick's folds by sender (see `yardstick.py`).

    python benchmarks/ranking.py [SOURCE] [--demo DIR] [--work DIR]

All features are encoded once (stock encoder) and kept in --work; each fold then fits the default head on its training
part and is asked in NumPy, exactly. Two catalogues are made of SOURCE, the clothing photos:

- `photos`: as it is, one photo a product. Asked: the fold's photos (label), and the same distorted (instance).
- `views`: each product is its photo and three seeded distortions of it. Asked: the photo in a scene, a family of
  distortions that no photo of the gallery and no choice ever saw, for its label and for its product.

The third, `drawn`, is the package's own drawn shop, whose products have one to four photos, built by `lookalike build`
in --demo: each photo of a product with three or more asks for its product's others.
"""

import argparse
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from harness import CLOTHING, bars, keep
from lookalike import catalogue, heads, images, splits, views
from lookalike.encoder import Encoder, load_encoder
from lookalike.engine import SearchEngine
from lookalike.evaluate.distortions import distort, draw
from lookalike.evaluate.scenes import draw_scene, stage_scene
from lookalike.files import replacing
from lookalike.types import Float32Array, UInt8Array, unit_rows
from yardstick import Fold, difference, make_fold

FOLDS = range(5)
BENT = (1, 2, 3)
"""Seeds of the distortions that stand in the gallery of `views`; 0 asks in `photos`."""
SEEN = (0, 1, 2)
"""Views from which the head learns, as `views.make_views` makes them."""
_AT_ONCE = 16

WEIGHTS = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5)
"""Weights of the category boost that are tried on the validation part."""

Features = dict[str, np.ndarray]
Figures = dict[str, np.ndarray]
Rows = dict[str, dict[str, dict[str, list[np.ndarray]]]]


def encode_all(fold: Fold, encoder: Encoder, file: Path) -> Features:
    """Encode every photo in every way: float16 of shape (photos, dim) by name, in the fold's order of photos.

    What was encoded is kept in `file` every so often; an interrupted run goes on from there.
    """
    parts: dict[str, list[np.ndarray]] = {}
    if file.is_file():
        with np.load(file) as stored:
            parts = {name: [stored[name]] for name in stored.files}
    done = len(parts["clean"][0]) if parts else 0
    read = catalogue.read(fold.folder / "catalogue")
    paths = dict(zip(read.images["image_id"], read.images["path"], strict=True))

    def ways(image_id: str) -> dict[str, UInt8Array]:
        data = images.read_bytes(fold.root / paths[image_id])
        photo, card = images.decode(data), encoder.card
        made = {"clean": images.prepare(data, card)}
        made["bent"] = images.prepare(distort(photo, draw(image_id, seed=0)), card)
        made["scene"] = images.prepare(stage_scene(photo, draw_scene(image_id, seed=0)), card)
        for name in ("clean", "bent", "scene"):
            made[f"{name} mirrored"] = made[name][:, ::-1]
        for seed in BENT:
            made[f"view {seed}"] = images.prepare(distort(photo, draw(image_id, seed=seed)), card)
        key = (0, int.from_bytes(hashlib.sha256(image_id.encode()).digest()[:8]))
        for number in SEEN:
            made[f"seen {number}"] = views.view(data, card, number, key)
        return made

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for start in range(done, len(fold.ids), _AT_ONCE):
            batch = list(pool.map(ways, fold.ids[start : start + _AT_ONCE]))
            for name in batch[0]:
                encoded = encoder.encode(np.ascontiguousarray(np.stack([made[name] for made in batch])))
                parts.setdefault(name, []).append(encoded.astype(np.float16))
            if start // _AT_ONCE % 16 == 15 or start + _AT_ONCE >= len(fold.ids):
                with replacing(file) as temporary, temporary.open("wb") as opened:
                    np.savez(opened, allow_pickle=False, **{name: np.concatenate(each) for name, each in parts.items()})
    return {name: np.concatenate(each) for name, each in parts.items()}


def first_photos(fold: Fold, n: int) -> Fold:
    """The fold as if the catalogue had its first n photos alone."""
    return replace(fold, ids=fold.ids[:n], labels=fold.labels[:n], senders=fold.senders[:n], asks=fold.asks[:n])


@dataclass(frozen=True)
class Parts:
    """A fold's photos by part of the split, as rows; `groups` are what must not cross it."""

    train: np.ndarray
    validation: np.ndarray
    groups: np.ndarray


def parts_of(fold: Fold) -> Parts:
    """Read the split."""
    read = catalogue.read(fold.folder / "catalogue")
    table = splits.read_split(fold.folder / "split", of=read)
    row = {image_id: number for number, image_id in enumerate(table["image_id"])}
    order = [row[image_id] for image_id in fold.ids]
    split, groups = table["split"].to_numpy()[order], table["group_id"].to_numpy()[order]
    return Parts(np.flatnonzero(split == "train"), np.flatnonzero(split == "validation"), groups)


def fit_head(fold: Fold, parts: Parts, features: Features, name: str) -> heads.Head:
    """The default head, as `stages.fit_head` fits it, on photos as they are (`plain`) or flipped too (`both`)."""
    kept = fold.folder / f"head-{name}-{len(fold.ids)}"
    if (kept / "head.json").is_file():
        return heads.load(kept)
    clean = features["clean"] if name == "plain" else both(features, "clean")
    seen, held = sample(fold, parts.train, 1000), sample(fold, parts.validation, 800)
    aids = heads.Aids(
        clean[parts.validation],
        fold.labels[parts.validation].tolist(),
        np.stack([features[f"seen {number}"][seen] for number in SEEN], axis=1),
        features["seen 0"][held],
        np.searchsorted(parts.validation, held),
    )
    labels, groups = fold.labels[parts.train].tolist(), parts.groups[parts.train].tolist()
    head = heads.fit(clean[parts.train], labels, groups, heads.HeadConfig(), aids=aids)
    kept.mkdir(exist_ok=True)
    heads.save(head, kept)
    return head


def sample(fold: Fold, rows: np.ndarray, most: int) -> np.ndarray:
    """The photos that `views.make_views` would choose."""
    return np.array(sorted(rows, key=lambda row: hashlib.sha256(f"0:views:{fold.ids[row]}".encode()).digest())[:most])


def both(features: Features, name: str) -> np.ndarray:
    """The mean of a photo's features and its mirror image's, float16 as stored."""
    pair = features[name].astype(np.float32) + features[f"{name} mirrored"].astype(np.float32)
    return (pair / 2).astype(np.float16)


def codes_of(head: heads.Head, labels: np.ndarray) -> np.ndarray:
    """Each label's column in what the classifier gives; -1 where it has none."""
    column = {label: number for number, label in enumerate(head.label_names)}
    return np.array([column.get(label, -1) for label in labels])


def agreement(head: heads.Head, asked: np.ndarray, labels: np.ndarray) -> Float32Array:
    """How probable each gallery photo's label is for each query: (queries, gallery); 0 for a label never learned."""
    codes = codes_of(head, labels)
    return np.where(codes >= 0, head.classify(asked)[:, codes], 0).astype(np.float32)


def fit_boost(fold: Fold, parts: Parts, features: Features, name: str = "plain") -> float:
    """Choose the boost's weight as `heads.boost` does: best label recall on validation without instance recall lost."""
    head = fit_head(fold, parts, features, name)
    clean = features["clean"] if name == "plain" else both(features, "clean")
    train, held = parts.train, sample(fold, parts.validation, 800)
    gallery = head.apply(clean)
    likely = agreement(head, clean[parts.validation], fold.labels[train])
    labels = gallery[parts.validation] @ gallery[train].T
    right = fold.labels[train][None] == fold.labels[parts.validation][:, None]
    both_parts = np.concatenate([train, parts.validation])
    seen = features["seen 0"][held]
    instances, agreed = head.apply(seen) @ gallery[both_parts].T, agreement(head, seen, fold.labels[both_parts])
    tried = []
    for weight in WEIGHTS:
        found = (labels + weight * likely).argmax(axis=1)
        own = both_parts[(instances + weight * agreed).argmax(axis=1)] == held
        tried.append((weight, float(right[np.arange(len(found)), found].mean()), float(own.mean())))
    allowed = [one for one in tried if one[2] >= tried[0][2]]
    chosen = max(allowed, key=lambda one: (one[1], -one[0]))[0]
    print("boost", name, chosen, [tuple(round(each, 3) for each in one) for one in tried], flush=True)
    return chosen


@dataclass(frozen=True)
class Ask:
    """One fold's queries against photos: embeddings of the gallery, and of its queries of each kind, and agreements."""

    gallery: Float32Array
    label: Float32Array
    bent: Float32Array
    scene: Float32Array


def photo_figures(fold: Fold, ask: Ask, boost: Mapping[str, Float32Array] | None = None) -> Figures:
    """Label figures against the other folds' photos; instance recall against all photos. `boost` is added to scores."""
    asked, known = np.flatnonzero(fold.asks), np.flatnonzero(~fold.asks)
    scores = ask.label @ ask.gallery[known].T
    if boost is not None:
        scores = scores + boost["clean"][:, known]
    order = np.argsort(-scores, axis=1, kind="stable")[:, :10]
    hits = fold.labels[known][order] == fold.labels[asked][:, None]
    figures = {"label recall@1": hits[:, 0].astype(float), "label precision@10": hits.mean(axis=1)}
    for name, queries in (("bent", ask.bent), ("scene", ask.scene)):
        scores = queries @ ask.gallery.T
        if boost is not None:
            scores = scores + boost[name]
        figure = "instance recall@1" if name == "bent" else "scene recall@1"
        figures[figure] = (scores.argmax(axis=1) == asked).astype(float)
    return figures


def photos_catalogue(fold: Fold, parts: Parts, features: Features) -> Iterator[tuple[str, Figures]]:
    """Each switch on the photos as they are, one a product."""
    asked = np.flatnonzero(fold.asks)
    clean = {"plain": features["clean"], "both": both(features, "clean")}
    queries = {name: (features[name][asked], both(features, name)[asked]) for name in ("clean", "bent", "scene")}
    fitted = {kind: fit_head(fold, parts, features, kind) for kind in clean}
    for name, gallery, query in (
        ("default", "plain", 0),
        ("flip: queries", "plain", 1),
        ("flip: gallery", "both", 0),
        ("flip: both", "both", 1),
    ):
        head = fitted[gallery]
        asks = [head.apply(queries[kind][query]) for kind in ("clean", "bent", "scene")]
        yield name, photo_figures(fold, Ask(head.apply(clean[gallery]), *asks))
    head = fitted["plain"]
    ask = Ask(head.apply(clean["plain"]), *(head.apply(queries[kind][0]) for kind in ("clean", "bent", "scene")))
    likely = {kind: agreement(head, queries[kind][0], fold.labels) for kind in ("clean", "bent", "scene")}
    for weight in WEIGHTS[1:]:
        yield f"boost {weight}", photo_figures(fold, ask, {kind: weight * each for kind, each in likely.items()})
    for name, kind, query in (("boost fitted", "plain", 0), ("flip: both, boost fitted", "both", 1)):
        head, weight = fitted[kind], fit_boost(fold, parts, features, kind)
        asks = {each: queries[each][query] for each in ("clean", "bent", "scene")}
        ask = Ask(head.apply(clean[kind]), *(head.apply(each) for each in asks.values()))
        yield (
            name,
            photo_figures(fold, ask, {one: weight * agreement(head, each, fold.labels) for one, each in asks.items()}),
        )


def expanded(vectors: Float32Array, gallery: Float32Array, k: int, power: float = 3.0) -> Float32Array:
    """Each vector with its k nearest of the gallery added, weighed by score to a power, at length 1.

    Of a query that is alpha query expansion (Radenovic et al., Fine-tuning CNN image retrieval, 2019, section 3.4); of
    the gallery's own photos database-side augmentation.
    """
    scores = vectors @ gallery.T
    nearest = np.argpartition(-scores, k, axis=1)[:, :k]
    weights = np.clip(np.take_along_axis(scores, nearest, axis=1), 0, None) ** power
    own = (weights[:, :, None] * gallery[nearest]).sum(axis=1)
    return unit_rows(vectors + own)


def reciprocal(queries: Float32Array, gallery: Float32Array, first: int = 100) -> np.ndarray:
    """Scores after k-reciprocal re-ranking of each query's first 100: (queries, gallery), all others below those.

    Zhong et al., Re-ranking person re-identification with k-reciprocal encoding, 2017, with its k1 = 20, k2 = 6,
    lambda = 0.3; the query's neighbours are sought in the gallery alone.
    """
    k1, k2, share = 20, 6, 0.3
    among = gallery @ gallery.T
    near = np.argsort(-among, axis=1, kind="stable")[:, :k1]
    last = np.take_along_axis(among, near[:, [k1 - 1]], axis=1)[:, 0]
    half = np.take_along_axis(among, near[:, [k1 // 2 - 1]], axis=1)[:, 0]
    halves = [row[: k1 // 2][among[row[: k1 // 2], place] >= half[row[: k1 // 2]]] for place, row in enumerate(near)]

    def encode(scores: np.ndarray, row: np.ndarray) -> np.ndarray:
        mutual = row[scores[row] >= last[row]]
        wider = [halves[one] for one in mutual if len(np.intersect1d(halves[one], mutual)) > 2 / 3 * len(halves[one])]
        members = np.unique(np.concatenate([mutual, *wider])) if len(mutual) else row[:1]
        code = np.zeros(len(gallery), np.float32)
        code[members] = np.exp(2 * scores[members] - 2)  # exp(-squared distance)
        return code / code.sum()

    codes = np.stack([encode(among[place], near[place]) for place in range(len(gallery))])
    codes = np.stack([codes[row[:k2]].mean(axis=0) for row in near])
    scores = queries @ gallery.T
    for place, each in enumerate(scores):
        order = np.argsort(-each, kind="stable")
        code = np.mean([encode(each, order[:k1]), *codes[order[: k2 - 1]]], axis=0)
        candidates = order[:first]
        shared = np.minimum(codes[candidates], code).sum(axis=1)
        jaccard = shared / (2 - shared)  # both sum to 1
        scores[place] -= 10
        scores[place, candidates] = (1 - share) * jaccard + share * each[candidates] + 10 * share
    return scores


def further_photos(fold: Fold, parts: Parts, features: Features) -> Iterator[tuple[str, Figures]]:
    """Query expansion, database-side augmentation and re-ranking, on the photos as they are."""
    asked, known = np.flatnonzero(fold.asks), np.flatnonzero(~fold.asks)
    head = fit_head(fold, parts, features, "plain")
    gallery = head.apply(features["clean"])
    bent, scene = head.apply(features["bent"][asked]), head.apply(features["scene"][asked])

    def figures(label: np.ndarray, instance: np.ndarray, scenes: np.ndarray) -> Figures:
        order = np.argsort(-label, axis=1, kind="stable")[:, :10]
        hits = fold.labels[known][order] == fold.labels[asked][:, None]
        return {
            "label recall@1": hits[:, 0].astype(float),
            "label precision@10": hits.mean(axis=1),
            "instance recall@1": (instance.argmax(axis=1) == asked).astype(float),
            "scene recall@1": (scenes.argmax(axis=1) == asked).astype(float),
        }

    queries = ((gallery[asked], known), (bent, np.arange(len(gallery))), (scene, np.arange(len(gallery))))
    for k in (3, 10):
        yield f"query expansion, {k}", figures(*(expanded(one, gallery[of], k) @ gallery[of].T for one, of in queries))
    for k in (3, 10):  # a photo's nearest one is itself, at weight 1
        own = {id(of): expanded(gallery[of], gallery[of], k + 1) for _, of in queries}
        yield f"database side, {k}", figures(*(one @ own[id(of)].T for one, of in queries))
    yield "k-reciprocal", figures(*(reciprocal(one, gallery[of]) for one, of in queries))


FOLDINGS = ("max", "mean", "top2", "prototypes beside", "prototypes alone")


def folded(scores: np.ndarray, lengths: np.ndarray, by: str) -> np.ndarray:
    """Scores of photos, NaN where there is none, (queries, products, photos), to scores of products.

    A product's prototype is the mean of its photos' embeddings at length 1; a photo's score with that is the mean of
    the scores, over `lengths`, the length of that mean: (queries or 1, products).
    """
    if by == "mean":
        return np.nanmean(scores, axis=2)
    if by == "top2":
        return np.nanmean(-np.sort(-scores, axis=2)[:, :, :2], axis=2)
    if by == "max":
        return np.nanmax(scores, axis=2)
    alone = np.nanmean(scores, axis=2) / lengths
    return alone if by == "prototypes alone" else np.maximum(np.nanmax(scores, axis=2), alone)


def views_catalogue(fold: Fold, parts: Parts, features: Features) -> Iterator[tuple[str, Figures]]:
    """Each switch on products of four photos; scenes ask."""
    asked, known = np.flatnonzero(fold.asks), np.flatnonzero(~fold.asks)
    head = fit_head(fold, parts, features, "plain")
    gallery = np.stack([head.apply(features[name]) for name in ("clean", *(f"view {seed}" for seed in BENT))], axis=1)
    lengths = np.linalg.norm(gallery.mean(axis=1), axis=1)[None]
    weight = fit_boost(fold, parts, features)
    asks = {"plain": features["scene"][asked], "both": both(features, "scene")[asked]}
    cases = [("default", "plain", "max", 0.0), ("flip: queries", "both", "max", 0.0)]
    cases += [(by, "plain", by, 0.0) for by in FOLDINGS[1:]]
    cases += [("boost fitted", "plain", "max", weight), ("boost fitted, top2", "plain", "top2", weight)]
    for name, query, by, boost in cases:
        parts_done: dict[str, list[np.ndarray]] = {}
        for start in range(0, len(asked), 100):
            rows = slice(start, start + 100)
            vectors = head.apply(asks[query][rows])
            scores = np.einsum("qd,npd->qnp", vectors, gallery, optimize=True)
            products = folded(scores, lengths, by)
            if boost:
                products = products + boost * agreement(head, asks[query][rows], fold.labels)
            order = known[np.argsort(-products[:, known], axis=1, kind="stable")[:, :10]]
            hits = fold.labels[order] == fold.labels[asked[rows]][:, None]
            for figure, values in (
                ("label recall@1", hits[:, 0].astype(float)),
                ("label precision@10", hits.mean(axis=1)),
                ("product recall@1", (products.argmax(axis=1) == asked[rows]).astype(float)),
            ):
                parts_done.setdefault(figure, []).append(values)
        yield name, {figure: np.concatenate(each) for figure, each in parts_done.items()}


def drawn_catalogue(site: Path) -> tuple[dict[str, Figures], np.ndarray]:
    """The drawn shop as it was built: each held-out photo of a product with three or more asks for that product."""
    with SearchEngine.open(site) as engine:
        photos = [image for image in engine.collection.images(engine.collection.image_ids()) if image is not None]
        vectors = engine.collection.vectors([image.image_id for image in photos])
    names = np.array([image.product_id for image in photos])
    products, codes = np.unique(names, return_inverse=True)
    most = int(np.bincount(codes).max())
    rows = np.full((len(products), most), -1)  # each product's photos, -1 where there are no more
    for place, code in enumerate(codes):
        rows[code, int((rows[code] >= 0).sum())] = place
    asked = [
        place for place, image in enumerate(photos) if image.split != "train" and (rows[codes[place]] >= 0).sum() >= 3
    ]
    figures: dict[str, Figures] = {}
    for by in FOLDINGS:
        found = np.zeros(len(asked))
        for number, place in enumerate(asked):
            here = (rows >= 0) & (rows != place)
            scores = np.where(here, (vectors @ vectors[place])[rows], np.nan)[None]
            sums = np.where(here[:, :, None], vectors[rows], 0).sum(axis=1)
            lengths = np.linalg.norm(sums, axis=1) / np.maximum(here.sum(axis=1), 1)
            known = here.any(axis=1)
            best = folded(scores[:, known], lengths[None, known], by)[0].argmax()
            found[number] = np.flatnonzero(known)[best] == codes[place]
        figures["default" if by == "max" else by] = {"product recall@1": found}
    return figures, names[asked]


def report(rows: Rows, senders: Sequence[np.ndarray]) -> dict[str, object]:
    """Means over folds, and paired differences to the default with 95 % intervals by sender."""
    told: dict[str, object] = {}
    for shop, variants in rows.items():
        told[shop] = {}
        for name, figures in variants.items():
            line = []
            described: dict[str, object] = {}
            for figure, values in figures.items():
                mean = float(np.mean([each.mean() for each in values]))
                described[figure] = {"mean over folds": mean}
                text = f"{figure} {mean:.4f}"
                if name != "default":
                    paired = difference(values, variants["default"][figure], senders)
                    described[figure]["minus default"] = paired
                    text += " ({:+.4f}, {:+.4f} to {:+.4f})".format(*paired)
                line.append(text)
            told[shop][name] = described
            print(f"{shop:6} {name:24} " + "; ".join(line), flush=True)
    return told


def picture(told: Mapping[str, Mapping[str, Mapping[str, Mapping[str, float]]]]) -> str:
    """Draw what each switch makes of two figures, on the photos themselves."""
    means = {
        f"{figure}, {name}": figures[figure]["mean over folds"]
        for figure in ("label recall@1", "instance recall@1")
        for name, figures in told["photos"].items()
    }
    return bars("Ranking: means over folds", means, unit="")


def main() -> None:
    """Measure every switch in every fold, and keep what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", nargs="?", type=Path, default=CLOTHING)
    parser.add_argument("--demo", type=Path, help="What `lookalike demo --no-serve -o DIR` made.")
    parser.add_argument("--first", type=int, help="Only so many photos: a quick look.")
    parser.add_argument("--work", type=Path, default=Path("ranking.work"))
    arguments = parser.parse_args()
    encoder = load_encoder("lite0")
    folds = [make_fold(arguments.source, number, arguments.work / f"fold-{number}") for number in FOLDS]
    file = arguments.work / f"features-{encoder.hash}.npz"
    if arguments.first is not None:
        folds = [first_photos(fold, arguments.first) for fold in folds]
    features = {name: each[: len(folds[0].ids)] for name, each in encode_all(folds[0], encoder, file).items()}
    rows: Rows = {}
    for number, fold in enumerate(folds):
        assert fold.ids == folds[0].ids
        parts = parts_of(fold)
        for shop, measured in (
            ("photos", photos_catalogue),
            ("photos", further_photos),
            ("views", views_catalogue),
        ):
            for name, figures in measured(fold, parts, features):
                for figure, values in figures.items():
                    rows.setdefault(shop, {}).setdefault(name, {}).setdefault(figure, []).append(values)
        print("fold", number, flush=True)
    told = report(rows, [fold.senders[fold.asks] for fold in folds])
    if arguments.demo is not None:
        figures, groups = drawn_catalogue(arguments.demo / "site")
        drawn: Rows = {"drawn": {name: {key: [one] for key, one in each.items()} for name, each in figures.items()}}
        told |= report(drawn, [groups])
    keep("ranking", {"photos": len(folds[0].ids), **told}, picture(told))


if __name__ == "__main__":
    main()
