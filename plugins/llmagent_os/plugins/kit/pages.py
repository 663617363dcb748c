"""A long list in pages, with buttons that lead to the next and the previous one.

>>> page_of(list("abcdefghij"), 2, 4).items
['e', 'f', 'g', 'h']
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar

from llmagent_os.languages import gettext
from llmagent_os.plugin import Button

MAX_DIGITS = 6  #: of a page's number that are read

_T = TypeVar("_T")


class Page(NamedTuple, Generic[_T]):
    """One page of a list."""

    items: list[_T]
    number: int  #: from 1
    last: int  #: the number of the last page, at least 1

    def buttons(self, value: str) -> tuple[Button, ...]:
        """The buttons to the pages beside this one. ``value`` begins theirs: ``notes:`` gives ``notes:2``."""
        back = (Button(gettext("Previous"), f"{value}{self.number - 1}"),) if self.number > 1 else ()
        return (*back, *((Button(gettext("Next"), f"{value}{self.number + 1}"),) if self.number < self.last else ()))


def page_of(items: Sequence[_T], number: int, size: int) -> Page[_T]:
    """A page of ``items``: the nearest one, where there is none with that number."""
    count = max(-(-len(items) // size), 1)
    number = min(max(number, 1), count)
    return Page([*items[(number - 1) * size : number * size]], number, count)


def page_number(text: str) -> int:
    """The number of a page in the value of a button, which may be made up: then it is the first.

    >>> page_number("3"), page_number(""), page_number("x")
    (3, 1, 1)
    """
    return int(text[:MAX_DIGITS]) if text.isdecimal() else 1
