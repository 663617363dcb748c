"""The terminal chat, on a real pseudo-terminal and on pipes."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import io
import os
import re
import struct
import termios
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TextIO

import msgspec
import pytest

from llmagent_os.adapter import Button, Card, Picture, Receipt, Reply, Table
from llmagent_os.adapter_kit.files import Files
from llmagent_os.adapters.console import ConsoleAdapter
from llmagent_os.errors import AdapterError, BadEventError, LedgerError
from llmagent_os.events import ButtonPress, Conversation, Event, Message, Reaction, Sender
from llmagent_os.host.host import Host
from llmagent_os.host.limits import Limits
from llmagent_os.ledger import Ledger
from llmagent_os.ledger.database import Database
from llmagent_os.testing import EchoHandler, accepting
from llmagent_os.testing import running as hosting
from tests.platforms.server import Shown

from .contract import PATIENCE, AdapterContract, Inbox, Platform, Running


class Recorded(ConsoleAdapter):
    """Remembers the ids of printed replies: a terminal does not show them."""

    def __init__(self, stdin: TextIO, stdout: TextIO) -> None:
        super().__init__(stdin=stdin, stdout=stdout, person="ana")
        self.printed: list[str] = []

    async def send(
        self, conversation: Conversation, reply: Reply, *, key: str, reply_to: str | None = None, again: bool = False
    ) -> Receipt:
        receipt = await super().send(conversation, reply, key=key, reply_to=reply_to)
        self.printed.extend(receipt.message_ids)
        return receipt

    async def edit(self, conversation: Conversation, message_id: str, reply: Reply) -> None:
        await super().edit(conversation, message_id, reply)
        self.printed.append(message_id)


class Screen:
    """The parts of a terminal that the adapter uses: a cursor, line wrap, erasing, moving up."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.rows = [""]
        self.row = self.column = 0

    def feed(self, text: str) -> None:
        for part in re.findall(r"\x1b\[[\d;]*[A-Za-z]|[^\x1b]", text, re.DOTALL):
            match part:
                case "\r":
                    self.column = 0
                case "\n":
                    self._down()
                case "\x1b[K":
                    self.rows[self.row] = self.rows[self.row][: self.column]
                case "\x1b[J":
                    self.rows[self.row :] = [self.rows[self.row][: self.column]]
                case str() if part.startswith("\x1b") and part.endswith("A"):
                    self.row = max(0, self.row - int(part[2:-1] or 1))
                case str() if part.startswith("\x1b"):
                    pass  # colours
                case _:
                    if self.column == self.columns:
                        self._down()
                        self.column = 0
                    row = self.rows[self.row].ljust(self.column)
                    self.rows[self.row] = row[: self.column] + part + row[self.column + 1 :]
                    self.column += 1

    def _down(self) -> None:
        self.row += 1
        if self.row == len(self.rows):
            self.rows.append("")


class Terminal:
    """A person at a terminal, who types on one end of a pseudo-terminal and looks at the screen."""

    def __init__(self, columns: int = 60_000) -> None:
        self.master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        self.stdin = os.fdopen(slave, encoding="utf-8")
        self.stdout = os.fdopen(os.dup(slave), "w", encoding="utf-8")
        self.screen = Screen(columns)
        self._changed = asyncio.Condition()
        self._left = b""
        asyncio.get_running_loop().add_reader(self.master, self._look)
        self._notices: set[asyncio.Task[None]] = set()

    def _look(self) -> None:
        data = self._left + os.read(self.master, 65536)
        whole = data.decode(errors="ignore")
        self._left = data[len(whole.encode()) :]
        if whole.endswith("\x1b") or re.search(r"\x1b\[[\d;]*$", whole):
            self._left = whole[whole.rindex("\x1b") :].encode() + self._left
            whole = whole[: whole.rindex("\x1b")]
        self.screen.feed(whole)
        task = asyncio.create_task(self._notify())
        self._notices.add(task)
        task.add_done_callback(self._notices.discard)

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE), self._changed:
            await self._changed.wait_for(true)

    async def shows(self, *lines: str) -> None:
        """Wait until the screen's lines, without empty ones at the end, are these."""

        def same() -> bool:
            return "\n".join(row.rstrip() for row in self.screen.rows).rstrip().split("\n") == list(lines)

        try:
            await self.until(same)
        except TimeoutError:
            pytest.fail(f"the screen shows {self.screen.rows!r}")

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.master)
        self.stdin.close()
        self.stdout.close()
        os.close(self.master)


