"""The error for a date, a time, a duration or a repetition that cannot be resolved."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from llmagent_os.errors import LLMAgentOSError

Problem = Literal["unknown", "ambiguous", "past", "impossible"]
Field = Literal["date", "time", "duration", "repeat"]


class TimeExpressionError(LLMAgentOSError):
    """A date, a time, a duration or a repetition cannot be resolved."""

    def __init__(
        self, problem: Problem, field: Field, heard: str, at: datetime | None = None, *, why: str = ""
    ) -> None:
        super().__init__(f"the {field} {heard[:80]!r} is {problem}" + (f": {why}" if why else ""))
        #: ``unknown`` words, ``ambiguous`` words, a moment in the past, or words that name what cannot be
        self.problem: Problem = problem
        self.field: Field = field  #: the argument that is wrong
        self.heard = heard[:80]  #: the person's words, at most 80 characters
        self.at = at  #: a ``past`` moment on the wall clock; for a day, its midnight
        self.why = why  #: a sentence for the person that says what cannot be; may be empty
