"""Opening a competition: about which images, who has their labels, and the rules."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import datetime

import streamlit as st

from core.competition.opening import begin_hidden, launch_hidden, open_with_labels
from core.competition.settings import (
    LONGEST_DESCRIPTION,
    LONGEST_TITLE,
    METRICS,
    MOST_PER_DAY,
    Metric,
    Settings,
)
from core.competition.tables import MAX_MEGABYTES
from core.datasets.dataset import DIGITS, UNLABELLED, DatasetInfo
from core.datasets.registry import MAX_NAME, list_datasets, open_dataset
from core.errors import LabError
from ui.competition_teacher import local
from ui.data_view import dataset_title
from ui.i18n import _, ngettext, say_error
from ui.import_view import propose_name
from ui.messages import show
from ui.names import literal
from ui.state import get_lab
from ui.switch import switch

WRONG = "_competition_wrong"
WANTED = "_competition_wanted"
"""The one that was opened here: it is looked at as soon as it is there."""
FILE, HIDE = "file", "hide"
SOURCE, WAY, UPLOAD = "competition.source", "competition.labels", "competition.solution"


def open_view() -> None:
    """The form. Nothing is kept of it unless everything in it is right."""
    infos = {
        info.name: info
        for info in list_datasets(get_lab().paths)
        if info.splits.get(UNLABELLED) or info.splits.get("test")
    }
    labels, rules = st.columns(2, gap="large")
    with labels:
        info = infos[
            str(
                st.selectbox(
                    _("Dataset"),
                    list(infos),
                    format_func=lambda name: dataset_title(infos[name]),
                    key=SOURCE,
                    help=_("Those with images without a label, or with labelled test images."),
                )
            )
        ]
        create = _labels(info)
    with rules:
        settings, to_beat = _rules()
    if wrong := st.session_state.pop(WRONG, None):
        show(wrong, "error")
    st.button(
        _("Open the competition"),
        key="competition.create",
        type="primary",
        icon=":material/trophy:",
        disabled=create is None or not settings.title.strip(),
        help=_("It needs a title and the labels."),
        on_click=_open,
        args=(create, settings, to_beat),
    )


Create = Callable[[Settings, float | None], str]
"""Opens it and returns its id."""


def _labels(info: DatasetInfo) -> Create | None:
    ways = {
        **({FILE: _("Upload the labels")} if info.splits.get(UNLABELLED) else {}),
        **({HIDE: _("Hide the test labels")} if info.splits.get("test") else {}),
    }
    if st.session_state.get(WAY) not in ways:
        st.session_state[WAY] = next(iter(ways))
    if switch(_("Labels"), ways, key=WAY) == FILE:
        return _upload(info)
    return _hide(info)


def _upload(info: DatasetInfo) -> Create | None:
    images = info.splits[UNLABELLED]
    st.write(
        ngettext(
            "“{name}” has {n} image without a label. Who holds the labels uploads them: they stay "
            "on the server, and no page shows them.",
            "“{name}” has {n} images without a label. Who holds the labels uploads them: they "
            "stay on the server, and no page shows them.",
            images,
            name=literal(info.name),
        )
    )
    file = st.file_uploader(
        _("Labels (CSV)"),
        type=["csv", "tsv", "txt"],
        key=UPLOAD,
        max_upload_size=MAX_MEGABYTES,
        help=_(
            "A line for every image: its name (or id) and its class, whatever the columns are "
            "called."
        ),
    )
    if file is None:
        return None
    return functools.partial(_create_with, info.name, file.getvalue())


def _create_with(name: str, data: bytes, settings: Settings, to_beat: float | None) -> str:
    paths = get_lab().paths
    return open_with_labels(paths, open_dataset(paths, name), data, settings, to_beat).id


def _hide(info: DatasetInfo) -> Create | None:
    st.write(
        _(
            "A copy of “{name}” is made: its test images are shuffled and called by numbers, and "
            "only the server knows their labels. Everybody trains on the copy.",
            name=literal(info.name),
        )
    )
    st.warning(_leak(info))
    proposed = propose_name(get_lab().paths, f"{info.name}-secret")
    typed = st.text_input(
        _("Name of the copy"),
        key="competition.copy",
        max_chars=MAX_NAME,
        placeholder=proposed,
        help=_("Left empty, it gets the proposed name."),
    )
    return functools.partial(_create_hidden, info.name, typed.strip() or proposed)


def _leak(info: DatasetInfo) -> str:
    """Where the labels can be read all the same."""
    name = literal(info.name)
    if info.name == DIGITS:
        return _(
            "“{name}” is built in and always shows the labels: such a competition is an exercise, "
            "and nothing more.",
            name=name,
        )
    return _(
        "“{name}” itself still shows the labels, and runs that were trained on it show its test "
        "images. Once the copy is there, delete “{name}”: this page offers it.",
        name=name,
    )


def _create_hidden(name: str, copy: str, settings: Settings, to_beat: float | None) -> str:
    paths = get_lab().paths
    competition_id = begin_hidden(paths, name, copy, settings, to_beat)
    launch_hidden(paths, competition_id)
    return competition_id


def _rules() -> tuple[Settings, float | None]:
    title = st.text_input(
        _("Title"),
        key="competition.title",
        max_chars=LONGEST_TITLE,
        help=_("What the class sees in the list."),
    )
    description = st.text_area(
        _("Description"),
        key="competition.description",
        max_chars=LONGEST_DESCRIPTION,
        height=80,
        help=_("What it is about, what may be used, what there is to win."),
    )
    metric, share = _measure()
    per_day, to_beat = _limits(metric)
    opens, closes = _times()
    settings = Settings(
        title=title,
        description=description,
        metric=metric,
        public_share=share / 100,
        per_day=per_day,
        opens=opens,
        closes=closes,
    )
    return settings, to_beat


def _measure() -> tuple[Metric, int]:
    left, right = st.columns(2)
    names: list[Metric] = list(METRICS)
    metric: Metric = left.selectbox(
        _("Score"),
        names,
        format_func=lambda name: _(METRICS[name].label),
        key="competition.metric",
        help=" ".join(_(measure.explanation) for measure in METRICS.values()),
    )
    share = right.slider(
        _("Public images (%)"),
        10,
        90,
        30,
        5,
        key="competition.share",
        help=_(
            "The ranking is made by these until the end; the others, of every class the same "
            "share, decide."
        ),
    )
    return metric, int(share)


def _limits(metric: Metric) -> tuple[int, float | None]:
    left, right = st.columns(2)
    per_day = left.number_input(
        _("Submissions per day"),
        1,
        MOST_PER_DAY,
        5,
        key="competition.per_day",
        help=_("Of each nickname, by the day of the server's clock."),
    )
    shares = METRICS[metric].higher
    to_beat = right.number_input(
        _("To beat (%)") if shares else _("To beat"),
        0.0,
        100.0,
        None,
        key="competition.to_beat",
        placeholder=_("none"),
        help=_(
            "A score that stands in the ranking. What always answering with the commonest class "
            "would reach stands there anyway, and a run can be added later."
        ),
    )
    if to_beat is None:
        return int(per_day), None
    return int(per_day), float(to_beat) / (100 if shares else 1)


def _times() -> tuple[datetime | None, datetime | None]:
    left, right = st.columns(2)
    with left:
        opens = st.datetime_input(
            _("Opens"),
            value=None,
            key="competition.opens",
            help=_("By this browser’s clock. Empty: at once."),
        )
    with right:
        closes = st.datetime_input(
            _("Closes"),
            value=None,
            key="competition.closes",
            help=_("By this browser’s clock. Empty: when somebody closes it."),
        )
    return local(opens), local(closes)


def _open(create: Create, settings: Settings, to_beat: float | None) -> None:
    """In a callback."""
    try:
        made = create(settings, to_beat)
    except LabError as error:
        st.session_state[WRONG] = say_error(error)
        return
    st.session_state[WANTED] = made
    st.session_state["competition_view"] = "board"
    for key in ("competition.title", "competition.description", "competition.copy"):
        st.session_state.pop(key, None)
