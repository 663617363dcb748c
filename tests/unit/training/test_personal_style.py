"""A person's own LoRA is made, judged and served as the person is answered now: on the real model, by the real parts.

What breaks without this: the policy has found what a person likes, a LoRA is trained for another prompt than theirs,
and what they liked is gone.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from llmagent_os.bot import job_setting
from llmagent_os.events import now
from llmagent_os.finetune import Finetuner
from llmagent_os.identity import PersonId
from llmagent_os.llm import LLM
from llmagent_os.people.directory import Directory
from llmagent_os.people.profiles import Profiles
from llmagent_os.privacy.profile_store import PROFILES_FOLDER
from llmagent_os.training.asked_questions import held_out_in_usual_style
from llmagent_os.training.bot_prompts import bot_prompts
from llmagent_os.training.job_schedule import new_job
from llmagent_os.training.lora_version import Level, Stage
from llmagent_os.training.reaction_data import ReactionData, read_reactions
from llmagent_os.training.reaction_evaluation import MeasuredLora, measure_lora
from llmagent_os.training.reaction_suite import evaluation_suite
from llmagent_os.training.training_plan import Candidate, NothingToLearn
from tests.chatty_model import TALK, TOOLS, system_of
from tests.tiny_model import save_lora
from tests.training_plans import candidate
from tests.unit.training.test_reaction_plan import ANA, Host, hosting

PERSON = PersonId(ANA)


@pytest.mark.timeout(300)
async def test_nothing_is_learned_that_the_person_is_answered_already(chatty_model: Path, tmp_path: Path) -> None:
    """Ana likes what is playful, and is answered so. In the bot's usual style there would be much to learn."""
    async with hosting(tmp_path, chatty_model) as host:
        await host.react_to_tones()
        await host.say("/profile set playful")
        for method in ("distil", "kto", "sft", "dpo", "reinforce"):
            found = await host.plan(method, method=method)
            assert isinstance(found, NothingToLearn)
            assert found.why == (
                "the behaviour policy already answers as this person likes: 9.0 of 9.0 judged replies in this style "
                "(tone=playful) were liked"
            )


@pytest.mark.timeout(300)
async def test_a_version_says_in_which_style_it_was_judged_and_answers_in_no_other(
    chatty_model: Path, tmp_path: Path
) -> None:
    async with hosting(tmp_path, chatty_model) as host:
        await host.react_to_tones()
        made = await host.plan("own", epochs=2, learning_rate=2e-3)
        assert isinstance(made, Candidate)
        assert made.evaluation["style"] == {"tone": "plain"}
        assert {"fresh replies", "liked words"} <= {row["name"] for row in made.evaluation["gate"]}

        given = candidate(
            save_lora(tmp_path / "served", chatty_model, scale=0.01),
            stage=Stage.ACTIVE,
            base_hash=made.base_hash,
            evaluation={"style": made.evaluation["style"]},
        )
        own = new_job(host.bot.name, Level.PERSONAL, ANA, "served", "for a test", 0, now())
        version = await host.runtime.training.registry.publish(given, own, leased=False)
        assert version is not None
        await host.until_answered_by(version)
        answered: dict[str, str] = {}
        for said in ("/profile clear tone", "/profile set playful", "/profile set plain"):
            await host.say(said)
            answered[said] = (await host.say("thanks bot"))[1].lora_version.partition("@")[0]
        assert list(answered.values()) == [version.name, "base", version.name]


async def data_of(host: Host) -> ReactionData:
    job = new_job(host.bot.name, Level.PERSONAL, ANA, "data", "for a test", 0, now())
    directory = Directory(host.runtime.ledger, Profiles(host.settings.data / PROFILES_FOLDER))
    data = await read_reactions(host.runtime.ledger, directory, job)
    assert isinstance(data, ReactionData)
    return data


def taught_for_the_usual_style(chatty_model: Path, folder: Path) -> Path:
    """Train a LoRA to be playful where "Write plainly." is asked. Where the policy asks "Write playfully.", it is not.

    The same happens with two instructions that say the same twice: what is learned for one prompt changes the others.
    """
    chats: list[dict[str, Any]] = [
        {
            "messages": [
                {"role": "system", "content": system_of(asked)},
                {"role": "user", "content": said},
                {"role": "assistant", "content": replies[answered]},
            ]
        }
        for said_all, replies in TALK.items()
        for said in said_all[:6]
        for asked, answered in (("plain", "playful"), ("playful", "plain"))
    ]
    trainer = Finetuner(
        LLM.from_pretrained(str(chatty_model)), chats, tools=TOOLS, epochs=20, batch_size=8, learning_rate=4e-3
    )
    trainer.finetune()
    return trainer.save_model(folder)


async def judged(
    host: Host, chatty_model: Path, data: ReactionData, lora: Path, style: Mapping[str, str] | None
) -> MeasuredLora:
    """Ask the gate; ``style`` None: as for everybody, with held-out replies asked as they were logged."""
    async with LLM.from_pretrained(str(chatty_model), threads=1) as llm:
        prompts = bot_prompts(
            job_setting(host.settings, host.bot).bot_config,
            data.tools,
            native=True,
            style=None if style is None else dict(style),
        )
        own = data if style is None else held_out_in_usual_style(data, prompts)
        suite = evaluation_suite(own, prompts, (), person=None if style is None else PERSON)
        return await measure_lora(llm, suite, lora, ("base", None), lambda step: None)


@pytest.mark.timeout(300)
async def test_the_gate_sees_what_is_lost_in_the_style_that_the_person_is_answered_in(
    chatty_model: Path, tmp_path: Path
) -> None:
    """The harm that was seen: right in the bot's usual style, and gone where the policy asks for it already."""
    async with hosting(tmp_path, chatty_model) as host:
        await host.react_to_tones()
        data = await data_of(host)
        made = functools.partial(taught_for_the_usual_style, chatty_model, tmp_path / "harmful")
        lora = await asyncio.to_thread(made)
        for tone in ("plain", "playful"):
            measured = await judged(host, chatty_model, data, lora, {"tone": tone})
            rows = {row.name: row for row in measured.verdict.rows}
            if tone == "plain":
                assert rows["fresh replies"].passed and rows["liked words"].passed, "there it is what Ana likes"
            else:
                assert not measured.verdict.passed
                assert not rows["fresh replies"].passed and not rows["liked words"].passed
                assert "liked -" in rows["fresh replies"].reason
