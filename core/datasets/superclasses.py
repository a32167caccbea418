"""Classes that belong together, of the datasets that say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from core.datasets.vocabularies import VOCABULARIES

_CIFAR100 = (
    ("beaver", "dolphin", "otter", "seal", "whale"),
    ("aquarium fish", "flatfish", "ray", "shark", "trout"),
    ("orchid", "poppy", "rose", "sunflower", "tulip"),
    ("bottle", "bowl", "can", "cup", "plate"),
    ("apple", "mushroom", "orange", "pear", "sweet pepper"),
    ("clock", "keyboard", "lamp", "telephone", "television"),
    ("bed", "chair", "couch", "table", "wardrobe"),
    ("bee", "beetle", "butterfly", "caterpillar", "cockroach"),
    ("bear", "leopard", "lion", "tiger", "wolf"),
    ("bridge", "castle", "house", "road", "skyscraper"),
    ("cloud", "forest", "mountain", "plain", "sea"),
    ("camel", "cattle", "chimpanzee", "elephant", "kangaroo"),
    ("fox", "porcupine", "possum", "raccoon", "skunk"),
    ("crab", "lobster", "snail", "spider", "worm"),
    ("baby", "boy", "girl", "man", "woman"),
    ("crocodile", "dinosaur", "lizard", "snake", "turtle"),
    ("hamster", "mouse", "rabbit", "shrew", "squirrel"),
    ("maple tree", "oak tree", "palm tree", "pine tree", "willow tree"),
    ("bicycle", "bus", "motorcycle", "pickup truck", "train"),
    ("lawn mower", "rocket", "streetcar", "tank", "tractor"),
)
"""In the order of the superclasses' own labels."""
_MEMBERS: Mapping[str, tuple[str, Sequence[Sequence[str]]]] = {
    "cifar100": ("cifar100-coarse", _CIFAR100)
}
"""Vocabulary → that of its superclasses, and their members."""


class Grouping(NamedTuple):
    """``names`` of the superclasses that occur, as stored; ``vocabulary`` translates them;
    ``of`` (classes,) says for every class which of them it belongs to."""

    vocabulary: str
    names: tuple[str, ...]
    of: tuple[int, ...]


def superclasses(vocabulary: str, classes: Sequence[str]) -> Grouping | None:
    """The superclasses of these classes; None if they have none, or only one."""
    if vocabulary not in _MEMBERS:
        return None
    above, members = _MEMBERS[vocabulary]
    group = {name: i for i, names in enumerate(members) for name in names}
    found = [group.get(name) for name in classes]
    known = sorted({index for index in found if index is not None})
    if None in found or len(known) < 2:
        return None
    place = {index: i for i, index in enumerate(known)}
    names = tuple(VOCABULARIES[above][index] for index in known)
    return Grouping(above, names, tuple(place[index] for index in found if index is not None))
