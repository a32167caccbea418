"""Where ``data add`` gets its pictures from, and ``data sources``, which lists what there is."""

from __future__ import annotations

import argparse
import json
from argparse import Namespace
from pathlib import Path

from core.commands.context import Answer, Context, WrongUseError
from core.commands.formats import amount, printable, table
from core.datasets.benchmarks import (
    BENCHMARKS,
    BenchmarkName,
    BenchmarkSource,
    download_bytes,
    is_there,
)
from core.datasets.formats.base import Source
from core.datasets.server_folder import (
    GUESSES,
    VARIABLE,
    ServerListing,
    data_dir,
    list_server,
    on_server,
)
from core.datasets.shapes import ShapesOptions, ShapesSource
from core.datasets.sources import PathSource
from core.datasets.specs import SOURCES
from core.errors import N_


def chosen_source(options: Namespace) -> Source:
    """The source that the arguments name.

    Raises:
        WrongUseError, ConfigError: if an argument does not go with the source, or is impossible.
        DatasetError, NotFoundError: if there is no such file in the server's folder.
    """
    if options.coarse and (options.shapes or not _has_groups(options.benchmark)):
        raise WrongUseError(N_("--coarse goes with data that have superclasses, as cifar100."))
    if options.set and not options.shapes:
        raise WrongUseError(N_("--set goes with --shapes only."))
    if options.benchmark:
        return BenchmarkSource(options.benchmark, options.coarse)
    if options.shapes:
        return ShapesSource(ShapesOptions.parse(dict(options.set or [])))
    if options.server:
        return PathSource(on_server(options.server), Path(options.server).name)
    return PathSource(Path(options.path))


def _has_groups(benchmark: BenchmarkName | None) -> bool:
    """Of other files the import will tell."""
    return benchmark is None or BENCHMARKS[benchmark].coarse


def add_source_arguments(parser: argparse.ArgumentParser) -> None:
    """One of several, and the options that go with some of them."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "path", metavar="PATH", nargs="?", help="archive, data file or folder of pictures"
    )
    source.add_argument(
        "--benchmark",
        choices=list(BENCHMARKS),
        help="a known set: its genuine file from this machine, or else downloaded",
    )
    source.add_argument(
        "--shapes", action="store_true", help="figures drawn on the spot (see --set)"
    )
    source.add_argument(
        "--server", metavar="NAME", help=f"a file or folder in {VARIABLE} (see data sources)"
    )
    parser.add_argument(
        "--coarse", action="store_true", help="superclasses as classes: 20 of cifar100"
    )
    parser.add_argument(
        "--set",
        action="append",
        type=_setting,
        metavar="OPTION=VALUE",
        help="change one option of --shapes; may be repeated; they are listed below",
    )


def _setting(value: str) -> tuple[str, object]:
    name, equals, setting = value.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(
            f"expected option=value, such as classes=6, received {value!r}"
        )
    try:
        return name.strip(), json.loads(setting)
    except json.JSONDecodeError:
        return name.strip(), setting.strip()


def shapes_help() -> str:
    """Every option of Shapes, from the table that the form is made of."""
    knobs = ShapesOptions.knobs()
    fields = ShapesOptions.model_fields
    lines = [f"  {f'{n}={fields[n].default}':18} {knob.help}" for n, knob in knobs.items()]
    return "\n".join(["options of --shapes, with their defaults:", *lines])


def sources(_context: Context) -> Answer:
    """Every way in; which benchmarks and which of the teacher's files are here."""
    folder = data_dir()
    listed = list_server(folder) if folder else ServerListing([], complete=True)
    document = {
        "sources": {
            k: {"title": s.title, "explanation": s.explanation} for k, s in SOURCES.items()
        },
        "benchmarks": {
            name: {
                "title": benchmark.title,
                "here": is_there(name),
                "download_bytes": download_bytes(name),
                "files": [file.name for file in benchmark.files],
            }
            for name, benchmark in BENCHMARKS.items()
        },
        "server_folder": str(folder) if folder else None,
        "server": [file._asdict() for file in listed.files],
        "server_complete": listed.complete,
    }
    return Answer(document, "\n\n".join([_kinds(), _benchmarks(), _server(folder, listed)]))


def _kinds() -> str:
    return table(("source", "what it is"), [(s.title, s.explanation) for s in SOURCES.values()])


def _benchmarks() -> str:
    rows = [
        (
            name,
            "here" if is_there(name) else f"to be downloaded, {amount(download_bytes(name))}B",
            ", ".join(file.name for file in benchmark.files),
        )
        for name, benchmark in BENCHMARKS.items()
    ]
    return table(("benchmark", "where", "genuine files"), rows)


def _server(folder: Path | None, listed: ServerListing) -> str:
    if folder is None:
        return f"There is no folder of data on this server: set {VARIABLE} to one."
    if not listed.files:
        return f"There is nothing to import in {printable(str(folder))} ({VARIABLE})."
    rows = [
        (printable(f.path), GUESSES[f.guess], "" if f.size is None else f"{amount(f.size)}B")
        for f in listed.files
    ]
    found = table(("on the server", "seems to be", "size"), rows, right=("size",))
    more = f"\nThere is more; these are the first {len(rows)}."
    return found if listed.complete else found + more
