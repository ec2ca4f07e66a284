"""The command line: a thin shell over the pipeline. Heavy imports wait inside the commands: `--help` is quick."""

import logging
import sys
import warnings

import typer

from lookalike import __version__
from lookalike.allocator import keep_freed_memory
from lookalike.cli import chain, learn, sizing, tuning, use
from lookalike.cli.console import show_error
from lookalike.errors import LookalikeError

app = typer.Typer(
    name="lookalike",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Visual search for marketplaces: from a product table and a folder of photos to ranked look-alikes.\n\n"
    "Start with [bold]lookalike demo[/], or with your own data: "
    "[bold]lookalike build SOURCE -o site/[/] and then [bold]lookalike serve site/[/].",
)
chain.register(app)
learn.register(app)
use.register(app)
tuning.register(app)
sizing.register(app)


@app.callback(invoke_without_command=True)
def _root(version: bool = typer.Option(False, "--version", help="Show the version and exit.")) -> None:
    if version:
        typer.echo(f"lookalike {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line; errors of ours end in one readable message and exit code 1."""
    keep_freed_memory()
    warnings.filterwarnings("ignore", module=r"PIL\.")  # odd photos: what they cost stands in the rejects
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    try:
        app()
    except LookalikeError as error:
        show_error(error)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped. What was finished is kept; the same command goes on from there.\n")
        sys.exit(130)
