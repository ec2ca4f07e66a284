"""Commands of the chain: build, and each of its stages by itself."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli.console import BuildReporter, counted, need_torch, out, progress_bar, show_trade_off
from lookalike.cli.options import check_budget, head_config, read_source
from lookalike.errors import QueryError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lookalike.catalogue import SourceConfig
    from lookalike.pipeline import BuildConfig
    from lookalike.stages import Inputs

_STAGES = "One stage at a time"

_Source = Annotated[
    Path,
    typer.Argument(
        help="A folder with Products and Images tables, one table of images, a folder of photos per category, "
        "or a catalogue.toml."
    ),
]
_Photos = Annotated[Path | None, typer.Option("--photos", help="Photo root; default: found beside the table.")]
_Column = Annotated[
    list[str] | None,
    typer.Option("--column", metavar="PART=NAME", help="Name a column: --column label=kind. Repeat as needed."),
]
_ProductColumn = Annotated[
    list[str] | None,
    typer.Option("--product-column", metavar="PART=NAME", help="The same for a separate product table."),
]
_Encoding = Annotated[str | None, typer.Option(help="Encoding of the tables, such as cp1252 (default: UTF-8).")]
_Delimiter = Annotated[str | None, typer.Option(help="Delimiter of the tables (default: found out).")]
_Currency = Annotated[str | None, typer.Option(help="Currency of prices that name none, such as GBP.")]
_Rehash = Annotated[bool, typer.Option("--rehash", help="Read every byte to see whether photos changed.")]
_Encoder = Annotated[str, typer.Option(help="lite0, fast, best, lite2, or the folder that `lookalike export` made.")]
_Precision = Annotated[str, typer.Option(help="auto, bf16 or fp32; auto takes bf16 where the processor has it.")]
_Output = Annotated[Path | None, typer.Option("-o", "--output", help="Where to put it (default: beside its input).")]
_Flip = Annotated[bool, typer.Option("--flip", help="Average each photo with its mirror image: twice the encoding.")]
_Threads = Annotated[int | None, typer.Option(min=1, help="Decode threads (default: one per core).")]
_Kind = Annotated[str, typer.Option(help="mix, lda, wccn, pca or none; auto takes mix where there are labels.")]
_Level = Annotated[str, typer.Option(help="How deep labels go: parent, a path depth, or auto.")]
_Ignore = Annotated[
    str,
    typer.Option(
        "--ignore-labels", help="Labels that are searchable, never learned or scored: 'Other,\"Beds, Cots\"'."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""
    app.command(rich_help_panel="Start here")(build)
    for command in (ingest, split, embed, head, index):
        app.command(rich_help_panel=_STAGES)(command)
    app.command("export-embeddings", rich_help_panel=_STAGES)(export_embeddings)


def build(
    source: _Source,
    output: Annotated[Path, typer.Option("-o", "--output", help="The site to build.")] = Path("site"),
    encoder: _Encoder = "lite0",
    kind: Annotated[
        str, typer.Option("--head", help="mix, lda, wccn, pca or none; auto is mix where there are labels.")
    ] = "auto",
    level: _Level = "auto",
    ignore_labels: _Ignore = "",
    photos: _Photos = None,
    column: _Column = None,
    product_column: _ProductColumn = None,
    encoding: _Encoding = None,
    delimiter: _Delimiter = None,
    currency: _Currency = None,
    precision: _Precision = "auto",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the split and of the evaluation.")] = 0,
    rehash: _Rehash = False,
    budget: Annotated[
        str | None,
        typer.Option(help="20m, 2h: train the network first, so long (needs the train extra). 2m: the head alone."),
    ] = None,
    no_evaluate: Annotated[bool, typer.Option("--no-evaluate", help="Leave the evaluation out.")] = False,
    threads: _Threads = None,
    flip: _Flip = False,
) -> None:
    """Build a site from a source: every stage in order, skipping what is up to date.

    Example: [bold]lookalike build my-shop/ -o site/ --ignore-labels "Other,Not sure"[/]
    """
    from lookalike.embedding import EmbedConfig
    from lookalike.evaluate import EvaluateConfig
    from lookalike.pipeline import BuildConfig
    from lookalike.splits import SplitConfig

    if budget is not None:
        check_budget(budget, ("2m", "20m", "2h"))
    trained = None if budget == "2m" else budget
    if trained is not None:
        need_torch()
    config = BuildConfig(
        encoder=encoder,
        budget=trained,
        precision=precision,
        photos=photos,
        rehash=rehash,
        split=SplitConfig(seed=seed),
        head=head_config(kind, level, ignore_labels),
        embed=EmbedConfig(flip=flip, threads=threads),
        evaluation=None if no_evaluate else EvaluateConfig(seed=seed),
    )
    understood = read_source(source, photos, column, product_column, (encoding, delimiter, currency))
    build_and_report(source, output, config, understood)
    out().print(f"\nServe it:  [bold]lookalike serve {output}[/]", soft_wrap=True)


def build_and_report(
    source: Path, site: Path, config: "BuildConfig | None" = None, understood: "SourceConfig | None" = None
) -> None:
    """Build a site and print what a user wants to know then: what was left out, and the figures."""
    from rich.table import Table

    from lookalike import evaluate, pipeline
    from lookalike.catalogue import load_source_config

    console = out()
    reports = pipeline.build(
        understood or load_source_config(source), site, config or pipeline.BuildConfig(), BuildReporter()
    )
    rejects = pipeline.rejects_by_reason(site)
    if rejects.height:
        table = Table("stage", "reason", "left out", title="Left out")
        for stage, reason, count in rejects.iter_rows():
            table.add_row(stage, reason, f"{count:,}")
        console.print(table)
    if reports[-1].name == "evaluation":
        console.print(
            "\n".join(evaluate.lines(reports[-1].artifact, ledger=pipeline.Site(site).ledger)), soft_wrap=True
        )


def ingest(
    source: _Source,
    output: Annotated[Path, typer.Option("-o", "--output", help="The catalogue to make.")] = Path("catalogue"),
    photos: _Photos = None,
    column: _Column = None,
    product_column: _ProductColumn = None,
    encoding: _Encoding = None,
    delimiter: _Delimiter = None,
    currency: _Currency = None,
    rehash: _Rehash = False,
) -> None:
    """Read tables and photos, clean them, and record everything that was left out."""
    from lookalike import catalogue

    understood = read_source(source, photos, column, product_column, (encoding, delimiter, currency))
    with progress_bar("catalogue") as show:
        artifact = catalogue.ingest(understood, output, rehash=rehash, progress=show)
    _done(output, artifact.counts)


def split(
    catalogue: Annotated[Path, typer.Argument(help="A catalogue that `lookalike ingest` made.")],
    output: _Output = None,
    train: Annotated[float, typer.Option(help="Share of the photos to learn from.")] = 0.7,
    validation: Annotated[float, typer.Option(help="Share to choose by.")] = 0.15,
    seed: Annotated[int, typer.Option(min=0, help="Another seed gives another split.")] = 0,
) -> None:
    """Split photos into train, validation and test; nothing that belongs together crosses."""
    from lookalike import splits

    config = splits.SplitConfig(train=train, validation=validation, test=round(1 - train - validation, 9), seed=seed)
    where = output or _beside(catalogue, "split")
    _done(where, splits.split(catalogue, where, config).counts)


def embed(
    catalogue: Annotated[Path, typer.Argument(help="A catalogue that `lookalike ingest` made.")],
    output: _Output = None,
    encoder: _Encoder = "lite0",
    precision: _Precision = "auto",
    photos: _Photos = None,
    threads: _Threads = None,
    flip: _Flip = False,
) -> None:
    """Turn photos into features, in shards; a run that was stopped goes on where it was."""
    from lookalike import embedding
    from lookalike.encoder import load_encoder

    where = output or _beside(catalogue, "embeddings")
    config = embedding.EmbedConfig(threads=threads, flip=flip)
    loaded = load_encoder(encoder, precision=precision)
    with progress_bar("embeddings") as show:
        artifact = embedding.embed(catalogue, loaded, where, config, photos=photos, progress=show)
    _done(where, artifact.counts)


def export_embeddings(
    embeddings: Annotated[Path, typer.Argument(help="Embeddings that `lookalike embed` made.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="A file (default: the terminal).")] = None,
    as_json: Annotated[bool, typer.Option("--json/--parquet", help="JSON {image id: numbers}, or Parquet.")] = True,
) -> None:
    """Write the encoder's features for other tools: {image id: numbers} as JSON, or a Parquet table."""
    from lookalike.embeddings import json_pieces, load_embeddings, to_frame
    from lookalike.files import replacing, write_parquet

    read = load_embeddings(embeddings)
    if output is None and not as_json:
        raise QueryError("Parquet does not go to a terminal", mend="Name a file with -o")
    if output is None:
        for piece in json_pieces(read):
            sys.stdout.write(piece)
    elif as_json:
        with replacing(output) as temporary, temporary.open("w", encoding="utf-8") as file:
            file.writelines(json_pieces(read))
    else:
        write_parquet(output, to_frame(read))


