"""The calendar bot learns from corrections. What breaks without this: people correct the same mistake every day."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest
from benchmarks.correcting_people import WAYS, office
from benchmarks.corrections import Asked, answers, held_out
from benchmarks.speech_habits import HABITS, sentences

from llmagent_os.bot import job_setting
from llmagent_os.bots.calendar.gate_probes import OTHER_TALK, REQUESTS
from llmagent_os.events import now
from llmagent_os.identity import PersonId
from llmagent_os.llm import LLM
from llmagent_os.people.directory import Directory
from llmagent_os.people.profiles import Profiles
from llmagent_os.privacy.profile_store import PROFILES_FOLDER
from llmagent_os.training.bot_prompts import bot_prompts
from llmagent_os.training.job_schedule import new_job
from llmagent_os.training.lora_version import Level
from llmagent_os.training.reaction_data import ReactionData, read_reactions
from llmagent_os.training.reaction_lessons import CALL_LOSS, ReactionLessons, find_lessons
from llmagent_os.training.reaction_training import train_lora
from llmagent_os.training.training_settings import settings_of

ANA = "memory::ana"
HABIT = next(habit for habit in HABITS if habit.name == "slashes")
SETTINGS = {"method": "distil", "stop_at_loss": CALL_LOSS, "threads": 1, "max_seconds": 240.0}


@pytest.mark.timeout(600)  # the shipped model is trained for a quarter of a minute, and other tests run beside it
async def test_a_habit_that_was_corrected_is_read_right_in_other_wordings(tmp_path: Path) -> None:
    """From what people do to weights, through the real host; the job's process and the gate have tests of their own."""
    async with office(tmp_path) as site:
        for number, said in enumerate(sentences(HABIT, 10, random.Random(1), held_out=False)):
            await site.tell("ana", said, WAYS[number % len(WAYS)])
        assert site.corrected >= 7, "the shipped model misreads the habit"
        ledger = site.runtime.ledger
        directory = Directory(ledger, Profiles(site.settings.data / PROFILES_FOLDER))
        job = new_job(site.bot.name, Level.PERSONAL, ANA, "test", "for a test", 0, now())
        data = await read_reactions(ledger, directory, job)
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
        train_lora, lessons, (), location, SETTINGS, tmp_path, None, lambda _: None, lambda: False
    )

    asked = held_out([HABIT])
    asked += [Asked("ordinary", text, tool=tool) for text, tool in REQUESTS[::3]]
    asked += [Asked("ordinary", text) for text in OTHER_TALK[::3]]
    before, after = await answers(asked, None), await answers(asked, trained.folder)
    right = {
        name: sum(each.is_right(answer) for each, answer in zip(asked, given, strict=True) if each.row == row)
        for name, given, row in (
            ("before", before, HABIT.name),
            ("after", after, HABIT.name),
            ("ordinary", after, "ordinary"),
        )
    }
    assert right["before"] <= 3 and right["after"] >= 7
    assert right["ordinary"] >= sum(each.row == "ordinary" for each in asked) - 1
