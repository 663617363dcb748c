"""What can be wrong with a date or a time that somebody said."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from llmagent_os.errors import LLMAgentOSError

Problem = Literal["unknown", "ambiguous", "past"]
Field = Literal["date", "time", "duration", "repeat"]


class WhenError(LLMAgentOSError):
    """A date or a time cannot be resolved."""

    def __init__(self, problem: Problem, field: Field, heard: str, at: datetime | None = None) -> None:
        super().__init__(f"the {field} {heard[:80]!r} is {problem}")
        self.problem: Problem = problem  #: ``unknown`` words, ``ambiguous``, or a moment that is over
        self.field: Field = field  #: what it was said for
        self.heard = heard[:80]  #: the words
        self.at = at  #: of a ``past`` one the moment, on the wall clock; midnight of a day
