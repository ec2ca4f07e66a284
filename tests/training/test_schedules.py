"""Learning-rate schedules, against values worked out by hand, and settings that are refused."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.errors import TrainingError
from lookalike.training.config import TrainConfig
from lookalike.training.schedules import factor

pytestmark = pytest.mark.torch


def test_cosine_warms_up_and_falls_to_zero() -> None:
    at = factor(TrainConfig(epochs=3, warmup_epochs=1), 4)
    # 4 steps up in quarters, then half a cosine over 8 steps: cos(0), cos(pi/2) and cos(pi) at 4, 8 and 12
    assert [at(step) for step in (0, 1, 2, 3)] == [0.25, 0.5, 0.75, 1.0]
    assert [at(4), round(at(8), 12), round(at(12), 12)] == [1.0, 0.5, 0.0]


def test_step_drops_by_gamma_every_so_many_epochs() -> None:
    at = factor(TrainConfig(schedule="step", epochs=6, warmup_epochs=0, step_epochs=2, gamma=0.1), 5)
    assert [round(at(step), 12) for step in (0, 9, 10, 19, 20, 29)] == [1.0, 1.0, 0.1, 0.1, 0.01, 0.01]


def test_constant_stays() -> None:
    at = factor(TrainConfig(schedule="constant", epochs=2, warmup_epochs=0), 7)
    assert {at(step) for step in range(14)} == {1.0}


@given(
    st.sampled_from(["cosine", "step", "constant"]),
    st.integers(1, 20),
    st.floats(0, 30),
    st.integers(1, 50),
)
def test_a_run_always_learns_and_never_goes_over_the_peak(
    schedule: str, epochs: int, warmup: float, steps: int
) -> None:
    at = factor(TrainConfig(schedule=schedule, epochs=epochs, warmup_epochs=warmup), steps)  # pyright: ignore
    assert all(0 < at(step) <= 1 for step in range(epochs * steps))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"epochs": 0}, "epochs"),
        ({"batch_size": 0}, "batch size"),
        ({"lr": 0.0}, "learning rate"),
        ({"lr": float("nan")}, "learning rate"),
        ({"gamma": 1.5}, "gamma"),
        ({"label_smoothing": 1.0}, "label smoothing"),
        ({"ema_epochs": -0.1}, "span of the mean weights"),
        ({"size_px": 8}, "image size"),
        ({"schedule": "triangle"}, "triangle"),
        ({"augmentation": "wild"}, "wild"),
        ({"precision": "int3"}, "int3"),
    ],
)
def test_settings_out_of_range_are_named(change: dict[str, object], said: str) -> None:
    with pytest.raises(TrainingError, match=said):
        replace(TrainConfig(), **change).check()  # pyright: ignore
    TrainConfig().check()
