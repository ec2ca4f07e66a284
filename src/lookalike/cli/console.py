"""What the terminal shows: errors, progress bars, and the tables of a build."""

from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from lookalike.errors import LookalikeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rich.progress import Task

    from lookalike.pipeline import StageReport


def out() -> Console:
    """Return the console for results, on standard output."""
    return Console(highlight=False)


def err() -> Console:
    """Return the console for progress and errors, on standard error: results stay clean for a pipe."""
    return Console(stderr=True, highlight=False)


def show_error(error: LookalikeError) -> None:
    """Print what was wrong, where, and what to do."""
    console = err()
    console.print(Text("error: ", "bold red") + Text(error.what[:1].upper() + error.what[1:]), soft_wrap=True)
    if error.where:
        console.print(Text("   at: ", "dim") + Text(error.where), soft_wrap=True)
    if error.mend:
        console.print(Text("   do: ", "green") + Text(error.mend), soft_wrap=True)


class _PerSecond(TextColumn):
    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: "Task") -> Text:
        return Text(f"{task.speed:,.0f}/s" if task.speed else "", "cyan")


@contextmanager
def progress_bar(name: str) -> Generator[Callable[[int, int], None]]:
    """Show a bar with photos done, photos a second and time left; yields a function of done and total."""
    columns = (
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.description:<11}"),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        _PerSecond(),
        TimeRemainingColumn(),
    )
    console = err()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


class BuildReporter:
    """Shows each stage of a build: a bar while it runs, one line when it is done."""

    def __init__(self) -> None:
        self._console = err()

    def stage(self, name: str) -> AbstractContextManager[Callable[[int, int], None]]:
        """Announce a stage."""
        return progress_bar(name)

    def finished(self, stage: "StageReport") -> None:
        """Print the stage's line: what it made, how long it took, or that it was up to date."""
        took = f"{stage.seconds:6.1f} s" if stage.made else "up to date"
        mark = Text("✓ ", "green") if stage.made else Text("· ", "dim")
        facts = Text(counted(stage.artifact.counts), "dim")
        self._console.print(mark + Text(f"{stage.name:<11} ") + Text(f"{took:>10}  ", "cyan") + facts, soft_wrap=True)


def counted(counts: Mapping[str, object]) -> str:
    """Tell the first few counts of an artefact that are not zero: `5,398 images, 347 groups`."""
    shown = [
        f"{value:,} {name.replace('_', ' ')}"
        for name, value in counts.items()
        if isinstance(value, int) and not isinstance(value, bool) and value > 0
    ]
    return ", ".join(shown[:5])
