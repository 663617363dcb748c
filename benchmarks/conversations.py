"""Lead dialogues with the calendar bot, and count those that end in the right calendar with true replies.

    python -m benchmarks.conversations                     # those that the bot may be developed by
    python -m benchmarks.conversations --apart             # those that are kept apart: a third of every kind
    python -m benchmarks.conversations --kinds move,undo --show

Every dialogue is a new person's, with a calendar of its own and a fixed clock. The real agent answers, with the
shipped model, the real plugins and a real ledger. A question "Shall I …?" that ends a dialogue is answered with Yes,
as somebody would who meant it. A dialogue is right if, at its end:

* the calendar holds what it has to hold, and nothing else: the times of 400 days ahead, titles, lengths and places
  where they are given;
* the last reply says what it has to say, and no reply says what it must not say;
* no reply claims what did not happen. Every reply is compared with what it changed: see ``benchmarks/reply_claims.py``.

False claims are counted beside. The dialogues were written for this project (``benchmarks/dialogues``).
"""

from __future__ import annotations

import argparse
import asyncio
import re
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import msgspec
from benchmarks.dialogue_cases import HORIZON, MOST_STARTS, Case, Entry, read_cases, read_entry, words_of
from benchmarks.reply_claims import Changes, false_claims

from llmagent_os.adapter import Reply
from llmagent_os.agent import Agent, AgentSettings
from llmagent_os.bot import Bot
from llmagent_os.events import ButtonPress, Conversation, Message, Sender
from llmagent_os.ledger import Ledger
from llmagent_os.llm import LLM
from llmagent_os.modules import BehaviorModule, KnowledgeBase
from llmagent_os.people.profiles import Profiles
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent, occurrences, stable_id
from llmagent_os.records import MemoryRecords
from llmagent_os.tools.registry import Plugins

#: Dialogues that are led at the same time. They share the model's batches.
AT_ONCE = 8


@dataclass
class Verdict:
    """What came of a dialogue."""

    case: Case
    replies: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)  #: what is not as it should be
    lies: list[str] = field(default_factory=list)  #: replies that claim what did not happen
    seconds: list[float] = field(default_factory=list)  #: each reply took

    @property
    def right(self) -> bool:
        """Whether everything is as it should be."""
        return not self.wrong and not self.lies


class Bench:
    """The calendar bot at work, at the moment of each dialogue."""

    def __init__(
        self, llm: LLM, bot: Bot, ledger: Ledger, plugins: Plugins, knowledge: KnowledgeBase, profiles: Profiles
    ) -> None:
        self._llm, self._bot, self._ledger, self._plugins, self._knowledge = llm, bot, ledger, plugins, knowledge
        self._profiles = profiles
        self.records: defaultdict[tuple[str, str], MemoryRecords] = defaultdict(MemoryRecords)

    def agent(self, case: Case) -> tuple[Agent, datetime]:
        """The agent at the moment of a dialogue, and the moment."""
        at = case.moment.replace(tzinfo=ZoneInfo(case.zone)).astimezone(UTC)
        settings = AgentSettings(
            title=self._bot.config.title,
            permissions=self._bot.config.permissions,
            remembered_turns=self._bot.config.remembered_turns,
            time_zone=case.zone,
        )
        agent = Agent(
            llm=self._llm,
            kb=self._knowledge,
            behavior=BehaviorModule(defaults=self._bot.config.behavior.model_dump()),
            plugins=self._plugins,
            profiles=self._profiles,
            ledger=self._ledger,
            settings=settings,
            clock=lambda: at,
        )
        return agent, at

    async def lead(self, number: int, case: Case) -> Verdict:
        """Lead one dialogue."""
        verdict = Verdict(case)
        talk = _Talk(self, number, case, verdict)
        for entry in case.given:
            await talk.give(entry)
        for said in case.say:
            await talk.say(said)
        if talk.asks_to_confirm():
            await talk.say("[Yes]")
        await talk.judge()
        return verdict

    async def deliver(self, agent: Agent, event: Message | ButtonPress) -> Reply:
        """Have the agent answer, and keep what was said as the host does."""
        outcome = await agent.handle(event, _no_draft)
        await self._ledger.accept(event, max_pending=10_000)
        if outcome is not None and outcome.reply is not None and outcome.interaction is not None:
            await self._ledger.prepare(event, outcome.reply, outcome.interaction)
        await self._ledger.finish(event, None)
        return outcome.reply if outcome is not None and outcome.reply is not None else Reply("")


