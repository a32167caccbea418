"""What the teacher allows every run: the server's settings, read from the environment.

They hold for the form, the command line and the worker, so also for runs that were queued or
copied in before a cap was lowered.
"""

from __future__ import annotations

import hmac
import os
from math import inf

from core.config import RunConfig
from core.errors import N_, ConfigError

EPOCHS = "LIENZO_MAX_EPOCHS"
MINUTES = "LIENZO_MAX_MINUTES"
PIN = "LIENZO_TEACHER_PIN"


def max_epochs() -> int | None:
    """Epochs that one run may have; None without a cap.

    Raises:
        ConfigError: if the environment says something else than a whole number of at least 1.
    """
    return _cap(EPOCHS)


def max_minutes() -> int | None:
    """Minutes that one run may train for; see :func:`max_epochs`."""
    return _cap(MINUTES)


def _cap(name: str) -> int | None:
    wanted = os.environ.get(name, "").strip()
    if not wanted:
        return None
    if not wanted.isdecimal() or int(wanted) < 1:
        raise ConfigError(
            N_("{name}: expected a whole number of at least 1, received {received}."),
            name=name,
            received=wanted,
        )
    return int(wanted)


def has_teacher_pin() -> bool:
    """Whether some things are for the teacher only."""
    return bool(os.environ.get(PIN))


def is_teacher_pin(tried: str) -> bool:
    pin = os.environ.get(PIN, "")
    return bool(pin) and hmac.compare_digest(tried.encode(), pin.encode())


def check_caps(config: RunConfig) -> None:
    """Refuse a training that is longer than this server allows.

    Raises:
        ConfigError: naming the setting, what is allowed and what was asked for.
    """
    epochs, minutes = max_epochs(), max_minutes()
    if epochs is not None and config.train.epochs > epochs:
        raise ConfigError(
            N_("Epochs per run are limited to {most} on this server; {received} were asked for."),
            most=epochs,
            received=config.train.epochs,
        )
    if minutes is not None and config.train.time_limit > minutes:
        raise ConfigError(
            N_("This server allows at most {most} min per run; the time limit is {received} min."),
            most=minutes,
            received=config.train.time_limit,
        )


def longest_seconds(config: RunConfig) -> float:
    """How long all epochs of a run may take together, by its own limit and the server's; infinite
    without either."""
    return 60 * min(config.train.time_limit or inf, max_minutes() or inf)


def within_caps(config: RunConfig) -> RunConfig:
    """The config with as many epochs and minutes as are allowed, for presets."""
    epochs = min(config.train.epochs, max_epochs() or config.train.epochs)
    return within_minutes(config).with_values({"train.epochs": epochs})


def within_minutes(config: RunConfig) -> RunConfig:
    """The config with as many minutes as are allowed, for what follows a run: nobody is asked for
    the time limit there."""
    limit = config.train.time_limit
    return config.with_values({"train.time_limit": min(limit, max_minutes() or limit)})
