"""What the sender of a recording reads that nobody could understand: one sentence a reason."""

from __future__ import annotations

NOTHING_AUDIBLE = "I could not hear anything in your recording: please check your microphone, or write to me."
NOT_UNDERSTOOD = "I could not understand your recording: please say it again, or write it."
NO_SOUND = "I cannot play your recording: the file is damaged, or it is no sound. Please record it again."
GONE = "I do not have your recording any more: please send it again."


def too_long(max_seconds: float) -> str:
    """The sentence about a recording that is too long.

    >>> too_long(120)
    'Your recording is longer than 2 minutes: please send a shorter one.'
    """
    minutes = max_seconds / 60
    longest = f"{max_seconds:g} seconds" if minutes < 1 else "a minute" if minutes == 1 else f"{minutes:g} minutes"
    return f"Your recording is longer than {longest}: please send a shorter one."
