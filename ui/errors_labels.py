"""Are the labels right? Images to look at, and what is decided about them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import streamlit as st

from core.datasets.decisions import Decided, Verdict, counts, decide, undo, undoable
from core.errors import N_, LabError
from core.evaluation.labels import LabelIssue
from core.records import RunRecord
from ui.closer import look_closer
from ui.closer_subject import Subject
from ui.errors_data import Judged
from ui.i18n import _, ngettext, percent, say_error
from ui.labels_desk import LISTINGS, Desk, Listing, desk
from ui.labels_version import BEGUN, version_popover, versions_panel
from ui.messages import show, show_error
from ui.names import literal
from ui.state import NAME, get_lab
from ui.switch import switch
from ui.tick_gallery import Pressed, Tickable, tick_gallery, ticked, untick

PER_PAGE = 24
THUMBNAIL = 112
GALLERY = "labels.gallery"
LIST = "labels.list"
CLASS = "labels.class"
"""Begins the key of the other class; behind it stands whose class it is."""
NOTE = "_labels_note"
"""What is to be said at the next drawing, of a callback that could not."""
LOOKED = "_labels_looked"
"""The picture that somebody wants to look at closely."""
SUGGESTED, LOOK = "suggested", "look"
KEYS = {"k": Verdict.KEEP.value, "r": SUGGESTED, "x": Verdict.EXCLUDE.value, "enter": LOOK}
"""Keys that do something about a picture, and what they stand for."""


def labels_section(record: RunRecord, judged: Judged) -> None:
    """The versions that came of decisions, and the images that are to be decided about."""
    try:
        versions_panel(desk(record, judged))
    except LabError as error:
        show(
            f"{say_error(error)} {_('Without the images no label can be checked.')}",
            "warning",
        )
        return
    _check(record, judged)


@st.fragment
def _check(record: RunRecord, judged: Judged) -> None:
    if st.session_state.pop(BEGUN, False):
        st.rerun()
    try:
        about = desk(record, judged)
        with st.container(horizontal=True, horizontal_alignment="distribute"):
            listing = LISTINGS[_choose_list()]
            _overview(about)
        with st.spinner(_("Looking for labels that contradict the network …"), show_time=True):
            found = listing.find(about)
    except LabError as error:  # deleted in this moment, or the computing process died
        show_error(error)
        return
    if note := st.session_state.pop(NOTE, None):
        show(note, "info", icon=":material/group:")
    _explain(about, listing, len(found))
    decided = listing is LISTINGS["decided"]
    shown = [i for i in found if decided or about.place(i.row) not in about.decided]
    if shown:
        _pages(about, shown)
    elif found:
        st.success(_("Everything in this list is decided. Make a new version to use it."))
    else:
        st.success(_(listing.nothing))


def _choose_list() -> str:
    st.session_state.setdefault(LIST, "wrong")
    return switch(_("List"), {name: _(one.label) for name, one in LISTINGS.items()}, key=LIST)


def _overview(about: Desk) -> None:
    """What was decided about the dataset so far, and what can be done with it."""
    many = counts(about.decided)
    words = (
        ngettext("{n} relabelled", "{n} relabelled", many[Verdict.RELABEL]),
        ngettext("{n} left out", "{n} left out", many[Verdict.EXCLUDE]),
        ngettext("{n} kept", "{n} kept", many[Verdict.KEEP]),
    )
    with st.container(horizontal=True, vertical_alignment="center", width="content"):
        st.text(" · ".join(words), width="content")
        by = _me()
        st.button(
            _("Undo"),
            key="labels.undo",
            icon=":material/undo:",
            disabled=undoable(about.acts, by) is None,
            help=_("Takes your own last decision back, whatever others have decided since."),
            on_click=_guarded,
            args=(functools.partial(_undo, about.fingerprint, by),),
        )
        version_popover(about)


def _explain(about: Desk, listing: Listing, found: int) -> None:
    words = [_(listing.meaning)]
    if listing is not LISTINGS["decided"]:
        words.append(ngettext("{n} image.", "{n} images.", found))
    if listing is LISTINGS["wrong"]:
        words.append(
            _(
                "This network is right for {share} of the split: the better it is, the more to "
                "trust.",
                share=percent(about.judged.summary.accuracy),
            )
        )
    st.caption(literal(" ".join(words)))
    if about.judged.split == "train":
        show(
            _(
                "The network has learned these labels, wrong ones included: it contradicts fewer "
                "of them than it would of images that it has not seen."
            ),
            "info",
        )


def _pages(about: Desk, issues: Sequence[LabelIssue]) -> None:
    """One page of the list, with what can be done to the pictures that are ticked."""
    judged = about.judged
    key = f"{GALLERY}.{judged.run_id}.{judged.split}"
    pages = -(-len(issues) // PER_PAGE)
    # What is decided leaves the list: the last page may be gone.
    where = f"labels.page.{judged.run_id}.{judged.split}.{st.session_state[LIST]}"
    if pages > 1 and int(st.session_state.get(where, 1)) > pages:
        st.session_state[where] = pages
    page = int(st.session_state.get(where, 1)) if pages > 1 else 1
    shown = {str(i.row): i for i in issues[(page - 1) * PER_PAGE : page * PER_PAGE]}
    actions = _Actions(about, shown, key)
    _buttons(actions)
    tick_gallery(
        [_picture(about, issue) for issue in shown.values()],
        key=key,
        size=THUMBNAIL,
        keys=KEYS,
        alone=[name for name, button in BUTTONS.items() if button.alone],
        on_press=lambda pressed: _guarded(lambda: actions.press(pressed)),
    )
    if pages > 1:
        st.pagination(pages, key=where)
    if (looked := st.session_state.pop(LOOKED, None)) in shown:
        look_closer(_subject(about, shown[looked]))


class _Actions(NamedTuple):
    """What can be decided about the pictures of a page (row → issue)."""

    about: Desk
    shown: Mapping[str, LabelIssue]
    key: str

    def chosen(self) -> list[str]:
        return ticked(self.key, list(self.shown))

    def press(self, pressed: Pressed) -> None:
        """In a callback."""
        BUTTONS[pressed.verb].act(self, pressed.ids)

    def judge(self, ids: Sequence[str], verdict: Verdict) -> None:
        self._note([self.about.verdict(self.shown[i], verdict) for i in ids])

    def suggested(self, ids: Sequence[str]) -> None:
        issues = [self.shown[i] for i in ids]
        self._note([self.about.relabelled(issue, issue.suggested) for issue in issues])

    def look(self, ids: Sequence[str]) -> None:
        st.session_state[LOOKED] = ids[-1]

    def relabel(self, ids: Sequence[str]) -> None:
        label = int(st.session_state[_class_key(self.about)])
        self._note([self.about.relabelled(self.shown[i], label) for i in ids])

    def _note(self, decided: list[Decided]) -> None:
        about = self.about
        added = decide(get_lab().paths, about.fingerprint, decided, by=_me(), seen=len(about.acts))
        untick(self.key)
        if added.left:
            st.session_state[NOTE] = ngettext(
                "{n} image was decided by somebody else in the meantime and was left as it is.",
                "{n} images were decided by somebody else in the meantime and were left as they "
                "are.",
                len(added.left),
            )


class _Button(NamedTuple):
    label: str
    icon: str
    help: str
    act: Callable[[_Actions, Sequence[str]], None]
    alone: bool = False
    """Whether it is done about one picture only."""


BUTTONS: Mapping[str, _Button] = {
    Verdict.KEEP.value: _Button(
        N_("Keep"),
        ":material/check:",
        N_("The label is right: the image leaves this list. Key K."),
        lambda actions, ids: actions.judge(ids, Verdict.KEEP),
    ),
    SUGGESTED: _Button(
        N_("Relabel as suggested"),
        ":material/auto_fix_high:",
        N_("In the next version each has the class after the arrow. Key R."),
        lambda actions, ids: actions.suggested(ids),
    ),
    Verdict.EXCLUDE.value: _Button(
        N_("Leave out"),
        ":material/block:",
        N_("The next version does not have the image. Key X."),
        lambda actions, ids: actions.judge(ids, Verdict.EXCLUDE),
    ),
    LOOK: _Button(
        N_("Look closer"),
        ":material/zoom_in:",
        N_("What the network says of one picture, and why. Key Enter."),
        lambda actions, ids: actions.look(ids),
        alone=True,
    ),
}


def _buttons(actions: _Actions) -> None:
    """For the pictures that are ticked."""
    ids = actions.chosen()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for name, button in BUTTONS.items():
            st.button(
                _(button.label),
                key=f"labels.{name}",
                icon=button.icon,
                help=_(button.help),
                disabled=len(ids) != 1 if button.alone else not ids,
                on_click=_guarded,
                args=(functools.partial(button.act, actions, ids),),
            )
        _other_class(actions, ids)
    told = (
        ngettext("{n} picture ticked.", "{n} pictures ticked.", len(ids))
        if ids
        else _(
            "Tick pictures (with Shift from one to another), then choose. Or by keyboard: Tab "
            "and the arrow keys to a picture, K keeps, R relabels, X leaves out, Enter looks "
            "closer."
        )
    )
    st.caption(told)


def _class_key(about: Desk) -> str:
    """A number among the classes of one dataset is nothing, or another class, in the next."""
    return f"{CLASS}.{about.fingerprint}"


def _other_class(actions: _Actions, ids: Sequence[str]) -> None:
    names = actions.about.judged.classes[: len(actions.about.dataset.info.class_names)]
    st.selectbox(
        _("Another class"),
        range(len(names)),
        format_func=names.__getitem__,
        index=None,
        key=_class_key(actions.about),
        placeholder=_("another class"),
        label_visibility="collapsed",
        persist_state="session",
        width=180,
    )
    st.button(
        _("Relabel"),
        key="labels.relabel",
        icon=":material/label:",
        help=_("In the next version they are of the class chosen on the left."),
        disabled=not ids or st.session_state.get(_class_key(actions.about)) is None,
        on_click=_guarded,
        args=(functools.partial(actions.relabel, ids),),
    )


def _picture(about: Desk, issue: LabelIssue) -> Tickable:
    names, rows = about.judged.classes, about.images
    given, other = names[issue.given], names[issue.suggested]
    lines = [
        f"{given} → {other}",
        f"{percent(issue.suggested_proba)} {other}",
        f"{percent(issue.given_proba)} {given}",
    ]
    decision = about.decided.get(about.place(issue.row))
    if decision:
        lines = [given, _verdict(about, decision.verdict, decision.label), decision.by]
    alt = _(
        "{file}: given {given}, suggested {other} ({sure}); given one: {held}",
        file=rows.names[issue.row],
        given=given,
        other=other,
        sure=percent(issue.suggested_proba),
        held=percent(issue.given_proba),
    )
    return Tickable(str(issue.row), about.image(issue.row), [*filter(None, lines)], alt)


def _subject(about: Desk, issue: LabelIssue) -> Subject:
    return Subject(
        record=about.record,
        name=about.images.names[issue.row],
        pixels=about.image(issue.row),
        proba=about.judged.predictions.proba[issue.position],
        truth=issue.given,
        split=about.judged.split,
        row=issue.row,
    )


def _verdict(about: Desk, verdict: Verdict, label: str) -> str:
    known = about.dataset.info.class_names
    shown = about.judged.classes[known.index(label)] if label in known else label
    return {
        Verdict.KEEP: _("✓ kept"),
        Verdict.RELABEL: _("→ {name}", name=shown),
        Verdict.EXCLUDE: _("✗ left out"),
    }[verdict]


def _undo(fingerprint: str, by: str) -> None:
    n = undo(get_lab().paths, fingerprint, by)
    st.session_state[NOTE] = ngettext(
        "The decision about {n} image is taken back.",
        "The decision about {n} images is taken back.",
        n,
    )


def _me() -> str:
    return str(st.session_state.get(NAME, ""))


def _guarded(action: Callable[[], object]) -> None:
    """In a callback of the fragment, which does not draw the top of the page anew."""
    try:
        action()
    except LabError as error:
        st.session_state[NOTE] = say_error(error)
