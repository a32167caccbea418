"""What an import makes of good input: classes, splits, sizes, report."""

from __future__ import annotations

import io
import itertools
import multiprocessing
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.datasets import workers
from core.datasets.importing import import_dataset
from core.datasets.options import ImportCancelledError, ImportOptions, ImportProgress
from core.datasets.registry import open_dataset
from core.datasets.report import REPAIR_EXAMPLES
from core.datasets.sources import PathSource
from core.datasets.writer import Owner, staging_folder
from core.errors import DatasetError, NotFoundError
from core.paths import Paths
from tests.datasets.making import (
    Files,
    classes,
    encode,
    left_behind,
    pack,
    picture,
    reasons,
    rows_by_name,
    unpack,
)


@pytest.mark.parametrize("below", ["", "photos/", "a/b/c/"])
@pytest.mark.parametrize("kind", ["zip", "folder"])
def test_flat_layout(paths: Paths, tmp_path: Path, below: str, kind: str) -> None:
    files = classes("dog", "cat", each=20, below=below)
    source = (
        pack(tmp_path / "pets.zip", files) if kind == "zip" else unpack(tmp_path / "pets", files)
    )
    info = import_dataset(paths, PathSource(source), "pets")
    assert (info.class_names, info.imported, info.skipped) == (("cat", "dog"), 40, 0)
    assert info.splits == {"train": 28, "val": 6, "test": 6}
    assert info.class_counts == {"train": [14, 14], "val": [3, 3], "test": [3, 3]}
    assert (info.origin, info.warnings, info.image_shape) == (source.name, [], (8, 8, 3))
    rows = rows_by_name(open_dataset(paths, "pets"))
    for name, data in files.items():
        assert rows[name][1] == name.split("/")[-2]
        assert rows[name][2] == Image.open(io.BytesIO(data)).tobytes()


def test_given_splits_are_kept(paths: Paths, tmp_path: Path) -> None:
    files = {
        **classes("cat", "dog", each=5, below="Set/Training/", seed=1),
        **classes("cat", "dog", each=2, below="Set/VALID/", seed=2),
        **classes("cat", "dog", each=3, below="Set/test/", seed=3),
    }
    info = import_dataset(paths, PathSource(pack(tmp_path / "x.zip", files)), "x")
    assert info.splits == {"train": 10, "val": 4, "test": 6}
    folder = {"train": "Training", "val": "VALID", "test": "test"}
    for name, (split, _, _) in rows_by_name(open_dataset(paths, "x")).items():
        assert name.startswith(f"Set/{folder[split]}/")


def test_spanish_splits_and_both_spellings(paths: Paths, tmp_path: Path) -> None:
    files = {
        **classes("a", "b", each=5, below="Entrenamiento/", seed=1),
        **classes("a", "b", each=2, below="VALIDACIO\u0301N/", seed=2),
        **classes("a", "b", each=1, below="validation/", seed=4),
        **classes("a", "b", each=3, below="prueba/", seed=3),
    }
    info = import_dataset(paths, PathSource(pack(tmp_path / "x.zip", files)), "x")
    assert info.splits == {"train": 10, "val": 6, "test": 6}


@pytest.mark.parametrize(
    ("given", "splits"),
    [
        (("train", "test"), {"train": 66, "val": 14, "test": 80}),
        (("train", "val"), {"train": 66, "val": 80, "test": 14}),
        (("train",), {"train": 56, "val": 12, "test": 12}),
    ],
)
def test_missing_splits_come_from_train(
    paths: Paths, tmp_path: Path, given: tuple[str, ...], splits: dict[str, int]
) -> None:
    files: Files = {}
    for i, split in enumerate(given):
        files |= classes("a", "b", each=40, below=f"{split}/", seed=i)
    info = import_dataset(paths, PathSource(pack(tmp_path / "x.zip", files)), "x")
    assert info.splits == splits
    assert all(counts[0] == counts[1] for counts in info.class_counts.values())


def test_without_train_everything_is_divided_anew(paths: Paths, tmp_path: Path) -> None:
    files = classes("a", "b", each=20, below="test/")
    info = import_dataset(paths, PathSource(pack(tmp_path / "x.zip", files)), "x")
    assert info.splits == {"train": 28, "val": 6, "test": 6}
    assert "no train folder" in str(info.warnings[0])


