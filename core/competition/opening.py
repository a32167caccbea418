"""Competitions on the disk: opened, listed, changed, ended and deleted. For the teacher."""

from __future__ import annotations

import hashlib
import io
import re
import secrets
import shutil
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from core import tasks
from core.competition.entries import Entry, locked, rewrite
from core.competition.forms import form_of
from core.competition.hiding import check_hideable, hide_test
from core.competition.scoring import Answers, Score, Scores, Solution, judge, split_public
from core.competition.settings import (
    Competition,
    Settings,
    Stage,
    check_settings,
    check_to_beat,
)
from core.competition.tables import read_labels
from core.datasets.dataset import Dataset
from core.datasets.options import ImportProgress
from core.datasets.registry import open_dataset, validate_name
from core.datasets.ticking import WorkCancelledError
from core.errors import N_, CompetitionError, NotFoundError, StoreError, Text, text
from core.evaluation.predictions import UNREADABLE
from core.paths import CompetitionPaths, Paths, write_atomic
from core.records import now
from core.tasks import OnProgress, ShouldStop, TaskProgress, TaskState

_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}")
MAJORITY = N_("Always the commonest class")
FREQUENCIES = N_("The classes' frequencies")
TO_BEAT = N_("To beat")


class Request(BaseModel, frozen=True):
    """``request.json``: a competition whose dataset is still being made."""

    id: str
    settings: Settings
    source: str
    copy_name: str
    to_beat: float | None = None
    created: datetime


class Listed(NamedTuple):
    """What there is, newest first: competitions, those that are being prepared, and folders that
    cannot be used, with the reason."""

    competitions: Sequence[Competition]
    preparing: Sequence[Request]
    problems: Sequence[tuple[str, Text]]


def open_with_labels(
    paths: Paths, dataset: Dataset, labels: bytes, settings: Settings, to_beat: float | None = None
) -> Competition:
    """Open a competition about a dataset's images without a label; ``labels`` is a CSV file.

    Raises:
        CompetitionError: if the settings or the file are wrong, saying how; then nothing is kept.
        DatasetError: if the dataset has no such images.
    """
    settings = check_settings(settings)
    check_to_beat(settings.metric, to_beat)
    form = form_of(dataset)
    y_true = read_labels(labels, form, dataset.info.class_names)
    solution = _solution(form.asked, y_true, settings)
    record = _record(_new_id(), dataset, settings, solution)
    try:
        return _publish(paths, record, solution, to_beat)
    except BaseException:
        shutil.rmtree(paths.competition(record.id).folder, ignore_errors=True)
        raise


def begin_hidden(
    paths: Paths, source: str, copy_name: str, settings: Settings, to_beat: float | None = None
) -> str:
    """Note that a competition shall be opened about a copy of ``source`` which hides its test
    labels; :func:`prepare` does it. Returns its id.

    Raises:
        CompetitionError: if the settings are wrong, or there are no test labels.
        DatasetError: if the name of the copy is taken or impossible.
    """
    settings = check_settings(settings)
    check_to_beat(settings.metric, to_beat)
    dataset = open_dataset(paths, source)
    check_hideable(dataset.info)
    split_public(dataset.split("test").labels, settings.public_share, 0)
    request = Request(
        id=_new_id(),
        settings=settings,
        source=dataset.info.name,
        copy_name=validate_name(paths, copy_name.strip()),
        to_beat=to_beat,
        created=now(),
    )
    files = _folder(paths, request.id)
    write_atomic(files.request, request.model_dump_json(indent=1))
    return request.id


def launch_hidden(paths: Paths, competition_id: str) -> None:
    """Have a process do :func:`prepare`, unless it does already."""
    files = paths.competition(_checked(competition_id))

    def begin() -> None:
        arguments = ["core.competition.job", str(paths.root.resolve()), "hide", competition_id]
        tasks.launch(files, "solution", arguments)

    tasks.start(files, "solution", begin, lock=paths.inspection_lock("start"))


def read_preparing(paths: Paths, competition_id: str) -> TaskState:
    """How far it is."""
    return tasks.read_state(paths.competition(_checked(competition_id)), "solution")


def cancel_preparing(paths: Paths, competition_id: str) -> None:
    tasks.cancel(paths.competition(_checked(competition_id)), "solution")


