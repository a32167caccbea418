"""The user's own pictures, as the network sees them, and what it takes them for."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple, cast

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.datasets.dataset import ResizeMode
from core.datasets.decoding import EXTENSIONS, decode_image
from core.datasets.registry import open_dataset
from core.datasets.report import REPAIRS
from core.datasets.resizing import prepare
from core.errors import N_, ImageError, LabError, Text
from core.plots.bars import TopKInfo, plot_top_k, top_k_info
from core.records import RunRecord, RunStatus
from ui.gallery import Thumb, gallery
from ui.i18n import _, ngettext, percent, say, say_error
from ui.names import literal, shortened
from ui.state import get_lab, is_dark

MAX_MEGABYTES = 20
THUMB = 176
PER_PAGE = 8
"""Pictures on a page: each has a chart."""
SAMPLES = 4
UNSURE = 0.5
MAX_TOP = 10
WITHOUT_MODEL = {
    RunStatus.QUEUED: N_("This run is waiting in the queue: it has no network yet."),
    RunStatus.RUNNING: N_("This run is still training: its network can be tried when it ends."),
    RunStatus.FAILED: N_("This run has failed and left no network."),
    RunStatus.INTERRUPTED: N_("This run was interrupted: resume it, and try its network then."),
}


class Picture(NamedTuple):
    """What is shown of one picture: as it is, and as the network takes it, uint8 (h, w, c).

    ``size`` is its own (width, height); ``notes`` what was done to it; ``truth`` its class, where
    that is known.
    """

    name: str
    shown: NDArray[np.uint8] | None
    seen: NDArray[np.uint8]
    size: tuple[int, int]
    notes: tuple[Text, ...] = ()
    truth: str | None = None


def has_network(record: RunRecord) -> bool:
    return get_lab().paths.run(record.id).model.is_file() and record.image_shape is not None


def explain_missing(record: RunRecord) -> None:
    """Why there is nothing to predict with, and where to go."""
    sentence = WITHOUT_MODEL.get(record.status, N_("This run has saved no network."))
    st.info(_(sentence))
    st.page_link(
        "pages/train.py",
        label=_("See how the run stands"),
        icon=":material/model_training:",
        query_params={"run": record.id},
    )
    st.caption(_("Or choose a finished run in the sidebar."))


def uploads() -> list[tuple[str, bytes]]:
    """(file name, content) of the pictures the user has chosen."""
    files = st.file_uploader(
        _("Your pictures"),
        type=[extension.removeprefix(".") for extension in EXTENSIONS],
        accept_multiple_files=True,
        key="pictures",
        max_upload_size=MAX_MEGABYTES,
        help=_("Any size and kind; they are made to fit as the training images were."),
    )
    return [(file.name, file.getvalue()) for file in files]


def how_many_classes(record: RunRecord) -> int:
    """How many classes to list for each picture."""
    most = min(MAX_TOP, len(record.class_names))
    if most < 2:
        return most
    return st.slider(
        _("Classes shown"),
        1,
        most,
        value=min(5, most),
        key="top_k",
        help=_("The likeliest classes of every picture, with their probabilities."),
        persist_state="session",
    )


def read_picture(name: str, data: bytes, record: RunRecord) -> Picture:
    """The bytes of a file, prepared exactly as an import prepares them.

    Raises:
        ImageError: saying what is wrong with the file.
    """
    assert record.image_shape is not None
    digest = blake2b(data, digest_size=16).hexdigest()
    mode = cast("ResizeMode", record.resize or "crop")
    shown, seen, size, notes = _prepared(digest, record.image_shape, mode, data)
    return Picture(name, shown, seen, size, notes)


_Parts = tuple[NDArray[np.uint8], NDArray[np.uint8], tuple[int, int], tuple[Text, ...]]


@st.cache_data(show_spinner=False, max_entries=100)
def _prepared(
    digest: str, image_shape: tuple[int, int, int], mode: ResizeMode, _data: bytes
) -> _Parts:
    prepared = prepare(_data, image_shape, mode)
    image = decode_image(_data, at_least=2 * THUMB).image
    image.thumbnail((2 * THUMB, 2 * THUMB))
    height, width = prepared.size
    notes = tuple(Text(msgid=REPAIRS[repair]) for repair in prepared.repairs)
    return np.asarray(image), prepared.pixels, (width, height), notes


def samples(record: RunRecord, seed: int) -> list[Picture]:
    """Some pictures of the run's test split; none if its dataset is gone or another by now."""
    try:
        dataset = open_dataset(get_lab().paths, record.config.data.dataset)
        if dataset.info.fingerprint != record.dataset_fingerprint:
            return []
        rows = dataset.split("test" if dataset.info.splits.get("test") else "val")
    except LabError:
        return []
    chosen = np.random.default_rng(seed).permutation(len(rows))[:SAMPLES]
    names = dataset.info.class_names
    height, width, _channels = dataset.info.image_shape
    return [
        Picture(
            name=rows.names[row],
            shown=None,
            seen=np.asarray(rows.images[row]),
            size=(width, height),
            truth=names[rows.labels[row]],
        )
        for row in chosen
    ]