class ConsolePlatform:
    """The contract's platform."""

    server = None

    def __init__(self) -> None:
        self.terminal = Terminal()
        self.adapter = Recorded(self.terminal.stdin, self.terminal.stdout)
        self.inbox = Inbox()
        self.running = Running(self.adapter, self.inbox.accept)
        self.typed: list[str] = []
        self.refused: str | None = None

    async def restart(self) -> None:
        await self.running.stop()
        self.running.start()

    async def say(self, text: str, *, thread: str | None = None) -> None:
        count, full = self.inbox.deliveries, self.inbox.full
        lines = text.replace("\n", "\\\n")
        self.typed += lines.split("\n")
        self.terminal.type(lines + "\n")
        self.refused = text if full else None
        if full:
            await self.terminal.until(lambda: any("not taken" in row for row in self.terminal.screen.rows))
        else:
            await self.inbox.wait(object, count + 1)

    async def say_again(self) -> None:
        if self.refused is not None:  # a terminal delivers a line once; the person types it again
            await self.say(self.refused)

    async def react(self, message_id: str, emoji: str, *, on: bool) -> None:
        assert message_id == self.adapter.printed[-1]
        await self.say({"👍": "+1", "👎": ":thumbsdown:"}[emoji])

    async def press(self, message_id: str, label: str) -> None:
        shown = (await self.shown(bool))[-1]
        assert shown.message_id == message_id
        await self.say(str(shown.buttons.index(label) + 1))

    async def send_garbage(self) -> None:
        self.terminal.type("\n   \n\t\n\\\n\n")

    async def shown(self, ready: Callable[[list[Shown]], bool]) -> list[Shown]:
        await self.terminal.until(lambda: ready(self.seen()))
        return self.seen()

    def seen(self) -> list[Shown]:
        rows = [row.removeprefix("› ").rstrip() for row in self.terminal.screen.rows]
        ours = [row for row in rows if row not in ("›", *self.typed) and not row.endswith((" noted", " taken back"))]
        blocks = re.findall(r"(?:.+\n)+(?:\n|$)|.+$", "\n".join(ours).lstrip("\n"))
        shown: list[Shown] = []
        for number, block in enumerate(blocks):
            done = number < len(self.adapter.printed)
            lines = block.strip("\n").split("\n")
            buttons = re.findall(r"\d\) (.+?)(?:   |$)", lines[-1])
            text = "\n".join(lines[:-1] if buttons else lines)
            message_id = self.adapter.printed[number] if done else ""
            shown.append(Shown(message_id=message_id, text=text, buttons=tuple(buttons), draft=not done))
        return shown


class TestConsole(AdapterContract):
    @pytest.fixture
    async def platform(self) -> AsyncIterator[Platform]:
        platform = ConsolePlatform()
        platform.running.start()
        yield platform
        await platform.running.stop()
        platform.terminal.close()


# Beyond the contract.

ROOM = Conversation(platform="console", workspace="local", channel="ana")


@pytest.fixture
async def terminal() -> AsyncIterator[Terminal]:
    terminal = Terminal(columns=20)
    yield terminal
    terminal.close()


@pytest.fixture
async def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
async def console(terminal: Terminal, inbox: Inbox) -> AsyncIterator[ConsoleAdapter]:
    console = ConsoleAdapter(stdin=terminal.stdin, stdout=terminal.stdout, person="ana")
    running = Running(console, inbox.accept)
    running.start()
    await terminal.shows("›")
    yield console
    await running.stop()


async def test_a_draft_grows_and_is_rewritten_where_it_changes(console: ConsoleAdapter, terminal: Terminal) -> None:
    """On a narrow terminal a draft takes several rows; erasing too many would remove earlier messages."""
    terminal.type("hi\n")
    await terminal.shows("› hi")
    await console.draft(ROOM, "You have lunch with", key="k1")
    await terminal.shows("› hi", "You have lunch with")
    await console.draft(ROOM, "You have lunch with Ana at noon and", key="k1")
    await terminal.shows("› hi", "You have lunch with", "Ana at noon and")
    await console.send(ROOM, Reply("You have dinner with Ana at eight tonight."), key="k1")
    await terminal.shows("› hi", "You have dinner with", " Ana at eight tonigh", "t.", "", "›")


