"""Handing in: whether somebody may, what it is worth, and which submission shall count."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, time, timedelta
from typing import NamedTuple

from core.competition.answers import answers_about, check_fit
from core.competition.entries import Entry, append, locked, read_entries, rewrite
from core.competition.forms import form_of
from core.competition.opening import baseline, load_solution, read_competition
from core.competition.scoring import Answers, Score, Solution, judge
from core.competition.settings import Competition, Stage, name_key, tidy_name
from core.competition.tables import read_answers
from core.datasets.dataset import Dataset
from core.datasets.retiring import open_for_run
from core.errors import N_, CompetitionError, DatasetError, text
from core.paths import Paths
from core.records import now, read_record, short_id

MOST_CHOSEN = 2
"""Submissions of one nickname of which the better one counts in the end."""
Clock = Callable[[], datetime]


class Allowance(NamedTuple):
    """Submissions that are ``left`` today, and when there are new ones."""

    left: int
    renewed: datetime


class Receipt(NamedTuple):
    """What whoever has handed in gets to know."""

    nickname: str
    score: Score
    allowance: Allowance


class Submitted(NamedTuple):
    """A submission as it may be shown; ``private`` only once the final ranking is."""

    id: str
    nickname: str
    kind: str
    what: str
    at: datetime
    public: Score
    private: Score | None
    chosen: bool


def dataset_of_competition(paths: Paths, competition: Competition) -> Dataset:
    """The dataset with the images that are asked about, whatever it is called by now.

    Raises:
        DatasetError, NotFoundError: if it is gone.
    """
    dataset = open_for_run(paths, competition.dataset, competition.fingerprint)
    if dataset.info.fingerprint != competition.fingerprint:
        raise DatasetError(
            N_("The dataset “{name}” of this competition is no longer here."),
            name=competition.dataset,
        )
    return dataset


def submit_run(
    paths: Paths, competition_id: str, nickname: str, run_id: str, clock: Clock = now
) -> Receipt:
    """Hand in what a run answers (:mod:`core.competition.answers`, computed before).

    Raises:
        CompetitionError: if it is not open, nothing is left today, the run does not fit, or it or
            the same answers were handed in by this nickname before.
        StoreError: if the images have not been predicted by the run.
    """
    competition = read_competition(paths, competition_id)
    dataset, record = dataset_of_competition(paths, competition), read_record(paths, run_id)
    check_fit(record, dataset.info)

    def answers(solution: Solution) -> Answers:
        return answers_about(paths, run_id, dataset.info, solution.rows)

    return _hand_in(paths, competition, _new(nickname, "run", run_id), answers, clock)


def submit_file(
    paths: Paths,
    competition_id: str,
    nickname: str,
    file: tuple[str, bytes],
    clock: Clock = now,
) -> Receipt:
    """Hand in a CSV file, given by name and content. A bad one costs nothing, nor does the same
    one again: a button is easily pressed twice.

    Raises:
        CompetitionError: if it is not open, nothing is left today, the same answers were handed in
            by this nickname before, or the file is wrong: where.
    """
    competition = read_competition(paths, competition_id)
    dataset = dataset_of_competition(paths, competition)
    name, data = file

    def answers(_solution: Solution) -> Answers:
        return read_answers(data, form_of(dataset), competition.class_names)

    return _hand_in(paths, competition, _new(nickname, "file", name[:100]), answers, clock)


class _New(NamedTuple):
    nickname: str
    kind: str
    what: str


def _new(nickname: str, kind: str, what: str) -> _New:
    return _New(tidy_name(nickname), kind, what)


def _hand_in(
    paths: Paths,
    competition: Competition,
    new: _New,
    answers: Callable[[Solution], Answers],
    clock: Clock,
) -> Receipt:
    files = paths.competition(competition.id)
    _admit(competition, read_entries(files), new.nickname, clock())
    solution = load_solution(paths, competition.id)
    given = answers(solution)
    scores = judge(competition.settings.metric, solution, given)
    digest = hashlib.blake2b(given.proba.tobytes(), digest_size=16).hexdigest()
    with locked(files):
        # Again, because meanwhile others may have used the name, or the teacher closed it.
        competition, moment = read_competition(paths, competition.id), clock()
        entries = read_entries(files)
        _admit(competition, entries, new.nickname, moment)
        _refuse_again(entries, new, digest)
        first = next((e for e in entries if _is_of(e, new.nickname)), None)
        entry = Entry(
            id=secrets.token_hex(6),
            kind="run" if new.kind == "run" else "file",
            # As it was written first: two ways of writing a name are one line of the ranking.
            nickname=first.nickname if first else new.nickname,
            what=new.what,
            digest=digest,
            at=moment,
            public=scores.public,
            private=scores.private,
        )
        append(files, entry)
        left = allowance_of(competition, [*entries, entry], new.nickname, moment)
    return Receipt(entry.nickname, scores.public, left)


def _admit(
    competition: Competition, entries: Sequence[Entry], nickname: str, moment: datetime
) -> None:
    if competition.stage(moment) is not Stage.OPEN:
        raise CompetitionError(
            N_("“{title}” is not open: nothing can be handed in now."),
            title=competition.settings.title,
        )
    allowance = allowance_of(competition, entries, nickname, moment)
    if allowance.left <= 0:
        raise CompetitionError(
            N_(
                "“{name}” has handed in {n} times today, which is the most. The next time is from "
                "{when} on."
            ),
            name=nickname,
            n=competition.settings.per_day,
            when=f"{allowance.renewed:%Y-%m-%d %H:%M %Z}".rstrip(),
        )


def _refuse_again(entries: Sequence[Entry], new: _New, digest: str) -> None:
    for entry in entries:
        if entry.removed or entry.kind == "baseline" or not _is_of(entry, new.nickname):
            continue
        if new.kind == entry.kind == "run" and entry.what == new.what:
            raise CompetitionError(
                N_("Run {run} was handed in under this name before: it would score the same."),
                run=new.what,
            )
        if entry.digest == digest:
            raise CompetitionError(
                N_("The same answers were handed in under this name before, as “{what}”."),
                what=entry.what,
            )


def check_open(paths: Paths, competition: Competition, nickname: str) -> None:
    """Before something takes long: raises CompetitionError if nothing could be handed in now."""
    entries = read_entries(paths.competition(competition.id))
    _admit(competition, entries, tidy_name(nickname), now())


def allowance_of(
    competition: Competition, entries: Sequence[Entry], nickname: str, moment: datetime
) -> Allowance:
    """Days are those of the server's time zone. What the teacher has removed does not count."""
    today = moment.astimezone().date()
    used = sum(
        entry.at.astimezone().date() == today
        for entry in entries
        if not entry.removed and entry.kind != "baseline" and _is_of(entry, nickname)
    )
    renewed = datetime.combine(today + timedelta(days=1), time.min).astimezone()
    return Allowance(max(0, competition.settings.per_day - used), renewed)


