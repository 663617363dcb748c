"""The profile plugin: remembers a person's name, their place, and how they like to be answered."""

from __future__ import annotations

import asyncio
import unicodedata
from typing import Literal
from zoneinfo import ZoneInfo

from llmagent_os.languages import LazyText, gettext, lazy_gettext
from llmagent_os.languages.written_phrases import choice_text, join_sentences
from llmagent_os.plugin import Plugin, Span, ToolCall, ToolContext, ToolResult, tool
from llmagent_os.plugins.profile.about_person import ASKS_NAME, told
from llmagent_os.plugins.profile.clock_questions import answered, clock_text, said_clock
from llmagent_os.plugins.profile.places import find_place, near_place

Style = Literal["brief", "normal", "detailed", "task_oriented", "conversational", "ask_first", "act"]

MAX_NAME = 60  #: characters

#: The preference that a style sets, and the sentence that confirms it.
STYLES: dict[str, tuple[str, LazyText]] = {
    "brief": ("verbosity", lazy_gettext("I'll keep my answers short.")),
    "normal": ("verbosity", lazy_gettext("I'll answer at normal length.")),
    "detailed": ("verbosity", lazy_gettext("I'll answer in more detail.")),
    "task_oriented": ("mode", lazy_gettext("I'll stick to the task.")),
    "conversational": ("mode", lazy_gettext("I'll be more chatty.")),
    "ask_first": ("initiative", lazy_gettext("I'll ask before I change anything.")),
    "act": ("initiative", lazy_gettext("I'll do things right away, without asking first.")),
}


class ProfilePlugin(Plugin):
    """Remembers preferences through ``profile_changes``; the profile itself belongs to the agent."""

    name = "profile"
    about = "the person's name, place and style of answers; the time"

    # The first place that anybody names loads every city. On a busy or slow machine, that takes many seconds.
    @tool(permission="profile.write", timeout=60.0)
    async def set_preference(
        self, context: ToolContext, name: Span | None = None, place: Span | None = None, style: Style | None = None
    ) -> ToolResult:
        """Remember the person's name, where they are, or how they like to be answered.

        Args:
            context: who asks, where and when
            name: what to call them
            place: the city or country they are in
            style: how to answer
        """
        changes: dict[str, str] = {}
        data = {"status": "set"}
        said: list[str] = []
        if name is not None:
            cleaned = clean_name(name)
            if not cleaned:
                heard = name.strip()[:MAX_NAME]
                text = join_sentences([gettext("I couldn't make a name of “{heard}”.", heard=heard), str(ASKS_NAME)])
                return ToolResult({"status": "unclear", "need": "name", "heard": heard}, text)
            changes["name"] = data["name"] = cleaned
            said.append(gettext("I'll call you {name}.", name=cleaned))
        if place is not None:
            found = await asyncio.to_thread(find_place, place)
            if found is None:
                return await _no_such_place(place)
            changes |= {"place": found.name, "time_zone": found.zone}
            data |= {"place": found.name, "time": clock_text(context.now.astimezone(ZoneInfo(found.zone)))}
            here = said_clock(context.now.astimezone(ZoneInfo(found.zone)))
            said.append(gettext("Got it, you're in {place}, where it is {time}.", place=found.name, time=here))
        if style is not None:
            preference, sentence = STYLES[style]
            if style not in context.dimensions.get(preference, ()):  # the bot could not keep the promise
                can = [value.replace("_", " ") for values in context.dimensions.values() for value in values]
                text = gettext("I can't answer that way. `/profile set` takes {styles}.", styles=choice_text(can))
                return ToolResult({"status": "unclear", "need": "style", "heard": style}, text)
            changes[preference] = data["style"] = style
            said.append(str(sentence))
        if not said:
            question = gettext("What should I remember: your name, where you are, or how you like to be answered?")
            return ToolResult({"status": "missing", "need": "preference"}, question)
        return ToolResult(data, join_sentences(said), profile_changes=changes)

    async def requests_in(self, context: ToolContext) -> tuple[ToolCall, ...]:
        """Read what the person tells about themselves."""
        found = await asyncio.to_thread(
            told, context.text, context.question, lambda place: find_place(place) is not None
        )
        return (ToolCall("set_preference", dict(found)),) if found else ()

    async def answer_to(self, context: ToolContext) -> ToolResult | None:
        """Answer what the person asks about themselves, and what time and what day it is."""
        said = await asyncio.to_thread(answered, context.text, context.profile, context.now, find_place)
        return None if said is None else ToolResult({"status": "answered"}, said)


def clean_name(text: str) -> str:
    r"""Clean a name so that it can be shown anywhere: one line of at most :data:`MAX_NAME` characters.

    Empty: ``text`` has no letters, or has characters that are markup.

    >>> clean_name("  sam\u202e ")
    'Sam'
    """
    kept = "".join(
        each for each in unicodedata.normalize("NFC", text) if unicodedata.category(each)[0] not in "CZ" or each == " "
    )
    kept = " ".join(kept.strip(" .,!?;:\"'“”").split())[:MAX_NAME].strip()
    if not any(each.isalpha() for each in kept) or set(kept) & set("<>{}[]|\\`@#*_~"):
        return ""
    return " ".join(word[:1].upper() + word[1:] if word.islower() else word for word in kept.split())


async def _no_such_place(place: str) -> ToolResult:
    heard = " ".join(place.split())[:MAX_NAME]
    near = await asyncio.to_thread(near_place, place)
    data = {"status": "unclear", "need": "place", "heard": heard} | ({"near": near} if near else {})
    hint = gettext("Did you mean {place}?", place=near) if near else gettext("Which big city is nearby?")
    return ToolResult(data, join_sentences([gettext("I don't know where {place} is.", place=heard), hint]))
