"""Habits of speech that plugins' rules misread. Without this, what was learned of them is never used."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmagent_os.chat import ToolCall, ToolSpec
from llmagent_os.identity import PersonId
from llmagent_os.testing import ScriptedLLM
from llmagent_os.training.learned_cues import learned_cues
from llmagent_os.training.lora_version import Level, Stage
from llmagent_os.training.misread_by_rules import RULES_YIELD, cues_of, has_cue, misread_words
from llmagent_os.training.recorded_turn import turn_of
from llmagent_os.training.registry_resolver import RegistryResolver
from llmagent_os.training.training_example import TrainingExample
from tests.training_plans import BASE_HASH
from tests.unit.training.conftest import JobBench
from tests.unit.training.people import ANA, BEN
from tests.unit.training.test_lora_registry import publish


def add(**arguments: str) -> ToolCall:
    return ToolCall("add", arguments)


@pytest.mark.parametrize(
    ("said", "read", "right", "words"),
    [
        ("pop gym in fri 6", add(title="pop gym", date="fri"), add(title="gym", date="fri", time="6"), ("pop",)),
        ("+gym fri", add(title="+gym", date="fri"), add(title="gym", date="fri"), ("+",)),
        ("pop gym down for fri", add(title="pop gym", date="for fri"), add(title="gym", date="fri"), ("pop",)),
        ("busy 6 fri, gym", add(title="busy", date="fri"), add(title="gym", date="fri", time="6"), ("busy",)),
        ("yeet gym fri", add(title="yeet gym", date="fri"), ToolCall("delete", {"title": "gym"}), ("fri", "yeet")),
        ("any gym fri", add(title="gym", date="fri"), ToolCall("list", {"title": "gym", "date": "fri"}), ("any",)),
        ("gym on fri", add(title="fri", date="gym"), add(title="gym", date="fri"), ()),
    ],
)
def test_a_habit_is_known_by_the_words_that_are_no_argument(
    said: str, read: ToolCall, right: ToolCall, words: tuple[str, ...]
) -> None:
    assert misread_words(said, read, right) == words


def test_all_words_of_a_habit_have_to_be_there_and_none_of_them_is_kept() -> None:
    cues = cues_of([("rmnd", "2"), ("rmnd", "2"), ()])
    assert len(cues) == 1
    assert "rmnd" not in str(cues)
    known = [frozenset(cue) for cue in cues]
    assert has_cue("pls RMND me 2 call gran", known)
    assert not has_cue("rmnd me to call gran", known)
    assert not has_cue("add gym at 2", known)
    assert not has_cue("rmnd me 2 call gran", [])


async def test_rules_yield_only_where_the_version_reads_what_they_misread() -> None:
    spec = ToolSpec(name="add", description="", parameters={"properties": {}})

    def example(said: str, *misread: str) -> TrainingExample:
        messages = ({"role": "user", "content": said}, turn_of("", (add(title="gym"),)))
        return TrainingExample(messages=messages, tools=(spec,), origin=f"ledger:{said}#corrected", misread=misread)

    llm = ScriptedLLM(add(title="gym"), add(title="bung gym"), "Hm.")
    examples = [example("pop gym", "pop"), example("gym"), example("bung gym", "bung"), example("yeet gym", "yeet")]
    assert await learned_cues(llm, examples, Path("loras/one")) == cues_of([("pop",)])
    assert [request.lora for request in llm.requests] == ["loras/one"] * 3
    assert [len(request.messages) for request in llm.requests] == [1, 1, 1]


async def test_a_choice_has_the_words_of_its_level_and_of_those_above(jobs: JobBench) -> None:
    shared, own = cues_of([("pop",)]), cues_of([("yeet",)])
    await publish(jobs, 1, ANA, BEN, stage=Stage.ACTIVE, evaluation={RULES_YIELD: shared})
    mine = await publish(
        jobs, 2, ANA, level=Level.PERSONAL, subject=ANA, stage=Stage.ACTIVE, evaluation={RULES_YIELD: own}
    )
    resolver = RegistryResolver(jobs.registry, "calendar", BASE_HASH)
    assert set((await resolver.choose(PersonId(ANA))).cues) == {frozenset(cue) for cue in (*shared, *own)}
    assert (await resolver.choose(PersonId(BEN))).cues == (frozenset(shared[0]),)
    await jobs.registry.move(mine, Stage.ROLLED_BACK, "for a test")
    await resolver.refresh()
    assert (await resolver.choose(PersonId(ANA))).cues == (frozenset(shared[0]),)