def _is_of(entry: Entry, nickname: str) -> bool:
    return name_key(entry.nickname) == name_key(nickname)


def read_allowance(
    paths: Paths, competition: Competition, nickname: str, moment: datetime | None = None
) -> Allowance:
    """What a nickname has left today."""
    entries = read_entries(paths.competition(competition.id))
    return allowance_of(competition, entries, nickname, moment or now())


def _by(paths: Paths, competition: Competition, nickname: str) -> list[Entry]:
    entries = read_entries(paths.competition(competition.id))
    return [e for e in entries if e.kind != "baseline" and not e.removed and _is_of(e, nickname)]


def submitted_by(paths: Paths, competition: Competition, nickname: str) -> list[Submitted]:
    """The submissions of one nickname, newest first."""
    return [_shown(competition, entry) for entry in reversed(_by(paths, competition, nickname))]


def all_submitted(paths: Paths, competition: Competition) -> list[Submitted]:
    """Everybody's, newest first: for the teacher."""
    entries = read_entries(paths.competition(competition.id))
    kept = [e for e in entries if e.kind != "baseline" and not e.removed]
    return [_shown(competition, entry) for entry in reversed(kept)]


def _shown(competition: Competition, entry: Entry) -> Submitted:
    return Submitted(
        entry.id,
        entry.nickname,
        entry.kind,
        entry.what,
        entry.at,
        entry.public,
        entry.private if competition.revealed else None,
        entry.chosen,
    )


def choose(paths: Paths, competition: Competition, nickname: str, chosen: Collection[str]) -> None:
    """Of these submissions the better one shall count in the end; of none, the best public one.

    Raises:
        CompetitionError: if they are too many, not of this name, or the ranking is final.
    """
    with locked(paths.competition(competition.id)):
        competition = read_competition(paths, competition.id)
        mine = {entry.id for entry in _by(paths, competition, nickname)}
        if len(chosen) > MOST_CHOSEN or not set(chosen) <= mine:
            raise CompetitionError(
                N_("At most {most} of one's own submissions can be chosen; received {n}."),
                most=MOST_CHOSEN,
                n=len(chosen),
            )
        if competition.revealed:
            raise CompetitionError(
                N_("The final ranking was shown: nothing can be changed any more.")
            )
        files = paths.competition(competition.id)
        rewrite(
            files,
            [
                e.model_copy(update={"chosen": e.id in chosen}) if e.id in mine else e
                for e in read_entries(files)
            ],
        )


def remove(paths: Paths, competition_id: str, entry_id: str) -> None:
    """Take a submission (or baseline) out of the ranking; it no longer counts for the limit."""
    files = paths.competition(read_competition(paths, competition_id).id)
    with locked(files):
        entries = read_entries(files)
        if entry_id not in {entry.id for entry in entries}:
            raise CompetitionError(
                N_("There is no submission {received} (any more)."), received=entry_id[:40]
            )
        rewrite(
            files,
            [e.model_copy(update={"removed": True}) if e.id == entry_id else e for e in entries],
        )


def add_baseline(paths: Paths, competition_id: str, run_id: str) -> None:
    """Let a run's score be one to beat. Raises as :func:`submit_run`, but for the limits."""
    competition = read_competition(paths, competition_id)
    dataset, record = dataset_of_competition(paths, competition), read_record(paths, run_id)
    check_fit(record, dataset.info)
    solution = load_solution(paths, competition.id)
    answers = answers_about(paths, run_id, dataset.info, solution.rows)
    scores = judge(competition.settings.metric, solution, answers)
    label = text(N_("To beat: {network} ({run})"), network=record.network, run=short_id(run_id))
    files = paths.competition(competition.id)
    with locked(files):
        append(files, baseline(label, scores, run_id))
