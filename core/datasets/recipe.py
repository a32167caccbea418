"""How a dataset is made from others: a frozen description, and the same in sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from pydantic import BaseModel

from core.datasets import limits
from core.datasets.dataset import STORED_SPLITS, UNLABELLED, DatasetInfo, ResizeMode
from core.datasets.lineage import Ancestor, Lineage
from core.datasets.report import shortened
from core.errors import N_, DatasetError, Text, text

Duplicates = Literal["keep", "drop", "drop_but_one"]
"""``drop`` leaves out all copies that contradict one another in their class, ``drop_but_one``
keeps one of those, too."""

Fractions = tuple[float, float, float]

EXCLUDED_BY_HAND = N_("Images left out by hand: {n}.")
RELABELLED_BY_HAND = N_("Images given another class: {n}.")


class Origin(BaseModel, frozen=True):
    """A dataset to take rows from, and what is said of single rows of it.

    ``relabel`` gives rows another class, ``exclude`` leaves rows out; both by split and by the row
    in that split. A class of ``relabel`` may be new, and is named as before ``Recipe.rename``.
    """

    name: str
    relabel: Mapping[str, Mapping[int, str]] = {}
    exclude: Mapping[str, Sequence[int]] = {}


class Recipe(BaseModel, frozen=True, extra="forbid"):
    """What is done, in this order: exclude and relabel rows, keep ``classes``, ``rename`` them,
    drop ``duplicates``, keep at most ``per_class`` images of each, divide.

    ``classes`` None keeps all. Classes of one name become one class, whichever dataset they are
    from. ``per_class`` counts all splits together and keeps their proportions. ``fractions`` None
    keeps the splits as they are; otherwise everything that has a class is divided anew. ``size``
    is (height, width), None that of the first origin.
    """

    origins: tuple[Origin, ...]
    classes: tuple[str, ...] | None = None
    rename: Mapping[str, str] = {}
    duplicates: Duplicates = "keep"
    per_class: int | None = None
    fractions: Fractions | None = None
    seed: int = 0
    size: tuple[int, int] | None = None
    resize: ResizeMode = "crop"


def check_recipe(recipe: Recipe, infos: Sequence[DatasetInfo]) -> None:
    """DatasetError naming what of ``recipe`` does not fit the datasets ``infos`` it names."""
    if not recipe.origins:
        raise DatasetError(N_("Choose at least one dataset to take images from."))
    names = [origin.name for origin in recipe.origins]
    if len(set(names)) < len(names):
        raise DatasetError(
            N_("Every dataset can be taken only once; received: {names}."), names=", ".join(names)
        )
    for check in (_check_classes, _check_rows):
        check(recipe, infos)
    if recipe.per_class is not None and recipe.per_class < 1:
        raise DatasetError(
            N_("At least one image per class must remain; received: {n}."), n=recipe.per_class
        )
    if recipe.size and not all(1 <= side <= limits.MAX_SIDE for side in recipe.size):
        raise DatasetError(
            N_("The picture size must be from 1 to {most} pixels; received: {size}."),
            most=limits.MAX_SIDE,
            size=" × ".join(map(str, recipe.size)),
        )
    fractions = recipe.fractions
    # Written so that NaN fails too.
    if fractions and not (all(0 <= f <= 1 for f in fractions) and fractions[0] > 0):
        raise DatasetError(
            N_("The fractions must lie between 0 and 1, that of train above 0; received: {value}."),
            value=", ".join(map(str, fractions)),
        )


def _check_classes(recipe: Recipe, infos: Sequence[DatasetInfo]) -> None:
    known = {name for info in infos for name in info.class_names}
    known |= {c for o in recipe.origins for rows in o.relabel.values() for c in rows.values()}
    unknown = {*(recipe.classes or ()), *recipe.rename} - known
    if unknown:
        raise DatasetError(
            N_("There are no classes {unknown}. There are: {known}."),
            unknown=shortened(unknown),
            known=shortened(known),
        )
    if not all(name.strip() for name in recipe.rename.values()):
        raise DatasetError(N_("A class must have a name; received an empty one."))


def _check_rows(recipe: Recipe, infos: Sequence[DatasetInfo]) -> None:
    for origin, info in zip(recipe.origins, infos, strict=True):
        if UNLABELLED in origin.relabel:
            raise DatasetError(
                N_("Images in the split “{split}” cannot be given a class one by one."),
                split=UNLABELLED,
            )
        for split, rows in [*origin.exclude.items(), *origin.relabel.items()]:
            have = info.splits.get(split, 0) if split in STORED_SPLITS else 0
            wrong = [row for row in rows if not 0 <= row < have]
            if wrong:
                raise DatasetError(
                    N_("“{name}” has no row {row} in the split “{split}”: it has {have} rows."),
                    name=info.name,
                    row=wrong[0],
                    split=split,
                    have=have,
                )


def lineage(recipe: Recipe, infos: Sequence[DatasetInfo]) -> Lineage:
    """What ``dataset.json`` says of it; ``infos`` are the datasets in the order of ``origins``."""
    ancestors = tuple(Ancestor(name=i.name, fingerprint=i.fingerprint) for i in infos)
    steps = (step(recipe) for step in _STEPS)
    return Lineage(ancestors=ancestors, steps=tuple(s for s in steps if s is not None))


def _excluded(recipe: Recipe) -> Text | None:
    n = sum(len(rows) for origin in recipe.origins for rows in origin.exclude.values())
    return text(EXCLUDED_BY_HAND, n=n) if n else None


def _relabelled(recipe: Recipe) -> Text | None:
    n = sum(len(rows) for origin in recipe.origins for rows in origin.relabel.values())
    return text(RELABELLED_BY_HAND, n=n) if n else None


def _chosen(recipe: Recipe) -> Text | None:
    if recipe.classes is None:
        return None
    return text(N_("Only the classes {names}."), names=shortened(recipe.classes))


def _renamed(recipe: Recipe) -> Text | None:
    pairs = [f"“{old}” → “{new}”" for old, new in recipe.rename.items() if old != new]
    return text(N_("Classes renamed: {pairs}."), pairs=", ".join(pairs)) if pairs else None


def _undoubled(recipe: Recipe) -> Text | None:
    return text(DUPLICATE_STEPS[recipe.duplicates]) if recipe.duplicates != "keep" else None


def _capped(recipe: Recipe) -> Text | None:
    if recipe.per_class is None:
        return None
    return text(N_("At most {n} images of each class."), n=recipe.per_class)


def _divided(recipe: Recipe) -> Text | None:
    if recipe.fractions is None:
        return None
    train, val, test = (round(100 * f / sum(recipe.fractions)) for f in recipe.fractions)
    return text(
        N_("Divided anew: {train} % training, {val} % validation, {test} % test, seed {seed}."),
        train=train,
        val=val,
        test=test,
        seed=recipe.seed,
    )


def _resized(recipe: Recipe) -> Text | None:
    if recipe.size is None:
        return None
    height, width = recipe.size
    return text(
        N_("Images brought to {width}×{height} pixels where they were not."),
        width=width,
        height=height,
    )


DUPLICATE_STEPS: Mapping[Duplicates, str] = {
    "drop": N_("Duplicates left out; of those in several classes all copies."),
    "drop_but_one": N_("Duplicates left out but for one copy of each."),
}
_STEPS: Sequence[Callable[[Recipe], Text | None]] = (
    _excluded,
    _relabelled,
    _chosen,
    _renamed,
    _undoubled,
    _capped,
    _divided,
    _resized,
)