def head(
    embeddings: Annotated[Path, typer.Argument(help="Embeddings that `lookalike embed` made.")],
    output: _Output = None,
    kind: _Kind = "auto",
    level: _Level = "auto",
    ignore_labels: _Ignore = "",
    catalogue: Annotated[Path | None, typer.Option(help="(default: catalogue/ beside the embeddings)")] = None,
    split: Annotated[Path | None, typer.Option(help="(default: split/ beside the embeddings)")] = None,
) -> None:
    """Fit the map from features to embeddings on the training photos; seconds, and nothing is embedded again."""
    from lookalike import stages

    where = output or _beside(embeddings, "head")
    inputs = _inputs(embeddings, catalogue, split)
    fitted = stages.fit_head(inputs, where, head_config(kind, level, ignore_labels))
    _done(where, fitted.counts)
    show_trade_off(fitted.about)


def index(
    embeddings: Annotated[Path, typer.Argument(help="Embeddings that `lookalike embed` made.")],
    output: _Output = None,
    encoder: _Encoder = "lite0",
    photos: _Photos = None,
    head: Annotated[Path | None, typer.Option(help="(default: head/ beside the embeddings)")] = None,
    catalogue: Annotated[Path | None, typer.Option(help="(default: catalogue/ beside the embeddings)")] = None,
    split: Annotated[Path | None, typer.Option(help="(default: split/ beside the embeddings)")] = None,
) -> None:
    """Fill the database that is searched: products, photos, thumbnails and embeddings."""
    from lookalike import stages
    from lookalike.encoder_folder import find_encoder

    where = output or _beside(embeddings, "collection")
    inputs = _inputs(embeddings, catalogue, split)
    with progress_bar("collection") as show:
        artifact = stages.fill_collection(
            inputs, head or _beside(embeddings, "head"), find_encoder(encoder), where, photos=photos, progress=show
        )
    _done(where, artifact.counts)


def _inputs(embeddings: Path, catalogue: Path | None, split: Path | None) -> "Inputs":
    from lookalike.stages import Inputs

    return Inputs(
        catalogue or _beside(embeddings, "catalogue"),
        split or _beside(embeddings, "split"),
        embeddings,
        _beside(embeddings, "views"),
    )


def _beside(artifact: Path, name: str) -> Path:
    return artifact.parent / name


def _done(where: Path, counts: "dict[str, object]") -> None:
    out().print(f"[green]✓[/] {where}  [dim]{counted(counts)}[/]", soft_wrap=True)
