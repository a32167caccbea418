"""``presets``, ``train`` and ``resume``: trainings in the foreground."""

from __future__ import annotations

import argparse
import contextlib
import os

import sqlalchemy.exc
from filelock import FileLock

from core.caps import check_caps
from core.commands.context import Answer, Context, WrongUseError, chatter_to, interruptible, say
from core.commands.following import following_arguments, planned
from core.commands.formats import amount, duration, facts, number, percent, shape, table
from core.commands.parser import Command, add_run_id
from core.config import ARCHITECTURES, SECTIONS, RunConfig
from core.continuing import Next
from core.datasets.dataset import DIGITS
from core.datasets.joining import learned_info
from core.datasets.meaning import augmentation_cautions
from core.datasets.registry import ensure_digits
from core.datasets.retiring import open_for_run
from core.errors import N_, LabError, RunError
from core.failures import explain
from core.knobs import Section
from core.presets import PRESETS, check_fits, get_preset, preset_config
from core.records import (
    RunRecord,
    RunStatus,
    RunSummary,
    check_is_training,
    is_abandoned,
    now,
)
from core.signals import Reason, StopSignal

_FIGURES = (
    *("epochs", "best_epoch", "best_val_accuracy", "val_accuracy", "val_loss"),
    *("test_accuracy", "test_loss", "seconds", "images_per_second", "parameters"),
)


def presets(_context: Context) -> Answer:
    rows = [(p.name, p.label, p.dataset or "any", p.help) for p in PRESETS.values()]
    document: list[object] = [p.model_dump(mode="json") for p in PRESETS.values()]
    return Answer(document, table(("name", "label", "dataset", "what it is"), rows))


def train(context: Context) -> Answer:
    """Everything that can be wrong in what was asked for is found before Keras is loaded."""
    plan = planned(context) or Next(requested_config(context))
    check_caps(plan.config)
    info = context.dataset(plan.config.data.dataset).info
    learned_info(info, plan.config.data)
    for caution in augmentation_cautions(info, plan.config.augment):
        say(f"warning: {caution.text}")
    record = context.store.create(
        plan.config, owner="cli", preset=context.options.preset, taken=True, start=plan.start
    )
    return _result(context, in_foreground(context, record))


def resume(context: Context) -> Answer:
    record = context.store.read(context.options.run_id)
    check_is_training(record)
    name = record.config.data.dataset
    if name == DIGITS:
        ensure_digits(context.paths)
    dataset = open_for_run(context.paths, name, record.dataset_fingerprint)
    check_fits(record.config.model, dataset.info.image_shape)
    return _result(context, in_foreground(context, take(context, record.id)))


def requested_config(context: Context) -> RunConfig:
    """The preset with the settings of the command line.

    Raises:
        ConfigError: for an impossible setting, or a network that does not fit the images.
        NotFoundError: if there is no such preset or dataset.
    """
    options = context.options
    values: dict[str, object] = dict(options.set or [])
    name = _dataset_name(options.dataset, values.pop("data.dataset", None))
    if options.limit is not None:
        values["data.limit"] = options.limit
    name = name or get_preset(options.preset).dataset
    # Settings first: they are wrong on any dataset.
    preset_config(options.preset, name, None).with_values(values)
    shape = context.dataset(str(name)).info.image_shape
    config = preset_config(options.preset, name, shape).with_values(values)
    check_fits(config.model, shape)
    return config


def _dataset_name(option: str | None, setting: object) -> str | None:
    """``--set data.dataset=NAME`` is another way to say ``--dataset NAME``."""
    if option is not None and setting is not None and option != setting:
        raise WrongUseError(
            N_("Two datasets were named: {option} (--dataset) and {setting} (--set)."),
            option=option,
            setting=str(setting),
        )
    return option if setting is None else str(setting)


def take(context: Context, run_id: str) -> RunRecord:
    """Make an interrupted run this process's own; of two that try, one succeeds.

    Raises:
        RunError: if the run is not interrupted.
    """
    with FileLock(context.paths.index_lock):
        record = context.store.read(run_id)
        if not (record.status.can_resume() or is_abandoned(context.paths, record)):
            raise RunError(
                N_("Run {run} is {status}: only an interrupted run can go on."),
                run=run_id,
                status=record.status.text,
            )
        context.paths.run(run_id).stop.unlink(missing_ok=True)
        # The server would go on by itself with what it owns; now a person sees to it.
        taken = record.changed(owner="cli", resumes=record.resumes + 1).taken_by_this_process()
        context.store.save(taken)
        return taken


def in_foreground(context: Context, record: RunRecord, why: Reason = "user") -> RunRecord:
    """Train a run that this process has taken; returns how it ended. Ctrl-C ends it for the reason
    ``why``: of a user's wish it keeps what it has, of its server's ("server") it can go on."""
    signal = StopSignal()
    say(f"Run {record.id} in {context.paths.run(record.id).folder}")
    notice = "Stopping after this batch… (Ctrl-C again aborts at once)"
    try:
        with interruptible(lambda: signal.set(why), notice):
            record = _run(context, record, signal)
    except KeyboardInterrupt:
        _bury(context, record.id, RunStatus.INTERRUPTED)
        say(f"Aborted. To go on: python -m core resume {record.id}")
        raise
    except Exception as error:
        _bury(context, record.id, RunStatus.FAILED, error)
        raise
    finally:
        _index(context, record.id)
    return record


