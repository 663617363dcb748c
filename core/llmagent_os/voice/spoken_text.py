"""A reply as it is read aloud: without marks, addresses and emojis, and not longer than people listen."""

from __future__ import annotations

import re
import unicodedata

from llmagent_os.languages import gettext
from llmagent_os.languages.written_phrases import join_sentences
from llmagent_os.markup import PLAIN, render

#: The longest text that is spoken. At 15 characters a second, that is a little more than a minute.
MAX_CHARACTERS = 1000

#: From this share of letters in another script on, a text is not English.
OTHER_SCRIPT = 0.2

#: Begins at the first of many spaces, so that each of them is read once.
_ADDRESS = re.compile(r"(?<!\s)\s*\(?\bhttps?://[^\s)]+\)?")
_MARKS = re.compile(r"[*_`#|>~•]+")
_SENTENCE_END = re.compile(r"[.!?…。！？][\"')\]]*\s")


def spoken_text(markdown: str) -> str:
    r"""What is said of a Markdown text. Lines end as sentences; an address is named as a link.

    >>> spoken_text("**Lunch** with _Ana_ 🎉 at [noon](https://cal.example/1)\n- bring cake")
    'Lunch with Ana at noon. bring cake.'
    """
    plain = _ADDRESS.sub("", render(markdown, PLAIN))
    lines = [" ".join(_MARKS.sub(" ", _without_emojis(line)).split()) for line in plain.splitlines()]
    lines = [line.removeprefix("- ").removeprefix("– ") for line in lines]
    whole = " ".join(line if line[-1] in ".!?…:;,。！？" else f"{line}." for line in lines if _has_words(line))
    return shortened(whole)


def shortened(text: str) -> str:
    """``text`` up to its last sentence within :data:`MAX_CHARACTERS`, and a word that there is more to read."""
    if len(text) <= MAX_CHARACTERS:
        return text
    cut = text[:MAX_CHARACTERS]
    ends = [match.end() for match in _SENTENCE_END.finditer(cut)]
    kept = cut[: ends[-1]] if ends else cut[: cut.rfind(" ") if " " in cut else None] + "."
    return join_sentences([kept.strip(), gettext("The rest is in the text.")])


def is_latin(text: str) -> bool:
    """Whether nearly all letters of ``text`` are Latin: another script cannot be English.

    >>> is_latin("Lunch with Ana at 3 PM"), is_latin("明天中午和安娜吃午饭"), is_latin("Завтра в полдень")
    (True, False, False)
    """
    letters = [character for character in text if character.isalpha()]
    other = sum(not unicodedata.name(character, "").startswith("LATIN") for character in letters)
    return other <= OTHER_SCRIPT * len(letters)


def _without_emojis(text: str) -> str:
    return "".join(
        " " if unicodedata.category(c) in ("So", "Sk", "Cs", "Co") or c in "\ufe0f\u200d" else c for c in text
    )


def _has_words(line: str) -> bool:
    return any(character.isalnum() for character in line)
