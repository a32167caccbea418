"""The look at a source before it is imported, in a process of its own."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.datasets import preview
from core.datasets.sampling import Facts, SourceSample, packed, sample_source, unpacked
from core.paths import Paths
from tests.datasets.making import Files, classes, encode, left_behind, pack, pack_tar, picture


def look(source: Path, tmp_path: Path, background: str = "white") -> SourceSample:
    """Without the process."""
    return unpacked(packed(preview.sample(source, tmp_path, None, background)))


def tall() -> Files:
    return {
        f"train/{c}/{i}.png": picture(i + 50 * (c == "b"), (40, 20)) for c in "ab" for i in range(6)
    }


@pytest.mark.parametrize("kind", ["zip", "tgz"])
def test_facts_and_pictures(tmp_path: Path, kind: str) -> None:
    files = {**tall(), **{f"test/{i}.png": picture(900 + i) for i in range(3)}}
    file = tmp_path / f"x.{kind}"
    found = look(pack(file, files) if kind == "zip" else pack_tar(file, files, "w:gz"), tmp_path)
    assert found.facts == Facts(
        pictures=15, unlabelled=3, classes=["a", "b"], given=True, height=40, width=20
    )
    assert 1 <= len(found.pictures) <= 4
    assert all(p.dtype == np.uint8 and p.shape == (40, 20, 3) for p in found.pictures)


def test_large_pictures_are_made_small(tmp_path: Path) -> None:
    files = {f"{c}/{i}.png": encode(Image.new("RGB", (900, 300))) for c in "ab" for i in range(2)}
    found = look(pack(tmp_path / "x.zip", files), tmp_path)
    assert (found.facts.height, found.facts.width) == (300, 900)
    assert {p.shape for p in found.pictures} == {(107, 320, 3)}


def test_background_and_damage(tmp_path: Path) -> None:
    clear = encode(Image.new("RGBA", (8, 8), (0, 0, 0, 0)))
    files = {"a/1.png": clear, "b/1.png": clear, "a/0.png": b"broken"}
    found = look(pack(tmp_path / "x.zip", files), tmp_path, "#ff0000")
    assert found.facts.pictures == 3
    assert all((p == [255, 0, 0]).all() for p in found.pictures)


def test_a_problem_is_said(tmp_path: Path) -> None:
    found = look(pack(tmp_path / "x.zip", classes("only")), tmp_path)
    assert str(found.facts.problem) == ("There is only one class, “only”; at least two are needed.")
    assert found.pictures == []


@pytest.mark.slow
def test_in_a_process_of_its_own(paths: Paths, tmp_path: Path) -> None:
    source = pack(tmp_path / "upload", classes("cat", "dog"))
    found = sample_source(paths, source, "pets.zip")
    assert (found.facts.classes, len(found.pictures)) == (["cat", "dog"], 4)
    assert left_behind(paths) == []


def test_what_takes_too_long_is_left(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(slow))
    start = time.monotonic()
    found = sample_source(paths, tmp_path, seconds=0.5)
    assert time.monotonic() - start < 10
    assert "took more than" in str(found.facts.problem)
    assert left_behind(paths) == []


@pytest.mark.parametrize("said", ["", "rubbish", "PK\\003\\004"])
def test_a_process_that_dies_is_no_error(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    broken = tmp_path / "broken"
    broken.write_text(f"#!/bin/sh\nprintf '{said}'\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    assert "preview could not be made" in str(sample_source(paths, tmp_path).facts.problem)
