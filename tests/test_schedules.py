"""The learning rate of every step, by hand."""

from __future__ import annotations

import math
from typing import get_args

import numpy as np
import pytest

from core.config import OptimizerConfig, RunConfig
from core.config_training import ScheduleName
from core.schedules import SHAPES, is_flat, schedule_values, steps_per_epoch


def rates(steps: int, epochs: int, **fields: object) -> list[float]:
    config = OptimizerConfig.model_validate({"learning_rate": 1.0, **fields})
    values = schedule_values(config, steps, epochs)
    assert values.dtype == np.float32
    assert values.shape == (steps * epochs,)
    return [round(float(value), 6) for value in values]


def test_every_name_has_a_shape() -> None:
    assert set(SHAPES) == set(get_args(ScheduleName))


@pytest.mark.parametrize("schedule", ["constant", "plateau"])
def test_what_stays_is_flat(schedule: str) -> None:
    assert rates(2, 3, schedule=schedule) == [1] * 6
    assert is_flat(OptimizerConfig.model_validate({"schedule": schedule}))


def test_warm_up_rises_evenly_to_the_full_rate() -> None:
    assert rates(4, 2, warmup_epochs=1) == [0.25, 0.5, 0.75, 1, 1, 1, 1, 1]
    assert not is_flat(OptimizerConfig(warmup_epochs=1))


def test_a_warm_up_longer_than_the_training_is_cut() -> None:
    assert rates(2, 1, warmup_epochs=5, schedule="cosine") == [0.5, 1]


def test_steps_drop_after_whole_epochs_of_the_training() -> None:
    drops = {"schedule": "step", "step_epochs": 2, "step_factor": 0.5}
    assert rates(2, 5, **drops) == [1] * 4 + [0.5] * 4 + [0.25] * 2
    assert rates(2, 3, **drops, warmup_epochs=1) == [0.5, 1, 1, 1, 0.5, 0.5]


def test_exponential_has_its_factor_after_every_epoch() -> None:
    values = rates(4, 3, schedule="exponential", decay_factor=0.5)
    assert values[::4] == [1, 0.5, 0.25]
    assert values[2] == pytest.approx(math.sqrt(0.5), abs=1e-6)


def test_cosine_is_half_way_at_half_time() -> None:
    values = rates(10, 2, schedule="cosine")
    assert (values[0], values[10]) == (1, 0.5)
    assert values == sorted(values, reverse=True)
    assert rates(10, 2, schedule="cosine", final_share=0.2)[10] == pytest.approx(0.6)


def test_restarts_jump_back_in_ever_longer_cycles() -> None:
    values = rates(4, 7, schedule="restarts", restart_epochs=1, restart_growth=2)
    assert [i for i, value in enumerate(values) if value == 1] == [0, 4, 12]
    assert values[2] == values[8] == values[20] == 0.5  # the middle of each


def test_one_cycle_has_its_peak_where_the_rise_ends() -> None:
    values = rates(10, 10, schedule="one_cycle", rise=0.3, start_share=0.04)
    assert (values[0], values[30]) == (0.04, 1)
    assert max(values) == 1
    assert values[15] == pytest.approx(0.52)  # half-way up
    assert values[65] == pytest.approx(0.5)  # half-way down
    assert values[-1] < 0.001


def test_one_cycle_has_no_warm_up_of_its_own_besides() -> None:
    assert rates(2, 4, schedule="one_cycle", warmup_epochs=2) == rates(2, 4, schedule="one_cycle")


@pytest.mark.parametrize("schedule", get_args(ScheduleName))
def test_a_single_step_is_no_division_by_zero(schedule: str) -> None:
    assert np.isfinite(rates(1, 1, schedule=schedule)).all()


@pytest.mark.parametrize(("limit", "steps"), [(None, 4), (20, 2), (500, 4)])
def test_steps_of_an_epoch(limit: int | None, steps: int) -> None:
    config = RunConfig.parse({"data": {"limit": limit}, "train": {"batch_size": 16}})
    assert steps_per_epoch(config, 50) == steps
