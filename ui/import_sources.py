"""Where a new dataset shall come from: the choice, and what each source wants to know."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePath
from typing import NamedTuple

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.datasets.benchmarks import BENCHMARKS, download_bytes, is_there
from core.datasets.containers.opening import OPENERS
from core.datasets.server_folder import (
    GUESSES,
    VARIABLE,
    ServerFile,
    ServerListing,
    data_dir,
    list_server,
)
from core.datasets.specs import (
    SOURCES,
    BenchmarkSpec,
    CollectedSpec,
    Kind,
    ServerSpec,
    ShapesSpec,
    SourceSpec,
    UploadSpec,
)
from ui.i18n import _, number
from ui.messages import show
from ui.names import literal
from ui.shapes_view import shapes_form, shapes_preview
from ui.webcam_view import webcam_form

UPLOADS = "_import_uploads"
"""How many files have become datasets: a new number gives an empty uploader."""
MAX_MEGABYTES = 500
LISTING_SECONDS = 10
UPLOADED = [end for end in OPENERS if end.startswith(".")] + [".gz"]
"""Ends of the files that the uploader takes; of those without a dot it can tell none."""
LAYOUTS = """flowers.zip       flowers.tar.gz
├─ daisy          ├─ train
│  ├─ 001.jpg     │  ├─ daisy
│  └─ 002.jpg     │  │  └─ 001.jpg
├─ rose           │  └─ rose
│  └─ 001.png     │     └─ 001.png
└─ tulip          ├─ val …
   └─ a.webp      └─ test …

