"""Two runs of the same dataset: is one really better, at which classes, and at which images?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.errors import N_, LabError, RunError, text
from core.evaluation.comparison import (
    Comparison,
    Pair,
    Verdict,
    broken_images,
    compare,
    doubt_in_words,
    fixed_images,
    in_words,
    probability_in_words,
)
from core.fields import RunRow
from core.pairing import common_splits, load_pair
from core.plots.fields import class_gains_info, plot_class_gains
from core.records import RunRecord
from ui.frame import short_name
from ui.i18n import _, language, ngettext, number, percent, say
from ui.messages import show, show_error
from ui.names import class_names, literal, shortened
from ui.runs_choice import offered, one_run
from ui.runs_diff import what_changed
from ui.runs_pair_images import pair_gallery
from ui.sealing import count_look, sealed
from ui.state import get_lab, is_dark
from ui.switch import switch
from ui.tables import readable, table_height

A, B = "runs.a", "runs.b"


def pair_view(rows: Sequence[RunRow], chosen: Sequence[RunRecord]) -> None:
    """Run B against run A."""
    left, middle, right = st.columns([4, 4, 3], vertical_alignment="bottom")
    runs = _choose_two(rows, chosen, (left, middle))
    if runs is None:
        return
    a, b = runs
    paths = get_lab().paths
    try:
        splits = _open_splits(common_splits(paths, a, b), (a, b))
        with right:
            split = _split(splits)
        if split == "test":
            for record in (a, b):
                count_look(record)
        both, found = _compared(a, b, split)
    except LabError as error:
        show_error(error, "warning")
        what_changed([a, b])
        return
    _verdict(found, a, b)
    _headline(found, both)
    _details(found, both, (a, b), split)


def _choose_two(
    rows: Sequence[RunRow],
    chosen: Sequence[RunRecord],
    places: tuple[DeltaGenerator, DeltaGenerator],
) -> tuple[RunRecord, RunRecord] | None:
    """A is the older one of two that are ticked, unless somebody has said otherwise."""
    over = [row for row in rows if row["status"].is_over() and row["epochs"] is not None]
    labels = offered(over, chosen)
    if len(labels) < 2:
        st.info(
            _("Two runs that have ended are needed here: train another one, or widen the filter.")
        )
        return None
    _follow_the_table(chosen)
    ticked = sorted(record.id for record in chosen)[:2]
    with places[0]:
        a = one_run(_("Run A (compared with)"), A, labels, ticked[0] if ticked else None)
    with places[1]:
        b = one_run(_("Run B (better?)"), B, labels, ticked[1] if len(ticked) > 1 else None)
    if a is None or b is None:
        st.info(_("Choose two runs, here or by ticking them in the table."))
        return None
    return a, b


def _follow_the_table(chosen: Sequence[RunRecord]) -> None:
    """When two others have been ticked, these are meant."""
    ticked = sorted(record.id for record in chosen)[:2]
    if st.session_state.get("runs.pair_of") != ticked and len(ticked) == 2:
        st.session_state[A], st.session_state[B] = ticked
    st.session_state["runs.pair_of"] = ticked


def _open_splits(splits: list[str], runs: tuple[RunRecord, RunRecord]) -> list[str]:
    """Without a test split that is sealed for one of the two; that it is there is said.

    Raises:
        RunError: if nothing else is left.
    """
    shut = [record for record in runs if sealed(record)]
    if "test" not in splits or not shut:
        return splits
    rest = [split for split in splits if split != "test"]
    names = ", ".join(short_name(record) for record in shut)
    if not rest:
        raise RunError(
            N_("Both runs have only the test split, and it is sealed: {runs}."),
            remedy=text(N_("Unlock it on the Errors page.")),
            runs=names,
        )
    st.caption(
        _(
            "The test split can be compared when it is unlocked on the Errors page: {runs}.",
            runs=names,
        )
    )
    return rest


def _split(splits: list[str]) -> str:
    names = {"test": _("Test"), "val": _("Validation"), "train": _("Training")}
    if len(splits) == 1:
        st.caption(names.get(splits[0]) or literal(splits[0]))
        return splits[0]
    if st.session_state.get("runs.set.split") not in splits:
        st.session_state["runs.set.split"] = splits[0]
    known = {split: names.get(split) or literal(split) for split in splits}
    return switch(_("Split"), known, key="runs.set.split")


def _compared(a: RunRecord, b: RunRecord, split: str) -> tuple[Pair, Comparison]:
    files = (get_lab().paths.run(record.id).predictions for record in (a, b))
    versions = tuple((path, path.stat().st_mtime_ns) for path in files)
    return _of_files(versions, split, _runs=(a, b))


@st.cache_resource(show_spinner=False, max_entries=4)
def _of_files(
    versions: tuple[tuple[Path, int], ...], split: str, *, _runs: tuple[RunRecord, RunRecord]
) -> tuple[Pair, Comparison]:
    both = load_pair(get_lab().paths, *_runs, split)
    return both, compare(both)


def _verdict(found: Comparison, a: RunRecord, b: RunRecord) -> None:
    names = (f"A ({short_name(a)})", f"B ({short_name(b)})")
    said = say(in_words(found, *names))
    show(said, "success" if found.verdict is Verdict.SURE else "info", icon=":material/balance:")


def _headline(found: Comparison, both: Pair) -> None:
    one, other, apart, alike = st.columns(4)
    one.metric(_("Accuracy of A"), percent(found.accuracy_a))
    other.metric(_("Accuracy of B"), percent(found.accuracy_b))
    apart.metric(
        _("Difference (points)"),
        _signed(100 * found.difference),
        delta=_(
            "95 %: {low} to {high}",
            low=number(100 * found.low, 3),
            high=number(100 * found.high, 3),
        ),
        delta_color="off",
        delta_arrow="off",
        help=_(
            "In percentage points. With other images of the same kind it would most likely lie in "
            "the range below (bootstrap over the images, 95 %); if 0 lies in it, it may be luck."
        ),
    )
    kappa = found.agreement.kappa
    alike.metric(
        _("Agreement"),
        percent(found.agreement.share),
        delta=_("kappa {kappa}", kappa="–" if kappa is None else number(kappa, 2)),
        delta_color="off",
        delta_arrow="off",
        help=_(
            "The share of images for which both say the same class, right or wrong. Cohen's kappa "
            "is 0 for what chance would give and 1 if they always agree."
        ),
    )
    st.caption(literal(say(probability_in_words(found))))
    if doubt := doubt_in_words(found):
        st.caption(literal(say(doubt)))
    if both.left_a or both.left_b:
        st.caption(
            _(
                "Compared over the {n} images that both have judged; left out: {a} of A, {b} of B.",
                n=both.n,
                a=both.left_a,
                b=both.left_b,
            )
        )
    st.caption(
        _("This is about these two networks: another seed may tell another story (see Seeds).")
    )


def _signed(points: float) -> str:
    """``+1.2``; of 10,000 images one is 0.01 points, which is not nothing."""
    digits = 1 if not points or abs(points) >= 0.1 else 3
    return f"{points:{'+' if points else ''}.{digits}f}".replace(
        ".", "," if language() == "es" else "."
    )


def _details(found: Comparison, both: Pair, runs: tuple[RunRecord, RunRecord], split: str) -> None:
    names = {
        "fixed": _("Images fixed"),
        "broken": _("Images broken"),
        "classes": _("Classes"),
        "settings": _("Settings"),
    }
    shown = switch(_("Details"), names, key="runs.set.pair", default="fixed")
    if shown == "classes":
        _classes(found, class_names(runs[0]))
    elif shown == "settings":
        what_changed(runs)
    else:
        _images(both, runs, split, shown)


def _images(both: Pair, runs: tuple[RunRecord, RunRecord], split: str, shown: str) -> None:
    fixed = shown == "fixed"
    positions = fixed_images(both) if fixed else broken_images(both)
    n = len(positions)
    if fixed:
        said = ngettext(
            "{n} image that A gets wrong and B right.",
            "{n} images that A gets wrong and B right.",
            n,
        )
    else:
        said = ngettext(
            "{n} image that A gets right and B wrong.",
            "{n} images that A gets right and B wrong.",
            n,
        )
    st.caption(said + " " + _("Where the true class's probability changed most comes first."))
    if n:
        pair_gallery(both, runs, split, positions, key=shown)


def _classes(found: Comparison, names: Sequence[str]) -> None:
    """Where B finds more or fewer of a class's images."""
    shown = [names[c.label] if c.label < len(names) else str(c.label) for c in found.classes]
    info = class_gains_info(shortened(shown), [c.gain for c in found.classes])
    left, right = st.columns([1, 1])
    with left:
        st.plotly_chart(
            plot_class_gains(
                info,
                _("Gain in recall of B (percentage points)"),
                dark=is_dark(),
                decimal_comma=language() == "es",
            ),
            key="runs.gains",
            theme=None,
            alt=_("Gain in recall of every class"),
        )
        if info.left_out:
            st.caption(
                ngettext(
                    "{n} class in between is in the table only.",
                    "{n} classes in between are in the table only.",
                    info.left_out,
                )
            )
    with right:
        _class_table(found, shown)


def _class_table(found: Comparison, names: Sequence[str]) -> None:
    frame = pd.DataFrame(
        [
            (name, c.found_a / c.support, c.found_b / c.support, c.fixed, c.broken, c.support)
            for name, c in zip(names, found.classes, strict=True)
        ],
        columns=["class", "a", "b", "fixed", "broken", "images"],
    )
    config = st.column_config
    written = {"a": percent, "b": percent, "fixed": number, "broken": number, "images": number}
    st.dataframe(
        readable(frame, written),
        hide_index=True,
        height=table_height(len(frame), 460),
        column_config={
            "class": config.TextColumn(_("Class")),
            "a": config.NumberColumn(_("Recall of A")),
            "b": config.NumberColumn(_("Recall of B")),
            "fixed": config.NumberColumn(_("Fixed"), help=_("Wrong with A, right with B.")),
            "broken": config.NumberColumn(_("Broken"), help=_("Right with A, wrong with B.")),
            "images": config.NumberColumn(_("Images")),
        },
        alt=_("Recall of both runs for every class"),
    )
