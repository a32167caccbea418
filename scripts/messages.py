"""Bring every catalogue in ``locales/`` up to date with the code: ``make messages``.

It works on the ``.po`` files alone, which ``ui/i18n.py`` reads as they are: there is no template
and nothing to compile. For a new language make an empty ``locales/xx/LC_MESSAGES/lienzo.po``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
KEYWORDS = {"_": None, "N_": None, "ngettext": (1, 2)}
# Babel's own header has dates, which would make every change of a catalogue a conflict.
HEADER = r"""# The texts of Lienzo. After a change of the code: make messages
msgid ""
msgstr ""
"Language: {locale}\n"
"Plural-Forms: {plural_forms}\n"
"MIME-Version: 1.0\n"
"Content-Type: text/plain; charset=utf-8\n"
"Content-Transfer-Encoding: 8bit\n"

"""
Id = str | tuple[str, ...]


def extracted(root: Path = ROOT) -> set[Id]:
    """Every message of the code; one with a plural is a pair."""
    with (root / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]
    return {row[2] for row in extract_from_dir(root, methods, options, KEYWORDS)}


def in_code(root: Path = ROOT) -> Catalog:
    """The messages of the code in an order that does not change when code moves."""
    catalog = Catalog()
    for message in sorted(extracted(root), key=lambda m: (singular(m), isinstance(m, tuple))):
        catalog.add(message)
    return catalog


def singular(message: str | Sequence[str]) -> str:
    return message if isinstance(message, str) else message[0]


def catalogues(root: Path = ROOT) -> list[Path]:
    return sorted((root / "locales").glob("*/LC_MESSAGES/lienzo.po"))


def read(file: Path) -> Catalog:
    with file.open("rb") as source:
        return read_po(source, locale=file.parts[-3], domain="lienzo")


def update(file: Path, code: Catalog) -> Catalog:
    """Add what is new and drop what is gone; never guess a translation from a similar text."""
    catalog = read(file)
    catalog.update(code, no_fuzzy_matching=True)
    with file.open("wb") as target:
        header = HEADER.format(locale=catalog.locale, plural_forms=catalog.plural_forms)
        target.write(header.encode())
        write_po(target, catalog, width=100, omit_header=True, ignore_obsolete=True)
    return catalog


def untranslated(catalog: Catalog) -> Iterator[Message]:
    """Messages that would be shown in English, wholly or for some numbers."""
    for message in catalog:
        forms = message.string if isinstance(message.string, tuple) else (message.string,)
        if message.id and (message.fuzzy or not all(forms)):
            yield message


def main(root: Path = ROOT) -> int:
    code = in_code(root)
    for file in catalogues(root):
        missing = list(untranslated(update(file, code)))
        print(f"{file.relative_to(root)}: {len(code)} messages, {len(missing)} to translate")
        for message in missing:
            print(f"  {singular(message.id)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
