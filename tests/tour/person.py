"""What a person does anywhere: in the browser, and on each platform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Person(Protocol):
    """Says something, gives a command or presses a button, and waits for the answer that is expected.

    Answers are of the place's own type, and go back into :meth:`press`.
    """

    name: str
    place: str  #: ``browser``, ``slack``, ``discord`` or ``telegram``

    async def say(self, text: str, expected: str, *, files: Mapping[str, bytes] | None = None) -> Any:
        """Write a message."""
        ...

    async def command(self, line: str, expected: str) -> Any:
        """Give a slash command."""
        ...

    async def press(self, shown: Any, label: str, expected: str) -> Any:
        """Press a button of an answer."""
        ...

    async def reads(self, expected: str, seconds: float) -> Any:
        """Wait for a message that the bot writes by itself."""
        ...

    async def sees_picture(self, words: str) -> None:
        """Wait for a picture whose words match."""
        ...

    async def text_of(self, shown: Any) -> str:
        """The words of an answer."""
        ...

    async def picture(self, name: str) -> None:
        """Take a screenshot, where there is a screen."""
        ...
