"""Commands that teach the network itself; the only ones that need the `train` extra."""

import importlib.util
from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli.chain import split_labels
from lookalike.cli.console import out
from lookalike.errors import TrainingError

_PANEL = "Teach the network (needs the train extra)"


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""
    app.command(rich_help_panel=_PANEL)(train)
    app.command(rich_help_panel=_PANEL)(export)


def train(
    catalogue: Annotated[Path, typer.Argument(help="A catalogue that `lookalike ingest` made.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="(default: model/ beside it)")] = None,
    backbone: Annotated[str, typer.Option(help="lite0 or lite2 (weights in the package), or any timm name.")] = "lite0",
    epochs: Annotated[int, typer.Option(help="Passes over the training photos.")] = 10,
    batch_size: Annotated[int, typer.Option(help="Photos a step.")] = 32,
    lr: Annotated[float, typer.Option(help="Peak learning rate.")] = 3e-4,
    weight_decay: Annotated[float, typer.Option(help="AdamW's weight decay.")] = 0.02,
    schedule: Annotated[str, typer.Option(help="cosine, step (StepLR) or constant; all warm up first.")] = "cosine",
    warmup_epochs: Annotated[float, typer.Option(help="Epochs until the peak learning rate.")] = 1.0,
    step_epochs: Annotated[int, typer.Option(help="With step: epochs between drops.")] = 3,
    gamma: Annotated[float, typer.Option(help="With step: factor of each drop.")] = 0.1,
    label_smoothing: Annotated[float, typer.Option(help="Share of the target spread over all labels.")] = 0.1,
    augmentation: Annotated[str, typer.Option(help="light, none or strong.")] = "light",
    size_px: Annotated[int | None, typer.Option(help="Image size (default: the backbone's own).")] = None,
    level: Annotated[str, typer.Option(help="How deep labels go: parent, a path depth, or auto.")] = "auto",
    ignore_labels: Annotated[str, typer.Option(help="Comma-separated labels that are not learned.")] = "",
    freeze_backbone: Annotated[bool, typer.Option("--freeze-backbone", help="Train the last layer only.")] = False,
    patience: Annotated[int, typer.Option(help="Epochs without a better validation; 0: never stop early.")] = 5,
    weights: Annotated[Path | None, typer.Option(help="Start from this file, with no network.")] = None,
    no_pretrained: Annotated[bool, typer.Option("--no-pretrained", help="Start from chance.")] = False,
    precision: Annotated[str, typer.Option(help="auto, bf16 or fp32.")] = "auto",
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    seed: Annotated[int, typer.Option(min=0, help="Seed of weights, order and augmentation.")] = 0,
    resume: Annotated[bool, typer.Option("--resume/--restart", help="Go on with an interrupted run.")] = True,
    split: Annotated[Path | None, typer.Option(help="(default: split/ beside the catalogue)")] = None,
    photos: Annotated[Path | None, typer.Option(help="Photo root (default: where it was ingested from).")] = None,
) -> None:
    """Fine-tune a network on the catalogue's categories.

    Then: [bold]lookalike export model/ -o encoder/[/], and [bold]lookalike build SOURCE -o site/ --encoder encoder/[/].
    Ctrl-C keeps the last epoch; the same command goes on from there.
    """
    _need_torch()
    from lookalike.training import RunConfig, TrainConfig
    from lookalike.training import train as run

    config = TrainConfig(
        backbone=backbone,
        level=level,
        ignored=split_labels(ignore_labels),
        epochs=epochs,
        batch_size=batch_size,
        lr=lr,
        weight_decay=weight_decay,
        schedule=schedule,  # pyright: ignore[reportArgumentType] - checked by TrainConfig.check
        warmup_epochs=warmup_epochs,
        step_epochs=step_epochs,
        gamma=gamma,
        label_smoothing=label_smoothing,
        augmentation=augmentation,  # pyright: ignore[reportArgumentType]
        size_px=size_px,
        seed=seed,
        precision=precision,  # pyright: ignore[reportArgumentType]
        freeze_backbone=freeze_backbone,
        patience=patience,
        weights=weights,
        pretrained=not no_pretrained,
    )
    where = output or catalogue.parent / "model"
    about = RunConfig(photos=photos, resume=resume, device=device)  # pyright: ignore[reportArgumentType]
    artifact = run(catalogue, split or catalogue.parent / "split", where, config, about)
    out().print(f"[green]✓[/] {where}  [dim]{artifact.counts}[/]", soft_wrap=True)
    out().print(f"Next:  [bold]lookalike export {where} -o {where.parent / 'encoder'}[/]", soft_wrap=True)


def export(
    model: Annotated[Path, typer.Argument(help="A model that `lookalike train` made.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="(default: encoder/ beside it)")] = None,
    photos: Annotated[Path | None, typer.Option(help="Photo root (default: where it was ingested from).")] = None,
) -> None:
    """Turn a trained network into an encoder that embed, build and serve take without torch.

    Refused where the exported graph does not give what torch gives on real photos; prints what bf16 costs.
    """
    _need_torch()
    from lookalike.training import export as run

    where = output or model.parent / "encoder"
    artifact = run(model, where, photos=photos)
    out().print(f"[green]✓[/] {where}", soft_wrap=True)
    for name, value in artifact.about.get("check", {}).items():
        out().print(f"  {name}: {value}")


def _need_torch() -> None:
    missing = [
        name for name in ("torch", "timm", "pytorch_lightning", "onnx") if importlib.util.find_spec(name) is None
    ]
    if missing:
        raise TrainingError(
            f"training needs {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed",
            mend="pip install 'lookalike[train]'",
        )
