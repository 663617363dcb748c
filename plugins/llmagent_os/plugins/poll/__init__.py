"""The plugin of polls: a question to a group, which everybody answers with a button.

A poll is kept with whoever made it, and each vote with whoever voted. So ``/forget`` of a person takes their votes out,
and a person with linked accounts has one vote.

================  ====================================================================================================
``poll``          a poll, a vote, and how votes are counted
``poll_words``    reads what a person wrote to make a poll
``ballot_box``    keeps polls and votes
``poll_form``     the form in which a person makes a poll
``poll_answers``  the poll with its counts, and its result
================  ====================================================================================================
"""

from __future__ import annotations

import re
from datetime import datetime

from msgspec.structs import replace

from llmagent_os.adapter_kit.keyed_order import KeyedLocks
from llmagent_os.languages import gettext, gettext_noop
from llmagent_os.plugin import (
    FormErrors,
    FormValues,
    Plugin,
    Span,
    ToolCall,
    ToolContext,
    ToolResult,
    form_button,
    tool,
)
from llmagent_os.plugins.kit.open_question import ANSWER, answers_question, close_question, take_question
from llmagent_os.plugins.poll.ballot_box import BallotBox
from llmagent_os.plugins.poll.poll_answers import GONE, make_poll, result_of, show_poll
from llmagent_os.plugins.poll.poll_form import NEW_POLL, answer_poll_form

__all__ = ["PollPlugin"]

_MAKE = re.compile(r"(?:please )?(?:make|start|create|open) a poll:? (?P<poll>[^|]+(?:\|[^|]+){2,})", re.I | re.S)


class PollPlugin(Plugin):
    """Makes polls, takes votes and counts them."""

    name = "poll"
    about = "polls in groups, with buttons"
    work = "is counting votes…"
    shares_records = True
    commands = {  # noqa: RUF012
        "poll": gettext_noop("asks everybody here: /poll Lunch where? | Soup | Salad; /poll results, /poll close")
    }

    reading = (
        "/poll results",
        "/poll result",
    )
    forms = (NEW_POLL,)

    def __init__(self) -> None:
        self._locks = KeyedLocks()  # by poll, or by the person who makes one

    @tool(permission="poll.write")
    async def make_poll(
        self, context: ToolContext, question: Span, options: str, named: bool = False, several: bool = False
    ) -> ToolResult:
        """Ask everybody in the conversation, with a button for each option.

        Args:
            context: of the person
            question: what to ask
            options: what people can choose, with | between the options
            named: show who voted for what
            several: let each person choose several options
        """
        rules = ", ".join([*(["named"] if named else []), *(["several"] if several else [])])
        async with self._locks.of(context.user_id):
            return await make_poll(BallotBox(context), f"({rules}) {question} | {options}")

    @tool(permission="poll.read", read_only=True)
    async def poll_results(self, context: ToolContext) -> ToolResult:
        """Say how the person's last poll in this conversation stands."""
        return await self._last(BallotBox(context), "results")

    async def command(self, context: ToolContext, name: str, arguments: str) -> ToolResult:
        box, words = BallotBox(context), arguments.strip()
        await close_question(context)
        if words.lower() in ("results", "result", "close"):
            return await self._last(box, words.lower())
        async with self._locks.of(context.user_id):
            return await make_poll(box, "" if words.lower() == "new" else words, form_button(NEW_POLL))

    async def submitted(self, context: ToolContext, form: str, values: FormValues) -> ToolResult | FormErrors:
        await close_question(context)
        async with self._locks.of(context.user_id):
            return await answer_poll_form(BallotBox(context), values)

    async def _last(self, box: BallotBox, what: str) -> ToolResult:
        poll = next((each for each in await box.mine() if each.room == box.context.conversation_key), None)
        if poll is None:
            text = gettext("You have made no poll here. “/poll Lunch where? | Soup | Salad” makes one.")
            return ToolResult({"status": "empty"}, text)
        async with self._locks.of(poll.poll_id):
            return await result_of(box, await box.close(poll) if what == "close" else poll)

    async def pressed_by_anyone(self, context: ToolContext, value: str) -> ToolResult:
        """Take a vote, and show the new counts in the place of the old ones."""
        verb, poll_id, place = (*value.split(":"), "", "", "")[:3]
        async with self._locks.of(poll_id):
            box = BallotBox(context)
            poll = await box.find(poll_id) if verb == "v" else None
            if poll is None or not place.isdecimal() or int(place[:3]) >= len(poll.options):
                return ToolResult({"status": "stale"}, str(GONE))
            if not poll.is_over(context.now):
                await box.vote(poll, int(place[:3]))
            return await show_poll(box, poll, replaces=True)

    async def pressed(self, context: ToolContext, value: str) -> ToolResult:
        """Close a poll, for whoever made it; or take the answer to a question."""
        verb, _, poll_id = value.partition(":")
        box = BallotBox(context)
        if verb == ANSWER:
            question = await take_question(context)
            if question is None or not context.text:
                return ToolResult({"status": "stale"}, str(GONE))
            before = f"{question.given['text']} | " if question.what == "options" else ""
            async with self._locks.of(context.user_id):
                return await make_poll(box, before + context.text)
        async with self._locks.of(poll_id):
            poll = await box.own(poll_id) if verb == "close" else None
            if poll is None:
                return ToolResult({"status": "stale"}, str(GONE))
            return await show_poll(box, await box.close(poll), replaces=True)

    async def button_meant(self, context: ToolContext) -> str | None:
        """Words after a question answer it."""
        return None if await answers_question(context) is None else ANSWER

    async def requests_in(self, context: ToolContext) -> tuple[ToolCall, ...] | ToolResult:
        """Read "make a poll: Lunch? | Soup | Salad"."""
        asked = _MAKE.fullmatch(context.text.strip())
        if asked is None:
            return ()
        question, _, options = asked["poll"].partition("|")
        return (ToolCall("make_poll", {"question": question.strip(), "options": options.strip()}),)

    async def due(self, context: ToolContext, key: str, at: datetime) -> ToolResult | None:
        """Close a poll at its time, and say the result."""
        box, poll_id = BallotBox(context), key.partition(":")[2]
        async with self._locks.of(poll_id):
            poll = await box.own(poll_id)
            if poll is None or poll.until != at:
                return None
            result = await result_of(box, await box.close(poll))
            return replace(result, replaces_answer_to=poll.made_by)  # nobody can vote there any more
