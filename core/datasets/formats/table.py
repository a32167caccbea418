"""All formats. The first that claims a container reads it."""

from __future__ import annotations

from core.datasets.formats.arrays import ARRAYS
from core.datasets.formats.base import Format
from core.datasets.formats.cifar import CIFAR
from core.datasets.formats.folders import FOLDERS
from core.datasets.formats.idx import IDX
from core.datasets.formats.kaggle_csv import KAGGLE_CSV
from core.datasets.formats.manifest import MANIFEST
from core.datasets.formats.parquet import PARQUET

FORMATS: tuple[Format, ...] = (IDX, CIFAR, PARQUET, ARRAYS, KAGGLE_CSV, MANIFEST, FOLDERS)
"""Unmistakable ones first: idx and CIFAR claim by whole sets of names. Arrays and tables of pixels
claim nothing that has pictures, which so go before stray files beside them."""