async def test_cards_files_and_buttons_are_shown_below(console: ConsoleAdapter, terminal: Terminal) -> None:
    reply = Reply(
        "Two.",
        card=Card("Friday", (("9:00", "sync"), ("午後", "tea\ncake"), ("noon", "lunch"))),
        files=("/tmp/a.ics",),
        buttons=(Button("Yes", "y"), Button("No", "n")),
    )
    await console.send(ROOM, reply, key="k1")
    await terminal.shows(
        "Two.",
        "  Friday",
        "  9:00  sync",
        "  午後  tea",
        "        cake",
        "  noon  lunch",
        "  file /tmp/a.ics",
        "  1) Yes   2) No",
        "",
        "›",
    )


async def test_pictures_are_told_in_words_and_tables_in_columns(console: ConsoleAdapter, terminal: Terminal) -> None:
    table = Table(("day", "h"), (("Mon", "3"), ("Tue", "14")))
    await console.send(ROOM, Reply("Hours.", table=table, pictures=(Picture("/tmp/a.png", "One event"),)), key="k1")
    await terminal.shows(
        "Hours.",
        "  day | h",
        "  ----|---",
        "  Mon | 3",
        "  Tue | 14",
        "  picture /tmp/a.png",
        "  One event",
        "",
        "›",
    )


async def test_a_number_presses_a_button_only_while_there_is_one(
    console: ConsoleAdapter, terminal: Terminal, inbox: Inbox
) -> None:
    """“3” as an answer to “At what time?” must stay a message."""
    await console.send(ROOM, Reply("Which?", buttons=(Button("Mon", "m"), Button("Tue", "t"))), key="k1")
    terminal.type("3\n")
    assert [said.text for said in await inbox.wait(Message)] == ["3"]
    await console.send(ROOM, Reply("Which?", buttons=(Button("Mon", "m"), Button("Tue", "t"))), key="k2")
    terminal.type("2\n")
    assert [press.value for press in await inbox.wait(ButtonPress)] == ["t"]
    terminal.type("2\n")
    assert [said.text for said in await inbox.wait(Message, 2)] == ["3", "2"]


async def test_a_reaction_needs_a_reply(console: ConsoleAdapter, terminal: Terminal, inbox: Inbox) -> None:
    terminal.type("+1\n")
    assert [said.text for said in await inbox.wait(Message)] == ["+1"]
    await console.send(ROOM, Reply("ok"), key="k1")
    terminal.type(":blob_wave:\n")
    terminal.type("+🎉\n")
    assert [reaction.emoji for reaction in await inbox.wait(Reaction, 2)] == ["blob_wave", "🎉"]


async def test_an_emoji_alone_reacts(console: ConsoleAdapter, terminal: Terminal, inbox: Inbox) -> None:
    """Everybody tries the thumb itself first, and it went to the model as a message."""
    await console.send(ROOM, Reply("ok"), key="k1")
    terminal.type("👍\n👎🏽\n❤️\n👍 thanks\n")
    assert [reaction.emoji for reaction in await inbox.wait(Reaction, 3)] == ["👍", "👎🏽", "❤️"]
    assert [said.text for said in await inbox.wait(Message)] == ["👍 thanks"]


async def test_a_question_about_the_last_reply_is_answered_by_its_number_and_the_reply_stays_the_last(
    console: ConsoleAdapter, terminal: Terminal, inbox: Inbox
) -> None:
    receipt = await console.send(ROOM, Reply("ok"), key="k1")
    question = Reply("Why?", buttons=(Button("Too long", "w:1"), Button("Wrong", "w:2")), under=receipt.message_ids[0])
    terminal.type("-1\n")
    await inbox.wait(Reaction)
    await console.send(ROOM, question, key="k2")
    terminal.type("2\n")
    assert [press.value for press in await inbox.wait(ButtonPress)] == ["w:2"]
    await terminal.until(lambda: any(row.startswith("✓ Wrong") for row in terminal.screen.rows))
    terminal.type("-1\n")
    reactions = [(each.message_id, each.action) for each in await inbox.wait(Reaction, 2)]
    assert reactions == [(receipt.message_ids[0], "added"), (receipt.message_ids[0], "removed")]
    await console.send(ROOM, question, key="k3")
    terminal.type("-1\n")
    await inbox.wait(Reaction, 3)
    terminal.type("2\n")
    assert [said.text for said in await inbox.wait(Message)] == ["2"], "the question went with the reaction"


