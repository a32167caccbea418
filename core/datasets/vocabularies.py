"""The class names of well-known datasets: stored in English, shown in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.errors import N_

_DIGITS = tuple(str(digit) for digit in range(10))
_FASHION = (
    *(N_("T-shirt/top"), N_("trouser"), N_("pullover"), N_("dress"), N_("coat"), N_("sandal")),
    *(N_("shirt"), N_("sneaker"), N_("bag"), N_("ankle boot")),
)
_CIFAR10 = (
    *(N_("airplane"), N_("automobile"), N_("bird"), N_("cat"), N_("deer"), N_("dog"), N_("frog")),
    *(N_("horse"), N_("ship"), N_("truck")),
)
_CIFAR100 = (
    *(N_("apple"), N_("aquarium fish"), N_("baby"), N_("bear"), N_("beaver"), N_("bed")),
    *(N_("bee"), N_("beetle"), N_("bicycle"), N_("bottle"), N_("bowl"), N_("boy"), N_("bridge")),
    *(N_("bus"), N_("butterfly"), N_("camel"), N_("can"), N_("castle"), N_("caterpillar")),
    *(N_("cattle"), N_("chair"), N_("chimpanzee"), N_("clock"), N_("cloud"), N_("cockroach")),
    *(N_("couch"), N_("crab"), N_("crocodile"), N_("cup"), N_("dinosaur"), N_("dolphin")),
    *(N_("elephant"), N_("flatfish"), N_("forest"), N_("fox"), N_("girl"), N_("hamster")),
    *(N_("house"), N_("kangaroo"), N_("keyboard"), N_("lamp"), N_("lawn mower"), N_("leopard")),
    *(N_("lion"), N_("lizard"), N_("lobster"), N_("man"), N_("maple tree"), N_("motorcycle")),
    *(N_("mountain"), N_("mouse"), N_("mushroom"), N_("oak tree"), N_("orange"), N_("orchid")),
    *(N_("otter"), N_("palm tree"), N_("pear"), N_("pickup truck"), N_("pine tree"), N_("plain")),
    *(N_("plate"), N_("poppy"), N_("porcupine"), N_("possum"), N_("rabbit"), N_("raccoon")),
    *(N_("ray"), N_("road"), N_("rocket"), N_("rose"), N_("sea"), N_("seal"), N_("shark")),
    *(N_("shrew"), N_("skunk"), N_("skyscraper"), N_("snail"), N_("snake"), N_("spider")),
    *(N_("squirrel"), N_("streetcar"), N_("sunflower"), N_("sweet pepper"), N_("table")),
    *(N_("tank"), N_("telephone"), N_("television"), N_("tiger"), N_("tractor"), "train"),
    *(N_("trout"), N_("tulip"), N_("turtle"), N_("wardrobe"), N_("whale"), N_("willow tree")),
    *(N_("wolf"), N_("woman"), N_("worm")),
)
_CIFAR100_COARSE = (
    *(N_("aquatic mammals"), N_("fish"), N_("flowers"), N_("food containers")),
    *(N_("fruit and vegetables"), N_("household electrical devices"), N_("household furniture")),
    *(N_("insects"), N_("large carnivores"), N_("large man-made outdoor things")),
    *(N_("large natural outdoor scenes"), N_("large omnivores and herbivores")),
    *(N_("medium-sized mammals"), N_("non-insect invertebrates"), N_("people"), N_("reptiles")),
    *(N_("small mammals"), N_("trees"), N_("vehicles 1"), N_("vehicles 2")),
)
SHAPE_NAMES = (
    *(N_("circle"), N_("square"), N_("triangle"), N_("star"), N_("cross")),
    *(N_("ring"), N_("crescent"), N_("heart"), N_("arrow"), N_("hexagon")),
)
"""The figures of *Shapes*, in the order in which they are added."""

VOCABULARIES: Mapping[str, Sequence[str]] = {
    "mnist": _DIGITS,
    "fashion_mnist": _FASHION,
    "kmnist": ("お", "き", "す", "つ", "な", "は", "ま", "や", "れ", "を"),
    "cifar10": _CIFAR10,
    "cifar100": _CIFAR100,
    "cifar100-coarse": _CIFAR100_COARSE,
    "shapes": SHAPE_NAMES,
}
"""Name → classes in the order of their labels."""

_MSGIDS: Mapping[str, Mapping[str, str]] = {"cifar100": {"train": N_("train (on rails)")}}
"""Where a class's own name, as a sentence of the app, would mean something else."""


def msgid(vocabulary: str, name: str) -> str | None:
    """The translatable form of a class name, None if the vocabulary does not know it."""
    if name not in VOCABULARIES.get(vocabulary, ()):
        return None
    return _MSGIDS.get(vocabulary, {}).get(name, name)


def recognised(vocabulary: str, names: Sequence[str]) -> bool:
    """Whether ``names`` are those of the vocabulary, in its order, however they are spelt."""
    known = VOCABULARIES[vocabulary]
    return [_plain(name) for name in names] == [_plain(name) for name in known]


def _plain(name: str) -> str:
    return name.replace("_", " ").replace("-", " ").strip().casefold()
