"""Commands that teach the network itself; the only ones that need the `train` extra."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from lookalike.cli.console import BuildReporter, need_torch, out, show_trade_off
from lookalike.cli.options import check_budget, given, read_values, refuse_others, shell, split_labels
from lookalike.errors import TrainingError

_Values = Annotated[str | None, typer.Option(help="Values to try, separated by commas.")]
_BUDGETS = ("20m", "2h", "full")
_HEAD_ONLY = ("catalogue", "budget", "backbone", "level", "ignore_labels", "photos", "precision")
_PANEL = "Teach the network (needs the train extra)"


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""
    app.command(rich_help_panel=_PANEL)(train)
    app.command(rich_help_panel=_PANEL)(export)
    app.command(rich_help_panel=_PANEL)(sweep)


def train(
    context: typer.Context,
    catalogue: Annotated[Path, typer.Argument(help="A catalogue that `lookalike ingest` made, with its split.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="(default: model/ beside it)")] = None,
    budget: Annotated[
        str,
        typer.Option(help="2m: the head alone, no torch. 20m, 2h: train the last stages. full: the whole network."),
    ] = "20m",
    backbone: Annotated[str, typer.Option(help="lite0 or lite2 (weights in the package), or any timm name.")] = "lite0",
    trained_stages: Annotated[
        int | None, typer.Option(help="Last stages to train; all of them: --budget full.")
    ] = None,
    views: Annotated[int | None, typer.Option(help="Views of each photo that the frozen stages see once.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training photos.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Photos a step.")] = None,
    lr: Annotated[float | None, typer.Option(help="Peak learning rate.")] = None,
    weight_decay: Annotated[float | None, typer.Option(help="AdamW's weight decay.")] = None,
    schedule: Annotated[
        str | None, typer.Option(help="cosine, onecycle, step (StepLR) or constant; all warm up first.")
    ] = None,
    warmup_epochs: Annotated[float | None, typer.Option(help="Epochs until the peak learning rate.")] = None,
    step_epochs: Annotated[int | None, typer.Option(help="With step: epochs between drops.")] = None,
    gamma: Annotated[float | None, typer.Option(help="With step: factor of each drop.")] = None,
    label_smoothing: Annotated[float | None, typer.Option(help="Share of the target spread over all labels.")] = None,
    loss: Annotated[str | None, typer.Option(help="softmax, normalised (softmax of cosines) or arcface.")] = None,
    temperature: Annotated[float | None, typer.Option(help="With normalised and arcface: of the cosines.")] = None,
    margin: Annotated[float | None, typer.Option(help="With arcface: in radians, reached half way.")] = None,
    parent_weight: Annotated[float | None, typer.Option(help="Learn the parent categories too, so much.")] = None,
    product_weight: Annotated[float | None, typer.Option(help="Learn products of two photos or more too.")] = None,
    augmentation: Annotated[str | None, typer.Option(help="With the whole network: light, none or strong.")] = None,
    size_px: Annotated[int | None, typer.Option(help="Image size (default: the backbone's own).")] = None,
    level: Annotated[str, typer.Option(help="How deep labels go: parent, a path depth, or auto.")] = "auto",
    ignore_labels: Annotated[str, typer.Option(help="Comma-separated labels that are not learned.")] = "",
    freeze_backbone: Annotated[bool, typer.Option("--freeze-backbone", help="Train the last layer only.")] = False,
    patience: Annotated[int | None, typer.Option(help="Epochs without a better validation; 0: never stop.")] = None,
    ema_epochs: Annotated[
        float | None, typer.Option(help="Keep a moving average of the weights over so many epochs; 0: none.")
    ] = None,
    weights: Annotated[Path | None, typer.Option(help="Start from this file, with no network.")] = None,
    no_pretrained: Annotated[
        bool, typer.Option("--no-pretrained", help="Start from chance (with --budget full).")
    ] = False,
    precision: Annotated[str, typer.Option(help="auto, bf16 or fp32.")] = "auto",
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    seed: Annotated[int, typer.Option(min=0, help="Seed of weights, order and augmentation.")] = 0,
    resume: Annotated[bool, typer.Option("--resume/--restart", help="Go on with an interrupted run.")] = True,
    split: Annotated[Path | None, typer.Option(help="(default: split/ beside the catalogue)")] = None,
    photos: Annotated[Path | None, typer.Option(help="Photo root (default: where it was ingested from).")] = None,
) -> None:
    """Teach the network the catalogue's categories, within a time budget.

    The budget picks a plan; every option that you give overrides the plan. With 20m or 2h the stages before the last
    ones stay as they are and run once; the encoder keeps what it had beside what it learns, so that it can still find
    the very same thing. With 2m there is no network to train, and options for it are refused.

    Then: [bold]lookalike export model/ -o encoder/[/], and [bold]lookalike build SOURCE -o site/ --encoder encoder/[/].
    Ctrl-C keeps the last epoch; the same command goes on from there.
    """
    check_budget(budget, ("2m", *_BUDGETS))
    if budget == "2m":
        refuse_others(context, _HEAD_ONLY, "--budget 2m fits the head alone, beside the catalogue and its split")
        fit_head_only(catalogue, given(context, *_HEAD_ONLY[2:]))
        return
    need_torch()
    from lookalike.training import RunConfig, TrainConfig, plan_for
    from lookalike.training import train as run

    where_split = split or catalogue.parent / "split"
    config = TrainConfig(
        backbone=backbone,
        level=level,
        ignored=split_labels(ignore_labels),
        size_px=size_px,
        seed=seed,
        precision=precision,  # pyright: ignore[reportArgumentType] - checked by TrainConfig.check
        freeze_backbone=freeze_backbone,
        weights=weights,
        pretrained=not no_pretrained,
    )
    if budget != "full":
        config = plan_for(catalogue, where_split, config, budget)
    overriding = {
        "trained_stages": trained_stages,
        "views": views,
        "epochs": epochs,
        "batch_size": batch_size,
        "lr": lr,
        "weight_decay": weight_decay,
        "schedule": schedule,
        "warmup_epochs": warmup_epochs,
        "step_epochs": step_epochs,
        "gamma": gamma,
        "label_smoothing": label_smoothing,
        "loss": loss,
        "temperature": temperature,
        "margin": margin,
        "parent_weight": parent_weight,
        "product_weight": product_weight,
        "augmentation": augmentation,
        "patience": patience,
        "ema_epochs": ema_epochs,
    }
    config = replace(config, **{name: value for name, value in overriding.items() if value is not None})  # pyright: ignore
    if no_pretrained and weights is None and (config.trained_stages or freeze_backbone):
        raise TrainingError(
            "--no-pretrained starts from chance, and frozen stages would stay as chance made them",
            mend="Train the whole network with --budget full, or give --weights FILE",
        )
    where = output or catalogue.parent / "model"
    about = RunConfig(photos=photos, resume=resume, device=device)  # pyright: ignore[reportArgumentType]
    artifact = run(catalogue, where_split, where, config, about)
    out().print(f"[green]✓[/] {where}  [dim]{artifact.counts}[/]", soft_wrap=True)
    show_next("export", where, "-o", where.parent / "encoder")


def fit_head_only(catalogue: Path, typed: Mapping[str, Any]) -> None:
    """Embed with a stock encoder and fit the head beside the catalogue; tell the trade-off it chose from.

    `typed` are the options that were given, by name: the build that comes next must be given the same.
    """
    from lookalike import heads, pipeline
    from lookalike.artifacts import open_artifact

    config = pipeline.BuildConfig(
        encoder=typed.get("backbone", "lite0"),
        photos=typed.get("photos"),
        precision=typed.get("precision", "auto"),
        head=heads.HeadConfig(level=typed.get("level", "auto"), ignored=split_labels(typed.get("ignore_labels", ""))),
    )
    site = catalogue.parent
    seed = open_artifact(site / "split", "split").config["seed"]
    pipeline.fit(site, config, BuildReporter())
    show_trade_off(heads.load(site / "head").facts)
    as_typed = {"encoder" if name == "backbone" else name: value for name, value in typed.items()}
    if seed:
        as_typed["seed"] = seed
    options = [part for name, value in as_typed.items() for part in (f"--{name.replace('_', '-')}", value)]
    show_next("build", "SOURCE", "-o", site, *options)


def show_next(*words: object) -> None:
    """Tell the command that comes next, as it is to be typed."""
    out().print(f"Next:  [bold]{escape(shell('lookalike', *words))}[/]", soft_wrap=True)


def export(
    model: Annotated[Path, typer.Argument(help="A model that `lookalike train` made.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="(default: encoder/ beside it)")] = None,
    photos: Annotated[Path | None, typer.Option(help="Photo root (default: where it was ingested from).")] = None,
) -> None:
    """Turn a trained network into an encoder that embed, build and serve take without torch.

    Refused where the exported graph does not give what torch gives on real photos; prints what bf16 costs.
    """
    need_torch()
    from lookalike.training import export as run

    where = output or model.parent / "encoder"
    artifact = run(model, where, photos=photos)
    out().print(f"[green]✓[/] {where}", soft_wrap=True)
    for name, value in artifact.about.get("check", {}).items():
        out().print(f"  {name}: {value}")


def sweep(
    catalogue: Annotated[Path, typer.Argument(help="A catalogue that `lookalike ingest` made, with its split.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="(default: sweep/ beside it)")] = None,
    lr: _Values = None,
    batch_size: _Values = None,
    epochs: _Values = None,
    weight_decay: _Values = None,
    label_smoothing: _Values = None,
    loss: _Values = None,
    temperature: _Values = None,
    margin: _Values = None,
    schedule: _Values = None,
    trained_stages: _Values = None,
    views: _Values = None,
    sampler: Annotated[str, typer.Option(help="grid, random or tpe (Optuna's).")] = "grid",
    trials: Annotated[int | None, typer.Option(min=1, help="Runs in all (default: the whole grid, else 20).")] = None,
    budget: Annotated[str, typer.Option(help="20m, 2h or full: what all runs have in common.")] = "20m",
    backbone: Annotated[str, typer.Option(help="lite0, lite2 or any timm name.")] = "lite0",
    level: Annotated[str, typer.Option(help="How deep labels go: parent, a path depth, or auto.")] = "auto",
    ignore_labels: Annotated[str, typer.Option(help="Comma-separated labels that are not learned.")] = "",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the sampler and of every run.")] = 0,
    photos: Annotated[Path | None, typer.Option(help="Photo root (default: where it was ingested from).")] = None,
) -> None:
    """Train with many settings and compare them by validation accuracy.

    Example: [bold]lookalike sweep site/catalogue --lr 4e-4,5e-4,1e-3 --batch-size 64,128[/]

    Values are separated by commas; with random or tpe, LOW..HIGH is a range. The same command goes on after a stop.
    Compare the curves with [bold]tensorboard --logdir site/sweep/tensorboard[/].
    """
    check_budget(budget, _BUDGETS)
    need_torch("optuna")
    from lookalike.training import RunConfig, TrainConfig, plan_for
    from lookalike.training.sweep import SweepConfig, Trial
    from lookalike.training.sweep import sweep as run

    split = catalogue.parent / "split"
    base = TrainConfig(backbone=backbone, level=level, ignored=split_labels(ignore_labels), seed=seed)
    if budget != "full":
        base = plan_for(catalogue, split, base, budget)
    values = {
        "lr": read_values(lr, float),
        "batch_size": read_values(batch_size, int),
        "epochs": read_values(epochs, int),
        "weight_decay": read_values(weight_decay, float),
        "label_smoothing": read_values(label_smoothing, float),
        "loss": read_values(loss, str),
        "temperature": read_values(temperature, float),
        "margin": read_values(margin, float),
        "schedule": read_values(schedule, str),
        "trained_stages": read_values(trained_stages, int),
        "views": read_values(views, int),
    }
    space = {name: choices for name, choices in values.items() if choices is not None}
    config = SweepConfig(space, sampler, trials, seed)  # pyright: ignore[reportArgumentType]

    def told(trial: Trial) -> None:
        shown = "failed" if trial.val_accuracy is None else f"{trial.val_accuracy:.3f}"
        out().print(f"  {shown}  {trial.name}", soft_wrap=True)

    where = output or catalogue.parent / "sweep"
    about = RunConfig(photos=photos, progress=out().is_terminal)
    found = run((catalogue, split), where, base, config, run=about, report=told)
    out().print(f"[green]✓[/] {where}: {len(found)} runs, best first:")
    for trial in found:
        told(trial)
    out().print(f"Compare:  [bold]{escape(shell('tensorboard', '--logdir', where / 'tensorboard'))}[/]", soft_wrap=True)
