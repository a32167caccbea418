"""Every way to get a dataset: what can be asked for, as plain data, and the source it means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, Field

from core.datasets.benchmarks import BENCHMARKS, BenchmarkName, BenchmarkSource
from core.datasets.collected import CollectedSource, collection
from core.datasets.containers.opening import OPENERS
from core.datasets.formats.base import Source
from core.datasets.server_folder import on_server
from core.datasets.shapes import ShapesOptions, ShapesSource
from core.datasets.sources import PathSource
from core.errors import N_
from core.paths import Paths

Kind = Literal["upload", "server", "benchmark", "shapes", "collected"]


class UploadSpec(BaseModel, frozen=True):
    """A file from the user's computer, by the name that it has there."""

    kind: Literal["upload"] = "upload"
    filename: str

    @property
    def called(self) -> str:
        return self.filename

    @property
    def stored_name(self) -> str:
        """A harmless name that ends like the true one."""
        ends = [end for end in OPENERS if self.filename.casefold().endswith(end)]
        return f"upload{max(ends, key=len, default='')}"


class ServerSpec(BaseModel, frozen=True):
    """A file or folder in the teacher's folder, by its path below it."""

    kind: Literal["server"] = "server"
    path: str

    @property
    def called(self) -> str:
        return self.path


class BenchmarkSpec(BaseModel, frozen=True):
    """A benchmark by its name; ``coarse`` for the coarser of two sets of labels."""

    kind: Literal["benchmark"] = "benchmark"
    name: BenchmarkName
    coarse: bool = False

    @property
    def called(self) -> str:
        return BENCHMARKS[self.name].title


class ShapesSpec(BaseModel, frozen=True):
    """Drawn figures."""

    kind: Literal["shapes"] = "shapes"
    options: ShapesOptions = ShapesOptions()

    @property
    def called(self) -> str:
        return ShapesSource.origin


class CollectedSpec(BaseModel, frozen=True):
    """Pictures taken with a webcam, by the id of their collection."""

    kind: Literal["collected"] = "collected"
    collection: str

    @property
    def called(self) -> str:
        return CollectedSource.origin


SourceSpec = Annotated[
    UploadSpec | ServerSpec | BenchmarkSpec | ShapesSpec | CollectedSpec,
    Field(discriminator="kind"),
]


class Place(NamedTuple):
    """Where a source's files may be: the artifacts, and the folder of the job's upload."""

    paths: Paths
    upload: Path


@dataclass(frozen=True)
class SourceKind:
    """One way in: what it is called, what it is good for (both translatable), what it makes."""

    title: str
    explanation: str
    make: Callable[[Any, Place], Source]


def _upload(spec: UploadSpec, place: Place) -> Source:
    return PathSource(place.upload / spec.stored_name, spec.filename)


def _server(spec: ServerSpec, place: Place) -> Source:
    return PathSource(on_server(spec.path), spec.path.rpartition("/")[2])


def _benchmark(spec: BenchmarkSpec, place: Place) -> Source:
    return BenchmarkSource(spec.name, spec.coarse)


def _shapes(spec: ShapesSpec, place: Place) -> Source:
    return ShapesSource(spec.options)


def _collected(spec: CollectedSpec, place: Place) -> Source:
    return CollectedSource(collection(place.paths, spec.collection))


SOURCES: dict[Kind, SourceKind] = {
    "upload": SourceKind(
        N_("Your file"),
        N_("An archive or data file from your computer."),
        _upload,
    ),
    "server": SourceKind(
        N_("Server folder"),
        N_("What your teacher has put on this server: nothing to upload."),
        _server,
    ),
    "benchmark": SourceKind(
        N_("Benchmarks"),
        N_("Sets that everybody knows, by name: MNIST, Fashion-MNIST, CIFAR-10, CIFAR-100."),
        _benchmark,
    ),
    "shapes": SourceKind(
        N_("Shapes"),
        N_("Figures drawn on the spot, as hard as you like; needs no file and no internet."),
        _shapes,
    ),
    "collected": SourceKind(
        N_("Webcam"),
        N_("Take pictures of things in front of your camera, class by class."),
        _collected,
    ),
}


def make_source(spec: SourceSpec, place: Place) -> Source:
    """The source that is meant.

    Raises:
        DatasetError, NotFoundError: if there is no such thing.
    """
    return SOURCES[spec.kind].make(spec, place)
