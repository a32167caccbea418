"""What runs say about pictures: each run takes every picture in its own way."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from core.asking.items import Item, read_item
from core.datasets.dataset import ResizeMode
from core.datasets.report import Repair
from core.datasets.resizing import Prepared, prepare
from core.errors import N_, ImageError, RunError, Text
from core.records import RunRecord

AT_ONCE = 64
"""Pictures in memory at a time."""
SECONDS = 1.0
"""After so long no further picture is decoded: others are waiting for the same process."""
Images = npt.NDArray[np.uint8]
Proba = npt.NDArray[np.float32]
Predict = Callable[[str, Images], Proba]
"""Run id and images (n, h, w, c) → probabilities (n, classes)."""


class How(NamedTuple):
    """As what a network takes pictures: shape (h, w, c), way to fit, background."""

    image_shape: tuple[int, int, int]
    resize: ResizeMode
    background: str


class Taker(NamedTuple):
    """A run that is asked: small and picklable. ``known`` maps folder names to its classes."""

    run_id: str
    how: How
    class_names: tuple[str, ...]
    known: Mapping[str, int]

    def name(self, label: int) -> str:
        """Of a class; its number where a folder from elsewhere names fewer than it predicts."""
        return self.class_names[label] if label < len(self.class_names) else str(label)

    def truth(self, folders: Sequence[str]) -> int | None:
        """The class in whose folder a picture lies: that of the innermost folder that is one."""
        found = (self.known.get(_plain(folder)) for folder in reversed(folders))
        return next((label for label in found if label is not None), None)


def taker(record: RunRecord, shown: Sequence[str] = ()) -> Taker:
    """How a run is asked; ``shown`` are its class names in another language.

    Raises:
        RunError: if it has not seen an image yet.
    """
    if record.image_shape is None:
        raise RunError(
            N_("Run {run} is {status}: it has no trained network."),
            run=record.id,
            status=record.status.text,
        )
    mode: ResizeMode = next((m for m in get_args(ResizeMode) if m == record.resize), "crop")
    names = record.class_names
    known = {_plain(name): i for others in (shown, names) for i, name in enumerate(others)}
    return Taker(record.id, How(record.image_shape, mode, record.background), names, known)


def _plain(name: str) -> str:
    """Folder names are compared without regard to case, and to the signs that stand for spaces."""
    folded = unicodedata.normalize("NFC", name).casefold()
    return " ".join(folded.replace("_", " ").replace("-", " ").split())


class Verdict(NamedTuple):
    """What was found out about a picture: a problem, or for every run its probabilities."""

    name: str
    folders: tuple[str, ...]
    problem: Text | None = None
    size: tuple[int, int] = (0, 0)
    """Its own (height, width)."""
    repairs: tuple[Repair, ...] = ()
    proba: tuple[Proba, ...] = ()


def judge(
    items: Sequence[Item], takers: Sequence[Taker], predict: Predict, seconds: float = SECONDS
) -> list[Verdict]:
    """What every run says about the first of ``items``: at least one of them, as many as can be
    decoded in ``seconds``, at most :data:`AT_ONCE`. A picture that cannot be read is an answer."""
    until = time.monotonic() + seconds
    read: list[tuple[Item, dict[How, Prepared] | ImageError]] = []
    for item in items[:AT_ONCE]:
        read.append((item, _prepared(item, takers)))
        if time.monotonic() > until:
            break
    good = [ways for _item, ways in read if isinstance(ways, dict)]
    proba = [predict(t.run_id, np.stack([w[t.how].pixels for w in good])) for t in takers if good]
    answers = zip(*proba, strict=True) if proba else iter(())
    return [_verdict(item, ways, answers) for item, ways in read]


def judge_all(
    items: Sequence[Item], takers: Sequence[Taker], predict: Predict
) -> Iterator[Verdict]:
    """What every run says about every picture, few of them in memory at a time."""
    done = 0
    while done < len(items):
        verdicts = judge(items[done : done + AT_ONCE], takers, predict)
        yield from verdicts
        done += len(verdicts)


def _prepared(item: Item, takers: Sequence[Taker]) -> dict[How, Prepared] | ImageError:
    """The picture in every way in which some run takes it."""
    try:
        data = read_item(item)
        return {how: prepare(data, *how) for how in {t.how for t in takers}}
    except ImageError as error:
        return error


def _verdict(
    item: Item, ways: dict[How, Prepared] | ImageError, answers: Iterator[tuple[Proba, ...]]
) -> Verdict:
    if isinstance(ways, ImageError):
        return Verdict(item.name, item.folders, ways.text)
    one = next(iter(ways.values()))
    return Verdict(
        item.name, item.folders, None, one.size, tuple(one.repairs), tuple(next(answers))
    )