flowers.zip       labels.csv
├─ images         filename,label
│  ├─ 001.jpg     001.jpg,daisy
│  └─ 002.jpg     002.jpg,rose
└─ labels.csv"""


class Asked(NamedTuple):
    """What shall be imported, None while that is not settled; the file of an upload; what the
    dataset could be called."""

    spec: SourceSpec | None = None
    upload: UploadedFile | None = None
    suggestion: str = ""


def choose_source() -> Kind:
    """The kind of source, with a sentence that says what it is good for."""
    kind: Kind = st.segmented_control(
        _("Where from"),
        list(SOURCES),
        format_func=lambda kind: _(SOURCES[kind].title),
        default="upload",
        key="import_source",
        required=True,
        label_visibility="collapsed",
        persist_state="session",
    )
    st.caption(_(SOURCES[kind].explanation))
    return kind


def ask(kind: Kind) -> Asked:
    """The inputs of a source."""
    return FORMS[kind]()


def explain(kind: Kind, asked: Asked) -> None:
    """What helps to choose, beside the form."""
    HINTS[kind](asked)


def fitted(kind: Kind) -> bool:
    """Whether its pictures must be made to fit: drawn ones have their size and colours."""
    return kind != "shapes"


def _ask_upload() -> Asked:
    upload = st.file_uploader(
        _("An archive or data file"),
        type=UPLOADED,
        key=f"upload.{st.session_state.get(UPLOADS, 0)}",
        max_upload_size=MAX_MEGABYTES,
    )
    if upload is None:
        return Asked()
    return Asked(UploadSpec(filename=upload.name), upload, stem_of(upload.name))


def stem_of(filename: str) -> str:
    """The name without the end that says what kind of file it is: ``a.tar.gz`` → ``a``."""
    name = PurePath(filename).name
    ends = [end for end in OPENERS if name.casefold().endswith(end)]
    return name[: -len(max(ends, key=len))] if ends else PurePath(name).stem


def _ask_server() -> Asked:
    folder = data_dir()
    if folder is None:
        show(
            _(
                "This server has no folder of data yet. Whoever starts it sets this variable to a "
                "folder with archives, data files or folders of pictures:"
            ),
            "info",
        )
        st.code(f"{VARIABLE}=/srv/data", language=None)
        return Asked()
    files = {file.path: file for file in _listed(str(folder)).files}
    if not files:
        show(
            _(
                "The server's folder of data is empty. Put archives, data files or folders of "
                "pictures into {folder}; they appear here within seconds.",
                folder=str(folder),
            ),
            "info",
        )
        return Asked()
    if st.session_state.get("import_server") not in files:  # gone since
        st.session_state["import_server"] = None
    path = st.selectbox(
        _("File or folder on the server"),
        list(files),
        index=None,
        key="import_server",
        placeholder=_("nothing chosen"),
        help=_("It is read where it is: nothing is uploaded or copied."),
        persist_state="session",
    )
    if path is None:
        return Asked()
    st.caption(literal(_about(files[path])))
    return Asked(ServerSpec(path=path), None, stem_of(path))


@st.cache_data(show_spinner=False, ttl=LISTING_SECONDS, max_entries=4)
def _listed(folder: str) -> ServerListing:
    return list_server(Path(folder))


def _about(file: ServerFile) -> str:
    return " · ".join(
        [_(GUESSES[file.guess]), *([] if file.size is None else [megabytes(file.size)])]
    )


def megabytes(size: int) -> str:
    """Bytes as ``62.2 MB``, few of them as ``34.1 kB``."""
    scale, unit = (1e6, "MB") if size >= 999_500 else (1e3, "kB")  # not 1,000 kB
    return f"{number(size / scale, 3)} {unit}"


def _ask_benchmark() -> Asked:
    name = st.radio(
        _("Benchmark"),
        list(BENCHMARKS),
        format_func=lambda name: BENCHMARKS[name].title,
        captions=[_(benchmark.explanation) for benchmark in BENCHMARKS.values()],
        key="import_benchmark",
        persist_state="session",
    )
    benchmark = BENCHMARKS[name]
    coarse = benchmark.coarse and st.toggle(
        _("Coarse labels"),
        key="import_coarse",
        help=_("The 20 groups as classes instead of the 100 classes."),
        persist_state="session",
    )
    suggestion = " ".join([benchmark.title, *([_("coarse")] if coarse else [])])
    return Asked(BenchmarkSpec(name=name, coarse=coarse), None, suggestion)


def _ask_shapes() -> Asked:
    options = shapes_form()
    return Asked(ShapesSpec(options=options), None, _("Shapes"))


def _ask_collected() -> Asked:
    ready = webcam_form()
    return Asked(CollectedSpec(collection=ready) if ready else None, None, _("Webcam"))


FORMS: dict[Kind, Callable[[], Asked]] = {
    "upload": _ask_upload,
    "server": _ask_server,
    "benchmark": _ask_benchmark,
    "shapes": _ask_shapes,
    "collected": _ask_collected,
}


def _layouts(_asked: Asked) -> None:
    st.markdown(_("Each of these is understood; a folder around it all does no harm:"))
    st.code(LAYOUTS, language=None)
    st.caption(
        _(
            "Without train, val and test folders, 70 % of every class are for training, 15 % for "
            "validation and 15 % for the test. PNG, JPEG, WebP, BMP, GIF and TIFF pictures of any "
            "size and kind; other files are skipped and listed."
        )
    )


def _server_files(_asked: Asked) -> None:
    folder = data_dir()
    if folder is None:
        return
    listed = _listed(str(folder))
    rows = [
        {
            _("Name"): file.path,
            _("Seems to be"): _(GUESSES[file.guess]),
            _("Size"): "–" if file.size is None else megabytes(file.size),
        }
        for file in listed.files
    ]
    if rows:
        st.dataframe(rows, hide_index=True, height="content" if len(rows) < 10 else 400)
    if not listed.complete:
        st.caption(
            _(
                "The first {n} files and folders; there are more. Ask your teacher to put those "
                "of this lesson into a folder with fewer.",
                n=len(rows),
            )
        )


def _benchmark_files(asked: Asked) -> None:
    """Whether the chosen one is on this machine."""
    if not isinstance(asked.spec, BenchmarkSpec):
        return
    name = asked.spec.name
    if is_there(name):
        show(
            _(
                "{benchmark} is on this machine: no internet is needed.",
                benchmark=asked.spec.called,
            ),
            "success",
            icon=":material/check_circle:",
        )
        return
    show(
        _(
            "{benchmark} is downloaded once ({size}) and kept. Without internet, somebody puts "
            "these files into the server's folder of data ({variable}):",
            benchmark=asked.spec.called,
            size=megabytes(download_bytes(name)),
            variable=VARIABLE,
        ),
        "info",
    )
    st.code("\n".join(file.url for file in BENCHMARKS[name].files), language=None, wrap_lines=True)


def _preview(asked: Asked) -> None:
    if isinstance(asked.spec, ShapesSpec):
        shapes_preview(asked.spec.options)


def _nothing(_asked: Asked) -> None:
    """The form of the webcam shows its pictures itself."""


HINTS: dict[Kind, Callable[[Asked], None]] = {
    "upload": _layouts,
    "server": _server_files,
    "benchmark": _benchmark_files,
    "shapes": _preview,
    "collected": _nothing,
}
