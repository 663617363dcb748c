"""From people's reactions to a LoRA of their persona, through the real host, real jobs and the real gate.

What breaks without this: people who like the same gain nothing from each other, or strangers are answered by it too.
"""

from __future__ import annotations

import asyncio
from datetime import UTC
from pathlib import Path

import pytest

from llmagent_os.admin import jobs_command, versions_command
from llmagent_os.errors import ConfigError
from llmagent_os.events import now
from llmagent_os.identity import Identity, PersonId
from llmagent_os.training.lora_version import Level, LoraVersion
from tests.unit.training.conftest import CHECKOUT
from tests.unit.training.test_reaction_plan import BOT, FRESH, PLAYFUL, SAID, Host, hosting

GROUP = "tone=playful"
#: The host itself trains at another time of the day: the jobs are those that the test asks for.
LATER = f"{(now().astimezone(UTC).hour + 12) % 24:02}"
BOT_THAT_LEARNS = (
    BOT.replace('learner = "fixed"', 'learner = "bayes"')
    .replace('quiet_hours = ""', f'quiet_hours = "{LATER}:00-{LATER}:01"')
    .replace("[training.canary]", "group_opinions = 1000\ngroup_people = 5\n[training.canary]")
)
PLAYERS = tuple(f"player{number}" for number in range(6))
OTHERS = tuple(f"other{number}" for number in range(3))


@pytest.fixture(autouse=True)
def _a_bot_that_learns(warm_programs: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT))
    monkeypatch.setenv("LLMAGENT_OS_POLICY", "bayes")


def account(user: str) -> Identity:
    return Identity(f"memory::{user}")


async def talk(host: Host, user: str) -> None:
    """Have a person say something and react: players like what is playful, the others what is plain."""
    for text in SAID[:14]:
        sent, _ = await host.say(text, user, f"room of {user}")
        likes = (sent.reply.text in PLAYFUL) == (user in PLAYERS)
        await host.react(sent, "👍" if likes else "👎", user=user)


async def job(host: Host, level: Level, of: str = "") -> str:
    return await jobs_command.run(host.settings, host.bot, level, of, "", lambda job: None)


async def versions_of_group(host: Host) -> list[LoraVersion]:
    return [each for each in await host.versions() if (each.level, each.subject) == ("group", GROUP)]


async def answered_by(host: Host, user: str) -> str:
    _, kept = await host.say(FRESH[0], user, f"room of {user}")
    return kept.lora_version.partition("@")[0]


async def forget(host: Host, user: str) -> str:
    """Have a person be forgotten; gives what they are told."""
    sent, _ = await host.say("/forget", user, f"room of {user}")
    before = len(host.platform.posted)
    await host.platform.press(sent, sent.reply.buttons[0].value, user=user)
    return (await host.platform.sent(before + 1))[before].reply.text


async def taken_up(host: Host, version: LoraVersion | None) -> None:
    wanted = None if version is None else str(host.runtime.training.registry.folder_of(version))
    while host.runtime.training.resolver.resolve(PersonId(account(PLAYERS[-1]))) != wanted:  # noqa: ASYNC110
        await asyncio.sleep(0.01)


@pytest.mark.timeout(900)  # two jobs train on a small model, and other tests run beside them
async def test_a_persona_has_a_lora_that_answers_its_people_alone(chatty_model: Path, tmp_path: Path) -> None:
    async with hosting(tmp_path, chatty_model, BOT_THAT_LEARNS) as host:
        for user in OTHERS:
            await talk(host, user)
        for user in PLAYERS:
            await talk(host, user)
        worker, personas = host.runtime.policy_worker, host.runtime.training.personas
        assert worker is not None and personas is not None
        await worker.catch_up()
        await personas.look()
        assert await host.runtime.ledger.personas.members(host.bot.name, GROUP) == [
            PersonId(account(user)) for user in PLAYERS
        ]
        known, _ = await host.say("/profile", PLAYERS[0], f"room of {PLAYERS[0]}")
        assert "among the people who like tone: playful" in known.reply.text

        with pytest.raises(ConfigError, match=r"tone=playful \(6 people\)"):
            await job(host, Level.GROUP, "tone=rude")
        assert "active, all" in await job(host, Level.GROUP, GROUP)
        (version,) = await versions_of_group(host)
        shown = await versions_command.show(host.settings, version.name)
        assert "group: people who like tone: playful" in shown
        assert GROUP in await versions_command.listing(host.settings, None)
        assert f"group {GROUP}" in await jobs_command.listing(host.settings, None)

        await taken_up(host, version)
        assert [await answered_by(host, user) for user in (*PLAYERS, *OTHERS)] == [version.name] * 6 + ["base"] * 3

        assert "trained on you" in await forget(host, PLAYERS[0])
        assert await answered_by(host, PLAYERS[0]) == "base"
        assert await answered_by(host, PLAYERS[1]) == version.name
        assert (await host.runtime.training.registry.get(version.name)).withdrawn == 1
        assert "active, all" in await job(host, Level.GROUP, GROUP)
        old, new = await versions_of_group(host)
        await taken_up(host, new)
        contributors = {str(person) for person, _ in await host.runtime.training.registry.contributors(new)}
        assert account(PLAYERS[0]) not in contributors and account(PLAYERS[1]) in contributors
        assert (old.stage, host.runtime.training.registry.folder_of(old).exists()) == ("retired", False)

        await forget(host, PLAYERS[1])
        said = await job(host, Level.GROUP, GROUP)
        assert "4 people who like tone: playful have judged replies, and 5 are needed" in said
        await taken_up(host, None)
        assert [version.stage for version in await versions_of_group(host)] == ["retired", "retired"]
