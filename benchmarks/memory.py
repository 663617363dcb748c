"""Measures what is remembered of people: precision, recall, what is superseded, and whether anything leaks.

200 scripted conversations of 60 people run through a whole agent with a ledger. The model is a stub that keeps every
prompt. Run from the repository's root::

    python -m benchmarks.memory --bank closed

``open`` has the wordings that the rules were improved on, ``closed`` wordings that were written before the rules.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from benchmarks.memory_scripts import Fact, Line, Person, Scripts, holds

from llmagent_os.agent import Agent
from llmagent_os.events import Conversation, Message, Sender
from llmagent_os.identity import Identity
from llmagent_os.ledger import Ledger
from llmagent_os.ledger.memories import Memory
from llmagent_os.memory.superseding import held
from llmagent_os.reply.prompt import REMEMBERED
from llmagent_os.testing import ScriptedLLM

CONVERSATIONS, PEOPLE = 200, 60
START = datetime(2026, 1, 5, 9, tzinfo=UTC)


@dataclass
class Figures:
    """What was counted."""

    kept: int = 0  #: memories that hold
    right: int = 0  #: of these, the ones that should be there
    wanted: int = 0  #: facts that should be there
    replaced: int = 0  #: facts that were replaced or taken back
    gone: int = 0  #: of these, the ones that are not remembered as holding
    ended: int = 0  #: memories that ended
    rightly_ended: int = 0
    asked: int = 0  #: questions to which a remembered fact is relevant
    recalled: int = 0  #: of these, the ones whose prompt held it
    messages: int = 0
    stating: int = 0  #: messages that state, change or take back a fact
    prompts: int = 0
    of_others: int = 0  #: prompts that held something of another person
    out_of_place: int = 0  #: prompts of a group that held what was said elsewhere
    seconds: float = 0.0  #: CPU
    missed: Counter[str] = field(default_factory=Counter[str])
    junk: list[str] = field(default_factory=list[str])


async def measure(bank: str, seed: int, conversations: int = CONVERSATIONS, people: int = PEOPLE) -> Figures:
    """Run the conversations, and count."""
    scripts = Scripts(bank, seed, conversations, people)
    figures = Figures()
    ledger = await Ledger.open("sqlite://")
    llm = ScriptedLLM("Fine.")
    agent = Agent(llm=llm, ledger=ledger)
    by_name = {person.name: person for person in scripts.people}
    names = {name: person.name for person in scripts.people for name in person.own_names}
    said: dict[str, dict[str, set[str]]] = {person.name: {} for person in scripts.people}
    began = time.process_time()
    number = 0
    for at, conversation in enumerate(scripts.conversations):
        for turn, line in enumerate(conversation):
            number += 1
            said[line.person].setdefault(line.room, set()).add(line.text)
            await _say(agent, ledger, line, number, START + timedelta(days=at, minutes=turn))
            _look_at_prompt(llm, line, names, said, figures)
    figures.seconds = time.process_time() - began
    for person in by_name.values():
        await _count(ledger, person, figures)
    await ledger.close()
    return figures


async def _say(agent: Agent, ledger: Ledger, line: Line, number: int, at: datetime) -> None:
    is_alone = line.room.startswith("dm-")
    room = Conversation(platform="memory", channel=line.room, kind="direct" if is_alone else "group")
    message = Message(
        event_id=str(number),
        conversation=room,
        sender=Sender(line.person),
        text=line.text,
        message_id=str(number),
        at=at,
    )
    outcome = await agent.respond(message)
    await ledger.accept(message, max_pending=100)
    await ledger.prepare(message, outcome.reply, outcome.interaction)
    await ledger.finish(message, None)


def _look_at_prompt(
    llm: ScriptedLLM, line: Line, names: dict[str, str], said: dict[str, dict[str, set[str]]], figures: Figures
) -> None:
    """Look at what the model was given for a line: nothing of others, nothing from elsewhere, and what is relevant."""
    figures.messages += 1
    figures.stating += line.kind in ("fact", "change", "end")
    for request in llm.requests:
        figures.prompts += 1
        whole = "\n".join(str(message.get("content")) for message in request.messages)
        words = set(whole.replace(".", " ").replace(",", " ").split())
        figures.of_others += any(names[word] != line.person for word in words & names.keys())
        here = " ".join(said[line.person].get(line.room, ()))
        if not line.room.startswith("dm-"):
            figures.out_of_place += any(word not in here for word in words & names.keys())
        if line.kind == "ask":
            remembered = whole.partition(REMEMBERED)[2]
            figures.asked += 1
            figures.recalled += holds(remembered, line.wanted)
    llm.requests.clear()


async def _count(ledger: Ledger, person: Person, figures: Figures) -> None:
    """Compare what is remembered of one person with what should be."""
    identity = Identity(f"memory::{person.name}")
    kept, ended = held(await ledger.memories.of(identity)), await ledger.memories.of(identity, ended=True)
    left = list(kept)
    for fact in person.facts:
        found = next((one for one in left if holds(one.text, fact.value)), None)
        figures.missed[fact.topic] += found is None
        if found is not None:
            left.remove(found)
            figures.right += 1
    figures.kept, figures.wanted = figures.kept + len(kept), figures.wanted + len(person.facts)
    figures.junk += [f"{one.topic}: {one.text} <- {one.said}" for one in left]
    figures.ended += len(ended)
    figures.rightly_ended += sum(_is_past(one, person.past) for one in ended)
    gone = [fact for fact in person.past if not any(holds(fact.value, other.value) for other in person.facts)]
    figures.replaced += len(gone)
    figures.gone += sum(not any(holds(one.text, fact.value) for one in kept) for fact in gone)


def _is_past(one: Memory, past: list[Fact]) -> bool:
    return any(holds(one.text, fact.value) for fact in past)


def report(figures: Figures) -> str:
    """The figures as a table."""
    rows = [
        ("precision of what is kept", figures.right, figures.kept),
        ("recall of what is kept", figures.right, figures.wanted),
        ("precision of what is superseded", figures.rightly_ended, figures.ended),
        ("recall of what is superseded", figures.gone, figures.replaced),
        ("relevant fact in the prompt", figures.recalled, figures.asked),
        ("messages that state a fact", figures.stating, figures.messages),
        ("prompts with something of another person", figures.of_others, figures.prompts),
        ("prompts of a group with something from elsewhere", figures.out_of_place, figures.prompts),
    ]
    lines = [f"| {name} | {part / max(whole, 1):.3f} | {part} of {whole} |" for name, part, whole in rows]
    each = 1000 * figures.seconds / max(figures.messages, 1)
    return "\n".join(["| measure | rate | of |", "| --- | --- | --- |", *lines, f"{each:.1f} ms of CPU a message"])


def main() -> None:
    """Measure, print, and fail where something has leaked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bank", choices=("open", "closed"), default="closed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--show", action="store_true", help="list what was kept wrongly, and the topics that were missed"
    )
    args = parser.parse_args()
    figures = asyncio.run(measure(args.bank, args.seed))
    print(report(figures))
    if args.show:
        print("\n".join(figures.junk), dict(figures.missed.most_common()), sep="\n")
    if figures.of_others or figures.out_of_place:
        raise SystemExit("something of one person stood in another's prompt, or of elsewhere in a group's")


if __name__ == "__main__":
    main()
