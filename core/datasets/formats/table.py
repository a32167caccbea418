"""All formats. The first that claims a container reads it."""

from __future__ import annotations

from core.datasets.formats.base import Format
from core.datasets.formats.folders import FOLDERS
from core.datasets.formats.manifest import MANIFEST

FORMATS: tuple[Format, ...] = (MANIFEST, FOLDERS)
