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
from ui.i18n import _
from ui.messages import show_error
from ui.names import class_names
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
    try:
        if config.active:
            _before_and_after(dataset, config)
        else:
            _unchanged(dataset)
    except LabError as error:
        show_error(error)


def _unchanged(dataset: Dataset) -> None:
    st.info(
        _(
            "Nothing is switched on: the network sees every image as it is, in every epoch. "
            "Move a control to see what it does."
        )
    )
    images, names = _originals(dataset)
    strips([Strip(_("originals"), "", list(images), names)], key="originals")


def _before_and_after(dataset: Dataset, config: AugmentConfig) -> None:
    text, button = st.columns([3, 1], vertical_alignment="center")
    text.markdown(_("On the left the original, to its right what training may make of it."))
    button.button(_("Draw again"), key="draw_again", icon=":material/casino:", on_click=_draw_again)
    images, names = _originals(dataset)
    with st.spinner(_("Drawing the pictures …"), show_time=True):
        drawn = _drawn(config.model_dump_json(), dataset.info.fingerprint, _seed(), images)
    alts = [_("original"), *[_("drawn at random")] * DRAWS]
    rows = [
        Strip(name, "", [original, *changed], alts)
        for name, original, changed in zip(names, images, drawn, strict=True)
    ]
    strips(rows, key="augmented", lead=True)


def _seed() -> int:
    return int(st.session_state.get("_augment_seed", 0))


def _draw_again() -> None:
    st.session_state["_augment_seed"] = _seed() + 1


def _originals(dataset: Dataset) -> tuple[NDArray[np.uint8], list[str]]:
    """Some training images (n, h, w, c) and their classes' names."""
    rows = dataset.split("train")
    chosen = first_of_each_class(rows.labels, PICTURES)
    called = class_names(dataset.info)
    names = [called[rows.labels[row]] for row in chosen]
    return np.stack([rows.images[row] for row in chosen]), names


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
