"""Tiny files in the genuine formats: idx, CIFAR's pickles, NumPy's, Kaggle's tables, parquet."""

from __future__ import annotations

import gzip
import io
import json
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tests.datasets.making import picture

Array = NDArray[Any]


def pixels(n: int, *shape: int, seed: int = 0) -> NDArray[np.uint8]:
    """Uint8 (n, *shape), no two rows alike."""
    return np.random.default_rng([seed, n]).integers(0, 256, (n, *shape), dtype=np.uint8)


def cycle(n: int, classes: int = 2) -> list[int]:
    return [i % classes for i in range(n)]


def idx(array: Array, packed: bool = True) -> bytes:
    """An idx file of bytes, as on the web page of MNIST."""
    array = np.asarray(array, np.uint8)
    data = struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()
    return gzip.compress(data) if packed else data


def mnist(train: int = 12, test: int = 4, classes: int = 2) -> dict[str, bytes]:
    return {
        "train-images-idx3-ubyte.gz": idx(pixels(train, 28, 28)),
        "train-labels-idx1-ubyte.gz": idx(np.array(cycle(train, classes))),
        "t10k-images-idx3-ubyte.gz": idx(pixels(test, 28, 28, seed=1)),
        "t10k-labels-idx1-ubyte.gz": idx(np.array(cycle(test, classes))),
    }


def py2(value: Any) -> bytes:
    """The value as Python 2's cPickle wrote it with protocol 2: CIFAR was made with that."""
    match value:
        case bool() | None:
            return {True: b"\x88", False: b"\x89", None: b"N"}[value]
        case int() if 0 <= value < 256:
            return b"K" + bytes([value])
        case int():
            return b"J" + struct.pack("<i", value)
        case str() | bytes():
            data = value.encode() if isinstance(value, str) else value
            short = len(data) < 256
            return (
                b"U" + bytes([len(data)]) if short else b"T" + struct.pack("<i", len(data))
            ) + data
        case list():
            return b"](" + b"".join(map(py2, value)) + b"e"
        case tuple():
            return b"(" + b"".join(map(py2, value)) + b"t"
        case dict():
            return b"}(" + b"".join(py2(k) + py2(v) for k, v in value.items()) + b"u"
        case np.ndarray():
            new = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n" + py2((0,))
            kind = b"cnumpy\ndtype\n" + py2((value.dtype.str[1:], 0, 1)) + b"R"
            kind += py2((3, "|", None, None, None, -1, -1, 0)) + b"b"
            state = b"(K\x01" + py2(value.shape) + kind + b"\x89" + py2(value.tobytes()) + b"t"
            return new + py2("b") + b"tR" + state + b"b"
    raise TypeError(type(value))


def pickled(value: Any) -> bytes:
    return b"\x80\x02" + py2(value) + b"."


CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def cifar_row(images: Array) -> Array:
    """(n, 32, 32, 3) as rows of three planes."""
    return images.transpose(0, 3, 1, 2).reshape(len(images), 3072)


def cifar10(
    batches: int = 2, each: int = 4, below: str = "cifar-10-batches-py/"
) -> dict[str, bytes]:
    files = {
        "batches.meta": pickled(
            {"num_cases_per_batch": each, "label_names": list(CIFAR10), "num_vis": 3072}
        )
    }
    for i in range(batches + 1):
        name = f"data_batch_{i + 1}" if i < batches else "test_batch"
        files[name] = pickled(
            {
                "batch_label": name,
                "labels": [3, 5] * (each // 2),
                "data": cifar_row(pixels(each, 32, 32, 3, seed=i)),
                "filenames": [f"{name}_s_{j:06d}.png" for j in range(each)],
            }
        )
    return {below + name: data for name, data in files.items()}


def cifar100(fine: Sequence[str], coarse: Sequence[str]) -> dict[str, bytes]:
    """Apples and pears are fruit (4), beds are furniture (6)."""
    labels = {"fine_labels": [0, 5, 57, 0], "coarse_labels": [4, 6, 4, 4]}
    files = {
        "meta": pickled({"fine_label_names": list(fine), "coarse_label_names": list(coarse)}),
    }
    for seed, name in enumerate(("train", "test")):
        files[name] = pickled(
            {
                **labels,
                "data": cifar_row(pixels(4, 32, 32, 3, seed=seed)),
                "filenames": list("abcd"),
            }
        )
    return {f"cifar-100-python/{name}": data for name, data in files.items()}


def npz(**arrays: Any) -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)
    return out.getvalue()


def npy(array: Any) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def table(
    images: Array, labels: Sequence[object] | None, header: bool = True, separator: str = ","
) -> bytes:
    """A picture in every row, as Kaggle shares them."""
    rows = [[str(v) for v in row] for row in images.reshape(len(images), -1).tolist()]
    names = [f"pixel{i}" for i in range(len(rows[0]))]
    if labels is not None:
        rows = [[str(label), *row] for label, row in zip(labels, rows, strict=True)]
        names = ["label", *names]
    return "\n".join(separator.join(row) for row in [*[names] * header, *rows]).encode() + b"\n"


def parquet(
    n: int, labels: Sequence[Any], names: Sequence[str] = (), seed: int = 0, **more: Sequence[Any]
) -> bytes:
    """As Hugging Face writes it: a struct of bytes and path, labels as numbers of named classes."""
    encoded = [{"bytes": picture(1000 * seed + i), "path": None} for i in range(n)]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    columns = {"image": pa.array(encoded, kind), "label": pa.array(labels), **more}
    features = {"label": {"names": list(names), "_type": "ClassLabel"}} if names else {}
    noted = {"huggingface": json.dumps({"info": {"features": features}})}
    out = io.BytesIO()
    pq.write_table(pa.table(columns).replace_schema_metadata(noted), out, row_group_size=3)
    return out.getvalue()
