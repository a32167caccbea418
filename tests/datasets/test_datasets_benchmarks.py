"""Benchmarks by name: found on this machine, else downloaded by Keras, checked and kept."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import http.server
import io
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.datasets import benchmarks, fetching
from core.datasets.benchmarks import (
    BENCHMARKS,
    Benchmark,
    BenchmarkSource,
    GenuineFile,
    download_bytes,
    find_file,
    is_there,
    keras_cache,
)
from core.datasets.dataset import DatasetInfo
from core.datasets.fetching import DownloadError, fetch
from core.datasets.formats.base import Reading
from core.datasets.importing import import_dataset
from core.datasets.options import ImportCancelledError, ImportOptions, ImportProgress
from core.errors import N_, DatasetError
from core.paths import Paths
from tests.datasets.making import classes, left_behind, pack

URL = "https://nowhere.invalid/pets.zip"
Fetch = Callable[[str, Path, str, Callable[[int], None]], None]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of Keras, and no teacher's folder."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("LIENZO_DATA_DIR", raising=False)
    return tmp_path / "keras" / "datasets"


@pytest.fixture
def data(tmp_path: Path) -> bytes:
    return pack(tmp_path / "pets.zip", classes("cat", "dog")).read_bytes()


@pytest.fixture
def small(data: bytes, monkeypatch: pytest.MonkeyPatch) -> GenuineFile:
    """Instead of MNIST, a small zip, which the cache keeps under a name that tells nothing."""
    checksum = hashlib.sha256(data).hexdigest()
    file = GenuineFile("pets.zip", URL, checksum, len(data), ("pets-target_archive", "old/pets"))
    monkeypatch.setitem(benchmarks.BENCHMARKS, "mnist", Benchmark("Pets", "", (file,)))
    return file


@pytest.fixture
def two(tmp_path: Path, data: bytes, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Instead of Fashion-MNIST, two files that are a dataset only together."""
    contents = {"one.zip": data, "two.zip": data[:100]}
    files = tuple(
        GenuineFile(name, f"https://x/{name}", hashlib.md5(d).hexdigest(), len(d), (f"f/{name}",))
        for name, d in contents.items()
    )
    monkeypatch.setitem(benchmarks.BENCHMARKS, "fashion_mnist", Benchmark("Two", "", files))
    return contents


@pytest.fixture
def teacher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "teacher"
    folder.mkdir()
    monkeypatch.setenv("LIENZO_DATA_DIR", str(folder))
    return folder


