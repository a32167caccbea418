"""Handing in to a competition, and what one has handed in."""

from __future__ import annotations

import functools

import pandas as pd
import streamlit as st

from core.competition.handing_in import (
    MOST_CHOSEN,
    Receipt,
    Submitted,
    choose,
    dataset_of_competition,
    read_allowance,
    submit_file,
    submit_run,
    submitted_by,
)
from core.competition.settings import Competition, Stage
from core.competition.tables import MAX_MEGABYTES
from core.datasets.dataset import DatasetInfo
from core.errors import LabError
from core.records import RunRecord, now, short_id
from ui.competition_predict import answers_ready, fitting_runs
from ui.competition_scores import handed_in_at, score
from ui.frame import run_label
from ui.i18n import _, moment, ngettext, say_error
from ui.messages import show, show_error
from ui.names import literal
from ui.state import LISTED_RUNS, NAME, chosen_run, get_lab, guarded
from ui.switch import switch
from ui.tables import readable, table_height

RUN = "competition.run"
UPLOAD = "competition.upload"
TOLD = "_competition_told"
"""What came of the last attempt, to be said at the next drawing: the kind of box, and words."""


def hand_in(competition: Competition) -> None:
    """The box of whoever sits here."""
    name = str(st.session_state.get(NAME, ""))
    st.subheader(_("Hand in"), anchor=False)
    st.caption(
        literal(_("As “{name}”: your name in the sidebar.", name=name)),
        help=_(
            "Capitals and spaces make no difference. Choose a name that nobody else has, and keep "
            "it: your submissions are counted by it."
        ),
    )
    if told := st.session_state.pop(TOLD, None):
        show(told[1], told[0])
    if competition.stage(now()) is Stage.OPEN:
        _open(competition, name)
    else:
        _not_open(competition)
    _own(competition, name)


def _not_open(competition: Competition) -> None:
    stage, settings = competition.stage(now()), competition.settings
    if stage is Stage.COMING:
        st.info(
            _("It opens on {when}. Train your networks meanwhile.", when=moment(settings.opens))
        )
    elif stage is Stage.CLOSED:
        st.info(
            _(
                "It is closed: nothing can be handed in any more. The final ranking comes when the "
                "teacher shows it; until then you can choose what shall count."
            )
        )
    else:
        st.info(_("It is over: this is the final ranking."))


def _open(competition: Competition, name: str) -> None:
    allowance = read_allowance(get_lab().paths, competition, name)
    renewed = moment(allowance.renewed)
    if not allowance.left:
        st.warning(
            _(
                "Nothing is left for today. The next submission is possible from {when} on.",
                when=renewed,
            )
        )
        return
    st.caption(
        ngettext(
            "{n} submission left today; new ones from {when} on.",
            "{n} submissions left today; new ones from {when} on.",
            allowance.left,
            when=renewed,
        )
    )
    ways = {"run": _("A run"), "file": _("A CSV file")}
    st.session_state.setdefault("competition.way", "run")
    if switch(_("What"), ways, key="competition.way") == "run":
        _hand_in_run(competition, name)
    else:
        _hand_in_file(competition, name)


def _hand_in_run(competition: Competition, name: str) -> None:
    try:
        info = dataset_of_competition(get_lab().paths, competition).info
    except LabError as error:
        show_error(error)
        return
    record = choose_fitting(info, RUN)
    if record is None:
        show(
            _(
                "No finished run fits the images of “{name}” yet: train a network on this dataset.",
                name=info.name,
            ),
            "info",
        )
        st.page_link("pages/train.py", label=_("Train"), icon=":material/model_training:")
        return
    if not answers_ready(record, info, where="hand_in"):
        return
    submit = functools.partial(submit_run, get_lab().paths, competition.id, name, record.id)
    _button(competition, submit, _("Hand in this run"))