class _Talk:
    """One dialogue at work."""

    def __init__(self, bench: Bench, number: int, case: Case, verdict: Verdict) -> None:
        self._bench, self._case, self._verdict = bench, case, verdict
        self._agent, self._at = bench.agent(case)
        self._room = Conversation(platform="memory", channel=f"c{number}")
        self._user = f"u{number}"
        self._key = 0
        self._last = Reply("")

    @property
    def _records(self) -> MemoryRecords:
        return self._bench.records["calendar", f"memory::{self._user}"]

    async def give(self, text: str) -> None:
        """Put an event into the calendar."""
        entry = read_entry(text)
        title = re.sub(r"[()]", "", text.split("|")[0]).split(" ", 1)[1]
        title = re.sub(r"^\d\d:\d\d ", "", title).strip()
        event = CalendarEvent(
            event_id=stable_id(self._user, text),
            title=title,
            start=entry.start,
            minutes=entry.minutes or (1440 if entry.all_day else 60),
            zone=self._case.zone,
            all_day=entry.all_day,
            place=next((part.strip()[3:] for part in text.split("|")[1:] if part.strip().startswith("at ")), ""),
            repeat=entry.repeat,
            reminder=bool(entry.remind),
            created="2026-11-01T00:00:00+00:00",
        )
        await self._records.put(f"event:{event.event_id}", msgspec.to_builtins(event))

    async def events(self) -> list[CalendarEvent]:
        """What is in the calendar."""
        items = await self._records.items()
        return [msgspec.convert(record, CalendarEvent) for key, record in items if key.startswith("event:")]

    async def say(self, said: str) -> None:
        """Say something, or press a button, and look at what the reply claims."""
        before = await self.events()
        self._key += 1
        key = f"{self._user}-{self._key}"
        started = time.perf_counter()
        self._last = await self._bench.deliver(self._agent, self._event(key, said))
        self._verdict.seconds.append(time.perf_counter() - started)
        text = _whole(self._last)
        self._verdict.replies.append(text)
        changes = Changes.between(before, await self.events())
        self._verdict.lies += false_claims(self._last.text, changes)

    def _event(self, key: str, said: str) -> Message | ButtonPress:
        sender = Sender(self._user)
        if said.startswith("[") and said.endswith("]"):
            value = next((button.value for button in self._last.buttons if button.label == said[1:-1]), None)
            if value is not None:
                return ButtonPress(
                    event_id=key, conversation=self._room, sender=sender, at=self._at, message_id="r", value=value
                )
            said = said[1:-1]
        return Message(event_id=key, conversation=self._room, sender=sender, text=said, message_id=key, at=self._at)

    def asks_to_confirm(self) -> bool:
        """Whether the dialogue ends with a question that a person who meant it answers with Yes."""
        may = not (self._case.must_ask or self._case.ask)
        return may and any(button.label == "Yes" for button in self._last.buttons)

    async def judge(self) -> None:
        """Compare what there is with what has to be."""
        case, verdict = self._case, self._verdict
        wanted = None if case.calendar is None else [read_entry(each) for each in case.calendar]
        given = [read_entry(each) for each in case.given]
        events = await self.events()
        asked = self._last.text.rstrip().endswith("?") and not _differences(given, events, case)
        if case.must_ask:
            verdict.wrong += [] if asked else ["it had to ask"]
        elif not (case.ask and asked):
            verdict.wrong += _differences(given if wanted is None else wanted, events, case)
        said = verdict.replies[-1]
        if not (case.ask and asked):
            verdict.wrong += [f"the reply has no {each!r}" for each in case.reply if not _matches(each, said)]
        all_said = "\n".join(verdict.replies)
        verdict.wrong += [f"a reply has {each!r}" for each in case.never if _matches(each, all_said)]


def _differences(wanted: Sequence[Entry], events: Sequence[CalendarEvent], case: Case) -> list[str]:
    """What is missing in a calendar, and what is too much."""
    zone, until = ZoneInfo(case.zone), case.moment + HORIZON
    begin = case.moment.replace(hour=0, minute=0)
    actual: list[tuple[datetime | None, CalendarEvent]] = []
    for event in events:
        if event.start is None:
            actual.append((None, event))
        found = [each.start for each in occurrences(event, begin, begin + HORIZON * 2, zone)][:MOST_STARTS]
        actual += [(start, event) for start in found if not event.repeat or start <= until]
    missing: list[str] = []
    for entry in wanted:
        starts: list[datetime | None] = [None] if entry.start is None else list(entry.starts(until))
        for start in starts:
            fitting = next((each for each in actual if each[0] == start and _fits(entry, each[1])), None)
            if fitting is None:
                missing.append(f"missing: {start} {' '.join(sorted(entry.words))}")
                break
            actual.remove(fitting)
    extra = {f"too much: {start} {event.title} {event.minutes}m {event.repeat}" for start, event in actual[:3]}
    return [*missing, *sorted(extra)]


