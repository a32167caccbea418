"""The learning-rate finder and the speed measurement."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pytest

from core.checkpoint import variables_of
from core.datasets.registry import open_dataset
from core.feeding import training_batches
from core.lr_finder import (
    SKIPPED,
    STEPS,
    endless,
    find_rate,
    smoothed,
    steepest,
    sweep,
    valley,
)
from core.paths import Paths
from core.probing import measure_speed
from core.trainer import Trainer
from core.transfer import build_trainer
from tests.training.helpers import QUICK

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
RATES = np.geomspace(1e-6, 10, STEPS)


def curve(*corners: tuple[int, float]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Losses in straight lines between (step, loss)."""
    steps, losses = zip(*corners, strict=True)
    return np.asarray(np.interp(np.arange(STEPS), steps, losses))


class TestSuggestions:
    def test_the_steepest_place(self) -> None:
        losses = curve((0, 3), (50, 3), (60, 2.9), (70, 1), (119, 0.9))
        assert RATES[60] < (steepest(RATES, losses) or 0) < RATES[70]

    def test_two_thirds_down_the_valley(self) -> None:
        """Even slope from step 40 to 100: two thirds are at 80."""
        losses = curve((0, 3), (40, 3), (100, 1), (119, 9))
        found = valley(RATES, losses)
        assert found
        assert RATES[68] < found < RATES[92]

    def test_bumps_do_not_end_a_valley(self) -> None:
        losses = curve((0, 3), (40, 3), (100, 1), (119, 9))
        bumpy = losses.copy()
        bumpy[45:98:7] += 0.5
        found = valley(RATES, bumpy)
        assert found
        assert RATES[60] < found < RATES[95]

    def test_a_loss_that_never_falls_suggests_nothing(self) -> None:
        rising = curve((0, 1), (119, 2))
        assert valley(RATES, rising) is None
        assert steepest(RATES, rising) is None

    @pytest.mark.parametrize("steps", [0, 1, SKIPPED, SKIPPED + 1])
    def test_too_short_a_curve_suggests_nothing(self, steps: int) -> None:
        losses = curve((0, 3), (119, 1))[:steps]
        assert valley(RATES[:steps], losses) is None
        assert steepest(RATES[:steps], losses) is None

    def test_smoothing_keeps_a_constant_from_the_first_step_on(self) -> None:
        np.testing.assert_allclose(smoothed(np.full(5, 2.0)), 2)
        assert smoothed(np.array([1.0, 2.0]))[1] == pytest.approx((0.09 + 0.2) / 0.19)


class TestSweep:
    @pytest.fixture
    def parabola(self) -> Trainer:
        """Loss w² with plain gradient descent from w = 3: it diverges above a rate of 1."""
        ones = keras.Input((1,))
        w = keras.layers.Dense(1, use_bias=False, kernel_initializer=keras.initializers.Constant(3))
        model = keras.Model(ones, w(ones))
        model.compile(keras.optimizers.SGD(0.1), "mse")
        return Trainer(model, model)

    def batches(self) -> Iterator[tuple[Any, Any]]:
        while True:
            yield np.ones((4, 1), np.float32), np.zeros((4, 1), np.float32)

    def test_a_parabola_has_a_sane_range_and_gets_its_weight_back(self, parabola: Trainer) -> None:
        swept = sweep(parabola, self.batches(), RATES, lambda _done: None)
        assert len(swept.losses) < STEPS  # it diverged and was left
        assert swept.losses[0] == pytest.approx(9)
        found = valley(swept.rates, smoothed(swept.losses))
        assert found
        assert 0.001 < found < 1
        assert parabola.model.get_weights()[0].item() == 3

    def test_weights_and_optimizer_are_untouched(self, paths: Paths) -> None:
        dataset = open_dataset(paths, "stripes")
        trainer = build_trainer(QUICK, dataset)
        before = [np.array(v) for v in variables_of(trainer.model)]
        told: list[float] = []
        sweep(trainer, endless(training_batches(QUICK, dataset)), RATES, told.append)
        after = [np.array(v) for v in variables_of(trainer.model)]
        for mine, theirs in zip(before, after, strict=True):
            np.testing.assert_array_equal(mine, theirs)
        assert told == sorted(told)
        assert told[0] == 1 / STEPS

    def test_also_when_somebody_ends_it(self, parabola: Trainer) -> None:
        def stop(done: float) -> None:
            if done > 0.5:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            sweep(parabola, self.batches(), RATES, stop)
        assert parabola.model.get_weights()[0].item() == 3


@pytest.mark.slow
@pytest.mark.parametrize(("name", "low", "high"), [("adam", 1e-4, 0.3), ("sgd", 1e-3, 3)])
def test_the_rate_found_is_one_that_learns(
    paths: Paths, name: str, low: float, high: float
) -> None:
    config = QUICK.with_values({"optimizer.name": name, "optimizer.schedule": "cosine"})
    found = find_rate(config, open_dataset(paths, "stripes"))
    assert found.valley
    assert low < found.valley < high
    assert len(found.rates) == len(found.losses) == len(found.smoothed)


def test_every_batch_is_a_full_one_and_epochs_differ(paths: Paths) -> None:
    """90 images in batches of 16: five a round."""
    batches = training_batches(QUICK, open_dataset(paths, "stripes"))
    source = endless(batches)
    rounds = [[next(source)[1] for _ in range(5)] for _ in range(2)]
    assert {len(labels) for labels in rounds[0] + rounds[1]} == {16}
    assert not np.array_equal(np.concatenate(rounds[0]), np.concatenate(rounds[1]))


@pytest.mark.slow
def test_the_time_of_an_epoch_is_that_of_its_steps(paths: Paths) -> None:
    told: list[float] = []
    found = measure_speed(QUICK, open_dataset(paths, "stripes"), told.append)
    expected = 6 * found.seconds_per_step + found.seconds_per_validation_step
    assert found.seconds_per_epoch == pytest.approx(expected)
    assert found.images_per_second == pytest.approx(90 / 6 / found.seconds_per_step)
    assert told[-1] == 1
