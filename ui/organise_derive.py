"""Make another dataset of this one, alone or with others: the form and what would come of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from core.datasets.dataset import (
    SPLIT_NAMES,
    SPLITS,
    UNLABELLED,
    Dataset,
    DatasetInfo,
    ResizeMode,
)
from core.datasets.deriving import open_origins, target_shape
from core.datasets.limits import MAX_SIDE
from core.datasets.recipe import Fractions, Origin, Recipe
from core.datasets.registry import MAX_NAME, list_datasets
from core.datasets.selecting import preview
from core.datasets.work import Derive
from core.errors import LabError
from ui.i18n import _, ngettext, number
from ui.import_options import RESIZE
from ui.import_view import propose_name
from ui.messages import show_error
from ui.names import class_names, literal
from ui.state import get_lab
from ui.work import begin_making, is_busy

Counts = Mapping[str, Mapping[str, int]]
"""Images by split and class."""
MOST_PERCENT = 40
"""Of the images at most for validation, and for the test."""
NAMED_CLASSES = 3
"""Up to so many chosen classes are in the proposed name."""


def derive_form(dataset: Dataset) -> None:
    """Choices on the left, what comes of them on the right."""
    choices, outcome = st.columns([3, 2], gap="large")
    with choices:
        infos = [dataset.info, *_others(dataset.info)]
        classes = _classes(infos)
        recipe = Recipe(
            origins=tuple(Origin(name=info.name) for info in infos),
            classes=tuple(classes) if classes else None,
            rename=_renamed(infos, classes),
            duplicates="drop" if _leave_out_duplicates() else "keep",
            per_class=_cap(),
            fractions=_fractions(),
            seed=int(st.session_state.get("organise.seed", 0)),
            size=_size(infos),
            resize=_resize(infos),
        )
    with outcome:
        _outcome(recipe, infos, classes)


def _others(info: DatasetInfo) -> list[DatasetInfo]:
    """Further datasets to take images from."""
    others = {i.name: i for i in list_datasets(get_lab().paths) if i.name != info.name}
    names = st.multiselect(
        _("Together with"),
        list(others),
        key=f"organise.others.{info.fingerprint}",
        placeholder=_("this dataset alone"),
        help=_("Classes of the same name become one class. All datasets stay as they are."),
    )
    return [others[name] for name in names]


def _all_classes(infos: Sequence[DatasetInfo]) -> list[str]:
    return list(dict.fromkeys(name for info in infos for name in info.class_names))


def _images(infos: Sequence[DatasetInfo]) -> dict[str, int]:
    """Labelled images of every class, all splits together."""
    counts = dict.fromkeys(_all_classes(infos), 0)
    for info in infos:
        for rows in info.class_counts.values():
            for name, n in zip(info.class_names, rows, strict=True):
                counts[name] += n
    return counts


def _shown(infos: Sequence[DatasetInfo]) -> dict[str, str]:
    """The stored name of every class, and how it is shown."""
    return {n: s for i in infos for n, s in zip(i.class_names, class_names(i), strict=True)}


def _where(infos: Sequence[DatasetInfo]) -> str:
    """Other datasets, other widgets: an option keeps its label as long as it is there."""
    return "+".join(info.fingerprint for info in infos)


def _classes(infos: Sequence[DatasetInfo]) -> list[str]:
    counts = _images(infos)
    said = _shown(infos)
    return st.multiselect(
        _("Classes"),
        list(counts),
        format_func=lambda name: f"{said[name]} ({number(counts[name])})",
        key=f"organise.classes.{_where(infos)}",
        placeholder=_("all classes"),
        help=_("Only images of these classes are taken. In brackets: how many there are."),
    )


def _renamed(infos: Sequence[DatasetInfo], chosen: Sequence[str]) -> Mapping[str, str]:
    """A table in which classes can be given other names; only those that differ."""
    shown = _shown(infos)
    stored = {said: name for name, said in shown.items()}
    with st.expander(_("Rename or merge classes")):
        st.caption(_("Classes that get the same name become one class."))
        table = st.data_editor(
            pd.DataFrame({"old": list(shown.values()), "new": list(shown.values())}),
            key=f"organise.rename.{_where(infos)}",
            column_config={"old": _("Class"), "new": _("New name")},
            disabled=["old"],
            hide_index=True,
            height=min(38 + 35 * len(shown), 300),
        )
    wanted = [stored.get(str(other or ""), str(other or "")) for other in table["new"]]
    return {
        name: other
        for name, other in zip(shown, wanted, strict=True)
        if other != name and (name in chosen or not chosen)
    }


def _leave_out_duplicates() -> bool:
    return st.checkbox(
        _("Leave out duplicates"),
        key="organise.undoubled",
        help=_(
            "Of equal images one is kept: that of the test, otherwise of validation, otherwise "
            "the first of training. Of an image in different classes all copies are left out."
        ),
        persist_state="session",
    )


def _cap() -> int | None:
    most = st.number_input(
        _("At most so many images of each class"),
        min_value=1,
        value=None,
        step=100,
        placeholder=_("all"),
        key="organise.cap",
        help=_("All splits together, in the proportions they have: for a short lesson."),
        persist_state="session",
    )
    return None if most is None else int(most)


def _fractions() -> Fractions | None:
    """None to leave every image in its split."""
    words = {"keep": _("as it is"), "anew": _("all divided anew")}
    chosen = st.radio(
        _("Split"),
        list(words),
        format_func=words.__getitem__,
        key="organise.split",
        horizontal=True,
        help=_("Divided anew, every class has the same share in each split."),
        persist_state="session",
    )
    if chosen == "keep":
        return None
    left, middle, right = st.columns(3)
    with left:
        val = _percent(_("Validation, in %"), "organise.val")
    with middle:
        test = _percent(_("Test, in %"), "organise.test")
    right.number_input(
        _("Seed"),
        min_value=0,
        key="organise.seed",
        help=_("Another seed draws other images; the same seed always the same."),
        persist_state="session",
    )
    return (100 - val - test) / 100, val / 100, test / 100


def _percent(label: str, key: str) -> int:
    st.session_state.setdefault(key, 15)
    return st.slider(
        label,
        0,
        MOST_PERCENT,
        key=key,
        help=_("The rest is for training."),
        persist_state="session",
    )


def _sides(infos: Sequence[DatasetInfo]) -> list[tuple[int, int]]:
    return list(dict.fromkeys(info.image_shape[:2] for info in infos))


def _size(infos: Sequence[DatasetInfo]) -> tuple[int, int] | None:
    """The side of the new images, or None for the first dataset's own (height, width)."""
    own = " × ".join(str(side) for side in reversed(_sides(infos)[0]))
    side = st.number_input(
        _("Size of the images"),
        min_value=1,
        max_value=MAX_SIDE,
        value=None,
        placeholder=_("as they are: {size}", size=own),
        key=f"organise.size.{infos[0].fingerprint}",
        help=_("Side in pixels. Images of another size are brought to it."),
    )
    return None if side is None else (int(side), int(side))


