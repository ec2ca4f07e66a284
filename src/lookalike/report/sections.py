"""The report's sections: each returns HTML, or says what is missing and which command makes it."""

import html
from collections.abc import Mapping, Sequence

import polars as pl

from lookalike.report import charts
from lookalike.report.found import Found
from lookalike.report.pictures import Pictures, draw_map, grids
from lookalike.types import Json

OURS, RAW = "lookalike", "raw features"
_MAIN = (
    "accuracy",
    "label recall@1",
    "label precision@10",
    "photos recall@1",
    "instance recall@1",
    "scene recall@1",
    "no-match AUROC",
)


def verdict(found: Found) -> str:
    """The main figures, beside what they are compared with, and one sentence about them."""
    if found.evaluation is None:
        return missing("There is no evaluation", f"lookalike evaluate {found.site}")
    figures: Mapping[str, Mapping[str, Json]] = found.evaluation["figures"]
    names = [name for name in _MAIN if name in figures[OURS]]
    rows = [[variant, *(cell(row.get(name)) for name in names)] for variant, row in figures.items()]
    label, instance = figures[OURS].get("label recall@1"), figures[OURS].get("instance recall@1")
    told = ""
    if label and instance and label["value"] is not None and instance["value"] is not None:
        told = (
            f"<p>The most alike photo shows the same kind of thing for <b>{label['value']:.0%}</b> of "
            f"{label['queries']} unseen photos, and a distorted photo finds its own original first in <b>{instance['value']:.0%}</b> "
            f"of {instance['queries']} tries.</p>"
        )
    note = (
        '<p class="soft">In brackets: 95 % interval over queries, whole groups drawn anew. Shuffled is the control.</p>'
    )
    return told + table(["", *names], rows, ours=OURS) + note


def catalogue(found: Found) -> str:
    """What came in, what was left out and why, and how the rest was split."""
    parts: list[str] = []
    for kind in ("catalogue", "split", "embeddings", "collection"):
        if kind in found.artifacts:
            counts = found.artifacts[kind].counts.items()
            parts.append(
                f"<p><b>{kind}</b>: " + ", ".join(f"{_shown(value)} {_plain(name)}" for name, value in counts) + "</p>"
            )
    if found.rejects.height:
        counted = found.rejects.group_by("stage", "reason").agg(pl.len().alias("count"))
        rows = [[_plain(s), _plain(r), f"{n:,}"] for s, r, n in counted.sort("count", "reason", descending=True).rows()]
        parts.append("<h3>Left out</h3>" + table(["stage", "reason", "rows or photos"], rows))
    else:
        parts.append("<p>Nothing was left out.</p>")
    return "".join(parts)


def curves(found: Found) -> str:
    """Loss, accuracy and learning rate of every training run there is, over each other."""
    if not found.histories:
        return missing("No network was trained: the encoder is a stock one", "lookalike build SOURCE --budget 20m")
    drawn = {
        "training loss": "train_loss",
        "validation loss": "val_loss",
        "validation accuracy": "val_accuracy",
        "learning rate": "lr",
    }
    shown = [
        "<div>"
        + charts.lines(
            {
                name: list(zip(h["epoch"].to_list(), h[column].to_list(), strict=True))
                for name, h in found.histories.items()
            },
            x="epoch",
            y=title,
        )
        + "</div>"
        for title, column in drawn.items()
    ]
    rows = [
        [
            _plain(name),
            f"{h['val_accuracy'].max():.4f}",
            f"{h.sort('val_accuracy', descending=True)['epoch'][0]}",
            f"{h.height}",
        ]
        for name, h in found.histories.items()
    ]
    return (
        f'<div class="charts">{"".join(shown)}</div>'
        + table(["run", "best validation accuracy", "in epoch", "epochs"], rows, sortable=True)
    )  # fmt: skip


