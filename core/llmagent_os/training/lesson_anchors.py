"""Writes the anchors of a training: what the version that it starts from says where the model must stay as it is.

These are unrelated prompts, the bot's ordinary work, requests for a tool that nobody minded, and questions that are
asked in another style.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from llmagent_os.llm import LLM
from llmagent_os.training.anchor_samples import answer_anchors, write_anchors
from llmagent_os.training.asked_questions import asked_for_tools
from llmagent_os.training.bot_prompts import BotPrompts
from llmagent_os.training.control_prompts import ANCHORS
from llmagent_os.training.reaction_data import ReactionData, asked_text
from llmagent_os.training.style_candidates import Question
from llmagent_os.training.token_sample import TokenSample

#: The most tokens of a reply in words.
MAX_TOKENS = 96
#: The most tokens of an anchor that may be a tool call.
CALL_TOKENS = 48


async def lesson_anchors(
    llm: LLM,
    data: ReactionData,
    prompts: BotPrompts,
    questions: Sequence[Question],
    *,
    lora: str,
    besides: frozenset[str],
) -> list[TokenSample]:
    """Let the version that training starts from answer.

    Args:
        llm: the model.
        data: what people thought of its replies. The model is not held where it is judged.
        prompts: how the bot's model is asked.
        questions: at which it is held too.
        lora: a PEFT folder, or ``base``.
        besides: prompts that versions are judged by, as :func:`~llmagent_os.training.reaction_data.asked_text`.

    Raises:
        ConfigError: the model is a server's.
        ModelError: the model cannot answer.
    """
    out = besides | {asked_text(each.messages) for each in data.splits.test}
    general, own = (_without(each, out) for each in (ANCHORS, prompts.anchors))
    asked = [each for each in (*asked_for_tools(data), *questions) if asked_text(each.messages) not in out]
    system, tools = prompts.system, prompts.tools
    return [
        *await write_anchors(llm, general, system=system, tools=tools, lora=lora),
        *await write_anchors(llm, own, system=system, tools=tools, lora=lora, max_tokens=CALL_TOKENS),
        *await answer_anchors(llm, asked, lora=lora, max_tokens=MAX_TOKENS),
    ]


def _without(said: Sequence[str], out: Collection[str]) -> list[str]:
    """What is said, without what stands in ``out`` as :func:`~llmagent_os.training.reaction_data.asked_text`."""
    return [each for each in said if asked_text([{"role": "user", "content": each}]) not in out]
