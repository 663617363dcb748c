r"""Chat in the terminal.

.. code-block:: text

    › what do I have tomorrow?            a line is a message; /profile and the like are commands
    You have lunch with Ana at noon.      the reply appears as it is written
      1) Yes   2) No                      a number presses a button
    › +1                                  a reaction on the last reply: +1, -1, :tada:, +🎉; again takes it back
    › a line that ends in \               goes on in the next one

``run`` returns when the input ends (Ctrl-D, or the end of a pipe).
"""

from __future__ import annotations

import asyncio
import codecs
import getpass
import os
import re
import shutil
import sys
import unicodedata
import uuid
from collections import OrderedDict
from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING, Literal, TextIO

from llmagent_os.adapter import Accept, Button, Capabilities, Receipt, Reply
from llmagent_os.errors import AdapterError, ConfigError, HostBusyError
from llmagent_os.events import ButtonPress, Conversation, Message, Reaction, Sender

if TYPE_CHECKING:
    from llmagent_os.adapter_kit.setup import AdapterSetup

NAMES = {
    "+1": "👍", "thumbsup": "👍", "-1": "👎", "thumbsdown": "👎", "heart": "❤️", "tada": "🎉", "smile": "😄",
    "laughing": "😆", "pray": "🙏", "fire": "🔥", "clap": "👏", "100": "💯", "check": "✅", "x": "❌", "thinking": "🤔",
    "confused": "😕", "cry": "😢", "angry": "😡", "eyes": "👀", "rocket": "🚀", "ok_hand": "👌", "wave": "👋",
}  # fmt: skip
_NAMED = re.compile(r":([a-z0-9_+-]{1,40}):")
_EMOJI = re.compile(r"\+(\S{1,32})")
_RED, _DIM, _BOLD, _OFF = "\x1b[31m", "\x1b[2m", "\x1b[1m", "\x1b[0m"


def reaction_in(line: str) -> str | None:
    """The emoji that ``line`` puts on the last reply; None where it is something else.

    >>> reaction_in("+1"), reaction_in(":tada:"), reaction_in("+🎉"), reaction_in(":blob_wave:")
    ('👍', '🎉', '🎉', 'blob_wave')
    >>> reaction_in("+49 30 1234"), reaction_in("+2"), reaction_in("ok :)")
    (None, None, None)
    """
    if line in ("+1", "-1"):
        return NAMES[line]
    if named := _NAMED.fullmatch(line):
        return NAMES.get(named[1], named[1])
    written = _EMOJI.fullmatch(line)
    if written and any(unicodedata.category(character) == "So" for character in written[1]):
        return written[1]
    return None


