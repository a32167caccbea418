"""Whether pictures are like anything that a network was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.errors import N_
from core.inspection.result import unlearned_split
from core.inspection.unknown import ACCEPTED
from core.records import RunRecord
from ui.digest import digest
from ui.i18n import _, number, percent
from ui.inspection_data import files_of, version
from ui.inspection_panel import ready
from ui.state import get_lab


class Strangeness(NamedTuple):
    """The ``score`` of a picture; above the ``threshold`` it is like nothing known. Of the images
    of ``split``, which were not learned from, nearly all stay below."""

    score: float
    threshold: float
    split: str = "val"

    @property
    def unknown(self) -> bool:
        return self.score > self.threshold


def strangeness(record: RunRecord, pictures: Sequence[NDArray[np.uint8]]) -> list[Strangeness]:
    """One per picture (h, w, c); none at all if the run was not looked into yet.

    Raises:
        LabError: if the network cannot be asked.
    """
    done = version(record, "features")
    if not done or not pictures:
        return []
    digests = tuple(digest(pixels) for pixels in pictures)
    scores, threshold = _judged(record.id, done, digests, np.stack(pictures))
    split = unlearned_split(files_of(record))
    return [Strangeness(float(score), threshold, split) for score in scores]


@st.cache_data(show_spinner=False, max_entries=200)
def _judged(
    run_id: str, version: int, digests: tuple[str, ...], _images: NDArray[np.uint8]
) -> tuple[NDArray[np.float32], float]:
    return get_lab().compute.judge_unknown(run_id, _images)


_WARNINGS = {
    "val": N_(
        "Not like anything the network was trained on: its strangeness is {score}, and "
        "{share} of the validation images stay below {threshold}. The answer means little."
    ),
    "test": N_(
        "Not like anything the network was trained on: its strangeness is {score}, and "
        "{share} of the test images stay below {threshold}. The answer means little."
    ),
}


def notice(found: Strangeness) -> None:
    """What to say under one picture: a warning where it is like nothing known."""
    numbers = {"score": number(found.score, 3), "threshold": number(found.threshold, 3)}
    if found.unknown:
        st.warning(
            _(_WARNINGS[found.split], share=percent(ACCEPTED, 0), **numbers),
            icon=":material/help:",
        )
    else:
        st.caption(
            _("Like the training images: strangeness {score}, the limit is {threshold}.", **numbers)
        )


def offer(record: RunRecord) -> None:
    """Where it cannot be told yet: how to make it so."""
    if not record.is_composed and not version(record, "features"):
        with st.expander(_("Is a picture like anything the network was trained on?")):
            ready(record, "features", where="predict")
