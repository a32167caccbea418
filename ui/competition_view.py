"""A class's competition: which one, how it stands, and the ranking."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from core.caps import has_teacher_pin
from core.competition.board import Row, ranking, ranking_csv
from core.competition.handing_in import dataset_of_competition
from core.competition.opening import list_competitions, read_competition
from core.competition.settings import STAGES, Competition, Stage
from core.datasets.report import spreadsheet_cell
from core.errors import LabError
from core.records import now
from ui.address import read_address, write_address
from ui.competition_hand_in import hand_in
from ui.competition_open import WANTED
from ui.competition_scores import handed_in_at, interval, score
from ui.competition_teacher import manage, preparing_panel
from ui.downloads import csv_button
from ui.i18n import _, duration, ngettext, number, say
from ui.messages import show, show_error
from ui.names import literal
from ui.people import is_teacher
from ui.state import NAME, get_lab
from ui.tables import readable, table_height

KEY = "competition"
REFRESH_SECONDS = 5.0
HIGHEST = 640
NOTHING = "–"
"""Where there is no value: a styled table leaves its own sign out."""


def may_manage() -> bool:
    """Whether this person may open, change and end competitions: the teacher, and anybody where
    no PIN is set."""
    return is_teacher() or not has_teacher_pin()


def board_view() -> None:
    """The chosen competition: ranking on the left, handing in on the right."""
    found = list_competitions(get_lab().paths)
    for folder, problem in found.problems:
        show(f"{folder}: {say(problem)}", "warning")
    if may_manage():
        for request in found.preparing:
            preparing_panel(request)
    known = {c.id: c for c in found.competitions}
    read_address(KEY)
    if st.session_state.get(WANTED) in known:
        st.session_state[KEY] = st.session_state.pop(WANTED)
    chosen = _choose(known)
    write_address(KEY)
    if chosen is None:
        if not (found.preparing and may_manage()):
            _nothing_yet()
        return
    _about(chosen)
    board, own = st.columns([3, 2], gap="large")
    with board:
        stage = chosen.stage(now())
        every = None if stage is Stage.REVEALED else REFRESH_SECONDS
        st.fragment(_board, run_every=every)(chosen.id, stage)
    with own:
        hand_in(chosen)
    if may_manage():
        manage(chosen)


def _nothing_yet() -> None:
    st.info(
        _(
            "There is no competition yet. Open one: its images are predicted by everybody, and "
            "only the server knows their labels."
        )
        if may_manage()
        else _(
            "There is no competition yet: your teacher can open one here. Meanwhile, train "
            "networks and compare them by their validation accuracy."
        )
    )
    if not may_manage():
        st.page_link("pages/train.py", label=_("Train"), icon=":material/model_training:")


def _choose(known: dict[str, Competition]) -> Competition | None:
    if not known:
        return None
    if st.session_state.get(KEY) not in known:
        if st.session_state.get(KEY):
            st.warning(_("The competition of this address is not here (any more)."))
        st.session_state[KEY] = next(iter(known))
    times = Counter(c.settings.title for c in known.values())
    labels = {
        c.id: c.settings.title if times[c.settings.title] == 1 else f"{c.settings.title} · {c.id}"
        for c in known.values()
    }
    chosen = st.selectbox(
        _("Competition"),
        list(known),
        format_func=labels.__getitem__,
        key=KEY,
        help=_("It stays in the address: a link leads everybody to the same one."),
        persist_state="session",
    )
    return known[str(chosen)]


def _about(competition: Competition) -> None:
    settings, measure = competition.settings, competition.measure
    if settings.description:
        st.text(settings.description)
    st.caption(
        literal(
            " ".join(
                [
                    _("Dataset: {name}.", name=_dataset_name(competition)),
                    ngettext(
                        "{n} image without a label, {public} of them public.",
                        "{n} images without a label, {public} of them public.",
                        competition.images,
                        public=competition.public_images,
                    ),
                    f"{_(measure.label)}: {_(measure.explanation)}",
                ]
            )
        ),
        help=_(
            "The ranking counts the public images only. The others decide in the end, so that "
            "nobody wins by fitting their guesses to the ranking. Names are nicknames, not "
            "accounts: anybody could hand in under any name, and whoever has the server's files "
            "has the labels."
        ),
    )


def _dataset_name(competition: Competition) -> str:
    """As it is called by now, or was when it was here."""
    try:
        return dataset_of_competition(get_lab().paths, competition).info.name
    except LabError:  # gone: whoever hands in is told
        return competition.dataset


def _board(competition_id: str, drawn: Stage) -> None:
    """``drawn``: the stage that the page around this fragment was drawn with."""
    try:
        competition = read_competition(get_lab().paths, competition_id)
        rows = ranking(get_lab().paths, competition)
    except LabError as error:  # deleted in this moment
        show_error(error)
        return
    if competition.stage(now()) is not drawn:
        st.rerun()
    _standing(competition, rows)
    _table(competition, rows)


def _standing(competition: Competition, rows: list[Row]) -> None:
    people = [row for row in rows if row.label is None]
    with st.container(horizontal=True, gap="large"):
        for label, value in _figures(competition, people):
            st.metric(label, value, width="content")


def _figures(competition: Competition, people: list[Row]) -> list[tuple[str, str]]:
    moment_now, settings = now(), competition.settings
    stage = competition.stage(moment_now)
    found = [
        (_("State"), _(STAGES[stage])),
        (_("Taking part"), number(len(people))),
        (_("Submissions"), number(sum(row.submissions for row in people))),
    ]
    if stage is Stage.COMING and settings.opens:
        found.append((_("Opens in"), duration((settings.opens - moment_now).total_seconds())))
    if stage is Stage.OPEN and settings.closes:
        found.append((_("Time left"), duration((settings.closes - moment_now).total_seconds())))
    return found


def _table(competition: Competition, rows: list[Row]) -> None:
    if all(row.label for row in rows):
        st.info(_("Nobody has handed in yet: be the first."))
    frame = pd.DataFrame([_cells(competition, row) for row in rows])
    st.dataframe(
        readable(frame, _written(competition)),
        hide_index=True,
        width="stretch",
        height=table_height(len(rows), HIGHEST),
        key="competition.board",
        placeholder=NOTHING,
    )
    words = [_("▶ marks your own line, ⚑ a score to beat.")]
    if competition.revealed:
        words.append(
            _("Final scores are on the private images; won or lost places against the public ones.")
        )
    st.caption(literal(" ".join(words)))
    csv_button(
        _("Ranking as CSV"),
        functools.partial(ranking_csv, competition, rows),
        "ranking.csv",
        key="competition.csv",
        help=_("For a spreadsheet: what the table shows."),
    )


def _cells(competition: Competition, row: Row) -> dict[str, Any]:
    mine = row.is_of(str(st.session_state.get(NAME, "")))
    # The table's own download knows nothing of formulas.
    theirs = f"▶ {row.nickname}" if mine else spreadsheet_cell(row.nickname)
    name = f"⚑ {say(row.label)}" if row.label else theirs
    metric, between = competition.settings.metric, _("95 % interval")
    cells: dict[str, Any] = {_("Rank"): row.rank, _("Name"): name}
    public = {_("Public score"): row.best.value}
    submissions = {_("Submissions"): None if row.label else row.submissions}
    if row.final:
        cells |= {_("Final score"): row.final.value, between: interval(row.final, metric)}
        return cells | {_("Places"): row.moved} | public | submissions
    cells |= public | {between: interval(row.best, metric)} | submissions
    return cells | {_("When"): None if row.label else handed_in_at(row.at)}


def _whole(value: float) -> str:
    """A column with gaps holds whole numbers as floats; none is as large as to be grouped."""
    return str(int(value))


def _won(places: float) -> str:
    return f"{int(places):+d}" if places else "0"


def _written(competition: Competition) -> dict[str, Callable[[Any], str]]:
    write = functools.partial(score, metric=competition.settings.metric)
    found: dict[str, Callable[[Any], str]] = {
        _("Rank"): _whole,
        _("Public score"): write,
        _("Submissions"): _whole,
    }
    if competition.revealed:
        return found | {_("Final score"): write, _("Places"): _won}
    return found
