"""The calendar bot learns from corrections. What breaks without this: people correct the same mistake every day."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest
from benchmarks.correcting_people import WAYS, Office, office
from benchmarks.corrections import Asked, held_out
from benchmarks.speech_habits import HABITS, Habit, sentences

from llmagent_os.bot import job_setting
from llmagent_os.bots.calendar.gate_probes import OTHER_TALK, REQUESTS
from llmagent_os.events import now
from llmagent_os.identity import PersonId
from llmagent_os.ledger.training_values import TrainingJob
from llmagent_os.llm import LLM
from llmagent_os.people.directory import Directory
from llmagent_os.people.profiles import Profiles
from llmagent_os.privacy.profile_store import PROFILES_FOLDER
from llmagent_os.serving.model_hash import model_hash
from llmagent_os.training.bot_prompts import bot_prompts
from llmagent_os.training.job_schedule import new_job
from llmagent_os.training.learned_cues import learned_cues
from llmagent_os.training.lora_version import Level, Stage
from llmagent_os.training.misread_by_rules import RULES_YIELD
from llmagent_os.training.reaction_data import ReactionData, read_reactions
from llmagent_os.training.reaction_lessons import CALL_LOSS, ReactionLessons, find_lessons
from llmagent_os.training.reaction_training import train_lora
from llmagent_os.training.training_plan import Candidate
from llmagent_os.training.training_settings import settings_of

ANA = "memory::ana"
SETTINGS = {"method": "distil", "stop_at_loss": CALL_LOSS, "threads": 1, "max_seconds": 240.0}
#: The model reads it wrong, and the plugin's rules mostly do not read it at all.
HABIT_NAMES = ("slashes",)


@pytest.mark.timeout(600)  # the shipped model is trained for a quarter of a minute, and other tests run beside it
@pytest.mark.parametrize("name", HABIT_NAMES)
async def test_a_habit_that_was_corrected_is_read_right_in_other_wordings(name: str, tmp_path: Path) -> None:
    """From what people do to what the shipped bot reads; the job's process and the gate have tests of their own."""
    habit = next(habit for habit in HABITS if habit.name == name)
    async with office(tmp_path) as site:
        for number, said in enumerate(sentences(habit, 12, random.Random(1), held_out=False)):
            await site.tell("ana", said, WAYS[number % len(WAYS)])
        assert site.corrected >= 8, "the shipped bot misreads the habit"
        job = new_job(site.bot.name, Level.PERSONAL, ANA, "test", "for a test", 0, now())
        await site.runtime.training.registry.publish(await candidate(site, job, tmp_path), job, leased=False)

        asked = held_out([habit])
        asked += [Asked("ordinary", text, tool=tool) for text, tool in REQUESTS[::6]]
        asked += [Asked("ordinary", text) for text in OTHER_TALK[::6]]
        before, after = await right(site, "ben", habit, asked), await right(site, "ana", habit, asked)
    # Of 12. From twelve sentences alone about half of the wordings that nobody said become right, or more.
    assert before[0] <= 2 and after[0] >= 5
    assert after[1] >= before[1] - 1


async def right(site: Office, user: str, habit: Habit, asked: list[Asked]) -> tuple[int, int]:
    """How many sentences with the habit, and how many others, the bot reads right for somebody."""
    calls = await site.ask(user, [each.text for each in asked])
    rows = [each.row for each, call in zip(asked, calls, strict=True) if each.is_right(call)]
    return rows.count(habit.name), rows.count("ordinary")


async def candidate(site: Office, job: TrainingJob, folder: Path) -> Candidate:
    """Train what Ana has corrected, as a job does it, but for the gate."""
    directory = Directory(site.runtime.ledger, Profiles(site.settings.data / PROFILES_FOLDER))
    data = await read_reactions(site.runtime.ledger, directory, job)
    assert isinstance(data, ReactionData)
    config = job_setting(site.settings, site.bot).bot_config
    async with LLM.from_pretrained("calendar") as llm:
        prompts = bot_prompts(config, data.tools, native=True)
        lessons = await find_lessons(
            llm, data, prompts, settings_of(SETTINGS), person=PersonId(ANA), lora="base", beliefs={}
        )
        location = llm.location
        assert isinstance(lessons, ReactionLessons) and lessons.has_calls and location is not None
        trained = await asyncio.to_thread(
            train_lora, lessons, (), location, SETTINGS, folder, None, lambda _: None, lambda: False
        )
        cues = await learned_cues(llm, (*data.learned, *data.splits.test), trained.folder)
    return Candidate(
        folder=trained.folder,
        base_model=location.name,
        base_hash=model_hash(location),
        data_hash="0",
        method="distil",
        contributors=data.contributors,
        stage=Stage.ACTIVE,
        evaluation={RULES_YIELD: cues},
    )
