"""Data files that are damaged, hostile or not what they seem: a clear message, nothing executed."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.datasets import limits
from core.datasets.formats import pickles
from core.datasets.formats.pickles import Call, Name, Stretch, read_pickle
from core.datasets.importing import import_dataset
from core.datasets.options import ImportOptions
from core.datasets.sources import PathSource
from core.errors import DatasetError
from core.paths import Paths
from tests.datasets.making import left_behind, pack
from tests.datasets.making_formats import (
    cifar10,
    cifar_row,
    cycle,
    idx,
    mnist,
    npy,
    npz,
    parquet,
    pickled,
    pixels,
    py2,
    table,
)

Files = dict[str, bytes]
IMAGES, LABELS = "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"
BATCH = "cifar-10-batches-py/data_batch_1"


def with_(files: Files, **changed: bytes | None) -> Files:
    """The files with some replaced, or left out (None); ``images`` and ``labels`` are idx."""
    names = {"images": IMAGES, "labels": LABELS}
    made = {**files, **{names[key]: data for key, data in changed.items() if data is not None}}
    return {
        name: data for name, data in made.items() if changed.get(_key(name, names), b"") is not None
    }


def _key(name: str, names: dict[str, str]) -> str:
    return next((key for key, value in names.items() if value == name), "")


def array_file(shape: tuple[int, ...], kind: str = "|u1", data: bytes = b"\0" * 64) -> bytes:
    """An .npy whose header says whatever it likes."""
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        out, {"descr": kind, "fortran_order": False, "shape": shape}
    )
    return out.getvalue() + data


def zipped(members: Files) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def batch(**values: Any) -> Files:
    rows = cifar_row(pixels(4, 32, 32, 3))
    return {BATCH: pickled({"labels": [3, 5, 3, 5], "data": rows, **values})}


def arrays(**members: Any) -> Files:
    return {"own.npz": npz(**members)}


X, Y = pixels(6, 4, 4), np.array(cycle(6))
PETS = ("cat", "dog")

BAD: dict[str, tuple[Files, str]] = {
    "idx: text": (
        with_(mnist(), images=gzip.compress(b"hello, I am no idx file")),
        "“train-images-idx3-ubyte.gz” is no idx file of 3 dimensions: expected were the first "
        "bytes 00 00 08 03; received: 68 65 6c 6c.",
    ),
    "idx: labels as pictures": (
        with_(mnist(), images=idx(np.arange(12))),
        "received: 00 00 08 01.",
    ),
    "idx: floats": (
        with_(mnist(), labels=b"\0\0\x0d\x01" + struct.pack(">I", 12) + b"\0" * 48),
        "received: 00 00 0d 01.",
    ),
    "idx: empty": (with_(mnist(), images=b""), "received: –."),
    "idx: gz cut off": (
        with_(mnist(), images=mnist()[IMAGES][:-2000]),
        "“train-images-idx3-ubyte.gz” is cut off: its header promises 9424 bytes, but only",
    ),
    "idx: plain cut off": (
        with_(mnist(), images=idx(pixels(12, 28, 28), packed=False)[:-1]),
        "promises 9424 bytes, but only 9423 can be read.",
    ),
    "idx: header cut off": (with_(mnist(), images=b"\0\0\x08\x03\0\0"), "only 6 can be read"),
    "idx: gz damaged": (
        with_(mnist(), images=mnist()[IMAGES][:40] + b"\xff" * 900 + mnist()[IMAGES][940:]),
        "“train-images-idx3-ubyte.gz” is damaged: it cannot be unpacked",
    ),
    "idx: one label too many": (
        with_(mnist(), labels=idx(np.array(cycle(13)))),
        "“train-images-idx3-ubyte.gz” holds 12 pictures, but “train-labels-idx1-ubyte.gz” 13 "
        "labels. Expected: one label for each picture.",
    ),
    "idx: no labels": (
        with_(mnist(), labels=None),
        "The labels of “train-images-idx3-ubyte.gz” are missing. Expected beside it: "
        "“train-labels-idx1-ubyte.gz”.",
    ),
    "idx: no pictures": (
        with_(mnist(), images=None),
        "The pictures of “train-labels-idx1-ubyte.gz” are missing. Expected beside it: "
        "“train-images-idx3-ubyte.gz”.",
    ),
    "idx: a bomb": (
        with_(mnist(), images=b"\0\0\x08\x03" + struct.pack(">3I", 1 << 20, 1 << 10, 1 << 10)),
        "“train-images-idx3-ubyte.gz” promises 1048576 pictures of 1099.5 GB together",
    ),
    "idx: huge pictures": (
        with_(mnist(), images=b"\0\0\x08\x03" + struct.pack(">3I", 1, 1 << 20, 1 << 20)),
        "one picture would have 1099511627776 pixels; at most 50000000",
    ),
    "idx: no rows": (with_(mnist(), images=idx(pixels(0, 28, 28))), "promises 0 × 28 × 28"),
    "idx: one class": (
        {IMAGES: idx(pixels(3, 2, 2)), LABELS: idx(np.array([7, 7, 7]))},
        "There is only one class, “7”; at least two are needed.",
    ),
    "idx: two datasets": (
        {f"{folder}/{name}": data for folder in ("a", "b") for name, data in mnist().items()},
        "There are several datasets in it: “a”, “b”. Expected: one.",
    ),
    "cifar: empty": ({BATCH: b""}, "(it is cut off)"),
    "cifar: cut off": ({BATCH: cifar10()[BATCH][:5000]}, "(it is cut off)"),
    "cifar: text": ({BATCH: b"<!DOCTYPE html>"}, f"“{BATCH}” cannot be read as a pickle of plain"),
    "cifar: a list": ({BATCH: pickled([1, 2])}, "holds list. Expected: a dictionary"),
    "cifar: other rows": (
        batch(data=pixels(4, 100)),
        "Expected: an array of uint8 (n, 3072); received: u1 (4, 100) in 0 bytes.",
    ),
    "cifar: floats": (
        batch(data=np.zeros((4, 3072))),
        "received: f8 (4, 3072) in 98304 bytes.",
    ),
    "cifar: no array": (batch(data=[1, 2, 3]), "received: list () in 0 bytes."),
    "cifar: labels": (batch(labels=["cat"] * 4), "“labels” is not a list of class numbers."),
    "cifar: too few labels": (batch(labels=[3, 5]), "holds 4 pictures, but"),
    "cifar: no labels": (
        {BATCH: pickled({"data": cifar_row(pixels(4, 32, 32, 3))})},
        "has no labels. Expected: labels, fine_labels; it has: –.",
    ),
    "cifar: unknown classes": (
        batch(labels=[3, 5, 3, 12]),
        "The labels go from 3 to 12, but there are 10 class names",
    ),
    "cifar: two datasets": (
        {**cifar10(), **cifar10(below="again/")},
        "several datasets in it: “again”, “cifar-10-batches-py”",
    ),
    "numpy: objects": (
        arrays(x=np.array([X[0], X[1]], dtype=object), y=Y[:2]),
        "“own.npz: x” holds Python objects (a pickle), which could execute anything",
    ),
    "numpy: labels as objects": (
        arrays(x=X, y=np.array(["a", "b", None] * 2, dtype=object)),
        "“own.npz: y” holds Python objects",
    ),
    "numpy: no labels": (
        arrays(x=X),
        "“own.npz: x” has pictures but no labels. Expected: a label for each picture.",
    ),
    "numpy: no labels for training": (
        arrays(x_train=X, x_test=X, y_test=Y),
        "The labels of the pictures in “own.npz: x_train” are missing.",
    ),
    "numpy: no pictures": (arrays(y_train=Y), "“own.npz: y_train” are labels whose pictures"),
    "numpy: nothing of use": (
        arrays(mean=np.zeros((2, 5))),
        "None of the arrays holds pictures; received: own.npz: mean float64 (2, 5).",
    ),
    "numpy: counts": (arrays(x=X, y=Y[:5]), "“own.npz: x” holds 6 pictures, but “own.npz: y” 5"),
    "numpy: shape": (
        arrays(x=pixels(6, 5, 5, 2), y=Y),
        "“own.npz: x” has the shape (6, 5, 5, 2), which cannot be pictures.",
    ),
    "numpy: no rows": (arrays(x=X[:0], y=Y[:0]), "has the shape (0, 4, 4)"),
    "numpy: dates": (
        arrays(x=np.zeros((6, 4, 4), "datetime64[s]"), y=Y),
        "“own.npz: x” holds datetime64[s]. Expected: whole numbers or floats",
    ),
    "numpy: all NaN": (arrays(x=np.full((6, 4, 4), np.nan), y=Y), "holds no number that is a"),
    "numpy: several labels": (
        arrays(x=X, y=np.array([[1, 0], [1, 1]] * 3)),
        "“own.npz: y”: row 1 has 2 labels. Expected: exactly one class",
    ),
    "numpy: probabilities": (
        arrays(x=X, y=np.full((6, 2), 0.5)),
        "“own.npz: y” cannot be labels; received: float64 (6, 2).",
    ),
    "numpy: fractions": (arrays(x=X, y=np.arange(6) / 7), "cannot be labels; received: float64."),
    "numpy: one class": (arrays(x=X, y=Y * 0), "There is only one class, “0”; at least two"),
    "numpy: twice": (
        {"a.npz": npz(x=X, y=Y), "b.npz": npz(x=X, y=Y)},
        "Several arrays could be the same part of the dataset (–): “a.npz: x”, “b.npz: x”.",
    ),
    "numpy: cut off": (
        {"own.npz": npz(x=X, y=Y)[:-30]},
        "“own.npz” is damaged or cut off: it cannot be read",
    ),
    "numpy: text": ({"x.npy": b"hello", "y.npy": npy(Y)}, "“x.npy” is not a NumPy array"),
    "numpy: a header that lies": (
        {"x.npy": array_file((10**6, 28, 28)), "y.npy": npy(Y)},
        "“x.npy” is damaged: its header promises 784000000 bytes of pixels or labels, but it "
        "holds 64.",
    ),
    "numpy: a header that is code": (
        {
            "x.npy": b"\x93NUMPY\x01\0"
            + struct.pack("<H", 40)
            + b"__import__('os').system('x')    \n"
        },
        "“x.npy” is not a NumPy array: its header cannot be read",
    ),
    "numpy: a member that lies": (
        {"own.npz": zipped({"x.npy": array_file((6, 4, 4), data=b"\0" * 9), "y.npy": npy(Y)})},
        "“own.npz: x” is damaged: its header promises 96 bytes",
    ),
    "csv: another table": (
        {"cities.csv": b"city,people,area\nBogota,7,1\n"},
        "“cities.csv” has 3 columns, of which 2 could be pixels. Expected: a label and a square",
    ),
    "csv: empty": ({"train.csv": b""}, "“train.csv” is empty. Expected: a label and a column"),
    "csv: not square": (
        {"train.csv": table(pixels(4, 50), cycle(4))},
        "“train.csv” has 51 columns, of which 50 could be pixels.",
    ),
    "csv: only a header": (
        {"train.csv": table(pixels(4, 16), cycle(4)).splitlines()[0]},
        "“train.csv” has no row with a picture (0 rows were read).",
    ),
    "csv: no labels": (
        {"train.csv": table(pixels(4, 16), None)},
        "“train.csv” has pictures but no labels.",
    ),
    "csv: a row too long": (
        {"train.csv": table(pixels(4, 16), cycle(4)) + b",".join([b"1"] * 30) + b"\n"},
        "“train.csv” is no regular table",
    ),
    "csv: several": (
        {f"emnist-{name}-train.csv": table(X, Y.tolist()) for name in ("letters", "digits")},
        "several datasets in it: “emnist-digits-train.csv”, “emnist-letters-train.csv”.",
    ),
    "emnist: letters": (
        {
            "emnist-letters-train-images-idx3-ubyte": idx(X),
            "emnist-letters-train-labels-idx1-ubyte": idx(Y),
            "emnist-letters-mapping.txt": b"0 65\n",
        },
        "“emnist-letters-mapping.txt” does not name the letters of all labels (1).",
    ),
    "csv: binary": ({"train.csv": bytes(range(256)) * 4}, "“train.csv” has"),
    "parquet: text": (
        {"train.parquet": b"hello, I am no parquet file"},
        "“train.parquet” is damaged, cut off or no parquet file",
    ),
    "parquet: cut off": ({"train.parquet": parquet(4, cycle(4))[:-9]}, "is damaged, cut off"),
    "parquet: no labels": (
        {"train.parquet": parquet(4, [None] * 4)},
        "“train.parquet” has pictures but no labels.",
    ),
    "parquet: several labels": (
        {"train.parquet": parquet(2, [[0, 1], [1]])},
        "“train.parquet”: the column “label” has several labels for each picture.",
    ),
    "parquet: unknown classes": (
        {"train.parquet": parquet(4, [0, 1, 2, 3], PETS)},
        "The labels go from 0 to 3, but there are 2 class names",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_said(paths: Paths, tmp_path: Path, case: str) -> None:
    files, expected = BAD[case]
    with pytest.raises(DatasetError) as caught:
        import_dataset(paths, PathSource(pack(tmp_path / "set.zip", files)), "x")
    assert expected in str(caught.value)
    assert left_behind(paths) == []


def test_there_are_enough_bad_inputs() -> None:
    assert len(BAD) >= 50


def test_an_option_that_does_not_exist(paths: Paths, tmp_path: Path) -> None:
    options = ImportOptions.model_construct(labels="medium")
    with pytest.raises(
        DatasetError, match="“labels” must be one of fine, coarse; received: medium"
    ):
        import_dataset(paths, PathSource(tmp_path), "x", options=options)


def test_a_bomb_of_arrays(paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused by its table of contents: nothing of it is unpacked."""
    monkeypatch.setattr(limits, "RATIO_FROM_BYTES", 1000)
    data = zipped({"x.npy": array_file((200, 100, 100), data=b"\0" * 2_000_000), "y.npy": npy(Y)})
    (tmp_path / "own.npz").write_bytes(data)
    with pytest.raises(DatasetError, match="times its size; pictures never do"):
        import_dataset(paths, PathSource(tmp_path / "own.npz"), "x")


