"""What is said about polls: the poll with its counts, its result, and questions for what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from zoneinfo import ZoneInfo

from llmagent_os.languages import date_and_time_text, gettext, lazy_gettext, ngettext
from llmagent_os.plugin import Button, Card, Chart, ChartSeries, Table, ToolResult
from llmagent_os.plugins.kit.open_question import ask
from llmagent_os.plugins.kit.said_moment import TimeExpressionError, to_aware
from llmagent_os.plugins.poll.ballot_box import BallotBox
from llmagent_os.plugins.poll.poll import OptionCount, Poll, Vote, counted
from llmagent_os.plugins.poll.poll_words import PollWords, read_poll

MAX_OPTIONS = 10
MAX_CHARACTERS = 300  #: of a question
MAX_OPTION_CHARACTERS = 60  #: a chart and a button can show so many
MAX_NAMES = 20  #: of voters of one option that are shown
GONE = lazy_gettext("That poll is gone.")


async def make_poll(box: BallotBox, text: str, button: Button | None = None) -> ToolResult:
    """Make a poll. What is missing is asked for.

    Args:
        box: keeps polls.
        text: what the person wrote.
        button: stands under the first question.
    """
    context = box.context
    try:
        said = read_poll(text, context.now)
    except TimeExpressionError:
        said = PollWords(unknown="until")
    if problem := _problem(said):
        return ToolResult({"status": "unclear"}, problem)
    if not said.question:
        await ask(context, "question")
        text = gettext("What is the question of the poll?")
        return ToolResult({"status": "missing", "need": "question"}, text, buttons=(button,) if button else ())
    if len(said.options) < 2:
        await ask(context, "options", text=text.rstrip(" |"))
        question = gettext("What can people choose? Write two or more, with | between them.")
        return ToolResult({"status": "missing", "need": "options"}, question)
    return await open_poll(box, said)


async def open_poll(box: BallotBox, said: PollWords) -> ToolResult:
    """Open a poll that has a question and options."""
    context = box.context
    until = None if said.until is None else to_aware(said.until, ZoneInfo(context.time_zone)).astimezone(UTC)
    poll = await box.open(
        Poll(
            poll_id="",
            question=said.question,
            options=said.options,
            is_named=said.is_named,
            is_several=said.is_several,
            until=until,
            zone=context.time_zone,
            room=context.conversation_key,
            made=context.now.astimezone(UTC),
            made_by=context.call_id,
        )
    )
    return await show_poll(box, poll)


async def show_poll(box: BallotBox, poll: Poll, *, replaces: bool = False) -> ToolResult:
    """The poll with its counts, and its buttons while it is open."""
    votes = await box.votes(poll)
    counts = counted(poll, votes)
    is_over = poll.is_over(box.context.now)
    vote = tuple(
        Button(option, f"v:{poll.poll_id}:{place}", open_to_all=True) for place, option in enumerate(poll.options)
    )
    close = Button(gettext("Close the poll"), f"close:{poll.poll_id}")
    return ToolResult(
        {"status": "closed" if is_over else "open", "question": poll.question, "result": _in_words(counts)},
        f"**{poll.question}**\n{_about(poll, votes, is_over=is_over)}",
        card=Card(rows=tuple((each.option, _bar(each, counts)) for each in counts)),
        buttons=() if is_over else (*vote, close),
        replaces=replaces,
        word_for_word=True,
        for_everyone=True,
    )


async def result_of(box: BallotBox, poll: Poll) -> ToolResult:
    """The result, as a table and a chart."""
    votes = await box.votes(poll)
    counts = counted(poll, votes)
    head = (gettext("Option"), gettext("Votes"), *((gettext("Who"),) if poll.is_named else ()))
    rows = tuple((each.option, str(each.count), *((_names(each),) if poll.is_named else ())) for each in counts)
    chart = Chart(
        title=poll.question[:60],
        kind="bar",
        labels=tuple(each.option for each in counts),
        series=(ChartSeries("", tuple(each.count for each in counts)),),
    )
    about = _about(poll, votes, is_over=poll.is_over(box.context.now))
    return ToolResult(
        {"status": "result", "question": poll.question, "result": _in_words(counts)},
        f"**{poll.question}**\n{about}",
        table=Table(head, rows),
        chart=chart,
        word_for_word=True,
        for_everyone=True,
    )


def _problem(said: PollWords) -> str:
    """Why there can be no such poll; empty: nothing speaks against it."""
    if said.unknown:
        return gettext(
            "I don't know the rule “{rule}”. In parentheses before the question I know named, several and until TIME.",
            rule=said.unknown[:60],
        )
    if len(said.options) > MAX_OPTIONS:
        return gettext("A poll has at most {count} options.", count=MAX_OPTIONS)
    if len(said.question) > MAX_CHARACTERS or any(len(each) > MAX_OPTION_CHARACTERS for each in said.options):
        return gettext(
            "A question has at most {question} characters, and an option {option}.",
            question=MAX_CHARACTERS,
            option=MAX_OPTION_CHARACTERS,
        )
    return ""


def _about(poll: Poll, votes: Sequence[Vote], *, is_over: bool) -> str:
    """How many have voted, and the rules of the poll."""
    voters = sum(bool(vote.choices) for vote in votes)
    told = [ngettext("{count} person has voted.", "{count} people have voted.", voters)]
    if is_over:
        told.append(gettext("The poll is closed."))
    else:
        told.append(gettext("Votes are shown with names.") if poll.is_named else gettext("The vote is anonymous."))
        told += [gettext("You may choose several.")] if poll.is_several else []
        told.append(gettext("Press your choice again to take it back."))
        if poll.until is not None:
            when = date_and_time_text(poll.until.astimezone(ZoneInfo(poll.zone)))
            told.append(gettext("It closes {when}.", when=when))
    return " ".join(told)


def _bar(each: OptionCount, counts: Sequence[OptionCount]) -> str:
    total = sum(other.count for other in counts)
    share = round(100 * each.count / total) if total else 0
    bar = "▇" * round(share / 10)
    return " ".join(part for part in (bar, f"{each.count} ({share} %)", _names(each)) if part)


def _names(each: OptionCount) -> str:
    more = ["…"] if len(each.names) > MAX_NAMES else []
    return ", ".join([*each.names[:MAX_NAMES], *more])


def _in_words(counts: Sequence[OptionCount]) -> str:
    return "; ".join(f"{each.option}: {each.count}" for each in counts)
