"""The plugin ``calendar_talk``: what the calendar bot says where nothing is to be done in the calendar.

Thanks, greetings and insults, work that is not the calendar's, and languages that the bot does not speak are told by
rules, and answered with the texts of ``replies.toml`` and ``languages.toml`` in the person's style.
"""

from __future__ import annotations

import asyncio

from llmagent_os.bots.calendar.talk.other_work import other_work
from llmagent_os.bots.calendar.talk.rule_files import rule_file
from llmagent_os.bots.calendar.talk.small_talk import kind_of_talk
from llmagent_os.languages import gettext, language_in_force
from llmagent_os.languages.identification import foreign_language, may_be_foreign
from llmagent_os.plugin import Plugin, ToolCall, ToolContext, ToolResult

#: A message waits this long for the name of its language. It is less than a plugin may take.
MOST_SECONDS = 6.0

#: The dimensions of behaviour that the texts of ``replies.toml`` have values for.
_STYLE = ("mode", "verbosity")

#: Kinds of talk that may be the answer to a question: "What should I call it?" "Stress". Then they are no talk.
_MAY_ANSWER = frozenset(("okay", "personal", "feeling", "small_news", "compliment", "wishes", "babble", "is_fixed"))


class CalendarTalk(Plugin):
    """Answers talk. It has no tools, so no model sees it."""

    name = "calendar_talk"

    async def answer_to(self, context: ToolContext) -> ToolResult | None:
        """Answer talk, work that is not the calendar's, and a language that the bot does not speak."""
        kind = await asyncio.to_thread(kind_of_talk, context.text)
        if kind and not (context.question and kind in _MAY_ANSWER):
            return _said(kind, context)
        if not kind and not context.question and (what := await asyncio.to_thread(other_work, context.text)):
            return _said("other_work", context, what=what)
        if kind or not (language := await _language(context.text)):
            return None
        if language == language_in_force():  # the host has told the person at length
            reply = gettext("I am sorry, I did not understand that. Please say it in English.")
        else:
            reply = str(rule_file("languages")["replies"].get(language, ""))
        return ToolResult({"status": "talk", "kind": "language"}, reply) if reply else None

    async def requests_in(self, context: ToolContext) -> tuple[ToolCall, ...] | ToolResult:
        """Answer general questions, such as "tell me about jazz", where the calendar has no such event.

        Plugins are asked in the order of the bot's file, so the calendar has read the message before.
        """
        what = None if context.question else await asyncio.to_thread(other_work, context.text, late=True)
        return _said("other_work", context, what=what) if what else ()


async def _language(text: str) -> str | None:
    """The language of a message that is not in English. None: it is, or nobody knows in time.

    The first foreign message waits until the library has read its model. On a machine that has much else to do, later
    messages find it read.
    """
    if not may_be_foreign(text):
        return None
    found = asyncio.ensure_future(asyncio.to_thread(foreign_language, text))
    await asyncio.wait((found,), timeout=MOST_SECONDS)
    return found.result() if found.done() else None


def _said(kind: str, context: ToolContext, **values: str) -> ToolResult:
    """The reply to a kind of talk, in the person's style."""
    mode, verbosity = context.style.get("mode", "task_oriented"), context.style.get("verbosity", "normal")
    known = {"conversational": "c"}.get(mode, "t") + {"brief": "b", "detailed": "d"}.get(verbosity, "n")
    name = f", {context.profile.name}" if context.profile.name else ""
    text = str(rule_file("replies")[kind][known])
    for slot, value in {"name": name, **values}.items():
        text = text.replace(f"{{{slot}}}", value)
    return ToolResult({"status": "talk", "kind": kind}, text, shown=_STYLE)
