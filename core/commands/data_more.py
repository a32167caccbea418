"""``data …``: new datasets from old ones, duplicates, export, another name."""

from __future__ import annotations

import argparse
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple, get_args

from core.commands.context import Answer, Context, WrongUseError, interruptible
from core.commands.data import DATA as BASE
from core.commands.data import ProgressBar, add_name, shown
from core.commands.formats import amount, printable, table
from core.commands.import_arguments import image_size
from core.commands.parser import Command, Group, add_yes
from core.datasets.dataset import SPLITS, ResizeMode
from core.datasets.deriving import derive_dataset
from core.datasets.duplicates import (
    Duplicates,
    Trouble,
    find_duplicates,
    read_duplicates,
    save_duplicates,
    worst_first,
)
from core.datasets.exporting import export_dataset
from core.datasets.options import OnProgress, ShouldStop
from core.datasets.recipe import Origin, Recipe
from core.datasets.registry import validate_name
from core.datasets.ticking import Ticker
from core.errors import N_, DatasetError

SHOWN_GROUPS = 20


@contextmanager
def working(context: Context) -> Iterator[tuple[OnProgress, ShouldStop]]:
    """A progress bar, and Ctrl-C as the wish to end."""
    cancelled = threading.Event()
    notice = "Cancelling… (Ctrl-C again aborts at once)"
    with interruptible(cancelled.set, notice), closing(ProgressBar()) as on_progress:
        yield on_progress, cancelled.is_set


def derive(context: Context) -> Answer:
    options = context.options
    name = free_name(context, options.name)
    for origin in options.origins:
        context.dataset(origin)  # the digits are made when asked for
    recipe = Recipe(
        origins=tuple(Origin(name=origin) for origin in options.origins),
        classes=options.classes,
        rename=dict(options.rename or ()),
        duplicates="drop" if options.drop_duplicates else "keep",
        per_class=options.per_class,
        fractions=options.split,
        seed=options.seed,
        size=(options.size, options.size) if isinstance(options.size, int) else options.size,
        resize=options.resize,
    )
    with working(context) as (on_progress, should_stop):
        derive_dataset(
            context.paths, recipe, name, on_progress=on_progress, should_stop=should_stop
        )
    return shown(context.dataset(name))


def free_name(context: Context, name: str) -> str:
    """A name for a new dataset; WrongUseError if it cannot be one."""
    try:
        return validate_name(context.paths, name)
    except DatasetError as error:
        # Not the data's fault: wrong use.
        raise WrongUseError(error.text.msgid, remedy=error.remedy, **error.text.params) from error


def rename(context: Context) -> Answer:
    old, new = context.options.name, context.options.new
    context.dataset(old)
    if new.casefold() != old.casefold():
        new = free_name(context, new)
    new = context.store.rename_dataset(old, new)
    return Answer({"name": new, "was": old}, f"{printable(old)} is now called {printable(new)}.")


def export(context: Context) -> Answer:
    dataset, file = context.dataset(context.options.name), Path(context.options.file)
    if file.exists() and not context.confirm(f"Replace {printable(str(file))}?"):
        return Answer({"file": str(file), "exported": False}, "Nothing was written.")
    if not file.absolute().parent.is_dir():
        raise WrongUseError(
            N_("There is no folder {folder} to write to."), folder=str(file.absolute().parent)
        )
    with working(context) as (on_progress, should_stop):
        count = export_dataset(dataset, file, on_progress=on_progress, should_stop=should_stop)
    document = {"file": str(file), "exported": True, "images": count, "bytes": file.stat().st_size}
    return Answer(document, f"{amount(count)} images written to {printable(str(file))}.")


class _Copy(NamedTuple):
    """One of several equal images."""

    split: str
    row: int
    file: str
    class_name: str


def duplicates(context: Context) -> Answer:
    dataset = context.dataset(context.options.name)
    fingerprint = dataset.info.fingerprint
    found = read_duplicates(context.paths, fingerprint)
    if found is None:
        with working(context) as (on_progress, should_stop):
            found = find_duplicates(dataset, Ticker(on_progress, should_stop))
        save_duplicates(context.paths, fingerprint, found)
    troubles = found.troubles()
    names = {s: dataset.split(s).names for s in SPLITS if dataset.info.splits.get(s)}
    classes = dataset.info.class_names
    groups = [(troubles[g], _copies(found, g, names, classes)) for g in worst_first(troubles)]
    document = [
        {"trouble": trouble.value, "images": [copy._asdict() for copy in copies]}
        for trouble, copies in groups
    ]
    text = "\n\n".join(_paragraphs(dataset.info.name, groups))
    return Answer({"name": dataset.info.name, "groups": document}, text)


