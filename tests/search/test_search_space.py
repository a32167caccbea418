"""Spaces: what may be searched, what is drawn from them, and how many combinations there are."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from optuna.trial import FixedTrial

from core.commands.search_space import typed_space
from core.config import ARCHITECTURES, SECTION_NAMES, RunConfig
from core.errors import ConfigError
from core.search.ranges import Choices, FloatRange, IntRange, Range, kind_of, knobs_of, searchable
from core.search.space import SearchSpace, check_space, combinations, draw, range_key, size
from core.search.suggesting import GUIDED, guided, suggested_range
from tests.search.helpers import BASE

RATE, BATCH = "optimizer.learning_rate", "train.batch_size"
ARCHITECTURE = "model.architecture"


def space(**fields: Range) -> SearchSpace:
    """``model__units`` stands for ``model.units``."""
    return SearchSpace(fields={name.replace("__", "."): found for name, found in fields.items()})


@pytest.mark.parametrize(
    ("key", "wanted", "said"),
    [
        (RATE, FloatRange(low=0.1, high=0.1), "must end above its beginning, received 0.1 to 0.1"),
        (RATE, FloatRange(low=0, high=1), "a number from 0 to 10, received 0"),
        (RATE, FloatRange(low=0.1, high=11), "a number from 0 to 10, received 11"),
        (RATE, Choices(values=()), "is empty"),
        (RATE, Choices(values=(0.1, 0.1)), "more than once"),
        (RATE, Choices(values=("fast",)), "received fast"),
        (RATE, Choices(values=(True,)), "received True"),
        (RATE, FloatRange(low=0.1, high=1, step=0.1, log=True), "has no steps"),
        (RATE, FloatRange(low=0.1, high=1, step=2), "fit into the range, received 2.0"),
        ("model.dropout", FloatRange(low=0, high=0.5, log=True), "begin above 0"),
        ("model.dropout", FloatRange(low=0, high=0.95), "from 0 to 0.9, received 0.95"),
        ("model.layers", FloatRange(low=1, high=3), "whole numbers"),
        ("model.layers", IntRange(low=1, high=9), "a whole number from 1 to 8, received 9"),
        ("model.layers", Choices(values=(1, 2.5)), "received 2.5"),
        ("model.activation", Choices(values=("relu", "sinus")), "received sinus"),
        ("model.activation", IntRange(low=1, high=2), "a list of values from relu, gelu"),
        ("model.blocks", IntRange(low=1, high=3), "model.blocks cannot be searched with mlp"),
        ("model.depth.of.it", IntRange(low=1, high=3), "cannot be searched"),
        ("data.dataset", Choices(values=("digits",)), "data.dataset cannot be searched"),
        ("data.with_validation", Choices(values=(True,)), "cannot be searched"),
        ("train.epoch", IntRange(low=1, high=3), "train.epoch cannot be searched"),
        ("optimizer.momentum", FloatRange(low=0.1, high=0.9), "has an effect: optimizer.momentum"),
    ],
)
def test_what_cannot_be_searched_is_refused(key: str, wanted: Range, said: str) -> None:
    with pytest.raises(ConfigError, match=r"^[^{]*$") as caught:
        check_space(SearchSpace(fields={key: wanted}), BASE)
    assert said in str(caught.value)


def test_nothing_to_search_is_refused() -> None:
    with pytest.raises(ConfigError, match="nothing to search"):
        check_space(SearchSpace(fields={}), BASE)


def test_on_a_screen_the_setting_is_called_as_in_the_form() -> None:
    with pytest.raises(ConfigError) as caught:
        check_space(space(train__batch_size=IntRange(low=9, high=1)), BASE)
    assert str(caught.value.on_screen).startswith("Batch size:")
    assert str(caught.value).startswith("train.batch_size:")


def test_limits_are_those_of_the_settings() -> None:
    rate = kind_of(RATE, "mlp")
    assert rate
    assert (rate.kind, rate.low, rate.low_open, rate.high, rate.high_open) == (
        *("float", 0, True, 10, False),
    )
    kernel, limit = kind_of("model.kernel", "cnn"), kind_of("data.limit", "cnn")
    assert kernel
    assert kernel.options == (1, 3, 5, 7)
    assert limit
    assert (limit.kind, limit.low, limit.high) == ("int", 1, None)
    assert kind_of("model.kernel", "mlp") is None


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_setting_of_the_form_has_a_range_that_fits(architecture: str) -> None:
    config = BASE.with_values({ARCHITECTURE: architecture})
    found = searchable(architecture)
    assert len(found) > 50
    for dotted in found:
        suggested = suggested_range(dotted, config)
        assert suggested, dotted
        # With the setting on which it depends at a value with which it has an effect.
        section, _, field = dotted.partition(".")
        knob = knobs_of(section, architecture).get(field)
        values = {f"{section}.{knob.when[0]}": knob.when[1][0]} if knob and knob.when else {}
        check_space(SearchSpace(fields={dotted: suggested}), config.with_values(values))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_what_decides_stands_before_what_depends_on_it(architecture: str) -> None:
    for section in SECTION_NAMES:
        names = list(knobs_of(section, architecture))
        for name, knob in knobs_of(section, architecture).items():
            assert not knob.when or names.index(knob.when[0]) < names.index(name), name


def test_a_fixed_trial_gives_its_config() -> None:
    config = draw(
        FixedTrial({RATE: 0.0123456, BATCH: 64, "model.layers": 3}),
        BASE,
        space(
            train__batch_size=Choices(values=(32, 64)),
            optimizer__learning_rate=FloatRange(low=0.001, high=0.1, log=True),
            model__layers=IntRange(low=1, high=4),
        ),
    )
    changed: dict[str, object] = {RATE: 0.01235, BATCH: 64, "model.layers": 3}
    assert config == BASE.with_values(changed)


class Dice:
    """A trial that draws at random and notes what it was asked for."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.asked: list[str] = []

    def suggest_categorical(self, name: str, choices: tuple[object, ...]) -> object:
        self.asked.append(name)
        return self.random.choice(choices)

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        self.asked.append(name)
        return self.random.randrange(low, high + 1, step)

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        self.asked.append(name)
        return self.random.uniform(low, high)


