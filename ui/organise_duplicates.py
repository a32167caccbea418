"""Images that a dataset holds twice: seen side by side, and left out in a new dataset."""

from __future__ import annotations

import functools
import html
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Literal, NamedTuple

import streamlit as st

from core.datasets.dataset import SPLIT_NAMES, SPLITS, Dataset, Split
from core.datasets.duplicates import Duplicates, Trouble, read_duplicates, worst_first
from core.datasets.recipe import Origin, Recipe
from core.datasets.registry import MAX_NAME
from core.datasets.work import Derive
from core.errors import N_
from ui.gallery import Thumb, gallery_html
from ui.i18n import _, ngettext, number
from ui.import_view import propose_name
from ui.names import class_names
from ui.state import get_lab, guarded
from ui.work import begin_making, is_busy, look_for_duplicates, under_way

GROUPS_PER_PAGE = 12
COPIES = 12
"""Pictures shown of one group."""
THUMBNAIL = 96
TROUBLES = {
    Trouble.CONTRADICTION: N_("The same image in different classes"),
    Trouble.LEAK: N_("The same image in different splits"),
    Trouble.REPEAT: N_("The same image twice in one split"),
}
WHY = {
    Trouble.CONTRADICTION: N_("one of the labels must be wrong"),
    Trouble.LEAK: N_("a network is measured on what it has learned: a leak"),
    Trouble.REPEAT: N_("it counts more than others"),
}
_ALL = '<div style="display:flex;flex-wrap:wrap;gap:1.25rem 2rem">{groups}</div>'
_GROUP = (
    '<div style="min-width:15rem"><div style="font-size:.85rem;max-width:15rem;'
    'margin-bottom:.35rem"><b>{title}</b> · {n}</div>{pictures}</div>'
)


def duplicates_view(dataset: Dataset) -> None:
    """What was found, or the button to look."""
    found = read_duplicates(get_lab().paths, dataset.info.fingerprint)
    if found is None:
        _not_looked(dataset)
    elif not found.groups:
        st.success(_("No image is there twice: all labelled images differ in some pixel."))
    else:
        _summary(found)
        _drop_form(dataset, found)
        _groups(dataset, found)


def _not_looked(dataset: Dataset) -> None:
    name = dataset.info.name
    if under_way("duplicates", name):
        st.info(_("The images are being compared; how far it is stands above."))
        return
    st.write(
        _(
            "Every image is compared with all others, pixel for pixel: the same image in "
            "different splits makes a network look better than it is, and in different classes "
            "it cannot be learned."
        )
    )
    st.button(
        _("Look for duplicates"),
        key="organise.look",
        type="primary",
        icon=":material/content_copy:",
        on_click=guarded,
        args=(functools.partial(look_for_duplicates, name),),
    )


def _summary(found: Duplicates) -> None:
    counts = Counter(found.troubles())
    lines = [
        f"- {_(TROUBLES[trouble])} – {_(WHY[trouble])}: **{number(counts[trouble])}**"
        for trouble in Trouble
        if counts[trouble]
    ]
    st.markdown("\n".join(lines))


def fewer(found: Duplicates, rule: Literal["drop", "drop_but_one"]) -> int:
    """How many images a dataset without duplicates has less."""
    contradictions = sum(trouble is Trouble.CONTRADICTION for trouble in found.troubles())
    return len(found.row) - found.groups + (contradictions if rule == "drop" else 0)


def _drop_form(dataset: Dataset, found: Duplicates) -> None:
    """A new dataset without them; this one stays as it is."""
    info = dataset.info
    with st.container(border=True):
        st.write(
            _(
                "One copy of each image is kept: that of the test, otherwise that of validation, "
                "otherwise the first of training. So training learns nothing that is measured, "
                "and results stay comparable. A new dataset is made; this one stays as it is."
            )
        )
        rule: Literal["drop", "drop_but_one"] = "drop"
        if Trouble.CONTRADICTION in found.troubles():
            rule = _rule()
        name, button = st.columns([3, 2], vertical_alignment="bottom")
        proposed = propose_name(get_lab().paths, _("{name} without duplicates", name=info.name))
        typed = name.text_input(
            _("Name of the new dataset"),
            key=f"organise.undoubled.{info.fingerprint}",
            max_chars=MAX_NAME,
            placeholder=proposed,
            help=_("Left empty, it gets the proposed name."),
        )
        n = fewer(found, rule)
        pressed = button.button(
            ngettext("Leave out {n} image", "Leave out {n} images", n),
            key="organise.drop",
            type="primary",
            icon=":material/filter_list:",
            disabled=is_busy(),
        )
        if pressed:
            recipe = Recipe(origins=(Origin(name=info.name),), duplicates=rule)
            begin_making(Derive(recipe=recipe), typed.strip() or proposed, info.name)


def _rule() -> Literal["drop", "drop_but_one"]:
    rules: dict[Literal["drop", "drop_but_one"], str] = {
        "drop": _("leave out all copies, as nobody knows which class is right"),
        "drop_but_one": _("keep one copy by the same rule"),
    }
    return st.radio(
        _("Of an image in different classes"),
        list(rules),
        format_func=rules.__getitem__,
        key="organise.rule",
        persist_state="session",
    )


def _groups(dataset: Dataset, found: Duplicates) -> None:
    """The worst first, page by page."""
    troubles = found.troubles()
    order = worst_first(troubles)
    pages, page = -(-len(order) // GROUPS_PER_PAGE), 1
    if pages > 1:
        page = st.pagination(pages, key=f"organise.page.{dataset.info.fingerprint}")
    shown = order[(page - 1) * GROUPS_PER_PAGE : page * GROUPS_PER_PAGE]
    present = {split: dataset.split(split) for split in SPLITS if dataset.info.splits.get(split)}
    classes = class_names(dataset.info)
    with st.container(key="duplicates"):
        groups = (_group(_Shown(found, troubles[g], present, classes), g) for g in shown)
        st.html(_ALL.format(groups="".join(groups)))


class _Shown(NamedTuple):
    """All that the picture of a group needs."""

    found: Duplicates
    trouble: Trouble
    splits: Mapping[str, Split]
    classes: Sequence[str]


def _group(shown: _Shown, group: int) -> str:
    """One image in all its places: class, split and file name of each."""
    found = shown.found
    here = found.members(group)
    count = here.stop - here.start
    tone: Literal["bad"] | None = "bad" if shown.trouble is Trouble.CONTRADICTION else None
    thumbs = []
    for place in range(here.start, min(here.stop, here.start + COPIES)):
        split, row = SPLITS[int(found.split[place])], int(found.row[place])
        rows, class_name = shown.splits[split], shown.classes[int(found.label[place])]
        words = (class_name, _(SPLIT_NAMES[split]), rows.names[row])
        caption = (*words[:2], PurePosixPath(words[2]).name)
        thumbs.append(Thumb(rows.images[row], caption, " · ".join(words), tone))
    title = html.escape(_(TROUBLES[shown.trouble]))
    copies = html.escape(ngettext("{n} copy", "{n} copies", count))
    return _GROUP.format(title=title, n=copies, pictures=gallery_html(thumbs, THUMBNAIL))
