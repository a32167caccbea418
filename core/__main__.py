"""The command line: ``python -m core …``. Results on standard output, all else on standard error.

Loads neither Keras nor Streamlit: what is asked for wrongly is refused at once.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import traceback
from argparse import Namespace
from collections.abc import Iterator, Sequence
from typing import TextIO

from core.commands.compare import COMPARE
from core.commands.competition import COMPETITION
from core.commands.context import WRONG_USE, Answer, Context, WrongUseError, say
from core.commands.crossval import CROSSVAL
from core.commands.data_relabel import DATA
from core.commands.ensemble import ENSEMBLE
from core.commands.inspection import INSPECT
from core.commands.lr_find import LR_FIND
from core.commands.mistakes import ERRORS
from core.commands.parser import Command, Group, build_parser
from core.commands.predict import PREDICT
from core.commands.queue import QUEUE
from core.commands.runs import RUNS
from core.commands.search import SEARCH
from core.commands.submit import SUBMIT
from core.commands.train import TRAIN
from core.errors import (
    CompetitionError,
    ConfigError,
    DatasetError,
    ImageError,
    LabError,
    NotFoundError,
    RunError,
    StoreError,
)
from core.jobs.workers import MEMORY_GROWTH

COMMANDS: tuple[Command | Group, ...] = (
    *(DATA, *TRAIN, LR_FIND, *RUNS, *QUEUE),
    CROSSVAL,
    *(ERRORS, *COMPARE, INSPECT, PREDICT),
    *(SEARCH, ENSEMBLE, SUBMIT, COMPETITION),
)
KINDS: dict[type[LabError], str] = {
    WrongUseError: "usage",
    ConfigError: "config",
    NotFoundError: "not_found",
    DatasetError: "dataset",
    ImageError: "image",
    RunError: "run",
    CompetitionError: "competition",
    StoreError: "store",
}
"""How ``--json`` calls an error."""
ABORTED = 130
"""The shells' own code for a program that Ctrl-C has ended."""


def main(arguments: Sequence[str] | None = None, *, own_process: bool = False) -> int:
    """Do what the command line says and return the exit code.

    ``own_process`` also keeps libraries that are not written in Python from standard output;
    not for a process that has other things to do.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    as_json = "--json" in words
    try:
        options = build_parser(COMMANDS).parse_args(words)
    except LabError as error:
        with _results(own_process) as out:
            return _refuse(error, out, as_json)
    for name, value in MEMORY_GROWTH.items():
        os.environ.setdefault(name, value)  # before a backend is loaded
    with _results(own_process) as out:
        return _execute(options, out)


def _execute(options: Namespace, out: TextIO) -> int:
    try:
        with contextlib.closing(Context(options)) as context:
            answer: Answer = options.run(context)
        _print(out, answer.document if options.json else answer.text, options.json)
        return 0 if answer.ok else 1
    except BrokenPipeError:
        return 1  # whoever read the output has seen enough (``| head``)
    except LabError as error:
        return _refuse(error, out, options.json)
    except KeyboardInterrupt:
        _failed("Aborted.", "aborted", out, options.json)
        return ABORTED
    except Exception as error:  # noqa: BLE001 - a mistake of ours: shown whole, and told
        traceback.print_exc()
        _failed(f"{type(error).__name__}: {error}", "internal", out, options.json)
        return 1


def _refuse(error: LabError, out: TextIO, as_json: bool) -> int:
    kind = next((name for cls, name in KINDS.items() if isinstance(error, cls)), "error")
    remedy = str(error.remedy) if error.remedy else None
    _failed(str(error.text), kind, out, as_json, remedy)
    return 2 if isinstance(error, WRONG_USE) else 1


def _failed(message: str, kind: str, out: TextIO, as_json: bool, remedy: str | None = None) -> None:
    say(f"error: {message} {remedy or ''}".rstrip())
    if as_json:
        _print(out, {"error": message, "kind": kind, "remedy": remedy}, as_json)


def _print(out: TextIO, result: object, as_json: bool) -> None:
    if as_json:
        result = json.dumps(result, indent=2, ensure_ascii=False, allow_nan=False)
    if result:
        print(result, file=out, flush=True)


@contextlib.contextmanager
def _results(own_process: bool) -> Iterator[TextIO]:
    """Standard output for the result alone: whatever else is printed goes to standard error."""
    if not own_process:
        out = sys.stdout
        with contextlib.redirect_stdout(sys.stderr):
            yield out
        return
    descriptor = os.dup(1)
    os.dup2(2, 1)
    # UTF-8 as JSON demands; what no encoding knows (file names that are mere bytes) as an escape,
    # which JSON understands too.
    with (
        contextlib.suppress(BrokenPipeError),
        open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as out,  # noqa: PTH123
        contextlib.redirect_stdout(sys.stderr),
    ):
        yield out


if __name__ == "__main__":
    code = main(own_process=True)
    sys.stderr.flush()
    if "keras" in sys.modules:
        # The interpreter's own tidying of a backend with running threads takes up to a second.
        os._exit(code)
    sys.exit(code)
