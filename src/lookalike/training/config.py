"""What decides a training run: `TrainConfig` goes into the model's hash, `RunConfig` does not."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, get_args

from lookalike.augment import Augmentation
from lookalike.errors import TrainingError
from lookalike.types import Json

Schedule = Literal["cosine", "onecycle", "step", "constant"]
Precision = Literal["auto", "bf16", "fp32"]
Device = Literal["auto", "cpu", "cuda"]
Loss = Literal["softmax", "normalised", "arcface"]


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How to train; equal configurations on equal data are the same model.

    `backbone` is `lite0`, `lite2` (both start from their packaged weights) or any timm name. `level` and `ignored`
    choose the labels as for the head. `lr` is the peak of the schedule, reached after `warmup_epochs`; `cosine` falls
    to zero at the end, `step` multiplies by `gamma` every `step_epochs`, `constant` stays. `loss` is described in
    `losses`; `temperature` and `margin` (radians) belong to its cosines. `parent_weight` and `product_weight` add the
    losses of telling apart parent categories, and products of two photos or more. `size_px` None means the backbone's
    own. `patience` counts epochs without a better validation accuracy before training stops; 0 means never.
    `trained_stages` n trains the network's last n stages on what the stages before, run once for each photo and `views`
    views of it, made of them, and the exported encoder has two branches, see `cut`; 0 trains the whole network in
    place, on photos augmented anew each epoch. `ema_epochs` validates and keeps an exponential moving average of the
    weights over about so many epochs, an eighth of the whole training at most; 0 keeps the weights themselves.
    `budget_s` ends training with the epoch in which that many seconds end, counted from the start of `train`.
    `weights` is a file to start from instead; without it and with `pretrained` off, the network starts from chance.
    """

    backbone: str = "lite0"
    level: str = "auto"
    ignored: tuple[str, ...] = ()
    epochs: int = 10
    batch_size: int = 32
    lr: float = 3e-4
    weight_decay: float = 0.02
    schedule: Schedule = "cosine"
    warmup_epochs: float = 1.0
    step_epochs: int = 3
    gamma: float = 0.1
    loss: Loss = "softmax"
    temperature: float = 0.05
    margin: float = 0.2
    parent_weight: float = 0.0
    product_weight: float = 0.0
    label_smoothing: float = 0.1
    augmentation: Augmentation = "light"
    size_px: int | None = None
    seed: int = 0
    precision: Precision = "auto"
    channels_last: bool = True
    freeze_backbone: bool = False
    patience: int = 5
    ema_epochs: float = 0.0
    trained_stages: int = 0
    views: int = 8
    budget_s: float | None = None
    weights: Path | None = None
    pretrained: bool = True

    @property
    def more_targets(self) -> tuple[tuple[str, float], ...]:
        """What is learned beside the label, with its weight: "parent", "product"."""
        both = (("parent", self.parent_weight), ("product", self.product_weight))
        return tuple((name, weight) for name, weight in both if weight)

    def check(self) -> None:
        """Refuse numbers that make no sense, before any work is done.

        Raises
        ------
        TrainingError
            Names the first setting that is out of range, and its range.
        """
        _one_of("schedule", self.schedule, get_args(Schedule))
        _one_of("augmentation", self.augmentation, get_args(Augmentation))
        _one_of("precision", self.precision, get_args(Precision))
        _one_of("loss", self.loss, get_args(Loss))
        _require("epochs", self.epochs >= 1, "1 or more")
        _require("batch size", self.batch_size >= 1, "1 or more")
        _require("learning rate", 0 < self.lr < float("inf"), "above 0")
        _require("weight decay", 0 <= self.weight_decay < float("inf"), "0 or more")
        _require("warm-up", self.warmup_epochs >= 0, "0 epochs or more")
        _require("step", self.step_epochs >= 1, "1 epoch or more")
        _require("gamma", 0 < self.gamma <= 1, "above 0 and at most 1")
        _require("temperature", 0 < self.temperature <= 1, "above 0 and at most 1")
        _require("margin", 0 <= self.margin < 1.5, "0 or more and below 1.5 radians")
        _require("weight of the parent categories", 0 <= self.parent_weight < float("inf"), "0 or more")
        _require("weight of the products", 0 <= self.product_weight < float("inf"), "0 or more")
        _require("label smoothing", 0 <= self.label_smoothing < 1, "0 or more and below 1")
        _require("span of the mean weights", 0 <= self.ema_epochs < float("inf"), "0 epochs (none) or more")
        _require("image size", self.size_px is None or self.size_px >= 16, "16 pixels or more")
        _require("number of trained stages", self.trained_stages >= 0, "0 (the whole network) or more")
        _require("number of views", 1 <= self.views <= 64, "1 to 64")
        _require("budget", self.budget_s is None or self.budget_s > 0, "more than 0 seconds")
        _require("patience", self.patience >= 0, "0 (never stop early) or more")

    def to_json(self) -> Json:
        """Describe it as JSON; a weights file by its name alone, since its content is hashed beside."""
        described = asdict(self)
        described["ignored"] = sorted(self.ignored)
        described["weights"] = None if self.weights is None else self.weights.name
        return described


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Where and how a run goes on; nothing here changes what is learned.

    `photos` is the photo root, default where the catalogue was ingested from. `resume` goes on with an interrupted
    run of the same configuration. `workers` None decodes in threads on the CPU, where processes would only take turns
    with the training itself, and in processes on a GPU. `cache` is a folder where what the frozen stages gave is kept
    for other runs; without it, it is deleted in the end. `progress` shows a bar in the terminal.
    """

    photos: Path | None = None
    resume: bool = True
    device: Device = "auto"
    workers: int | None = None
    progress: bool = True
    cache: Path | None = None


def _require(name: str, holds: bool, wanted: str) -> None:  # noqa: FBT001
    if not holds:
        raise TrainingError(f"the {name} is out of range", mend=f"Choose {wanted}")


def _one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise TrainingError(f"the {name} {value!r} is unknown", mend=f"Choose one of {', '.join(known)}")
