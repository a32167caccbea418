"""A new dataset from rows of existing ones, block by block, nothing decoded anew."""

from __future__ import annotations

import contextlib
import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.datasets import limits
from core.datasets.dataset import (
    SPLITS,
    STORED_SPLITS,
    UNLABELLED,
    Dataset,
    DatasetInfo,
    ResizeMode,
)
from core.datasets.duplicates import judge
from core.datasets.gathering import leaks
from core.datasets.options import OnProgress, ShouldStop
from core.datasets.planning import missing_in_splits
from core.datasets.recipe import Recipe, check_recipe, lineage
from core.datasets.registry import open_dataset, validate_name
from core.datasets.relabelled import list_relabelled
from core.datasets.report import ImportReport, Sizes
from core.datasets.reserving import full_disk_said, reserved
from core.datasets.resizing import fit
from core.datasets.rows import digests, row_blocks
from core.datasets.selecting import Selection, arrange, select
from core.datasets.submission import NamedSubmission
from core.datasets.ticking import Ticker
from core.datasets.writer import (
    DIGEST_BYTES,
    Finished,
    RowFile,
    SplitRows,
    publish,
    staging_folder,
)
from core.paths import DatasetPaths, Paths

Shape = tuple[int, int, int]


def derive_dataset(
    paths: Paths,
    recipe: Recipe,
    name: str,
    *,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> DatasetInfo:
    """Make the dataset ``name`` by ``recipe``; the datasets it is made of stay as they are.

    Whatever happens, there is in the end either the whole dataset or nothing.

    Raises DatasetError if the name is taken or impossible, the recipe does not fit or leaves too
    little; NotFoundError if an origin does not exist; WorkCancelledError once ``should_stop``
    says so.
    """
    name = validate_name(paths, name)
    datasets = open_origins(paths, recipe)
    ticker = Ticker(on_progress, should_stop)
    with full_disk_said(), reserved(paths, name), staging_folder(paths) as staging:
        finished = _Derivation(datasets, recipe, ticker).prepare(staging, name)
        return publish(paths, staging, finished)


def open_origins(paths: Paths, recipe: Recipe) -> list[Dataset]:
    """The datasets that ``recipe`` names; DatasetError if it does not fit them."""
    datasets = [open_dataset(paths, origin.name) for origin in recipe.origins]
    check_recipe(recipe, [dataset.info for dataset in datasets])
    return datasets


def target_shape(infos: Sequence[DatasetInfo], recipe: Recipe) -> Shape:
    """(h, w, c) of the new dataset: the first one's unless chosen, colour if any has colour."""
    height, width = recipe.size or infos[0].image_shape[:2]
    return height, width, max(info.image_shape[2] for info in infos)


def convert(
    images: NDArray[np.uint8], shape: Shape, mode: ResizeMode, background: str = ""
) -> NDArray[np.uint8]:
    """Images uint8 (n, h, w, c) as (n, *shape); grey becomes colour, never the reverse."""
    if images.shape[1:3] != shape[:2]:
        squeezed = images[..., 0] if images.shape[3] == 1 else images
        pictures = map(Image.fromarray, squeezed)
        fitted = [fit(image, shape[:2], mode, shape[2], background) for image in pictures]
        return np.stack(fitted) if fitted else np.empty((0, *shape), np.uint8)
    return images if images.shape[3] == shape[2] else np.repeat(images, shape[2], axis=3)


class _Chosen(NamedTuple):
    """Some kept rows: their places in the selection, and their images uint8 (n, h, w, c)."""

    rows: NDArray[np.int64]
    images: NDArray[np.uint8]


class _Derivation:
    """One derivation under way."""

    def __init__(self, datasets: Sequence[Dataset], recipe: Recipe, ticker: Ticker) -> None:
        self._datasets = datasets
        self._recipe = recipe
        self._ticker = ticker
        self._infos = [dataset.info for dataset in datasets]
        self._shape = target_shape(self._infos, recipe)

    def prepare(self, staging: DatasetPaths, name: str) -> Finished:
        """Everything but the last step: the images are written, the rest is returned."""
        self._ticker.begin("listing", 0)
        selection = select(self._datasets, self._recipe)
        if self._recipe.duplicates != "keep":
            self._drop_duplicates(selection)
        arrange(selection, self._recipe)
        kept = int(selection.kept.sum())
        limits.check_disk(staging.folder, kept * int(np.prod(self._shape)))
        hashes = self._copy(selection, staging)
        self._ticker.begin("writing", kept)
        names = self._names()
        splits = _describe(selection, names, hashes)
        self._list_dropped(selection, names, staging)
        list_relabelled(staging.relabelled, self._datasets, self._recipe, selection, names)
        staging.recipe.write_text(self._recipe.model_dump_json(indent=1), encoding="utf-8")
        self._ticker.advance(kept)
        resized = any(info.image_shape[:2] != self._shape[:2] for info in self._infos)
        return Finished(
            name=name,
            title="",
            class_names=selection.class_names,
            image_shape=self._shape,
            resize=self._recipe.resize if resized else self._infos[0].resize,
            background=self._infos[0].background,
            submission=self._submission(),
            splits=splits,
            report=self._report(selection, splits),
            vocabulary=_common_vocabulary(self._infos),
            groups=_groups_of(selection.class_names, self._infos),
            derived=lineage(self._recipe, self._infos),
        )

    def _submission(self) -> NamedSubmission | None:
        """Of a single dataset; the pictures of several belong to no one competition."""
        dataset = self._datasets[0]
        asked = dataset.submission() if len(self._datasets) == 1 else None
        if asked is None:
            return None
        names = dataset.split(UNLABELLED).names
        return NamedSubmission(
            asked.columns, asked.ids, [names[i] if i >= 0 else "" for i in asked.rows], asked.at
        )

    def _drop_duplicates(self, selection: Selection) -> None:
        """Compared as they will be, so that images made equal by resizing are found, too."""
        labelled = selection.kept & (selection.label >= 0)
        hashes = np.zeros(len(selection.row), f"V{DIGEST_BYTES}")
        self._ticker.begin("probing", int(labelled.sum()))
        for rows, images in self._images(selection, SPLITS):
            hashes[rows] = digests(images)
            self._ticker.advance(len(rows))
        chosen = np.flatnonzero(labelled)
        found = judge(
            hashes[chosen],
            selection.source[chosen],
            selection.label[chosen],
            keep_one=self._recipe.duplicates == "drop_but_one",
        )
        for reason, rows in found.items():
            selection.drop(reason, chosen[rows])

    def _images(self, selection: Selection, splits: Sequence[str]) -> Iterator[_Chosen]:
        """The kept rows of ``splits``, block by block, as the new dataset will hold them."""
        becomes, ground = int(np.prod(self._shape)), self._infos[0].background
        for number, dataset in enumerate(self._datasets):
            for split in splits:
                wanted = selection.members(number, split)
                rows = selection.row[wanted]
                for block in row_blocks(dataset, split, becomes) if len(wanted) else ():
                    stop = block.start + len(block.images)
                    first, last = np.searchsorted(rows, [block.start, stop])
                    images = block.images[rows[first:last] - block.start]
                    converted = convert(images, self._shape, self._recipe.resize, ground)
                    yield _Chosen(wanted[first:last], converted)

    def _copy(self, selection: Selection, staging: DatasetPaths) -> NDArray[np.void]:
        """Write the images; returns the hash of every row of ``selection`` that is kept."""
        hashes = np.zeros(len(selection.row), f"V{DIGEST_BYTES}")
        self._ticker.begin("decoding", int(selection.kept.sum()))
        with contextlib.ExitStack() as stack:
            files = {}
            for part, split in enumerate(STORED_SPLITS):
                if count := selection.rows(split):
                    files[part] = RowFile(staging.images(split), self._shape)
                    stack.callback(files[part].close)
                    files[part].resize(count)
            for rows, images in self._images(selection, STORED_SPLITS):
                hashes[rows] = digests(images)
                for row, image in zip(rows, images, strict=True):
                    place = int(selection.place[row])
                    files[int(selection.target[row])].write(place, image.tobytes())
                self._ticker.advance(len(rows))
        return hashes

    def _names(self) -> list[str]:
        """The file name of every row; of several datasets with the dataset's name before it."""
        names: list[str] = []
        several = len(self._datasets) > 1
        for dataset in self._datasets:
            before = f"{dataset.info.name}/" if several else ""
            for split in STORED_SPLITS:
                if dataset.info.splits.get(split):
                    names += [before + name for name in dataset.split(split).names[:]]
        return names

    def _list_dropped(
        self, selection: Selection, names: Sequence[str], staging: DatasetPaths
    ) -> None:
        """A line for every row that was left out."""
        with staging.dropped.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("dataset", "split", "row", "file", "class", "reason"))
            for i in np.flatnonzero(~selection.kept).tolist():
                label = selection.before[i]
                writer.writerow(
                    (
                        self._infos[selection.origin[i]].name,
                        STORED_SPLITS[selection.source[i]],
                        int(selection.row[i]),
                        names[i],
                        selection.known[label] if label >= 0 else "",
                        selection.why(i).value,
                    )
                )

    def _report(self, selection: Selection, splits: dict[str, SplitRows]) -> ImportReport:
        sizes: Counter[tuple[int, int]] = Counter()
        for number, count in enumerate(np.bincount(selection.origin[selection.kept]).tolist()):
            sizes[self._infos[number].image_shape[:2]] += count
        counts = {s: n for s, n in selection.counts().items() if s in SPLITS}
        return ImportReport(
            origin=" + ".join(info.name for info in self._infos),
            imported=int(selection.kept.sum()),
            dropped=selection.dropped(),
            warnings=[
                *selection.warnings,
                *missing_in_splits(selection.class_names, counts),
                *leaks(splits),
            ],
            sizes=Sizes.of(sizes),
        )


def _describe(
    selection: Selection, names: Sequence[str], hashes: NDArray[np.void]
) -> dict[str, SplitRows]:
    splits = {}
    for part, split in enumerate(STORED_SPLITS):
        here = np.flatnonzero(selection.kept & (selection.target == part))
        if len(here):
            here = here[np.argsort(selection.place[here])]
            splits[split] = SplitRows(
                selection.label[here], [names[i] for i in here.tolist()], hashes[here].tobytes()
            )
    return splits


def _common_vocabulary(infos: Sequence[DatasetInfo]) -> str:
    """Names of two vocabularies together are nobody's."""
    names = {info.vocabulary for info in infos}
    return names.pop() if len(names) == 1 else ""


def _groups_of(class_names: Sequence[str], infos: Sequence[DatasetInfo]) -> list[str]:
    """The superclass of every class, if each has one still."""
    known = {n: g for i in infos if i.groups for n, g in zip(i.class_names, i.groups, strict=True)}
    return [known[name] for name in class_names] if set(class_names) <= set(known) else []