def _copies(
    found: Duplicates, group: int, names: Mapping[str, Sequence[str]], classes: Sequence[str]
) -> list[_Copy]:
    here = found.members(group)
    columns = (found.split[here].tolist(), found.row[here].tolist(), found.label[here].tolist())
    return [
        _Copy(SPLITS[split], row, names[SPLITS[split]][row], classes[label])
        for split, row, label in zip(*columns, strict=True)
    ]


def _paragraphs(name: str, groups: Sequence[tuple[Trouble, list[_Copy]]]) -> Iterator[str]:
    if not groups:
        yield f"No image of {printable(name)} is there twice."
        return
    counts = Counter(trouble for trouble, _ in groups)
    rows = [(_MEANING[trouble], amount(n)) for trouble, n in sorted(counts.items())]
    yield table(("equal images", "groups"), rows, right=("groups",))
    yield table(
        ("group", "split", "class", "file"),
        [
            (str(number), copy.split, copy.class_name, copy.file)
            for number, (_, copies) in enumerate(groups[:SHOWN_GROUPS], 1)
            for copy in copies
        ],
    )
    if groups[SHOWN_GROUPS:]:
        yield f"… and {amount(len(groups) - SHOWN_GROUPS)} more (--json lists all)"


_MEANING = {
    Trouble.CONTRADICTION: "in different classes",
    Trouble.LEAK: "in different splits",
    Trouble.REPEAT: "in one split and class",
}


def _names(value: str) -> tuple[str, ...]:
    """ "cat, dog" → ("cat", "dog")."""
    return tuple(name.strip() for name in value.split(",") if name.strip())


def _pair(value: str) -> tuple[str, str]:
    """ "kitten=cat" → ("kitten", "cat")."""
    old, equals, new = value.partition("=")
    if not equals or not new.strip():
        raise argparse.ArgumentTypeError(f"expected OLD=NEW, received {value!r}")
    return old, new


def _fractions(value: str) -> tuple[float, float, float]:
    """ "0.8,0.1,0.1" → (0.8, 0.1, 0.1)."""
    try:
        train, val, test = map(float, value.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected TRAIN,VAL,TEST such as 0.8,0.1,0.1, received {value!r}"
        ) from None
    return train, val, test


def _derive_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="how the new dataset shall be called")
    parser.add_argument(
        "--from",
        dest="origins",
        metavar="DATASET",
        action="append",
        required=True,
        help="a dataset to take images from; give it again to combine several",
    )
    parser.add_argument("--classes", type=_names, metavar="A,B", help="only these classes")
    parser.add_argument(
        "--rename",
        type=_pair,
        metavar="OLD=NEW",
        action="append",
        help="call a class otherwise; classes of one name become one",
    )
    parser.add_argument("--per-class", type=int, metavar="N", help="at most N images of each")
    parser.add_argument(
        "--drop-duplicates",
        action="store_true",
        help="keep one copy of equal images (of the test before val before train), and none where "
        "the copies are of different classes",
    )
    parser.add_argument(
        "--split",
        type=_fractions,
        metavar="TRAIN,VAL,TEST",
        help="divide everything anew, such as 0.8,0.1,0.1 (default: as it is divided)",
    )
    parser.add_argument("--seed", type=int, default=0, help="start of all drawing of lots")
    parser.add_argument(
        "--size",
        type=image_size,
        metavar="N|WxH",
        help="pixels of the new images (default: those of the first dataset)",
    )
    parser.add_argument("--resize", choices=get_args(ResizeMode), default="crop")


def _rename_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="OLD", help="see the command data list")
    parser.add_argument("new", metavar="NEW", help="how it shall be called")


def _export_arguments(parser: argparse.ArgumentParser) -> None:
    add_name(parser)
    parser.add_argument("file", metavar="FILE.zip", help="the zip file to write")
    add_yes(parser)


DATA = Group(
    BASE.name,
    "Import, list, show, derive, export and delete datasets.",
    (
        *BASE.commands,
        Command("derive", "Make a dataset of others.", derive, _derive_arguments),
        Command("duplicates", "List images that are there twice.", duplicates, add_name),
        Command("export", "Write a dataset as a zip of class folders.", export, _export_arguments),
        Command("rename", "Call a dataset otherwise.", rename, _rename_arguments),
    ),
)
