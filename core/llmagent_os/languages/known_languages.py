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


def known_language(code: str) -> str:
    """``code``, if there are texts in the language.

    Raises:
        ValueError: there are none; the message names those that there are.
    """
    if code not in LANGUAGES:
        known = ", ".join(f"{each} ({name})" for each, name in LANGUAGES.items())
        raise ValueError(f"there are no texts in the language {code!r}: write some of {known}")
    return code