def _run(context: Context, record: RunRecord, signal: StopSignal) -> RunRecord:
    """Train; what is printed meanwhile (but for the bar) goes to the run's log, as in a worker."""
    log_file = context.paths.run(record.id).log
    with log_file.open("a", encoding="utf-8") as log, chatter_to(log) as person:
        from core.commands.training_bar import TrainingBar
        from core.training import run_training

        epochs = record.config.train.epochs
        bar = TrainingBar(person, epochs, begun=lambda: _index(context, record.id))
        try:
            return run_training(context.paths, record.id, signal, [bar])
        finally:
            bar.close()


def _index(context: Context, run_id: str) -> None:
    """The index can be made anew at any time: it must not end a training."""
    try:
        context.store.refresh(run_id)
    except (LabError, sqlalchemy.exc.SQLAlchemyError) as error:
        say(f"warning: the index is not up to date ({error}); see: python -m core reindex")


def _bury(context: Context, run_id: str, status: RunStatus, error: Exception | None = None) -> None:
    """The last word on a run whose training could not say it."""
    with contextlib.suppress(LabError, OSError, sqlalchemy.exc.SQLAlchemyError):
        record = context.store.read(run_id)
        if record.status is RunStatus.RUNNING and record.pid == os.getpid():
            failure = explain(error, record.config) if error else None
            by = "worker" if status is RunStatus.INTERRUPTED else None
            ended = record.changed(status=status, ended=now(), failure=failure, interrupted_by=by)
            context.store.save(ended)


def _result(context: Context, record: RunRecord) -> Answer:
    document = _document(record)
    ok = record.status.has_shown()
    paragraphs = [_facts(record)]
    if record.failure is not None:
        log = context.paths.run(record.id).log
        document |= {
            "error": str(record.failure.what),
            "kind": "run",
            "remedy": str(record.failure.remedy) if record.failure.remedy else None,
            "log": str(log),
        }
        say(f"error: {record.failure.what} {record.failure.remedy or ''}".rstrip())
        paragraphs.append(f"Log: {log}")
    return Answer(document, "\n\n".join(paragraphs), ok)


def _document(record: RunRecord) -> dict[str, object]:
    summary = record.summary
    return {
        "run_id": record.id,
        "status": record.status.value,
        "preset": record.preset,
        "dataset": record.config.data.dataset,
        "architecture": record.config.model.architecture,
        "note": str(record.note) if record.note else None,
        **{name: getattr(summary, name, None) for name in _FIGURES},
    }


def _facts(record: RunRecord) -> str:
    return facts(
        [
            ("run", record.id),
            ("status", record.status.value),
            *([("note", str(record.note))] if record.note else ()),
            ("dataset", f"{record.config.data.dataset}, {shape(record.image_shape)}"),
            *start_facts(record),
            *(summary_facts(record.summary) if record.summary else ()),
        ]
    )


def start_facts(record: RunRecord) -> list[tuple[str, str]]:
    """Where a run goes on from, if it does."""
    start = record.start
    return [("goes on from", f"{start.run}, after epoch {start.epochs}")] if start else []


def summary_facts(summary: RunSummary) -> list[tuple[str, str]]:
    """The figures of a run, with their units."""
    return [
        ("epochs", f"{summary.epochs} (best: {summary.best_epoch})"),
        ("best val. accuracy", percent(summary.best_val_accuracy)),
        ("val. accuracy", f"{percent(summary.val_accuracy)}, loss {number(summary.val_loss)}"),
        ("test accuracy", f"{percent(summary.test_accuracy)}, loss {number(summary.test_loss)}"),
        ("training time", duration(summary.seconds)),
        ("speed", f"{amount(summary.images_per_second)} images/s"),
        ("parameters", amount(summary.parameters)),
    ]


def assignment(value: str) -> tuple[str, str]:
    name, equals, setting = value.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(
            f"expected section.field=value, such as train.epochs=5, received {value!r}"
        )
    return name.strip(), setting.strip()


def training_arguments(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    parser.add_argument("--preset", required=required, help="see the command presets")
    parser.add_argument("--dataset", help="see the command data list (default: the preset's own)")
    parser.add_argument(
        "--set",
        action="append",
        type=assignment,
        metavar="SECTION.FIELD=VALUE",
        help="change one setting; may be repeated; the settings are listed below",
    )
    parser.add_argument(
        "--limit", type=int, metavar="N", help="train on a balanced part of N images"
    )


def _train_arguments(parser: argparse.ArgumentParser) -> None:
    training_arguments(parser, required=False)
    following_arguments(parser)


def settings_help() -> str:
    """Every setting, from the table that the form is made of."""
    lines = [f"  model.architecture: {', '.join(ARCHITECTURES)}"]
    for name, cls in SECTIONS.items():
        lines += _section_help(name, cls)
    for architecture, cls in ARCHITECTURES.items():
        lines += [f"  {architecture}: {cls.about}"]
        lines += _section_help("model", cls, f" ({architecture})")
    return "\n".join(["settings and their defaults, where the preset has no other:", *lines])


def _section_help(section: str, cls: type[Section], remark: str = "") -> list[str]:
    return [
        f"  {section}.{name}={cls.model_fields[name].default}{remark}: {knob.help}"
        for name, knob in cls.knobs().items()
    ]


TRAIN = (
    Command("presets", "List the starting points for a training.", presets),
    Command(
        "train",
        "Train a network and wait for the result.",
        train,
        _train_arguments,
        settings_help,
    ),
    Command("resume", "Go on with an interrupted run, and wait for it.", resume, add_run_id),
)
