"""The arguments: every command is one row of a table, and this makes argparse's parsers of it."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from core.commands.context import Answer, Context, WrongUseError
from core.errors import N_, text


def no_arguments(parser: argparse.ArgumentParser) -> None:
    """For a command that takes none."""


@dataclass(frozen=True)
class Command:
    """One command: its name, one sentence about it, what it does and which arguments it takes."""

    name: str
    help: str
    run: Callable[[Context], Answer]
    arguments: Callable[[argparse.ArgumentParser], None] = no_arguments
    details: Callable[[], str] | None = None
    """More for ``--help``."""


@dataclass(frozen=True)
class Group:
    """Commands of two words, such as ``data add``."""

    name: str
    help: str
    commands: Sequence[Command]


class Parser(argparse.ArgumentParser):
    """Says what is wrong as every other error of the command line is said."""

    def error(self, message: str) -> NoReturn:
        raise WrongUseError(
            N_("{message}."),
            message=message,
            remedy=text(N_("See {program} --help."), program=self.prog),
        )


def build_parser(table: Sequence[Command | Group]) -> Parser:
    """The parser of the whole command line."""
    parser = Parser(
        prog="python -m core",
        description="Train image classifiers and see why they err, without a screen.",
        epilog="Exit code: 0 success, 1 the work failed, 2 wrong use.",
        allow_abbrev=False,
    )
    parser.set_defaults(artifacts=None, json=False, run=None)
    _add_global_options(parser)
    _add_rows(parser, table, "command")
    return parser


def _add_global_options(parser: argparse.ArgumentParser) -> None:
    """At every level, so that they may stand before or after the command.

    Without defaults of their own: a subparser's default would undo what came before the command.
    """
    parser.add_argument(
        "--artifacts",
        metavar="DIR",
        default=argparse.SUPPRESS,
        help="where runs and datasets are (default: LIENZO_ARTIFACTS, or artifacts/)",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        default=argparse.SUPPRESS,
        help="print the result as one JSON document",
    )


def _add_rows(
    parser: argparse.ArgumentParser, rows: Sequence[Command | Group], metavar: str
) -> None:
    places = parser.add_subparsers(metavar=metavar, required=True)
    for row in rows:
        details = row.details() if isinstance(row, Command) and row.details else None
        child = places.add_parser(
            row.name,
            help=row.help,
            description=row.help,
            epilog=details,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        _add_global_options(child)
        if isinstance(row, Group):
            _add_rows(child, row.commands, f"{row.name} command")
        else:
            row.arguments(child)
            child.set_defaults(run=row.run)


def add_run_id(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_id", metavar="RUN_ID", help="see the command runs")


def add_yes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", "-y", action="store_true", help="do not ask")
