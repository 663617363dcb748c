"""Reads the catalogues: files of gettext (``.po``) that hold the translations of the texts in the code.

``catalogues/de/commands.po`` holds the German texts of the room ``commands``. The files of a language are read by
Babel when the first text of the language is needed. Nothing is compiled beforehand.

Reference:
    U. Drepper, J. Meyering, F. Pinard, B. Haible (2024). GNU gettext tools. Section 3, the format of PO files.
"""

from __future__ import annotations

import asyncio
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from io import BytesIO

from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from llmagent_os.languages.known_languages import ENGLISH, LANGUAGES, language_of_tag


@cache
def catalogue(language: str) -> NullTranslations:
    """The texts in one language. English, and a language that there are no texts in, give back what they are asked.

    The first call for a language reads files for some tens of milliseconds. :func:`read_catalogues` does that in
    advance, so that no event loop waits for it.
    """
    if language not in LANGUAGES:
        return NullTranslations()
    Locale.parse("en_GB" if language == ENGLISH else language).languages  # noqa: B018  # reads how values are written
    if language == ENGLISH:
        return NullTranslations()
    merged: Catalog | None = None
    folder = files("llmagent_os.languages").joinpath("catalogues", language)
    for file in sorted(folder.iterdir(), key=lambda each: each.name):
        if file.name.endswith(".po"):
            found = read_po(BytesIO(file.read_bytes()), locale=language)
            merged = merged or found  # which has the plural forms that its header says
            for message in found:
                if message.id:  # the first message of a file is its header
                    merged[message.id] = message
    if merged is None:
        return NullTranslations()
    compiled = BytesIO()
    write_mo(compiled, merged)
    compiled.seek(0)
    return GNUTranslations(compiled)


def read_catalogues(languages: tuple[str, ...]) -> None:
    """Read the texts of several languages. It reads files: run it in a thread."""
    for language in languages:
        catalogue(language)


async def read_all_catalogues() -> None:
    """Read the texts of every language, in a thread: for whoever compares words with a text in all of them."""
    await asyncio.to_thread(read_catalogues, tuple(LANGUAGES))


async def language_of_account(locale: str) -> str:
    """The language that a platform's language tag names, else English. Its texts are read, in a thread.

    It is for what an adapter says by itself, before the host knows whom it has to do with.
    """
    language = language_of_tag(locale) or ENGLISH
    await asyncio.to_thread(catalogue, language)
    return language