def prepare(
    paths: Paths,
    competition_id: str,
    on_progress: OnProgress = tasks.unheard,
    should_stop: ShouldStop = tasks.never,
) -> Competition:
    """Make the copy that was asked for, and open the competition about it.

    Raises:
        CompetitionError, DatasetError: see :func:`core.competition.hiding.hide_test`.
        WorkCancelledError: soon after ``should_stop`` says so.
    """
    files = paths.competition(_checked(competition_id))
    request = _read_request(files)

    def tell(progress: ImportProgress) -> None:
        share = progress.done / progress.total if progress.total else 0.0
        on_progress(TaskProgress(phase="copying", share=share, started=progress.started or 0.0))

    source = open_dataset(paths, request.source)
    hidden = hide_test(paths, source, request.copy_name, tell, should_stop)
    if not files.request.is_file():  # deleted meanwhile, and it must not come back
        raise WorkCancelledError
    rows = np.arange(len(hidden.y_true))
    solution = _solution(rows, hidden.y_true, request.settings)
    copy = open_dataset(paths, hidden.info.name)
    record = _record(request.id, copy, request.settings, solution)
    origin = {"copied_from": request.source, "copied_fingerprint": source.info.fingerprint}
    record = record.model_copy(update=origin)
    competition = _publish(paths, record, solution, request.to_beat)
    files.request.unlink(missing_ok=True)
    return competition


def _new_id() -> str:
    return f"{now():%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"


def _checked(competition_id: str) -> str:
    """It may come from an address bar: nothing but a real id may become a path."""
    if not _ID.fullmatch(competition_id):
        raise _unknown(competition_id)
    return competition_id


def _unknown(competition_id: str) -> NotFoundError:
    return NotFoundError(N_("There is no competition {received}."), received=competition_id[:80])


def _folder(paths: Paths, competition_id: str) -> CompetitionPaths:
    files = paths.competition(competition_id)
    paths.competitions.mkdir(mode=0o700, exist_ok=True)
    files.folder.mkdir(mode=0o700, exist_ok=True)
    return files


def _solution(rows: NDArray[np.int64], y_true: NDArray[np.int32], settings: Settings) -> Solution:
    """Drawn by the labels, which nobody knows: a second competition about the same images, or one
    that was deleted and opened again, makes no image public that was private."""
    seed = hashlib.blake2b(y_true.astype("<i4").tobytes(), digest_size=4, person=b"public").digest()
    public = split_public(y_true, settings.public_share, int.from_bytes(seed))
    return Solution(rows, y_true, public)


def _record(
    competition_id: str, dataset: Dataset, settings: Settings, solution: Solution
) -> Competition:
    info = dataset.info
    return Competition(
        id=competition_id,
        settings=settings,
        dataset=info.name,
        fingerprint=info.fingerprint,
        class_names=info.class_names,
        vocabulary=info.vocabulary,
        images=len(solution.rows),
        public_images=int(solution.public.sum()),
        created=now(),
    )


def _publish(
    paths: Paths, record: Competition, solution: Solution, to_beat: float | None
) -> Competition:
    """The solution last: with it the competition is there."""
    files = _folder(paths, record.id)
    training = open_dataset(paths, record.dataset).split("train").labels
    rewrite(files, _baselines(record, solution, training, to_beat))
    write_atomic(files.record, record.model_dump_json(indent=1))
    out = io.BytesIO()
    np.savez(out, allow_pickle=False, **solution._asdict())
    write_atomic(files.solution, out.getvalue())
    return record


def _baselines(
    record: Competition, solution: Solution, training: NDArray[np.int32], to_beat: float | None
) -> list[Entry]:
    """What needs no network, by the training images; and the number that the teacher gave."""
    classes = len(record.class_names)
    shares = np.bincount(training, minlength=classes) / len(training)
    if record.measure.needs_proba:
        label, row = FREQUENCIES, shares
    else:
        label, row = MAJORITY, np.eye(classes)[shares.argmax()]
    proba = np.tile(row.astype(np.float32), (len(solution.rows), 1))
    found = [baseline(text(label), judge(record.settings.metric, solution, Answers(proba)))]
    if to_beat is not None:
        score = Score(value=to_beat)
        found.append(baseline(text(TO_BEAT), Scores(score, score)))
    return found


def baseline(label: Text, scores: Scores, what: str = "") -> Entry:
    return Entry(
        id=secrets.token_hex(6),
        kind="baseline",
        label=label,
        what=what,
        at=now(),
        public=scores.public,
        private=scores.private,
    )


