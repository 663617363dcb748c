"""The terminal as a platform."""

from __future__ import annotations

import asyncio
import errno
import getpass
import os
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TextIO

from llmagent_os.adapter import Accept, Button, Capabilities, Receipt, Reply
from llmagent_os.adapter_kit.bounded_dict import BoundedDict
from llmagent_os.adapter_kit.choice_menus import MAX_BUTTONS
from llmagent_os.adapter_kit.files import Files
from llmagent_os.adapters.console.attached_files import attached_in, keep_attached
from llmagent_os.adapters.console.reactions import reaction_in
from llmagent_os.adapters.console.recordings import keep_copy, sound_file_in
from llmagent_os.adapters.console.terminal import lines, rewriting, terminal_locale, width
from llmagent_os.credentials.typed_secret import hidden_in
from llmagent_os.errors import AdapterError, BadEventError, ConfigError, HostBusyError, LedgerError
from llmagent_os.events import LOCAL_WORKSPACE, Attachment, ButtonPress, Conversation, Event, Message, Reaction, Sender
from llmagent_os.languages import gettext, lazy_gettext, speaking
from llmagent_os.languages.catalogues import language_of_account
from llmagent_os.markup.tables import columns
from llmagent_os.sealing.mounts import ring_of

#: How many replies are remembered, so that a second send prints nothing.
MAX_RECEIPTS = 1000

#: What the person reads when the host has no room for a line.
BUSY = lazy_gettext("This was not taken: too many messages are waiting. Please say it again in a moment.")

#: After this long, a line of a pipe or a file that the host had no room for is offered again.
RETRY_SECONDS = 0.1

#: What the person reads at the beginning.
HOW_TO = lazy_gettext(
    "👍 or 👎 (+1, -1) reacts to the last reply; the same again takes it back. /attach PATH sends a file. Ctrl-D ends."
)

#: Errors of a terminal or a pipe whose other end is closed.
_GONE = (errno.EIO, errno.EPIPE, errno.EBADF, errno.ENXIO)

_RED, _DIM, _BOLD, _OFF = "\x1b[31m", "\x1b[2m", "\x1b[1m", "\x1b[0m"


class _TerminalGoneError(AdapterError):
    """Nobody reads any more."""


def _how_to_open(path: str) -> str:
    """How the person reads a file that is encrypted on the disk; empty where it is not."""
    if not ring_of(Path(path)):
        return ""
    return "  " + gettext("(encrypted: `llmagent-os keys open {path} FILE` writes it into FILE)", path=path)


