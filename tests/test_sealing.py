from __future__ import annotations

from threading import Thread

import pytest

from core.errors import StoreError
from core.paths import Paths
from core.sealing import is_sealed, looks, unlock

RUN = "20260101-000000-000-abcd"


@pytest.fixture(autouse=True)
def _folder(paths: Paths) -> None:
    paths.run(RUN).folder.mkdir(parents=True)


def test_sealed_until_the_first_look_and_every_look_counts(paths: Paths) -> None:
    assert is_sealed(paths, RUN)
    assert looks(paths, RUN) == []
    unlock(paths, RUN, "Ana")
    unlock(paths, RUN)
    assert not is_sealed(paths, RUN)
    assert [look.by for look in looks(paths, RUN)] == ["Ana", ""]


def test_a_server_may_leave_everything_open(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIENZO_SEALED_TEST", "0")
    assert not is_sealed(paths, RUN)
    monkeypatch.setenv("LIENZO_SEALED_TEST", "1")
    assert is_sealed(paths, RUN)


def test_many_at_once_are_all_counted(paths: Paths) -> None:
    threads = [Thread(target=unlock, args=(paths, RUN, f"PC-{i}")) for i in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {look.by for look in looks(paths, RUN)} == {f"PC-{i}" for i in range(20)}


def test_a_torn_line_is_left_out(paths: Paths) -> None:
    unlock(paths, RUN, "Ana")
    with paths.run(RUN).looks.open("a") as file:
        file.write('{"when": "20')
    assert [look.by for look in looks(paths, RUN)] == ["Ana"]
    assert not is_sealed(paths, RUN)


def test_what_cannot_be_counted_stays_sealed(paths: Paths) -> None:
    paths.run(RUN).folder.rmdir()
    with pytest.raises(StoreError, match="cannot be counted"):
        unlock(paths, RUN)
    assert is_sealed(paths, RUN)
