"""The whole plugin API on one page. ``docs/plugins.md`` builds a first plugin in five minutes.

A plugin is a class with typed, documented, asynchronous tools that a language model may call:

>>> import random
>>> class Dice(Plugin):
...     name = "dice"
...
...     @tool()
...     async def roll_die(self, context: ToolContext, sides: int = 6) -> ToolResult:
...         '''Roll a die.'''
...         rolled = random.Random(context.call_id).randint(1, sides)
...         return ToolResult({"status": "rolled", "value": str(rolled)}, f"You rolled a {rolled}.")

The type hints become the JSON schema that the model sees, the docstring its description; an ``Args:`` section describes
the arguments, and one with a default may be left out. :class:`~llmagent_os.tools.registry.Plugins` finds and calls
plugins.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Concatenate, Literal, ParamSpec, TypeVar

import msgspec
from pydantic import Field

from llmagent_os.adapter import Button, Card
from llmagent_os.chat import ToolSpec
from llmagent_os.errors import PluginError
from llmagent_os.events import Event
from llmagent_os.timers import MemoryTimers, Timers

if TYPE_CHECKING:
    from llmagent_os.people.profiles import Profile
    from llmagent_os.records import Records

__all__ = ["Button", "Card", "Plugin", "Span", "ToolContext", "ToolResult", "ToolSpec", "tool"]

#: A string argument whose value is copied from the person's own words ("next tuesday", "dentist"). In the JSON schema
#: it is ``{"type": "string", "x-span": true}``, and the engine decodes nothing but spans of what was said.
Span = Annotated[str, Field(json_schema_extra={"x-span": True})]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolContext:
    """For whom, where and when a tool is called."""

    user_id: str  #: the person, wherever they are: the same on every platform that they have linked
    conversation_key: str  #: where they said it
    call_id: str  #: unique to this call, and the same when a crashed turn is run again: makes writes idempotent
    now: datetime  #: aware, in ``time_zone``
    time_zone: str  #: the person's IANA zone, such as ``Europe/Berlin``
    text: str  #: what they said, whole
    initiative: Literal["act", "ask_first"] = "act"  #: ``ask_first``: no write before they agreed to it
    #: what a person can ask for of how the bot answers: each dimension's values, and what the model is told for each
    dimensions: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    records: Records  #: this plugin's documents about this person
    profile: Profile
    timers: Timers = field(default_factory=MemoryTimers)  #: this plugin's for this person: lead to :meth:`Plugin.due`
    event: Event | None = None  #: what happened, as the platform told it; None where there is no platform


class ToolResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a tool found or did."""

    data: dict[str, Any]  #: JSON for the model to phrase: small, flat, strings already readable
    text: str  #: one complete plain English reply, good enough to be sent as it is
    card: Card | None = None
    buttons: tuple[Button, ...] = ()  #: a press comes back to :meth:`Plugin.pressed`
    files: tuple[str, ...] = ()  #: paths of local files to send along
    profile_changes: dict[str, str] = {}  #: to the profile's fields or preferences; needs permission ``profile.write``


class Plugin:
    """Subclass this, give it a ``name`` and ``@tool`` methods. It is made once, without arguments, for everybody."""

    name: ClassVar[str]  #: lower case, unique
    commands: ClassVar[dict[str, str]] = {}  #: slash commands of its own: name to one line of help

    async def start(self) -> None:
        """Called once before the first call, in the event loop. Whatever it raises keeps the plugin out."""

    async def stop(self) -> None:
        """Called once after the last call has finished."""

    async def pressed(self, context: ToolContext, value: str) -> ToolResult:
        """One of its own buttons was pressed. ``value`` comes from outside: it may be old, repeated or made up."""
        raise PluginError(f"plugin {self.name!r} has no button {value!r}")

    async def due(self, context: ToolContext, key: str, at: datetime) -> ToolResult | None:
        """A moment set with ``context.timers`` has come. None: say nothing.

        Args:
            context: as of the call that set it, without a ``text``; ``now`` is later than ``at`` where the host was off
            key: what it was set under
            at: the moment that was asked for, UTC
        """
        raise PluginError(f"plugin {self.name!r} sets the timer {key!r} but does not answer it")

    async def command(self, context: ToolContext, name: str, arguments: str) -> ToolResult:
        """One of its ``commands`` was given."""
        raise PluginError(f"plugin {self.name!r} lists the command {name!r} but does not answer it")


class ToolMark(msgspec.Struct, frozen=True):
    """What :func:`tool` notes on a method."""

    permission: str
    read_only: bool
    timeout: float


_P = ParamSpec("_P")
_Self = TypeVar("_Self", bound=Plugin)
_Method = Callable[Concatenate[_Self, ToolContext, _P], Awaitable[ToolResult]]


def tool(
    *, permission: str = "", read_only: bool = False, timeout: float = 10.0
) -> Callable[[_Method[_Self, _P]], _Method[_Self, _P]]:
    """Mark an asynchronous method of a :class:`Plugin` as a tool; its name is the method's.

    Args:
        permission: what a bot must allow before the model sees the tool, such as ``calendar.write``.
        read_only: it changes nothing, so it may be tried again freely.
        timeout: seconds after which a call is cancelled.

    Raises:
        PluginError: the permission or the timeout is nonsense.
    """
    if not re.fullmatch(r"([a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*)?", permission):
        raise PluginError(f"permission {permission!r} should look like 'calendar.write'")
    if not 0 < timeout <= 600:
        raise PluginError(f"a tool's timeout is {timeout!r}: give seconds above 0 and up to 600")
    mark = ToolMark(permission, read_only, timeout)

    def marked(method: _Method[_Self, _P]) -> _Method[_Self, _P]:
        method.__dict__["tool_mark"] = mark
        return method

    return marked
