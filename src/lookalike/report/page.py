"""The page: sections put together into one HTML file that needs nothing else."""

import html
import json
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

from lookalike.artifacts import typed_command
from lookalike.files import write_text
from lookalike.report import evaluated, sections
from lookalike.report.found import Found, read_site
from lookalike.report.pictures import Pictures


def write_report(site: Path, out: Path, *, sweep: Path | None = None, ablations: Path | None = None) -> Path:
    """Write a site's report.

    Parameters
    ----------
    site : a built site
    out : the HTML file; it appears whole or not at all
    sweep : a folder that `lookalike sweep` made, whose runs are laid over each other (default: the site's own)
    ablations : a JSON list of objects, each with a `name`; its other values are columns, a number or a figure as
        `evaluation.json` has it (`value`, `low`, `high`); `command` is what its figures come from, and is shown last

    Raises
    ------
    ArtifactError
        This is no site, or a part of it is damaged.
    """
    found = read_site(site, sweep=sweep, ablations=ablations)
    collection = found.artifacts.get("collection")
    pictures = None if collection is None else Pictures.open(collection.path)
    try:
        write_text(out, render(found, pictures))
    finally:
        if pictures is not None:
            pictures.collection.close()
    return out


def render(found: Found, pictures: Pictures | None) -> str:
    """Put the page together."""
    drawn, thumbnails = evaluated.the_map(found, pictures)
    parts = {
        "The figures": sections.verdict(found),
        "The catalogue": sections.catalogue(found),
        "Training": sections.curves(found),
        "Label and instance": sections.trade_off(found),
        "The classifier": evaluated.classifier(found),
        "Retrieval": evaluated.retrieval(found),
        "What was found": evaluated.neighbours(found, pictures),
        "A map": drawn,
    }
    if found.ablations:
        parts["Ablations"] = sections.ablations(found.ablations)
    parts["Where it comes from"] = sections.provenance(found)
    body = "".join(
        f'<section id="s{place}"><h2>{name}</h2>{part}</section>' for place, (name, part) in enumerate(parts.items())
    )
    links = " ".join(f'<a href="#s{place}">{name}</a>' for place, name in enumerate(parts))
    title = f"Lookalike: {html.escape(found.site.resolve().name)}"
    when = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    command = html.escape(typed_command())
    data = json.dumps(thumbnails).replace("<", "\\u003c")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_file('style.css')}</style></head><body><h1>{title}</h1>"
        f'<p class="soft">Written {when} by <code>{command}</code>. What the words mean: docs/metrics.md '
        "of the project. Each section names the commands that its figures come from.</p>"
        f'<nav>{links}</nav>{body}<script type="application/json" id="thumbnails">{data}</script>'
        f"<script>{_file('script.js')}</script></body></html>\n"
    )


def _file(name: str) -> str:
    return (resources.files("lookalike.report") / name).read_text(encoding="utf-8")