def choose_fitting(info: DatasetInfo, key: str) -> RunRecord | None:
    """One of the newest runs that can answer about the images; at first the one in the sidebar."""
    looked_at = chosen_run()
    records = get_lab().store.runs(limit=LISTED_RUNS)
    if looked_at and looked_at.id not in {record.id for record in records}:
        records = [looked_at, *records]
    fitting = {record.id: record for record in fitting_runs(records, info)}
    if not fitting:
        return None
    if st.session_state.get(key) not in fitting:
        wanted = looked_at.id if looked_at and looked_at.id in fitting else next(iter(fitting))
        st.session_state[key] = wanted
    chosen = st.selectbox(
        _("Run"),
        list(fitting),
        format_func=lambda run_id: run_label(fitting[run_id]),
        key=key,
        help=_("The newest runs whose classes and image size are those of this dataset."),
    )
    return fitting[str(chosen)]


def _hand_in_file(competition: Competition, name: str) -> None:
    file = st.file_uploader(
        _("A table of answers (CSV)"),
        type=["csv", "tsv", "txt"],
        key=UPLOAD,
        max_upload_size=MAX_MEGABYTES,
        help=_(
            "A line for every image: its name and its class, or a column with a probability for "
            "each class. A file with a mistake costs nothing."
        ),
    )
    if file is None:
        st.caption(_("Predictions made elsewhere, with a line for every image without a label."))
        return
    given = (file.name, file.getvalue())
    submit = functools.partial(submit_file, get_lab().paths, competition.id, name, given)
    _button(competition, submit, _("Hand in this file"))


def _button(competition: Competition, submit: functools.partial[Receipt], label: str) -> None:
    st.button(
        label,
        key="competition.hand_in",
        type="primary",
        icon=":material/send:",
        on_click=_submit,
        args=(competition, submit),
    )


def _submit(competition: Competition, submit: functools.partial[Receipt]) -> None:
    """In a callback."""
    try:
        receipt = submit()
    except LabError as error:
        st.session_state[TOLD] = ("error", say_error(error))
        return
    words = _(
        "Handed in as “{name}”: {score} on the public images.",
        name=receipt.nickname,
        score=score(receipt.score.value, competition.settings.metric),
    )
    st.session_state[TOLD] = ("success", words)


def _own(competition: Competition, name: str) -> None:
    mine = submitted_by(get_lab().paths, competition, name)
    if not mine:
        return
    st.subheader(_("Your submissions"), anchor=False)
    frame = pd.DataFrame([_cells(competition, one) for one in mine])
    st.dataframe(
        readable(frame, {}),
        hide_index=True,
        width="stretch",
        height=table_height(len(mine), 250),
        key="competition.own",
        placeholder="–",
    )
    if not competition.revealed:
        _choose_counting(competition, name, mine)


def _cells(competition: Competition, one: Submitted) -> dict[str, str | None]:
    metric = competition.settings.metric
    cells: dict[str, str | None] = {
        _("What"): short_id(one.what) if one.kind == "run" else one.what,
        _("Public score"): score(one.public.value, metric),
        _("When"): handed_in_at(one.at),
    }
    if competition.revealed:
        cells[_("Final score")] = score(one.private.value, metric) if one.private else None
    return cells


def _choose_counting(competition: Competition, name: str, mine: list[Submitted]) -> None:
    """Which of them shall count in the end."""
    key = f"competition.chosen.{competition.id}"
    st.session_state[key] = [one.id for one in mine if one.chosen]
    labels = {one.id: _label(one) for one in mine}
    st.multiselect(
        _("What shall count in the end"),
        list(labels),
        format_func=labels.__getitem__,
        key=key,
        max_selections=MOST_CHOSEN,
        placeholder=_("the best public score"),
        help=_(
            "Up to {n}: the better of them on the private images counts. The best public score may "
            "be luck; a network that is also good on the validation images is less so.",
            n=MOST_CHOSEN,
        ),
        on_change=_chosen,
        args=(competition, name, key),
    )


def _label(one: Submitted) -> str:
    """Never changes with the language."""
    what = short_id(one.what) if one.kind == "run" else one.what
    return f"{one.public.value:.4f} · {what} · {one.id[:4]}"


def _chosen(competition: Competition, name: str, key: str) -> None:
    """In a callback."""
    chosen = [str(one) for one in st.session_state[key]]
    guarded(functools.partial(choose, get_lab().paths, competition, name, chosen))
