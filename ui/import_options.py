"""How pictures become arrays of one size, and arrays splits: the options of every import."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.datasets.dataset import ResizeMode
from core.datasets.importing import MAX_AUTO_SIDE, median_size
from core.datasets.options import DEFAULTS, SPLIT_PRESETS, ImportOptions
from core.datasets.resizing import RESIZE_MODES, fit
from core.datasets.sampling import SourceSample, sample_source
from core.datasets.server_folder import on_server
from core.datasets.specs import ServerSpec
from core.errors import N_, LabError
from core.paths import Paths
from ui.i18n import _, ngettext, say
from ui.messages import show
from ui.names import literal, shortened
from ui.state import get_lab
from ui.strips import Strip, strips

SIZES = (0, 16, 24, 28, 32, 48, 64, 96, 128, 160, 192, 224)
Choices = Mapping[str, tuple[str, str]]
RESIZE: Choices = {
    "crop": (N_("Crop"), N_("Cuts off what sticks out: nothing is distorted, borders are lost.")),
    "pad": (N_("Pad"), N_("Keeps the whole picture and fills the rest with the background.")),
    "stretch": (N_("Stretch"), N_("Keeps the whole picture and distorts it to fit.")),
}
COLORS: Choices = {
    "auto": (N_("Automatic"), N_("Grey if all pictures are grey, otherwise colour.")),
    "grey": (N_("Grey"), N_("One channel: three times less to learn from, and to store.")),
    "rgb": (N_("Colour"), N_("Three channels: red, green, blue.")),
}
SPLITS: Choices = {
    "given": (N_("As they come"), N_("Train, val and test folders stay; what is missing is made.")),
    "anew": (N_("All anew"), N_("Everything is put together and divided by the shares below.")),
}
SHARES = {
    "70/15/15": N_("70 / 15 / 15 %"),
    "80/10/10": N_("80 / 10 / 10 %"),
    "60/20/20": N_("60 / 20 / 20 %"),
    "4:1:1": N_("4 : 1 : 1 (CIFAR-10)"),
}
WHITE = "#ffffff"
SHOWN_SIDE = 96
"""Pixels of the preview's pictures on the screen."""


def import_options(sample: SourceSample | None) -> ImportOptions:
    """The form. ``sample``, where the source is known, suggests and shows what the choices do."""
    if sample is not None:
        _found(sample)
    left, right = st.columns([3, 2], gap="large")
    with left:
        resize = _explained(_("How to make pictures fit"), RESIZE, "import_resize")
    with right:
        size = _size(sample)
        color = _explained(_("Colours"), COLORS, "import_color")
    if sample is not None and sample.pictures:
        _preview(sample, size, color)
    coarse = sample is not None and _superclasses(sample.facts.groups)
    chosen = {"size": size, "resize": resize, "color": color}
    chosen["labels"] = "coarse" if coarse else "fine"
    return ImportOptions.model_validate({**chosen, **_divided(), **_more()})


def _superclasses(groups: int) -> bool:
    """Whether they shall be the classes, asked where there are any."""
    return groups > 1 and st.toggle(
        _("The {n} superclasses as classes", n=groups),
        key="import_superclasses",
        help=_("Fewer, broader classes with more images each: an easier task."),
        persist_state="session",
    )


def sample_upload(upload: UploadedFile | None) -> SourceSample | None:
    """A look at an uploaded file, taken once for every background."""
    if upload is None:
        return None
    return _sample(upload.file_id, upload.name, background(), get_lab().paths, upload)


def sample_server(spec: ServerSpec) -> SourceSample | None:
    """A look at a file or folder of the server, taken anew when it changes."""
    try:
        path = on_server(spec.path)
        changed = path.stat().st_mtime_ns
    except (LabError, OSError):  # gone since it was listed: the import will say so
        return None
    return _server_sample(str(path), changed, spec.called, background(), get_lab().paths)


@st.cache_data(max_entries=32, show_spinner=False)
def _server_sample(path: str, changed: int, name: str, behind: str, _paths: Paths) -> SourceSample:
    with st.spinner(_("Looking at the pictures …")):
        return sample_source(_paths, Path(path), name, behind)


def background() -> str:
    """The colour chosen behind transparent pictures."""
    return str(st.session_state.get("import_background", WHITE))


@st.cache_data(max_entries=32, show_spinner=False)
def _sample(
    file_id: str, name: str, behind: str, _paths: Paths, _upload: UploadedFile
) -> SourceSample:
    with st.spinner(_("Looking at the pictures …")):
        _paths.create()
        with tempfile.TemporaryDirectory(prefix=".staging-sample-", dir=_paths.imports) as folder:
            file = Path(folder) / "upload"
            file.write_bytes(_upload.getbuffer())
            return sample_source(_paths, file, name, behind)