def read_all(
    files: Sequence[tuple[str, bytes]], record: RunRecord
) -> tuple[list[Picture], list[tuple[str, ImageError]]]:
    """The pictures that can be read, and the files that cannot, each with the reason."""
    pictures, problems = [], []
    for name, data in files:
        try:
            pictures.append(read_picture(name, data, record))
        except ImageError as error:
            problems.append((name, error))
    return pictures, problems


def show_problems(problems: Sequence[tuple[str, ImageError]]) -> None:
    for name, error in problems:
        st.error(f"**{literal(name)}**: {literal(say_error(error))}")


def page_of(pictures: Sequence[Picture]) -> Sequence[Picture]:
    """The pictures of the page that is looked at."""
    pages = -(-len(pictures) // PER_PAGE)
    if pages < 2:
        return pictures
    page = st.pagination(pages, key="predict_page")
    return pictures[(page - 1) * PER_PAGE : page * PER_PAGE]


def predict(record: RunRecord, picture: Picture) -> NDArray[np.float32]:
    """Probabilities (classes,); the same picture is not asked for twice.

    Raises:
        LabError: if the run has no usable model, or the computing process died.
    """
    # A run that is resumed writes another model.
    version = get_lab().paths.run(record.id).model.stat().st_mtime_ns
    pixels = np.ascontiguousarray(picture.seen)
    digest = blake2b(pixels.tobytes(), digest_size=16).hexdigest()
    return _proba(record.id, version, digest, pixels)


@st.cache_data(show_spinner=False, max_entries=1000)
def _proba(
    run_id: str, version: int, digest: str, _pixels: NDArray[np.uint8]
) -> NDArray[np.float32]:
    proba: NDArray[np.float32] = get_lab().compute.predict(run_id, _pixels[None])[0]
    return proba


def show_pictures(record: RunRecord, pictures: Sequence[Picture], k: int, *, key: str) -> None:
    """Every picture with what the network takes it for."""
    for i, picture in enumerate(pictures):
        try:
            with st.spinner(_("Asking the network …"), show_time=True):
                proba = predict(record, picture)
        except LabError as error:
            st.error(literal(say_error(error)))
            return
        with st.container(border=True):
            _card(picture, top_k_info(record.class_names, proba, k), key=f"{key}.{i}")


def _card(picture: Picture, top: TopKInfo, *, key: str) -> None:
    looks, chart = st.columns([3, 4], vertical_alignment="center")
    with looks:
        gallery(thumbs(picture, top), key=f"looks.{key}", size=THUMB)
    with chart:
        best, sure = top.classes[0], top.proba[0]
        st.markdown(f"**{literal(best)}** · {percent(sure)}")
        st.plotly_chart(
            plot_top_k(
                top._replace(classes=tuple(shortened(top.classes))), dark=is_dark(), percent=percent
            ),
            key=f"top.{key}",
            theme=None,
            config={"displayModeBar": False},
            alt=in_words(top),
        )
        st.caption(literal(in_words(top)))
        if sure < UNSURE:
            st.caption(_("The network is not sure: no class reaches one half."))
        if picture.notes:
            st.caption("; ".join(say(note) for note in picture.notes))


def in_words(top: TopKInfo) -> str:
    """``cat: 93.5 % · dog: 4.0 %``."""
    pairs = zip(top.classes, top.proba, strict=True)
    return " · ".join(f"{name}: {percent(share)}" for name, share in pairs)


def thumbs(picture: Picture, top: TopKInfo) -> list[Thumb]:
    """The picture as it is, if that is something else, and as the network sees it."""
    height, width, channels = picture.seen.shape
    kind = _("grey") if channels == 1 else _("RGB")
    seen = Thumb(
        picture.seen,
        (_("as the network sees it"), f"{width}×{height}, {kind}"),
        alt=_("{name} as the network sees it", name=picture.name),
    )
    if picture.shown is None:
        right = picture.truth == top.classes[0]
        truth = _("in truth: {name}", name=picture.truth or "–")
        return [seen._replace(caption=(truth, picture.name), tone="good" if right else "bad")]
    own = _("{width}×{height} pixels", width=picture.size[0], height=picture.size[1])
    return [Thumb(picture.shown, (picture.name, own), alt=picture.name), seen]


def about_network(record: RunRecord) -> None:
    """What the network takes and gives."""
    assert record.image_shape is not None
    height, width, channels = record.image_shape
    classes = len(record.class_names)
    st.caption(
        _("It takes images of {size} pixels", size=f"{width}×{height}")
        + ", "
        + (_("grey") if channels == 1 else _("RGB"))
        + ", "
        + ngettext("and knows {n} class.", "and knows {n} classes.", classes)
        + " "
        + _("Whatever the picture shows, it answers with one of them.")
    )