async def test_the_first_line_says_how_to_react(inbox: Inbox) -> None:
    terminal = Terminal()
    running = Running(ConsoleAdapter(stdin=terminal.stdin, stdout=terminal.stdout, title="Calendar"), inbox.accept)
    running.start()
    await terminal.until(lambda: terminal.screen.rows[-1].startswith("›"))
    assert "👍 or 👎 (+1, -1) reacts to the last reply" in terminal.screen.rows[0]
    await running.stop()
    terminal.close()


async def test_a_reply_is_printed_once_for_a_key(console: ConsoleAdapter, terminal: Terminal) -> None:
    first = await console.send(ROOM, Reply("once"), key="k1")
    assert await console.send(ROOM, Reply("once"), key="k1") == first
    await console.send(ROOM, Reply("end"), key="k2")
    await terminal.shows("once", "", "end", "", "›")


async def test_ctrl_d_ends_it(terminal: Terminal, inbox: Inbox) -> None:
    terminal.type("\x04")
    async with asyncio.timeout(PATIENCE):
        await ConsoleAdapter(stdin=terminal.stdin, stdout=terminal.stdout).run(inbox.accept)


async def piped(words: bytes, inbox: Inbox) -> str:
    """What the adapter prints when both ends are pipes."""
    (read_in, write_in), (read_out, write_out) = os.pipe(), os.pipe()
    os.write(write_in, words)
    os.close(write_in)
    with os.fdopen(read_in, encoding="utf-8") as stdin, os.fdopen(write_out, "w", encoding="utf-8") as stdout:
        console = ConsoleAdapter(stdin=stdin, stdout=stdout, person="ana", title="Calendar")

        async def answering(event: Event) -> bool:
            new = await inbox.accept(event)
            if isinstance(event, Message):
                await console.send(event.conversation, Reply(f"You said {event.text}."), key=event.event_id)
            return new

        async with asyncio.timeout(PATIENCE):
            await console.run(accepting(answering))
        assert not console.capabilities.drafts
    with os.fdopen(read_out, encoding="utf-8") as printed:
        return printed.read()


async def test_a_pipe_gets_plain_text_and_the_end_of_input_ends_it(inbox: Inbox) -> None:
    """``echo hello | llmagent-os chat > answer.txt`` must hold the answer and no escape sequences."""
    assert await piped(b"hello\n+1\nlast, without an end", inbox) == (
        "You said hello.\n\n👍 noted\nYou said last, without an end.\n\n"
    )
    assert len(inbox.of(Reaction)) == 1


async def test_bytes_that_are_no_text_do_not_end_it(inbox: Inbox) -> None:
    assert "You said ok" in await piped(b"\xff\xfe\x00\nok\n", inbox)


async def test_a_file_is_read_as_if_it_were_typed(inbox: Inbox, tmp_path: Path) -> None:
    """``llmagent-os chat < questions.txt``: a regular file cannot be polled as a terminal can."""
    (tmp_path / "in").write_text("one\ntwo\n")
    with (tmp_path / "in").open() as stdin, (tmp_path / "out").open("w") as stdout:
        async with asyncio.timeout(PATIENCE):
            await ConsoleAdapter(stdin=stdin, stdout=stdout).run(inbox.accept)
    assert [said.text for said in inbox.of(Message)] == ["one", "two"]


