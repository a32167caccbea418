"""Comments on images: kept beside the run, by several people at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.comments import LONGEST, Spot, read_comments, write_comment
from core.errors import ConfigError, NotFoundError, StoreError
from core.paths import RunPaths


@pytest.fixture
def files(tmp_path: Path) -> RunPaths:
    return RunPaths(tmp_path)


def test_written_changed_and_taken_away(files: RunPaths) -> None:
    assert read_comments(files) == {}
    cat, dog = Spot("test", 3), Spot("val", 3)
    write_comment(files, cat, "  a fox? \n", by="Ana")
    write_comment(files, dog, "<b>ñandú</b>", by="")
    found = read_comments(files)
    assert [(c.split, c.row, c.text, c.by) for c in found.values()] == [
        ("test", 3, "a fox?", "Ana"),
        ("val", 3, "<b>ñandú</b>", ""),
    ]
    changed = write_comment(files, cat, "a cat", by="Luis")
    assert changed == read_comments(files)[cat]
    assert (changed.text, changed.by) == ("a cat", "Luis")
    assert changed.at >= found[cat].at
    assert write_comment(files, cat, "   ", by="Ana") is None
    assert list(read_comments(files)) == [dog]


def test_as_long_as_allowed(files: RunPaths) -> None:
    write_comment(files, Spot("test", 0), "x" * LONGEST, by="")
    with pytest.raises(ConfigError, match="at most 1000 characters, received 1001"):
        write_comment(files, Spot("test", 0), "y" * (LONGEST + 1), by="")
    assert read_comments(files)[Spot("test", 0)].text[0] == "x"


def test_nobody_loses_what_another_has_written(files: RunPaths) -> None:
    with ThreadPoolExecutor(8) as people:
        list(people.map(lambda n: write_comment(files, Spot("test", n), str(n), by=""), range(24)))
    assert {spot.row: c.text for spot, c in read_comments(files).items()} == {
        n: str(n) for n in range(24)
    }


def test_a_damaged_file_is_told_and_kept(files: RunPaths) -> None:
    files.comments.write_text('[{"split": "te')
    with pytest.raises(StoreError, match="cannot be read"):
        read_comments(files)
    with pytest.raises(StoreError, match="cannot be read"):
        write_comment(files, Spot("test", 0), "x", by="")
    assert files.comments.read_text() == '[{"split": "te'


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    files = RunPaths(tmp_path / "deleted")
    assert read_comments(files) == {}
    with pytest.raises(NotFoundError, match="no run deleted"):
        write_comment(files, Spot("test", 0), "x", by="")
    assert not files.folder.exists()
