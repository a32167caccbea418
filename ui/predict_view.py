"""Pictures, and what the networks take them for."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core import networks
from core.asking.items import Item
from core.errors import N_, LabError
from core.evaluation.varying import variants
from core.networks import network_version
from core.plots.bars import TopKInfo, plot_top_k, top_k_info
from core.records import RunRecord, RunStatus, enough_names
from ui.closer import look_closer
from ui.closer_subject import Subject
from ui.composed import missing_member
from ui.frame import NO_EPOCH, run_label, short_name, stopped_at_once
from ui.gallery import Thumb, gallery
from ui.i18n import _, ngettext, percent, say
from ui.messages import show_error
from ui.names import class_names, literal, shortened
from ui.predict_pictures import THUMB, Picture, Seen
from ui.queue_view import place_in_queue
from ui.state import LISTED_RUNS, get_lab, is_dark
from ui.unknown import Strangeness, notice, strangeness

PER_PAGE = 8
"""Pictures on a page: each has a chart."""
SMALL = 96
"""Side of what the network sees, where several stand side by side."""
NARROW_RANGE = (0, 150)
"""Percent: so that the figure behind a full bar fits into a narrow chart."""
UNSURE = 0.5
MAX_TOP = 10
MOST_BESIDE = 3
"""Runs beside the chosen one."""
WITHOUT_MODEL = {
    RunStatus.QUEUED: N_("This run is waiting in the queue: it has no network yet."),
    RunStatus.RUNNING: N_("This run is still training: its network can be tried when it ends."),
    RunStatus.FAILED: N_("This run has failed and left no network."),
    RunStatus.INTERRUPTED: N_("This run was interrupted: resume it, and try its network then."),
}
CHANGES = {
    "flip": N_("mirrored"),
    "rotation": N_("turned"),
    "translation": N_("shifted"),
    "zoom": N_("larger and smaller"),
    "crop": N_("cropped"),
}
"""What a version of a picture is called, by the switch of the augmentation it comes from."""


class Look(NamedTuple):
    """A picture as one run takes it, and its answer (classes,)."""

    record: RunRecord
    name: str
    seen: Seen
    proba: NDArray[np.float32]
    strange: Strangeness | None
    """Whether it is like anything the run was trained on; unknown until the run was looked into."""

    @property
    def found(self) -> str:
        """The likeliest class, as it is stored: names in two languages would never agree."""
        names = enough_names(self.record.class_names, len(self.proba))
        return names[int(self.proba.argmax())]


def has_network(record: RunRecord) -> bool:
    return networks.has_network(get_lab().paths, record)


def why_no_network(record: RunRecord) -> str:
    sentence = WITHOUT_MODEL.get(record.status, N_("This run has saved no network."))
    return _(NO_EPOCH if stopped_at_once(record) else sentence)


def explain_missing(record: RunRecord) -> None:
    """Why there is nothing to predict with, and where to go."""
    if record.is_composed:
        missing_member(record)
        return
    st.info(why_no_network(record))
    if record.status is RunStatus.QUEUED:
        st.caption(place_in_queue(record))
    st.page_link(
        "pages/train.py",
        label=_("See how the run stands"),
        icon=":material/model_training:",
        query_params={"run": record.id},
    )
    st.caption(_("Or choose a finished run in the sidebar."))


def how_many_classes(record: RunRecord) -> int:
    """How many classes to list for each picture."""
    most = min(MAX_TOP, len(record.class_names))
    if most < 2:
        return most
    return st.slider(
        _("Classes shown"),
        1,
        most,
        value=min(5, most),
        key="top_k",
        help=_("The likeliest classes of every picture, with their probabilities."),
        persist_state="session",
    )


def choose_beside(record: RunRecord) -> list[RunRecord]:
    """The chosen run, and those that shall judge the same pictures beside it."""
    store = get_lab().store
    others = {
        other.id: other
        for other in store.runs(limit=LISTED_RUNS)
        if other.id != record.id and has_network(other)
    }
    kept = [i for i in st.session_state.get("predict_beside", []) if i in others]
    if kept != st.session_state.get("predict_beside", kept):
        st.session_state["predict_beside"] = kept
    if not others:
        return [record]
    chosen = st.multiselect(
        _("Beside it"),
        list(others),
        format_func=lambda run_id: run_label(others[run_id]),
        key="predict_beside",
        max_selections=MOST_BESIDE,
        placeholder=_("other finished runs"),
        help=_("They judge the same pictures, each prepared in its own way: a column per run."),
        persist_state="session",
    )
    return [record, *(others[run_id] for run_id in chosen)]


def choose_varied(records: Sequence[RunRecord]) -> bool:
    """Whether pictures are judged in several versions, and in which."""
    varied = st.toggle(
        _("Average over small changes"),
        key="predict_varied",
        help=_(
            "Test-time augmentation: each picture is judged in several versions, changed as in "
            "training, and the probabilities are averaged."
        ),
        persist_state="session",
    )
    if varied:
        for record in records:
            st.caption(literal(_versions(record, named=len(records) > 1)))
    return varied


def _versions(record: RunRecord, *, named: bool) -> str:
    assert record.image_shape is not None
    if record.is_composed:
        said = _("each member by the changes of its own training")
        return f"{short_name(record)} – {said}" if named else f"{said[:1].upper()}{said[1:]}."
    made = variants(record.config.augment, record.image_shape[:2])
    ways = ", ".join(_(CHANGES[change]) for change in dict.fromkeys(v.change for v in made))
    count = ngettext("{n} more version", "{n} more versions", len(made))
    if not named:
        return (
            f"{count}: {ways}."
            if made
            else _(
                "This run was trained without flips, rotations, shifts, zooms and crops, so its "
                "pictures are judged as they are."
            )
        )
    return f"{short_name(record)} – " + (f"{count}: {ways}" if made else _("as it is"))


def page_of(items: Sequence[Item]) -> Sequence[Item]:
    """The pictures of the page that is looked at: only these are read."""
    pages = -(-len(items) // PER_PAGE)
    if pages < 2:
        return items
    page = st.pagination(pages, key="predict_page")
    return items[(page - 1) * PER_PAGE : page * PER_PAGE]


def predict(
    record: RunRecord, pixels: Sequence[NDArray[np.uint8]], varied: bool
) -> list[NDArray[np.float32]]:
    """Probabilities (classes,) of every picture; the same ones are not asked for twice.

    Raises:
        LabError: if the run has no usable model, or the computing process died.
    """
    # A run that is resumed writes another model.
    version = network_version(get_lab().paths, record)
    digests = [blake2b(p.tobytes(), digest_size=16).hexdigest() for p in pixels]
    different = dict(zip(digests, pixels, strict=True))
    proba = _proba(record.id, version, varied, tuple(different), list(different.values()))
    found = dict(zip(different, proba, strict=True))
    return [found[digest] for digest in digests]


@st.cache_data(show_spinner=False, max_entries=200)
def _proba(
    run_id: str,
    version: int,
    varied: bool,
    digests: tuple[str, ...],
    _images: list[NDArray[np.uint8]],
) -> NDArray[np.float32]:
    return get_lab().compute.predict(run_id, np.stack(_images), varied)


class Shown(NamedTuple):
    """How answers are shown: ``k`` classes each; ``closer``: with a button for more."""

    k: int
    varied: bool = False
    closer: bool = True


def show_pictures(
    records: Sequence[RunRecord], pictures: Sequence[Picture], how: Shown, *, key: str
) -> None:
    """Every picture with what the networks take it for."""
    if not pictures:
        return
    try:
        with st.spinner(_("Asking the network …"), show_time=True):
            columns = [_looks(record, i, pictures, how) for i, record in enumerate(records)]
    except LabError as error:
        show_error(error)
        return
    for i, (picture, looks) in enumerate(zip(pictures, zip(*columns, strict=True), strict=True)):
        with st.container(border=True):
            draw = _card if len(looks) == 1 else _row
            draw(picture, looks, how, key=f"{key}.{i}")


def _looks(record: RunRecord, i: int, pictures: Sequence[Picture], how: Shown) -> list[Look]:
    """What the ``i``-th run says of every picture."""
    seen = [picture.seen[i] for picture in pictures]
    pixels = [each.pixels for each in seen]
    answers = predict(record, pixels, how.varied)
    strange = strangeness(record, pixels)
    return [
        Look(record, picture.name, each, proba, strange[n] if strange else None)
        for n, (picture, each, proba) in enumerate(zip(pictures, seen, answers, strict=True))
    ]


def _card(picture: Picture, looks: Sequence[Look], how: Shown, *, key: str) -> None:
    """A picture and the answer of the only run."""
    left, right = st.columns([3, 4], vertical_alignment="center")
    with left:
        gallery(thumbs(picture, looks[0]), key=f"looks.{key}", size=THUMB)
    with right:
        _answer(looks[0], how, key=f"{key}.0")
        _notes(picture)


def _row(picture: Picture, looks: Sequence[Look], how: Shown, *, key: str) -> None:
    """A picture, whether the runs agree, and a column for the answer of each."""
    left, right = st.columns([2, 9], vertical_alignment="top")
    with left:
        gallery([own_thumb(picture)], key=f"looks.{key}", size=SMALL)
        _agreement(looks)
        _notes(picture)
    for i, (look, place) in enumerate(zip(looks, right.columns(len(looks)), strict=True)):
        with place:
            st.caption(literal(run_label(look.record)))
            gallery([seen_thumb(look)], key=f"seen.{key}.{i}", size=SMALL)
            _answer(look, how, key=f"{key}.{i}", narrow=True)


def _agreement(looks: Sequence[Look]) -> None:
    found = {look.found for look in looks}
    if len(found) == 1:
        st.badge(_("they agree"), icon=":material/check:", color="green")
    else:
        st.badge(_("they disagree"), icon=":material/call_split:", color="orange")


def _answer(look: Look, how: Shown, *, key: str, narrow: bool = False) -> None:
    """What one run takes a picture for; ``narrow`` where several stand side by side."""
    names = enough_names(class_names(look.record), len(look.proba))
    top = top_k_info(names, look.proba, how.k)
    best, sure = top.classes[0], top.proba[0]
    st.markdown(f"**{literal(best)}** · {percent(sure)}")
    if look.strange:
        notice(look.strange)
    figure = plot_top_k(
        top._replace(classes=tuple(shortened(top.classes))), dark=is_dark(), percent=percent
    )
    if narrow:
        figure.update_xaxes(showticklabels=False, range=NARROW_RANGE)
        figure.update_layout(height=24 + 26 * len(top.classes))
    st.plotly_chart(
        figure,
        key=f"top.{key}",
        theme=None,
        config={"displayModeBar": False},
        alt=in_words(top),
    )
    if not narrow:
        st.caption(literal(in_words(top)))
    if sure < UNSURE:
        st.caption(_("The network is not sure: no class reaches one half."))
    if how.closer and st.button(_("Look closer"), key=f"closer.{key}", icon=":material/zoom_in:"):
        seen = look.seen
        look_closer(
            Subject(
                *(look.record, look.name, seen.pixels, look.proba),
                *(seen.truth, seen.split, seen.row),
            )
        )


def _notes(picture: Picture) -> None:
    if picture.notes:
        st.caption(literal("; ".join(say(note) for note in picture.notes)))


def in_words(top: TopKInfo) -> str:
    """``cat: 93.5 % · dog: 4.0 %``."""
    pairs = zip(top.classes, top.proba, strict=True)
    return " · ".join(f"{name}: {percent(share)}" for name, share in pairs)


def thumbs(picture: Picture, look: Look) -> list[Thumb]:
    """The picture as it is, if that is something else, and as the network sees it."""
    seen = seen_thumb(look)
    if picture.on_sheet:
        return [seen]
    if picture.shown is not None:
        return [own_thumb(picture), seen]
    return [seen._replace(caption=(seen.caption[0], picture.name))]


def own_thumb(picture: Picture) -> Thumb:
    """The picture as it came."""
    size = _("{width}×{height} pixels", width=picture.size[0], height=picture.size[1])
    pixels = picture.seen[0].pixels if picture.shown is None else picture.shown
    # In a zip the folders come last: a long line is cut off at its end.
    lines = (picture.name, size, picture.folder)
    return Thumb(pixels, [line for line in lines if line], alt=picture.name)


def seen_thumb(look: Look) -> Thumb:
    """The picture as a network sees it, marked right or wrong where the truth is known."""
    height, width, channels = look.seen.pixels.shape
    kind = _("grey") if channels == 1 else _("RGB")
    alt = _("{name} as the network sees it", name=look.name)
    size = f"{width}×{height}, {kind}"
    if look.seen.truth is None:
        return Thumb(look.seen.pixels, (_("as the network sees it"), size), alt)
    truth = _("in truth: {name}", name=class_names(look.record)[look.seen.truth])
    right = look.seen.truth == int(look.proba.argmax())
    return Thumb(look.seen.pixels, (truth, size), alt, "good" if right else "bad")


def about_network(record: RunRecord) -> None:
    """What the network takes and gives."""
    assert record.image_shape is not None
    height, width, channels = record.image_shape
    size, classes = f"{width}×{height}", len(record.class_names)
    st.caption(
        _("It takes images of {size} pixels", size=size)
        + ", "
        + (_("grey") if channels == 1 else _("RGB"))
        + ", "
        + ngettext("and knows {n} class.", "and knows {n} classes.", classes)
        + " "
        + _("Whatever the picture shows, it answers with one of them.")
    )