async def test_a_file_waits_while_the_host_is_busy(tmp_path: Path) -> None:
    """Every line of ``llmagent-os chat < questions.txt`` after the twentieth was dropped."""
    ledger = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    said = [f"question {number}" for number in range(60)]
    (tmp_path / "in").write_text("\n".join(said) + "\n")
    with (tmp_path / "in").open() as stdin, (tmp_path / "out").open("w") as stdout:
        handler, answered = EchoHandler(), asyncio.Event()

        class Counted(Recorded):
            async def send(self, *given: Any, **named: Any) -> Receipt:
                receipt = await super().send(*given, **named)
                if len(self.printed) == len(said):
                    answered.set()
                return receipt

        host = Host(handler, ledger, [Counted(stdin, stdout)], limits=Limits(max_pending_per_conversation=5))
        async with asyncio.timeout(PATIENCE), hosting(host):
            await answered.wait()
    await ledger.close()
    printed = (tmp_path / "out").read_text()
    assert [int(number) for number in re.findall(r"question (\d+)", printed)] == list(range(60))
    assert "busy" not in printed and "not taken" not in printed


async def test_what_cannot_be_written_now_is_an_adapter_error(tmp_path: Path) -> None:
    """With this error the host keeps the reply and tries again; any other error would lose it."""
    full = io.TextIOWrapper(io.FileIO("/dev/full", "w"), write_through=True)
    with (tmp_path / "in").open("w+") as stdin:
        console = ConsoleAdapter(stdin=stdin, stdout=full)
        with pytest.raises(AdapterError, match="nothing can be written"):
            await console.send(ROOM, Reply("x"), key="k1")
    with contextlib.suppress(OSError):  # what could not be written is tried once more
        full.close()


async def test_a_terminal_that_hangs_up_ends_the_chat(inbox: Inbox) -> None:
    """Else the chat would be started again and again, and a reply tried again, for a terminal that nobody has."""
    near, far = os.openpty()
    with os.fdopen(os.dup(far), "r") as stdin, os.fdopen(far, "wb", buffering=0) as raw:
        stdout = io.TextIOWrapper(raw, write_through=True)
        console = ConsoleAdapter(stdin=stdin, stdout=stdout, person="ana")
        chat = asyncio.create_task(console.run(inbox.accept))
        await asyncio.to_thread(os.read, near, 100)
        os.close(near)
        await asyncio.wait_for(chat, PATIENCE)
        assert await console.send(ROOM, Reply("x"), key="k1") == Receipt(())


@pytest.mark.parametrize(
    "error", [LedgerError("the ledger cannot be written: database or disk is full"), BadEventError("half a character")]
)
async def test_a_line_that_cannot_be_stored_is_said_and_the_next_one_is_taken(error: Exception) -> None:
    """The chat would end at a full disk, or start anew without a word about the line."""
    inbox, terminal, errors = Inbox(), Terminal(), [error]

    async def accept(event: Event) -> bool:
        if errors:
            raise errors.pop()
        return await inbox.accept(event)

    running = Running(ConsoleAdapter(stdin=terminal.stdin, stdout=terminal.stdout, person="ana"), accepting(accept))
    running.start()
    await terminal.shows("›")
    terminal.type("hello\n")
    await terminal.shows("› hello", f"This was not taken: {error}", "›")
    terminal.type("hello again\n")
    assert [said.text for said in await inbox.wait(Message)] == ["hello again"]
    await running.stop()
    terminal.close()


@pytest.mark.parametrize(
    ("filled", "says"), [(True, "This was not taken: the ledger"), (False, "I have your message, but I cannot store")]
)
async def test_a_full_ledger_is_said_at_the_terminal(tmp_path: Path, filled: bool, says: str) -> None:
    """With the real host and a real full file: there is no room for the message, or none for the answer."""
    ledger = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db")

    def no_more_pages(database: Database) -> None:
        pages = database.execute("PRAGMA page_count").fetchone()[0]
        database.execute(f"PRAGMA max_page_count = {pages}")

    await ledger._writer.run(no_more_pages, alone=True)  # pyright: ignore[reportPrivateUsage]
    elsewhere = msgspec.structs.replace(ROOM, platform="elsewhere")
    said = Message(event_id="0", conversation=elsewhere, sender=Sender("u"), text="x" * 1000, message_id="m")
    with contextlib.suppress(LedgerError):
        for number in range(1000 if filled else 0):
            await ledger.accept(msgspec.structs.replace(said, event_id=str(number)), max_pending=1000)
    terminal = Terminal()
    console = ConsoleAdapter(stdin=terminal.stdin, stdout=terminal.stdout, person="ana")
    async with hosting(Host(EchoHandler(), ledger, [console])):
        await terminal.shows("›")
        terminal.type("x" * 3000 + "\n")
        await terminal.until(lambda: any(says in row for row in terminal.screen.rows))
    terminal.close()
    await ledger.close()


