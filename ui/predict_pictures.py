"""Pictures on the Predict page: as they came, and as each run's network takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from core.asking.items import Item, read_item
from core.asking.judging import How, Taker, taker
from core.datasets.dataset import Dataset, DatasetInfo
from core.datasets.decoding import decode_image
from core.datasets.inking import Ink, coverage, ink_of, inked
from core.datasets.report import REPAIRS
from core.datasets.resizing import decoding_on, fit, prepare
from core.datasets.retiring import open_seen
from core.errors import N_, ImageError, LabError, Text
from core.records import RunRecord
from ui.names import class_names
from ui.sealing import sealed
from ui.state import get_lab

THUMB = 176
JPEG = b"\xff\xd8"
SAMPLES = 4
MEASURED = 256
"""Images by which it is seen how a set is drawn."""


class Seen(NamedTuple):
    """A picture as one run's network takes it, uint8 (h, w, c); ``truth`` is its class, where that
    is known; ``split`` and ``row`` its place in the run's dataset."""

    pixels: NDArray[np.uint8]
    truth: int | None = None
    split: str | None = None
    row: int | None = None


class Picture(NamedTuple):
    """A picture as it came (``shown``, of ``size`` (width, height)), what was done to it, and as
    every run takes it, in the order of the runs."""

    name: str
    shown: NDArray[np.uint8] | None
    size: tuple[int, int]
    seen: tuple[Seen, ...]
    notes: tuple[Text, ...] = ()
    folder: str = ""
    """Where in a zip it lies."""
    on_sheet: bool = False
    """Whether it is a drawing that can be seen above."""


def takers(records: Sequence[RunRecord]) -> tuple[Taker, ...]:
    """How the runs are asked; folders may be named in the reader's language, too."""
    return tuple(taker(record, class_names(record)) for record in records)


def read_picture(item: Item, asked: Sequence[Taker]) -> Picture:
    """A picture, prepared for every run exactly as an import for that run would.

    Raises:
        ImageError: saying what is wrong with it.
    """
    shown, ways, size, notes = _prepared(item.key, tuple({t.how: 0 for t in asked}), item)
    seen = tuple(Seen(ways[t.how], t.truth(item.folders)) for t in asked)
    folder, _slash, name = item.name.rpartition("/") if item.archive else ("", "", item.name)
    return Picture(name, shown, size, seen, notes, folder)


_Parts = tuple[NDArray[np.uint8], dict[How, NDArray[np.uint8]], tuple[int, int], tuple[Text, ...]]


@st.cache_data(show_spinner=False, max_entries=100)
def _prepared(key: str, hows: tuple[How, ...], _item: Item) -> _Parts:
    data = read_item(_item)
    picture = decode_image(data, decoding_on(hows[0].background), at_least=2 * THUMB)
    # An import decodes a JPEG only as finely as it must: so does this, and quickly.
    anew = data.startswith(JPEG) or len(hows) > 1
    ways = {
        how: prepare(data, *how).pixels if anew else _fitted(picture.image, how) for how in hows
    }
    picture.image.thumbnail((2 * THUMB, 2 * THUMB))
    notes = tuple(Text(msgid=REPAIRS[repair]) for repair in picture.repairs)
    return np.asarray(picture.image), ways, (picture.size[1], picture.size[0]), notes


def _fitted(image: Image.Image, how: How) -> NDArray[np.uint8]:
    height, width, channels = how.image_shape
    return fit(image, (height, width), how.resize, channels, how.background)


def read_all(
    items: Sequence[Item], asked: Sequence[Taker]
) -> tuple[list[Picture], list[tuple[str, ImageError]]]:
    """The pictures that can be read, and those that cannot, each with the reason."""
    pictures, problems = [], []
    for item in items:
        try:
            pictures.append(read_picture(item, asked))
        except ImageError as error:
            problems.append((item.name, error))
    return pictures, problems


def samples(records: Sequence[RunRecord], asked: Sequence[Taker], seed: int) -> list[Picture]:
    """Some pictures that the first run has not learned from; none if :func:`why_no_samples`. The
    other runs take them as they would take any picture."""
    dataset = dataset_of(records[0])
    split = dataset and _held_out(records[0], dataset.info)
    if not dataset or not split:
        return []
    rows = dataset.split(split)
    names = class_names(records[0])
    chosen = np.random.default_rng(seed).permutation(len(rows))[:SAMPLES].tolist()
    return [
        Picture(
            rows.names[row],
            None,
            (rows.images.shape[2], rows.images.shape[1]),
            tuple(
                _sample(np.asarray(rows.images[row]), names[rows.labels[row]], t, (split, row))
                if i
                else Seen(np.asarray(rows.images[row]), int(rows.labels[row]), split, row)
                for i, t in enumerate(asked)
            ),
        )
        for row in chosen
    ]


def _held_out(record: RunRecord, info: DatasetInfo) -> str | None:
    """A split that the run has not learned from, and whose results may be seen."""
    data = record.config.data
    learned = ("val",) if data.with_validation or data.folds else ()
    shut = ("test",) if sealed(record) else ()
    order = (name for name in ("test", "val") if name not in (*learned, *shut))
    return next((name for name in order if info.splits.get(name)), None)


def why_no_samples(record: RunRecord) -> str:
    """Why there are none of a run's dataset: a sentence to be translated."""
    if dataset_of(record) is None:
        return N_("The dataset of this run is not there any more.")
    return N_(
        "This run kept no images for validation, and the results of the test images are sealed: "
        "the Errors page unlocks them."
    )


def _sample(pixels: NDArray[np.uint8], truth: str, asked: Taker, place: tuple[str, int]) -> Seen:
    """An image of another run's test split."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    return Seen(_fitted(image, asked.how), asked.truth((truth,)))


def drawn(drawing: Image.Image, records: Sequence[RunRecord], name: str) -> Picture | None:
    """A drawing as every run takes it; None if nothing is drawn. For sets of drawn signs, such as
    digits, it is cut out, scaled and centred as these are."""
    strokes = coverage(drawing)
    if strokes is None:
        return None
    seen = []
    for record, asked in zip(records, takers(records), strict=True):
        ink = ink_for(record)
        size = asked.how.image_shape[:2]
        seen.append(Seen(_fitted(drawing, asked.how) if ink is None else inked(strokes, ink, size)))
    return Picture(name, np.asarray(drawing), drawing.size, tuple(seen), on_sheet=True)


def ink_for(record: RunRecord) -> Ink | None:
    """How the images are drawn that the run has learnt from; None if they are no drawings, or
    nothing is left of them."""
    return _ink(record.config.data.dataset, record.dataset_fingerprint, record)


@st.cache_data(show_spinner=False, max_entries=64)
def _ink(name: str, fingerprint: str | None, _record: RunRecord) -> Ink | None:
    dataset = dataset_of(_record)
    if dataset is None:
        return None
    split = next(s for s in ("train", "val", "test") if dataset.info.splits.get(s))
    images = dataset.split(split).images
    # Rows are mixed at import: the first ones are of all classes.
    return ink_of(np.asarray(images[:MEASURED]))


def dataset_of(record: RunRecord) -> Dataset | None:
    """What the run has seen, or what was kept of it."""
    try:
        return open_seen(get_lab().paths, record.config.data.dataset, record.dataset_fingerprint)
    except LabError:
        return None