def _fits(entry: Entry, event: CalendarEvent) -> bool:
    title = words_of(f"{event.title} {event.person} {event.place}")
    return (
        entry.words <= title
        and title <= entry.words | entry.loose | entry.place
        and entry.all_day == (event.all_day and event.start is not None)
        and entry.minutes in (None, event.minutes)
        and entry.remind in (None, event.reminder)
        and entry.place <= title
    )


def _whole(reply: Reply) -> str:
    """All that a person sees of a reply."""
    rows = [] if reply.card is None else [" ".join(row) for row in reply.card.rows]
    buttons = [f"[{button.label}]" for button in reply.buttons]
    return "\n".join([reply.text, *rows, " ".join(buttons)]).strip()


def _matches(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.IGNORECASE) is not None


async def _no_draft(_: str) -> None:
    """Nobody watches the reply being written."""


async def run(cases: Sequence[Case], model: str | None) -> list[Verdict]:
    """Lead all dialogues, some at a time."""
    bot = Bot.load("calendar")
    knowledge = KnowledgeBase()
    knowledge.load_only(bot.facts, bot.documents)
    ledger = await Ledger.open("sqlite://")
    records: defaultdict[tuple[str, str], MemoryRecords] = defaultdict(MemoryRecords)
    plugins = Plugins(
        installed=bot.config.plugins,
        allowed=bot.config.permissions,
        records=lambda plugin, user: records[plugin, user],
    )
    gate = asyncio.Semaphore(AT_ONCE)
    with TemporaryDirectory() as folder:
        async with LLM.from_pretrained(model or bot.config.model) as llm, plugins:
            bench = Bench(llm, bot, ledger, plugins, knowledge, Profiles(folder))
            bench.records = records

            async def lead(number: int, case: Case) -> Verdict:
                async with gate:
                    return await bench.lead(number, case)

            found = await asyncio.gather(*(lead(number, case) for number, case in enumerate(cases)))
    await ledger.close()
    return list(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--apart", action="store_true", help="lead the dialogues that are kept apart")
    parser.add_argument("--kinds", default="", help="lead these kinds only, with commas between them")
    parser.add_argument("--model", help="another model than the bot's")
    parser.add_argument("--folder", type=Path, help="lead all dialogues of this folder instead")
    parser.add_argument("--show", action="store_true", help="print every dialogue that is not right")
    options = parser.parse_args()
    kinds = [kind for kind in options.kinds.split(",") if kind]
    every = read_cases(options.folder) if options.folder else read_cases()
    cases = [case for case in every if options.folder or case.apart == options.apart]
    cases = [case for case in cases if not kinds or case.kind in kinds]
    verdicts = asyncio.run(run(cases, options.model))
    if options.show:
        for verdict in verdicts:
            show(verdict)
    print_table(verdicts)


def show(verdict: Verdict) -> None:
    """Print a dialogue that is not right."""
    if verdict.right:
        return
    print(f"\n{verdict.case.kind}, {verdict.case.now}")
    for said, reply in zip((*verdict.case.say, "[Yes]"), verdict.replies, strict=False):
        print(f"  > {said}")
        print("    " + reply.replace("\n", "\n    "))
    for wrong in (*verdict.wrong, *(f"FALSE CLAIM: {lie}" for lie in verdict.lies)):
        print(f"  ! {wrong}")


def print_table(verdicts: Sequence[Verdict]) -> None:
    """Print how many dialogues are right, by kind."""
    right, total = Counter[str](), Counter[str]()
    for verdict in verdicts:
        total[verdict.case.kind] += 1
        right[verdict.case.kind] += verdict.right
    print("\n| kind | right | of |\n| --- | ---: | ---: |")
    for kind in sorted(total):
        print(f"| {kind} | {right[kind]} | {total[kind]} |")
    lies = sum(bool(verdict.lies) for verdict in verdicts)
    seconds = [each for verdict in verdicts for each in verdict.seconds]
    share = sum(right.values()) / max(len(verdicts), 1)
    print(f"\n{sum(right.values())} of {len(verdicts)} are right ({share:.1%}); {lies} with a false claim; ", end="")
    print(f"median reply {median(seconds):.2f} s, {AT_ONCE} dialogues at once")


if __name__ == "__main__":
    main()
