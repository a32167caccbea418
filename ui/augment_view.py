"""What the augmentation that is set does to pictures of this dataset."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.config import SECTIONS, AugmentConfig
from core.datasets.dataset import Dataset
from core.errors import LabError
from ui.data_view import fill_form_if_empty
from ui.forms import augmentation_from_form, section_fields
from ui.i18n import _, ngettext, say_error
from ui.markdown import literal
from ui.state import get_lab
from ui.strips import Strip, strips

PICTURES = 7
DRAWS = 6


def augmentation(dataset: Dataset) -> None:
    """The controls of the Train form, and beside them some pictures before and after."""
    fill_form_if_empty(dataset.info)
    controls, preview = st.columns([2, 5], gap="large")
    with controls:
        st.caption(_("The same settings as on the Train page: what is set here is trained with."))
        section_fields("augment", SECTIONS["augment"], advanced=True, columns=1)
    with preview:
        _preview(dataset, augmentation_from_form())


def _preview(dataset: Dataset, config: AugmentConfig) -> None:
    if not config.active:
        st.info(
            _(
                "Nothing is switched on: the network sees every image as it is, in every epoch. "
                "Move a control to see what it does."
            )
        )
    text, button = st.columns([3, 1], vertical_alignment="center")
    text.markdown(
        _("Left the original, right of it what the training may make of it.")
        if config.active
        else _("Images of the training split, unchanged.")
    )
    button.button(
        _("Draw again"),
        key="draw_again",
        icon=":material/casino:",
        disabled=not config.active,
        on_click=_draw_again,
    )
    try:
        strips(_rows(dataset, config), key="augmented", lead=True)
    except LabError as error:
        st.error(literal(say_error(error)))


def _seed() -> int:
    return int(st.session_state.get("_augment_seed", 0))


def _draw_again() -> None:
    st.session_state["_augment_seed"] = _seed() + 1


def _rows(dataset: Dataset, config: AugmentConfig) -> list[Strip]:
    """One picture per row: the original, then its draws."""
    rows = dataset.split("train")
    chosen = first_of_each_class(rows.labels, PICTURES)
    originals = np.stack([rows.images[row] for row in chosen])
    drawn = np.empty((len(chosen), 0, *originals.shape[1:]), np.uint8)
    if config.active:
        with st.spinner(_("Drawing the pictures …"), show_time=True):
            drawn = _drawn(config.model_dump_json(), dataset.info.fingerprint, _seed(), originals)
    draws = drawn.shape[1]
    return [
        Strip(
            name=dataset.info.class_names[rows.labels[row]],
            note=ngettext("{n} draw", "{n} draws", draws) if draws else "",
            images=[original, *changed],
            alts=[_("original"), *[_("drawn at random")] * draws],
        )
        for row, original, changed in zip(chosen, originals, drawn, strict=True)
    ]


def first_of_each_class(labels: NDArray[np.int32], n: int) -> list[int]:
    """``n`` rows of as many classes as there are; the rows are shuffled, so the first will do."""
    classes, first = np.unique(labels, return_index=True)
    more = [row for row in range(min(len(labels), n + len(classes))) if row not in first]
    return [*first.tolist(), *more][:n]


@st.cache_data(show_spinner=False, max_entries=50)
def _drawn(
    config: str, fingerprint: str, seed: int, _images: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Uint8 (n, draws, h, w, c): every picture drawn anew so many times, by the worker."""
    changed = get_lab().compute.apply_augmentation(
        AugmentConfig.model_validate_json(config), np.repeat(_images, DRAWS, axis=0), seed
    )
    return changed.reshape(len(_images), DRAWS, *_images.shape[1:])
