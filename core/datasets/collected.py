"""Pictures taken with a webcam, gathered on the server until they become a dataset.

``cache/collected/<id>/classes.json`` names the classes; class ``i`` has its pictures in the
folder ``i``. Several windows of one browser may work on one collection.
"""

from __future__ import annotations

import functools
import json
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from filelock import FileLock

from core.datasets import limits
from core.datasets.containers.entries import Entry
from core.datasets.containers.folder import FolderReader
from core.datasets.decoding import PLAIN, decode_image
from core.datasets.formats.base import NOT_TOLD, Found, Reading
from core.errors import N_, DatasetError, NotFoundError
from core.paths import Paths, write_atomic

MIN_CLASSES = 2
MIN_EACH = 5
"""Pictures of a class, so that each split gets one or two."""
MAX_NAME = 40
MAX_PICTURES = 5000
MAX_BYTES = 20_000_000
KEPT_SECONDS = 24 * 3600.0
_ID = re.compile(r"[0-9a-f]{8,64}")
_CLASSES = "classes.json"


class Snapshot(NamedTuple):
    """A picture of a collection: the place of its class among the names, and its file."""

    label: int
    file: Path


@dataclass(frozen=True)
class Collection:
    """The pictures of one browser."""

    folder: Path

    def class_names(self) -> list[str]:
        """In the order in which they were first used."""
        try:
            names: list[str] = json.loads((self.folder / _CLASSES).read_bytes())
        except FileNotFoundError:
            return []
        return names

    def pictures(self) -> list[Snapshot]:
        """All, the oldest first."""
        found = [
            Snapshot(label, file)
            for label in range(len(self.class_names()))
            for file in (self.folder / str(label)).glob("*.jpg")
        ]
        return sorted(found, key=lambda snapshot: snapshot.file.name)

    def counts(self) -> dict[str, int]:
        """Pictures by class; classes without any are left out."""
        labels = [snapshot.label for snapshot in self.pictures()]
        counts = {name: labels.count(i) for i, name in enumerate(self.class_names())}
        return {name: count for name, count in counts.items() if count}

    def add(self, class_name: str, picture: bytes) -> None:
        """Keep a picture of a class, which is new or has some already.

        Raises:
            DatasetError: if the class has no usable name or there are too many pictures.
            ImageError: if it is no picture.
        """
        name = " ".join(class_name.split())
        if not 1 <= len(name) <= MAX_NAME:
            raise DatasetError(
                N_("The name of a class has 1 to {most} characters; received: {n}."),
                most=MAX_NAME,
                n=len(name),
            )
        if len(picture) > MAX_BYTES or len(self.pictures()) >= MAX_PICTURES:
            raise DatasetError(
                N_("A collection has at most {most} pictures, none larger than {megabytes} MB."),
                most=MAX_PICTURES,
                megabytes=MAX_BYTES // 1_000_000,
            )
        image = decode_image(picture, PLAIN).image
        limits.check_disk(_nearest(self.folder), MAX_BYTES)
        with self._alone():
            folder = self.folder / str(self._label_of(name))
            folder.mkdir(exist_ok=True)
            partial = folder / ".new"
            image.save(partial, "JPEG", quality=92)
            # By time, so that the names of all classes together tell which is the last.
            partial.replace(folder / f"{time.time_ns():020d}.jpg")

    def remove(self, file: str) -> None:
        """Delete the picture of this file name, if it is (still) there."""
        for snapshot in self.pictures():
            if snapshot.file.name == file:
                snapshot.file.unlink(missing_ok=True)

    def undo(self) -> None:
        """Delete the last picture, if there is one."""
        if pictures := self.pictures():
            self.remove(pictures[-1].file.name)

    def clear(self) -> None:
        """Delete everything."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _label_of(self, name: str) -> int:
        names = self.class_names()
        if name not in names:
            names.append(name)
            write_atomic(self.folder / _CLASSES, json.dumps(names, ensure_ascii=False))
        return names.index(name)

    def _alone(self) -> FileLock:
        self.folder.mkdir(parents=True, exist_ok=True)
        return FileLock(self.folder / ".lock")


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest one above that exists."""
    return next(each for each in (folder, *folder.parents) if each.exists())


def collection(paths: Paths, collection_id: str) -> Collection:
    """The collection of this id, there or not; NotFoundError if it cannot be an id."""
    if not _ID.fullmatch(collection_id):
        raise NotFoundError(N_("There is no collection of pictures “{id}”."), id=collection_id)
    return Collection(paths.collected / collection_id)


def sweep_collections(paths: Paths, now: float | None = None) -> None:
    """Delete the collections to which nothing has been added for a day."""
    if not paths.collected.is_dir():
        return
    before = (time.time() if now is None else now) - KEPT_SECONDS
    for folder in paths.collected.iterdir():
        changed = [f.stat().st_mtime for f in (folder, *folder.iterdir()) if f.exists()]
        if max(changed, default=0) < before:
            shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class CollectedSource:
    """The pictures of a collection; they stay where they are."""

    collection: Collection
    origin: str = "webcam"

    def find(self, reading: Reading) -> Found:
        """DatasetError if there are too few classes or pictures."""
        names = check_enough(self.collection)
        snapshots = self.collection.pictures()
        numbers = {
            i: names.index(n) for i, n in enumerate(self.collection.class_names()) if n in names
        }
        labels = np.array([numbers[snapshot.label] for snapshot in snapshots], np.int32)
        entries = [
            Entry(
                f"{names[label]}/{snapshot.file.name}",
                (names[label],),
                f"{snapshot.label}/{snapshot.file.name}",
                order,
            )
            for order, (label, snapshot) in enumerate(zip(labels, snapshots, strict=True))
        ]
        return Found(
            entries=entries,
            class_names=names,
            labels=labels,
            given=np.full(len(labels), NOT_TOLD, np.int8),
            reader=functools.partial(FolderReader, self.collection.folder),
        )


def check_enough(collected: Collection) -> list[str]:
    """The names of its classes; DatasetError, saying what is missing, if there are too few."""
    counts = collected.counts()
    few = [name for name, count in counts.items() if count < MIN_EACH]
    if len(counts) < MIN_CLASSES or few:
        raise DatasetError(
            N_(
                "At least {classes} classes with {each} pictures each are needed; "
                "there are so far: {counts}."
            ),
            classes=MIN_CLASSES,
            each=MIN_EACH,
            counts=", ".join(f"{name} ({count})" for name, count in counts.items()) or "–",
        )
    return list(counts)