def test_a_class_may_be_called_test(paths: Paths, tmp_path: Path) -> None:
    files = classes("test", "control", each=4)
    assert import_dataset(paths, PathSource(pack(tmp_path / "x.zip", files)), "x").class_names == (
        "control",
        "test",
    )


def test_pictures_in_folders_of_a_class_belong_to_it(paths: Paths, tmp_path: Path) -> None:
    files = {**classes("cat", "dog"), **classes("puppies/small", below="dog/", seed=1)}
    info = import_dataset(paths, PathSource(pack(tmp_path / "x.zip", files)), "x")
    assert info.class_names == ("cat", "dog")
    assert sum(c[1] for c in info.class_counts.values()) == 8


def test_pictures_outside_class_folders_are_listed(paths: Paths, tmp_path: Path) -> None:
    files = {
        **classes("a", "b", below="x/train/"),
        "cover.png": picture(50),
        "x/logo.png": picture(51),
        "x/train/lost.png": picture(52),
        "x/extra/a/1.png": picture(53),
    }
    info = import_dataset(paths, PathSource(pack(tmp_path / "x.zip", files)), "x")
    report = open_dataset(paths, "x").report()
    strays = set(files) - set(classes("a", "b", below="x/train/"))
    assert reasons(report.skipped) == dict.fromkeys(strays, "no_class")
    assert (info.imported, info.skipped, report.files) == (8, 4, 12)


def test_classes_missing_from_a_split(paths: Paths, tmp_path: Path) -> None:
    files = {
        **classes("a", "b", "c", each=5, below="train/", seed=1),
        **classes("a", "d", each=2, below="val/", seed=2),
        **classes("a", "b", "c", "d", each=3, below="test/", seed=3),
    }
    info = import_dataset(paths, PathSource(pack(tmp_path / "x.zip", files)), "x")
    assert info.class_names == ("a", "b", "c", "d")
    assert [str(w) for w in info.warnings] == [
        "Classes without pictures in the split “training”: “d” (1).",
        "Classes without pictures in the split “validation”: “b”, “c” (2).",
    ]


def test_classes_too_small_to_divide(paths: Paths, tmp_path: Path) -> None:
    files = {**classes("big", each=10), **classes("tiny", each=2, seed=1)}
    info = import_dataset(paths, PathSource(pack(tmp_path / "x.zip", files)), "x")
    assert [counts[1] for counts in info.class_counts.values()] == [2, 0, 0]
    assert str(info.warnings[0]) == (
        "Classes of fewer than 3 pictures are too small to be divided and stay whole in "
        "“training”: “tiny” (1)."
    )


def test_same_seed_same_dataset(paths: Paths, tmp_path: Path) -> None:
    """However the archive was packed, and with any number of processes."""
    files = classes("a", "b", each=15)
    backwards = dict(reversed(files.items()))
    one = import_dataset(paths, PathSource(pack(tmp_path / "1.zip", files)), "1")
    two = import_dataset(paths, PathSource(pack(tmp_path / "2.zip", backwards)), "2", processes=2)
    other = import_dataset(
        paths, PathSource(tmp_path / "1.zip"), "3", options=ImportOptions(seed=1)
    )
    folder = import_dataset(paths, PathSource(unpack(tmp_path / "4", files)), "4")
    assert one.fingerprint == two.fingerprint == folder.fingerprint
    assert one.fingerprint != other.fingerprint
    rows = [rows_by_name(open_dataset(paths, n)) for n in "12"]
    assert rows[0] == rows[1]


def test_rows_are_shuffled(paths: Paths, tmp_path: Path) -> None:
    import_dataset(paths, PathSource(pack(tmp_path / "x.zip", classes("a", "b", each=40))), "x")
    labels = open_dataset(paths, "x").split("train").labels
    assert 5 < labels[:20].sum() < 15


@pytest.mark.parametrize("change", ["pixel", "label", "class"])
def test_fingerprint_notices(paths: Paths, tmp_path: Path, change: str) -> None:
    files = classes("a", "b")
    changed = dict(files)
    if change == "pixel":
        changed["a/0.png"] = picture(77)
    elif change == "label":
        changed["b/9.png"] = changed.pop("a/0.png")
    else:
        changed = {name.replace("b/", "c/"): data for name, data in files.items()}
    prints = [
        import_dataset(paths, PathSource(pack(tmp_path / f"{i}.zip", f)), str(i)).fingerprint
        for i, f in enumerate((files, changed))
    ]
    assert prints[0] != prints[1]


