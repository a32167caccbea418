"""Who has waited longest comes first."""

from __future__ import annotations

import threading
import time

import pytest

from core.fair import FairLock


def test_it_goes_round_although_one_asks_again_at_once() -> None:
    lock, order, go = FairLock(), [], threading.Event()

    def work(name: str) -> None:
        for _turn in range(3):
            with lock:
                order.append(name)
                assert go.wait(20)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for n, thread in enumerate(threads, start=1):
        thread.start()
        while len(lock._line) < n:
            time.sleep(0.001)
    go.set()
    for thread in threads:
        thread.join(20)
    assert order == list("abc" * 3)


def test_who_fails_within_lets_others_in() -> None:
    lock = FairLock()
    with pytest.raises(KeyError), lock:
        raise KeyError
    with lock:
        assert len(lock._line) == 1
