"""What stands in place of a file that a platform does not take."""

from __future__ import annotations

from llmagent_os.languages import gettext


def not_attached(name: str) -> str:
    """The note about a file that was to come with a message.

    >>> not_attached("week.png")
    '(week.png could not be attached.)'
    """
    return gettext("({name} could not be attached.)", name=name)
