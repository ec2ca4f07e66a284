"""What the terminal shows: errors, progress bars, and the tables of a build."""

import importlib.util
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager

from rich.console import Console
from rich.text import Text

from lookalike.errors import LookalikeError, TrainingError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lookalike.pipeline import StageReport
    from lookalike.types import Json


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


@contextmanager
def progress_bar(name: str) -> Generator[Callable[[int, int], None]]:
    """Show a bar with photos done, photos a second and time left; yields a function of done and total."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    columns = (
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.description:<11}"),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TextColumn("[cyan]{task.fields[speed]}"),
        TimeRemainingColumn(),
    )
    console = err()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(name, total=None, speed="")

        def show(done: int, total: int) -> None:
            speed = bar.tasks[0].speed
            bar.update(task, completed=done, total=total, speed=f"{speed:,.0f}/s" if speed else "")

        yield show


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


def show_trade_off(facts: "Json") -> None:
    """Tell how the head's label part was shrunk, and what each weight of it and of the boost gives and takes."""
    shrunk = facts.get("shrinkage")
    if shrunk is not None:
        rows = [
            f"  {one['shrinkage']:<13}{one['accuracy']:>13.3f}{one['label_recall']:>17.3f}"
            + ("   chosen" if one["shrinkage"] == shrunk["shrinkage"] else "")
            for one in shrunk["tried"]
        ]
        asked = shrunk.get("asked", "training groups left out in turn")  # older heads asked these and did not say so
        title = f"  {'shrinkage':<13}{'accuracy':>13}{'label r@1':>17}   ({asked})"
        out().print("\n".join([title, *rows]))
    choice = facts.get("choice")
    if choice is not None:
        _show_weights("label weight", choice["tried"], choice["label_weight"], choice["raw"])
    boost = facts.get("boost")
    if boost is not None:
        tried = [{**one, "label_weight": one["weight"]} for one in boost["tried"]]
        _show_weights("boost", tried, boost["weight"])


def _show_weights(name: str, tried: "list[Json]", chosen: float, raw: "Json | None" = None) -> None:
    shown = [("raw features", raw, False)] if raw is not None else []
    shown += [(f"{one['label_weight']:g}", one, one["label_weight"] == chosen) for one in tried]
    rows = [
        f"  {text:<13}{one['label_recall']:>13.3f}{one['instance_recall']:>17.3f}" + ("   chosen" if is_it else "")
        for text, one, is_it in shown
    ]
    out().print("\n".join([f"  {name:<13}{'label r@1':>13}{'instance r@1':>17}   (validation)", *rows]))


def need_torch(*more: str) -> None:
    """Refuse where the train extra, or one of `more` (of the analyse extra), is missing."""
    wanted = ("torch", "timm", "pytorch_lightning", "onnx", *more)
    missing = [name for name in wanted if importlib.util.find_spec(name) is None]
    if missing:
        extras = "train,analyse" if more else "train"
        raise TrainingError(
            f"training needs {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed",
            mend=f"pip install 'lookalike[{extras}]'",
        )
