"""The images of a study: the same from its first trial to its last."""

from __future__ import annotations

from core.datasets.dataset import DatasetInfo
from core.datasets.retiring import open_for_run
from core.errors import N_, DatasetError
from core.paths import Paths
from core.search.spec import StudySpec


def images_of(paths: Paths, spec: StudySpec) -> DatasetInfo:
    """The dataset that the study began with, by the name that it has now.

    Raises:
        NotFoundError: if it is gone.
        DatasetError: if another one has its name: trials on other images cannot be compared.
    """
    info = open_for_run(paths, spec.config.data.dataset, spec.dataset_fingerprint).info
    if spec.dataset_fingerprint not in (None, info.fingerprint):
        raise DatasetError(
            N_("The dataset “{name}” is not the one that this search began with: it was replaced."),
            name=info.name,
        )
    return info