def test_median_size_and_table_of_sizes(paths: Paths, tmp_path: Path) -> None:
    sizes = [(10, 20), (10, 20), (12, 24), (40, 80), (40, 80)]
    files = {f"{c}/{i}.png": picture(i, s) for c in "ab" for i, s in enumerate(sizes)}
    info = import_dataset(paths, PathSource(pack(tmp_path / "x.zip", files)), "x")
    assert info.image_shape == (12, 24, 3)
    measured = open_dataset(paths, "x").report().sizes
    assert sorted(measured.common) == [(10, 20, 4), (12, 24, 2), (40, 80, 4)]
    assert (measured.height, measured.width, measured.others) == ((10, 12, 40), (20, 24, 80), 0)


def test_large_pictures_are_capped_keeping_their_shape(paths: Paths, tmp_path: Path) -> None:
    files = {f"{c}/{i}.jpg": picture(i, (150, 300), "JPEG") for c in "ab" for i in range(3)}
    info = import_dataset(paths, PathSource(pack(tmp_path / "x.zip", files)), "x")
    assert info.image_shape == (64, 128, 3)


def test_size_color_and_resize_as_asked(paths: Paths, tmp_path: Path) -> None:
    source = pack(tmp_path / "x.zip", classes("a", "b"))
    padded = ImportOptions(size=(5, 6), resize="pad", color="grey")
    info = import_dataset(paths, PathSource(source), "x", options=padded)
    assert (info.image_shape, info.resize) == ((5, 6, 1), "pad")
    seven = ImportOptions(size=7)
    assert import_dataset(paths, PathSource(source), "y", options=seven).image_shape == (7, 7, 3)


def test_grey_is_recognised(paths: Paths, tmp_path: Path) -> None:
    grey = {f"{c}/{i}.png": encode(Image.new("L", (8, 8), i)) for c in "ab" for i in range(4)}
    info = import_dataset(paths, PathSource(pack(tmp_path / "x.zip", grey)), "x")
    assert info.image_shape == (8, 8, 1)
    mixed = pack(tmp_path / "y.zip", {**grey, "a/c.png": picture(1)})
    assert import_dataset(paths, PathSource(mixed), "y").image_shape == (8, 8, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 0}, "size must be from 1 to 1024 pixels; received: 0 × 0"),
        ({"size": (8, 5000)}, "received: 8 × 5000"),
        ({"resize": "squeeze"}, "“resize” must be one of stretch, pad, crop; received: squeeze"),
        ({"color": "blue"}, "“color” must be one of auto, grey, rgb; received: blue"),
        ({"fractions": (0, 0.5, 0.5)}, "fractions must lie between 0 and 1"),
        ({"fractions": (float("nan"), 0.5, 0.5)}, "received: nan, 0.5, 0.5"),
    ],
)
def test_impossible_options(
    paths: Paths, tmp_path: Path, options: dict[str, object], message: str
) -> None:
    source = pack(tmp_path / "x.zip", classes("a", "b"))
    impossible = ImportOptions.model_construct(None, **options)
    with pytest.raises(DatasetError) as caught:
        import_dataset(paths, PathSource(source), "x", options=impossible)
    assert message in str(caught.value)


def test_macos_archive(paths: Paths, tmp_path: Path) -> None:
    """As Finder packs it: resource forks, UTF-8 names without the flag that says so."""
    files = classes("Año 1", "Año 2")
    for name in list(files):
        files[f"__MACOSX/{name.replace('/', '/._')}"] = b"\0\5\x16\7"
    files |= {".DS_Store": b"x", "Año 1/.DS_Store": b"x", "Año 2/Thumbs.db": b"x"}
    archive = pack(tmp_path / "x.zip", files)
    archive.write_bytes(without_utf8_flag(archive.read_bytes()))
    with zipfile.ZipFile(archive) as packed:
        assert "A├▒o 1/0.png" in packed.namelist()
    info = import_dataset(paths, PathSource(archive), "x")
    assert (info.class_names, info.imported, info.skipped) == (("Año 1", "Año 2"), 8, 11)
    assert open_dataset(paths, "x").report().skipped_by_reason == {"system file": 11}


