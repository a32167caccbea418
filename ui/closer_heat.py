"""Tab of the dialog about one picture: which places speak for a class, and which against it."""

from __future__ import annotations

import html
from collections.abc import Sequence

import streamlit as st

from core.errors import N_, LabError
from core.plots.heat import Overlay, legend, overlay
from ui.closer_asking import HeatMap, heat_maps, names_of
from ui.closer_subject import Subject
from ui.gallery import Thumb, data_url, gallery
from ui.i18n import _, number, percent
from ui.messages import show_error
from ui.names import literal

SIZE = 256
METHODS = {
    "grad_cam": (
        N_("Grad-CAM"),
        N_(
            "Where the last maps of the network speak for the class, each map weighed by how the "
            "class follows it (Selvaraju 2017)."
        ),
    ),
    "grad_cam_pp": (
        N_("Grad-CAM++"),
        N_(
            "As Grad-CAM, with weights that see several objects of a class (Chattopadhay 2018); "
            "they are never negative, so that the map is wider."
        ),
    ),
    "integrated": (
        N_("Integrated gradients"),
        N_(
            "What every pixel adds to the class on the way from plain black and plain white to the "
            "picture (Sundararajan 2017)."
        ),
    ),
    "occlusion": (
        N_("Occlusion"),
        N_(
            "What the class loses when a patch of the picture is covered with its mean colour "
            "(Zeiler & Fergus 2014)."
        ),
    ),
}
"""Method of ``core.explain`` → what it is called, and what it does."""
SIGNED = ("integrated", "occlusion")


def heat_tab(subject: Subject) -> None:
    """The picture under the heat map of the predicted, the true and any other class."""
    method, other, opacity = _controls(subject)
    labels = asked_classes(subject, other)
    try:
        with st.spinner(_("Asking the network …"), show_time=True):
            maps = heat_maps(subject, method, labels)
    except LabError as error:
        # That a method does not apply is no fault of anybody.
        show_error(error, "info" if _does_not_apply(subject, method) else "error")
        return
    _question(subject)
    names = names_of(subject)
    thumbs = [Thumb(subject.pixels, (_("The picture"), subject.name), alt=subject.name)]
    thumbs += [
        _thumb(subject, label, found, opacity) for label, found in zip(labels, maps, strict=True)
    ]
    gallery(thumbs, key="closer.heat", size=SIZE)
    st.html(_legend_html(signed=method in SIGNED, opacity=opacity))
    st.caption(_(METHODS[method][1]) + " " + _remarks([names[i] for i in labels], maps))


def asked_classes(subject: Subject, other: int | None) -> tuple[int, ...]:
    """The predicted class, the true one and another, each once."""
    wanted = (subject.pred, subject.truth, other)
    return tuple(dict.fromkeys(label for label in wanted if label is not None))


def _does_not_apply(subject: Subject, method: str) -> bool:
    return "cam" in method and subject.record.config.model.architecture == "mlp"


def _controls(subject: Subject) -> tuple[str, int | None, float]:
    names = names_of(subject)
    first = "integrated" if _does_not_apply(subject, "grad_cam") else "grad_cam"
    method = st.segmented_control(
        _("Method"),
        list(METHODS),
        format_func=lambda name: _(METHODS[name][0]),
        key="closer.method",
        default=first,
        required=True,
        help=_("They ask in different ways; trust what several of them say."),
    )
    left, right = st.columns(2)
    other = left.selectbox(
        _("One more class"),
        range(len(names)),
        format_func=names.__getitem__,
        index=None,
        key=f"closer.class.{subject.record.id}",
        placeholder=_("predicted and true only"),
        help=_("What would speak for this class?"),
    )
    opacity = right.slider(
        _("Opacity"),
        0,
        100,
        70,
        step=5,
        format="%d %%",
        key="closer.opacity",
        help=_("How much the colours of the heat map cover the picture."),
    )
    return str(method), other, opacity / 100


def _question(subject: Subject) -> None:
    if subject.truth is None or subject.truth == subject.pred:
        return
    names = names_of(subject)
    pair = {"pred": literal(names[subject.pred]), "true": literal(names[subject.truth])}
    st.markdown("**" + _("Why {pred}, and why not {true}?", **pair) + "**")


def _thumb(subject: Subject, label: int, found: HeatMap, opacity: float) -> Thumb:
    names = names_of(subject)
    picture = overlay(Overlay(subject.pixels, found.heat, opacity))
    role = {subject.truth: _("true class"), subject.pred: _("predicted")}.get(label, _("asked for"))
    if label == subject.pred == subject.truth:
        role = _("predicted, and true")
    said = f"{percent(float(subject.proba[label]))} · {role}"
    alt = _("Heat map for {name}: {where}", name=names[label], where=strongest_place(found))
    return Thumb(picture, (names[label], said), alt=alt)


PLACES = (
    (N_("strongest at the top left"), N_("strongest at the top"), N_("strongest at the top right")),
    (N_("strongest on the left"), N_("strongest in the middle"), N_("strongest on the right")),
    (
        N_("strongest at the bottom left"),
        N_("strongest at the bottom"),
        N_("strongest at the bottom right"),
    ),
)


def strongest_place(found: HeatMap) -> str:
    """In words, for who cannot see it."""
    heat = found.heat
    if heat.max() <= 0:
        return _("nothing in the picture")
    row, column = divmod(int(heat.argmax()), heat.shape[1])
    return _(PLACES[3 * row // heat.shape[0]][3 * column // heat.shape[1]])


def _remarks(names: Sequence[str], maps: Sequence[HeatMap]) -> str:
    """What has to be known to read these maps."""
    grid, words = maps[0].grid, []
    if grid:
        words.append(
            _(
                "It tells {rows}×{columns} places apart in this network.",
                rows=grid[0],
                columns=grid[1],
            )
        )
    for name, found in zip(names, maps, strict=True):
        if found.total is not None and found.difference is not None:
            words.append(
                _(
                    "For {name} all pixels together add {total}; it should be {difference} "
                    "(logits).",
                    name=literal(name),
                    total=number(found.total, 3),
                    difference=number(found.difference, 3),
                )
            )
        elif found.heat.max() <= 0:
            words.append(
                _(
                    "For {name} it finds no place that speaks for it: the class is far off, or the "
                    "place is lost in the dense layers behind the maps. Ask another method.",
                    name=literal(name),
                )
            )
    return " ".join(words)


def _legend_html(*, signed: bool, opacity: float) -> str:
    strip = legend(signed=signed, opacity=opacity)
    low = _("against the class") if signed else _("of no account")
    high = _("for the class")  # Babel does not look into f-strings
    return (
        '<div style="display:flex;gap:.6rem;align-items:center;font-size:.78rem">'
        f"<span>{html.escape(low)}</span>"
        f'<img alt="" width="{strip.shape[1]}" height="{strip.shape[0]}" '
        f'src="{data_url(strip, strip.shape[1])}">'
        f"<span>{html.escape(high)}</span></div>"
    )
