"""``search …``: hyper-parameter searches, conducted in the foreground; and all that there are."""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Callable
from typing import get_args

import sqlalchemy.exc

from core.commands.context import Answer, Context, chatter_to, interruptible, say
from core.commands.formats import duration
from core.commands.parser import Command, Group
from core.commands.search_show import SHOW, add_study_id, shown, written
from core.commands.search_space import FORMS, typed_space
from core.commands.train import assignment, requested_config, settings_help, training_arguments
from core.config import RunConfig
from core.datasets.dataset import DIGITS
from core.errors import LabError
from core.records import RunStatus, now
from core.search.foreground import Waiting, conduct_here
from core.search.methods import PRUNERS, SAMPLERS
from core.search.results import final_runs
from core.search.spec import Objective, StudyStatus, Wanted, read_spec
from core.search.study import continue_study, create_study, read_study, stop_study
from core.search.suggesting import guided
from core.signals import StopSignal


def run(context: Context) -> Answer:
    """Everything that can be wrong in what was asked for is found before Keras is loaded."""
    config = requested_config(context)
    return _conduct(context, create_study(context.store, _wanted(context, config), owner="cli"))


def _wanted(context: Context, config: RunConfig) -> Wanted:
    options = context.options
    told = {"trials": options.trials, "minutes": options.minutes}
    told |= {"sampler": options.sampler, "pruner": options.pruner}
    if options.space:
        found: dict[str, object] = {"space": typed_space(options.space, config)}
    else:
        found = guided(config.model.architecture, config)._asdict()
    return Wanted.parse(
        {
            **found,
            **{name: value for name, value in told.items() if value is not None},
            "config": config,
            "title": options.title,
            "objective": options.objective,
            "seed": options.seed,
            "tags": tuple(options.tag),
        }
    )


def go_on(context: Context) -> Answer:
    options = context.options
    if read_spec(context.paths, options.study_id).config.data.dataset == DIGITS:
        context.dataset(DIGITS)
    continue_study(
        context.paths,
        options.study_id,
        more_trials=options.more_trials,
        more_minutes=options.more_minutes,
        owner="cli",
    )
    return _conduct(context, options.study_id)


def _conduct(context: Context, study_id: str) -> Answer:
    say(f"Study {study_id} in {context.paths.study(study_id).folder}")
    trainings = _Trainings(context, study_id)
    notice = "Stopping after this batch… (Ctrl-C again aborts at once)"
    try:
        with interruptible(trainings.stop, notice):
            conduct_here(context.store, study_id, trainings.train)
    except KeyboardInterrupt:
        trainings.bury()
        say(f"Aborted. To go on: python -m core search continue {study_id}")
        raise
    state = read_study(context.paths, study_id).state
    return shown(context, study_id)._replace(ok=state.status is not StudyStatus.FAILED)


class _Trainings:
    """The trainings of a study, one after the other, in this process."""

    def __init__(self, context: Context, study_id: str) -> None:
        self._context = context
        self._study_id = study_id
        self._signal = StopSignal()
        self._run_id: str | None = None

    def train(self, run_id: str, tick: Callable[[], None]) -> None:
        """Train; what is printed meanwhile goes to the run's log, as in a worker."""
        context, self._signal, self._run_id = self._context, StopSignal(), run_id
        with (
            context.paths.run(run_id).log.open("a", encoding="utf-8") as log,
            chatter_to(log),
        ):
            from core.search.ticking import Ticking
            from core.training import run_training

            run_training(context.paths, run_id, self._signal, [Ticking(tick)])
        record = context.store.refresh(run_id)
        self._run_id = None
        summary = record.summary
        seconds = duration(summary.seconds if summary else None)
        number = record.part.number + 1 if record.part else 0
        reached = summary and summary.val_accuracy
        accuracy = "–" if reached is None else f"{reached:.1%}"
        say(f"trial {number}: {record.status.value}, val. accuracy {accuracy}, {seconds}")

    def stop(self) -> None:
        """The study is left as it is, to be continued."""
        with contextlib.suppress(LabError):  # it has come to its end in this moment
            stop_study(self._context.paths, self._study_id)
        self._signal.set("user")

    def bury(self) -> None:
        """The last word on a training that could not say it: it can go on."""
        self.stop()
        if self._run_id is None:
            return
        with contextlib.suppress(LabError, OSError, sqlalchemy.exc.SQLAlchemyError):
            record = self._context.store.read(self._run_id)
            if record.status is RunStatus.RUNNING and record.pid == os.getpid():
                ended = {"status": RunStatus.INTERRUPTED, "ended": now()}
                self._context.store.save(record.changed(**ended))


def final(context: Context) -> Answer:
    """Trained here, one after the other."""
    options = context.options
    if read_spec(context.paths, options.study_id).config.data.dataset == DIGITS:
        context.dataset(DIGITS)
    run_ids = final_runs(
        context.store,
        Waiting(context.store),
        options.study_id,
        range(options.seeds),
        with_validation=not options.without_validation,
    )
    trainings = _Trainings(context, options.study_id)
    try:
        for run_id in run_ids:
            trainings.train(run_id, lambda: None)
    except KeyboardInterrupt:
        trainings.bury()
        raise
    records = [context.store.read(run_id) for run_id in run_ids]
    documents: list[object] = [
        {
            "run_id": record.id,
            "status": record.status.value,
            "seed": record.config.train.seed,
            "epochs": record.config.train.epochs,
            "test_accuracy": record.summary and record.summary.test_accuracy,
        }
        for record in records
    ]
    ok = all(record.status is RunStatus.FINISHED for record in records)
    return Answer(documents, written(documents), ok)


def _run_arguments(parser: argparse.ArgumentParser) -> None:
    training_arguments(parser)
    parser.add_argument(
        "--space",
        action="append",
        type=assignment,
        metavar="SECTION.FIELD=RANGE",
        help=f"search a setting; may be repeated; RANGE is one of: {FORMS}. Without any --space: "
        "learning rate, batch size, dropout and L2, for a lesson",
    )
    parser.add_argument("--trials", type=int, metavar="N", help="at most so many trials")
    parser.add_argument("--minutes", type=float, metavar="M", help="at most so long")
    parser.add_argument("--sampler", choices=SAMPLERS, help="default: tpe")
    parser.add_argument("--pruner", choices=PRUNERS, help="default: median")
    parser.add_argument("--objective", choices=get_args(Objective), default="val_accuracy")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the search itself")
    parser.add_argument("--title", default="", help="what it is called")
    parser.add_argument("--tag", action="append", default=[], help="put on every run")


def _continue_arguments(parser: argparse.ArgumentParser) -> None:
    add_study_id(parser)
    parser.add_argument("--more-trials", type=int, default=0, metavar="N", help="added to its own")
    parser.add_argument("--more-minutes", type=float, default=0, metavar="M", help="likewise")


def _final_arguments(parser: argparse.ArgumentParser) -> None:
    add_study_id(parser)
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="trainings (default: 3)")
    parser.add_argument(
        "--without-validation",
        action="store_true",
        help="learn from the training images only, as the trials did",
    )


SEARCH = Group(
    "search",
    "Search for good settings, by many trials.",
    (
        Command("run", "Search, and wait for the result.", run, _run_arguments, settings_help),
        Command("continue", "Go on with a search.", go_on, _continue_arguments),
        Command(
            "final",
            "Train the best settings again, with several seeds.",
            final,
            _final_arguments,
        ),
        *SHOW,
    ),
)