def without_utf8_flag(archive: bytes) -> bytes:
    data = bytearray(archive)
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(signature)
        while at >= 0:
            data[at + flags + 1] &= ~0x08
            at = data.find(signature, at + 4)
    return bytes(data)


HOSTILE = ['say "hi"', "it's", "<script>alert(1)</script>", "ñandú", "犬", "😀", "=1+1", "%s {x}"]


def test_class_names_are_taken_literally(paths: Paths, tmp_path: Path) -> None:
    # A slash cannot be in a folder's name.
    names = [name.replace("/", "∕") for name in HOSTILE]
    info = import_dataset(paths, PathSource(pack(tmp_path / "x.zip", classes(*names))), "x")
    assert sorted(info.class_names) == sorted(names)
    again = open_dataset(paths, "x").info
    assert again == info


def test_names_that_differ_in_composition_are_one_class(paths: Paths, tmp_path: Path) -> None:
    files = {**classes("caf\u00e9", "b"), **classes("cafe\u0301", seed=1)}
    info = import_dataset(paths, PathSource(pack(tmp_path / "x.zip", files)), "x")
    assert info.class_names == ("b", "caf\u00e9")
    assert info.imported == 12


def test_classes_in_natural_order(paths: Paths, tmp_path: Path) -> None:
    source = pack(tmp_path / "x.zip", classes("10", "2", "1", "b", "A", each=3))
    assert import_dataset(paths, PathSource(source), "x").class_names == ("1", "2", "10", "A", "b")


def test_backslashes_of_windows_programs(paths: Paths, tmp_path: Path) -> None:
    files = {name.replace("/", "\\"): data for name, data in classes("a", "b").items()}
    files["..\\evil.png"] = files["\\abs.png"] = picture(9)
    info = import_dataset(paths, PathSource(pack(tmp_path / "x.zip", files)), "x")
    assert (info.class_names, info.imported) == (("a", "b"), 8)
    assert "were read as folders: 10." in str(info.warnings[0])
    assert set(reasons(open_dataset(paths, "x").report().skipped).values()) == {"unsafe_path"}


def test_repairs_are_counted(paths: Paths, tmp_path: Path) -> None:
    clear = encode(Image.new("RGBA", (8, 8), (1, 2, 3, 4)))
    files = classes("a", "b")
    files |= {f"a/clear{i}.png": clear for i in range(REPAIR_EXAMPLES + 5)}
    files["b/deep.png"] = encode(Image.fromarray(np.full((8, 8), 999, np.uint16)))
    info = import_dataset(paths, PathSource(pack(tmp_path / "x.zip", files)), "x")
    opaque, depth = open_dataset(paths, "x").report().repaired
    assert (opaque.count, len(opaque.examples)) == (REPAIR_EXAMPLES + 5, REPAIR_EXAMPLES)
    assert (str(depth.text), depth.examples) == ("brightness scaled to 8 bits", ["b/deep.png"])
    assert (info.repaired, info.imported) == (REPAIR_EXAMPLES + 6, REPAIR_EXAMPLES + 14)


def test_pictures_of_test_seen_in_training(paths: Paths, tmp_path: Path) -> None:
    files = {
        **classes("a", "b", each=5, below="train/"),
        **classes("a", "b", each=2, below="val/", seed=1),
        **classes("a", "b", each=3, below="test/"),
    }
    [warning] = import_dataset(paths, PathSource(pack(tmp_path / "x.zip", files)), "x").warnings
    assert "split “test” that are also in “training”, pixel for pixel: 6." in str(warning)


def test_every_way_of_packing(paths: Paths, tmp_path: Path) -> None:
    files = classes("a", "b")
    methods = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for (name, data), method in zip(files.items(), itertools.cycle(methods), strict=False):
            archive.writestr(name, data, compress_type=method)
    info = import_dataset(paths, PathSource(tmp_path / "x.zip"), "x")
    assert info.imported == 6
    assert open_dataset(paths, "x").report().skipped_by_reason == {"unknown compression method": 2}


def test_archive_behind_a_program(paths: Paths, tmp_path: Path) -> None:
    """Self-extracting archives have something in front."""
    archive = pack(tmp_path / "x.zip", classes("a", "b"))
    archive.write_bytes(b"#!/bin/sh\nexit\n" + archive.read_bytes())
    assert import_dataset(paths, PathSource(archive), "x").imported == 8


