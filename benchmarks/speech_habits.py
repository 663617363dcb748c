"""Habits of speech that the calendar's model misreads, and sentences that have them.

A habit is a way to say one thing: wordings that are said before a training, and others that are held out. The fillers
of both (titles, days, times) have nothing in common either. A sentence knows the call that is right, in the words of
the sentence, and how somebody says the same in plain words.
"""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Habit:
    """One way to say one thing."""

    name: str
    tool: str  #: the tool that is meant
    said: tuple[str, ...]  #: wordings with ``{title}``, ``{date}``, ``{time}``, ``{new_date}`` and ``{new_time}``
    held_out: tuple[str, ...]  #: others, which nobody says before the training


@dataclass(frozen=True)
class Sentence:
    """What somebody says, and what is meant."""

    text: str
    tool: str
    arguments: dict[str, str]  #: in the words of :attr:`text`
    plain: str  #: the same in plain words
    meant: dict[str, str]  #: the arguments in plain words
    habit: str


HABITS: tuple[Habit, ...] = (
    Habit(
        "pop in",
        "create_event",
        (
            "pop {title} in {date} {time}",
            "can you pop {title} in on {date} at {time}",
            "stick {title} in {date} {time}",
            "pop {title} down for {date} {time}",
            "pls stick {title} in for {date} {time}",
        ),
        (
            "stick {title} in for {date} {time}",
            "could you pop {title} in {date} at {time}",
            "pop {title} in at {time} {date}",
        ),
    ),
    Habit(
        "verb as title",
        "create_event",
        (
            "bung {title} in {date} {time}",
            "bung in {title} {date} {time}",
            "bung {title} in at {time} {date}",
            "bung {title} {date} {time}",
            "pls bung {title} in for {date} {time}",
        ),
        (
            "bung {title} in for {date} {time}",
            "can you bung {title} in {date} {time}",
            "bung {title} in on {date} at {time}",
        ),
    ),
    Habit(
        "at sign",
        "create_event",
        (
            "{title} @ {time} {date}",
            "{title} {date} @ {time}",
            "{title} @ {time} on {date}",
            "hey {title} @ {time} {date}",
            "{date}: {title} @ {time}",
        ),
        ("{title} @ {time}, {date}", "{date} {title} @ {time}", "ok {title} @ {time} {date}"),
    ),
    Habit(
        "rmnd me 2",
        "create_event",
        (
            "rmnd me 2 {title} {date} {time}",
            "rmnd me 2 {title} @ {time} {date}",
            "rmnd me {date} {time} 2 {title}",
            "pls rmnd me 2 {title} {date} at {time}",
            "hey rmnd me 2 {title} {time} {date}",
        ),
        (
            "rmnd me 2 {title} {date} at {time}",
            "can u rmnd me 2 {title} {date} {time}",
            "{date} {time} rmnd me 2 {title}",
        ),
    ),
    Habit(
        "mark me busy",
        "create_event",
        (
            "mark me busy {date} {time}, {title}",
            "mark me busy {date} at {time} for {title}",
            "im busy {date} {time}, {title}",
            "mark me busy {time} {date}: {title}",
            "busy {date} {time} with {title}",
        ),
        (
            "mark me busy {time} {date}, {title}",
            "im busy {time} {date}: {title}",
            "mark me busy {date} {time}: {title}",
        ),
    ),
    Habit(
        "slashes",
        "create_event",
        (
            "new: {title} / {date} / {time}",
            "{title} / {date} / {time}",
            "new {title} / {date} / {time}",
            "add {title} / {date} / {time}",
            "{title} / {time} / {date}",
        ),
        ("new: {title} / {time} / {date}", "cal: {title} / {date} / {time}", "add: {title} / {date} / {time}"),
    ),
    Habit(
        "plus sign",
        "create_event",
        (
            "+{title} {date} {time}",
            "+ {title} {date} {time}",
            "+{title} {date} at {time}",
            "+ {title} {time} {date}",
            "++ {title} {date} {time}",
        ),
        ("+{title} {time} {date}", "+ {title} {date} at {time}", "+ {title} for {date} {time}"),
    ),
    Habit(
        "got",
        "create_event",
        (
            "got {title} {date} {time}",
            "ive got {title} {date} at {time}",
            "got {title} at {time} {date}",
            "got {title} on {date}, {time}",
            "so got {title} {date} {time}",
        ),
        ("got {title} on {date} at {time}", "ive got {title} at {time} {date}", "got {title} {time} {date}"),
    ),
    Habit(
        "bump to",
        "move_event",
        (
            "bump {title} to {new_date}",
            "bump my {title} to {new_date}",
            "can you bump {title} to {new_date}",
            "{title} bump to {new_date}",
            "pls bump the {title} to {new_date}",
        ),
        ("bump the {title} to {new_date}", "could you bump {title} to {new_date}", "bump {title} over to {new_date}"),
    ),
    Habit(
        "knock back",
        "move_event",
        (
            "knock {title} back to {new_time}",
            "knock my {title} back to {new_time}",
            "knock {title} on to {new_time}",
            "can u knock {title} back to {new_time}",
            "knock back {title} to {new_time}",
        ),
        (
            "knock the {title} back to {new_time}",
            "pls knock {title} back to {new_time}",
            "knock my {title} on to {new_time}",
        ),
    ),
    Habit(
        "yeet",
        "delete_event",
        (
            "yeet {title}",
            "yeet my {title}",
            "yeet {title} {date}",
            "pls yeet {title}",
            "can we yeet {title} {date}",
        ),
        ("yeet the {title}", "yeet {title} on {date}", "can you yeet {title}"),
    ),
    Habit(
        "wots on",
        "list_events",
        (
            "wots on {date}",
            "got much on {date}",
            "hows {date} looking",
            "wots happenin {date}",
            "much on {date}",
        ),
        ("wots goin on {date}", "got anyfin on {date}", "hows {date} lookin then"),
    ),
)

