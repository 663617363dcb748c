"""A person on one of the three loopback platforms."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from tests.platforms.server import PlatformServer, Shown
from tests.platforms.telegram import TelegramServer
from tests.tour.transcript import StepFailed, Transcript

#: The method that shows a window over the chat on Telegram.
ALERTS = ("answerCallbackQuery",)
PATIENCE = 45.0  # seconds: a busy machine takes long to load models


class PlatformPerson:
    """Says something and waits for the answer that is expected."""

    def __init__(self, server: PlatformServer, name: str, user: str, transcript: Transcript) -> None:
        self.server, self.name, self.user, self.transcript = server, name, user, transcript
        self.place = server.name

    def sees(self, channel: str = "") -> list[Shown]:
        """The finished messages of the bot."""
        return [one for one in self.server.shown(channel, user=self.user) if not one.draft]

    async def say(
        self,
        text: str,
        expected: str,
        *,
        channel: str = "",
        files: Mapping[str, bytes] | None = None,
        voice: bool = False,
    ) -> Shown:
        """Write a message, with a mention in a channel. Return the bot's new message that matches ``expected``."""
        said = ", ".join(filter(None, [text, *(f"[{name}]" for name in files or ())]))
        return await self._answered(
            said,
            expected,
            channel,
            lambda: self.server.say(
                text, user=self.user, channel=channel, mention=bool(channel), files=files, voice=voice
            ),
        )

    async def command(self, line: str, expected: str, *, channel: str = "") -> Shown:
        """Give a slash command, ``/name arguments``."""
        name, _, arguments = line.removeprefix("/").partition(" ")
        return await self._answered(
            line, expected, channel, lambda: self.server.command(name, arguments, user=self.user, channel=channel)
        )

    async def press(self, shown: Shown, label: str, expected: str, *, channel: str = "") -> Shown:
        """Press a button of a message."""
        return await self._answered(
            f"(presses “{label}”)",
            expected,
            channel,
            lambda: self.server.press(shown.message_id, label, user=self.user),
        )

    async def is_told_alone(self, line: str, expected: str, *, channel: str) -> None:
        """Give a command in a channel, whose answer nobody else sees: there, or in the direct conversation."""
        name, _, arguments = line.removeprefix("/").partition(" ")
        self.transcript.said(self.server.name, self.name, line)
        await self.server.command(name, arguments, user=self.user, channel=channel)

        def seen() -> list[Shown]:
            hidden = [one for one in self.sees(channel) if one.only_for == self.user] + self.sees()
            return [one for one in hidden if re.search(expected, one.text)]

        try:
            await self.server.wait(lambda: bool(seen()), PATIENCE)
        except TimeoutError:
            raise StepFailed(f"{self.server.name}: {line!r} should be answered for {self.name} alone") from None
        self.transcript.said(self.server.name, "bot", f"(only for {self.name}) {seen()[-1].text}")

    async def reads(self, expected: str, seconds: float) -> Shown:
        """Wait until a message of the bot in the direct conversation matches, whenever it came.

        Raises:
            StepFailed: none does within ``seconds``.
        """

        def fitting() -> list[Shown]:
            return [one for one in self.sees() if re.search(expected, one.text, re.DOTALL | re.IGNORECASE)]

        try:
            await self.server.wait(lambda: bool(fitting()), seconds)
        except TimeoutError:
            raise StepFailed(f"{self.server.name}: the bot should have written {expected!r} by itself") from None
        self.transcript.said(self.server.name, "bot", f"(by itself) {described(fitting()[-1])}")
        return fitting()[-1]

    async def sees_picture(self, words: str, channel: str = "") -> None:
        """Wait for a picture whose words match.

        Raises:
            StepFailed: none comes.
        """

        def seen() -> list[str]:
            all_words = [each for one in self.sees(channel) for each in one.alternatives]
            return [each for each in all_words if re.search(words, each, re.IGNORECASE)]

        try:
            await self.server.wait(lambda: bool(seen()), PATIENCE)
        except TimeoutError:
            raise StepFailed(f"{self.server.name}: no picture has the words {words!r}") from None
        self.transcript.said(self.server.name, "bot", f"[picture: {seen()[-1]}]")

    async def text_of(self, shown: Shown) -> str:
        """The words of an answer."""
        return shown.text

    async def picture(self, name: str) -> None:
        """Nothing: the platforms on loopback have no screen. The transcript has what is seen."""

    async def react(self, shown: Shown, emoji: str, expected: str, *, channel: str = "") -> Shown:
        """Put an emoji on a message, where an answer is expected."""
        return await self._answered(
            f"(reacts with {emoji})",
            expected,
            channel,
            lambda: self.server.react(shown.message_id, emoji, on=True, user=self.user),
        )

    async def is_refused(self, shown: Shown, label: str, words: str) -> None:
        """Press a button of somebody else's message: this person alone reads why nothing happens."""
        self.transcript.said(self.server.name, self.name, f"(presses “{label}”)")
        await self.server.press(shown.message_id, label, user=self.user)

        def told() -> bool:
            if isinstance(self.server, TelegramServer):  # a window over the chat, which is no message
                return any(given.get("text") == words for name, given in self.server.calls if name in ALERTS)
            return any(one.text == words and one.only_for == self.user for one in self.sees(shown.channel))

        await self.server.wait(told, PATIENCE)
        self.transcript.said(self.server.name, "bot", f"(only for {self.name}) {words}")

    async def _answered(self, said: str, expected: str, channel: str, act: Callable[[], object]) -> Shown:
        before = {one.message_id: one for one in self.sees(channel)}
        self.transcript.said(self.server.name, self.name, said)
        await act()  # type: ignore[misc]

        def fresh() -> list[Shown]:
            return [one for one in self.sees(channel) if before.get(one.message_id) != one]

        def fits(one: Shown) -> bool:
            files = " ".join(one.files) + (" voice" if one.voice else "")
            return re.search(expected, f"{one.text} {files}", re.DOTALL | re.IGNORECASE) is not None

        try:
            await self.server.wait(lambda: any(map(fits, fresh())), PATIENCE)
        except TimeoutError:
            seen = "; ".join(one.text for one in fresh()) or "nothing"
            raise StepFailed(f"{self.server.name}: {said!r} should be answered by {expected!r}; seen: {seen}") from None
        answer = next(filter(fits, reversed(fresh())))
        self.transcript.said(self.server.name, "bot", described(answer))
        return answer


def described(one: Shown) -> str:
    """A message of the bot with its files and buttons, as a line of the transcript."""
    more = [f"[file {name}]" for name in one.files]
    more += ["[voice message]"] if one.voice else []
    more += [f"[picture: {words}]" for words in one.alternatives]
    more += [f"[{label}]" for label in one.buttons]
    hidden = "(only for this person) " if one.only_for else ""
    return hidden + "\n".join(filter(None, [one.text, " ".join(more)]))
