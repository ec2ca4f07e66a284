"""The report's sections on a catalogue and how its site was made; each says what is missing and what makes it."""

from collections.abc import Mapping, Sequence

import polars as pl

from lookalike.artifacts import Artifact
from lookalike.report import charts
from lookalike.report.found import Found
from lookalike.report.tables import cell, command_of, counted, made_by, missing, plain, table, words
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
_SHOWN_USES = 5


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
            f"{label['queries']} unseen photos, and a distorted photo finds its own original first in "
            f"<b>{instance['value']:.0%}</b> of {instance['queries']} tries.</p>"
        )
    note = (
        '<p class="soft">In brackets: 95 % interval over queries, whole groups drawn anew. Raw features: the same '
        "encoder without the head. Shuffled is the control, and should be near chance.</p>"
    )
    shown = f'<div class="wide">{table(["", *names], rows, ours=OURS)}</div>'
    return made_by(found.made("evaluation")) + told + shown + note + _asked(found)


def _asked(found: Found) -> str:
    """How many photos were asked about, and which were left out and why."""
    told: Json = found.evaluation or {}
    counts: Mapping[str, int] = told.get("counts", {})
    rows = [
        [words(part), counted(counts.get(part, 0)), counted({name: n for name, n in reasons.items() if n})]
        for part, reasons in told.get("left_out", {}).items()
    ]
    unanswered = {
        name: figure["left_out"]
        for name, figure in told.get("figures", {}).get(OURS, {}).items()
        if name in ("label recall@1", "photos recall@1", "instance recall@1") and figure["left_out"]
    }
    note = f"<p>Without an answer, and so in no mean: {counted(unanswered)} queries.</p>" if unanswered else ""
    return f"<h3>Asked and left out</h3>{table(['part', 'photos', 'left out'], rows, text=3)}{note}" if rows else ""


def catalogue(found: Found) -> str:
    """What came in, what was left out and why, and how the rest was split."""
    made = found.made("catalogue", "split", "embeddings", "collection")
    rows = [
        [words(one.kind), counted({name: n for name, n in one.counts.items() if n and name != "rejects"})]
        for one in made
    ]
    parts = [made_by(made), table(["stage", "counts"], rows, text=2)]
    if found.rejects.height:
        by_reason = found.rejects.group_by("stage", "reason").agg(pl.len().alias("count"))
        rows = [[words(s), words(r), f"{n:,}"] for s, r, n in by_reason.sort("count", "reason", descending=True).rows()]
        parts.append("<h3>Left out</h3>" + table(["stage", "reason", "rows or photos"], rows, text=2))
    else:
        parts.append("<p>Nothing was left out.</p>")
    return "".join(parts)


def curves(found: Found) -> str:
    """Loss, accuracy and learning rate of every training run there is, over each other."""
    if not found.histories:
        return missing("No network was trained here", f"lookalike train {found.site / 'catalogue'}")
    drawn = {
        "training loss": "train_loss",
        "validation loss": "val_loss",
        "validation accuracy": "val_accuracy",
        "learning rate": "lr",
    }
    shown: list[str] = []
    for title, column in drawn.items():
        series = {
            name: list(zip(h["epoch"].to_list(), h[column].to_list(), strict=True))
            for name, h in found.histories.items()
        }
        shown.append(f"<div>{charts.lines(series, charts.Axes('epoch', title, whole_x=True))}</div>")
    counts = {name: found.runs[name].counts for name in found.histories}
    rows = [
        [
            plain(name),
            f"{counts[name]['best_validation_accuracy']:.4f}",
            f"{counts[name]['best_epoch']}",
            f"{counts[name]['kept_validation_accuracy']:.4f}",
            f"{counts[name]['kept_epoch']}",
            f"{h.height}",
        ]
        for name, h in found.histories.items()
    ]
    head = ["run", "best validation accuracy", "best epoch", "kept validation accuracy", "kept epoch", "epochs"]
    notes = [
        f"{found.failed_runs} settings of the sweep failed (their loss was no longer finite)."
        * bool(found.failed_runs),
        "The site's encoder is not the model that was trained here." * (not _is_used(found)),
    ]
    return (
        made_by(found.runs.values())
        + f'<div class="charts">{"".join(shown)}</div>{charts.legend(list(found.histories))}'
        + table(head, rows, sortable=True)
        + "".join(f'<p class="soft">{note}</p>' for note in notes if note)
    )


def _is_used(found: Found) -> bool:
    encoder = found.artifacts.get("encoder")
    return encoder is not None and encoder.parents.get("model") in {made.hash for made in found.runs.values()}


