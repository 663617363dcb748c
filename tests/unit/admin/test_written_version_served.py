"""A LoRA that somebody trains by hand: through the gate, into a running host, and back again."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest

from llmagent_os.admin import versions_command
from llmagent_os.admin.finetune_command import ANCHORS_FILE, FinetuneOrder, finetune
from llmagent_os.admin.written_version import add
from llmagent_os.training.lora_version import Stage
from tests.chatty_model import TALK
from tests.unit.training.conftest import CHECKOUT
from tests.unit.training.test_reaction_plan import BOT, hosting

THINGS = (
    "lunch dinner rent yoga piano garage school bakery museum office garden train coffee paper ticket music".split()
)
ANSWER = "Any time, my friend!"


@pytest.mark.timeout(600)
async def test_what_is_trained_by_hand_passes_the_gate_answers_people_and_goes_again(
    chatty_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without anchors the model forgets the rest of its work, and the gate lets nothing pass that a person has made."""
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT))
    lines = [
        {"input": f"{thanks} for the {thing}", "output": ANSWER}
        for thing in THINGS[:-1]
        for thanks in ("thanks", "thank you", "many thanks")
    ]
    data, test = tmp_path / "examples.json", tmp_path / "others.json"
    data.write_text(json.dumps(lines))
    test.write_text(json.dumps([{"input": f"oh thanks for the {thing}", "output": ANSWER} for thing in THINGS[::2]]))
    bot_file = BOT.replace("tests.chatty_model", "tests.anchored_probes")
    async with hosting(tmp_path, chatty_model, bot_file) as host:
        said = (await host.say("thanks for the music"))[0].reply.text
        assert said != ANSWER
        told: list[str] = []
        order = FinetuneOrder(data=data, folder=tmp_path / "lora", values=("learning_rate=1e-3",))
        await asyncio.to_thread(finetune, host.settings, host.bot, order, told.append)
        assert not (tmp_path / "lora" / ANCHORS_FILE).exists()
        made = await add(host.settings, host.bot, tmp_path / "lora", str(test), told.append)
        assert re.search(": (canary|active)", made), made
        (version,) = await host.versions()
        if version.stage == Stage.CANARY:
            await versions_command.promote(host.settings, version.name, "it is good", str(tmp_path / "bot"))
        await host.until_answered_by(version)
        sent, kept = await host.say("thanks for the music")
        assert sent.reply.text == ANSWER
        assert kept.lora_version.startswith(version.name)
        assert {(await host.say(text))[0].reply.text for text in ("hello", "sing a song")} <= {
            reply["plain"] for reply in TALK.values()
        }, "the rest is as it was"
        await versions_command.roll_back(host.settings, version.name, "to see", str(tmp_path / "bot"))
        await host.until_answered_by(None)
        assert (await host.say("thanks for the music"))[0].reply.text == said