class ConsoleAdapter:
    """Chat with the person at the terminal.

    Args:
        stdin: where lines come from.
        stdout: where replies go. Drafts are shown only where it is a terminal.
        person: who is speaking; None: the user of this machine.
        title: shown at the beginning, with ``examples``.
        examples: things to say.

    Raises:
        ConfigError: the process has no standard input or output.
    """

    name = "console"

    def __init__(
        self,
        *,
        stdin: TextIO | None = None,
        stdout: TextIO | None = None,
        person: str | None = None,
        title: str = "",
        examples: Sequence[str] = (),
    ) -> None:
        source, out = stdin or sys.stdin, stdout or sys.stdout
        if source is None or out is None:  # a service without a terminal
            raise ConfigError("console: this process has no terminal; use another adapter, such as `web`")
        self._in: TextIO = source
        self._out: TextIO = out
        self._person = person or _user()
        self._title, self._examples = title, tuple(examples)
        self._terminal = self._out.isatty()
        self._writing = asyncio.Lock()
        self._receipts: OrderedDict[str, Receipt] = OrderedDict()  # of the latest replies, by send key
        self._draft: tuple[str, str] | None = None  # key and text of the draft on the screen
        self._last = ""  # the last reply's message id
        self._reactions: set[tuple[str, str]] = set()  # message id and emoji
        self._buttons: tuple[Button, ...] = ()  # that can be pressed now
        self._prompted = False

    @property
    def capabilities(self) -> Capabilities:
        """Drafts only where a terminal can rewrite them."""
        return Capabilities(
            reactions=True,
            buttons=True,
            files=True,
            markdown=False,
            drafts=self._terminal,
            edits_per_second=15.0,
            max_characters=100_000,
            trusted=True,
        )

    async def run(self, accept: Accept) -> None:
        """Read lines until the input ends."""
        if self._title and self._terminal:
            examples = "".join(f"\n  {each}" for each in self._examples)
            await self._print(f"{self._style(_BOLD, self._title)}  {self._style(_DIM, 'Ctrl-D ends.' + examples)}\n")
        await self._prompt()
        said = ""
        async for line in _lines(self._in):
            self._prompted = False  # Enter has moved past it
            if line.endswith("\\"):
                said += line[:-1] + "\n"
                continue
            said, whole = "", (said + line).strip()
            if not whole or not await self._take(whole, accept):
                await self._prompt()
        if said.strip():
            await self._take(said.strip(), accept)
        if self._terminal:
            await self._print("\n")

    async def send(
        self, conversation: Conversation, reply: Reply, *, key: str, reply_to: str | None = None, again: bool = False
    ) -> Receipt:
        """Print ``reply``, in the place of its draft; once for each ``key`` of this process.

        Raises:
            AdapterError: the terminal is gone.
        """
        async with self._writing:
            if known := self._receipts.get(key):
                return known
            shown = self._draft[1] if self._draft and self._draft[0] == key else None
            body = _over(shown, reply.text, self._out) if shown is not None else self._clear_prompt() + reply.text
            body += "\n" + self._below(reply) + "\n"
            await self._write(body)
            self._draft = None
            self._last = uuid.uuid4().hex
            self._buttons = reply.buttons
            self._receipts[key] = receipt = Receipt((self._last,))
            while len(self._receipts) > 1000:
                self._receipts.popitem(last=False)
            self._prompted = False
        await self._prompt()
        return receipt

    async def draft(self, conversation: Conversation, text: str, *, key: str) -> None:
        """Show what is written so far; what was shown before is added to, or rewritten where it changed."""
        async with self._writing:
            if key in self._receipts or not self._terminal:
                return
            if self._draft is not None and self._draft[0] != key:
                return  # one draft at a time: the other conversation's reply comes whole
            before = self._draft[1] if self._draft else None
            await self._write(_over(before, text, self._out) if before is not None else self._clear_prompt() + text)
            self._draft = (key, text)

    async def edit(self, conversation: Conversation, message_id: str, reply: Reply) -> None:
        """Print the new version: what has scrolled by cannot be changed.

        Raises:
            AdapterError: there is no such reply.
        """
        async with self._writing:
            if not any(message_id in receipt.message_ids for receipt in self._receipts.values()):
                raise AdapterError(f"console: there is no reply {message_id!r}")
            lead = self._style(_DIM, "(changed) ")
            await self._write(f"{self._clear_prompt()}{lead}{reply.text}\n{self._below(reply)}\n")
            if message_id == self._last:
                self._buttons = reply.buttons
            self._prompted = False
        await self._prompt()

    async def typing(self, conversation: Conversation) -> None:
        """Nothing: the draft follows at once."""

    async def _take(self, line: str, accept: Accept) -> bool:
        """Give the host what ``line`` means. Returns whether an answer is coming."""
        conversation = Conversation(platform=self.name, workspace="local", channel=self._person)
        sender, event_id = Sender(self._person, self._person), uuid.uuid4().hex
        emoji = reaction_in(line) if self._last else None
        chosen = int(line) if self._buttons and line.isascii() and line.isdigit() else 0
        try:
            if emoji is not None:
                mark = (self._last, emoji)
                action: Literal["added", "removed"] = "removed" if mark in self._reactions else "added"
                await accept(
                    Reaction(
                        event_id=event_id,
                        conversation=conversation,
                        sender=sender,
                        message_id=self._last,
                        emoji=emoji,
                        action=action,
                    )
                )
                self._reactions ^= {mark}
                await self._print(
                    self._style(_DIM, f"{emoji} {'taken back' if action == 'removed' else 'noted'}") + "\n"
                )
            elif 1 <= chosen <= len(self._buttons):
                value = self._buttons[chosen - 1].value
                await accept(
                    ButtonPress(
                        event_id=event_id, conversation=conversation, sender=sender, message_id=self._last, value=value
                    )
                )
                self._buttons = ()
            else:
                await accept(
                    Message(
                        event_id=event_id,
                        conversation=conversation,
                        sender=sender,
                        text=line,
                        message_id=event_id,
                    )
                )
                self._buttons = ()
        except HostBusyError:
            note = "That was not taken: too much is waiting. Say it again in a moment."
            await self._print(self._style(_RED, note) + "\n")
            return False
        return emoji is None

    def _below(self, reply: Reply) -> str:
        lines: list[str] = []
        if reply.card is not None:
            width = max((_width(label) for label, _ in reply.card.rows), default=0)
            lines += [self._style(_BOLD, f"  {reply.card.title}")] if reply.card.title else []
            lines += [f"  {label}{' ' * (width - _width(label))}  {text}" for label, text in reply.card.rows]
        lines += [f"  {self._style(_DIM, 'file')} {path}" for path in reply.files]
        if reply.buttons:
            lines.append("  " + "   ".join(f"{n}) {button.label}" for n, button in enumerate(reply.buttons, 1)))
        return "".join(f"{line}\n" for line in lines)

    def _clear_prompt(self) -> str:
        if not self._prompted:
            return ""
        self._prompted = False
        return "\r\x1b[K"

    def _style(self, code: str, text: str) -> str:
        return f"{code}{text}{_OFF}" if self._terminal else text

    async def _prompt(self) -> None:
        async with self._writing:
            if self._terminal and not self._prompted and self._draft is None:
                await self._write("› ")
                self._prompted = True

    async def _print(self, text: str) -> None:
        async with self._writing:
            await self._write(self._clear_prompt() + text)

    async def _write(self, text: str) -> None:
        try:
            await asyncio.to_thread(_put, self._out, text)
        except (OSError, ValueError) as error:
            raise AdapterError(f"console: the terminal is gone: {error}") from error


