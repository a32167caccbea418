"""Where the labels that a competition hides can still be read: for the teacher."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from core.competition.settings import Competition
from core.datasets.dataset import DatasetInfo
from core.datasets.registry import list_datasets
from core.datasets.retiring import forget, is_retired
from core.paths import Paths
from core.store import Store


class Leak(NamedTuple):
    """A dataset with the labelled images. ``retired``: it was deleted, but runs still show its
    test images."""

    name: str
    fingerprint: str
    retired: bool = False


def leaks(paths: Paths, competition: Competition) -> list[Leak]:
    """The dataset that the competition's was copied from, whatever it is called by now, other
    versions of it, and what runs show of them; the original first."""
    origin = competition.copied_fingerprint
    if origin is None:
        return []
    # What comes of the copy has no labels either.
    infos = [i for i in list_datasets(paths) if competition.fingerprint not in _parents(i)]
    family = _family(origin, {i.fingerprint: _parents(i) for i in infos})
    found = [
        Leak(info.name, info.fingerprint)
        for info in infos
        if info.fingerprint in family and info.splits.get("test")
    ]
    kept = [
        Leak(competition.copied_from or "", fingerprint, True)
        for fingerprint in sorted(family)
        if is_retired(paths, fingerprint)
    ]
    return sorted(found, key=lambda leak: leak.fingerprint != origin) + kept


def stop_leak(store: Store, leak: Leak) -> None:
    """Delete it, also where runs show its images.

    Raises:
        NotFoundError, DatasetError: see :meth:`core.store.Store.delete_dataset`.
    """
    if not leak.retired:
        store.delete_dataset(leak.name, keep_images=False)
    if is_retired(store.paths, leak.fingerprint):
        forget(store.paths, leak.fingerprint)


def _parents(info: DatasetInfo) -> set[str]:
    return {one.fingerprint for one in info.derived.ancestors} if info.derived else set()


def _family(origin: str, parents: Mapping[str, set[str]]) -> set[str]:
    """Fingerprints: the origin, all that it was made of, and all that was made of these."""
    up = {origin}
    while more := set[str]().union(*(parents.get(one, ()) for one in up)) - up:
        up |= more
    while more := {child for child, of in parents.items() if of & up} - up:
        up |= more
    return up