class ConsoleAdapter:
    """Chat with the person at the terminal.

    Args:
        stdin: where lines come from.
        stdout: where replies go. Drafts are shown only if it is a terminal.
        person: who is at the terminal; None: the user of this machine.
        title: shown at the beginning, with ``examples``.
        examples: messages to try.
        files: keeps copies of files that the person names; None: a path is a message like any other.
        listens: whether a sound file is a voice message.

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
        files: Files | None = None,
        listens: bool = True,
    ) -> None:
        source, out = stdin or sys.stdin, stdout or sys.stdout
        if source is None or out is None:  # a service without a terminal
            raise ConfigError("console: this process has no terminal; use another adapter, such as `web`")
        self._in: TextIO = source
        self._out: TextIO = out
        self._person = person or _user()
        self._title, self._examples = title, tuple(examples)
        self._files = files
        self._listens = listens and files is not None
        self._is_typed = self._in.isatty()
        self._is_terminal = self._out.isatty()
        self._writing = asyncio.Lock()
        self._receipts: BoundedDict[str, Receipt] = BoundedDict(MAX_RECEIPTS)  # by the reply's key
        self._draft: tuple[str, str] | None = None  # key and text of the draft on the screen
        self._last = ""  # message id of the last reply
        self._reactions: set[tuple[str, str]] = set()  # message id and emoji
        self._buttons: tuple[Button, ...] = ()  # that can be pressed now
        self._asks_under = False  # whether the buttons are those of a question about the last reply
        self._prompted = False  # whether the prompt is the last thing on the screen

    @property
    def capabilities(self) -> Capabilities:
        """What the console can do. There are drafts only if a terminal can rewrite them."""
        return Capabilities(
            reactions=True,
            buttons=True,
            forms="numbered",
            files=True,
            voice=self._listens,
            markdown=False,
            drafts=self._is_terminal,
            edits_per_second=15.0,
            max_characters=100_000,
            trusted=True,
            shows_refusals=True,
        )

    # ── receiving ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def run(self, accept: Accept) -> None:
        """Read lines until the input ends. A terminal that hung up ends it too."""
        try:
            with speaking(await language_of_account(terminal_locale())):
                await self._read(accept)
        except _TerminalGoneError:
            return

    async def _read(self, accept: Accept) -> None:
        if self._title and self._is_terminal:
            examples = "".join(f"\n  {example}" for example in self._examples)
            await self._print(f"{self._style(_BOLD, self._title)}  {self._style(_DIM, str(HOW_TO) + examples)}\n")
        await self._prompt()
        begun = ""  # lines that continue in the next one
        async for line in lines(self._in):
            self._prompted = False  # Enter has moved the cursor past the prompt
            if line.endswith("\\"):
                begun += line[:-1] + "\n"
                continue
            begun, whole = "", (begun + line).strip()
            if not whole or not await self._take(whole, accept):
                await self._prompt()
        if begun.strip():
            await self._take(begun.strip(), accept)
        if self._is_terminal:
            await self._print("\n")

    async def _take(self, line: str, accept: Accept) -> bool:
        """Give the host the event that ``line`` means. Returns whether an answer is coming."""
        event_id = uuid.uuid4().hex
        common: dict[str, Any] = {
            "event_id": event_id,
            "conversation": Conversation(platform=self.name, workspace=LOCAL_WORKSPACE, channel=self._person),
            "sender": Sender(self._person, self._person, locale=terminal_locale()),
        }
        emoji = reaction_in(line) if self._last else None
        number = int(line) if self._buttons and line.isascii() and line.isdigit() else 0
        try:
            if emoji is not None:
                await self._react(emoji, accept, common)
                return False
            if 1 <= number <= len(self._buttons):
                pressed = self._buttons[number - 1]
                await self._offer(accept, ButtonPress(message_id=self._last, value=pressed.value, **common))
                if self._asks_under:  # perhaps nothing is said about it
                    self._buttons, self._asks_under = (), False
                    await self._print(self._style(_DIM, f"✓ {pressed.label}") + "\n")
                    return False
                if pressed.open_to_all:  # as in a poll: it can be pressed again
                    return True
            else:
                text, attachments = await self._said(line, event_id)
                message = Message(text=text, message_id=event_id, attachments=attachments, **common)
                await self._offer(accept, message)
            self._buttons = ()
        except HostBusyError:
            await self._print(self._style(_RED, str(BUSY)) + "\n")
            return False
        except (LedgerError, BadEventError) as error:
            await self._print(self._style(_RED, gettext("This was not taken: {error}", error=error)) + "\n")
            return False
        return True

    async def _said(self, line: str, event_id: str) -> tuple[str, tuple[Attachment, ...]]:
        """The words and the files of a line. A password that was given is taken off the screen.

        Raises:
            BadEventError: it names a file that cannot be attached.
        """
        if (hidden := hidden_in(line)) != line and self._is_terminal:
            await self._print(rewriting(f"› {line}\n", f"› {hidden}\n", self._out))
        if self._files is None:
            return line, ()
        sound = await asyncio.to_thread(sound_file_in, line) if self._listens else None
        if sound is not None:
            return "", (await keep_copy(self._files, self._person, event_id, sound),)
        attached = await asyncio.to_thread(attached_in, line)
        if attached is None:
            return line, ()
        return attached.words, (await keep_attached(self._files, self._person, event_id, attached),)

    async def _offer(self, accept: Accept, event: Event) -> None:
        """Give the host an event. A pipe or a file waits until there is room: whoever wrote it cannot say it again.

        Raises:
            HostBusyError: the host has no room, and the person types, and can see it.
        """
        while True:
            try:
                await accept(event)
            except HostBusyError:
                if self._is_typed:
                    raise
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return

    async def _react(self, emoji: str, accept: Accept, common: dict[str, Any]) -> None:
        """Add an emoji to the last reply; remove it if it is there already."""
        mark = (self._last, emoji)
        action: Literal["added", "removed"] = "removed" if mark in self._reactions else "added"
        await accept(Reaction(message_id=self._last, emoji=emoji, action=action, **common))
        if self._asks_under:
            self._buttons, self._asks_under = (), False
        self._reactions ^= {mark}
        done = gettext("taken back") if action == "removed" else gettext("noted")
        await self._print(self._style(_DIM, f"{emoji} {done}") + "\n")

    # ── sending ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def send(
        self, conversation: Conversation, reply: Reply, *, key: str, reply_to: str | None = None, again: bool = False
    ) -> Receipt:
        """Print ``reply`` in the place of its draft, once for every ``key`` of this process.

        Once the terminal has hung up, nobody can read: the reply counts as sent, so that the process can end.

        Raises:
            AdapterError: it cannot be written now, as on a full disk.
        """
        try:
            return await self._send(reply, key)
        except _TerminalGoneError:
            return Receipt(())

    async def _send(self, reply: Reply, key: str) -> Receipt:
        async with self._writing:
            if known := self._receipts.get(key):
                return known
            draft = self._draft[1] if self._draft and self._draft[0] == key else None
            body = self._over(draft, reply.text) + "\n" + self._below(reply) + "\n"
            await self._write(body)
            self._draft = None
            self._asks_under = reply.under is not None and reply.under == self._last
            if not self._asks_under:  # a short question about the last reply leaves it the last one
                self._last = uuid.uuid4().hex
            self._buttons = reply.buttons
            self._receipts[key] = receipt = Receipt(() if self._asks_under else (self._last,))
            self._prompted = False
        await self._prompt()
        return receipt

    async def draft(self, conversation: Conversation, text: str, *, key: str) -> None:
        """Show ``text``, all that is written so far, in the place of the draft before."""
        async with self._writing:
            if key in self._receipts or not self._is_terminal:
                return
            if self._draft is not None and self._draft[0] != key:
                return  # one draft at a time: the other reply is printed when it is finished
            await self._write(self._over(self._draft[1] if self._draft else None, text))
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
        """Do nothing: the draft follows at once."""

    # ── the screen ────────────────────────────────────────────────────────────────────────────────────────────────

    def _over(self, draft: str | None, text: str) -> str:
        """What to write to show ``text`` in the place of ``draft``, or of the prompt."""
        return self._clear_prompt() + text if draft is None else rewriting(draft, text, self._out)

    def _below(self, reply: Reply) -> str:
        """The card, the files and the buttons, which stand below the text."""
        below: list[str] = []
        if reply.table is not None:
            below += [f"  {line}" for line in columns((reply.table.head, *reply.table.rows)).split("\n")]
        if reply.card is not None:
            widest = max((width(label) for label, _ in reply.card.rows), default=0)
            below += [self._style(_BOLD, f"  {reply.card.title}")] if reply.card.title else []
            for label, text in reply.card.rows:
                first, *others = text.split("\n")
                below.append(f"  {label}{' ' * (widest - width(label))}  {first}")
                below += [f"  {' ' * widest}  {line}" for line in others]
        kinds = {"file": gettext("file"), "picture": gettext("picture"), "sound": gettext("sound")}
        below += [f"  {self._style(_DIM, kinds['file'])} {path}{_how_to_open(path)}" for path in reply.files]
        for picture in reply.pictures:
            below.append(f"  {self._style(_DIM, kinds['picture'])} {picture.path}{_how_to_open(picture.path)}")
            below.append(f"  {picture.alt}")
        below += [f"  {self._style(_DIM, kinds['sound'])} {reply.speech}"] if reply.speech else []
        if reply.buttons:
            choices = [f"{n}) {button.label}" for n, button in enumerate(reply.buttons, 1)]
            below += ["  " + "   ".join(choices)] if len(choices) <= MAX_BUTTONS else [f"  {each}" for each in choices]
        return "".join(f"{line}\n" for line in below)

    def _clear_prompt(self) -> str:
        if not self._prompted:
            return ""
        self._prompted = False
        return "\r\x1b[K"

    def _style(self, code: str, text: str) -> str:
        return f"{code}{text}{_OFF}" if self._is_terminal else text

    async def _prompt(self) -> None:
        async with self._writing:
            if self._is_terminal and not self._prompted and self._draft is None:
                await self._write("› ")
                self._prompted = True

    async def _print(self, text: str) -> None:
        async with self._writing:
            await self._write(self._clear_prompt() + text)

    async def _write(self, text: str) -> None:
        try:
            await asyncio.to_thread(_put, self._out, text)
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno not in _GONE:  # a full disk behind a redirection
                raise AdapterError(f"console: nothing can be written: {error}") from error
            raise _TerminalGoneError(f"console: the terminal is gone: {error}") from error


def _put(out: TextIO, text: str) -> None:
    out.write(text)
    out.flush()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return f"user-{os.getuid()}"
