"""Slash commands that every agent has: help, profile and forget; plugins add their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from llmagent_os.adapter import Button, Reply
from llmagent_os.errors import PluginError
from llmagent_os.events import ButtonPress, Command, Event, Message
from llmagent_os.ledger import event_key, person_id

if TYPE_CHECKING:
    from llmagent_os.agent import Agent
    from llmagent_os.profiles import Profile

_log = structlog.stdlib.get_logger(__name__)

HELP = {
    "help": "what I can do",
    "profile": "what I know about you; /profile undo takes the last change back, /profile clear forgets it all",
    "forget": "erase everything I keep about you",
}
FORGET = "agent:forget"  #: the value of the button that erases a person
_NOTHING = Reply("I keep no profiles here.")


class Commands:
    """Answers slash commands and the buttons of their replies."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    async def run(self, command: Command) -> Reply:
        """The answer to ``command``."""
        person = person_id(command)
        match command.name:
            case "help" | "start":
                return self.help()
            case "profile":
                return await self.profile(person, command.arguments.strip().lower())
            case "forget":
                return Reply(
                    "This erases your profile, your events and everything you told me. Are you sure?",
                    buttons=(Button("Yes, forget me", FORGET, "danger"), Button("No", "agent:keep")),
                )
            case name:
                return await self._plugin(command, name)

    async def pressed(self, event: ButtonPress | Message | Event, value: str) -> Reply:
        """The answer to a button of an earlier answer."""
        person = person_id(event)
        match value.removeprefix("agent:"):
            case "forget":
                return await self._forget(event)
            case "keep":
                return Reply("Nothing was changed.")
            case "undo":
                return await self.profile(person, "undo")
            case _:
                return Reply("That button is no longer open.")

    def help(self) -> Reply:
        """What can be typed."""
        plugins = self._agent.plugins
        lines = HELP | (plugins.commands if plugins else {})
        rows = tuple((f"/{name}", text) for name, text in lines.items())
        text = f"I am {self._agent.settings.title}. Just tell me what you need, or type a command:"
        return Reply("\n".join([text, *(f"- `{name}`: {help_}" for name, help_ in rows)]))

    async def profile(self, user_id: str, what: str) -> Reply:
        """Show the profile, or change it: ``undo``, ``clear``, or ``clear FIELD``."""
        profiles = self._agent.profiles
        if profiles is None:
            return _NOTHING
        if what == "undo":
            restored = await profiles.undo(user_id)
            if restored is None:
                return Reply("There is nothing to take back.")
            return _shown(restored, "I took the last change back.")
        if what.startswith("clear"):
            field = what.removeprefix("clear").strip()
            person = await profiles.get(user_id)
            if not field:
                person = await profiles.update(user_id, name=None, place=None, time_zone=None, preferences={})
            elif field in person.preferences:
                kept = {key: value for key, value in person.preferences.items() if key != field}
                person = await profiles.update(user_id, preferences=kept)
            elif field == "name":
                person = await profiles.update(user_id, name=None)
            elif field == "place":
                person = await profiles.update(user_id, place=None, time_zone=None)
            else:
                has = ", ".join(("name", "place", *person.preferences))
                return Reply(f"Your profile has no {field!r}. It has: {has}.")
            return _shown(person, "Cleared.")
        if what:
            ways = "`/profile`, `/profile undo`, `/profile clear` or `/profile clear name`"
            return Reply(f"I don't know `/profile {what}`. Try {ways}.")
        return _shown(await profiles.get(user_id), "This is what I know about you.")

    async def _forget(self, event: Event) -> Reply:
        agent, user_id = self._agent, person_id(event)
        if agent.ledger is not None:
            await agent.ledger.forget(user_id)
        if agent.profiles is not None:
            await agent.profiles.forget(user_id)
        for adapter in agent.transcripts:
            if adapter.name == event.conversation.platform:
                await adapter.forget(event.sender.user_id)
        return Reply("Done: I have forgotten you.")

    async def _plugin(self, command: Command, name: str) -> Reply:
        agent = self._agent
        if agent.plugins is None or name not in agent.plugins.commands:
            return Reply(f"I don't know /{name}. Type /help for what I can do.")
        try:
            result = await agent.plugins.command(
                name,
                command.arguments,
                await agent.tool_context(command, event_key(command)),
                allowed=agent.settings.permissions,
            )
        except PluginError as error:
            _log.warning("a command failed", command=name, error=str(error))
            return Reply(f"Sorry, /{name} did not work just now.")
        return Reply(result.text, card=result.card, buttons=result.buttons, files=result.files)


def _shown(person: Profile, lead: str) -> Reply:
    rows = [
        ("Name", person.name),
        ("Place", person.place),
        ("Time zone", person.time_zone),
        *(
            (key.replace("_", " ").capitalize(), value.replace("_", " "))
            for key, value in sorted(person.preferences.items())
        ),
    ]
    known = tuple((label, value) for label, value in rows if value)
    if not known:
        return Reply(f"{lead} Nothing yet: tell me your name, where you are, or how you like to be answered.")
    text = "\n".join([lead, *(f"- {label}: {value}" for label, value in known)])
    return Reply(text, buttons=(Button("Undo last change", "agent:undo"),))  # a card would say the list again
