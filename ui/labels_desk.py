"""What the label check works on: images of a split, what a network says, what people decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.analysis.service import analysis_paths
from core.datasets.dataset import Dataset, Split
from core.datasets.decisions import (
    Act,
    Decided,
    Decision,
    Place,
    Verdict,
    decisions,
    read_acts,
    relabel,
)
from core.datasets.joining import open_as_seen
from core.errors import N_
from core.evaluation.labels import LabelIssue, ambiguous, as_issues, label_quality, strange
from core.records import RunRecord
from ui.errors_data import Judged
from ui.state import get_lab
from ui.understand_data import understood

Issues = tuple[LabelIssue, ...]


class Desk(NamedTuple):
    """Everything about one split of a run's dataset; ``acts`` are those when it was drawn."""

    record: RunRecord
    judged: Judged
    dataset: Dataset
    images: Split
    acts: Sequence[Act]
    decided: Mapping[Place, Decision]

    @property
    def is_gone(self) -> bool:
        """Whether only those images are left that runs show."""
        return self.dataset.files.folder.parent != get_lab().paths.datasets

    @property
    def fingerprint(self) -> str:
        return self.dataset.info.fingerprint

    def place(self, row: int) -> Place:
        """Where the image of a row of the split lies in the dataset: what was learned from, or
        what all folds have judged, may be training and validation images as one."""
        return Place(*self.dataset.place(self.judged.split, row))

    def image(self, row: int) -> NDArray[np.uint8]:
        """The image (h, w, c) of a row of the split."""
        pixels: NDArray[np.uint8] = np.asarray(self.images.images[row])
        return pixels

    def stored(self, label: int) -> str:
        """The name of a class as the dataset has it, in whatever language it is shown."""
        return self.dataset.info.class_names[label]

    def relabelled(self, issue: LabelIssue, label: int) -> Decided:
        place = self.place(issue.row)
        return relabel(place.split, place.row, self.stored(issue.given), self.stored(label))

    def verdict(self, issue: LabelIssue, verdict: Verdict) -> Decided:
        place = self.place(issue.row)
        return Decided(split=place.split, row=place.row, verdict=verdict)


def desk(record: RunRecord, judged: Judged) -> Desk:
    """Raises LabError when the images are gone, or other ones have their name."""
    paths = get_lab().paths
    dataset = open_as_seen(paths, record.config.data, record.dataset_fingerprint)
    file = paths.decisions(dataset.info.fingerprint)
    stat = file.stat() if file.is_file() else None
    changed = (stat.st_mtime_ns, stat.st_size) if stat else (0, 0)
    acts = _acts(str(file), changed, dataset.info.fingerprint)
    return Desk(record, judged, dataset, dataset.split(judged.split), acts, _decided(acts))


@st.cache_resource(show_spinner=False, max_entries=16)
def _acts(file: str, changed: tuple[int, int], fingerprint: str) -> tuple[Act, ...]:
    return tuple(read_acts(get_lab().paths, fingerprint))


def _decided(acts: Sequence[Act]) -> Mapping[Place, Decision]:
    return decisions(acts)


class Listing(NamedTuple):
    """A list of images worth a look: its name, what it means, what is said when it is empty."""

    label: str
    meaning: str
    nothing: str
    find: Callable[[Desk], Issues]


def probably_wrong(desk: Desk) -> Issues:
    """Found once for all sessions, in the computing process."""
    return _wrong(desk.judged.name[:3], desk.judged)


# Positions and figures are the same in every language.
@st.cache_resource(show_spinner=False, max_entries=16)
def _wrong(name: tuple[str, int, str], _judged: Judged) -> Issues:
    predictions = _judged.predictions
    found = get_lab().compute.find_label_issues(predictions.y_true, predictions.proba)
    return as_issues(predictions, *found)


def _ambiguous(desk: Desk) -> Issues:
    return _by_margin(desk.judged.name[:3], desk.judged)


@st.cache_resource(show_spinner=False, max_entries=16)
def _by_margin(name: tuple[str, int, str], _judged: Judged) -> Issues:
    return ambiguous(_judged.predictions)


def _strange(desk: Desk) -> Issues:
    """By turns those that the network and those that the analysis of the dataset finds strange:
    the one finds what is cut off, the other what has other colours, and rarely the same."""
    pairs = zip_longest(_by_spread(desk.judged.name[:3], desk.judged), _unlike(desk))
    both = (issue for pair in pairs for issue in pair if issue is not None)
    return tuple({issue.position: issue for issue in both}.values())


@st.cache_resource(show_spinner=False, max_entries=16)
def _by_spread(name: tuple[str, int, str], _judged: Judged) -> Issues:
    return strange(_judged.predictions)


def _unlike(desk: Desk) -> Issues:
    """The images of this split that are least like their class by their pixels, if somebody has
    had the dataset analysed. Raises DatasetError if that is damaged."""
    info = desk.dataset.info
    if desk.is_gone or not analysis_paths(get_lab().paths, info).result("basic").is_file():
        return ()
    about = understood(desk.dataset)
    places = (about.rows.place(int(row)) for row in about.found.outliers.row)
    return _at(desk, [Place(place.split, place.row) for place in places])


def already_decided(desk: Desk) -> Issues:
    """Images of this split that somebody has decided about, the latest first."""
    return _at(desk, list(reversed(list(desk.decided))))


def _at(desk: Desk, places: Sequence[Place]) -> Issues:
    """Those of these images that the network has judged in this split."""
    predictions = desk.judged.predictions
    rows = {desk.place(int(row)): i for i, row in enumerate(predictions.rows)}
    at = np.array([rows[place] for place in places if place in rows], np.int64)
    quality = label_quality(predictions.y_true[at], predictions.proba[at])
    return as_issues(predictions, at, quality)


LISTINGS: Mapping[str, Listing] = {
    "wrong": Listing(
        N_("Probably wrong"),
        N_(
            "Confident learning: the network is surer of another class than it usually is of that "
            "class. The clearest contradictions come first. Look at each: the network may be "
            "wrong, too."
        ),
        N_("No label of this split contradicts the network clearly."),
        probably_wrong,
    ),
    "ambiguous": Listing(
        N_("Ambiguous"),
        N_(
            "The two likeliest classes differ by less than 20 points: images that even people may "
            "find hard, or that show both. The closest come first."
        ),
        N_("The network hesitates between two classes for no image of this split."),
        _ambiguous,
    ),
    "strange": Listing(
        N_("Out of place"),
        N_(
            "The images, 2 % at most, for which the network's answer is spread widest over all "
            "classes: perhaps they show none of them, or are damaged or cut off. If the dataset "
            "was analysed on the Data page, every second one is least like its class by its "
            "pixels."
        ),
        N_("Every image of this split fits some class."),
        _strange,
    ),
    "decided": Listing(
        N_("Decided"),
        N_("What you and others have decided about images of this split, the latest first."),
        N_("Nothing has been decided about images of this split yet."),
        already_decided,
    ),
}
