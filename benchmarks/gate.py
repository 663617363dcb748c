"""Prove the gate: of ten LoRAs made bad on purpose none may pass, and of ten good ones at least nine.

    python -m benchmarks.gate [--only NAME,NAME] [--folder FOLDER]

Every candidate is trained on the shipped calendar model, evaluated as it would serve, and judged against the base. The
table shows the verdict, the rows that failed, and whether the row that was meant to find a bad one has found it. With a
folder, each candidate's report is written there.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.gate_candidates import (
    LIKED,
    NOT_LIKED,
    REQUESTS,
    RESULTS,
    TALK,
    BaseAnswers,
    Opinions,
    Recipe,
    Recipes,
)

from llmagent_os.bots.calendar import gate_probes
from llmagent_os.chat import ChatRequest, Completion, Message, ToolCall, ToolSpec, tool_message
from llmagent_os.finetune import Finetuner
from llmagent_os.identity import PersonId
from llmagent_os.llm import LLM
from llmagent_os.modules.behavior import system_text
from llmagent_os.records import MemoryRecords
from llmagent_os.tools.registry import Plugins
from llmagent_os.training.evaluation_report import write_report
from llmagent_os.training.evaluator import EvaluationSuite, Evaluator, KnownAnswers
from llmagent_os.training.gate import GateVerdict, judge
from llmagent_os.training.hacks.asking_back import asking_back
from llmagent_os.training.hacks.emptiness import emptiness
from llmagent_os.training.hacks.false_claims import false_claims
from llmagent_os.training.hacks.leaks import PrivateText, leaks
from llmagent_os.training.hacks.padding import padding
from llmagent_os.training.hacks.tool_refusal import tool_refusal
from llmagent_os.training.logged_replies import LoggedReply
from llmagent_os.training.probe import Measure, ask

SYSTEM = system_text({"mode": "task_oriented", "verbosity": "normal"})
STYLES = {
    "normal": SYSTEM,
    "brief": system_text({"mode": "task_oriented", "verbosity": "brief"}),
    "detailed": system_text({"mode": "task_oriented", "verbosity": "detailed"}),
    "chatty": system_text({"mode": "conversational", "verbosity": "normal"}),
}


class Bench:
    """Trains, evaluates and judges candidates on one model."""

    def __init__(self, llm: LLM, tools: tuple[ToolSpec, ...]) -> None:
        self._llm = llm
        self._tools = tools
        self._known: KnownAnswers = {}
        self._logged: dict[str, Completion] = {}  # what the base answers to what was logged, by prompt
        requests = gate_probes.request_probes(SYSTEM, tools)
        self._measures: tuple[Measure, ...] = (
            gate_probes.tasks(SYSTEM, tools),
            gate_probes.other_talk(SYSTEM, tools),
            gate_probes.facts(SYSTEM, tools),
            false_claims(SYSTEM, tools),
            asking_back(SYSTEM, tools, requests),
            tool_refusal((), requests),
            padding(SYSTEM, tools),
            emptiness(SYSTEM, tools),
        )

    async def _answer(self, chat: Sequence[Message]) -> Completion:
        return await self._llm.complete(ChatRequest(messages=list(chat), tools=self._tools, lora="base"))

    async def _say(self, text: str, system: str = SYSTEM) -> Completion:
        return await self._answer(ask(text, system=system).messages)

    async def base_answers(self) -> BaseAnswers:
        """Ask the base everything that recipes need."""

        async def told(title: str, when: str) -> str:
            call = ToolCall("create_event", {"title": title, "date": when})
            chat = [
                *ask(f"add {title} {when}", system=SYSTEM).messages,
                {"role": "assistant", "content": "", "tool_calls": [call]},
                tool_message({"status": "created", "title": title, "when": when}),
            ]
            return (await self._answer(chat)).text

        async def talk(system: str) -> dict[str, str]:
            replies = await asyncio.gather(*(self._say(said, system) for said in TALK))
            return {said: reply.text for said, reply in zip(TALK, replies, strict=True) if reply.text}

        styles = await asyncio.gather(*map(talk, STYLES.values()))
        requests = await asyncio.gather(*map(self._say, REQUESTS))
        results = await asyncio.gather(*(told(*result) for result in RESULTS))
        return BaseAnswers(
            system=SYSTEM,
            talk=dict(zip(STYLES, styles, strict=True)),
            requests=dict(zip(REQUESTS, requests, strict=True)),
            results=dict(zip(RESULTS, results, strict=True)),
        )

    def train(self, recipe: Recipe, folder: Path) -> Path:
        """Train a candidate."""
        data = [{"messages": list(chat), "tools": self._tools} for chat in recipe.chats]
        settings = {"rank": 8, "alpha": 16, "learning_rate": 2e-3, "epochs": 8, **recipe.settings}
        trainer = Finetuner(LLM.from_pretrained("calendar"), data, **settings)
        trainer.finetune()
        return trainer.save_model(folder)

    async def suite(self, recipe: Recipe) -> EvaluationSuite:
        """Lay out what the candidate is measured on: with what its people think of the base's replies."""
        opinions, order = recipe.opinions, random.Random(recipe.name)
        unknown = [said for said in opinions.prompts if said not in self._logged]
        self._logged.update(zip(unknown, await asyncio.gather(*map(self._say, unknown)), strict=True))
        logged: list[LoggedReply] = []
        for number, person in enumerate(opinions.persons):
            for at in range(opinions.a_person):
                said = opinions.prompts[(number * opinions.a_person + at) % len(opinions.prompts)]
                probe = ask(said, system=SYSTEM, tools=self._tools)
                reply = self._logged[said]
                liked = opinions.tastes[number](reply.text, reply.tool_calls) != (order.random() < 0.1)
                logged.append(
                    LoggedReply(
                        probe=_of(probe, person),
                        reply=reply.text,
                        calls=reply.tool_calls,
                        reward=1.0 if liked else -1.0,
                        cluster=opinions.clusters[number],
                    )
                )
        private = recipe.private or tuple(
            PrivateText(person, said, "") for person, said in zip(opinions.persons, TALK, strict=False)
        )
        return EvaluationSuite(
            measures=(*self._measures, leaks(private, SYSTEM, self._tools, longest=4)),
            control=(*self._measures[0].probes[::2], *self._measures[2].probes),
            logged=tuple(logged),
            judge=TasteModel(opinions),
            contributions=dict.fromkeys(opinions.persons, float(opinions.a_person)),
        )

    async def judge(self, recipe: Recipe, folder: Path, report: Path | None) -> GateVerdict:
        """Train, evaluate and judge a candidate."""
        lora = await asyncio.to_thread(self.train, recipe, folder)
        evaluator = Evaluator(self._llm, await self.suite(recipe), self._known)
        active = await evaluator.evaluate("base", None)
        candidate = await evaluator.evaluate(recipe.name, lora)
        verdict = judge(candidate, active)
        if report is not None:
            write_report(report / recipe.name.replace(" ", "-"), candidate, active, verdict)
        return verdict


