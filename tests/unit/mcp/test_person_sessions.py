"""Connections of many people with one server: few are open, and none is taken from a call."""

from __future__ import annotations

import pytest
from mcp import types

from llmagent_os.errors import PluginError
from llmagent_os.mcp.person_sessions import PersonSessions
from llmagent_os.mcp.server_session import ServerSession
from llmagent_os.mcp.stdio_transport import Program, stdio_transport
from tests.unit.mcp.calling import outside


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def session(clock: Clock) -> ServerSession:
    async def listed(_: list[types.Tool]) -> None:
        pass

    table = outside()
    program = Program("odd", table["command"], tuple(table["args"]))
    return ServerSession("odd", lambda: stdio_transport(program), listed=listed, clock=clock)


async def test_the_one_that_was_used_least_makes_room() -> None:
    clock = Clock()
    sessions = PersonSessions(most=2, idle=600, clock=clock)
    first, second = (sessions.of(key, lambda: session(clock)) for key in ("ana", "ben"))
    assert sessions.of("ana", lambda: session(clock)) is first
    sessions.of("cleo", lambda: session(clock))
    assert sessions.of("ana", lambda: session(clock)) is first
    assert sessions.of("ben", lambda: session(clock)) is not second
    await sessions.close()


async def test_one_that_is_used_is_not_closed() -> None:
    clock = Clock()
    sessions = PersonSessions(most=1, idle=600, clock=clock)
    mine = sessions.of("ana", lambda: session(clock))
    assert (await mine.call("link", {}, 30)).content
    mine.calls += 1
    with pytest.raises(PluginError, match="too many people"):
        sessions.of("ben", lambda: session(clock))
    clock.now = 700.0
    await sessions.close_idle()
    assert len(sessions) == 1
    mine.calls -= 1
    await sessions.close_idle()
    assert len(sessions) == 0
    assert (await mine.call("link", {}, 30)).content  # whoever still has it opens it again
    await mine.close()
    await sessions.close()
