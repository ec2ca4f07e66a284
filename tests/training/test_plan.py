"""Plans fit their budgets by their own estimate, and more time, more cores or fewer photos never plan less."""

import logging
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.errors import TrainingError
from lookalike.training import TrainConfig
from lookalike.training.plan import BUDGETS, FEW_EPOCHS, estimate, plan

pytestmark = pytest.mark.torch

PHOTOS, CORES = st.integers(1_000, 200_000), st.integers(1, 16)


@given(st.sampled_from(sorted(BUDGETS)), PHOTOS, CORES, st.sampled_from(["lite0", "lite2", "resnet50"]))
def test_a_plan_fits_its_budget_and_no_longer_one_would(budget: str, photos: int, cores: int, backbone: str) -> None:
    planned, known = plan(TrainConfig(backbone=backbone), budget, photos, cores), BUDGETS[budget]
    planned.check()
    assert planned.budget_s == known.seconds
    assert planned.trained_stages == known.stages
    assert 1 <= planned.epochs <= known.epochs
    assert planned.epochs == 1 or estimate(planned, photos, cores) <= known.seconds
    more = replace(planned, epochs=planned.epochs + 1, views=min(planned.epochs + 1, 8))
    assert planned.epochs == known.epochs or estimate(more, photos, cores) > 0.75 * known.seconds


@given(PHOTOS, CORES, st.integers(0, 100_000), st.integers(0, 8))
def test_less_time_fewer_cores_or_more_photos_never_plan_more(photos: int, cores: int, more: int, extra: int) -> None:
    short, long = (plan(TrainConfig(), budget, photos, cores) for budget in BUDGETS)
    for less, enough in (
        (short, long),
        (short, plan(TrainConfig(), "20m", photos, cores + extra)),
        (plan(TrainConfig(), "20m", photos + more, cores), short),
    ):
        assert less.epochs <= enough.epochs
        assert less.views <= enough.views
        assert less.trained_stages <= enough.trained_stages


@pytest.mark.parametrize(
    ("budget", "photos", "epochs", "views"),
    [
        ("20m", 10, 8, 8),
        ("20m", 3_740, 8, 8),
        ("20m", 21_000, 3, 1),  # a catalogue of 30,000
        ("20m", 100_000_000, 1, 1),
        ("2h", 3_740, 16, 8),
        ("2h", 21_000, 15, 8),
    ],
)
def test_what_two_cores_get(
    budget: str, photos: int, epochs: int, views: int, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        planned = plan(TrainConfig(), budget, photos, 2)
    assert (planned.epochs, planned.views) == (epochs, views)
    assert ("are many for" in caplog.text) == (epochs < FEW_EPOCHS)


def test_the_estimate_is_what_was_measured() -> None:
    """Eight epochs of 3,740 photos on two cores took 49.6 s each; worked out by hand from the milliseconds."""
    one = replace(plan(TrainConfig(), "20m", 3_740, 2), epochs=1)
    epoch = estimate(replace(one, epochs=2), 3_740, 2) - estimate(one, 3_740, 2)
    assert epoch == pytest.approx(3.740 * (16 * 1.07 + 10) / 2)
    assert epoch == pytest.approx(49.6, rel=0.05)


def test_an_unknown_budget_is_refused() -> None:
    with pytest.raises(TrainingError, match="'3w' is unknown"):
        plan(TrainConfig(), "3w", 100, 2)