# Voice


async def test_the_path_of_a_sound_file_is_a_voice_message_and_the_file_stays(tmp_path: Path) -> None:
    sound = tmp_path / "my question.wav"
    sound.write_bytes(b"RIFF" + bytes(100))
    terminal, inbox = Terminal(), Inbox()
    files = Files(tmp_path / "files", 1000)
    adapter = ConsoleAdapter(stdin=terminal.stdin, stdout=terminal.stdout, person="ana", files=files)
    running = Running(adapter, inbox.accept)
    running.start()
    terminal.type(f"'{sound}'\n{tmp_path}/missing.wav\n")
    spoken, written = await inbox.wait(Message, 2)
    (recording,) = spoken.attachments
    assert (spoken.text, recording.voice, recording.content_type, recording.size) == ("", True, "audio/wav", 104)
    assert Path(recording.path).is_relative_to(tmp_path / "files"), "a copy: the bot erases what it has listened to"
    assert written.text == f"{tmp_path}/missing.wav"
    await adapter.send(spoken.conversation, Reply("At noon.", speech="/tmp/reply.ogg"), key="k1")
    await terminal.until(lambda: any("sound /tmp/reply.ogg" in row for row in terminal.screen.rows))
    await running.stop()
    terminal.close()
    assert sound.exists()


# Files


async def test_files_are_attached_by_command_and_by_dropping_them(tmp_path: Path) -> None:
    plan, drawn = tmp_path / "my plan.txt", tmp_path / "drawn.txt"
    plan.write_bytes(b"first")
    drawn.write_bytes(b"second")
    (tmp_path / "large.bin").write_bytes(bytes(2000))
    (tmp_path / "empty.txt").touch()
    terminal, inbox = Terminal(), Inbox()
    files = Files(tmp_path / "files", 1000)
    adapter = ConsoleAdapter(stdin=terminal.stdin, stdout=terminal.stdout, person="ana", files=files, listens=False)
    running = Running(adapter, inbox.accept)
    running.start()
    terminal.type(f"/attach '{plan}' learn this\n/attach {plan}\n{str(plan).replace(' ', chr(92) + ' ')}\n{drawn}\n")
    said = await inbox.wait(Message, 4)
    assert [each.text for each in said] == ["learn this", "", "", ""]
    assert [each.attachments[0].name for each in said] == ["my plan.txt"] * 3 + ["drawn.txt"]
    assert [each.attachments[0].content_type for each in said] == ["text/plain"] * 4
    assert await asyncio.to_thread(Path(said[0].attachments[0].path).read_bytes) == b"first"
    for typed, problem in (
        ("/attach", "no file is named"),
        (f"/attach {tmp_path}/none.pdf", "there is no file"),
        (f"/attach {tmp_path}", "is no file"),
        (f"/attach {tmp_path}/empty.txt", "is empty"),
        (f"/attach {tmp_path}/large.bin", "is not attached: larger than"),
        ("/attach 'x", "a quotation mark is missing"),
        (f"/attach {'y' * 300}", "cannot be read"),
    ):
        terminal.type(f"{typed}\n")
        await terminal.until(lambda problem=problem: any(problem in row for row in terminal.screen.rows))  # type: ignore[misc]
    terminal.type("/etc/nothing-of-this-name\n")
    assert (await inbox.wait(Message, 5))[-1].text == "/etc/nothing-of-this-name"
    await running.stop()
    terminal.close()
    assert plan.exists()


async def test_a_password_that_is_typed_is_taken_off_the_screen() -> None:
    terminal, inbox = Terminal(), Inbox()
    adapter = ConsoleAdapter(stdin=terminal.stdin, stdout=terminal.stdout, person="ana")
    running = Running(adapter, inbox.accept)
    running.start()
    await terminal.shows("›")
    terminal.type("/credentials add mail hunter2\n")
    (said,) = await inbox.wait(Message)
    assert said.text == "/credentials add mail hunter2", "the host takes it out"
    await terminal.until(lambda: any("add •••" in row for row in terminal.screen.rows))
    assert not any("hunter2" in row for row in terminal.screen.rows)
    await running.stop()
    terminal.close()
