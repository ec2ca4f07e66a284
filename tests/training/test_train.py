"""The training stage: what it leaves behind, and that an interrupted run goes on as if nothing had happened."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
import torch
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.utilities.exceptions import SIGTERMException
from stopped import stop_training
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from train_shop import Inputs
from typer.testing import CliRunner

from lookalike.artifacts import Artifact, open_artifact
from lookalike.cli import app
from lookalike.errors import TrainingError
from lookalike.training import RunConfig, TrainConfig, beginning, train
from lookalike.training import fit as fitting
from lookalike.training.module import Classifier, Epoch

pytestmark = pytest.mark.torch

CONFIG = TrainConfig(
    backbone="test_resnet", pretrained=False, size_px=32, epochs=3, batch_size=8, lr=3e-3, precision="fp32", patience=0
)
QUIET = RunConfig(progress=False)


@pytest.fixture(scope="module")
def whole(inputs: Inputs, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """A run that nothing stopped."""
    return train(inputs.catalogue, inputs.split, tmp_path_factory.mktemp("whole") / "model", CONFIG, QUIET)


def test_it_learns(whole: Artifact) -> None:
    history = pl.read_parquet(whole.path / "history.parquet")
    assert history["epoch"].to_list() == [0, 1, 2]
    assert history["train_loss"][2] < history["train_loss"][0]
    assert history["val_accuracy"].max() == 1.0
    assert whole.counts["best_validation_accuracy"] == 1.0
    assert (whole.counts["labels"], whole.counts["train_photos"], whole.counts["rejected"]) == (3, 24, 0)


def test_it_leaves_a_checkpoint_an_epoch_and_the_best(whole: Artifact) -> None:
    assert sorted(file.name for file in (whole.path / "epochs").iterdir()) == ["000.ckpt", "001.ckpt", "002.ckpt"]
    best, last = (torch.load(whole.path / name, weights_only=True) for name in ("best.ckpt", "last.ckpt"))
    assert (best["epoch"], last["epoch"]) == (whole.counts["kept_epoch"], 2)
    history = pl.read_parquet(whole.path / "history.parquet")
    for name in ("best", "kept"):
        told = whole.counts[f"{name}_validation_accuracy"]
        assert history["val_accuracy"][int(whole.counts[f"{name}_epoch"])] == told
    assert json.loads((whole.path / "labels.json").read_text(encoding="utf-8"))["labels"] == ["blue", "green", "red"]
    assert not list(whole.path.parent.glob("*.partial"))


def test_tensorboard_finds_loss_rate_and_accuracy(whole: Artifact) -> None:
    events = EventAccumulator(str(whole.path / "tensorboard"))
    events.Reload()
    assert {"train_loss", "lr", "val_loss", "val_accuracy"} <= set(events.Tags()["scalars"])
    history = pl.read_parquet(whole.path / "history.parquet")
    told = [event.value for event in events.Scalars("val_accuracy")]
    assert told == pytest.approx(history["val_accuracy"].to_list())


def test_a_finished_run_is_not_run_again(whole: Artifact, inputs: Inputs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "_run", lambda *_: pytest.fail("ran again"))
    assert train(inputs.catalogue, inputs.split, whole.path.parent / "model", CONFIG, QUIET).hash == whole.hash


@pytest.fixture(params=[KeyboardInterrupt, SIGTERMException], ids=["ctrl-c", "sigterm"])
def stop_in(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[pytest.MonkeyPatch]:
    """Stop the run in the second batch of the second epoch, as Ctrl-C does, and as SIGTERM does through Lightning."""
    stop_training(monkeypatch, request.param)
    yield monkeypatch


def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(
    whole: Artifact, inputs: Inputs, tmp_path: Path, stop_in: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "model"
    with pytest.raises(TrainingError, match="1 of 3 epochs are done") as caught:
        train(inputs.catalogue, inputs.split, out, CONFIG, QUIET)
    (partial,) = tmp_path.glob("model.*.partial")
    assert "Run the same command" in caught.value.mend
    assert str(partial / "interrupted.ckpt") in caught.value.mend
    assert (partial / "interrupted.ckpt").is_file()
    assert torch.load(partial / "last.ckpt", weights_only=True)["epoch"] == 0

    stop_in.undo()
    stop_in.setattr(beginning, "make_backbone", lambda _: pytest.fail("fetched the first weights again"))
    begun: list[int] = []
    begin = Classifier.on_train_epoch_start
    stop_in.setattr(Classifier, "on_train_epoch_start", lambda m: (begun.append(m.current_epoch), begin(m)))
    resumed = train(inputs.catalogue, inputs.split, out, CONFIG, QUIET)
    assert begun == [1, 2]
    assert resumed.hash == whole.hash
    assert not (resumed.path / "interrupted.ckpt").exists()
    histories = [
        pl.read_parquet(artifact.path / "history.parquet").drop("photos_per_s") for artifact in (resumed, whole)
    ]
    assert histories[0].equals(histories[1])
    weights = [
        torch.load(artifact.path / "best.ckpt", weights_only=True)["state_dict"] for artifact in (resumed, whole)
    ]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[1])


def test_each_epoch_draws_its_own_dropout_whatever_came_before(monkeypatch: pytest.MonkeyPatch) -> None:
    module = Classifier(beginning.make_backbone(CONFIG), [2], CONFIG, 1)

    def draw(epoch: int) -> float:
        monkeypatch.setattr(Classifier, "current_epoch", epoch)
        module.on_train_epoch_start()
        return float(torch.rand(1))

    with torch.random.fork_rng(devices=[]):
        first, second = draw(0), draw(1)
        assert (draw(0), draw(1)) == (first, second)
        assert first != second


def test_restart_forgets_the_interrupted_run(inputs: Inputs, tmp_path: Path, stop_in: pytest.MonkeyPatch) -> None:
    with pytest.raises(TrainingError):
        train(inputs.catalogue, inputs.split, tmp_path / "model", CONFIG, QUIET)
    (partial,) = tmp_path.glob("model.*.partial")
    (partial / "left-over").touch()

    def begin_again(config: TrainConfig) -> None:
        assert not (partial / "left-over").exists()
        assert not (partial / "last.ckpt").exists()
        raise RuntimeError("from the beginning")

    stop_in.setattr(beginning, "make_backbone", begin_again)
    with pytest.raises(RuntimeError, match="from the beginning"):
        train(inputs.catalogue, inputs.split, tmp_path / "model", CONFIG, replace(QUIET, resume=False))


def test_the_counts_tell_the_best_epoch_from_the_kept_one(
    inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 6 validation photos the error of .75 is .18: the third epoch is kept, the second is the best."""
    end, accuracies = Classifier.on_train_epoch_end, iter((0.5, 0.75, 0.7))

    def pretend(module: Classifier) -> None:
        end(module)
        module.history[-1] = replace(module.history[-1], val_accuracy=next(accuracies))

    monkeypatch.setattr(Classifier, "on_train_epoch_end", pretend)
    model = train(inputs.catalogue, inputs.split, tmp_path / "model", CONFIG, QUIET)
    told = [model.counts[f"{name}_{what}"] for name in ("best", "kept") for what in ("epoch", "validation_accuracy")]
    assert told == [1, 0.75, 2, 0.7]