def _resize(infos: Sequence[DatasetInfo]) -> ResizeMode:
    """How to bring images to the size, asked for where some are of another."""
    asked = st.session_state.get(f"organise.size.{infos[0].fingerprint}") is not None
    if len(_sides(infos)) == 1 and not asked:
        return "crop"
    modes: list[ResizeMode] = ["crop", "pad", "stretch"]
    return st.radio(
        _("How to make pictures fit"),
        modes,
        format_func=lambda mode: _(RESIZE[mode][0]),
        captions=[_(RESIZE[mode][1]) for mode in modes],
        key="organise.resize",
        persist_state="session",
    )


def _outcome(recipe: Recipe, infos: Sequence[DatasetInfo], classes: Sequence[str]) -> None:
    """The button to make it so, and how many images of each class there would be."""
    st.subheader(_("What comes of it"))
    counts = _counted(recipe)
    proposed = propose_name(get_lab().paths, proposal(infos, classes))
    name = st.text_input(
        _("Name of the new dataset"),
        key="organise.name",
        max_chars=MAX_NAME,
        placeholder=proposed,
        help=_("Left empty, it gets the proposed name."),
        persist_state="session",
    )
    pressed = st.button(
        _("Make this dataset"),
        key="organise.make",
        type="primary",
        icon=":material/library_add:",
        disabled=counts is None or is_busy(),
    )
    if pressed:
        about = " + ".join(info.name for info in infos)
        begin_making(Derive(recipe=recipe), name.strip() or proposed, about)
    if counts is not None:
        _preview(recipe, infos, counts)


def _counted(recipe: Recipe) -> Counts | None:
    """Images by split and class; None, with the reason on the page, if it cannot be."""
    try:
        return preview(open_origins(get_lab().paths, recipe), recipe)
    except LabError as error:
        show_error(error, "warning")
        return None


def proposal(infos: Sequence[DatasetInfo], classes: Sequence[str]) -> str:
    """A name that says what it is of: the datasets, and the classes if they are few."""
    words = [info.name for info in infos]
    words += classes if len(classes) <= NAMED_CLASSES else [_("selection")]
    return " ".join(words).replace("/", " ")


def _preview(recipe: Recipe, infos: Sequence[DatasetInfo], counts: Counts) -> None:
    height, width, channels = target_shape(infos, recipe)
    colours = _("grey") if channels == 1 else _("RGB")
    images = sum(sum(rows.values()) for rows in counts.values())
    labelled = ngettext("{n} labelled image", "{n} labelled images", images)
    st.caption(literal(f"{labelled} · {width}×{height} · {colours}"))
    if recipe.duplicates != "keep":
        st.caption(_("Duplicates are counted in here; they are left out when it is made."))
    present = [split for split in SPLITS if split in counts]
    table = pd.DataFrame({_(SPLIT_NAMES[split]): counts[split] for split in present})
    shown = _shown(infos)
    table.index = table.index.map(lambda name: shown.get(name, name))
    st.dataframe(
        table.rename_axis(_("class")),
        key="organise.preview",
        height=min(38 + 35 * len(table), 420),
    )
    if unlabelled := sum(info.splits.get(UNLABELLED, 0) for info in infos):
        st.caption(
            ngettext(
                "{n} image without a class is taken along.",
                "{n} images without a class are taken along.",
                unlabelled,
            )
        )
