"""What people have decided about single labels of a dataset: a file of acts that only grows.

The acts belong to the images, not to a run: every run of a class that shares a dataset shows them,
whatever the dataset is called by now. A line is an act of one person about some images; undoing is
an act, too. So nobody overwrites what somebody else wrote at the same moment, and it can be told
who decided what.
"""

from __future__ import annotations

import os
import re
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock
from pydantic import BaseModel, ValidationError

from core.datasets.recipe import Origin, Recipe
from core.datasets.registry import MAX_NAME
from core.errors import N_, DatasetError, StoreError
from core.paths import Paths

LOCK_SECONDS = 10.0


class Verdict(StrEnum):
    """What is to become of an image in the next version of its dataset."""

    KEEP = "keep"
    RELABEL = "relabel"
    EXCLUDE = "exclude"


class Place(NamedTuple):
    """One image of a dataset: the row of a split."""

    split: str
    row: int


class Decided(BaseModel, frozen=True):
    """A verdict on one image; ``label`` is the new class of a relabelled one, as it is stored."""

    split: str
    row: int
    verdict: Verdict
    label: str = ""

    @property
    def place(self) -> Place:
        return Place(self.split, self.row)


def relabel(split: str, row: int, given: str, label: str) -> Decided:
    """Another class for an image; the class that it has means that it is kept."""
    if label == given:
        return Decided(split=split, row=row, verdict=Verdict.KEEP)
    return Decided(split=split, row=row, verdict=Verdict.RELABEL, label=label)


class Act(BaseModel, frozen=True):
    """What one person did at once: decide about images, or undo an act of before."""

    id: str
    by: str = ""
    at: float = 0.0
    decided: tuple[Decided, ...] = ()
    undoes: str = ""


class Decision(NamedTuple):
    """What holds for an image, and who has said so."""

    verdict: Verdict
    label: str
    by: str


Decisions = Mapping[Place, Decision]


class Added(NamedTuple):
    """What came of an act: how many images it decided, and which were left to others, who had
    decided them in the meantime."""

    decided: int
    left: tuple[Place, ...]


def read_acts(paths: Paths, fingerprint: str) -> list[Act]:
    """All acts about a dataset, the oldest first. A line that a power cut has torn is no act."""
    try:
        lines = paths.decisions(fingerprint).read_bytes().splitlines()
    except FileNotFoundError:
        return []
    acts = []
    for line in lines:
        try:
            acts.append(Act.model_validate_json(line))
        except ValidationError:
            continue
    return acts


def standing(acts: Iterable[Act]) -> list[Act]:
    """The acts of decision that were not undone."""
    acts = list(acts)
    undone = {act.undoes for act in acts}
    return [act for act in acts if act.decided and act.id not in undone]


def decisions(acts: Iterable[Act]) -> dict[Place, Decision]:
    """What holds: the last act about an image counts."""
    found: dict[Place, Decision] = {}
    for act in standing(acts):
        for one in act.decided:
            found.pop(one.place, None)  # so that the last decided stands last
            found[one.place] = Decision(one.verdict, one.label, act.by)
    return found


def decide(
    paths: Paths,
    fingerprint: str,
    decided: Sequence[Decided],
    *,
    by: str = "",
    seen: int | None = None,
) -> Added:
    """Note verdicts on images; ``seen`` is how many acts whoever decides had before their eyes.

    Images that somebody else has decided since then are left as they are.

    Raises:
        StoreError: if it cannot be written; nothing is decided then.
    """
    with _alone(paths, fingerprint):
        acts = read_acts(paths, fingerprint)
        since = acts[seen:] if seen is not None else []
        taken = {place for place, d in decisions(since).items() if d.by != by}
        mine = tuple(one for one in decided if one.place not in taken)
        left = tuple(one.place for one in decided if one.place in taken)
        if mine:
            _append(
                paths, fingerprint, Act(id=uuid.uuid4().hex, by=by, at=time.time(), decided=mine)
            )
    return Added(len(mine), left)


def undo(paths: Paths, fingerprint: str, by: str) -> int:
    """Take the last act of a person back; returns of how many images, 0 if there is none left.

    Raises:
        StoreError: if that cannot be written.
    """
    with _alone(paths, fingerprint):
        last = undoable(read_acts(paths, fingerprint), by)
        if last is None:
            return 0
        act = Act(id=uuid.uuid4().hex, by=by, at=time.time(), undoes=last.id)
        _append(paths, fingerprint, act)
    return len(last.decided)


def undoable(acts: Iterable[Act], by: str) -> Act | None:
    """The last act of a person that still stands."""
    own = [act for act in standing(acts) if act.by == by]
    return own[-1] if own else None


def counts(decided: Decisions) -> Counter[Verdict]:
    """How many images of every verdict."""
    return Counter(decision.verdict for decision in decided.values())


def next_recipe(name: str, decided: Decisions) -> Recipe:
    """How the next version of the dataset ``name`` is made.

    Raises:
        DatasetError: if nothing would change.
    """
    relabel: dict[str, dict[int, str]] = {}
    exclude: dict[str, list[int]] = {}
    for place, decision in sorted(decided.items()):
        if decision.verdict is Verdict.RELABEL:
            relabel.setdefault(place.split, {})[place.row] = decision.label
        elif decision.verdict is Verdict.EXCLUDE:
            exclude.setdefault(place.split, []).append(place.row)
    if not relabel and not exclude:
        raise DatasetError(
            N_(
                "Nothing would change in “{name}”: a new version takes at least one image that "
                "is relabelled or left out."
            ),
            name=name,
        )
    return Recipe(origins=(Origin(name=name, relabel=relabel, exclude=exclude),))


def next_version(name: str, taken: Iterable[str]) -> str:
    """ "pets" → "pets-v2", "pets-v2" → "pets-v3"; a later one if that is ``taken``."""
    found = re.fullmatch(r"(.*)-v(\d{1,4})", name)
    stem, number = (found[1], int(found[2])) if found else (name, 1)
    used = {other.casefold() for other in taken}
    stem = stem[: MAX_NAME - len("-v9999")]
    return next(n for i in count(number + 1) if (n := f"{stem}-v{i}").casefold() not in used)


@contextmanager
def _alone(paths: Paths, fingerprint: str) -> Iterator[None]:
    """While nobody else writes. Raises StoreError if it cannot be written."""
    file = paths.decisions(fingerprint)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(file.with_suffix(".lock"), timeout=LOCK_SECONDS):
            yield
    except OSError as error:  # filelock's Timeout is one, too
        raise StoreError(
            N_("The decision could not be written to {file}: {error}."),
            file=str(file),
            error=str(error),
        ) from error


def _append(paths: Paths, fingerprint: str, act: Act) -> None:
    """One line, on the disk before anybody is told that it is kept."""
    file = paths.decisions(fingerprint)
    line = act.model_dump_json(exclude_defaults=True) + "\n"
    with file.open("ab", buffering=0) as out:
        if _torn(file):
            line = "\n" + line
        out.write(line.encode())
        os.fsync(out.fileno())


def _torn(file: Path) -> bool:
    """Whether the file ends within a line, so that a new one would be lost with it."""
    with file.open("rb") as lines:
        if not lines.seek(0, os.SEEK_END):
            return False
        lines.seek(-1, os.SEEK_END)
        return lines.read(1) != b"\n"
