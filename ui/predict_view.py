"""The user's own pictures, as the network sees them, and what it takes them for."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple, cast

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.datasets.dataset import ResizeMode
from core.datasets.decoding import EXTENSIONS, decode_image
from core.datasets.report import REPAIRS
from core.datasets.resizing import decoding_on, fit, prepare
from core.datasets.retiring import open_seen
from core.errors import N_, ImageError, LabError, Text
from core.plots.bars import TopKInfo, plot_top_k, top_k_info
from core.records import RunRecord, RunStatus
from ui.frame import NO_EPOCH, stopped_at_once
from ui.gallery import Thumb, gallery
from ui.i18n import _, ngettext, percent, say, say_error
from ui.messages import show_error
from ui.names import class_names, literal, shortened
from ui.queue_view import place_in_queue
from ui.state import get_lab, is_dark
from ui.unknown import notice, strangeness

MAX_MEGABYTES = 20
THUMB = 176
JPEG = b"\xff\xd8"
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
    st.info(_(NO_EPOCH if stopped_at_once(record) else sentence))
    if record.status is RunStatus.QUEUED:
        st.caption(place_in_queue(record))
    st.page_link(
        "pages/train.py",
        label=_("See how the run stands"),
        icon=":material/model_training:",
        query_params={"run": record.id},
    )
    st.caption(_("Or choose a finished run in the sidebar."))


def uploads() -> list[UploadedFile]:
    """The files that the user has chosen."""
    return st.file_uploader(
        _("Your pictures"),
        type=[extension.removeprefix(".") for extension in EXTENSIONS],
        accept_multiple_files=True,
        key="pictures",
        max_upload_size=MAX_MEGABYTES,
        help=_("Any size and kind; they are made to fit as the training images were."),
    )


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


def read_picture(file: UploadedFile, record: RunRecord) -> Picture:
    """A file, prepared exactly as an import prepares it.

    Raises:
        ImageError: saying what is wrong with the file.
    """
    assert record.image_shape is not None
    mode = cast("ResizeMode", record.resize or "crop")
    how = (record.image_shape, mode, record.background)
    shown, seen, size, notes = _prepared(file.file_id, how, file)
    return Picture(file.name, shown, seen, size, notes)


_How = tuple[tuple[int, int, int], ResizeMode, str]
"""Shape, way to fit and background of the images from which the network has learnt."""
_Parts = tuple[NDArray[np.uint8], NDArray[np.uint8], tuple[int, int], tuple[Text, ...]]


@st.cache_data(show_spinner=False, max_entries=100)
def _prepared(file_id: str, how: _How, _file: UploadedFile) -> _Parts:
    data = _file.getvalue()
    image_shape, mode, background = how
    picture = decode_image(data, decoding_on(background), at_least=2 * THUMB)
    height, width, channels = image_shape
    if data.startswith(JPEG):
        # An import decodes a JPEG only as finely as it must: so does this, and quickly.
        seen = prepare(data, image_shape, mode, background).pixels
    else:
        seen = fit(picture.image, (height, width), mode, channels, background)
    picture.image.thumbnail((2 * THUMB, 2 * THUMB))
    notes = tuple(Text(msgid=REPAIRS[repair]) for repair in picture.repairs)
    return np.asarray(picture.image), seen, (picture.size[1], picture.size[0]), notes


def samples(record: RunRecord, seed: int) -> list[Picture]:
    """Some pictures of the run's test split; none if its dataset is gone or another by now."""
    try:
        name, fingerprint = record.config.data.dataset, record.dataset_fingerprint
        dataset = open_seen(get_lab().paths, name, fingerprint)
        rows = dataset.split("test" if dataset.info.splits.get("test") else "val")
    except LabError:
        return []
    chosen = np.random.default_rng(seed).permutation(len(rows))[:SAMPLES]
    names = class_names(record)
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
    files: Sequence[UploadedFile], record: RunRecord
) -> tuple[list[Picture], list[tuple[str, ImageError]]]:
    """The pictures that can be read, and the files that cannot, each with the reason."""
    pictures, problems = [], []
    for file in files:
        try:
            pictures.append(read_picture(file, record))
        except ImageError as error:
            problems.append((file.name, error))
    return pictures, problems


def show_problems(problems: Sequence[tuple[str, ImageError]]) -> None:
    for name, error in problems:
        st.error(f"**{literal(name)}**: {literal(say_error(error))}")


def page_of(files: Sequence[UploadedFile]) -> Sequence[UploadedFile]:
    """The files of the page that is looked at: only these are read."""
    pages = -(-len(files) // PER_PAGE)
    if pages < 2:
        return files
    page = st.pagination(pages, key="predict_page")
    return files[(page - 1) * PER_PAGE : page * PER_PAGE]


def predict(record: RunRecord, pictures: Sequence[Picture]) -> list[NDArray[np.float32]]:
    """Probabilities (classes,) of every picture; the same ones are not asked for twice.

    Raises:
        LabError: if the run has no usable model, or the computing process died.
    """
    # A run that is resumed writes another model.
    version = get_lab().paths.run(record.id).model.stat().st_mtime_ns
    digests = [blake2b(p.seen.tobytes(), digest_size=16).hexdigest() for p in pictures]
    different = {digest: p.seen for digest, p in zip(digests, pictures, strict=True)}
    proba = _proba(record.id, version, tuple(different), list(different.values()))
    found = dict(zip(different, proba, strict=True))
    return [found[digest] for digest in digests]


@st.cache_data(show_spinner=False, max_entries=200)
def _proba(
    run_id: str, version: int, digests: tuple[str, ...], _images: list[NDArray[np.uint8]]
) -> NDArray[np.float32]:
    return get_lab().compute.predict(run_id, np.stack(_images))


def show_pictures(record: RunRecord, pictures: Sequence[Picture], k: int, *, key: str) -> None:
    """Every picture with what the network takes it for."""
    if not pictures:
        return
    try:
        with st.spinner(_("Asking the network …"), show_time=True):
            answers = predict(record, pictures)
            strange = strangeness(record, [picture.seen for picture in pictures])
    except LabError as error:
        show_error(error)
        return
    for i, (picture, proba) in enumerate(zip(pictures, answers, strict=True)):
        with st.container(border=True):
            _card(picture, top_k_info(class_names(record), proba, k), key=f"{key}.{i}")
            if strange:
                notice(strange[i])


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
            st.caption(literal("; ".join(say(note) for note in picture.notes)))


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
    size, classes = f"{width}×{height}", len(record.class_names)
    st.caption(
        _("It takes images of {size} pixels", size=size)
        + ", "
        + (_("grey") if channels == 1 else _("RGB"))
        + ", "
        + ngettext("and knows {n} class.", "and knows {n} classes.", classes)
        + " "
        + _("Whatever the picture shows, it answers with one of them.")
    )
