"""The languages that this project has texts in, and what platforms call them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

#: The language of the texts in the code.
ENGLISH = "en"

#: Every language that there are texts in, by its code (ISO 639-1), and what its speakers call it.
LANGUAGES: Mapping[str, str] = MappingProxyType({"en": "English", "de": "Deutsch", "es": "Español", "zh": "简体中文"})


def language_of_tag(tag: str | None) -> str | None:
    """The language of :data:`LANGUAGES` that a language tag (BCP 47) names. None: the tag names another one, or none.

    >>> language_of_tag("es-419"), language_of_tag("zh_Hans_CN"), language_of_tag("pt-BR"), language_of_tag("")
    ('es', 'zh', None, None)
    """
    code = (tag or "").replace("_", "-").partition("-")[0].lower()
    return code if code in LANGUAGES else None


def accepted_language(header: str) -> str:
    """The first language of an ``Accept-Language`` header (RFC 9110, 12.5.4) that there are texts in; else empty.

    >>> accepted_language("fr, de-CH;q=0.8, en;q=0.9"), accepted_language("fr"), accepted_language("zh-TW, *;q=0")
    ('en', '', 'zh')
    """
    found: list[tuple[float, str]] = []
    for part in header.split(",")[:20]:
        tag, _, weight = part.partition(";q=")
        language = language_of_tag(tag.strip())
        try:
            quality = float(weight) if weight else 1.0
        except ValueError:
            continue
        if language is not None and quality > 0:
            found.append((-quality, language))
    return min(found, key=lambda each: each[0])[1] if found else ""


def known_language(code: str) -> str:
    """``code``, if there are texts in the language.

    Raises:
        ValueError: there are none; the message names those that there are.
    """
    if code not in LANGUAGES:
        known = ", ".join(f"{each} ({name})" for each, name in LANGUAGES.items())
        raise ValueError(f"there are no texts in the language {code!r}: write some of {known}")
    return code
