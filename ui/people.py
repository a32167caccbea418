"""Who sits here: a name that everybody chooses freely, and the teacher's PIN.

There are no accounts. The name says whose turn it is and whose runs are one's own; the PIN keeps
classmates from ending each other's runs by mistake. Neither is a lock against malice.
"""

from __future__ import annotations

import hashlib
import threading
import time
from typing import Protocol

import streamlit as st

from core.caps import has_teacher_pin, is_teacher_pin
from core.paths import write_atomic
from core.records import RunRecord
from ui.browser import browser_id
from ui.i18n import _
from ui.state import NAME, get_lab

PIN = "teacher_pin"
TEACHER = "_teacher"
LONGEST = 24
"""Characters of a name."""
WAIT_SECONDS = 1.0
"""Between two tries of the PIN, whoever tries: ten thousand take hours."""
_TRYING = threading.Lock()


def choose_name() -> None:
    """The name of whoever sits here, kept for this browser."""
    if NAME not in st.session_state:
        st.session_state[NAME] = _remembered() or _default_name()
    st.sidebar.text_input(
        _("Your name"),
        key=NAME,
        max_chars=LONGEST,
        on_change=_remember,
        help=_("Stands beside your runs; the queue takes turns between names. Any name will do."),
        persist_state="session",
    )


def _default_name() -> str:
    """The same for a browser every time, so that turns are fair before anybody has typed."""
    return "PC-" + hashlib.blake2b(browser_id().encode(), person=b"name", digest_size=2).hexdigest()


def _remembered() -> str | None:
    file = get_lab().paths.name_of(browser_id())
    if not file.is_file():
        return None
    file.touch()  # still in use: see core/sweeping.py
    return _clean(file.read_text(encoding="utf-8"))


def _remember() -> None:
    """In a callback."""
    name = _clean(str(st.session_state[NAME])) or _default_name()
    st.session_state[NAME] = name
    file = get_lab().paths.name_of(browser_id())
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(file, name, durable=False)


def _clean(name: str) -> str:
    """In one line, without what cannot be seen."""
    return "".join(c for c in " ".join(name.split()) if c.isprintable())[:LONGEST]


class Launched(Protocol):
    """A run, or a search."""

    @property
    def by(self) -> str: ...


def is_own(record: Launched) -> bool:
    return record.by == str(st.session_state.get(NAME, ""))


def is_teacher() -> bool:
    return bool(st.session_state.get(TEACHER)) and has_teacher_pin()


def may_end(record: Launched) -> bool:
    """Whether this person may stop, cancel or delete the run: anybody, unless the server has a
    teacher's PIN; then its own people and the teacher. Going on with an interrupted one is for
    anybody: it ends and loses nothing, and waits for its turn under the name of who launched it."""
    return not has_teacher_pin() or is_own(record) or is_teacher()


def may_move(record: RunRecord) -> bool:
    """Whether this person may give the waiting run another place."""
    return is_own(record) or is_teacher()


def teacher_lock() -> None:
    """In the sidebar of a server that has a PIN: enter it, or leave again."""
    if not has_teacher_pin():
        return
    if is_teacher():
        st.sidebar.button(
            _("Leave teacher mode"),
            key="teacher_leave",
            icon=":material/lock_open:",
            on_click=st.session_state.pop,
            args=(TEACHER, None),
            width="stretch",
        )
        return
    with st.sidebar.popover(_("Teacher"), icon=":material/lock:", width="stretch"):
        if st.session_state.pop("_pin_refused", False):
            st.error(_("That is not the PIN."))
        st.text_input(
            _("PIN"),
            type="password",
            key=PIN,
            on_change=_try_pin,
            help=_("Lets the teacher move, stop and delete any run."),
        )


def _try_pin() -> None:
    """In a callback."""
    tried = str(st.session_state.pop(PIN, ""))
    if not tried:
        return
    with _TRYING:
        time.sleep(WAIT_SECONDS)
        st.session_state[TEACHER] = is_teacher_pin(tried)
    st.session_state["_pin_refused"] = not st.session_state[TEACHER]