def trade_off(found: Found) -> str:
    """Label against instance recall over the label part's weights, on the validation part."""
    choice = found.artifacts["head"].about.get("choice") if "head" in found.artifacts else None
    if not choice:
        return missing("The label part's weight was not chosen by validation here", "lookalike build SOURCE")
    raw = choice["raw"]
    rows = [(f"weight {one['label_weight']}", one) for one in choice["tried"]] + [("raw features", raw)]
    chosen = next(one for one in choice["tried"] if one["label_weight"] == choice["label_weight"])
    series = {
        "label weight .1 to .7": [(one["instance_recall"], one["label_recall"]) for one in choice["tried"]],
        f"chosen: {choice['label_weight']}": [(chosen["instance_recall"], chosen["label_recall"])],
        "raw features": [(raw["instance_recall"], raw["label_recall"])],
    }
    drawn = charts.lines(series, charts.Axes("instance recall@1 (validation)", "label recall@1 (validation)"))
    told = table(
        ["", "label recall@1", "instance recall@1"],
        [[name, f"{one['label_recall']:.3f}", f"{one['instance_recall']:.3f}"] for name, one in rows],
        ours=f"weight {choice['label_weight']}",
    )
    return (
        made_by(found.made("head")) + f'<div class="charts"><div>{drawn}{charts.legend(list(series))}</div>{told}</div>'
    )


def ablations(rows: Sequence[Json]) -> str:
    """A table of what was tried, as it was given, each row with the command that it comes from."""
    columns = list(dict.fromkeys(key for row in rows for key in row if key not in ("name", "command")))
    shown = [[plain(row["name"]), *(cell(row.get(name)) for name in columns), _command(row)] for row in rows]
    note = '<p class="from">From the file that <code>lookalike report --ablations</code> was given.</p>'
    return note + table(["name", *columns, "command"], shown, sortable=True)


def _command(row: Json) -> str:
    given = row.get("command")
    return f"<code>{plain(given)}</code>" if given else '<span class="soft">no command was given</span>'


def provenance(found: Found) -> str:
    """How each part was made: command, versions, seeds, hashes; and every use of the test part."""
    every = {**found.artifacts, **{name: made for name, made in found.runs.items() if name != "model"}}
    rows = [[_identity(name, made), _origin(made)] for name, made in every.items()]
    text = table(["artefact", "how it was made"], rows, text=2)
    if found.evaluation is None:
        return text
    uses = [
        [
            f"<span class=date>{plain(_moment(use.get('date')))}</span>",
            f"<code>{plain(use.get('command', 'a line that cannot be read'))}</code>",
            f"<code>{plain(_short(str(use.get('commit', ''))))}</code>",
            plain(use.get("evaluation", "")),
        ]
        for use in found.uses[-_SHOWN_USES:]
    ]
    count = len(found.uses)
    told = f"<h3>Uses of this test part: {count}</h3>"
    few = f'<p class="soft">The last {len(uses)}; all stand in test-uses.jsonl.</p>' if count > len(uses) else ""
    return text + told + few + table(["date", "command", "code", "evaluation"], uses, text=4)


def _identity(name: str, made: Artifact) -> str:
    took = f"{made.about.get('seconds', 0):,.1f} s"
    when = plain(_moment(made.about.get("created")))
    return f"<b>{plain(name)}</b><br><code>{made.hash}</code><br><span class=soft>{when}, {took}</span>"


def _origin(made: Artifact) -> str:
    versions = {"lookalike": made.about.get("lookalike", "?"), "python": made.about.get("python", "?")}
    versions |= made.about.get("versions") or {}
    told = ", ".join(f"{name} {value}" for name, value in versions.items())
    config = ", ".join(f"{name}={value}" for name, value in made.config.items() if value not in (None, [], {}, ""))
    parents = ", ".join(f"{kind} {code}" for kind, code in made.parents.items())
    lines = [
        f"<code class=typed>{plain(command_of(made))}</code>",
        f"<code>{plain(config)}</code>",
        plain(f"of {parents}") if parents else "",
        plain(f"by {told}, on {made.about.get('machine', 'an unknown machine')}"),
    ]
    return "<br>".join(line for line in lines if line)


def _moment(when: object) -> str:
    return str(when or "")[:16].replace("T", " ")


def _short(commit: str) -> str:
    known, _, dirty = commit.partition("-")
    return known[:12] + (f"-{dirty}" if dirty else "")
