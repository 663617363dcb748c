"""What breaks without this: ``llmagent-os policy`` judges by decisions that were never possible, or stops at damage."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from llmagent_os.admin.policy_command import evaluate, replay
from llmagent_os.bot import Bot
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError, PolicyError
from llmagent_os.events import Conversation, Message, Sender
from llmagent_os.identity import Identity
from llmagent_os.ledger import Interaction, Ledger, RewardEvent
from llmagent_os.policy.actions import ActionSpace
from llmagent_os.policy.off_policy import posterior_sampler

SPACE = ActionSpace()
BRIEF = np.array([action["verbosity"] == "brief" for action in SPACE.actions])
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer rounds than in use: the worlds here are plain."""
    for name, value in (("CHAIN_COUNT", 1), ("BURN_IN_ROUNDS", 60), ("SAMPLING_ROUNDS", 120), ("THINNING", 4)):
        monkeypatch.setattr(posterior_sampler, name, value)


OWN = """
name = "parrot"
model = "calendar"
[behavior.dimensions]
tone = { formal = "Write formally.", playful = "Write playfully." }
verbosity = true
"""


async def test_decisions_of_other_dimensions_are_left_out_of_the_evaluation(tmp_path: Path) -> None:
    settings = Settings.load(env_file=None, data=tmp_path, policy="bayes")
    (tmp_path / "bot.toml").write_text(OWN)
    bot = Bot.load(tmp_path)
    own = ActionSpace(bot.config.behavior.dimensions)
    ledger = await Ledger.open(settings.ledger_url, synchronous="NORMAL")
    for number in range(40):
        space = own if number % 4 else SPACE
        who = f"u{number % 3}"
        room = Conversation(platform="web", channel=who)
        event = Message(event_id=str(number), conversation=room, sender=Sender(who), text="hi", message_id=str(number))
        interaction = Interaction(
            interaction_id=f"web:{number}",
            event_id=str(number),
            user_id=Identity(f"web::{who}"),
            conversation_key=room.key,
            context={"features": {"intent": "ask"}},
            action=space.actions[number % len(space)],
            action_dist=dict.fromkeys(space.labels, 1 / len(space)),
            pscore=1 / len(space),
            policy_version="x",
        )
        await ledger.accept(event, max_pending=1000)
        await ledger.prepare(event, None, interaction)
    await ledger.close()
    found = await evaluate(settings, bot, [])
    assert "10 other replies are left out" in found
    assert all(label in found for label in own.labels) and "mode=" not in found
    with pytest.raises(ConfigError, match="no candidate 'initiative=act,mode="):
        await evaluate(settings, bot, [SPACE.labels[0]])
    assert "learned again" in await replay(settings, bot)


async def test_the_report_reads_a_ledger_and_passes_over_garbage(tmp_path: Path) -> None:
    settings = Settings.load(env_file=None, data=tmp_path, policy="bayes")
    bot = Bot.load("calendar")
    with pytest.raises(PolicyError, match="there is no ledger"):
        await evaluate(settings, bot, [])
    with pytest.raises(ConfigError, match="no candidate 'magic'"):
        await evaluate(settings, bot, ["magic"])
    rng = np.random.default_rng(0)
    ledger = await Ledger.open(settings.ledger_url, synchronous="NORMAL")
    dist = dict.fromkeys(SPACE.labels, 1 / 12)
    for number in range(400):
        who = f"u{number % 8}"
        room = Conversation(platform="web", channel=who)
        event = Message(event_id=str(number), conversation=room, sender=Sender(who), text="hi", message_id=str(number))
        at = int(rng.integers(12))
        good = rng.random() < (0.9 if BRIEF[at] else 0.3)
        interaction = Interaction(
            interaction_id=f"web:{number}",
            event_id=str(number),
            user_id=Identity(f"web::{who}"),
            conversation_key=room.key,
            context={"features": {"intent": "ask"}} if number % 50 else {"features": {"intent": ["bad"]}},
            action=SPACE.actions[at],
            action_dist=dist,
            pscore=1 / 12,
            policy_version="x",
            created_at=START + timedelta(minutes=number),
        )
        reward = RewardEvent(
            reward_id=f"r{number}",
            event_id=f"r{number}",
            interaction_id=f"web:{number}",
            rater_id=Identity(f"web::{who}"),
            user_id=Identity(f"web::{who}"),
            op="add",
            raw_value="👍",
            reward=1.0 if good else -1.0,
            mapping_version="1",
            at=START + timedelta(minutes=number, seconds=30),
        )
        await ledger.accept(event, max_pending=1000)
        await ledger.prepare(event, None, interaction, rewards=(reward,))
    await ledger.close()
    brief = SPACE.labels[int(np.flatnonzero(BRIEF)[0])]
    text = await evaluate(settings, bot, ["uniform", "reinforce", brief])
    assert "8 other replies are left out" in text
    assert "157 decisions of 8 people, 157 with an opinion" in text, "nobody floods"
    assert "trained on the 240 rewards" in text
    assert "reinforce" in text and brief in text
    found = json.loads(await evaluate(settings, bot, ["uniform"], as_json=True))
    assert (found["decisions"], found["skipped"], found["trained_rewards"]) == (157, 8, 240)
    assert found["candidates"]["uniform"]["verdict"]
    assert 0 <= found["candidates"]["uniform"]["better"] <= 1
