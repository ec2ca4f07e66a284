"""The report's sections on what an evaluation found: the classifier, retrieval, and the queries in pictures."""

from collections.abc import Mapping, Sequence

from lookalike.report import charts
from lookalike.report.found import Found
from lookalike.report.pictures import Mapped, Pictures, draw_map, grids
from lookalike.report.sections import OURS, RAW
from lookalike.report.tables import cell, made_by, missing, plain, table
from lookalike.types import Json

_MOST_PAIRS = 10


def classifier(found: Found) -> str:
    """Confusion matrix, what is most often taken for what, table by label, calibration."""
    told = found.evaluation
    if told is None or "confusion" not in told:
        return missing("There is no classifier, or its evaluation is missing", f"lookalike evaluate {found.site}")
    labels, counts = told["confusion"]["labels"], told["confusion"]["counts"]
    whole = told["figures"][OURS]
    names = ("accuracy", "top-3 accuracy", "balanced accuracy", "macro F1", "calibration error")
    return (
        made_by(found.made("evaluation"))
        + table(list(names), [[cell(whole.get(name)) for name in names]])
        + "<h3>Confusion: rows true, columns predicted</h3>"
        + _matrix(labels, counts)
        + f"<h3>Most often taken for another</h3>{_pairs(labels, counts)}"
        + f"<h3>By label</h3>{_by_label(told['per_label'])}"
        + f"<h3>Calibration</h3>{_calibration(told['calibration'])}"
    )


def _matrix(labels: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    if len(labels) <= charts.MOST_LABELS:
        return charts.heat_map(labels, counts)
    support = [sum(row) for row in counts]
    shown = sorted(sorted(range(len(labels)), key=lambda place: -support[place])[: charts.MOST_LABELS])
    part = [[counts[row][column] for column in shown] for row in shown]
    note = (
        f'<p class="soft">The {len(shown)} labels of {len(labels)} with most photos; all stand in evaluation.json. '
        "Shades are shares of what is shown.</p>"
    )
    return charts.heat_map([labels[place] for place in shown], part) + note


def _pairs(labels: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    pairs = [
        (count, labels[row], labels[column], sum(counts[row]))
        for row in range(len(labels))
        for column, count in enumerate(counts[row])
        if row != column and count
    ]
    pairs.sort(key=lambda pair: (-pair[0], pair[1:]))
    rows = [
        [plain(true), plain(said), f"{count}", f"{total}", f"{count / total:.3f}"]
        for count, true, said, total in pairs[:_MOST_PAIRS]
    ]
    return table(["true", "called", "photos", "of", "share"], rows, text=2) if rows else "<p>Nothing.</p>"


def _by_label(per_label: Sequence[Json]) -> str:
    heads = ["label", "support", "precision", "recall", "F1", "label recall@1", "instance recall@1"]
    rows = [
        [
            plain(one["label"]),
            f"{one['support']}",
            *(cell(one.get(name)) for name in ("precision", "recall", "f1", *heads[5:])),
        ]
        for one in per_label
    ]
    return table(heads, rows, sortable=True)


def _calibration(bins: Sequence[Mapping[str, float]]) -> str:
    rows = [
        [
            f"{one['low']:.1f}–{one['high']:.1f}",
            f"{one['confidence']:.3f}",
            f"{one['accuracy']:.3f}",
            f"{one['count']:.0f}",
        ]
        for one in bins
    ]
    told = table(["confidence", "mean", "accuracy", "photos"], rows)
    note = '<p class="soft">Dashed: as sure as it is right. Below it, the classifier is too sure of itself.</p>'
    return f'<div class="charts"><div>{charts.reliability(bins)}{note}</div>{told}</div>'


def retrieval(found: Found) -> str:
    """Recall and precision at k, ours beside the raw features'; and every figure there is."""
    if found.evaluation is None:
        return missing("There is no evaluation", f"lookalike evaluate {found.site}")
    figures: Mapping[str, Mapping[str, Json]] = found.evaluation["figures"]
    starts = (
        "label recall@",
        "label precision@",
        "product recall@",
        "photos recall@",
        "instance recall@",
        "scene recall@",
    )
    variants = [variant for variant in (OURS, RAW) if variant in figures]
    shown: list[str] = []
    for start in starts:
        series = {
            variant: [
                (int(name.removeprefix(start)), figure["value"])
                for name, figure in figures[variant].items()
                if name.startswith(start) and figure["value"] is not None
            ]
            for variant in variants
        }
        if any(series.values()):
            shown.append(f"<div>{charts.lines(series, charts.Axes('k', f'{start}k', log_x=True))}</div>")
    every = list(dict.fromkeys(name for row in figures.values() for name in row))
    rows = [[plain(name), *(cell(row.get(name)) for row in figures.values())] for name in every]
    return (
        made_by(found.made("evaluation"))
        + f'<div class="charts">{"".join(shown)}</div>{charts.legend(variants)}'
        + f"<h3>All figures</h3>{table(['figure', *figures], rows)}"
    )


def neighbours(found: Found, pictures: Pictures | None) -> str:
    """Grids of queries with what they found."""
    if found.queries is None or pictures is None:
        return missing("There are no evaluated queries to show", f"lookalike evaluate {found.site}")
    shown = grids(pictures, found.queries)
    note = (
        '<p class="soft">Left the query, a test photo; then the training photos it found, best first, with scores. '
        "✓ and green: the query's label; ✗ and dashed red: another.</p>"
    )
    parts = "".join(f"<h3>{name}</h3>{grid}" for name, grid in shown.items()) or "<p>No query had an answer.</p>"
    return made_by(found.made("evaluation")) + note + parts


def the_map(found: Found, pictures: Pictures | None) -> tuple[str, list[tuple[str, str]]]:
    """The map of the catalogue; and the thumbnails that it shows, with what they are called."""
    mapped = Mapped("", "", [], 0) if pictures is None else draw_map(pictures)
    if not mapped.drawn:
        return missing("There are too few photos for a map", "lookalike build SOURCE"), []
    note = (
        f'<p class="soft">{len(mapped.thumbnails):,} of {mapped.photos:,} photos along the first two principal axes of '
        "their embeddings; colours are parent categories. Point at a dot, tap it, or use the arrow keys. Two axes show "
        "little of many dimensions: what lies together here need not be alike. Below, the photo nearest to the middle "
        "of each category.</p>"
    )
    peek = '<figure id="peek" hidden><img alt=""><figcaption></figcaption></figure>'
    return (
        f'{made_by(found.made("collection"))}<div class="mapbox">{mapped.drawn}{peek}</div>{note}{mapped.kinds}',
        mapped.thumbnails,
    )
