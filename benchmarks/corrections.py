"""Measure whether the calendar bot reads people's habits of speech right after they have corrected it.

    OMP_NUM_THREADS=1 python -m benchmarks.corrections --people 3 --habits 3 --sentences 24
    OMP_NUM_THREADS=1 python -m benchmarks.corrections --people 3 --habits 3 --sentences 24 --no-rules
    OMP_NUM_THREADS=1 python -m benchmarks.corrections --level shared --people 8 --habits 2 --sentences 12

People with habits of speech (``speech_habits``) talk to the running bot. Where it misreads them they correct it, in
four ways that take turns: "no, …", "no, I meant …", Undo and again, 👎 and again. Then the real job trains, in a
process of its own, and the real gate decides. With ``--level personal`` there is a job for each person, and the people
have nothing to do with one another. With ``--level shared`` all have the same habits, and there is one job.

Every row is a habit: the share of held-out wordings, with held-out titles, days and times, of which the call is right
before and after. They are said to the running bot: before, to one that has learned nothing, and after by the people
themselves. So the last column is what is served, with the plugins' rules or without (``--no-rules``), and a version
that the gate rejects changes nothing. The last rows are ordinary sentences: the bot's own probes and, with
``--utterances``, every n-th utterance of a file as ``benchmarks/utterances.py`` takes it, of which the choice of the
tool is compared.

Prints Markdown. It takes some minutes a job.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.correcting_people import WAYS, Office, is_right, office
from benchmarks.speech_habits import HABITS, Habit, Sentence, sentences
from benchmarks.utterances import KINDS

from llmagent_os.bots.calendar.gate_probes import OTHER_TALK, REQUESTS
from llmagent_os.training.lora_version import Level, LoraVersion
from llmagent_os.training.misread_by_rules import RULES_YIELD

#: A tool and its arguments; None: no tool was called.
Call = tuple[str | None, Mapping[str, Any]]
#: Held-out sentences of each habit.
HELD_OUT = 12


@dataclass(frozen=True)
class Asked:
    """A sentence that is measured, and what counts as right."""

    row: str  #: the row of the table
    text: str
    sentence: Sentence | None = None  #: None: only the choice of the tool counts
    tool: str | None = None  #: None: no tool is due

    def is_right(self, call: Call) -> bool:
        """Whether a call is right."""
        if self.sentence is not None:
            return is_right(self.sentence, call)
        return call[0] == self.tool or KINDS.get(str(call[0]), "none") == self.tool


@dataclass
class Shares:
    """How many answers were right, by row."""

    before: Counter[str] = field(default_factory=Counter[str])
    after: Counter[str] = field(default_factory=Counter[str])
    asked: Counter[str] = field(default_factory=Counter[str])

    def count(self, asked: Sequence[Asked], before: Sequence[Call], after: Sequence[Call]) -> None:
        """Add the calls for what was asked."""
        for each, old, new in zip(asked, before, after, strict=True):
            self.asked[each.row] += 1
            self.before[each.row] += each.is_right(old)
            self.after[each.row] += each.is_right(new)


async def untaught(asked: Sequence[Asked], *, rules: bool) -> list[Call]:
    """The calls of a bot that has learned nothing."""
    with tempfile.TemporaryDirectory() as folder:
        async with office(Path(folder), rules=rules) as site:
            return await site.ask("anybody", [each.text for each in asked])


def held_out(habits: Iterable[Habit]) -> list[Asked]:
    """The held-out sentences of some habits: the same in every run."""
    return [
        Asked(habit.name, each.text, sentence=each)
        for habit in habits
        for each in sentences(habit, HELD_OUT, random.Random(f"held out {habit.name}"), held_out=True)
    ]


def ordinary(utterances: Path | None, every: int) -> list[Asked]:
    """Sentences that nobody has a habit of."""
    found = [Asked("ordinary: requests", text, tool=tool) for text, tool in REQUESTS]
    found += [Asked("ordinary: other talk", text) for text in OTHER_TALK]
    if utterances is not None:
        lines = [json.loads(line) for line in utterances.read_text(encoding="utf-8").splitlines()][::every]
        found += [Asked("ordinary: real utterances", each["text"], tool=each["intent"]) for each in lines]
    return found


async def talk(site: Office, person: str, habits: Sequence[Habit], count: int, rng: random.Random) -> None:
    """Have a person say sentences of their habits, in random order, and correct the bot."""
    share = -(-count // len(habits))
    said = [each for habit in habits for each in sentences(habit, share, rng, held_out=False)]
    rng.shuffle(said)
    for number, each in enumerate(said[:count]):
        await site.tell(person, each, WAYS[number % len(WAYS)], praises=number % 2 == 0)


def about(version: LoraVersion | None, said: str) -> str:
    """What came of a job, in words."""
    if version is None:
        return said
    failed = [row for row in version.evaluation["gate"] if not row["passed"]]
    why = "; ".join(f"{row['name']}: {row['reason']}" for row in failed)
    notes = " ".join(version.evaluation["notes"])
    steps, cues = version.evaluation["training"]["steps"], len(version.evaluation.get(RULES_YIELD, ()))
    return f"{version.stage.value}{f' ({why})' if why else ''}; {steps} steps; rules yield to {cues} habits; {notes}"


async def measure(options: argparse.Namespace, out: dict[str, Any]) -> None:
    """Run the people, the jobs and the measurements; fills ``out``."""
    level = Level(options.level)
    plain = ordinary(options.utterances, options.every)
    shares = Shares()
    outcomes: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        async with office(Path(folder), rules=options.rules, canary={"share": 0.0}) as site:
            rng = random.Random(options.seed)
            common = rng.sample(HABITS, options.habits)
            groups: dict[str, list[Habit]] = {}
            for number in range(options.people):
                person = f"person{number}"
                groups[person] = common if level == Level.SHARED else rng.sample(HABITS, options.habits)
                await talk(site, person, groups[person], options.sentences, rng)
            out["counts"] = {"right": site.right, "corrected": site.corrected}
            for person in ["person0"] if level == Level.SHARED else list(groups):
                said, version = await site.train(level, "" if level == Level.SHARED else f"memory::{person}")
                outcomes.append(about(version, said))
                print(f"- {outcomes[-1]}", flush=True)
                asked = [*held_out(groups[person]), *plain]
                before = await untaught(asked, rules=options.rules)
                shares.count(asked, before, await site.ask(person, [each.text for each in asked]))
    out["outcomes"] = outcomes
    out["shares"] = {row: [shares.asked[row], shares.before[row], shares.after[row]] for row in shares.asked}


def table(out: dict[str, Any]) -> Iterable[str]:
    """The result as Markdown."""
    counts = out["counts"]
    yield f"{counts['right']} sentences were read right at once, and {counts['corrected']} were corrected."
    yield ""
    yield "| wordings held out | n | before | after |"
    yield "| --- | ---: | ---: | ---: |"
    totals: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for row, values in out["shares"].items():
        group = row if row.startswith("ordinary") else "all habits"
        totals[group] = [one + other for one, other in zip(totals[group], values, strict=True)]
        if group != row:
            yield _line(row, values)
    for row, values in totals.items():
        yield _line(row, values)


def _line(row: str, values: Sequence[int]) -> str:
    asked, *right = values
    return f"| {row} | {asked} | " + " | ".join(f"{each / asked:.2f}" for each in right) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--level", choices=("personal", "shared"), default="personal")
    parser.add_argument("--people", type=int, default=3)
    parser.add_argument("--habits", type=int, default=3, help="of a person")
    parser.add_argument("--sentences", type=int, default=24, help="of a person")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-rules", dest="rules", action="store_false", help="the model alone reads what people say")
    parser.add_argument("--utterances", type=Path, help="real utterances: they are measured, and nothing else")
    parser.add_argument("--every", type=int, default=8, help="every n-th of them")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args()
    out: dict[str, Any] = {"level": options.level, "seed": options.seed, "rules": options.rules}
    asyncio.run(measure(options, out))
    print("\n".join(table(out)))
    if options.json is not None:
        options.json.write_text(json.dumps(out, indent=1))


if __name__ == "__main__":
    main()