def test_a_text_called_npz(paths: Paths, tmp_path: Path) -> None:
    (tmp_path / "own.npz").write_text("hello")
    with pytest.raises(DatasetError, match=r"“own\.npz” is damaged or cut off"):
        import_dataset(paths, PathSource(tmp_path / "own.npz"), "x")


# Pickles


class Gadget:
    """Executes whatever it is told when it is unpickled."""

    def __init__(self, call: Callable[..., Any], *arguments: Any) -> None:
        self.reduced = (call, arguments)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.reduced


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("key", ["data", "labels", "filenames", "more"])
def test_nothing_is_executed(paths: Paths, tmp_path: Path, protocol: int, key: str) -> None:
    trace = tmp_path / "trace"
    gadgets = [
        Gadget(os.system, f"touch {trace}"),
        Gadget(eval, f"open({str(trace)!r}, 'w')"),
        Gadget(np.savetxt, str(trace), [1]),
        Gadget(Path.touch, trace),
    ]
    for number, gadget in enumerate(gadgets):
        values = {"data": pixels(4, 3072), "labels": [3, 5, 3, 5]}
        data = pickle.dumps({**values, key: gadget}, protocol)
        source = pack(tmp_path / f"{number}.zip", {BATCH: data})
        if protocol > 2 and key in ("filenames", "more"):
            # What nobody asks for is not looked at.
            assert import_dataset(paths, PathSource(source), f"x{number}").imported == 4
        else:
            with pytest.raises(DatasetError, match=BATCH):
                import_dataset(paths, PathSource(source), f"x{number}")
        assert not trace.exists()
    pickle.loads(pickle.dumps(gadgets[0], protocol))  # noqa: S301 - to show that it is dangerous
    assert trace.exists()


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"\x80\x02N" + pickle.LONG_BINPUT + b"\xff\xff\xff\x7f.", None),
        (pickle.BINSTRING + struct.pack("<i", 2**31 - 1) + b".", "cut off"),
        (pickle.BINBYTES8 + struct.pack("<Q", 2**62) + b".", "cut off"),
        (pickle.BINSTRING + struct.pack("<i", -5) + b".", "cut off"),
        (pickle.EXT1 + b"\x01.", "instruction"),
        (pickle.PERSID + b"os\n.", "instruction"),
        (b"(" + pickle.INST + b"os\nsystem\n.", "instruction"),
        (b"](" + b"]" * 50_000 + b"e" * 2 + b".", "mark is missing"),
        (b"a.", ""),
        (b"KA", "cut off"),
        (b"h\x05.", "5"),
        (b"](K\x01u.", "no dictionary"),
        (b"}(]K\x01u.", "a key is no text"),
        (b"}K\x01b.", "no object"),
        (b"cos", "no end"),
    ],
)
def test_strange_pickles(tmp_path: Path, data: bytes, error: str | None) -> None:
    file = tmp_path / "strange"
    file.write_bytes(data)
    if error is None:
        assert read_pickle(file, "strange") is None
        return
    with pytest.raises(DatasetError, match="nothing in it was executed") as caught:
        read_pickle(file, "strange")
    assert error in str(caught.value)


