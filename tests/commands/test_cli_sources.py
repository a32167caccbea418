"""``data sources``, and the sources of ``data add``."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from core.commands.data_sources import shapes_help
from core.datasets import benchmarks
from core.datasets.benchmarks import BENCHMARKS, Benchmark, GenuineFile
from core.datasets.shapes import ShapesOptions
from core.datasets.specs import SOURCES
from tests.commands.driving import Cli


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("LIENZO_DATA_DIR", raising=False)


@pytest.fixture
def folder(tmp_path: Path, archive: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The teacher's, with one archive in it."""
    below = tmp_path / "data"
    below.mkdir()
    archive.replace(below / "pets.zip")
    monkeypatch.setenv("LIENZO_DATA_DIR", str(below))
    return below


def test_shapes_with_options(cli: Cli) -> None:
    words = ("data", "add", "--shapes", "--set", "classes=3", "--set", "images=90")
    added = cli.json(*words, "--set", "side=64", "--set", "color=cue", "--name", "s")
    assert added["classes"] == ["circle", "square", "triangle"]
    assert added["image_shape"] == [64, 64, 3]
    assert sum(added["splits"].values()) == 90
    assert added["origin"] == "Shapes"


@pytest.mark.parametrize(
    ("setting", "named"),
    [("classes=99", "classes"), ("size=big", "size"), ("colors=3", "colors"), ("classes", "=")],
)
def test_impossible_shapes_are_wrong_use(cli: Cli, setting: str, named: str) -> None:
    said = cli.refused("data", "add", "--shapes", "--set", setting, "--name", "s")
    assert named in said


def test_help_lists_every_option_of_shapes() -> None:
    assert all(f"  {name}=" in shapes_help() for name in ShapesOptions.knobs())


def test_a_file_of_the_server(cli: Cli, folder: Path) -> None:
    added = cli.json("data", "add", "--server", "pets.zip", "--name", "pets")
    assert (added["origin"], sum(added["splits"].values())) == ("pets.zip", 20)
    answer = cli.json("data", "add", "--server", "../pets.zip", "--name", "x", code=1)
    assert "not inside" in answer["error"]
    assert "no.zip" in cli.refused("data", "add", "--server", "no.zip", "--name", "x")


def test_a_benchmark_that_the_teacher_has(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = (folder / "pets.zip").read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    file = GenuineFile("pets.zip", "https://nowhere.invalid/pets.zip", digest, len(data), ("p",))
    monkeypatch.setitem(benchmarks.BENCHMARKS, "mnist", Benchmark("MNIST", "", (file,)))
    added = cli.json("data", "add", "--benchmark", "mnist", "--name", "m")
    assert added["origin"] == "MNIST"
    assert cli.json("data", "sources")["benchmarks"]["mnist"]["here"] is True


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("x.zip", "--shapes"),
        ("--shapes", "--benchmark", "mnist"),
        ("--benchmark", "imagenet"),
        ("--benchmark", "mnist", "--coarse"),
        ("x.zip", "--coarse"),
        ("x.zip", "--set", "classes=3"),
    ],
)
def test_one_source_and_only_its_own_options(cli: Cli, words: tuple[str, ...]) -> None:
    assert cli.refused("data", "add", *words, "--name", "x")


def test_sources_lists_what_there_is(cli: Cli, folder: Path) -> None:
    listed = cli.json("data", "sources")
    assert set(listed["sources"]) == set(SOURCES)
    assert set(listed["benchmarks"]) == set(BENCHMARKS)
    mnist = listed["benchmarks"]["mnist"]
    assert (mnist["here"], mnist["download_bytes"]) == (False, 11_490_434)
    size = (folder / "pets.zip").stat().st_size
    assert listed["server_folder"] == str(folder)
    assert listed["server"] == [{"path": "pets.zip", "size": size, "guess": "class_archive"}]
    text = cli.text("data", "sources")
    for word in ("Shapes", "cifar-10-python.tar.gz", "170.5 MB", "pets.zip"):
        assert word in text


def test_sources_without_a_teachers_folder(cli: Cli) -> None:
    assert cli.json("data", "sources")["server_folder"] is None
    assert "LIENZO_DATA_DIR" in cli.text("data", "sources")


def test_sources_with_an_empty_folder(cli: Cli, folder: Path) -> None:
    (folder / "pets.zip").unlink()
    assert cli.json("data", "sources")["server"] == []
    assert "nothing to import" in cli.text("data", "sources")
