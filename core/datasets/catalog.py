"""Which folders are datasets, and which only look like one."""

from __future__ import annotations

from core.datasets.dataset import STORED_SPLITS, DatasetInfo, damaged
from core.errors import DatasetError, Text
from core.paths import DatasetPaths, Paths

# NumPy pads the headers of arrays such as ours to this length.
_NPY_HEADER = 128


def folder_names(paths: Paths) -> list[str]:
    """The folders among the datasets, sorted; none if the directory does not exist yet."""
    try:
        names = sorted(entry.name for entry in paths.datasets.iterdir() if entry.is_dir())
    except OSError:
        return []
    return [name for name in names if not name.startswith(".")]


def scan(paths: Paths, only: str | None = None) -> list[tuple[str, DatasetInfo | Text]]:
    """Every folder (or the one called ``only``) with its description, or why it cannot be used.

    Opens no array: cheap enough for every rerun of a page.
    """
    names = [name for name in folder_names(paths) if only is None or name == only]
    return [(name, _inspect(paths.dataset(name))) for name in names]


def _inspect(files: DatasetPaths) -> DatasetInfo | Text:
    name = files.folder.name
    try:
        info = DatasetInfo.model_validate_json(files.info.read_bytes())
        # Renamed or copied by hand, the folder's name is what the user sees and asks for.
        info = info.model_copy(update={"name": name})
        _check_files(info, files)
    except DatasetError as error:
        return error.text
    except (OSError, ValueError):
        return damaged(name, files.info.name).text
    return info


def _check_files(info: DatasetInfo, files: DatasetPaths) -> None:
    height, width, channels = info.image_shape
    for split in STORED_SPLITS:
        rows = info.splits.get(split, 0)
        smallest = {
            files.images(split): _NPY_HEADER + rows * height * width * channels,
            files.labels(split): _NPY_HEADER + rows * 4,
            files.names(split): rows * 2,
        }
        for file, size in smallest.items():
            if rows and (not file.is_file() or file.stat().st_size < size):
                raise damaged(info.name, file.name)
