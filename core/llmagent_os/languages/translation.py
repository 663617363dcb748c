"""Gives texts in the language in force.

>>> gettext("Let in: {who}.", who="Ana"), ngettext("{count} passage", "{count} passages", 2)
('Let in: Ana.', '2 passages')

What stands in the code is the message that the catalogues are asked for. So it is a literal, never an f-string, and a
whole sentence: its words stand in another order in another language. Values go into placeholders, by name.
"""

from __future__ import annotations

import msgspec
import structlog

from llmagent_os.languages.catalogues import catalogue
from llmagent_os.languages.known_languages import LANGUAGES
from llmagent_os.languages.spoken_language import language_in_force
from llmagent_os.languages.written_values import number_text

_log = structlog.stdlib.get_logger(__name__)


def gettext(message: str, /, **values: object) -> str:
    """A text in the language in force.

    Args:
        message: the text in English, with placeholders such as ``{name}``. It is a literal.
        values: what the placeholders stand for. Without values the text is given as it is, with its braces.

    Raises:
        KeyError: ``message`` has a placeholder that ``values`` lacks. A translation with a wrong placeholder raises
            nothing: then the text is given in English.
    """
    return _filled(catalogue(language_in_force()).gettext(message), message, values)


def ngettext(singular: str, plural: str, count: int, /, **values: object) -> str:
    """A text about a number of things in the language in force, in the form that the number asks for.

    Args:
        singular: the text in English where ``count`` is 1.
        plural: the text in English for other numbers.
        count: the number. It is what ``{count}`` stands for, written as the language writes numbers.
        values: what other placeholders stand for.

    Raises:
        KeyError: see :func:`gettext`.
    """
    values = {"count": number_text(count), **values}
    english = singular if count == 1 else plural
    return _filled(catalogue(language_in_force()).ngettext(singular, plural, count), english, values)


class LazyText(msgspec.Struct, frozen=True):
    """A text of a table or a constant, which is written before anybody is spoken to.

    ``str(text)`` and :meth:`format` give the text in the language that is in force then.

    >>> str(LazyText("what I can do"))
    'what I can do'
    """

    message: str  #: the text in English

    def __str__(self) -> str:
        return gettext(self.message)

    def format(self, **values: object) -> str:
        """The text with its placeholders filled, as :func:`gettext` gives it.

        >>> lazy_gettext("Only {who} may.").format(who="Ana")
        'Only Ana may.'
        """
        return gettext(self.message, **values)

    def is_said_by(self, words: str) -> bool:
        """Whether ``words`` are the text in any language. The text has no placeholders.

        >>> lazy_gettext("what I can do").is_said_by("something else")
        False
        """
        return words == self.message or any(words == catalogue(each).gettext(self.message) for each in LANGUAGES)


def lazy_gettext(message: str, /) -> LazyText:
    """Mark a literal text, to be translated when somebody is spoken to."""
    return LazyText(message)


def gettext_noop(message: str, /) -> str:
    """Mark a literal text, which stays as it is: in the attributes of plugins, which hold plain strings."""
    return message


def translated(message: str) -> str:
    """A text that was marked by :func:`gettext_noop`; any other text stays as it is.

    >>> translated("a text of somebody else's plugin")
    "a text of somebody else's plugin"
    """
    return catalogue(language_in_force()).gettext(message) if message else message


def _filled(translated: str, english: str, values: dict[str, object]) -> str:
    if not values:
        return translated
    try:
        return translated.format_map(values)
    except (LookupError, ValueError, AttributeError):
        if translated == english:
            raise
        _log.error("a translation has a wrong placeholder", language=language_in_force(), text=english)
        return english.format_map(values)