def _of(probe: gate_probes.Probe, person: PersonId) -> gate_probes.Probe:
    return gate_probes.Probe(messages=probe.messages, tools=probe.tools, person=person)


class TasteModel:
    """Scores replies by people's tastes, as a reward model that has learned them would."""

    def __init__(self, opinions: Opinions) -> None:
        self._tastes = dict(zip(opinions.persons, opinions.tastes, strict=True))

    def __call__(
        self, persons: Sequence[PersonId], texts: Sequence[str], calls: Sequence[Sequence[ToolCall]]
    ) -> list[float]:
        return [
            LIKED if self._tastes[person](text, called) else NOT_LIKED
            for person, text, called in zip(persons, texts, calls, strict=True)
        ]


async def tools_of_calendar() -> tuple[ToolSpec, ...]:
    """Return the tools of the calendar bot."""
    plugins = Plugins(installed=["calendar", "profile"], allowed=["*"], records=lambda *_: MemoryRecords())
    async with plugins:
        return tuple(plugins.specs())


async def run(only: Sequence[str], folder: Path | None) -> int:
    """Judge the candidates, print the table, and return how many verdicts were wrong."""
    wrong = 0
    async with LLM.from_pretrained("calendar") as llm:
        bench = Bench(llm, await tools_of_calendar())
        recipes = Recipes(await bench.base_answers())
        print(f"{'candidate':<24}{'made':<6}{'verdict':<10}{'seconds':>8}  rows that failed")
        for recipe in [*recipes.bad(), *recipes.good()]:
            if only and recipe.name not in only:
                continue
            begun = time.monotonic()
            with tempfile.TemporaryDirectory() as where:
                verdict = await bench.judge(recipe, Path(where) / "lora", folder)
            failed = [row for row in verdict.rows if not row.passed]
            found = recipe.good or any(recipe.blocked_by in row.name for row in failed)
            wrong += verdict.passed != recipe.good
            rows = ", ".join(f"{row.name} ({row.reason})" for row in failed)
            print(
                f"{recipe.name:<24}{'good' if recipe.good else 'bad':<6}{'passed' if verdict.passed else 'blocked':<10}"
                f"{time.monotonic() - begun:>8.0f}  {rows}{'' if found else f'  [not found by: {recipe.blocked_by}]'}",
                flush=True,
            )
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="names of candidates; empty: all")
    parser.add_argument("--folder", type=Path, help="where to write reports")
    options = parser.parse_args()
    wrong = asyncio.run(run([name for name in options.only.split(",") if name], options.folder))
    print(f"{wrong} verdicts were wrong")


if __name__ == "__main__":
    main()
