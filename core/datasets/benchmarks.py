"""Benchmarks by name: the genuine files, wherever they are already, else downloaded.

Addresses, names in the cache and checksums are those of Keras 3.15 (``keras/src/datasets``); the
checksums of Fashion-MNIST, which Keras does not check, are those of its authors (README of
github.com/zalandoresearch/fashion-mnist).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

from core.datasets import limits
from core.datasets.fetching import DownloadError, fetch
from core.datasets.formats.base import Found, Reading
from core.datasets.server_folder import VARIABLE, data_dir
from core.datasets.sources import PathSource
from core.errors import N_, DatasetError, Text, text

BenchmarkName = Literal["mnist", "fashion_mnist", "cifar10", "cifar100"]


class GenuineFile(NamedTuple):
    """A file of a benchmark: its true name, bytes and checksum, and as what Keras keeps it."""

    name: str
    url: str
    checksum: str
    """SHA-256, or MD5 where its authors give no other."""
    bytes: int
    cached: tuple[str, ...]
    """Below ``~/.keras/datasets``: where this Keras keeps it, then where older ones did. Under
    its true name it is found there too."""


class Benchmark(NamedTuple):
    """A data set that everybody knows."""

    title: str
    explanation: str
    """Translatable."""
    files: tuple[GenuineFile, ...]
    coarse: bool = False
    """Whether it has a second, coarser set of labels."""


_GOOGLE = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_TORONTO = "https://www.cs.toronto.edu/~kriz/"


def _fashion(name: str, checksum: str, size: int) -> GenuineFile:
    return GenuineFile(name, _GOOGLE + name, checksum, size, (f"fashion-mnist/{name}",))


def _cifar(name: str, checksum: str, size: int, cached: tuple[str, ...]) -> GenuineFile:
    return GenuineFile(name, _TORONTO + name, checksum, size, cached)


BENCHMARKS: dict[BenchmarkName, Benchmark] = {
    "mnist": Benchmark(
        "MNIST",
        N_("70,000 handwritten digits, 28×28, grey."),
        (
            GenuineFile(
                "mnist.npz",
                f"{_GOOGLE}mnist.npz",
                "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
                11_490_434,
                ("mnist.npz",),
            ),
        ),
    ),
    "fashion_mnist": Benchmark(
        "Fashion-MNIST",
        N_("70,000 pieces of clothing in 10 classes, 28×28, grey."),
        (
            _fashion("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d", 26_421_880),
            _fashion("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe", 29_515),
            _fashion("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79", 4_422_102),
            _fashion("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310", 5_148),
        ),
    ),
    "cifar10": Benchmark(
        "CIFAR-10",
        N_("60,000 photographs of animals and vehicles in 10 classes, 32×32, colour."),
        (
            _cifar(
                "cifar-10-python.tar.gz",
                "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
                170_498_071,
                ("cifar-10-batches-py-target_archive", "cifar-10-batches-py.tar.gz"),
            ),
        ),
    ),
    "cifar100": Benchmark(
        "CIFAR-100",
        N_("60,000 photographs in 100 classes or 20 groups of them, 32×32, colour."),
        (
            _cifar(
                "cifar-100-python.tar.gz",
                "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
                169_001_437,
                ("cifar-100-python-target_archive", "cifar-100-python.tar.gz"),
            ),
        ),
        coarse=True,
    ),
}


def keras_cache() -> Path:
    """Where Keras keeps what it downloads."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "datasets"


def teachers_places(name: BenchmarkName) -> list[Path]:
    """Folders of the teacher in which the files of a benchmark may lie."""
    folder = data_dir()
    return [folder, folder / name, folder / name.replace("_", "-")] if folder else []


def find_file(name: BenchmarkName, file: GenuineFile) -> Path | None:
    """Where the file is on this machine: the teacher's, by its name, or else a whole one of Keras'.

    Keras leaves half a file in its cache when it is killed; one of the teacher's of another size
    is no accident, and its checksum will tell.
    """
    given = [folder / file.name for folder in teachers_places(name)]
    cached = [keras_cache() / cached for cached in (*file.cached, file.name)]
    whole = [path for path in cached if path.is_file() and path.stat().st_size == file.bytes]
    return next((path for path in (*given, *whole) if path.is_file()), None)


def is_there(name: BenchmarkName) -> bool:
    """Whether the benchmark can be had without a network."""
    return all(find_file(name, file) for file in BENCHMARKS[name].files)


