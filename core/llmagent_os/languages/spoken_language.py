"""The language in force: the one in which the present task speaks to a person."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

from llmagent_os.languages.known_languages import ENGLISH

#: Tasks and threads that a task starts begin with the task's language.
_IN_FORCE: ContextVar[str] = ContextVar("language_in_force", default=ENGLISH)


def language_in_force() -> str:
    """The code of the language that texts are given in.

    >>> with speaking("de"):
    ...     language_in_force()
    'de'
    >>> language_in_force()
    'en'
    """
    return _IN_FORCE.get()


@contextmanager
def speaking(language: str) -> Generator[None]:
    """Have texts given in a language until the block ends.

    Args:
        language: a code of :data:`~llmagent_os.languages.known_languages.LANGUAGES`. Texts that have no translation
            into the language are given in English.
    """
    token = _IN_FORCE.set(language)
    try:
        yield
    finally:
        _IN_FORCE.reset(token)
