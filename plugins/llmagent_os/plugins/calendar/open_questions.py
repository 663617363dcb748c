"""Says which changes still wait for the person's answer. A list without them would say that nothing is planned."""

from __future__ import annotations

from collections.abc import Sequence

from llmagent_os.markup.word_list import join_words
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.event_change import Change, Question
from llmagent_os.plugins.calendar.event_query import EventQuery
from llmagent_os.plugins.calendar.event_search import search_events
from llmagent_os.plugins.calendar.person_clock import MAX_NAMED_EVENTS, EventMatch


def waiting_text(call: CalendarCall, query: EventQuery, questions: Sequence[Question]) -> str:
    """Return a sentence for each kind of change that waits and that a list of events concerns; empty: none.

    Args:
        call: the tool's call.
        query: what is listed. A question concerns it if an event before or after one of its changes fits.
        questions: the open questions.
    """
    to_add: list[str] = []
    others: list[str] = []
    for question in questions:
        concerned = [match for option in question.options if (match := _fitting(call, query, option))]
        if not concerned:
            continue
        only = question.options[0]
        # An option that would change nothing has no events.
        titles = dict.fromkeys(event.title for option in question.options for event in option.before or option.after)
        names = join_words(list(titles))
        if len(question.options) > 1:
            others.append(f"which one of {names} you mean")
        elif not only.before:
            to_add.append(call.match_text(concerned[0]))
        elif not only.after:
            others.append(f"whether to delete {names}")
        else:
            others.append(f"whether to change {names}")
    sentences = [f"Waiting for your yes: {_few(to_add)}."] if to_add else []
    sentences += [f"Waiting for your answer: {_few(others)}."] if others else []
    return " ".join(sentences)


async def pending_event(call: CalendarCall) -> tuple[str, EventMatch] | None:
    """Return the question of this conversation whether to add an event, and the event; None: nothing such waits.

    What was done after the question ends it as the meaning of "it".
    """
    ask_id = await call.store.open_question()
    question = await call.store.question(ask_id) if ask_id else None
    if ask_id is None or question is None or len(question.options) != 1:
        return None
    done = await call.store.last_change()
    change = question.options[0]
    if change.before or len(change.after) != 1 or (done is not None and done[1].at > question.at):
        return None
    event = change.after[0]
    found = call.matches_within([event], [call.around_now])
    return ask_id, found[0] if found else EventMatch(event, None)


def _fitting(call: CalendarCall, query: EventQuery, change: Change) -> EventMatch | None:
    """Return the first event of ``change`` that fits a search; None: the search is about something else."""
    found = search_events(call, [*change.after, *change.before], query)
    return found[0] if found else None


def _few(parts: Sequence[str]) -> str:
    more = [f"{len(parts) - MAX_NAMED_EVENTS} more"] if len(parts) > MAX_NAMED_EVENTS else []
    return join_words([*parts[:MAX_NAMED_EVENTS], *more])
