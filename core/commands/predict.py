"""``predict``: a run's network on pictures of one's own."""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
import numpy.typing as npt

from core.commands.context import Answer, Context, chatter_to, say
from core.commands.formats import percent, printable, table
from core.commands.parser import Command, add_run_id
from core.datasets.dataset import ResizeMode
from core.datasets.resizing import Prepared, prepare
from core.errors import N_, ImageError, RunError
from core.evaluation.confusions import top_k
from core.records import RunRecord, run_paths


@dataclass(frozen=True)
class Picture:
    """A picture that was asked about: prepared, or the reason why it is not."""

    path: str
    prepared: Prepared | None = None
    error: str = ""


def predict(context: Context) -> Answer:
    record = context.store.read(context.options.run_id)
    _check_model(context, record)
    pictures = [_read(path, record) for path in context.options.images]
    readable = [p.prepared.pixels for p in pictures if p.prepared is not None]
    proba = iter(_probabilities(context, record.id, readable))
    entries = [
        _entry(picture, record, next(proba) if picture.prepared else None, context.options.top)
        for picture in pictures
    ]
    document: dict[str, object] = {"run_id": record.id, "images": [*entries]}
    ok = len(readable) == len(pictures)
    return Answer(document, "\n\n".join(_paragraph(entry) for entry in entries), ok)


def _check_model(context: Context, record: RunRecord) -> None:
    """Here, though loading the model would say so too: this does not load Keras first."""
    if record.image_shape is None or not run_paths(context.paths, record.id).model.is_file():
        raise RunError(
            N_("Run {run} is {status}: it has no trained network."),
            run=record.id,
            status=record.status.text,
        )


def _read(path: str, record: RunRecord) -> Picture:
    """The picture, resized as those were from which the network has learnt."""
    assert record.image_shape is not None
    mode: ResizeMode = next((m for m in get_args(ResizeMode) if m == record.resize), "crop")
    try:
        data = Path(path).read_bytes()
        return Picture(path, prepare(data, record.image_shape, mode, record.background))
    except OSError as error:
        return Picture(path, error=f"The file cannot be read: {error.strerror or error}.")
    except ImageError as error:
        return Picture(path, error=str(error))


def _probabilities(
    context: Context, run_id: str, images: list[npt.NDArray[np.uint8]]
) -> npt.NDArray[np.float32]:
    if not images:
        return np.zeros((0, 0), np.float32)
    with tempfile.TemporaryFile("w+") as chatter:
        try:
            with chatter_to(chatter):
                from core.prediction import predict as proba_of  # loads Keras

                return proba_of(context.paths, run_id, np.stack(images))
        except Exception:
            chatter.seek(0)
            say(chatter.read())  # now it may say something
            raise


def _entry(
    picture: Picture, record: RunRecord, proba: npt.NDArray[np.float32] | None, k: int
) -> dict[str, object]:
    if picture.prepared is None or proba is None:
        return {"image": picture.path, "error": picture.error}
    best = top_k(proba, k)
    height, width = picture.prepared.size
    return {
        "image": picture.path,
        "top": [
            {"class": record.class_names[c], "probability": p}
            for c, p in zip(best.classes.tolist(), best.proba.tolist(), strict=True)
        ],
        "size": {"width": width, "height": height},
        "repairs": [repair.value for repair in picture.prepared.repairs],
    }


def _paragraph(entry: dict[str, object]) -> str:
    title = printable(str(entry["image"]))
    top = entry.get("top")
    if not isinstance(top, list):
        return f"{title}\nerror: {entry['error']}"
    rows = [
        (str(t["class"]), percent(float(str(t["probability"])))) for t in top if isinstance(t, dict)
    ]
    return f"{title}\n{table(('class', 'probability'), rows, right=('probability',))}"


def _positive(value: str) -> int:
    if not value.isdecimal() or int(value) < 1:
        raise argparse.ArgumentTypeError(
            f"expected a whole number of at least 1, received {value!r}"
        )
    return int(value)


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_run_id(parser)
    parser.add_argument("images", metavar="IMAGE", nargs="+", help="PNG, JPEG, WebP, BMP, GIF, …")
    parser.add_argument(
        "--top", type=_positive, default=5, metavar="K", help="classes to show (default: 5)"
    )


PREDICT = Command("predict", "Ask a run's network about pictures.", predict, _arguments)
