"""Commands that use a built site: search, evaluate, compare, report, audit, serve, demo."""

import json
import os
import socket
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli.console import err, out, progress_bar
from lookalike.cli.options import rank_config, read_price
from lookalike.errors import QueryError, SettingsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lookalike.settings import Settings
    from lookalike.types import Result

_Site = Annotated[Path, typer.Argument(help="The folder that `lookalike build` made, or its collection/.")]
_Photos = Annotated[
    Path | None, typer.Option("--photos", help="Photo root; default: where the catalogue was ingested from.")
]
_Precision = Annotated[str, typer.Option(help="auto, bf16 or fp32; auto takes bf16 where the processor has it.")]

_Fold = Annotated[
    str,
    typer.Option(help="A product's score: its best photo (max), the mean of its photos, or of its best two (top2)."),
]
_Prototypes = Annotated[
    bool, typer.Option("--prototypes/--no-prototypes", help="Score products by the mean of their photos, too.")
]
_Boost = Annotated[
    str, typer.Option(help="What agrees with the guessed category first: off, auto (as validation chose), or a weight.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""
    app.command(rich_help_panel="Use a built site")(search)
    app.command(rich_help_panel="Use a built site")(serve)
    app.command(rich_help_panel="Use a built site")(evaluate)
    app.command(rich_help_panel="Use a built site")(compare)
    app.command(rich_help_panel="Use a built site")(report)
    app.command(rich_help_panel="Use a built site")(audit)
    app.command(rich_help_panel="Use a built site")(prune)
    app.command(rich_help_panel="Start here")(demo)


def search(
    site: _Site,
    photo: Annotated[list[Path], typer.Argument(help="One or more photos to search by.")],
    k: Annotated[int, typer.Option("-k", min=1, help="How many results for each photo.")] = 10,
    category: Annotated[str | None, typer.Option(help="Only this category path and what is below it.")] = None,
    min_price: Annotated[str | None, typer.Option(help="Only products at this price or above.")] = None,
    max_price: Annotated[str | None, typer.Option(help="Only products at this price or below.")] = None,
    by_product: Annotated[
        bool, typer.Option("--by-product/--by-photo", help="Each product once, or every photo.")
    ] = True,
    fold: _Fold = "max",
    prototypes: _Prototypes = False,
    boost: _Boost = "off",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: one list of results per photo.")] = False,
    precision: _Precision = "auto",
) -> None:
    """Find the products that look like a photo.

    Example: [bold]lookalike search site/ sofa.jpg -k 5 --category "Home & Garden" --max-price 200[/]
    """
    from lookalike.engine import SearchEngine
    from lookalike.types import Filter

    where = Filter(category=category or None, min_price=read_price(min_price), max_price=read_price(max_price))
    if where.min_price is not None and where.max_price is not None and where.min_price > where.max_price:
        raise QueryError("the lowest price is above the highest", mend="Swap --min-price and --max-price")
    rank = rank_config(fold, boost, prototypes=prototypes)
    with SearchEngine.open(site, precision=precision, rank=rank) as engine:
        found = engine.search_many(list(photo), k, where=where, by_product=by_product)
    if as_json:
        typer.echo(json.dumps([[_plain(result) for result in results] for results in found], ensure_ascii=False))
        return
    for path, results in zip(photo, found, strict=True):
        _table(path, results)


def serve(
    site: _Site,
    photos: _Photos = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on (default: 127.0.0.1).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on, 0 for a free one (default: 8080).")] = None,
    precision: Annotated[str | None, typer.Option(help="auto, bf16 or fp32 (default: auto).")] = None,
    fold: Annotated[str | None, typer.Option(help="max, mean or top2, see search (default: max).")] = None,
    prototypes: Annotated[bool | None, typer.Option("--prototypes/--no-prototypes", help="See search.")] = None,
    boost: Annotated[str | None, typer.Option(help="off, auto or a weight, see search (default: off).")] = None,
    threads: Annotated[int | None, typer.Option(help="Requests worked on at once (default: eight per core).")] = None,
    queue: Annotated[int | None, typer.Option(help="Requests that may wait, else 503 (default: 4 per thread).")] = None,
) -> None:
    """Serve a built site: the page at /, the HTTP API at /v1, its documentation at /docs.

    Every option can also come from the environment (LOOKALIKE_PORT=9000) or from a lookalike.toml here.
    """
    from lookalike.settings import load_settings

    more = {"fold": fold, "prototypes": prototypes, "boost": boost, "threads": threads, "queue": queue}
    _serve(site, load_settings(host=host, port=port, photos=photos, precision=precision, **more))


def evaluate(
    site: Annotated[Path, typer.Argument(help="The folder that `lookalike build` made.")],
    photos: _Photos = None,
    part: Annotated[str, typer.Option(help="The photos that ask: validation, to choose by, or test.")] = "test",
    queries: Annotated[int, typer.Option(min=1, help="Photos to distort for the instance protocol.")] = 400,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the distortions and of the intervals.")] = 0,
    precision: _Precision = "auto",
    fold: _Fold = "max",
    prototypes: _Prototypes = False,
    boost: _Boost = "off",
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Print every figure, not the main ones alone.")] = False,
) -> None:
    """Measure a built site on its test photos, through the engine that serves.

    Each use of the test photos is written to the site's ledger: choose with --part validation, which is kept apart in
    SITE/validation/, and look at test rarely.
    """
    from lookalike import evaluate as evaluation
    from lookalike import pipeline

    config = evaluation.EvaluateConfig(instance_queries=queries, seed=seed, queries=part)
    rank = rank_config(fold, boost, prototypes=prototypes)
    with err().status("evaluating"):
        artifact = pipeline.evaluate_site(site, config, photos=photos, precision=precision, rank=rank)
    if as_json:
        typer.echo(json.dumps(evaluation.read_told(artifact, pipeline.Site(site).ledger), indent=2, ensure_ascii=False))
    else:
        told = evaluation.lines(artifact, everything=everything, ledger=pipeline.Site(site).ledger)
        out().print("\n".join(told), soft_wrap=True)


def compare(
    first: Annotated[Path, typer.Argument(help="A built site, or its evaluation/ folder.")],
    second: Annotated[Path, typer.Argument(help="Another one, of the same catalogue and split.")],
    part: Annotated[str, typer.Option(help="Of sites: test, or validation for SITE/validation/.")] = "test",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the intervals.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Put two evaluations side by side, with paired intervals of the differences.

    Both must be of one split, part and seed. A site's older evaluations lie beside the newest: SITE/evaluation.<hash>/.
    """
    from lookalike import evaluate as evaluation

    found = evaluation.compare(first, second, part=part, seed=seed)
    if as_json:
        typer.echo(json.dumps([one.to_json() for one in found], indent=2))
    else:
        out().print("\n".join(evaluation.compared_lines(found)), soft_wrap=True)


def report(
    site: Annotated[Path, typer.Argument(help="The folder that `lookalike build` made.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="(default: SITE/report.html)")] = None,
    sweep: Annotated[Path | None, typer.Option(help="Lay the runs of this sweep over each other.")] = None,
    ablations: Annotated[Path | None, typer.Option(help="A JSON list of what was tried, by which command.")] = None,
) -> None:
    """Write everything that was measured into one HTML file with pictures, to read offline, to print, to send.

    It computes nothing: figures come from `lookalike evaluate`, curves from `lookalike train` and `sweep`.
    """
    from lookalike.report import write_report

    written = write_report(site, output or site / "report.html", sweep=sweep, ablations=ablations)
    out().print(f"[green]✓[/] {written}  [dim]{written.stat().st_size / 1e6:.1f} MB[/]", soft_wrap=True)


def audit(
    site: Annotated[Path, typer.Argument(help="The folder that `lookalike build` made.")],
    photos: _Photos = None,
) -> None:
    """Look for what a person should see in a catalogue: near-duplicates, wrong labels, photos of nothing, tiny labels.

    Writes a table and a picture of thumbnails for each into SITE/audit/, and changes nothing. Near-duplicates that
    cross the split make figures flatter. Wrong labels need an extra: pip install 'lookalike\\[analyse]'.
    """
    from lookalike import audit as auditing
    from lookalike import pipeline

    with progress_bar("audit") as show:
        artifact = pipeline.audit_site(site, photos=photos, progress=show)
    out().print("\n".join(auditing.lines(artifact, site / auditing.KIND)), soft_wrap=True, markup=False)


def demo(
    port: Annotated[int, typer.Option(help="Port of the page, 0 for a free one.")] = 8080,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    data: Annotated[Path | None, typer.Option(help="Your own source instead of the sample catalogue.")] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="Where to build.")] = Path("demo"),
    no_serve: Annotated[bool, typer.Option("--no-serve", help="Build only.")] = False,
) -> None:
    """Draw a sample catalogue (or take yours), build it, and serve the page."""
    from lookalike.cli.chain import build_and_report
    from lookalike.settings import load_settings

    source = data or output / "source"
    if data is None and not (source / "Products.csv").is_file():  # the tables are written last
        from lookalike import demo as sample

        with progress_bar("drawing") as show:
            sample.draw(source, progress=show)
    site = output / "site"
    build_and_report(source, site)
    if not no_serve:
        _serve(site, load_settings(host=host, port=port))


def prune(site: Annotated[Path, typer.Argument(help="The folder that `lookalike build` made.")]) -> None:
    """Remove what earlier builds left in a site: artefacts that nothing points at, and unfinished work.

    Do it when no build is running. Going back to an earlier configuration then makes its artefacts anew.
    """
    from lookalike import artifacts

    if not (site / "catalogue").is_symlink():
        raise QueryError("this is no built site", mend="Name the folder that `lookalike build` made")
    for path in artifacts.prune(site):
        out().print(f"removed {path.name}")


def _serve(site: Path, settings: "Settings") -> None:
    # Queries run beside each other, so their small matrix products need no threads of their own: those of OpenBLAS spin
    # while they wait (docs/experiments.md). It reads this when NumPy is imported, which is below.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    import uvicorn

    from lookalike.api import create_app
    from lookalike.engine import SearchEngine

    rank = rank_config(settings.fold, settings.boost, prototypes=settings.prototypes)
    with SearchEngine.open(
        site, photos=settings.photos, precision=settings.precision, max_pixels=settings.max_pixels, rank=rank
    ) as engine:
        listening = listen(settings.host, settings.port)
        level = "warning" if settings.log_level == "info" else settings.log_level
        # h11 bounds what a request's head may hold; httptools, which uvicorn takes where it is installed, does not.
        config = uvicorn.Config(create_app(engine, settings), http="h11", log_level=level)
        address = f"http://{settings.host}:{listening.getsockname()[1]}"
        err().print(f"Serving {engine.collection.count():,} photos at [bold]{address}[/]  (Ctrl-C stops)")
        uvicorn.Server(config).run(sockets=[listening])


def listen(host: str, port: int) -> socket.socket:
    """Take the address before anything is started, so that a taken one is a clear error."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named: asyncio turns Nagle's algorithm off only where it is, else each answer waits 40 ms.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise SettingsError(
            f"{host}:{port} cannot be listened on ({error.strerror})", mend="Choose another with --host and --port"
        ) from error
    return listening


def _plain(result: "Result") -> dict[str, object]:
    return {**asdict(result), "price": None if result.price is None else float(result.price)}


def _table(photo: Path, results: "list[Result]") -> None:
    from rich.table import Table

    rows = [
        {
            "score": f"{result.score:.3f}",
            "name": result.name,
            "price": "" if result.price is None else f"{result.price:,.2f} {result.currency or ''}".strip(),
            "category": result.category or "",
            "product": result.product_id,
            "photo": "" if result.image_id == result.product_id else result.image_id,
        }
        for result in results
    ]
    shown = [column for column in rows[0] if any(row[column] for row in rows)] if rows else []
    table = Table(title=str(photo), title_justify="left")
    for column in shown:
        table.add_column(column, overflow="fold", justify="right" if column in ("score", "price") else "left")
    for row in rows:
        table.add_row(*(row[column] for column in shown))
    out().print(table if results else f"{photo}: nothing passes the filter")
