"""Slash commands that every agent has: help, profile, link, unlink and forget; plugins add their own."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec
import structlog

from llmagent_os.adapter import Button, Reply
from llmagent_os.commands.link import link, listed, platforms, unlink
from llmagent_os.errors import PluginError
from llmagent_os.events import Command, Event, event_key
from llmagent_os.identity import identity_of, parts_of
from llmagent_os.modules.behavior import LEARNING, may_learn
from llmagent_os.people.admission import approve, revoke
from llmagent_os.people.linking import Links

if TYPE_CHECKING:
    from llmagent_os.agent import Agent
    from llmagent_os.people.profiles import Profile
    from llmagent_os.policy import Dimensions

_log = structlog.stdlib.get_logger(__name__)

HELP = {
    "help": "what I can do",
    "profile": "what I know about you and what I have learned; /profile set STYLE corrects it, /profile learning off "
    "stops it, /profile undo takes the last change back, /profile clear forgets it all",
    "link": "be the same person to me on another platform: gives a code, or takes it as /link CODE",
    "unlink": "take this account out of what you have linked",
    "forget": "erase everything I keep about you",
}
ADMIN_HELP = {
    "approve": "let somebody in: /approve CODE (admins)",
    "revoke": "do not answer somebody any more: /revoke IDENTITY (admins)",
}
#: Commands of which nothing is kept: their replies hold codes, or are about somebody else.
UNKEPT = frozenset({"link", "unlink", *ADMIN_HELP})
FORGET = "agent:forget:"  #: begins the value of the button that erases a person; who asked comes after it
_NOTHING = Reply("I keep no profiles here.")
_NO_LEDGER = Reply("I keep nothing about anybody here, so there is nothing to link.")
_STALE = Reply("That button is no longer open.")
_NOTHING_TOLD = (
    "You have told me nothing about yourself yet: tell me your name, where you are, or how you like to be answered."
)

#: How what was learned is said; in the bot's own words, where it is of a dimension of its own.
_LIKED = {
    ("mode", "task_oriented"): "task-oriented answers rather than chatty ones",
    ("mode", "conversational"): "chatty answers rather than task-oriented ones",
    ("verbosity", "brief"): "short answers",
    ("verbosity", "normal"): "answers of medium length",
    ("verbosity", "detailed"): "detailed answers",
    ("initiative", "act"): "me to act at once rather than ask first",
    ("initiative", "ask_first"): "me to ask first rather than act at once",
}

#: What is not held so many times as likely as by chance is not said to be known.
_KNOWN = 1.2


class Commands:
    """Answers slash commands and the buttons of their replies. In a group, only who asked sees the answer."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    def listed(self) -> dict[str, str]:
        """Every command and a line about it, as platforms show them: now, for plugins come and go."""
        plugins, access = self._agent.plugins, self._agent.access
        admin = ADMIN_HELP if access is not None and access.admins else {}
        return {**HELP, **admin, **(plugins.commands if plugins else {})}

    async def run(self, command: Command) -> Reply:
        """The answer to ``command``."""
        return _private(command, await self._run(command))

    async def pressed(self, event: Event, value: str) -> Reply:
        """The answer to a button of an earlier answer, or to the words of one."""
        return _private(event, await self._pressed(event, value))

    async def _run(self, command: Command) -> Reply:
        agent, arguments = self._agent, command.arguments.strip()
        match command.name:
            case "help" | "start":
                return self.help(command)
            case "profile":
                return await self.profile(await agent.person_of(identity_of(command)), arguments.lower())
            case "link" | "unlink" if agent.ledger is None:
                return _NO_LEDGER
            case "link" if agent.ledger is not None:
                return await link(Links(agent.ledger, agent.profiles, agent.clock), command, arguments)
            case "unlink" if agent.ledger is not None:
                return await unlink(Links(agent.ledger, agent.profiles, agent.clock), command, agent.access)
            case "forget":
                return await self._ask_forget(command)
            case "approve" | "revoke" if agent.access is not None:
                if not agent.access.is_admin(identity_of(command)):
                    return Reply("Only admins can do that. Whoever runs me names them in LLMAGENT_OS_ADMINS.")
                answer = approve if command.name == "approve" else revoke
                return await answer(agent.access, command, arguments)
            case name:
                return await self._plugin(command, name)

    async def _pressed(self, event: Event, value: str) -> Reply:
        if value == _forget_value(event):
            return await self._forget(event)
        match value.removeprefix("agent:"):
            case "keep":
                return Reply("Nothing was changed.")
            case "undo":
                return await self.profile(await self._agent.person_of(identity_of(event)), "undo")
            case _:
                return _STALE

    def help(self, event: Event) -> Reply:
        """What can be typed by whoever asks."""
        access, lines = self._agent.access, self.listed()
        if access is None or not access.is_admin(identity_of(event)):
            lines = {name: line for name, line in lines.items() if name not in ADMIN_HELP}
        text = f"I am {self._agent.settings.title}. Just tell me what you need, or type a command:"
        return Reply("\n".join([text, *(f"- `/{name}`: {line}" for name, line in lines.items())]))

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
                kept = {} if may_learn(person.preferences) else {LEARNING: "off"}  # not asked for by this
                person = await profiles.update(user_id, name=None, place=None, time_zone=None, preferences=kept)
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
        setting = {"learning on": ("learning", None), "learning off": ("learning", "off")}.get(what)
        if what.startswith("set "):
            value = what.removeprefix("set ").strip().replace(" ", "_")
            setting = next(((name, value) for name, values in self._dimensions.items() if value in values), None)
        if setting is not None:
            person = await profiles.update(user_id, **{setting[0]: setting[1]})
            return _shown(
                person, "Done." if setting[1] != "off" else "Done: I do not learn from your reactions any more."
            )
        if what:
            ways = (
                "`/profile`, `/profile undo`, `/profile clear`, `/profile clear name`, `/profile learning off`, "
                f"`/profile learning on` or `/profile set STYLE` with one of {', '.join(self._styles)}"
            )
            return Reply(f"I don't know `/profile {what}`. Try {ways}.")
        person = await profiles.get(user_id)
        shown = _shown(person, "This is what I know about you.", _NOTHING_TOLD)
        learned = await self._learned(person)
        return msgspec.structs.replace(shown, text=f"{shown.text}\n\n{learned}") if learned else shown

    async def _learned(self, person: Profile) -> str:
        """What reactions have taught of this person, in words; empty: nothing is learned here."""
        agent = self._agent
        if agent.learning is None:
            return ""
        if not may_learn(person.preferences):
            return "I do not learn from your reactions: `/profile learning on` changes that."
        await agent.learning.catch_up()
        reacted, all_told = await agent.learning.reply_counts(person.user_id)
        if not all_told:
            return "From your reactions I have learned nothing yet: 👍 and 👎 tell me how you like to be answered."
        replies = "one reply" if all_told == 1 else f"{all_told} replies"
        source = "your reactions on" if reacted == all_told else "how you took"
        await agent.learning.load(person.user_id)
        lines = [f"From {source} {replies} I have learned that you like:"]
        for name, (value, chance) in agent.learning.tastes(person.user_id).items():
            values, asked = tuple(self._dimensions[name]), person.preferences.get(name, "")
            if asked in values:
                lines.append(f"- {_liked(name, asked)} (you told me so)")
            elif chance * len(values) < _KNOWN:
                lines.append(f"- {' or '.join(values).replace('_', ' ')}: I cannot tell yet")
            else:
                lines.append(f"- {_liked(name, value)} ({chance:.0%} sure)")
        example = "brief" if "brief" in self._styles else self._styles[-1].replace("_", " ")
        return "\n".join([*lines, "", f"`/profile set {example}` corrects it, and taking reactions off unlearns it."])

    @property
    def _dimensions(self) -> Dimensions:
        """What can be asked for of how this bot answers."""
        return self._agent.behavior.dimensions

    @property
    def _styles(self) -> list[str]:
        return [value for values in self._dimensions.values() for value in values]

    async def _ask_forget(self, event: Event) -> Reply:
        everywhere = platforms(await self._agent.everyone(identity_of(event)))
        also = f", on {listed(everywhere)}" if len(everywhere) > 1 else ""
        return Reply(
            f"This erases your profile, your events and everything you told me{also}. Are you sure?",
            buttons=(Button("Yes, forget me", _forget_value(event), "danger"), Button("No", "agent:keep")),
        )

    async def _forget(self, event: Event) -> Reply:
        """The ledger last: it knows who is to be forgotten, where a crash comes in between."""
        agent = self._agent
        for identity in await agent.everyone(identity_of(event)):
            platform, _, own_id = parts_of(identity)
            for adapter in agent.transcripts:
                if adapter.name == platform:
                    await adapter.forget(own_id)
            if agent.profiles is not None:
                await agent.profiles.forget(identity)
        everyone = await agent.everyone(identity_of(event))
        if agent.ledger is not None:
            await agent.ledger.forget(identity_of(event))
        if agent.learning is not None:
            await agent.learning.forget(everyone)
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


def _liked(name: str, value: str) -> str:
    return _LIKED.get((name, value)) or f"{name}: {value}".replace("_", " ")


def _private(event: Event, reply: Reply) -> Reply:
    """What others in a group do not see."""
    if event.conversation.kind == "direct":
        return reply
    return msgspec.structs.replace(reply, only_for=event.sender.user_id)


def _forget_value(event: Event) -> str:
    """Says who asked: pressed by anybody else it means nothing."""
    return FORGET + sha256(identity_of(event).encode()).hexdigest()[:12]


def _shown(person: Profile, lead: str, nothing: str = "") -> Reply:
    """The profile under ``lead``, or ``nothing`` where it is empty."""
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
        return Reply(nothing or f"{lead} Your profile is empty.")
    text = "\n".join([lead, *(f"- {label}: {value}" for label, value in known)])
    return Reply(text, buttons=(Button("Undo last change", "agent:undo"),))  # a card would say the list again