def trade_off(found: Found) -> str:
    """Label against instance recall over the label part's weights, on the validation part."""
    choice = found.artifacts["head"].about.get("choice") if "head" in found.artifacts else None
    if not choice:
        return missing("The label part's weight was not chosen by validation here", "lookalike build SOURCE")
    tried = [(one["instance_recall"], one["label_recall"]) for one in choice["tried"]]
    raw = choice["raw"]
    chosen = next(one for one in choice["tried"] if one["label_weight"] == choice["label_weight"])
    drawn = charts.lines(
        {
            "label weight .1 to .7": tried,
            f"chosen: {choice['label_weight']}": [(chosen["instance_recall"], chosen["label_recall"])],
            "raw features": [(raw["instance_recall"], raw["label_recall"])],
        },
        x="instance recall@1 (validation)",
        y="label recall@1 (validation)",
    )
    return f'<div class="charts"><div>{drawn}</div></div>'


def classifier(found: Found) -> str:
    """Confusion matrix, table by label, calibration."""
    told = found.evaluation
    if told is None or "confusion" not in told:
        return missing("There is no classifier, or its evaluation is missing", f"lookalike evaluate {found.site}")
    labels, counts = told["confusion"]["labels"], told["confusion"]["counts"]
    heads = ["label", "support", "precision", "recall", "F1", "label recall@1", "instance recall@1"]
    rows = [
        [
            _plain(one["label"]),
            f"{one['support']}",
            *(_share(one[name]) for name in ("precision", "recall", "f1")),
            *(cell(one.get(name)) for name in heads[5:]),
        ]
        for one in told["per_label"]
    ]
    whole = found.evaluation["figures"][OURS] if found.evaluation else {}
    names = ("top-3 accuracy", "balanced accuracy", "macro F1", "calibration error")
    figures = table(list(names), [[cell(whole.get(name)) for name in names]])
    return (
        f"{figures}<h3>Confusion: rows true, columns predicted</h3>{charts.heat_map(labels, counts)}"
        f"<h3>By label</h3>{table(heads, rows, sortable=True)}"
        f'<h3>Calibration</h3><div class="charts"><div>{charts.reliability(told["calibration"])}</div></div>'
    )


def retrieval(found: Found) -> str:
    """Recall and precision at k, ours beside the raw features'."""
    if found.evaluation is None:
        return missing("There is no evaluation", f"lookalike evaluate {found.site}")
    figures: Mapping[str, Mapping[str, Json]] = found.evaluation["figures"]
    shown: list[str] = []
    for start in ("label recall@", "label precision@", "instance recall@", "scene recall@", "photos recall@"):
        series = {
            variant: [
                (int(name.removeprefix(start)), figure["value"])
                for name, figure in figures[variant].items()
                if name.startswith(start) and figure["value"] is not None
            ]
            for variant in (OURS, RAW)
            if variant in figures
        }
        if any(series.values()):
            drawn = charts.lines(series, x="k", y=start.removesuffix("@") + " at k", log_x=True)
            shown.append(f"<div>{drawn}</div>")
    every = list(dict.fromkeys(name for row in figures.values() for name in row))
    rows = [[name, *(cell(row.get(name)) for row in figures.values())] for name in every]
    return (
        f'<div class="charts">{"".join(shown)}</div><details><summary>All figures</summary>'
        f"{table(['figure', *figures], rows)}</details>"
    )


def neighbours(found: Found, pictures: Pictures | None) -> str:
    """Grids of queries with what they found."""
    if found.queries is None or pictures is None:
        return missing("There are no evaluated queries to show", f"lookalike evaluate {found.site}")
    shown = grids(pictures, found.queries)
    return "".join(f"<h3>{name}</h3>{grid}" for name, grid in shown.items()) or "<p>No query had an answer.</p>"


