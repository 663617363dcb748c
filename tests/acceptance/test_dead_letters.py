"""What breaks without this: one message, or one plugin, ends the host at every start, and nobody is told.

A host runs in a process of its own, with plugins from a folder. One tool ends as ``argparse`` does; another ends the
process at once, which nothing in the process can prevent.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from llmagent_os.adapter import Accept, Capabilities, Receipt, Reply
from llmagent_os.adapter_kit.containment import run_loop
from llmagent_os.agent import Agent
from llmagent_os.chat import ChatRequest, Completion, ToolCall
from llmagent_os.events import Conversation, Message, Sender
from llmagent_os.host.dead_letters import KEPT
from llmagent_os.host.host import Host
from llmagent_os.host.limits import Limits
from llmagent_os.ledger import Ledger
from llmagent_os.llm import LLM
from llmagent_os.people.profiles import Profiles
from llmagent_os.serving.backend import OnText
from llmagent_os.tools.registry import Plugins

BROKEN = """
import argparse, asyncio, os
from llmagent_os.plugin import Plugin, ToolContext, ToolResult, tool

class Broken(Plugin):
    name = "broken"

    @tool()
    async def argue(self, context: ToolContext) -> ToolResult:
        "Read options."
        argparse.ArgumentParser().parse_args(["--no-such-option"])

    @tool()
    async def argue_beside(self, context: ToolContext) -> ToolResult:
        "Read options in tasks of its own."
        await asyncio.gather(self.argue(context), self.argue(context))

    @tool()
    async def die(self, context: ToolContext) -> ToolResult:
        "End the process."
        os._exit(9)
"""

MENDED = BROKEN.replace("os._exit(9)", 'return ToolResult({"status": "ok"}, "Mended.")')


class Running:
    """A host process, and what it said."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process, self._stdin, self._stdout = process, process.stdin, process.stdout

    def say(self, text: str, channel: str) -> None:
        self._stdin.write(json.dumps({"text": text, "channel": channel}).encode() + b"\n")

    def hang_up(self) -> None:
        """Let the host end, once everything is answered."""
        self._stdin.close()

    async def heard(self) -> str:
        """The next reply; empty: the process has ended."""
        while line := await self._stdout.readline():
            if line.startswith(b"reply "):  # the others are log lines
                return str(json.loads(line.removeprefix(b"reply ")))
        return ""

    async def code(self) -> int:
        return await self._process.wait()


@contextlib.asynccontextmanager
async def running(folder: Path) -> AsyncGenerator[Running]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        __file__,
        str(folder),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    host = Running(process)
    yield host
    host.hang_up()
    await process.wait()


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("llmagent-os")
    environment = {**os.environ, "LLMAGENT_OS_DATA": str(folder)}
    return subprocess.run(
        [program, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.usefixtures("warm_programs")
async def test_a_tool_that_exits_is_a_failed_tool_and_a_message_that_kills_is_kept_after_three_times(
    tmp_path: Path,
) -> None:
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    (plugins / "broken.py").write_text(BROKEN)
    async with running(tmp_path) as host:
        for tool in ("argue", "argue_beside"):
            host.say(f"use {tool}", "ana")
            assert "did not work" in await host.heard()
        host.say("hello", "ana")
        assert await host.heard() == "hello", "the host goes on after a tool that exits"
        host.say("use die", "ana")
        assert await host.heard() == ""
        assert await host.code() == 9
    for _ in range(2):
        async with running(tmp_path) as host:
            assert await host.heard() == ""
            assert await host.code() == 9
    async with running(tmp_path) as host:
        assert await host.heard() == str(KEPT), "the fourth start gives it up"
        host.say("hello again", "ana")
        assert await host.heard() == "hello again"

    doctor = command(tmp_path, "doctor")
    assert doctor.returncode == 1
    assert "tried 3 times" in doctor.stdout
    assert "use die" not in doctor.stdout
    assert "stdio" in command(tmp_path, "dead-letters", "list").stdout

    (plugins / "broken.py").write_text(MENDED)
    async with running(tmp_path) as host:
        host.say("hello", "ben")
        assert await host.heard() == "hello"
        put_back = await asyncio.to_thread(command, tmp_path, "dead-letters", "run", "--all")
        assert "Put back: 1" in put_back.stdout
        assert await host.heard() == "Mended."
    assert "no dead letters" in command(tmp_path, "dead-letters", "list").stdout
    assert command(tmp_path, "dead-letters", "run", "1").returncode == 2


# ── the process ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Stdio:
    """A platform on standard input and output."""

    name = "stdio"
    capabilities = Capabilities(idempotent_send=True)

    async def run(self, accept: Accept) -> None:
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            fields, event_id = json.loads(line), os.urandom(8).hex()
            room = Conversation(platform=self.name, channel=fields["channel"])
            sender = Sender(fields["channel"])
            await accept(
                Message(event_id=event_id, conversation=room, sender=sender, text=fields["text"], message_id=event_id)
            )

    async def send(
        self, conversation: Conversation, reply: Reply, *, key: str, reply_to: str | None = None, again: bool = False
    ) -> Receipt:
        print("reply", json.dumps(reply.text), flush=True)
        return Receipt((key,))

    async def draft(self, conversation: Conversation, text: str, *, key: str) -> None: ...

    async def edit(self, conversation: Conversation, message_id: str, reply: Reply) -> None: ...

    async def typing(self, conversation: Conversation) -> None: ...


class Obedient:
    """A model that uses the tool that it is asked to use, and else says what it hears."""

    async def complete(self, request: ChatRequest, on_text: OnText | None) -> Completion:
        last = request.messages[-1]
        said = str(last["content"])
        if last["role"] == "user" and said.startswith("use "):
            call = ToolCall(said.removeprefix("use "), {})
            return Completion(text="", tool_calls=(call,), finish_reason="tool_calls", model="obedient")
        return Completion(text="" if last["role"] == "tool" else said, model="obedient")

    async def aclose(self) -> None: ...

    def close(self) -> None: ...


async def host(folder: Path) -> None:
    """What the process does."""
    ledger = await Ledger.open(f"sqlite:///{folder / 'ledger.db'}")
    async with Plugins(installed=(), folder=folder / "plugins", records=ledger.records) as plugins:
        agent = Agent(
            llm=LLM("obedient", Obedient()), plugins=plugins, ledger=ledger, profiles=Profiles(folder / "profiles")
        )
        await Host(agent, ledger, [Stdio()], limits=Limits(revive_seconds=0.05)).run()
    await ledger.close()


if __name__ == "__main__":
    with asyncio.Runner() as runner:
        run_loop(host(Path(sys.argv[1])), runner)
