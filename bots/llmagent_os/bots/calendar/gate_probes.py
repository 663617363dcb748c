"""What a new version of the calendar model is asked before it may serve: its work, its facts, and what is not its job.

The facts of this model are the results of its tools: it has to say the title and the time that a result has.
"""

from __future__ import annotations

from llmagent_os.bots.calendar import anchor_prompts as held
from llmagent_os.chat import Completion, ToolCall, ToolSpec, tool_message
from llmagent_os.training.probe import Measure, MeasureKind, Probe, ask

#: What people ask for, and the tool that does it.
REQUESTS = (
    ("add lunch with Priya on Thursday at noon", "create_event"),
    ("schedule a haircut for Saturday at 10am", "create_event"),
    ("put dinner with mom in my calendar for Sunday evening", "create_event"),
    ("remind me to water the plants tomorrow at 8", "create_event"),
    ("book a meeting with the lawyer on March 3 at 4pm", "create_event"),
    ("create an event called yoga class next Monday at 7pm", "create_event"),
    ("I need a reminder to pay rent on the first", "create_event"),
    ("what do I have on Friday?", "list_events"),
    ("show me my appointments for next week", "list_events"),
    ("when is my next meeting?", "list_events"),
    ("am I free on Tuesday afternoon?", "list_events"),
    ("list my events for today", "list_events"),
    ("do I have anything tomorrow morning?", "list_events"),
    ("cancel my dentist appointment", "delete_event"),
    ("delete the meeting with John on Monday", "delete_event"),
    ("remove yoga from my calendar", "delete_event"),
    ("please cancel lunch with Priya", "delete_event"),
    ("delete all my events for tomorrow", "delete_event"),
    ("move my haircut to 11am", "move_event"),
    ("reschedule the meeting with John to Wednesday", "move_event"),
    ("change yoga class to next Tuesday", "move_event"),
    ("keep your answers short", "set_preference"),
    ("call me Alex", "set_preference"),
    ("I live in Lisbon", "set_preference"),
)
#: What is none of a calendar's business.
OTHER_TALK = (
    "hello",
    "good morning",
    "thank you so much",
    "how are you?",
    "who made you?",
    "what's your name?",
    "tell me a joke",
    "what is the weather like?",
    "play some music",
    "order a pizza",
    "turn off the lights",
    "what is the capital of Spain?",
    "write a poem",
    "what's 12 times 12",
    "who won the game last night",
    "translate good night into French",
    "what is the price of gold",
    "send an email to Karen",
    "read me the news",
    "you did great",
    "that was wrong",
    "never mind",
    "goodbye",
    "what can you do?",
)
_TITLES = ("dentist", "lunch with Priya", "budget review")
#: A time that a result has, and two that it has not.
_TIMES = (
    ("tomorrow at 3 PM", "tomorrow at 5 PM", "Friday at 3 PM"),
    ("Monday at 9 AM", "Monday at 7 AM", "Sunday at 9 AM"),
    ("Thursday at noon", "Thursday at 2 PM", "Tuesday at noon"),
    ("Saturday at 10:30 AM", "Saturday at 11:30 AM", "Wednesday at 10:30 AM"),
)


def tasks(system: str, tools: tuple[ToolSpec, ...]) -> Measure:
    """Make the measure of the right tool: that one is called, and which."""
    wanted = dict(REQUESTS)

    def score(probe: Probe, completion: Completion) -> float:
        return float([call.name for call in completion.tool_calls[:1]] == [wanted[probe.messages[-1]["content"]]])

    return Measure("right tool", MeasureKind.TASK, request_probes(system, tools), score)


def request_probes(system: str, tools: tuple[ToolSpec, ...]) -> tuple[Probe, ...]:
    """Make a probe of each of :data:`REQUESTS`."""
    return tuple(ask(text, system=system, tools=tools) for text, _ in REQUESTS)


def anchor_prompts() -> tuple[str, ...]:
    """Give what the base answers so that a version can be held to it; none of it is asked by the gate."""
    return (*held.REQUESTS, *held.OTHER_TALK)


def other_talk(system: str, tools: tuple[ToolSpec, ...]) -> Measure:
    """Make the measure of what is not the calendar's business: words, and no tool."""

    def score(_: Probe, completion: Completion) -> float:
        return float(bool(completion.text.strip()) and not completion.tool_calls)

    probes = tuple(ask(text, system=system, tools=tools) for text in OTHER_TALK)
    return Measure("no tool where none is due", MeasureKind.CONTROL, probes, score)


def facts(system: str, tools: tuple[ToolSpec, ...]) -> Measure:
    """Make the measure of the facts: what the tools' results say, against replies with another time."""
    probes: list[Probe] = []
    for title in _TITLES:
        for right, *wrong in _TIMES:
            call = ToolCall("create_event", {"title": title, "date": right})
            chat = (
                {"role": "system", "content": system},
                {"role": "user", "content": f"add {title} {right}"},
                {"role": "assistant", "content": "", "tool_calls": [call]},
                tool_message({"status": "created", "title": title, "when": right}),
            )
            choices = tuple(f"Added: {title}, {when}." for when in (right, *wrong))
            probes.append(Probe(messages=chat, tools=tools, choices=choices))
    return Measure("what tools say", MeasureKind.FACT, tuple(probes))