def the_map(pictures: Pictures | None) -> tuple[str, list[str]]:
    """The map of the catalogue, and its thumbnails."""
    drawn, thumbnails = ("", []) if pictures is None else draw_map(pictures)
    if not drawn:
        return missing("There are too few photos for a map", "lookalike build SOURCE"), []
    note = (
        '<p class="soft">A sample of photos along the first two principal axes of their embeddings; colours are parent '
        "categories. Two axes show little of many dimensions: what lies together here need not be alike.</p>"
    )
    return f'<div class="mapbox">{drawn}<img id="peek" alt=""></div>{note}', thumbnails


def ablations(rows: Sequence[Json]) -> str:
    """A table of what was tried, as it was given."""
    columns = list(dict.fromkeys(key for row in rows for key in row if key != "name"))
    shown = [[_plain(row["name"]), *(_share(row.get(name)) for name in columns)] for row in rows]
    return table(["name", *columns], shown, sortable=True)


def provenance(found: Found) -> str:
    """How each part was made: command, versions, seeds, hashes; and every use of the test part."""
    rows = [
        [
            kind,
            f"<code>{made.hash}</code>",
            f"<code>{_plain(made.about.get('command', 'unknown'))}</code>",
            _plain(made.about.get("created", "")),
            f"{made.about.get('seconds', 0):,.1f} s",
            f"<code>{_plain(_config(made.config))}</code>",
            _plain(", ".join(f"{name} {value}" for name, value in _versions(made.about).items())),
        ]
        for kind, made in found.artifacts.items()
    ]
    heads = ["artefact", "hash", "command", "made", "took", "configuration", "versions"]
    text = table(heads, rows, text=True)
    ledger = found.evaluation["ledger"] if found.evaluation else None
    if not ledger:
        return text
    uses = [
        [
            _plain(use.get("date")),
            f"<code>{_plain(use.get('command'))}</code>",
            f"<code>{_plain(use.get('commit'))}</code>",
        ]
        for use in ledger["last"]
    ]
    told = f"<h3>Uses of this test part: {ledger['uses_of_this_test_part']}; the last ones</h3>"
    return text + told + table(["date", "command", "code"], uses, text=True)


def missing(what: str, command: str) -> str:
    """Say what is not there, and what makes it."""
    return f'<p class="none">{html.escape(what)}. Make it: <code>{html.escape(command)}</code></p>'


def table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], *, ours: str = "", sortable: bool = False, text: bool = False
) -> str:
    """Write a table of cells that are HTML already; with `sortable`, heads are buttons."""
    head = "".join(
        f"<th><button>{html.escape(name)}</button></th>" if sortable else f"<th>{html.escape(name)}</th>"
        for name in heads
    )
    kind = ' class="text"' if text else ""
    body = "".join(_table_row(row, kind, mine=bool(ours) and row[0] == ours) for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _table_row(row: Sequence[str], kind: str, *, mine: bool) -> str:
    marked = ' class="ours"' if mine else ""
    return f"<tr{marked}>" + "".join(f"<td{kind}>{one}</td>" for one in row) + "</tr>"


def cell(figure: Json | None) -> str:
    """A figure with its interval."""
    if figure is None or figure["value"] is None:
        return "–"
    bounds = "" if figure["low"] is None else f" <small>({figure['low']:.3f}–{figure['high']:.3f})</small>"
    return f"{figure['value']:.3f}{bounds}"


def _share(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else _plain("–" if value is None else value)


def _plain(value: object) -> str:
    return html.escape(str(value).replace("_", " ") if isinstance(value, str) and " " not in value else str(value))


def _shown(value: object) -> str:
    return f"{value:,}" if isinstance(value, int | float) else _plain(value)


def _config(config: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={value}" for name, value in config.items() if value not in (None, [], {}, ""))


def _versions(about: Mapping[str, Json]) -> dict[str, object]:
    told = about.get("versions")
    return {"lookalike": about.get("lookalike", "?"), "python": about.get("python", "?"), **(told or {})}
