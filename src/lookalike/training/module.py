"""The LightningModule: backbone, heads on top that are used in training only, and the record of epochs."""

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from lookalike.errors import TrainingError
from lookalike.training.config import TrainConfig
from lookalike.training.data import Batch
from lookalike.training.losses import Heads
from lookalike.training.network import Backbone
from lookalike.training.schedules import factor
from lookalike.types import Preprocess, Reject


@dataclass(frozen=True)
class Epoch:
    """One line of the history: mean losses, share of validation photos classified rightly, last learning
    rate, and training photos a second (validation left out)."""

    epoch: int
    train_loss: float
    val_loss: float
    val_accuracy: float
    lr: float
    photos_per_s: float


class _Mean:
    """A running mean weighted by photos."""

    def __init__(self) -> None:
        self.total = 0.0
        self.count = 0

    def add(self, mean: float, count: int) -> None:
        self.total += mean * count
        self.count += count

    def value(self) -> float:
        return self.total / self.count


class Classifier(pl.LightningModule):
    """Learns labels, see `losses`; what is kept of it in the end is the backbone.

    The history and the photos that failed are part of each checkpoint, so that a resumed run tells the whole story.
    """

    def __init__(self, backbone: Backbone, heads: Sequence[int], config: TrainConfig, steps_per_epoch: int) -> None:
        """`backbone.network` takes photos, or, where only its last stages are trained, what the stages before gave."""
        super().__init__()
        self.backbone = backbone.network
        self.heads = Heads(backbone.dim, heads, config)
        self.history: list[Epoch] = []
        self.failed: dict[str, Reject] = {}
        self._config = config
        self._card = backbone.card
        self._factor = factor(config, steps_per_epoch)
        self._steps = config.epochs * steps_per_epoch
        self._train_loss, self._val_loss, self._val_accuracy = _Mean(), _Mean(), _Mean()
        self._started = 0.0
        self._seconds = 0.0
        self._lr = 0.0
        if config.freeze_backbone:
            self.backbone.requires_grad_(requires_grad=False)
        decay = ema_decay(config, steps_per_epoch)
        self.averaged = _averaged(self.backbone, self.heads, decay) if config.ema_epochs else None
        self.train()  # Lightning leaves the mode as it finds it

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Map uint8 of shape (n, size, size, 3), or cached rows (n, c * h * w), to features of shape (n, dim)."""
        return self.backbone(self._input(pixels))

    def _input(self, pixels: torch.Tensor) -> torch.Tensor:
        if self._config.trained_stages:
            return pixels
        return normalise(pixels, self._card, channels_last=self._config.channels_last)

    def on_train_epoch_start(self) -> None:
        """Reseed, so that dropout in a resumed run is what it would have been."""
        torch.manual_seed(self._config.seed * 1_000_003 + self.current_epoch)
        self._train_loss = _Mean()
        self._started = time.perf_counter()
        if self._config.freeze_backbone:
            self.backbone.eval()  # batch normalisation would go on learning from the photos
        elif self._config.trained_stages:
            for layer in self.backbone.modules():
                if isinstance(layer, torch.nn.modules.batchnorm._BatchNorm):  # pyright: ignore[reportPrivateUsage]
                    layer.eval()  # the trunk's statistics do not change, and few photos would only blur the tail's

    def training_step(self, batch: Batch, batch_idx: int) -> torch.Tensor | None:
        """Return the loss of a batch; None, which skips it, where fewer than two photos could be read."""
        self._note(batch)
        if len(batch.targets) < 2:
            return None
        loss = self.heads.loss(self(batch.pixels), batch.targets, self.global_step / self._steps)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise TrainingError("the loss is no longer a finite number", mend="Try a lower learning rate")
        self._train_loss.add(value, len(batch.targets))
        self.log("train_loss", loss, prog_bar=True, batch_size=len(batch.targets))
        self._lr = float(self.trainer.optimizers[0].param_groups[0]["lr"])
        self.log("lr", self._lr, batch_size=len(batch.targets))
        return loss

    def on_train_batch_end(self, outputs: object, batch: Batch, batch_idx: int) -> None:
        """Move the mean of the weights."""
        if self.averaged is not None:
            self.averaged.update_parameters(torch.nn.ModuleList([self.backbone, self.heads]))

    def on_validation_epoch_start(self) -> None:
        """Forget the last epoch's sums, and stop the clock of the training part."""
        self._seconds = max(time.perf_counter() - self._started, 1e-9)
        self._val_loss, self._val_accuracy = _Mean(), _Mean()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Sum loss (without smoothing) and accuracy, of the mean weights where there are such."""
        self._note(batch)
        count = len(batch.targets)
        if count == 0:
            return
        learned = (self.backbone, self.heads)
        backbone, heads = learned if self.averaged is None else self.averaged.module.children()
        logits, labels = heads(backbone(self._input(batch.pixels))), batch.targets[:, 0]
        self._val_loss.add(float(functional.cross_entropy(logits, labels)), count)
        self._val_accuracy.add(float((logits.argmax(1) == labels).float().mean()), count)

    def on_validation_epoch_end(self) -> None:
        """Write a line of history; it comes before the checkpoint, which holds it."""
        if not self._train_loss.count or not self._val_accuracy.count:
            part = "validation" if self._train_loss.count else "training"
            raise TrainingError(f"not one {part} photo could be read", mend="Name the photo root with --photos DIR")
        accuracy = self._val_accuracy.value()
        self.log("val_loss", self._val_loss.value(), prog_bar=True)
        self.log("val_accuracy", accuracy, prog_bar=True)
        line = Epoch(
            epoch=self.current_epoch,
            train_loss=self._train_loss.value(),
            val_loss=self._val_loss.value(),
            val_accuracy=accuracy,
            lr=self._lr,
            photos_per_s=round(self._train_loss.count / self._seconds, 2),
        )
        self.history = [*(old for old in self.history if old.epoch < line.epoch), line]

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW without decay on vectors (biases, normalisation), and a schedule that moves with each step."""
        learned = [parameter for parameter in self.parameters() if parameter.requires_grad]
        groups = [
            {"params": [p for p in learned if p.ndim > 1], "weight_decay": self._config.weight_decay},
            {"params": [p for p in learned if p.ndim <= 1], "weight_decay": 0.0},
        ]
        optimizer = torch.optim.AdamW(groups, lr=self._config.lr)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, self._factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Put history and failed photos into the checkpoint."""
        checkpoint["history"] = [asdict(line) for line in self.history]
        checkpoint["failed"] = [asdict(reject) for reject in self.failed.values()]

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take them back."""
        self.history = [Epoch(**line) for line in checkpoint["history"]]
        self.failed = {reject["id"]: Reject(**reject) for reject in checkpoint["failed"]}

    def _note(self, batch: Batch) -> None:
        for reject in batch.failed:
            self.failed.setdefault(str(reject.id), reject)


def ema_decay(config: TrainConfig, steps_per_epoch: int) -> float:
    """What a step leaves of the mean of the weights, so that it goes over `ema_epochs`; in [0, 1).

    An eighth of all steps at most, so that of the first weights, which had learned nothing, no more than e⁻⁸ is left.
    """
    span = min(config.ema_epochs * steps_per_epoch, config.epochs * steps_per_epoch / 8)
    return 1 - 1 / max(span, 1.0)


def _averaged(backbone: torch.nn.Module, heads: Heads, decay: float) -> AveragedModel:
    """Copy what is trained, to hold its exponential moving average; buffers are averaged too."""
    both = torch.nn.ModuleList([backbone, heads])
    return AveragedModel(both, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True).requires_grad_(
        requires_grad=False
    )


def normalise(pixels: torch.Tensor, card: Preprocess, *, channels_last: bool = False) -> torch.Tensor:
    """Map uint8 (n, size, size, 3) to normalised float32 (n, 3, size, size), as the card says."""
    mean = torch.tensor(card.mean, device=pixels.device)
    std = torch.tensor(card.std, device=pixels.device)
    scaled = ((pixels.float() / 255 - mean) / std).permute(0, 3, 1, 2)
    return scaled if channels_last else scaled.contiguous()
