"""How the next trial is chosen, and how trials are judged early: two tables.

Optuna is loaded by the builders only.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from core.config import RunConfig
from core.errors import N_, ConfigError, Text, text
from core.search.ranges import Choice, Choices
from core.search.space import MOST_COMBINATIONS, Plan, SearchSpace, size

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

MIN_EPOCHS = 3
"""A trial is not judged before."""
WATCHED_FIRST = 5
"""So many trials are trained to their end before any is pruned."""
TRIED_FIRST = 10
"""So many trials are random before TPE has something to go by."""


class Sampler(NamedTuple):
    """A way to choose the next trial."""

    label: str
    help: str
    build: Callable[[int, Mapping[str, Choice]], BaseSampler]
    """From a seed of the one trial that it is for, and its combination, if it goes through a grid:
    built anew for every trial, so that a restarted server goes on as if nothing had been."""
    fits: Callable[[SearchSpace, RunConfig], Text | None]
    """None if it can search this space, otherwise why not, in a sentence."""


class Pruner(NamedTuple):
    """A way to see early that a trial will not be among the best."""

    label: str
    help: str
    build: Callable[[int], BasePruner]
    """For trials of so many epochs."""


def _always(_space: SearchSpace, _base: RunConfig) -> Text | None:
    return None


def _is_a_grid(space: SearchSpace, base: RunConfig) -> Text | None:
    combinations = size(space, base)
    if combinations is None:
        return text(
            N_("A grid needs an end: give every range of numbers a step, or make it a list.")
        )
    if combinations > MOST_COMBINATIONS:
        return text(
            N_("This grid has {count} combinations; at most {most} are searched."),
            count=combinations,
            most=MOST_COMBINATIONS,
        )
    return None


def _is_numeric(space: SearchSpace, base: RunConfig) -> Text | None:
    lists = any(isinstance(wanted, Choices) for wanted in space.fields.values())
    if len(space.fields) < 2 or lists or Plan(space, base).conditional:
        return text(
            N_(
                "CMA-ES moves a cloud of numbers: it needs at least two ranges, and neither lists "
                "nor settings that matter only sometimes."
            )
        )
    return None


def _in_order(seed: int, combination: Mapping[str, Choice]) -> BaseSampler:
    """Draws what it was told to."""
    from optuna.samplers import BaseSampler

    class InOrder(BaseSampler):
        def infer_relative_search_space(
            self, study: Study, trial: FrozenTrial
        ) -> dict[str, BaseDistribution]:
            return {}

        def sample_relative(
            self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
        ) -> dict[str, Any]:
            return {}

        def sample_independent(
            self,
            study: Study,
            trial: FrozenTrial,
            param_name: str,
            param_distribution: BaseDistribution,
        ) -> Any:
            return combination[param_name]

    return InOrder()


def _random(seed: int, _combination: Mapping[str, Choice]) -> BaseSampler:
    from optuna.samplers import RandomSampler

    return RandomSampler(seed=seed)


def _tpe(seed: int, _combination: Mapping[str, Choice]) -> BaseSampler:
    from optuna.samplers import TPESampler

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # groups are called experimental
        # Settings that only some trials have are modelled together with what they go with.
        return TPESampler(seed=seed, n_startup_trials=TRIED_FIRST, group=True)


def _cma_es(seed: int, _combination: Mapping[str, Choice]) -> BaseSampler:
    from optuna.samplers import CmaEsSampler

    return CmaEsSampler(seed=seed, warn_independent_sampling=False)


SAMPLERS: dict[str, Sampler] = {
    "tpe": Sampler(
        N_("TPE"),
        N_("Looks where good trials lay, more and more; the best choice for nearly everything."),
        _tpe,
        _always,
    ),
    "random": Sampler(
        N_("Random"),
        N_("Draws every trial anew, whatever the others have shown: what others must beat."),
        _random,
        _always,
    ),
    "grid": Sampler(
        N_("Grid"),
        N_("Tries every combination once, in a random order; for a few short lists."),
        _in_order,
        _is_a_grid,
    ),
    "cmaes": Sampler(
        N_("CMA-ES"),
        N_("Moves and shapes a cloud of trials; for several ranges of numbers and many trials."),
        _cma_es,
        _is_numeric,
    ),
}


def _none(_epochs: int) -> BasePruner:
    from optuna.pruners import NopPruner

    return NopPruner()


def _median(epochs: int) -> BasePruner:
    from optuna.pruners import MedianPruner

    return MedianPruner(n_startup_trials=WATCHED_FIRST, n_warmup_steps=min(MIN_EPOCHS, epochs - 1))


def _hyperband(epochs: int) -> BasePruner:
    from optuna.pruners import HyperbandPruner

    return HyperbandPruner(min_resource=1, max_resource=epochs, reduction_factor=3)


PRUNERS: dict[str, Pruner] = {
    "none": Pruner(N_("None"), N_("Every trial is trained to its end."), _none),
    "median": Pruner(
        N_("Median"),
        N_("Ends a trial that is worse than half of the others were at the same epoch."),
        _median,
    ),
    "hyperband": Pruner(
        N_("Hyperband"),
        N_("Ends two of three trials early, again and again; for many trials of many epochs."),
        _hyperband,
    ),
}


def get_sampler(name: str) -> Sampler:
    """The sampler of that name; ConfigError naming those that exist."""
    if name not in SAMPLERS:
        raise ConfigError(
            N_("There is no sampler {received}. Expected one of: {expected}."),
            received=name,
            expected=", ".join(SAMPLERS),
        )
    return SAMPLERS[name]


def get_pruner(name: str) -> Pruner:
    """The pruner of that name; ConfigError naming those that exist."""
    if name not in PRUNERS:
        raise ConfigError(
            N_("There is no pruner {received}. Expected one of: {expected}."),
            received=name,
            expected=", ".join(PRUNERS),
        )
    return PRUNERS[name]
