"""Studies: make one, look at it, stop it, go on with it, delete it."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterator
from math import inf
from typing import Literal

import sqlalchemy as sa
from filelock import FileLock, Timeout

from core.caps import check_caps
from core.config import RunConfig
from core.database import database_url
from core.datasets.joining import learned_info
from core.datasets.registry import open_dataset
from core.errors import N_, ConfigError, LabError, RunError, text
from core.paths import Paths, StudyPaths
from core.records import RunStatus, is_run_id, new_run_id, now
from core.search.backing import forget_trials
from core.search.methods import get_pruner, get_sampler
from core.search.space import check_space
from core.search.spec import (
    Study,
    StudySpec,
    StudyState,
    StudyStatus,
    Wanted,
    changing,
    read_spec,
    read_state,
    study_paths,
    write_spec,
    write_state,
)
from core.store import Store

Owner = Literal["server", "cli"]


def check_wanted(paths: Paths, wanted: Wanted) -> None:
    """Refuse a search that cannot work.

    Raises:
        ConfigError: naming the setting, what was expected and what was received.
        NotFoundError: if there is no such dataset.
    """
    check_space(wanted.space, wanted.config)
    unfit = get_sampler(wanted.sampler).fits(wanted.space, wanted.config)
    if unfit is not None:
        raise ConfigError(unfit.msgid, remedy=None, **unfit.params)
    get_pruner(wanted.pruner)
    if wanted.trials is None and wanted.minutes is None and wanted.sampler != "grid":
        raise ConfigError(N_("A search needs an end: give it a number of trials, or of minutes."))
    _check_judged(paths, wanted.config)
    if "train.epochs" not in wanted.space.fields:
        check_caps(wanted.config)


def _check_judged(paths: Paths, config: RunConfig) -> None:
    """Without validation images a search would have nothing to go by but the test; a config that
    no training could begin with is refused before the first trial, too."""
    info = open_dataset(paths, config.data.dataset).info
    if config.data.with_validation or not info.splits.get("val"):
        raise ConfigError(
            N_(
                "A search judges its trials by validation images that they have not learned from, "
                "and here “{name}” has none."
            ),
            name=info.name,
        )
    learned_info(info, config.data)


def create_study(store: Store, wanted: Wanted, *, owner: Owner = "server") -> str:
    """A new study, which whoever owns it begins to conduct at once; returns its id.

    Raises:
        ConfigError, NotFoundError: as :func:`check_wanted`.
    """
    check_wanted(store.paths, wanted)
    info = open_dataset(store.paths, wanted.config.data.dataset).info
    study_id = new_run_id()
    files = store.paths.study(study_id)
    files.folder.mkdir(parents=True)
    own = {"id": study_id, "created": now(), "owner": owner}
    images = {"dataset_fingerprint": info.fingerprint}
    spec = StudySpec.model_validate({**dict(wanted), **own, **images})
    write_state(files, StudyState())
    write_spec(store.paths, spec)  # from here on it is there
    return study_id


def study_ids(paths: Paths) -> list[str]:
    """Newest first."""
    try:
        names = [folder.name for folder in paths.studies.iterdir()]
    except FileNotFoundError:
        return []
    return sorted(filter(is_run_id, names), reverse=True)


def read_study(paths: Paths, study_id: str) -> Study:
    """A study as it is now.

    Raises:
        NotFoundError: if there is none of that id.
        StoreError: if a file of it is damaged.
    """
    spec, files = read_spec(paths, study_id), study_paths(paths, study_id)
    state = read_state(files)
    if spec.owner == "cli" and state.status is StudyStatus.RUNNING and not is_conducted(files):
        why = text(N_("The command line that conducted it has ended; it can go on."))
        state = state.model_copy(update={"status": StudyStatus.STOPPED, "why": why})
    return Study(spec, state)


def list_studies(paths: Paths) -> list[Study]:
    """All that can be read, newest first."""
    return list(_readable(paths))


def _readable(paths: Paths) -> Iterator[Study]:
    for study_id in study_ids(paths):
        try:
            yield read_study(paths, study_id)
        except LabError:
            continue  # whoever opens it is told; one damaged file hides no other study


def is_conducted(files: StudyPaths) -> bool:
    """Whether a process conducts the study at this moment."""
    try:
        with FileLock(files.conducting, timeout=0):
            return False
    except Timeout:
        return True


def end_study(paths: Paths, study_id: str, state: StudyState) -> None:
    """Write the end of a study that is running; whoever was quicker has had the last word."""
    files = study_paths(paths, study_id)
    with changing(files):
        if read_state(files).status is StudyStatus.RUNNING:
            write_state(files, state)


def stop_study(paths: Paths, study_id: str) -> None:
    """No further trials; those at work are ended with what they have shown. It can go on later.

    Raises:
        NotFoundError: if there is no such study.
        RunError: if it is not running.
    """
    study = read_study(paths, study_id)
    if study.state.status is not StudyStatus.RUNNING:
        raise RunError(
            N_("Study {study} is {status}: there is nothing to stop."),
            study=study_id,
            status=study.state.status.text,
        )
    stopped = {"status": StudyStatus.STOPPED, "seconds": study.state.seconds_used()}
    end_study(paths, study_id, study.state.model_copy(update=stopped))


def continue_study(
    paths: Paths,
    study_id: str,
    *,
    more_trials: int = 0,
    more_minutes: float = 0,
    owner: Owner = "server",
) -> None:
    """Go on with a study, or give one that is running more trials or time.

    Raises:
        NotFoundError: if there is no such study.
        ConfigError: if less is asked for instead of more, or more of what has no limit.
        RunError: if another process conducts it, or nothing is left to do.
    """
    before = read_study(paths, study_id)
    files = study_paths(paths, study_id)
    if before.spec.owner != owner and is_conducted(files):
        raise RunError(N_("Study {study} is conducted by another process."), study=study_id)
    with changing(files):
        spec, state = read_spec(paths, study_id), read_state(files)
        longer = _with_more(spec, more_trials, more_minutes).model_copy(update={"owner": owner})
        _check_left(longer, state, more=bool(more_trials or more_minutes))
        write_spec(paths, longer)
        running = {"status": StudyStatus.RUNNING, "why": None, "told": None, "settled": False}
        write_state(files, state.model_copy(update=running))


def _with_more(spec: StudySpec, trials: int, minutes: float) -> StudySpec:
    """Raises ConfigError."""
    for name, more in (("trials", trials), ("minutes", minutes)):
        if not 0 <= more < inf:
            raise ConfigError(
                N_("{field}: expected a number of at least 0 to add, received {received}."),
                field=name,
                received=more,
            )
        if more and getattr(spec, name) is None:
            raise ConfigError(
                N_("This search has no limit of {field}: there is nothing to add to."), field=name
            )
    added = {
        "trials": None if spec.trials is None else spec.trials + trials,
        "minutes": None if spec.minutes is None else spec.minutes + minutes,
    }
    return spec.model_copy(update=added)


def _check_left(spec: StudySpec, state: StudyState, *, more: bool) -> None:
    """It would end again at once, or go on without an end that was asked for; RunError."""
    if spec.minutes is not None and state.seconds >= 60 * spec.minutes:
        raise RunError(N_("The minutes of this search are used up: give it more of them."))
    if state.status is StudyStatus.FINISHED and not more:
        raise RunError(
            N_("This search has done all that was asked for: give it more trials or minutes.")
        )


def delete_study(store: Store, study_id: str, *, with_runs: bool = False) -> None:
    """Remove a study that is not running; its runs stay, unless they are to go, too.

    Raises:
        NotFoundError: if there is no such study.
        RunError: if it is running, or its last trials are still ending.
    """
    files = study_paths(store.paths, study_id)
    # Vanishes as a whole; a kill leaves a folder that is no study's.
    doomed = files.folder.with_name(f".deleted-{study_id}")
    with changing(files):  # nobody goes on with it between the look and the end
        status = read_study(store.paths, study_id).state.status
        open_runs = store.runs(RunStatus.QUEUED, RunStatus.RUNNING, part_of=study_id)
        if status is StudyStatus.RUNNING or is_conducted(files) or open_runs:
            raise RunError(N_("Study {study} is at work: stop it first."), study=study_id)
        files.folder.rename(doomed)
    forget_trials(store.paths, study_id)
    shutil.rmtree(doomed, ignore_errors=True)
    if with_runs:
        for record in store.runs(part_of=study_id):
            store.delete(record.id)


def dashboard_command(paths: Paths) -> str:
    """What to type, where ``optuna-dashboard`` is installed, to see all studies there."""
    url = sa.make_url(database_url(paths)).render_as_string(hide_password=True)
    return f"optuna-dashboard {shlex.quote(url)}"