def _found(sample: SourceSample) -> None:
    """What the source is taken for, before anything is imported."""
    facts = sample.facts
    if facts.problem is not None:
        show(say(facts.problem), "warning")
        return
    names = ", ".join(shortened(facts.classes[:8])) + ("…" if facts.classes[8:] else "")
    parts = [
        ngettext("{n} picture", "{n} pictures", facts.pictures),
        ngettext("{n} class: {names}", "{n} classes: {names}", len(facts.classes), names=names),
        _("median size {width} × {height} pixels", width=facts.width, height=facts.height),
    ]
    if facts.unlabelled:
        parts.append(ngettext("{n} without label", "{n} without label", facts.unlabelled))
    if facts.given:
        parts.append(_("with splits of its own"))
    st.caption(literal(" · ".join(parts)))


def _size(sample: SourceSample | None) -> int | None:
    """The side of the images in pixels, or None for their own median."""
    side = st.selectbox(
        _("Size of the images"),
        SIZES,
        format_func=lambda side: f"{side} × {side}" if side else _("automatic"),
        key="import_size",
        help=_(
            "In pixels. Automatic takes the median of the pictures, at most 128 pixels a side. "
            "Larger images show more and train more slowly."
        ),
        persist_state="session",
    )
    if sample is not None and sample.facts.width:
        height, width = median_size([(sample.facts.height, sample.facts.width)])
        st.caption(
            _("Automatic would be {width} × {height} pixels here.", width=width, height=height)
        )
    return side or None


def _preview(sample: SourceSample, size: int | None, color: str) -> None:
    """The user's own pictures, made to fit in each of the three ways."""
    height, width = (size, size) if size else _auto_size(sample)
    grey = color == "grey" or (color == "auto" and sample.facts.grey)
    st.markdown(_("**Your own pictures at {width} × {height} pixels**", width=width, height=height))
    rows = [
        Strip(
            name=_(RESIZE[mode][0]),
            note="",
            images=fitted(sample, (height, width), mode, 1 if grey else 3),
            alts=[""] * len(sample.pictures),
        )
        for mode in RESIZE_MODES
    ]
    strips(rows, key="import_preview", size=SHOWN_SIDE)


def _auto_size(sample: SourceSample) -> tuple[int, int]:
    if not sample.facts.width:
        return MAX_AUTO_SIDE, MAX_AUTO_SIDE
    return median_size([(sample.facts.height, sample.facts.width)])


def fitted(
    sample: SourceSample, size: tuple[int, int], mode: ResizeMode, channels: int
) -> list[NDArray[np.uint8]]:
    """The sample's pictures as uint8 (height, width, channels), as an import makes them fit."""
    images, ground = map(Image.fromarray, sample.pictures), background()
    return [fit(image, size, mode, channels, ground) for image in images]


def _divided() -> dict[str, object]:
    """Which pictures are learned from, and on which it is tested."""
    with st.expander(_("Training, validation and test")):
        splits = _explained(_("Splits"), SPLITS, "import_splits")
        left, right = st.columns(2, gap="large")
        shares = left.selectbox(
            _("Shares"),
            list(SHARES),
            format_func=lambda name: _(SHARES[name]),
            key="import_shares",
            help=_(
                "Training, validation and test of what comes without splits, each class by itself."
            ),
            persist_state="session",
        )
        seed = right.number_input(
            _("Seed"),
            min_value=0,
            max_value=2**31 - 1,
            value=DEFAULTS.seed,
            step=1,
            key="import_seed",
            help=_("The start of the random division: the same seed divides in the same way."),
            persist_state="session",
        )
        most = left.number_input(
            _("At most so many pictures of a class"),
            min_value=1,
            max_value=1_000_000,
            value=None,
            step=100,
            key="import_per_class",
            placeholder=_("all"),
            help=_(
                "For a short lesson: drawn from all splits by the seed, before anything is decoded."
            ),
            persist_state="session",
        )
    return {"splits": splits, "fractions": SPLIT_PRESETS[shares], "seed": seed, "per_class": most}


def _more() -> dict[str, object]:
    """What to do with pictures that are not simply what they seem."""
    with st.expander(_("Background and damaged pictures")):
        st.session_state.setdefault("import_background", WHITE)
        behind = st.color_picker(
            _("Background"),
            key="import_background",
            help=_(
                "What shines through where a picture is transparent, and what stands around it "
                "where padding fills."
            ),
            persist_state="session",
        )
        truncated = st.toggle(
            _("Import pictures that are cut off"),
            key="import_truncated",
            help=_("As far as they go, the rest grey; otherwise they are skipped and listed."),
            persist_state="session",
        )
    return {"background": behind, "truncated": truncated}


def _explained(label: str, table: Choices, key: str) -> str:
    """A choice of which every option says in a sentence what it does."""
    return str(
        st.radio(
            label,
            list(table),
            format_func=lambda option: _(table[option][0]),
            captions=[_(sentence) for _label, sentence in table.values()],
            key=key,
            persist_state="session",
        )
    )
