"""What the Ensembles page shows, read and computed once for all sessions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.ensembles.appraisal import Judged, Step, greedy_order, judge_method
from core.ensembles.combine import Recipe, Stacking, cross_fitted, equal_weights, learned
from core.ensembles.making import Cooks
from core.ensembles.votes import Votes, checked, gathered, predictions_file
from core.parts import Member, Method
from core.paths import Paths
from core.records import RunRecord, short_id
from ui.i18n import _
from ui.state import get_lab

Answers = NDArray[np.float32]
Labels = NDArray[np.int32]
Name = tuple[tuple[str, int | None, bool, int], ...]


class Chosen(NamedTuple):
    """Members that fit together, and what they say of the validation images."""

    members: tuple[Member, ...]
    records: tuple[RunRecord, ...]
    votes: Votes
    name: Name

    @property
    def labels(self) -> list[str]:
        """What each is called on the page, short."""
        pairs = zip(self.members, self.records, strict=True)
        return [member_label(member, record) for member, record in pairs]


def member_label(member: Member, record: RunRecord) -> str:
    label = f"{short_id(record.id)} · {record.config.model.short_name}"
    if member.snapshot is not None:
        label = _("{run}, epoch {epoch}", run=label, epoch=member.snapshot)
    return f"{label} (TTA)" if member.varied else label


def chosen(members: Sequence[Member]) -> Chosen:
    """Raises LabError if the members cannot be combined."""
    paths = get_lab().paths
    records = tuple(checked(paths, members))
    files = [predictions_file(paths, member) for member in members]
    name = tuple(
        (member.run, member.snapshot, member.varied, file.stat().st_mtime_ns)
        for member, file in zip(members, files, strict=True)
    )
    return Chosen(tuple(members), records, _votes(name, paths, tuple(members)), name)


# Of ten members, 10,000 images and 100 classes 40 MB: of few choices at a time.
@st.cache_resource(show_spinner=False, max_entries=4)
def _votes(name: Name, _paths: Paths, _members: tuple[Member, ...]) -> Votes:
    return gathered(_paths, _members, "val")


def judged(found: Chosen, method: Method) -> Judged:
    """What a method is worth; stacking is asked of the computing process.

    Raises:
        LabError: if it cannot be told.
    """
    return _judged(found.name, method, found.votes)


@st.cache_resource(show_spinner=False, max_entries=24)
def _judged(name: Name, method: Method, _votes: Votes) -> Judged:
    return judge_method(method, _votes, _cross_fit)


def growth(found: Chosen) -> list[Step]:
    """The members in greedy order."""
    return _growth(found.name, found.votes)


@st.cache_resource(show_spinner=False, max_entries=32)
def _growth(name: Name, _votes: Votes) -> list[Step]:
    return greedy_order(_votes)


def weights_of(found: Chosen, method: Method) -> list[float] | None:
    """How much each member counts; None where that is no single number."""
    if method == "stacking":
        return None
    weights: list[float] = learned(method, found.votes.proba, found.votes.y_true).weights.tolist()
    return weights


def _cross_fit(method: Method, proba: Answers, y_true: Labels) -> Answers:
    if method != "stacking":
        return cross_fitted(method, proba, y_true)
    return get_lab().compute.cross_fit(method, proba, y_true)


def _learn(method: Method, proba: Answers, y_true: Labels) -> Recipe:
    if method != "stacking":
        return learned(method, proba, y_true)
    layer = Stacking(*get_lab().compute.learn_stacking(proba, y_true))
    return Recipe(equal_weights(len(proba)), layer)


REMOTE = Cooks(_learn, _cross_fit)
"""Where scikit-learn may be loaded."""