def test_photos_that_fail_are_recorded(inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    asked: list[int] = []
    keep = fitting.keep_best

    def count(folder: Path, history: list[Epoch], photos: int) -> Epoch:
        asked.append(photos)
        return keep(folder, history, photos)

    monkeypatch.setattr(fitting, "keep_best", count)

    shutil.copytree(inputs.photos, tmp_path / "photos")
    data = fitting.read_training_set(inputs.catalogue, inputs.split, CONFIG, tmp_path / "photos")
    data.train.files[0].write_bytes(b"")
    data.validation.files[1].unlink()
    run = replace(QUIET, photos=tmp_path / "photos")
    model = train(inputs.catalogue, inputs.split, tmp_path / "model", replace(CONFIG, epochs=1), run)
    rejects = model.rejects().sort("reason")
    assert rejects.select("id", "reason", "stage").rows() == [
        (data.train.image_ids[0], "empty", "train"),
        (data.validation.image_ids[1], "missing", "train"),
    ]
    assert model.counts["rejected"] == 2
    assert asked == [len(data.validation) - 1]


def test_the_clock_of_a_budget_starts_with_the_run(
    inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments, watch, spent = iter((100.0, 130.0)), fitting.callbacks, list[float]()

    def note(folder: Path, config: TrainConfig, *, spent_s: float, progress: bool) -> list[Callback]:
        spent.append(spent_s)
        return watch(folder, config, spent_s=spent_s, progress=progress)

    monkeypatch.setattr(fitting, "perf_counter", lambda: next(moments))
    monkeypatch.setattr(fitting, "callbacks", note)
    train(inputs.catalogue, inputs.split, tmp_path / "model", replace(CONFIG, epochs=1, budget_s=99.0), QUIET)
    assert spent == [30.0]


def test_a_photo_root_with_no_photos_is_an_error(inputs: Inputs, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(TrainingError, match=r"not one training photo could be read.*--photos"):
        train(inputs.catalogue, inputs.split, tmp_path / "model", CONFIG, replace(QUIET, photos=tmp_path / "empty"))


def test_training_stops_early_when_it_gets_no_better(inputs: Inputs, tmp_path: Path) -> None:
    config = replace(CONFIG, lr=1e-9, epochs=9, patience=1, freeze_backbone=True)  # nothing changes at all
    model = train(inputs.catalogue, inputs.split, tmp_path / "model", config, QUIET)
    assert model.counts["epochs"] == 2


def test_a_frozen_backbone_stays_as_it_was(inputs: Inputs, tmp_path: Path) -> None:
    config = replace(CONFIG, epochs=1, freeze_backbone=True, lr=0.1)
    model = train(inputs.catalogue, inputs.split, tmp_path / "model", config, QUIET)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        fresh = beginning.make_backbone(config).network.state_dict()
    kept = torch.load(model.path / "best.ckpt", weights_only=True)["state_dict"]
    assert all(torch.equal(kept[f"backbone.{name}"], fresh[name]) for name in fresh)


def test_the_recipe_knows_what_matters(whole: Artifact) -> None:
    manifest = open_artifact(whole.path, "model")
    assert manifest.config["backbone"] == "test_resnet"
    assert set(manifest.parents) == {"catalogue", "split"}
    assert manifest.about["precision"] == "fp32"


@pytest.mark.parametrize("frozen", [("--budget", "20m"), ("--budget", "full", "--freeze-backbone")])
def test_stages_that_stay_as_chance_made_them_are_refused(
    frozen: tuple[str, ...], inputs: Inputs, tmp_path: Path
) -> None:
    arguments = ["train", str(inputs.catalogue), "-o", str(tmp_path / "model"), "--no-pretrained", *frozen]
    refused = CliRunner().invoke(app, arguments).exception
    assert isinstance(refused, TrainingError)
    assert "starts from chance" in str(refused)
    assert not list(tmp_path.iterdir())
