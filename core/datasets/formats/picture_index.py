"""Finding the picture that a row of a table means."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Sequence

from core.datasets.containers.entries import Entry
from core.datasets.formats.tables import is_picture_name

Parts = tuple[str, ...]


class PictureIndex:
    """Pictures by the end of their path: tables give whole paths, paths from some other folder,
    bare names, names without extension, or numbers that lost their zeros in a spreadsheet."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = entries
        self._paths = [_parts(entry.name) for entry in entries]
        self._by_name: defaultdict[str, list[int]] = defaultdict(list)
        self._by_stem: defaultdict[str, list[int]] = defaultdict(list)
        self._by_number: defaultdict[int, list[int]] = defaultdict(list)
        for number, parts in enumerate(self._paths):
            stem = parts[-1].rpartition(".")[0]
            self._by_name[parts[-1]].append(number)
            self._by_stem[stem].append(number)
            if stem.isdecimal():
                self._by_number[int(stem)].append(number)

    def find(self, said: str, folders: Parts = ()) -> list[int]:
        """The pictures meant by ``said``: none, one, or several between which it does not tell.

        Of pictures of the same name those near the table in ``folders`` are meant.
        """
        parts = _parts(said)
        found = self._named(parts[-1]) if parts else []
        if len(found) > 1:
            found = self._nearest(found, (*_parts("/".join(folders)), *parts))
        if len(found) > 1:  # names that differ in capitals only
            found = [i for i in found if self._entries[i].name.endswith(said)] or found
        return found

    def _named(self, name: str) -> list[int]:
        if found := self._by_name.get(name):
            return found
        stem = name.rpartition(".")[0] if is_picture_name(name) else name
        if found := self._by_stem.get(stem):
            return found
        return self._by_number.get(int(stem), []) if stem.isdecimal() else []

    def _nearest(self, found: list[int], parts: Parts) -> list[int]:
        """Those that share the most folders with the row, from the file upwards."""
        shared = [_common_end(self._paths[i][:-1], parts[:-1]) for i in found]
        most = max(shared)
        return [i for i, n in zip(found, shared, strict=True) if n == most]


def _common_end(one: Parts, other: Parts) -> int:
    count = 0
    for a, b in zip(reversed(one), reversed(other), strict=False):
        if a != b:
            break
        count += 1
    return count


def _parts(name: str) -> Parts:
    plain = unicodedata.normalize("NFC", name.replace("\\", "/")).casefold()
    return tuple(part for part in plain.split("/") if part not in ("", "."))