def read_competition(paths: Paths, competition_id: str) -> Competition:
    """What everybody may know of it.

    Raises:
        NotFoundError: if there is none of that id.
        StoreError: if it is damaged.
    """
    files = paths.competition(_checked(competition_id))
    if not files.record.is_file() or not files.solution.is_file():
        raise _unknown(competition_id)
    return _read(files.record)


def _read(file: Path) -> Competition:
    try:
        return Competition.model_validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        raise StoreError(
            N_("The competition in {file} is damaged or of another version."), file=str(file)
        ) from error


def _read_request(files: CompetitionPaths) -> Request:
    try:
        return Request.model_validate_json(files.request.read_bytes())
    except FileNotFoundError as error:
        raise _unknown(files.folder.name) from error
    except (OSError, ValidationError) as error:
        raise StoreError(
            N_("The competition in {file} is damaged or of another version."),
            file=str(files.request),
        ) from error


def list_competitions(paths: Paths) -> Listed:
    """All of them."""
    found, preparing, problems = [], [], []
    for folder in sorted(paths.competitions.glob("*"), reverse=True):
        files = CompetitionPaths(folder)
        if not _ID.fullmatch(folder.name):
            continue
        try:
            if files.solution.is_file():
                found.append(_read(files.record))
            elif files.request.is_file():
                preparing.append(_read_request(files))
        except NotFoundError:
            continue  # deleted in this moment
        except StoreError as error:
            problems.append((folder.name, error.text))
    return Listed(found, preparing, problems)


def load_solution(paths: Paths, competition_id: str) -> Solution:
    """The labels. Nothing of it may leave this package. StoreError if they are damaged."""
    file = paths.competition(_checked(competition_id)).solution
    try:
        with np.load(file, allow_pickle=False) as archive:
            return Solution(*(archive[name] for name in Solution._fields))
    except UNREADABLE as error:
        raise StoreError(
            N_("The labels of the competition in {file} are damaged."), file=str(file)
        ) from error


def needing(paths: Paths, fingerprint: str) -> list[Competition]:
    """Those that are not over and ask about the images of this dataset."""
    found = list_competitions(paths).competitions
    return [c for c in found if c.fingerprint == fingerprint and not c.revealed]


def extend(paths: Paths, competition_id: str, closes: datetime | None) -> Competition:
    """Let it end at another time (None: when somebody closes it); one that had closed is open
    again."""
    return _change(paths, competition_id, closes=closes)


def open_now(paths: Paths, competition_id: str) -> Competition:
    """Do not wait for its beginning."""
    return _change(paths, competition_id, opens=now())


def close(paths: Paths, competition_id: str) -> Competition:
    """End it now."""
    return _change(paths, competition_id, closes=now())


def allow(paths: Paths, competition_id: str, per_day: int) -> Competition:
    """Change how many submissions a nickname has per day."""
    return _change(paths, competition_id, per_day=per_day)


def _change(paths: Paths, competition_id: str, **settings: object) -> Competition:
    with locked(paths.competition(_checked(competition_id))):
        competition = read_competition(paths, competition_id)
        if competition.revealed:
            raise CompetitionError(
                N_("The final ranking was shown: nothing can be changed any more.")
            )
        changed = competition.changed(**settings)
        check_settings(changed.settings)
        return _save(paths, changed)


def reveal(paths: Paths, competition_id: str) -> Competition:
    """Show the private scores to everybody; it cannot be taken back.

    Raises:
        CompetitionError: if it is not closed yet.
    """
    with locked(paths.competition(_checked(competition_id))):
        competition = read_competition(paths, competition_id)
        if competition.stage(now()) not in (Stage.CLOSED, Stage.REVEALED):
            raise CompetitionError(
                N_("“{title}” is still open: close it before the final ranking is shown."),
                title=competition.settings.title,
            )
        when = competition.revealed or now()
        return _save(paths, competition.model_copy(update={"revealed": when}))


def _save(paths: Paths, competition: Competition) -> Competition:
    write_atomic(paths.competition(competition.id).record, competition.model_dump_json(indent=1))
    return competition


def delete(paths: Paths, competition_id: str) -> None:
    """Remove it with its labels and all submissions, also one that is being prepared; its dataset
    stays. NotFoundError if there is none."""
    folder = paths.competition(_checked(competition_id)).folder
    if not folder.is_dir():
        raise _unknown(competition_id)
    cancel_preparing(paths, competition_id)
    doomed = folder.with_name(f".deleted-{competition_id}")
    folder.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)
