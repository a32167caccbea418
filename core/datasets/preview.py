"""The process behind :mod:`core.datasets.sampling`:
``python -m core.datasets.preview FILE SCRATCH CALLED BACKGROUND`` writes a sample to its output."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.datasets.containers.entries import orders, taken
from core.datasets.dataset import SPLITS
from core.datasets.decoding import Decoding, Header
from core.datasets.formats.base import Found, Reading
from core.datasets.options import DEFAULTS, Phase
from core.datasets.reading import Reader, Where
from core.datasets.sampling import (
    SAMPLE_PICTURES,
    SAMPLE_SIDE,
    Facts,
    SourceSample,
    failed,
    packed,
)
from core.datasets.sources import PathSource
from core.errors import ImageError, LabError

HEADERS = 300
# Of what can only be read from its beginning, no more than that.
STREAMED = 60


def sample(file: Path, scratch: Path, called: str | None, background: str) -> SourceSample:
    """Facts and pictures of a source; its problem, if it cannot be imported."""
    try:
        found = PathSource(file, called).find(Reading(scratch, DEFAULTS, _tell))
        return _sampled(found, Decoding(background, truncated=True))
    except LabError as error:
        return failed(error)


def _tell(phase: Phase, done: int, total: int) -> None:
    """Nobody waits for the single steps."""


def _sampled(found: Found, decoding: Decoding) -> SourceSample:
    reader = found.reader()
    headers: list[Header] = []
    pictures: list[NDArray[np.uint8]] = []
    chosen = set(_of_different_classes(found))
    try:
        for number, (wanted, where) in enumerate(_places(found, chosen)):
            try:
                headers.append(reader.header(where))
                streamed = found.stream is not None and number % (STREAMED // SAMPLE_PICTURES) == 0
                if (wanted or streamed) and len(pictures) < SAMPLE_PICTURES:
                    pictures.append(_small(reader, where, decoding))
            except ImageError:
                continue
    finally:
        reader.close()
    sizes = np.median([h.size for h in headers] or [(0, 0)], axis=0)
    return SourceSample(_facts(found, headers, int(sizes[0]), int(sizes[1])), pictures)


def _facts(found: Found, headers: Sequence[Header], height: int, width: int) -> Facts:
    return Facts(
        pictures=len(found.entries),
        unlabelled=int((found.labels < 0).sum()),
        classes=list(found.class_names),
        given=bool(np.isin(found.given[found.labels >= 0], range(len(SPLITS))).any()),
        height=height,
        width=width,
        groups=len(set(found.groups)),
        grey=bool(headers) and all(header.grey for header in headers),
    )


def _places(found: Found, chosen: set[int]) -> Iterator[tuple[bool, Where]]:
    """Where to look, and whether a picture is wanted from there."""
    if found.stream is not None:
        order = np.argsort(orders(found.entries), kind="stable")[:STREAMED]
        entries = taken(found.entries, order)
        yield from ((False, where) for where in found.stream(entries))
        return
    step = max(1, len(found.entries) // HEADERS)
    for number, entry in enumerate(found.entries):
        wanted = number in chosen
        if wanted or number % step == 0:
            yield wanted, entry.where


def _of_different_classes(found: Found) -> list[int]:
    """One picture of each of some classes, as far apart as they come."""
    labels, firsts = np.unique(found.labels, return_index=True)
    firsts = firsts[labels >= 0]
    spread = np.linspace(0, len(firsts) - 1, min(len(firsts), SAMPLE_PICTURES)).astype(int)
    chosen = [int(firsts[i]) for i in spread]
    return chosen + [i + 1 for i in chosen if i + 1 < len(found.entries)]


def _small(reader: Reader, where: Where, decoding: Decoding) -> NDArray[np.uint8]:
    image = reader.picture(where, decoding, SAMPLE_SIDE).image.convert("RGB")
    image.thumbnail((SAMPLE_SIDE, SAMPLE_SIDE))
    return np.asarray(image)


def main() -> int:
    file, scratch, called, background = sys.argv[1:]
    sys.stdout.buffer.write(packed(sample(Path(file), Path(scratch), called or None, background)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
