"""What is tried out before a launch: in its own process, one at a time, ended with the server."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

import pytest
from filelock import FileLock

from core import probe_job
from core.errors import N_, ConfigError, NotFoundError, RunError
from core.jobs.probes import (
    ProbePaths,
    ProbeRequest,
    Probes,
    ProbeState,
    RateResult,
    SpeedResult,
    read_state,
)
from core.paths import Paths, write_atomic
from core.signals import StopSignal
from tests.training.helpers import QUICK, make_stripes

SPEED = SpeedResult(
    seconds_per_step=0.1,
    seconds_per_validation_step=0.2,
    seconds_per_epoch=1.0,
    images_per_second=100.0,
)


@pytest.fixture
def probes(paths: Paths) -> Iterator[Probes]:
    make_stripes(paths)
    made = Probes(paths, "cpu")
    yield made
    made.close()


def wait_until(true: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.slow
def test_a_rate_is_found_in_a_process_of_its_own(probes: Probes) -> None:
    probe_id = probes.start("rate", QUICK)
    assert probes.read(probe_id).status == "waiting"
    with pytest.raises(RunError, match="no result"):
        probes.result(probe_id)
    wait_until(lambda: probes.read(probe_id).is_over())
    found = probes.result(probe_id)
    assert isinstance(found, RateResult)
    assert found.valley


def test_one_that_waits_can_be_stopped(probes: Probes, paths: Paths) -> None:
    folder = paths.root / "cache" / "probes"
    folder.mkdir()
    with FileLock(folder / ".turn.lock"):  # somebody else's turn
        probe_id = probes.start("speed", QUICK)
        probes.stop(probe_id)
        wait_until(lambda: probes.read(probe_id).is_over())
    assert probes.read(probe_id).status == "stopped"


def test_it_ends_with_the_server(probes: Probes, paths: Paths) -> None:
    folder = paths.root / "cache" / "probes"
    folder.mkdir()
    with FileLock(folder / ".turn.lock"):
        probe_id = probes.start("speed", QUICK)
        probes.close()
        wait_until(lambda: probes.read(probe_id).is_over())
    assert probes.read(probe_id).status == "stopped"


def test_one_that_dies_without_a_word_has_failed(
    probes: Probes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.jobs.probes.sys.executable", "/bin/false")
    probe_id = probes.start("speed", QUICK)
    wait_until(lambda: probes.read(probe_id).is_over())
    assert "ended unexpectedly" in str(probes.read(probe_id).message)


def test_what_another_server_began_is_not_known(probes: Probes) -> None:
    with pytest.raises(NotFoundError):
        probes.read("20260101-000000-00000000")


def test_old_folders_are_swept_and_new_ones_kept(probes: Probes, paths: Paths) -> None:
    folder = paths.root / "cache" / "probes"
    for name in ("old", "new"):
        (folder / name).mkdir(parents=True)
    os.utime(folder / "old", (0, 0))
    probes.stop(probes.start("speed", QUICK))
    assert not (folder / "old").exists()
    assert (folder / "new").exists()


class TestJob:
    @pytest.fixture
    def files(self, paths: Paths) -> ProbePaths:
        made = ProbePaths(paths.root / "cache" / "probes" / "one")
        made.folder.mkdir(parents=True)
        write_atomic(made.request, ProbeRequest(kind="speed", config=QUICK).model_dump_json())
        return made

    def run(
        self,
        files: ProbePaths,
        paths: Paths,
        monkeypatch: pytest.MonkeyPatch,
        work: Callable[..., SpeedResult],
    ) -> ProbeState:
        monkeypatch.setattr(probe_job, "_result", work)
        state = probe_job.run(files, paths, StopSignal())
        assert read_state(files) == state
        return state

    def test_its_result_can_be_read(
        self, files: ProbePaths, paths: Paths, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        state = self.run(files, paths, monkeypatch, lambda *_: SPEED)
        assert (state.status, state.result) == ("finished", SPEED)

    @pytest.mark.parametrize(
        ("error", "said"),
        [
            (ConfigError(N_("It does not fit.")), "It does not fit."),
            (ValueError("x"), "Unexpected"),
        ],
    )
    def test_what_goes_wrong_is_said(
        self,
        files: ProbePaths,
        paths: Paths,
        monkeypatch: pytest.MonkeyPatch,
        error: Exception,
        said: str,
    ) -> None:
        def fail(*_: object) -> SpeedResult:
            raise error

        state = self.run(files, paths, monkeypatch, fail)
        assert state.status == "failed"
        assert said in str(state.message)

    def test_it_says_how_long_it_will_take_and_can_be_stopped(
        self, files: ProbePaths, paths: Paths, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen: list[ProbeState] = []

        def work(files: ProbePaths, _paths: Paths, signal: StopSignal) -> SpeedResult:
            monkeypatch.setattr(probe_job, "PROGRESS_SECONDS", 0.0)
            watch = probe_job._watch(files, signal)
            for done in (0.25, 0.5):
                time.sleep(0.01)
                watch(done)
                seen.append(read_state(files))
            signal.set("user")
            watch(0.75)
            raise AssertionError

        assert self.run(files, paths, monkeypatch, work).status == "stopped"
        assert [state.done for state in seen] == [0.25, 0.5]
        assert seen[0].eta_seconds is None
        assert (seen[1].eta_seconds or 0) > 0
