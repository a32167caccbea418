"""File and folder names as archives and disks hand them over."""

from __future__ import annotations

import contextlib
import re
import unicodedata

_UTF8 = 0x800
_SYSTEM_FILES = {"thumbs.db", "desktop.ini", "icon\r", "ehthumbs.db"}
_SYSTEM_FOLDERS = {"__macosx", "$recycle.bin", "system volume information"}
_DRIVE = re.compile(r"[A-Za-z]:")


def from_archive(raw_name: str, flags: int) -> str:
    """The name of an entry; where the archive does not say so, UTF-8 is recognised by trying.

    macOS and many Linux programs write UTF-8 without the flag for it, and by the rules of zip
    the bytes are then CP437. Names that are no UTF-8 stay what CP437 makes of them.
    """
    name = raw_name.split("\0", 1)[0]
    if not flags & _UTF8 and not name.isascii():
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return unicodedata.normalize("NFC", name)


def from_folder(name: str) -> str:
    """The name of a file on disk, with bytes that are no text made visible."""
    return unicodedata.normalize("NFC", name.encode("utf-8", "backslashreplace").decode())


def safe_parts(name: str) -> tuple[str, ...] | None:
    """Folders and file of a name in an archive; None if it is empty or could lead outside."""
    parts = name.split("/")
    if name.startswith("/") or _DRIVE.match(name) or ".." in parts:
        return None
    return tuple(part for part in parts if part not in ("", ".")) or None


def is_system(parts: tuple[str, ...]) -> bool:
    """Whether the operating system has put the file there, or hides it."""
    return (
        any(part.startswith(".") or part.lower() in _SYSTEM_FOLDERS for part in parts)
        or parts[-1].lower() in _SYSTEM_FILES
    )


def natural(name: str) -> tuple[tuple[int, str], ...]:
    """A sort key that puts "2" before "10"."""
    pieces = re.split(r"(\d+)", name.casefold())
    return (*((int(p), "") if i % 2 else (0, p) for i, p in enumerate(pieces)), (0, name))
