"""What the augmentation that is set does to pictures of this dataset."""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.config import AugmentConfig
from core.datasets.dataset import Dataset, DatasetInfo, Split
from core.errors import LabError
from ui.augment_form import augmentation_fields, show_cautions
from ui.data_view import fill_form_if_empty, train_on
from ui.forms import augmentation_from_form
from ui.gallery import Thumb, gallery
from ui.i18n import _, number, percent
from ui.messages import show_error
from ui.names import class_names
from ui.state import get_lab, guarded
from ui.strips import Strip, strips

PICTURES = 12
DRAWS = PICTURES - 1
"""Of one image; with itself they fill two rows of six on a laptop."""
THUMB = 96
"""Side of a picture on the screen, in pixels."""
STRIP = 80
NO_BREAK = "\u00a0"
VIEWS = ("many", "one")
LAST_SEED = 2**31 - 1


class Drawn(NamedTuple):
    """Pictures uint8 (n, h, w, c), and the shares of the classes in each, float32 (n, classes)."""

    images: NDArray[np.uint8]
    shares: NDArray[np.float32]


def augmentation(dataset: Dataset) -> None:
    """The controls of the Train form, and beside them some pictures before and after."""
    info = dataset.info
    fill_form_if_empty(info)
    controls, preview = st.columns([2, 5], gap="large")
    with controls:
        st.caption(_("The same settings as on the Train page: what is set here is trained with."))
        augmentation_fields(columns=1)
        st.button(
            _("Use it in a training"),
            key="augment_use",
            icon=":material/model_training:",
            help=_("Opens the Train page with this dataset and these changes."),
            on_click=guarded,
            args=(functools.partial(train_on, info),),
            width="stretch",
        )
    config = augmentation_from_form()
    with preview:
        show_cautions(info, config)
        _preview(dataset, config)


def _preview(dataset: Dataset, config: AugmentConfig) -> None:
    split = dataset.split("train")
    try:
        if not config.active:
            _unchanged(dataset.info, split)
        elif _choose_view() == "many":
            _one_draw_of_many(dataset.info, split, config)
        else:
            _many_draws_of_one(dataset.info, split, config)
    except LabError as error:
        show_error(error)


def _unchanged(info: DatasetInfo, split: Split) -> None:
    st.info(
        _(
            "Nothing is switched on: the network sees every image as it is, in every epoch. "
            "Move a control to see what it does."
        )
    )
    rows = first_of_each_class(split.labels, PICTURES)
    called = class_names(info)
    names = [called[split.labels[row]] for row in rows]
    thumbs = [
        Thumb(split.images[row], [name], _("original"))
        for row, name in zip(rows, names, strict=True)
    ]
    gallery(thumbs, key="originals", size=THUMB)


def _choose_view() -> str:
    """Which pictures, from which seed; the button draws anew from the next one."""
    labels = {"many": _("Many images"), "one": _("One image")}
    st.session_state.setdefault("augment_seed", 0)
    view, seed, again = st.columns([4, 2, 2], vertical_alignment="bottom")
    with view:
        chosen = st.segmented_control(
            _("Pictures"),
            list(VIEWS),
            format_func=labels.__getitem__,
            default=VIEWS[0],
            key="augment_view",
            required=True,
            help=_("One draw of many images, or many draws of one, by the code of the training."),
            persist_state="session",
        )
    seed.number_input(
        _("Seed"),
        0,
        LAST_SEED,
        key="augment_seed",
        help=_("Of the preview alone: the same seed draws the same pictures again."),
        persist_state="session",
    )
    again.button(
        _("Draw again"),
        key="draw_again",
        icon=":material/casino:",
        on_click=_draw_again,
        width="stretch",
    )
    return str(chosen)


def _draw_again() -> None:
    st.session_state["augment_seed"] = (st.session_state["augment_seed"] + 1) % LAST_SEED