def download_bytes(name: BenchmarkName) -> int:
    """What would have to be downloaded."""
    return sum(file.bytes for file in BENCHMARKS[name].files if not find_file(name, file))


@dataclass(frozen=True)
class BenchmarkSource:
    """A benchmark; ``coarse`` for the coarser of two sets of labels."""

    name: BenchmarkName
    coarse: bool = False

    @property
    def origin(self) -> str:
        return BENCHMARKS[self.name].title

    def find(self, reading: Reading) -> Found:
        """Its pictures, read from the genuine files.

        Raises:
            DatasetError: if they are not here and cannot be had.
        """
        warnings: list[Text] = []
        files = list(self._genuine(reading, warnings))
        if self.coarse:
            options = reading.options.model_copy(update={"labels": "coarse"})
            reading = reading._replace(options=options)
        found = self._source(files, reading.scratch).find(reading)
        return replace(found, warnings=[*warnings, *found.warnings])

    def _source(self, files: Sequence[tuple[GenuineFile, Path]], scratch: Path) -> PathSource:
        if len(files) == 1:
            [(genuine, path)] = files
            return PathSource(path, genuine.name)
        # Several files are read as a folder of just them, under their true names.
        folder = scratch / "genuine"
        folder.mkdir()
        for genuine, path in files:
            _same_file(path, folder / genuine.name)
        return PathSource(folder, self.origin)

    def _genuine(
        self, reading: Reading, warnings: list[Text]
    ) -> Iterator[tuple[GenuineFile, Path]]:
        benchmark = BENCHMARKS[self.name]
        total, before = download_bytes(self.name), 0
        for file in benchmark.files:
            path = find_file(self.name, file)
            if path is None:
                path = self._download(file, reading, (before, total))
                before += file.bytes
                path = _kept(path, keras_cache() / file.cached[0], warnings)
            elif not has_checksum(path, file.checksum):
                raise DatasetError(
                    N_("“{path}” is not the genuine {file}: its checksum is another."),
                    path=str(path),
                    file=file.name,
                    remedy=text(N_("Delete it, or put the file of {url} there."), url=file.url),
                )
            yield file, path

    def _download(self, file: GenuineFile, reading: Reading, bytes_: tuple[int, int]) -> Path:
        before, total = bytes_
        limits.check_disk(reading.scratch, file.bytes)
        target = reading.scratch / file.name
        try:
            fetch(
                file.url,
                target,
                file.checksum,
                lambda got: reading.tell("fetching", before + min(got, file.bytes), total),
            )
        except DownloadError as error:
            raise self._not_to_be_had(error) from error
        return target

    def _not_to_be_had(self, error: DownloadError) -> DatasetError:
        """What to put where, so that it works without a network."""
        missing = [f for f in BENCHMARKS[self.name].files if not find_file(self.name, f)]
        teachers = [str(folder) for folder in teachers_places(self.name)[:1]]
        places = [*(teachers or [f"${VARIABLE}"]), str(keras_cache())]
        return DatasetError(
            N_("{benchmark} is not on this machine, and it could not be downloaded. {reason}"),
            benchmark=self.origin,
            reason=error.text,
            remedy=text(
                N_(
                    "Without internet: get {files} from {folder} on another machine, put it into "
                    "{places}, and import again."
                ),
                files=", ".join(f.name for f in missing),
                folder=missing[0].url.rpartition("/")[0] + "/",
                places=text(N_("{one} or {other}"), one=places[0], other=places[1]),
            ),
        )


def has_checksum(path: Path, checksum: str) -> bool:
    """By the length of the checksum: SHA-256 or MD5."""
    kind = "sha256" if len(checksum) == 64 else "md5"
    with path.open("rb") as file:
        return hashlib.file_digest(file, kind).hexdigest() == checksum


def _kept(path: Path, cached: Path, warnings: list[Text]) -> Path:
    """Moved into Keras' cache, if that can be written; a half copy is never seen there."""
    partial = cached.with_name(f".{cached.name}.partial-{os.getpid()}")
    try:
        cached.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, partial)
        partial.replace(cached)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        warnings.append(
            text(
                N_("The download could not be kept in {folder} ({error}); next time it is needed."),
                folder=str(cached.parent),
                error=error.strerror or str(error),
            )
        )
        return path
    path.unlink()
    return cached


def _same_file(path: Path, other: Path) -> None:
    """Another name of a file, or where the disk has no such thing, a copy."""
    try:
        other.hardlink_to(path)
    except OSError:
        shutil.copyfile(path, other)