def from_setup(setup: AdapterSetup) -> ConsoleAdapter:
    """The terminal chat of an installation."""
    return ConsoleAdapter(title=setup.bot.title, examples=setup.bot.examples)


def _put(out: TextIO, text: str) -> None:
    out.write(text)
    out.flush()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return f"user-{os.getuid()}"


def _width(text: str) -> int:
    """How many columns ``text`` takes on a terminal."""
    marks = sum(unicodedata.combining(character) != 0 or character in "\ufe0f\u200d" for character in text)
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - marks


def _over(before: str, after: str, out: TextIO) -> str:
    """What to write to turn ``before``, just written, into ``after``.

    Only what differs is written again: from the line on in which the first change is.
    """
    if after.startswith(before):
        return after[len(before) :]
    try:
        columns = os.get_terminal_size(out.fileno()).columns
    except (OSError, ValueError):
        columns = shutil.get_terminal_size().columns
    rows = sum(max(0, _width(line) - 1) // max(columns, 1) for line in before.split("\n")) + before.count("\n")
    return (f"\x1b[{rows}A" if rows else "") + "\r\x1b[J" + after


async def _lines(source: TextIO) -> AsyncGenerator[str]:
    """Lines from a terminal, pipe or file. No thread waits in a read, as it would hold up the end of the process."""
    loop = asyncio.get_running_loop()
    descriptor = source.fileno()
    chunks: asyncio.Queue[bytes] = asyncio.Queue()

    def readable() -> None:
        try:
            chunk = os.read(descriptor, 65536)
        except OSError:  # the terminal hung up
            chunk = b""
        if not chunk:
            loop.remove_reader(descriptor)
        chunks.put_nowait(chunk)

    try:
        loop.add_reader(descriptor, readable)
    except PermissionError:  # a regular file: epoll does not take one, and reading it never waits
        chunks.put_nowait(await asyncio.to_thread(source.buffer.read) if hasattr(source, "buffer") else b"")
        chunks.put_nowait(b"")
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    rest = ""
    try:
        while chunk := await chunks.get():
            *lines, rest = (rest + decoder.decode(chunk)).split("\n")
            for line in lines:
                yield line
        if rest:
            yield rest
    finally:
        loop.remove_reader(descriptor)