#: What events are called: those that are said, and those that are held out.
_TITLES = (
    "gym,yoga,dentist,haircut,standup,piano,swimming,physio,drinks,shopping,choir,football,badminton,checkup,call mum,"
    "team sync,car wash,book club,vet visit,pay rent,dinner with ana,lunch with tom".split(","),
    "pilates,pottery,chess,optician,karate,rehearsal,brunch,interview,archery,gardening,eye test,water plants,"
    "budget review,parents evening,coffee with leo,call gran".split(","),
)
#: Days as they are said, and in plain words.
_DATES = (
    {"tmrw": "tomorrow", "fri": "friday", "sat": "saturday", "mon": "monday", "thurs": "thursday", "2moro": "tomorrow"},
    {"tues": "tuesday", "sun": "sunday", "weds": "wednesday", "tomoz": "tomorrow"},
)
#: Times as they are said, and in plain words.
_TIMES = (
    {"4ish": "4", "6": "6", "3pm": "3pm", "10am": "10am", "half 6": "half past 6", "7ish": "7", "11": "11"},
    {"5ish": "5", "2pm": "2pm", "8": "8", "9am": "9am", "half 4": "half past 4", "1ish": "1"},
)
_PLAIN = {
    "create_event": (
        "add {title} {date} at {time}",
        "create {title} {date} at {time}",
        "put {title} in my calendar {date} at {time}",
    ),
    "move_event": ("move {title} to {new}", "reschedule {title} to {new}"),
    "delete_event": ("delete {title} {date}", "cancel {title} {date}"),
    "list_events": ("what do I have {date}", "list my events {date}"),
}


def sentences(habit: Habit, count: int, rng: random.Random, *, held_out: bool) -> list[Sentence]:
    """Draw sentences, of each wording about as many.

    Args:
        habit: what they have in common.
        count: how many.
        rng: draws fillers.
        held_out: of the wordings and with the fillers that are held out, or of the others.
    """
    wordings = list(habit.held_out if held_out else habit.said)
    rng.shuffle(wordings)
    return [_sentence(habit, wordings[at % len(wordings)], rng, int(held_out)) for at in range(count)]


def _sentence(habit: Habit, wording: str, rng: random.Random, group: int) -> Sentence:
    title, date = rng.choice(_TITLES[group]), rng.choice(list(_DATES[group]))
    time = rng.choice(list(_TIMES[group]))
    said = {"title": title, "date": date, "time": time, "new_date": date, "new_time": time}
    meant = {"title": title, "date": _DATES[group][date], "time": _TIMES[group][time]}
    meant |= {"new_date": meant["date"], "new_time": meant["time"]}
    used = [name for name in said if f"{{{name}}}" in wording]
    spoken = {name: said[name] for name in used}
    plain = {name: meant[name] for name in used}
    restated = rng.choice(_PLAIN[habit.tool]).format(**_filled(plain))
    return Sentence(wording.format(**spoken), habit.tool, spoken, " ".join(restated.split()), plain, habit.name)


def _filled(plain: dict[str, str]) -> dict[str, str]:
    new = plain.get("new_date") or (f"{plain['new_time']}" if "new_time" in plain else "")
    date = f"on {plain['date']}" if plain.get("date", "").endswith("day") else plain.get("date", "")
    return {"title": "", "time": "", **plain, "date": date, "new": new}
