"""What the sender of a recording reads that nobody could understand: one sentence a reason."""

from __future__ import annotations

from llmagent_os.languages import gettext, lazy_gettext, ngettext
from llmagent_os.languages.written_phrases import decimal_text

NOTHING_AUDIBLE = lazy_gettext(
    "I could not hear anything in your recording: please check your microphone, or write to me."
)
NOT_UNDERSTOOD = lazy_gettext("I could not understand your recording: please say it again, or write it.")
NO_SOUND = lazy_gettext("I cannot play your recording: the file is damaged, or it is no sound. Please record it again.")
GONE = lazy_gettext("I do not have your recording any more: please send it again.")


def too_long(max_seconds: float) -> str:
    """The sentence about a recording that is too long.

    >>> too_long(120)
    'Your recording is longer than 2 minutes: please send a shorter one.'
    """
    minutes = max_seconds / 60
    if minutes < 1 or minutes != int(minutes):
        return gettext(
            "Your recording is longer than {seconds} seconds: please send a shorter one.",
            seconds=decimal_text(max_seconds),
        )
    return ngettext(
        "Your recording is longer than a minute: please send a shorter one.",
        "Your recording is longer than {count} minutes: please send a shorter one.",
        int(minutes),
    )