BOTH = space(
    model__architecture=Choices(values=("mlp", "cnn")),
    model__layers=IntRange(low=1, high=2),
    model__blocks=IntRange(low=1, high=3),
    optimizer__name=Choices(values=("sgd", "adam")),
    optimizer__momentum=FloatRange(low=0, high=0.9, step=0.3),
)


def test_settings_without_effect_are_not_drawn() -> None:
    seen: Counter[tuple[str, ...]] = Counter()
    for seed in range(40):
        dice = Dice(seed)
        config = draw(dice, BASE, BOTH)
        own = "model.layers" if config.model.architecture == "mlp" else "model.blocks"
        assert dice.asked[:2] == [ARCHITECTURE, own]
        assert ("optimizer.momentum" in dice.asked) == (config.optimizer.name == "sgd")
        seen[tuple(dice.asked)] += 1
    assert len(seen) == 4


def test_combinations_are_all_there_once() -> None:
    """(2 layers + 3 blocks) × (4 momenta of SGD + Adam)."""
    found = combinations(BOTH, BASE)
    assert size(BOTH, BASE) == len(found) == (2 + 3) * (4 + 1)
    assert len({tuple(sorted(one.items())) for one in found}) == len(found)
    sgd = [one["optimizer.momentum"] for one in found if "optimizer.momentum" in one]
    assert sorted(set(sgd)) == [0.0, 0.3, 0.6, 0.9]


def test_a_grid_without_end_has_no_size() -> None:
    assert size(space(optimizer__learning_rate=FloatRange(low=0.1, high=1)), BASE) is None
    assert size(space(train__seed=IntRange(low=0, high=10**6)), BASE) == 10**6 + 1


def test_one_name_for_two_things_must_say_whose_it_is() -> None:
    both = ("resnet", "wide_resnet")
    assert range_key("model.depth", "resnet", both) == "model.resnet.depth"
    assert range_key("model.depth", "resnet", ("resnet", "mlp")) == "model.depth"
    assert range_key("model.dropout", "resnet", both) == "model.dropout"
    fields: dict[str, Range] = {ARCHITECTURE: Choices(values=both)}
    plain = SearchSpace(fields={**fields, "model.depth": Choices(values=(10, 16))})
    with pytest.raises(ConfigError, match=r"as in model\.(wide_)?resnet\.depth"):
        check_space(plain, BASE)
    apart = SearchSpace(
        fields={
            **fields,
            "model.resnet.depth": Choices(values=(8, 14)),
            "model.wide_resnet.depth": Choices(values=(10, 16)),
        }
    )
    check_space(apart, BASE)
    drawn = {draw(Dice(seed), BASE, apart).model.model_dump()["depth"] for seed in range(20)}
    assert drawn == {8, 14, 10, 16}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_guided_search_is_what_the_projects_asked_for(architecture: str) -> None:
    first = guided(architecture, BASE)
    assert set(first.space.fields) == set(GUIDED)
    config = BASE.with_values({ARCHITECTURE: architecture})
    check_space(first.space, config)
    assert draw(Dice(1), config, first.space).model.architecture == architecture


def test_ranges_are_read_as_they_are_typed() -> None:
    typed = {
        RATE: "1e-4..1e-1:log",
        BATCH: "32, 64,128",
        "model.dropout": "0..0.6:0.2",
        "model.layers": "1..3",
        "model.units": "8..64:8",
        "model.batch_norm": "true,false",
        "model.activation": "relu,gelu",
        "optimizer.momentum": "auto",
        "model.unit_factor": "1,0.5",
    }
    assert typed_space(list(typed.items()), BASE).fields == {
        RATE: FloatRange(low=1e-4, high=0.1, log=True),
        BATCH: Choices(values=(32, 64, 128)),
        "model.dropout": FloatRange(low=0, high=0.6, step=0.2),
        "model.layers": IntRange(low=1, high=3),
        "model.units": IntRange(low=8, high=64, step=8),
        "model.batch_norm": Choices(values=(True, False)),
        "model.activation": Choices(values=("relu", "gelu")),
        "optimizer.momentum": FloatRange(low=0.5, high=0.99),
        "model.unit_factor": Choices(values=(1.0, 0.5)),
    }
    chosen = typed_space([(ARCHITECTURE, "transfer,cnn"), ("model.alpha", "0.35,0.5")], RunConfig())
    assert chosen.fields["model.alpha"] == Choices(values=("0.35", "0.5"))


@pytest.mark.parametrize("word", ["a..b", "1..", "1..2:odd", "1.5..3"])
def test_what_is_no_range_is_said(word: str) -> None:
    with pytest.raises(ConfigError, match="expected a range or a list"):
        typed_space([("model.layers", word)], BASE)
