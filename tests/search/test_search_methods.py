"""How the next trial is chosen and judged early, and what is refused before a study begins."""

from __future__ import annotations

import pytest

from core.caps import EPOCHS
from core.config import RunConfig
from core.errors import ConfigError, LabError
from core.search.methods import PRUNERS, SAMPLERS, get_pruner, get_sampler
from core.search.ranges import Choices, FloatRange, IntRange
from core.search.space import SearchSpace
from tests.search.helpers import BASE, LISTS, RATE, SPACE, Hall

TWO = SearchSpace(fields={**SPACE.fields, "model.dropout": FloatRange(low=0, high=0.5)})
WHEN_SGD = SearchSpace(
    fields={
        RATE: FloatRange(low=0.001, high=0.1),
        "optimizer.name": Choices(values=("sgd", "adam")),
        "optimizer.momentum": FloatRange(low=0, high=0.9),
    }
)


@pytest.mark.parametrize(
    ("name", "space", "refusal"),
    [
        ("tpe", WHEN_SGD, None),
        ("random", WHEN_SGD, None),
        ("grid", LISTS, None),
        ("grid", SPACE, "A grid needs an end"),
        ("grid", SearchSpace(fields={"train.seed": IntRange(low=0, high=99_999)}), "100000 comb"),
        ("cmaes", TWO, None),
        ("cmaes", SPACE, "at least two ranges"),
        ("cmaes", LISTS, "at least two ranges"),
        ("cmaes", WHEN_SGD, "at least two ranges"),
    ],
)
def test_which_sampler_fits_which_space(name: str, space: SearchSpace, refusal: str | None) -> None:
    said = SAMPLERS[name].fits(space, BASE)
    assert (said is None) if refusal is None else (said and refusal in str(said))


@pytest.mark.parametrize("sampler", ["tpe", "random", "cmaes"])
def test_every_sampler_draws_other_trials_within_the_ranges(hall: Hall, sampler: str) -> None:
    study_id = hall.create(sampler=sampler, space=TWO, trials=14)
    hall.until_settled(study_id)
    drawn = [(row.params[RATE], row.params["model.dropout"]) for row in hall.rows(study_id)]
    assert len(set(drawn)) == 14
    for rate, dropout in drawn:
        assert 0.001 <= float(rate) <= 0.1
        assert 0 <= float(dropout) <= 0.5


def test_a_sampler_learns_from_what_is_impossible(hall: Hall) -> None:
    """Images of 8×8 pixels have room for three blocks, and four would be best of all."""
    study_id = hall.create(
        config=BASE.with_values({"model.architecture": "cnn"}),
        space=SearchSpace(fields={"model.blocks": IntRange(low=1, high=6), **SPACE.fields}),
        trials=25,
    )
    hall.until_settled(study_id)
    states = hall.states(study_id)
    assert states.count("complete") == 25
    assert states.count("impossible") < 25


def test_hyperband_ends_bad_trials_early(hall: Hall) -> None:
    hall.create(
        config=BASE.with_values({"train.epochs": 9}),
        trials=20,
        pruner="hyperband",
        sampler="random",
    )
    given_up = 0
    for number in range(20):
        hall.tick()
        (run,) = hall.waiting()
        for _ in range(9):
            hall.epoch(run.id, 1 / (number + 2))  # every one worse than the one before
            hall.tick()
            if hall.paths.run(run.id).stop.exists():
                given_up += 1
                break
        hall.end(run.id)
    assert 5 < given_up < 20


def test_pruners_can_be_built_for_any_number_of_epochs() -> None:
    for pruner in PRUNERS.values():
        for epochs in (1, 2, 100):
            assert pruner.build(epochs)


def test_what_does_not_exist_is_said() -> None:
    with pytest.raises(ConfigError, match="Expected one of: tpe, random, grid, cmaes"):
        get_sampler("gp")
    with pytest.raises(ConfigError, match="Expected one of: none, median, hyperband"):
        get_pruner("wilcoxon")


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"trials": None}, "needs an end"),
        ({"sampler": "grid"}, "A grid needs an end"),
        ({"sampler": "gp"}, "There is no sampler gp"),
        ({"pruner": "mean"}, "There is no pruner mean"),
        ({"space": SearchSpace(fields={})}, "nothing to search"),
        ({"config": BASE.with_values({"data.with_validation": True})}, "“digits” has none"),
        ({"config": BASE.with_values({"data.folds": 5})}, "no fold is named"),
        ({"config": BASE.with_values({"data.dataset": "pets"})}, "pets"),
        ({"config": BASE.with_values({"train.epochs": 9})}, "limited to 8"),
    ],
)
def test_what_cannot_work_is_refused(
    hall: Hall, monkeypatch: pytest.MonkeyPatch, wanted: dict[str, object], said: str
) -> None:
    monkeypatch.setenv(EPOCHS, "8")
    with pytest.raises(LabError, match=said):
        hall.create(**wanted)
    assert not hall.paths.studies.exists()


def test_drawn_epochs_above_the_cap_are_impossible_trials(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(EPOCHS, "8")
    epochs = SearchSpace(fields={"train.epochs": Choices(values=(8, 9))})
    study_id = hall.create(space=epochs, sampler="grid", config=RunConfig())
    hall.until_settled(study_id)
    assert sorted(hall.states(study_id)) == ["complete", "impossible"]
