"""Mean images, brightness and sizes, and the images that are least like the others."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.analysis.stats import class_brightness
from core.datasets.report import Sizes
from core.errors import LabError
from core.plots.spread import (
    BrightnessLabels,
    SizesLabels,
    brightness_info,
    plot_brightness,
    plot_sizes,
    sizes_info,
)
from ui.data_look import classes_shown, sizes_in_words
from ui.gallery import Thumb, gallery
from ui.i18n import _, language, ngettext, number, percent
from ui.messages import show_error
from ui.names import class_names, literal, shortened
from ui.state import is_dark
from ui.understand_data import Understood, split_name, thumb

MOST_LINES = 6
MOST_UNLIKE = 32
DIFFERENT_BRIGHTNESS = 60
"""Grey levels between the means of two classes from which on brightness alone tells them apart."""
_GAP = 2


def means(about: Understood) -> None:
    """Of every class the mean and how much its images differ from it, pixel by pixel."""
    st.caption(
        _(
            "Left the mean of all images of the class, right their variance: the brighter, the "
            "more the images differ there. Where you recognise something in the mean, the images "
            "of the class are much alike, and easy to learn; all variances have the same scale."
        )
    )
    stats = about.found.stats
    brightest = float(np.sqrt(stats.variance.mean(-1)).max(initial=0))
    counts = np.sum(list(about.info.class_counts.values()), axis=0)
    shown = [
        _mean_and_variance(about, label, brightest, int(counts[label]))
        for label in classes_shown(about.info)
    ]
    gallery(shown, key="means", size=200 if stats.mean.shape[1] <= 32 else 264)


def _mean_and_variance(about: Understood, label: int, brightest: float, images: int) -> Thumb:
    stats = about.found.stats
    mean = np.rint(stats.mean[label]).astype(np.uint8)
    name = class_names(about.info)[label]
    # The root of it, over all channels: as variance only the few largest values could be seen.
    spread = np.sqrt(stats.variance[label].mean(-1, keepdims=True))
    grey = np.rint(255 * spread / max(1e-9, brightest)).astype(np.uint8)
    gap = np.full((len(mean), _GAP, mean.shape[2]), 128, np.uint8)
    both = np.hstack([mean, gap, grey.repeat(mean.shape[2], axis=2)])
    alt = _("Mean image and variance image of {name}", name=name)
    return Thumb(both, [name, ngettext("{n} image", "{n} images", images)], alt)


def brightness_and_size(about: Understood) -> None:
    """How bright the images are, by split or class, and how large the files were."""
    bright, size = st.columns([3, 2], gap="large")
    with bright:
        _brightness(about)
    with size:
        _sizes(about)


def _brightness(about: Understood) -> None:
    st.subheader(_("Brightness"))
    names = class_names(about.info)
    chosen = st.multiselect(
        _("Classes to compare"),
        range(len(names)),
        format_func=names.__getitem__,
        key=f"brightness.{about.info.name}",
        max_selections=MOST_LINES,
        placeholder=_("none: the splits are compared"),
        help=_("Each line then is one class in all splits; at most six at a time."),
    )
    counts = about.found.stats.brightness
    lines = {split_name(split): counts[i].sum(0) for i, split in enumerate(about.rows.splits)}
    if chosen:
        lines = dict(
            zip(
                shortened([names[label] for label in chosen]),
                (counts[:, label].sum(0) for label in chosen),
                strict=True,
            )
        )
    st.plotly_chart(
        plot_brightness(
            brightness_info(lines),
            BrightnessLabels(_("mean grey level (0 black, 255 white)"), _("images")),
            dark=is_dark(),
            percent=percent,
            decimal_comma=language() == "es",
        ),
        key="brightness_chart",
        theme=None,
        config={"displayModeBar": False},
        alt=_("Line chart: how many images are how bright"),
    )
    _extremes(about)


def _extremes(about: Understood) -> None:
    """The darkest and the brightest class, in a sentence."""
    levels = class_brightness(about.found.stats.brightness)
    if np.isnan(levels).all() or len(levels) < 2:
        return
    names = class_names(about.info)
    dark, bright = int(np.nanargmin(levels)), int(np.nanargmax(levels))
    values: dict[str, str | int] = {
        "dark": literal(names[dark]),
        "bright": literal(names[bright]),
        "low": round(float(levels[dark])),
        "high": round(float(levels[bright])),
    }
    if levels[bright] - levels[dark] > DIFFERENT_BRIGHTNESS:
        st.info(
            _(
                "“{dark}” is much darker (mean grey level {low}) than “{bright}” ({high}): a "
                "network could tell them apart by the light alone. Are they photographed alike?",
                **values,
            )
        )
    else:
        st.caption(
            _(
                "The darkest class is “{dark}” (mean grey level {low}), the brightest “{bright}” "
                "({high}).",
                **values,
            )
        )


def _sizes(about: Understood) -> None:
    st.subheader(_("Original sizes"))
    try:
        sizes = about.dataset.report().sizes
    except LabError as error:
        show_error(error)
        return
    if not sizes.common:
        st.caption(_("These images were made here and never had another size."))
        return
    info = sizes_info(sizes.common, sizes.others)
    labels = SizesLabels(_("other sizes"), _("images"), _("images"))
    st.plotly_chart(
        plot_sizes(info, labels, dark=is_dark(), decimal_comma=language() == "es"),
        key="sizes_chart",
        theme=None,
        config={"displayModeBar": False},
        alt=_("Bar chart: the commonest sizes, width × height in pixels"),
    )
    _enlarged(about, sizes)


def _enlarged(about: Understood, sizes: Sizes) -> None:
    """The spread of the sizes, and what was made of them."""
    height, width = about.info.image_shape[:2]
    st.caption(sizes_in_words(sizes))
    if height > sizes.height[1] or width > sizes.width[1]:
        st.caption(
            _(
                "All are {width} × {height} pixels now: most were enlarged, which adds no detail.",
                width=width,
                height=height,
            )
        )
    else:
        st.caption(_("All are {width} × {height} pixels now.", width=width, height=height))


def unlike(about: Understood) -> None:
    """The images that are farthest from the middle of their class."""
    st.caption(
        _(
            "The number says how many times as far an image is from the middle of its class as "
            "the typical one. Look for wrong labels and for cut-off or empty images; unusual "
            "alone is not wrong."
        )
    )
    names = class_names(about.info)
    label = st.selectbox(
        _("Class"),
        range(len(names)),
        format_func=names.__getitem__,
        index=None,
        key=f"unlike.{about.info.name}",
        placeholder=_("all classes"),
        width=320,
    )
    found = about.found.outliers
    mine = np.arange(len(found.row))
    if label is not None:
        mine = mine[about.rows.labels[found.row] == label]
    if not len(mine):
        st.info(_("Too few images to tell which ones are unusual: a class needs at least five."))
        return
    gallery([_unlike(about, int(i)) for i in mine[:MOST_UNLIKE]], key="unlike")


def _unlike(about: Understood, i: int) -> Thumb:
    found = about.found.outliers
    row, closest = int(found.row[i]), int(found.closest[i])
    times = _("{times}×", times=number(float(found.score[i]), 2))
    picture = thumb(about, row, [times])
    if closest == about.rows.labels[row]:
        return picture
    near = _("closer to {name}", name=about.class_name(closest))
    first, second, file = picture.caption
    return picture._replace(caption=[first, second, near, file], alt=f"{picture.alt} · {near}")
