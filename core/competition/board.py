"""The ranking, as everybody may see it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from core.competition.entries import Entry, read_entries
from core.competition.handing_in import MOST_CHOSEN
from core.competition.scoring import Score
from core.competition.settings import Competition, name_key
from core.datasets.report import spreadsheet_cell
from core.errors import Text
from core.paths import Paths


class Row(NamedTuple):
    """A line of the ranking; a baseline has a ``label`` and no ranks.

    ``best`` is on the public images, ``final`` on all others: None until the final ranking is
    shown. ``moved`` counts the places won (lost, if below 0) from the public ranking to it.
    """

    rank: int | None
    nickname: str
    label: Text | None
    best: Score
    submissions: int
    at: datetime
    final: Score | None = None
    public_rank: int | None = None

    @property
    def moved(self) -> int | None:
        if self.final is None or self.rank is None or self.public_rank is None:
            return None
        return self.public_rank - self.rank

    def is_of(self, nickname: str) -> bool:
        return self.label is None and name_key(self.nickname) == name_key(nickname)


def ranking(paths: Paths, competition: Competition) -> list[Row]:
    """Best first; equal scores share a rank and stand by their time, behind a baseline that they
    have not beaten."""
    entries = [e for e in read_entries(paths.competition(competition.id)) if not e.removed]
    people: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.kind != "baseline":
            people.setdefault(name_key(entry.nickname), []).append(entry)
    rows = [_person(competition, mine) for mine in people.values()]
    rows = _ranked(competition, rows, lambda row: row.best)
    if competition.revealed:
        rows = [row._replace(public_rank=row.rank) for row in rows]
        rows = _ranked(competition, rows, lambda row: row.final or row.best)
    rows += [_baseline(competition, e) for e in entries if e.kind == "baseline"]
    return sorted(rows, key=lambda row: (_key(competition, row), row.label is None, row.at))


def _key(competition: Competition, row: Row) -> float:
    return _worth(competition, row.final or row.best)


def _worth(competition: Competition, score: Score) -> float:
    """Less is better."""
    return -score.value if competition.measure.higher else score.value


def _person(competition: Competition, mine: Sequence[Entry]) -> Row:
    """The earliest of the best."""
    best = min(mine, key=lambda e: (_worth(competition, e.public), e.at))
    final = None
    if competition.revealed:
        chosen = [e for e in mine if e.chosen][:MOST_CHOSEN] or [best]
        final = min((e.private for e in chosen), key=lambda s: _worth(competition, s))
    return Row(None, best.nickname, None, best.public, len(mine), best.at, final)


def _ranked(
    competition: Competition, rows: Iterable[Row], score: Callable[[Row], Score]
) -> list[Row]:
    rows = list(rows)
    worths = [_worth(competition, score(row)) for row in rows]
    places = {worth: place for place, worth in reversed(list(enumerate(sorted(worths), 1)))}
    return [row._replace(rank=places[worth]) for row, worth in zip(rows, worths, strict=True)]


def _baseline(competition: Competition, entry: Entry) -> Row:
    final = entry.private if competition.revealed else None
    return Row(None, "", entry.label, entry.public, 0, entry.at, final)


COLUMNS = ("rank", "nickname", "score", "low", "high", "submissions", "at")
FINAL = ("final_score", "public_rank", "moved")


def ranking_csv(competition: Competition, rows: Sequence[Row]) -> str:
    """The ranking as a table for a spreadsheet; final columns only once they are shown."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*COLUMNS, *(FINAL if competition.revealed else ())])
    for row in rows:
        cells: list[object] = [
            row.rank,
            spreadsheet_cell(str(row.label) if row.label else row.nickname),
        ]
        cells += [row.best.value, row.best.low, row.best.high, row.submissions]
        cells += [row.at.isoformat(timespec="seconds")]
        if row.final is not None:
            cells += [row.final.value, row.public_rank, row.moved]
        writer.writerow(["" if cell is None else cell for cell in cells])
    return out.getvalue()