def serve(monkeypatch: pytest.MonkeyPatch, data: bytes | dict[str, bytes]) -> list[str]:
    """An internet that has these files; returns what is asked for."""
    asked: list[str] = []

    def fake(url: str, target: Path, checksum: str, told: Callable[[int], None]) -> None:
        asked.append(url)
        content = data if isinstance(data, bytes) else data[target.name]
        for part in (len(content) // 2, len(content)):
            target.write_bytes(content[:part])
            told(part)

    monkeypatch.setattr(benchmarks, "fetch", fake)
    return asked


def no_network(*_arguments: object) -> None:
    raise DownloadError(N_("{url} could not be downloaded: {error}"), url=URL, error="no route")


def add(paths: Paths, seen: list[ImportProgress] | None = None) -> DatasetInfo:
    log = seen if seen is not None else []
    return import_dataset(paths, BenchmarkSource("mnist"), "pets", on_progress=log.append)


# The table


def test_the_table_is_that_of_keras() -> None:
    """By reading what is installed: a new version of Keras may have other addresses."""
    import importlib.util

    spec = importlib.util.find_spec("keras")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "src" / "datasets"
    for name, benchmark in BENCHMARKS.items():
        source = (folder / f"{name}.py").read_text()
        for file in benchmark.files:
            assert file.name in source
            assert file.url.rpartition("/")[0] in source
            if len(file.checksum) == 64:
                assert file.checksum in source
            else:
                assert "file_hash" not in source  # Keras does not check these
            folder_name = file.cached[0].removesuffix("_archive").partition("/")[0]
            assert f'"{folder_name}"' in source


def test_only_one_has_coarse_labels() -> None:
    assert [name for name, b in BENCHMARKS.items() if b.coarse] == ["cifar100"]


# Where files are


def test_the_cache_of_keras_is_where_keras_has_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert keras_cache() == home
    monkeypatch.delenv("KERAS_HOME")
    assert keras_cache() == Path.home() / ".keras" / "datasets"


@pytest.mark.parametrize("place", ["pets-target_archive", "old/pets", "pets.zip"])
def test_a_file_in_keras_cache_is_used(
    paths: Paths, home: Path, small: GenuineFile, data: bytes, place: str
) -> None:
    (home / place).parent.mkdir(parents=True)
    (home / place).write_bytes(data)
    assert is_there("mnist")
    assert download_bytes("mnist") == 0
    info = add(paths)
    assert (info.origin, info.imported) == ("Pets", 8)


def test_half_a_file_in_keras_cache_is_not(home: Path, small: GenuineFile, data: bytes) -> None:
    home.mkdir(parents=True)
    (home / "pets.zip").write_bytes(data[:-1])
    assert not is_there("mnist")
    assert download_bytes("mnist") == len(data)


@pytest.mark.parametrize("place", ["pets.zip", "mnist/pets.zip"])
def test_the_teachers_file_comes_first(
    paths: Paths, home: Path, teacher: Path, small: GenuineFile, data: bytes, place: str
) -> None:
    home.mkdir(parents=True)
    (home / "pets.zip").write_bytes(data)
    (teacher / place).parent.mkdir(exist_ok=True)
    (teacher / place).write_bytes(data)
    assert find_file("mnist", small) == teacher / place
    assert add(paths).imported == 8


def test_a_file_that_only_has_the_name_is_refused_and_stays(
    paths: Paths, teacher: Path, small: GenuineFile, data: bytes
) -> None:
    (teacher / "pets.zip").write_bytes(data[:-1])
    with pytest.raises(DatasetError, match=r"is not the genuine pets\.zip") as caught:
        add(paths)
    assert str(teacher / "pets.zip") in str(caught.value)
    assert URL in str(caught.value)
    assert (teacher / "pets.zip").exists()


# Downloading


def test_a_download_is_kept_where_keras_finds_it(
    paths: Paths,
    home: Path,
    small: GenuineFile,
    data: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = serve(monkeypatch, data)
    seen: list[ImportProgress] = []
    assert add(paths, seen).imported == 8
    assert (home / "pets-target_archive").read_bytes() == data
    fetching = [(p.done, p.total) for p in seen if p.phase == "fetching"]
    assert fetching[-1] == (len(data), len(data))
    assert [p.name for p in home.iterdir()] == ["pets-target_archive"]
    import_dataset(paths, BenchmarkSource("mnist"), "again")
    assert asked == [URL]


def test_several_files_are_read_as_one_dataset(
    paths: Paths,
    home: Path,
    teacher: Path,
    two: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Each from where it is; progress counts the bytes of those that are missing, together."""
    (teacher / "one.zip").write_bytes(two["one.zip"])
    asked = serve(monkeypatch, two)
    told: list[object] = []
    source = BenchmarkSource("fashion_mnist")
    reading = Reading(tmp_path / "scratch", ImportOptions(), lambda *step: told.append(step))
    reading.scratch.mkdir()
    with pytest.raises(DatasetError, match="no pictures"):  # zips in a folder are no pictures
        source.find(reading)
    assert asked == ["https://x/two.zip"]
    assert told[-1] == ("fetching", 100, 100)
    genuine = {f.name: f.read_bytes() for f in (reading.scratch / "genuine").iterdir()}
    assert genuine == two
    assert (home / "f" / "two.zip").read_bytes() == two["two.zip"]


def test_a_cache_that_cannot_be_written_is_a_warning(
    paths: Paths, home: Path, small: GenuineFile, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.parent.mkdir(parents=True)
    home.write_text("a file where the folder should be")
    serve(monkeypatch, data)
    info = add(paths)
    assert info.imported == 8
    assert "could not be kept" in str(info.warnings[0])


def test_offline_says_which_file_to_put_where(
    paths: Paths, home: Path, teacher: Path, small: GenuineFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmarks, "fetch", no_network)
    with pytest.raises(DatasetError, match="Pets is not on this machine") as caught:
        add(paths)
    said = str(caught.value)
    for part in ("no route", "pets.zip", "https://nowhere.invalid/", str(teacher), str(home)):
        assert part in said
    assert not [f for f in left_behind(paths) if "staging" in f or "pets" in f]


def test_offline_without_a_teachers_folder_names_the_variable(
    paths: Paths, small: GenuineFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmarks, "fetch", no_network)
    with pytest.raises(DatasetError, match="LIENZO_DATA_DIR"):
        add(paths)


def test_a_download_can_be_cancelled(
    paths: Paths, home: Path, small: GenuineFile, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(monkeypatch, data)
    seen: list[ImportProgress] = []
    with pytest.raises(ImportCancelledError):
        import_dataset(
            paths,
            BenchmarkSource("mnist"),
            "pets",
            on_progress=seen.append,
            should_stop=lambda: bool(seen) and seen[-1].phase == "fetching",
        )
    assert not home.exists()
    assert not [f for f in left_behind(paths) if "pets" in f]


# By Keras itself


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Not on the terminal of the tests."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A web server of one folder."""
    folder = tmp_path / "site"
    folder.mkdir()
    handler = functools.partial(_Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", folder
    server.shutdown()
    server.server_close()


@pytest.mark.slow
def test_keras_downloads(site: tuple[str, Path], tmp_path: Path, data: bytes) -> None:
    url, folder = site
    (folder / "pets.zip").write_bytes(data)
    told: list[int] = []
    target = tmp_path / "pets.zip.got"
    fetch(f"{url}/pets.zip", target, hashlib.sha256(data).hexdigest(), told.append)
    assert target.read_bytes() == data
    assert told


@pytest.fixture
def keras_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The child's work is done in this process, which has loaded Keras before; what it says and
    how it ends is then repeated by a child that loads nothing."""
    popen = subprocess.Popen

    def start(command: list[str], **options: Any) -> subprocess.Popen[str]:
        monkeypatch.setattr(sys, "argv", command[2:])
        with contextlib.redirect_stderr(io.StringIO()) as said:
            code = fetching.main()
        script = f"import sys; sys.stderr.write({said.getvalue()!r}); sys.exit({code})"
        return popen([sys.executable, "-c", script], **options)

    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    monkeypatch.setattr(fetching, "_end_with_parent", lambda: None)
    monkeypatch.setattr(socket, "setdefaulttimeout", lambda _seconds: None)
    monkeypatch.setattr(subprocess, "Popen", start)


@pytest.mark.usefixtures("keras_here")
def test_keras_checks(site: tuple[str, Path], tmp_path: Path, data: bytes) -> None:
    url, folder = site
    (folder / "pets.zip").write_bytes(data)
    with pytest.raises(DownloadError, match="wrong checksum"):
        fetch(f"{url}/pets.zip", tmp_path / "other", "0" * 64, lambda got: None)
    assert not (tmp_path / "other").exists()


@pytest.mark.usefixtures("keras_here")
def test_keras_says_why_it_could_not(site: tuple[str, Path], tmp_path: Path) -> None:
    url, _folder = site
    with pytest.raises(DownloadError, match="404") as caught:
        fetch(f"{url}/no.zip", tmp_path / "no.zip", "0" * 32, lambda got: None)
    assert f"{url}/no.zip could not be downloaded" in str(caught.value)
    assert not (tmp_path / "no.zip").exists()


@pytest.mark.slow
def test_a_cancelled_download_ends_its_process(site: tuple[str, Path], tmp_path: Path) -> None:
    def cancel(_got: int) -> None:
        raise ImportCancelledError

    with pytest.raises(ImportCancelledError):
        fetch(f"{site[0]}/x", tmp_path / "x", "0" * 32, cancel)