def test_repeated_entries_count_once(paths: Paths, tmp_path: Path) -> None:
    archive = pack(tmp_path / "x.zip", classes("a", "b"))
    with zipfile.ZipFile(archive, "a") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr("a/0.png", picture(55))
    info = import_dataset(paths, PathSource(archive), "x")
    assert (info.imported, info.skipped) == (8, 1)
    newest = Image.open(io.BytesIO(picture(55))).tobytes()
    assert rows_by_name(open_dataset(paths, "x"))["a/0.png"][2] == newest


@pytest.mark.slow
@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_several_processes_share_the_work(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: str
) -> None:
    """Many chunks, with unreadable pictures in between; all of it accounted for."""
    monkeypatch.setattr(workers, "_context", lambda: multiprocessing.get_context(start))
    files = classes("a", "b", each=400)
    broken = [f"a/{i}.png" for i in range(0, 400, 7)]
    files |= dict.fromkeys(broken, b"not a picture")
    seen: list[ImportProgress] = []
    info = import_dataset(
        paths,
        PathSource(pack(tmp_path / "x.zip", files)),
        "x",
        processes=2,
        on_progress=seen.append,
    )
    assert (info.imported, info.skipped) == (800 - len(broken), len(broken))
    rows = rows_by_name(open_dataset(paths, "x"))
    assert set(rows) == set(files) - set(broken)
    for name in ("a/1.png", "a/398.png", "b/0.png", "b/399.png"):
        assert rows[name][2] == Image.open(io.BytesIO(files[name])).tobytes()
    phases = [phase for phase, _ in itertools.groupby(p.phase for p in seen)]
    assert phases == ["listing", "probing", "decoding", "writing"]
    assert [p.done for p in seen if p.phase == "decoding"][-1] == 800


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("phase", ["listing", "probing", "decoding", "writing"])
def test_cancel_leaves_nothing(paths: Paths, tmp_path: Path, phase: str, processes: int) -> None:
    source = pack(tmp_path / "x.zip", classes("a", "b"))
    seen: list[str] = []
    with pytest.raises(ImportCancelledError, match="nothing was kept"):
        import_dataset(
            paths,
            PathSource(source),
            "x",
            processes=processes,
            on_progress=lambda p: seen.append(p.phase),
            should_stop=lambda: phase in seen,
        )
    assert left_behind(paths) == []


def test_name_taken_meanwhile(paths: Paths, tmp_path: Path) -> None:
    """Two imports of one name: the first keeps it, the second is told so at once."""
    source = pack(tmp_path / "x.zip", classes("a", "b"))
    refused: list[ImportProgress] = []

    def again(progress: ImportProgress) -> None:
        if progress.phase == "decoding" and not refused:
            with pytest.raises(DatasetError, match=r"“X” is being made right now"):
                import_dataset(paths, PathSource(source), "X")
            refused.append(progress)

    import_dataset(paths, PathSource(source), "x", on_progress=again)
    assert refused
    with pytest.raises(DatasetError, match=r"“x” exists already"):
        import_dataset(paths, PathSource(source), "x")
    assert open_dataset(paths, "x").info.imported == 8


def test_no_source(paths: Paths, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no file or folder “.*nowhere\.zip”"):
        import_dataset(paths, PathSource(tmp_path / "nowhere.zip"), "x")


def test_leftovers_of_killed_imports_are_swept(paths: Paths, tmp_path: Path) -> None:
    paths.create()
    dead = paths.imports / ".staging-dead"
    dead.mkdir()
    owner = Owner.me().model_copy(update={"pid": 999_999_999})
    (dead / "owner.json").write_text(owner.model_dump_json())
    elsewhere = paths.imports / ".staging-elsewhere"
    elsewhere.mkdir()
    owner = owner.model_copy(update={"host": "another machine"})
    (elsewhere / "owner.json").write_text(owner.model_dump_json())
    with staging_folder(paths) as living:
        import_dataset(paths, PathSource(pack(tmp_path / "x.zip", classes("a", "b"))), "x")
        assert living.folder.is_dir()
    assert not dead.exists()
    assert elsewhere.exists()
