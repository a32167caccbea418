"""The options of an import on the command line."""

from __future__ import annotations

import argparse
from typing import get_args

from core.datasets.dataset import ResizeMode
from core.datasets.limits import MAX_SIDE
from core.datasets.options import SPLIT_PRESETS, ColorMode, ImportOptions


def import_options(options: argparse.Namespace) -> ImportOptions:
    """What was chosen."""
    return ImportOptions(
        size=options.size,
        resize=options.resize,
        color=options.color,
        background=options.background,
        truncated=options.truncated == "import",
        seed=options.seed,
        splits="anew" if options.anew else "given",
        fractions=options.split,
        per_class=options.per_class,
        # A benchmark knows by itself.
        labels="coarse" if options.coarse and not options.benchmark else "fine",
    )


def _side(value: str) -> int:
    if not value.isdecimal() or not 1 <= int(value) <= MAX_SIDE:
        raise argparse.ArgumentTypeError(
            f"expected N or WIDTHxHEIGHT, each from 1 to {MAX_SIDE} pixels, received {value!r}"
        )
    return int(value)


def image_size(value: str) -> int | tuple[int, int]:
    """ "32" → 32; "64x32" → (32, 64), height first as everywhere in ``core``."""
    width, times, height = value.lower().replace("×", "x").partition("x")
    return (_side(height), _side(width)) if times else _side(width)


def split_shares(value: str) -> tuple[float, float, float]:
    """ "70/15/15" or "4:1:1" → the shares of train, val and test, which sum to 1."""
    parts = value.replace(":", "/").split("/")
    if len(parts) == 3 and all(part.isdecimal() for part in parts) and int(parts[0]):
        train, val, test = (int(part) for part in parts)
        total = train + val + test
        return train / total, val / total, test / total
    raise argparse.ArgumentTypeError(
        f"expected three whole numbers for train, val and test such as {', '.join(SPLIT_PRESETS)}, "
        f"received {value!r}"
    )


def _at_least_one(value: str) -> int:
    if not value.isdecimal() or not int(value):
        raise argparse.ArgumentTypeError(f"expected a number of at least 1, received {value!r}")
    return int(value)


def add_import_arguments(parser: argparse.ArgumentParser) -> None:
    """How pictures become arrays, and arrays splits."""
    parser.add_argument(
        "--size",
        type=image_size,
        metavar="N|WxH",
        help="pixels of the prepared images (default: the median of the pictures)",
    )
    parser.add_argument(
        "--resize",
        choices=get_args(ResizeMode),
        default="crop",
        help="what to do with pictures of other proportions (default: %(default)s)",
    )
    parser.add_argument("--color", choices=get_args(ColorMode), default="auto")
    parser.add_argument(
        "--background",
        metavar="COLOUR",
        default="white",
        help="behind transparent pictures: a name or #rrggbb (default: %(default)s)",
    )
    parser.add_argument(
        "--truncated",
        choices=("skip", "import"),
        default="skip",
        help="pictures that are cut off: left out, or taken as far as they go (default: skip)",
    )
    parser.add_argument(
        "--split",
        type=split_shares,
        metavar="TRAIN/VAL/TEST",
        default="70/15/15",
        help="shares of what comes without splits, such as 80/10/10; 4:1:1 makes the "
        "40,000/10,000/10,000 of CIFAR-10 (default: %(default)s)",
    )
    parser.add_argument(
        "--anew", action="store_true", help="divide everything by --split, whatever the source says"
    )
    parser.add_argument(
        "--per-class",
        type=_at_least_one,
        metavar="N",
        help="import at most N pictures of each class",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="start of the random division (default: %(default)s)"
    )