def _one_draw_of_many(info: DatasetInfo, split: Split, config: AugmentConfig) -> None:
    """Each image beside what becomes of it, in two columns of rows."""
    rows = first_of_each_class(split.labels, PICTURES)
    before = _batch(info, split, rows)
    after = _draw(info, config, before, rows)
    alts = [_("original"), _("as training sees it")]
    pairs = [
        Strip(mixed_label(info, share), "", [original, changed], alts)
        for original, changed, share in zip(before.images, *after, strict=True)
    ]
    st.caption(_("On the left the original, on its right what training makes of it this time."))
    for side, column in enumerate(st.columns(2)):
        with column:
            strips(pairs[side::2], key=f"augmented{side}", size=STRIP)


def _many_draws_of_one(info: DatasetInfo, split: Split, config: AugmentConfig) -> None:
    """One image and what may become of it, mixed, if it is, with others."""
    row = _choose_image(info, split)
    others = [other for other in first_of_each_class(split.labels, PICTURES + 1) if other != row]
    # Each image is mixed with its mirror place in the batch: the copies with all the others.
    rows = [row] * DRAWS + ((others or [row]) * DRAWS)[:DRAWS]
    after = _draw(info, config, _batch(info, split, rows), rows)
    name = class_names(info)[split.labels[row]]
    thumbs = [Thumb(split.images[row], [_("original"), name], _("original"))]
    thumbs += [
        Thumb(image, [mixed_label(info, share)], _("as training sees it"))
        for image, share in zip(after.images[:DRAWS], after.shares[:DRAWS], strict=True)
    ]
    gallery(thumbs, key="augmented", size=THUMB)


def _choose_image(info: DatasetInfo, split: Split) -> int:
    """A row of the split, by its class and its number among those of its class."""
    present = np.unique(split.labels).tolist()
    left, right = st.columns([3, 1])
    # A choice is known by its label: those of another dataset would be lost in it.
    label = left.selectbox(
        _("Class"),
        present,
        format_func=class_names(info).__getitem__,
        key=f"augment_class.{info.fingerprint}",
        help=_("The class of the image that is drawn again and again."),
        persist_state="session",
    )
    rows = np.flatnonzero(split.labels == label)
    place = right.number_input(
        _("Image"),
        1,
        len(rows),
        key=f"augment_image.{info.fingerprint}.{label}",
        help=_("Its number among the {n} training images of its class.", n=number(len(rows))),
        persist_state="session",
    )
    return int(rows[place - 1])


def mixed_label(info: DatasetInfo, shares: NDArray[np.float32]) -> str:
    """``cat``, or ``70 % cat + 30 % dog`` where two images were mixed; the larger share first."""
    called, order = class_names(info), np.argsort(-shares, kind="stable")
    parts: list[tuple[float, str]] = [
        (float(shares[i]), called[i]) for i in order if round(100 * shares[i]) > 0
    ]
    if len(parts) == 1:
        return parts[0][1]
    written = [(percent(share, 0).replace(" ", NO_BREAK), name) for share, name in parts]
    return " + ".join(f"{share} {name}" for share, name in written)


def first_of_each_class(labels: NDArray[np.int32], n: int) -> list[int]:
    """``n`` rows of as many classes as there are; the rows are shuffled, so the first will do."""
    classes, first = np.unique(labels, return_index=True)
    more = [row for row in range(min(len(labels), n + len(classes))) if row not in first]
    return [*first.tolist(), *more][:n]


def _batch(info: DatasetInfo, split: Split, rows: list[int]) -> Drawn:
    images = np.stack([split.images[row] for row in rows])
    labels = split.labels[rows]
    return Drawn(images, np.eye(len(info.class_names), dtype=np.float32)[labels])


def _draw(info: DatasetInfo, config: AugmentConfig, before: Drawn, rows: list[int]) -> Drawn:
    seed, content = st.session_state["augment_seed"], f"{info.fingerprint} {rows}"
    with st.spinner(_("Drawing the pictures …"), show_time=True):
        return Drawn(*_drawn(config.model_dump_json(), content, seed, *before))


@st.cache_data(show_spinner=False, max_entries=50)
def _drawn(
    config: str,
    content: str,
    seed: int,
    _images: NDArray[np.uint8],
    _shares: NDArray[np.float32],
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """The batch drawn once, by the worker; ``content`` tells batches apart."""
    return get_lab().compute.apply_augmentation(
        AugmentConfig.model_validate_json(config), _images, _shares, seed
    )
