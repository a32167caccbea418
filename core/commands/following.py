"""``train --continue`` and ``train --train-on-validation``: runs that follow another one."""

from __future__ import annotations

import argparse

from core.commands.context import Context, WrongUseError
from core.continuing import Next
from core.datasets.dataset import DIGITS
from core.datasets.registry import ensure_digits
from core.errors import N_
from core.following import plan_continuation, plan_retraining
from core.records import RunStatus, is_abandoned

FREE = ("optimizer", "train", "augment")
"""Sections that may change when a network is trained on: it is not built anew."""


def following_arguments(parser: argparse.ArgumentParser) -> None:
    """Beside the arguments for a new training; exactly one of the three says what to train."""
    parser.add_argument(
        "--continue",
        dest="follow",
        metavar="RUN_ID",
        help="instead of --preset: train a run's network on, for --epochs more",
    )
    parser.add_argument(
        "--epochs", type=int, metavar="N", help="how many epochs more, with --continue"
    )
    parser.add_argument(
        "--train-on-validation",
        metavar="RUN_ID",
        help=(
            "instead of --preset: train a run's settings anew on training and validation images "
            "together, for its best number of epochs; only the test images are held out then"
        ),
    )


def planned(context: Context) -> Next | None:
    """The run that is to follow another one; None for a new training.

    Raises:
        WrongUseError: unless exactly one thing to train is named.
        NotFoundError, RunError, DatasetError: if that run cannot be followed.
    """
    options = context.options
    named = [options.preset, options.follow, options.train_on_validation]
    if sum(name is not None for name in named) != 1:
        raise WrongUseError(
            N_("Name exactly one of --preset, --continue and --train-on-validation.")
        )
    if (options.epochs is None) != (options.follow is None):
        raise WrongUseError(
            N_("--epochs and --continue belong together; otherwise use --set train.epochs=N.")
        )
    if options.preset is not None:
        return None
    if options.dataset is not None or options.limit is not None:
        raise WrongUseError(N_("A run that follows another one learns from the same images."))
    return _plan(context)


def _plan(context: Context) -> Next:
    options, store = context.options, context.store
    record = store.read(options.follow or options.train_on_validation)
    if is_abandoned(context.paths, record):  # nobody has written it down yet
        record = record.changed(status=RunStatus.INTERRUPTED)
    if record.config.data.dataset == DIGITS:
        ensure_digits(context.paths)
    if options.follow is not None:
        plan = plan_continuation(store, record, options.epochs)
    else:
        plan = plan_retraining(store, record)
    values: dict[str, object] = dict(options.set or [])
    for name in values:
        if name.partition(".")[0] not in FREE:
            raise WrongUseError(
                N_("{name} cannot be changed in a run that follows another one; these can: {free}"),
                name=name,
                free=", ".join(f"{section}.…" for section in FREE),
            )
    return plan._replace(config=plan.config.with_values(values))
