"""One file from the internet, by Keras' own loader, in a process of its own.

``python -m core.datasets.fetching URL FOLDER NAME HASH`` loads Keras (three seconds and 700 MB),
which the process that imports must not: it forks. Its parent sees the file grow.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from core.errors import N_, DatasetError, text

_ROOT = Path(__file__).resolve().parents[2]
_LOOK_SECONDS = 0.2
_SILENT_SECONDS = 30.0
"""A server that says nothing for so long says nothing more."""

Told = Callable[[int], None]
"""Told how many bytes there are; may raise to end the download."""


class DownloadError(DatasetError):
    """The file could not be had, or is not what it should be."""


def fetch(url: str, target: Path, checksum: str, told: Told) -> None:
    """Download ``url`` to ``target``, which is there whole and checked, or not at all.

    Raises:
        DownloadError: if it cannot be had, or is not what was expected.
        Whatever ``told`` raises.
    """
    command = [sys.executable, "-m", "core.datasets.fetching", url, str(target.parent), target.name]
    # The pipe is the child's lifeline: at its end the child ends too, however this one died.
    child = subprocess.Popen(
        [*command, checksum],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    assert child.stdin is not None
    assert child.stderr is not None
    try:
        while child.poll() is None:
            told(target.stat().st_size if target.exists() else 0)
            time.sleep(_LOOK_SECONDS)
        if child.returncode:
            raise _explained(child.returncode, child.stderr.read(), url)
    except BaseException:
        child.kill()
        child.wait()
        target.unlink(missing_ok=True)
        raise
    finally:
        child.stdin.close()
        child.stderr.close()


_WRONG, _UNREACHABLE = 3, 4


def _explained(code: int, said: str, url: str) -> DownloadError:
    last = said.strip().splitlines()[-1:] or [f"exit code {code}"]
    if code == _WRONG:
        return DownloadError(
            N_("What {url} sent is not the expected file (wrong checksum); it was removed."),
            url=url,
            remedy=text(N_("Try again; if it happens again, something in between changes files.")),
        )
    return DownloadError(N_("{url} could not be downloaded: {error}"), url=url, error=last[0])


def main() -> int:
    """The child. Keras removes what it has not got whole; the hash it checks here."""
    url, folder, name, checksum = sys.argv[1:]
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    socket.setdefaulttimeout(_SILENT_SECONDS)
    from keras.utils import get_file

    try:
        get_file(
            fname=name,
            origin=url,
            file_hash=checksum,
            hash_algorithm="auto",
            cache_dir=folder,
            cache_subdir="",
        )
    except ValueError as error:  # the file is whole, but its hash is another
        print(error, file=sys.stderr)
        return _WRONG
    except Exception as error:  # noqa: BLE001 - Keras raises bare exceptions, after any other's
        print(" ".join(str(error).split()), file=sys.stderr)
        return _UNREACHABLE
    return 0


def _end_with_parent() -> None:
    # Not by way of sys.stdin, whose lock would stand in the way of an ordinary end.
    os.read(0, 1)
    os._exit(1)


if __name__ == "__main__":
    raise SystemExit(main())