def test_an_endless_pickle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickles, "MAX_STEPS", 100)
    (tmp_path / "long").write_bytes(b"]" * 1000)
    with pytest.raises(DatasetError, match="more than 100 instructions"):
        read_pickle(tmp_path / "long", "long")


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_plain_data_is_read_as_pickle_reads_it(tmp_path: Path, protocol: int) -> None:
    shared = [1, 2]
    value = {
        "numbers": [0, 255, 256, 65536, -1, 2**40, True, False, None, 0.5],
        "texts": ["", "ñ", b"", b"\xff\x00"],
        "nested": ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), {}, [[]]),
        "twice": [shared, shared],
    }
    file = tmp_path / "plain"
    file.write_bytes(pickle.dumps(value, protocol))
    assert read_pickle(file, "plain") == value


def test_what_python_2_wrote(tmp_path: Path) -> None:
    """Python's own reader agrees that the files of these tests are what it would have been."""
    data = pickled({"data": pixels(2, 3072), "labels": [1, 300], "none": None})
    loaded = pickle.loads(data, encoding="bytes")  # noqa: S301 - made above
    assert (loaded[b"data"] == pixels(2, 3072)).all()
    (tmp_path / "b").write_bytes(data)
    found = read_pickle(tmp_path / "b", "b")
    assert (found[b"labels"], found[b"none"]) == (loaded[b"labels"], None)
    array = found[b"data"]
    assert isinstance(array, Call)
    assert array.what == Name("numpy.core.multiarray", "_reconstruct")
    raw = array.state[-1]
    assert isinstance(raw, Stretch)
    assert data[raw.start :][: raw.length] == pixels(2, 3072).tobytes()
    assert py2(300) == b"J\x2c\x01\0\0"
